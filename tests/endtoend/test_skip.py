"""A run stands still at a step that fails; a person skips it, and the jobs after it are moved."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from deployed_app import KEY, SPEED, count_captured, deployed
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.plan.steps import AwaitStandby, MoveJobs, WaitForUrl, Workflow
from orchestrator.local.engine import LocalEngine
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure

STEPS = Workflow(failover=(WaitForUrl(name="front-door", url="https://127.0.0.1:1/"), AwaitStandby(), MoveJobs()))


def test_a_step_is_skipped_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be skipped is refused with what could be; the run's report says who skipped what."""
    with LocalAzure(seed=9, speed=SPEED, canaries=False) as azure, LocalEngine() as engine:
        file = tmp_path / "demo.yaml"
        plan = msgspec.structs.replace(plan_of(azure, "demo", **scale_policy(SPEED)), steps=STEPS)
        file.write_text(yaml_of(plan), encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, file) as app:

            def skip(run: str, step: str) -> tuple[int, str]:
                at = ["--url", app.url, "--key", KEY, "--reason", "not needed tonight", "--by", "ana"]
                status = status_of(["skip", run, step, *at])
                return status, "".join(capsys.readouterr())

            until(lambda: app.view().get("phase") == "steady", "the first look")
            submit_workload(azure, plan.primary, 4, seed=9)
            until(lambda: count_captured(azure, plan) == 4, "jobs")
            azure.region_down(plan.primary.region)
            run = until(lambda: app.view().get("run"), "the run")
            until(
                lambda: (app.get(f"runs/{run}").json()["waits_for"] or {}).get("step") == "front-door",
                "the run to stand still",
            )
            until(lambda: app.view()["epoch"] == 1, "the switch: the pointer has moved already")
            status, said = skip(run, "front-dor")
            assert (status, "front-door, await_standby, move_jobs" in said) == (2, True)
            status, said = skip(run, "move_jobs")
            assert (status, "hubswitch jobs skip" in said) == (1, True)
            assert skip("failover-demo-e7", "front-door")[0] == 1
            status, said = skip(run, "front-door")
            assert (status, "is left as soon as it fails" in said) == (0, True)
            until(lambda: app.get(f"runs/{run}").json()["status"] == "completed", "the end of the run")
            output = app.get(f"runs/{run}").json()["output"]
            status, said = skip(run, "front-door")
            assert (status, "has ended" in said) == (1, True)
            counts = audit_jobs(azure, plan).counts()
    assert {step["name"]: step["outcome"] for step in output["steps"]} == {
        "front-door": "skipped",
        "await_standby": "done",
        "move_jobs": "done",
    }
    assert output["steps"][0]["why"] == "ana skipped it: not needed tonight"
    assert (counts["lost"], counts["duplicated"], counts["waiting"]) == (0, 0, 0), json.dumps(counts)
