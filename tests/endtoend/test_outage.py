"""A regional outage from the fault to the last job, on the real app, engine and clients."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from deployed_app import count_captured
from durabletask.client import TaskHubGrpcClient
from waiting import until

from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import Local
from orchestrator.local.workload import submit_workload

FOLLOWER = Path(__file__).parents[1] / "support" / "follower.py"


def _view(local: Local) -> dict[str, Any]:
    found = requests.get(f"{local.host.url}/api/pairs/demo", headers={"x-functions-key": local.key}, timeout=120)
    return dict(found.json())


@contextmanager
def _following(local: Local, way: str) -> Iterator[list[dict[str, Any]]]:
    """What an application in another process sees, line by line, until the block ends."""
    command = [sys.executable, str(FOLLOWER), local.plan.pointer.replicas[-1], "hubswitch:demo:", way]
    seen: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            seen.append(json.loads(process.stdout.readline()))
            yield seen
            for line in process.stdout:
                seen.append(json.loads(line))
                if seen[-1]["epoch"] == 1:
                    break
        finally:
            process.kill()


def test_applications_that_use_only_the_provider_follow_the_switch(sessions: Any) -> None:
    """Without a restart, over a lagging replica, and never with keys of two epochs, whichever way they refresh."""
    with sessions(replica_lag=0.3) as local:
        until(lambda: _view(local).get("phase") == "steady", "the first look")
        with _following(local, "sentinel") as by_sentinel, _following(local, "pages") as by_pages:
            local.azure.region_down(local.plan.primary.region)
    for seen in (by_sentinel, by_pages):
        assert [line["epoch"] for line in seen] == [0, 1]
        assert seen[-1]["hub"] == local.plan.secondary.hub
        assert not any(line["mixed"] for line in seen)


def test_a_run_that_the_engine_has_lost_is_begun_again_from_the_record(sessions: Any) -> None:
    """S5, S6: the engine's history is disposable. Terminated in the middle of phase B, every job still arrives."""
    with sessions() as local:
        submit_workload(local.azure, local.plan.primary, 6, seed=5)
        until(lambda: count_captured(local.azure, local.plan) == 6, "every job in the ledger")
        local.azure.faults.set(local.plan.secondary.region, "control", "5xx", status=503, method="PUT")
        local.azure.region_down(local.plan.primary.region)
        until(lambda: _view(local).get("phase") == "resubmitting", "phase B, which waits")
        client = TaskHubGrpcClient(host_address=local.engine.address)
        run = "failover-demo-e1"
        client.terminate_orchestration(run)
        until(lambda: _status(client, run) == "TERMINATED", "the run's end")
        local.azure.faults.clear(local.plan.secondary.region, "control")
        try:
            until(lambda: _view(local).get("phase") in {"settled", "steady"}, "the run, begun again")
        except AssertionError as fault:
            raise AssertionError(f"{fault}; {local.engine.told()}; {_view(local).get('why')}") from fault
        counts = audit_jobs(local.azure, local.plan).counts()
        client.close()
    assert (counts["lost"], counts["duplicated"], counts["waiting"]) == (0, 0, 0)
    assert counts["resubmitted"] + counts["skipped"] == 6


def _status(client: TaskHubGrpcClient, run: str) -> str:
    found = client.get_orchestration_state(run)
    return found.runtime_status.name if found else ""
