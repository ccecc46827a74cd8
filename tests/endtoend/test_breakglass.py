"""The app is away with the region: a person points the pair from a laptop, and the app takes that as the truth."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from deployed_app import KEY, SPEED, App, count_captured, deployed
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.plan.steps import MoveJobs, WaitForUrl, Workflow
from orchestrator.local.engine import LocalEngine
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, plan_yaml, yaml_of
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure

JOBS = 100
WAYS = ("by the laptop", "by the app, which is back before Resource Manager")


def insist(order: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Give a command until it has done everything: on a busy machine a store may not answer in time, and it says so."""
    said: list[str] = []

    def is_done() -> bool:
        status = status_of(order)
        said.append("".join(capsys.readouterr()))
        return status == 0

    try:
        until(is_done, "the end of the command", longest=10, pause=1)
    except AssertionError as fault:
        raise AssertionError(f"{fault}; it said: {said[-1]}") from fault


@pytest.mark.parametrize("way", WAYS)
def test_a_pair_that_was_pointed_by_hand_is_taken_over_by_the_app(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    """Each job has one outcome, whoever moved it; the app shows the switch, and ends the run that a person began."""
    with LocalAzure(seed=7, speed=SPEED, canaries=False) as azure, variables(azure.environment()):
        file = tmp_path / "demo.yaml"
        file.write_text(plan_yaml(azure, "demo", **scale_policy(SPEED)), encoding="utf-8")
        plan = plan_of(azure, "demo", **scale_policy(SPEED))
        with LocalEngine() as engine, deployed(azure, engine, file) as app:
            until(lambda: app.view().get("phase") == "steady", "the first look")
            submit_workload(azure, plan.primary, JOBS, seed=7)
            until(lambda: count_captured(azure, plan) == JOBS, "every job in the ledger")
        azure.region_down(plan.primary.region)
        if way != WAYS[0]:
            azure.faults.set(None, "control", "5xx", status=503)
        order = ["breakglass", str(file), "--to", "secondary", "--by", "ana", "--reason", "all is dark", "--yes"]
        if way == WAYS[0]:
            insist(order, capsys)
        else:
            assert status_of([*order, "--patience", "0s"]) == 1, capsys.readouterr()
        azure.faults.clear(None, "control")
        azure.region_down(plan.primary.region)
        with LocalEngine() as engine, deployed(azure, engine, file) as app:  # its engine has lost everything
            view = until(lambda: (v := app.view()).get("epoch") == 1 and v, "the switch, taken over")
            assert view["active"] == "secondary"
            runs = until(
                lambda: (r := app.get("runs").json()["runs"]) and r[0]["outcome"] != "running" and r, "the run's end"
            )
            counts = audit_jobs(azure, plan).counts()
    assert (runs[0]["id"], runs[0]["outcome"]) == ("failover-demo-e1-by-hand", "completed")
    assert "ana switched by hand" in runs[0]["why"]
    assert (counts["lost"], counts["duplicated"], counts["waiting"]) == (0, 0, 0)
    assert counts["resubmitted"] + counts["skipped"] == JOBS


STUCK = WaitForUrl(name="front-door", url="https://127.0.0.1:1/")
STEPS = Workflow(failover=(MoveJobs(), STUCK), failback=(MoveJobs(),))


def switches(app: App) -> set[int]:
    """Epochs of the switches that the audit log tells of."""
    return {entry["details"]["epoch"] for entry in app.audited() if entry["kind"] == "switch"}


def test_what_was_begun_by_hand_is_seen_to_its_end_and_home_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps of the revived run can be skipped; evidence and audit log tell of both ways; the jobs come home."""
    with LocalAzure(seed=7, speed=SPEED, canaries=False) as azure, variables(azure.environment()):
        file = tmp_path / "demo.yaml"
        plan = msgspec.structs.replace(plan_of(azure, "demo", **scale_policy(SPEED)), steps=STEPS)
        file.write_text(yaml_of(plan), encoding="utf-8")
        with LocalEngine() as engine, deployed(azure, engine, file) as app:
            until(lambda: app.view().get("phase") == "steady", "the first look")
            submit_workload(azure, plan.primary, JOBS, seed=7)
            until(lambda: count_captured(azure, plan) == JOBS, "every job in the ledger")
        azure.region_down(plan.primary.region)
        order = ["breakglass", str(file), "--by", "ana", "--yes", "--patience", "0s"]
        assert status_of([*order, "--to", "secondary", "--reason", "all is dark"]) in {0, 1}
        there = "failover-demo-e1-by-hand"
        with LocalEngine() as engine, deployed(azure, engine, file) as app:
            until(
                lambda: (app.get(f"runs/{there}").json().get("waits_for") or {}).get("step") == "front-door",
                "the run to stand still",
            )
            view = until(lambda: (v := app.view()).get("epoch") == 1 and v, "the switch, taken over")
            assert view["run"] is None
            at = ["--url", app.url, "--key", KEY, "--reason", "gone", "--by", "ben"]
            assert status_of(["skip", there, "front-door", *at]) == 0
            until(lambda: app.get(f"runs/{there}").json()["status"] == "completed", "its end")
            evidence = app.get(f"runs/{there}/evidence").json()
            steps = {step["name"]: step["outcome"] for step in evidence["steps"]}
            until(lambda: 1 in switches(app), "the audit log, which the engine of this app is to write")
        assert (evidence["outcome"], steps["front-door"]) == ("succeeded", "skipped")
        assert evidence["jobs"]["lost"] == 0
        azure.region_up(plan.primary.region)
        insist([*order, "--to", "primary", "--reason", "it is back"], capsys)
        home = "failback-demo-e2-by-hand"
        with LocalEngine() as engine, deployed(azure, engine, file) as app:
            until(lambda: app.get(f"runs/{home}").json().get("status") == "completed", "the end of the way home")
            evidence = app.get(f"runs/{home}/evidence").json()
            until(lambda: 2 in switches(app), "the audit log")
            entries = app.audited()
            counts = audit_jobs(azure, plan).counts()
    assert (evidence["kind"], evidence["outcome"], evidence["jobs"]["lost"]) == ("failback", "succeeded", 0)
    assert (counts["lost"], counts["duplicated"]) == (0, 0)
    account = evidence["jobs"]
    staying = sum(job["outcome"] == "staying" for job in account["list"])
    assert account["finished"] + account["resubmitted"] == account["interrupted"]
    assert staying + account["interrupted"] > 0
    assert sorted(entry["details"]["run"] for entry in entries if entry["who"] == "ana") == [home, there]
    assert {entry["details"]["run"] for entry in entries if entry["kind"] == "run-ended"} == {home, there}
    assert {entry["details"]["epoch"] for entry in entries if entry["kind"] == "switch"} == {1, 2}
