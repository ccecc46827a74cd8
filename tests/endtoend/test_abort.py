"""A person aborts a run before it has switched, and a drill before its job has ended."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from deployed_app import KEY, SPEED, App, count_captured, deployed
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure

SLOW = 0.01
"""Speed of a policy whose runs pause for minutes after the first try of a step."""


def abort(app: App, run: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = status_of(["abort", run, "--url", app.url, "--key", KEY, "--reason", "the wrong pair", "--by", "ana"])
    return status, "".join(capsys.readouterr())


def orders_noted(app: App) -> list[tuple[str, str, str]]:
    """Who wanted which run aborted, as the audit log has it."""
    entries = [entry for log in app.get("audit?pair=demo").json()["pairs"] for entry in log["entries"]]
    found = [entry for entry in entries if (entry["details"] or {}).get("do") == "abort"]
    return [(entry["who"], entry["details"]["run"], entry["details"]["reason"]) for entry in found]


def test_a_run_that_cannot_claim_its_epoch_is_aborted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pair is in its phase again under its epoch, the pointer is where it was, and no job was touched."""
    with LocalAzure(seed=9, speed=SPEED, canaries=False) as azure, LocalEngine() as engine:
        file = tmp_path / "demo.yaml"
        plan = plan_of(azure, "demo", **scale_policy(SLOW))
        file.write_text(yaml_of(plan), encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, file) as app:
            until(lambda: app.view().get("phase") == "steady", "the first look")
            submit_workload(azure, plan.primary, 3, seed=9)
            until(lambda: count_captured(azure, plan) == 3, "jobs")
            jobs = {job.name for job in azure.truth.jobs()}
            azure.faults.set(None, "ledger", "5xx", status=503, method="PUT", path="epoch.json")
            app.switch("failover", graceful=True)
            run = until(lambda: app.view().get("run"), "the run")
            until(lambda: (app.get(f"runs/{run}").json()["waits_for"] or {}).get("step") == "claim_epoch", "its pause")
            status, said = abort(app, run, capsys)
            assert (status, "ask again" in said) == (2, True)
            azure.faults.clear(None, "ledger")
            status, said = abort(app, run, capsys)
            assert (status, "the pair is where it was" in said) == (0, True)
            found = until(lambda: app.get(f"runs/{run}").json().get("output"), "the end of the run")
            assert (found["outcome"], "aborted by ana" in found["why"]) == ("aborted", True)
            view = until(lambda: view if (view := app.view())["phase"] == "steady" else None, "the phase before")
            assert (view["run"], view["epoch"], view["active"]) == (None, 0, "primary")
            until(lambda: ("ana", run, "the wrong pair") in orders_noted(app), "the audit log")
            evidence = until(lambda: app.get(f"runs/{run}/evidence").json().get("outcome"), "the evidence")
            assert evidence == "aborted"
            status, said = abort(app, run, capsys)
            assert (status, "has ended" in said) == (1, True)
            app.switch("failover", graceful=True)
            again = until(lambda: app.view().get("last_run") != run and app.view()["last_run"], "the next run")
            until(lambda: app.view()["epoch"] == 1, "its switch")
            status, said = abort(app, again, capsys)
            assert (status, "has claimed epoch 1" in said or "has ended" in said) == (1, True)
    assert again == f"{run}-again1"
    assert {job.name for job in azure.truth.jobs() if job.region == plan.primary.region} == jobs


def test_a_canary_drill_is_aborted_and_its_job_cancelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its outcome is `aborted`, and it counts for nothing."""
    with LocalAzure(seed=9, speed=0.05, canaries=False) as azure, LocalEngine() as engine:
        file = tmp_path / "demo.yaml"
        plan = plan_of(azure, "demo", **scale_policy(SPEED))
        file.write_text(yaml_of(plan), encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, file) as app:
            until(lambda: app.view().get("phase") == "steady", "the first look")
            drill = {"reason": "practice", "kind": "canary", "force": True}
            headers = {"x-functions-key": KEY}
            run = requests.post(f"{app.url}/api/pairs/demo/drill", json=drill, headers=headers, timeout=60).json()[
                "run"
            ]
            canaries = lambda: [job for job in azure.truth.jobs() if "hubswitch.drill" in job.tags]  # noqa: E731
            until(canaries, "the canary")
            status, said = abort(app, run, capsys)
            assert (status, "is cancelled" in said) == (0, True)
            found = until(lambda: app.get(f"runs/{run}").json().get("output"), "the end of the drill")
            assert (found["ok"], found["aborted"]) == (False, "ana aborted it: the wrong pair")
            (canary,) = until(lambda: [job for job in canaries() if job.status == "Canceled"], "the canary's end")
            evidence = until(lambda: app.get(f"runs/{run}/evidence").json().get("outcome"), "the evidence")
            assert evidence == "aborted"
            until(lambda: ("ana", run, "the wrong pair") in orders_noted(app), "the audit log")
    assert canary.region == plan.secondary.region
