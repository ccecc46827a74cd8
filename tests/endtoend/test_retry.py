"""A run pauses for hours before the next try of a step; a person wants it at once."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from deployed_app import KEY, SPEED, count_captured, deployed
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.plan.step_base import Retry
from orchestrator.core.plan.steps import MoveJobs, ScaleCluster, Workflow
from orchestrator.local.engine import LocalEngine
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure

HOURS = Retry(pause=timedelta(hours=6), longest=timedelta(hours=6))
STEPS = Workflow(failover=(ScaleCluster(name="warm-up", cluster="cpu-cluster", min_nodes=1, retry=HOURS), MoveJobs()))


def test_a_step_is_retried_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run goes on as soon as the try succeeds. What pauses nowhere is refused, and the audit log says who asked."""
    with LocalAzure(seed=9, speed=SPEED, canaries=False) as azure, LocalEngine() as engine:
        file = tmp_path / "demo.yaml"
        plan = msgspec.structs.replace(plan_of(azure, "demo", **scale_policy(SPEED)), steps=STEPS)
        file.write_text(yaml_of(plan), encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, file) as app:

            def retry(run: str) -> tuple[int, str]:
                at = ["--url", app.url, "--key", KEY, "--reason", "the cluster answers again", "--by", "ana"]
                status = status_of(["retry", run, *at])
                return status, "".join(capsys.readouterr())

            def waits_for() -> str | None:
                found = app.get(f"runs/{run}").json()
                return (found["waits_for"] or {}).get("why") and found["waits_for"]["step"]

            until(lambda: app.view().get("phase") == "steady", "the first look")
            submit_workload(azure, plan.primary, 4, seed=9)
            until(lambda: count_captured(azure, plan) == 4, "jobs")
            azure.faults.set(plan.secondary.region, "control", "5xx", status=503, path="/computes/")
            azure.region_down(plan.primary.region)
            run = until(lambda: app.view().get("run"), "the run")
            until(lambda: waits_for() == "warm-up", "the pause")
            azure.faults.clear(plan.secondary.region, "control")
            assert retry("failover-demo-e7")[0] == 1
            status, said = retry(run)
            assert (status, said.strip()) == (0, "tried at once: warm-up")
            until(lambda: app.get(f"runs/{run}").json()["status"] == "completed", "the end of the run")
            status, said = retry(run)
            assert (status, "has ended" in said) == (1, True)
            noted = until(
                lambda: [
                    entry
                    for log in app.get("audit?pair=demo").json()["pairs"]
                    for entry in log["entries"]
                    if (entry.get("details") or {}).get("do") == "retry"
                ],
                "the entry of the audit log",
            )
            counts = audit_jobs(azure, plan).counts()
    assert [(entry["who"], entry["details"]["run"], entry["details"]["reason"]) for entry in noted] == [
        ("ana", run, "the cluster answers again")
    ]
    assert (counts["lost"], counts["duplicated"], counts["waiting"]) == (0, 0, 0), json.dumps(counts)
