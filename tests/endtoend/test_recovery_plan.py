"""A pair takes part in a recovery plan: the runbook itself, as a process, against the real app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from automation import AutomationAccount, context
from deployed_app import KEY, SPEED, App, deployed
from waiting import until

from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure


@contextmanager
def deployed_pair(folder: Path, speed: float = SPEED) -> Iterator[App]:
    """Two regions that are well, and the app that watches them; ``speed``: of the simulated Azure's jobs."""
    with LocalAzure(seed=9, speed=speed, canaries=False) as azure, LocalEngine() as engine:
        file = folder / "demo.yaml"
        policy = scale_policy(SPEED) | {"failback_hold": timedelta(seconds=3)}
        file.write_text(yaml_of(plan_of(azure, "demo", **policy)), encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, file) as found:
            until(lambda: found.view().get("phase") == "steady" and found.view().get("looked_at"), "the first look")
            yield found


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with deployed_pair(tmp_path) as found:
        yield found


def account(folder: Path, app: App, **more: str) -> AutomationAccount:
    place = folder / "account"
    place.mkdir()
    values = {"hubswitch-url": app.url, "hubswitch-key": KEY, "hubswitch-pair": "demo", "hubswitch-drill-run": ""}
    return AutomationAccount(place, values | {name.replace("_", "-"): value for name, value in more.items()})


def test_a_recovery_plan_practises_goes_there_protects_and_comes_home(app: App, tmp_path: Path) -> None:
    """Each job may be begun again, as Automation does: what is done is not ordered twice."""
    automation = account(tmp_path, app)
    drilled = automation.run(context("Test"))
    assert (drilled.status, drilled.err) == (0, "")
    assert automation.variables["hubswitch-drill-run"].startswith("drill-demo-")
    cleaned = automation.run("cleanup")
    assert (cleaned.status, "nothing to clean up" in cleaned.out) == (0, True)
    assert app.view()["epoch"] == 0

    there = automation.run(context("Planned"))
    assert (there.status, there.err) == (0, "")
    assert "failover-demo-e1: done" in there.out
    assert app.get("runs/failover-demo-e1/evidence").json()["kind"] == "graceful"
    again = automation.run(context("Unplanned"))
    assert (again.status, "the secondary is active already" in again.out) == (0, True)
    assert app.view()["epoch"] == 1

    until(lambda: app.view()["phase"] == "settled", "the settled pair")
    protected = automation.run("action=reprotect")
    assert (protected.status, "acknowledged by Azure recovery plan" in protected.out) == (0, True)
    until(lambda: app.view()["phase"] == "steady", "the protected pair")
    assert "nothing to acknowledge" in automation.run("reprotect").out
    assert "nothing to commit" in automation.run("FailoverCommit", "demo").out

    def home() -> bool:
        found = automation.run(context("Planned", "SecondaryToPrimary"), "minutes=2")
        return found.status == 0

    until(home, "the way home, once the primary was well for long enough")
    assert (app.view()["active"], app.view()["epoch"]) == ("primary", 2)
    orders = [
        entry for entry in app.get("audit?pair=demo&limit=50").json()["pairs"][0]["entries"] if entry["kind"] == "order"
    ]
    assert {entry["details"]["reason"] for entry in orders} >= {"recovery plan payroll"}
    assert sum(entry["details"]["do"] == "failover" for entry in orders) == 1


def test_what_the_app_refuses_fails_the_job_with_one_line(app: App, tmp_path: Path) -> None:
    """And nothing is switched."""
    refused = account(tmp_path, app, hubswitch_pair="nope").run(context("Unplanned"))
    assert refused.status == 1
    assert len(refused.err.splitlines()) == 1
    assert "ERROR: hubswitch: GET pairs/nope: 404" in refused.err


def test_a_drill_that_is_under_way_is_ended_by_the_cleanup(tmp_path: Path) -> None:
    """The plan's test failover was given up on; cleanup leaves nothing behind."""
    with deployed_pair(tmp_path, speed=0.05) as app:
        automation = account(tmp_path, app, hubswitch_drill="canary")
        job = automation.start(context("Test"))

        def find_drill() -> str:
            """A pair that is suspect for a moment, as on a busy machine, refuses the drill: it is asked for again."""
            nonlocal job
            if job.poll() is not None:
                job.communicate()
                job = automation.start(context("Test"))
            return automation.variables["hubswitch-drill-run"]

        try:
            run = until(find_drill, "the drill")
            cleaned = automation.run("cleanup")
            _, err = job.communicate(timeout=300)
        finally:
            job.kill()
        output = app.get(f"runs/{run}").json()["output"]
    assert (cleaned.status, cleaned.err, f"{run} has ended" in cleaned.out) == (0, "", True)
    assert output["aborted"].startswith("Azure recovery plan aborted it")
    assert (job.returncode, "Azure recovery plan aborted it" in err) == (1, True)
