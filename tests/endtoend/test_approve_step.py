"""A run waits at a step for a person; the command line shows it and answers, and the run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from deployed_app import KEY, SPEED, count_captured, deployed
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.plan.steps import AwaitStandby, MoveJobs, Workflow
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.local.engine import LocalEngine
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure

STEPS = Workflow(
    failover=(
        AwaitApproval(name="network", question="has the network team agreed?"),
        AwaitStandby(),
        AwaitApproval(name="jobs"),
        MoveJobs(),
    )
)


def test_a_run_waits_for_two_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One is a yes and one a no; after either the run goes on, and no job is lost."""
    with LocalAzure(seed=9, speed=SPEED, canaries=False) as azure, LocalEngine() as engine:
        file = tmp_path / "demo.yaml"
        plan = msgspec.structs.replace(plan_of(azure, "demo", **scale_policy(SPEED)), steps=STEPS)
        file.write_text(yaml_of(plan), encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, file) as app:

            def order(do: str, proposal: str) -> tuple[int, str]:
                at = ["--url", app.url, "--key", KEY, "--reason", "they have said so", "--by", "ana"]
                status = status_of([do, "demo", "--proposal", proposal, *at])
                return status, "".join(capsys.readouterr())

            def line() -> dict[str, Any]:
                (found,) = app.get("status").json()["pairs"]
                return dict(found)

            until(lambda: app.view().get("phase") == "steady", "the first look")
            assert line()["proposal"] is None
            submit_workload(azure, plan.primary, 4, seed=9)
            until(lambda: count_captured(azure, plan) == 4, "jobs")
            azure.region_down(plan.primary.region)
            run = until(lambda: app.view().get("run"), "the run")
            until(lambda: line()["proposal"] == f"{run}/network", "the proposal")
            asks = "WAITS FOR APPROVAL of its step network; "
            until(lambda: line()["needs_a_person"] and line()["headline"].startswith(asks), "the headline")
            assert app.view()["proposal"] == f"{run}/network"
            page = app.get("status", accept="text/html").text
            assert f'data-do="approve" data-pair="demo" data-proposal="{run}/network"' in page

            status, said = order("approve", f"{run}/nothing")
            assert (status, f"{run}/network or {run}/jobs" in said) == (2, True)
            status, said = order("approve", "failover-demo-e7/network")
            assert (status, "no switch of demo that is under way" in said) == (1, True)
            status, said = order("approve", f"{run}/network")
            assert (status, "network is approved" in said) == (0, True)
            status, said = order("reject", f"{run}/network")
            assert (status, "ana has approved it" in said) == (1, True)
            until(lambda: line()["proposal"] == f"{run}/jobs", "the second proposal")
            assert order("reject", f"{run}/jobs")[0] == 0
            until(lambda: app.get(f"runs/{run}").json()["status"] == "completed", "the end of the run")
            output = app.get(f"runs/{run}").json()["output"]
            counts = audit_jobs(azure, plan).counts()
    outcomes = [(step["name"], step["outcome"], step["why"]) for step in output["steps"]]
    assert outcomes == [
        ("network", "done", ""),
        ("await_standby", "done", outcomes[1][2]),
        ("jobs", "skipped", "ana rejected it: they have said so"),
        ("move_jobs", "done", ""),
    ]
    assert (counts["lost"], counts["duplicated"], counts["waiting"]) == (0, 0, 0), json.dumps(counts)
