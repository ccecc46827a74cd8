"""A full drill on the real app: ordered by command line and plan, aborted over there, and overtaken by an outage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from deployed_app import KEY, SPEED, App, count_captured, deployed
from endless_jobs import submit_endless
from waiting import until

from orchestrator.cli.app_calls import App as CalledApp
from orchestrator.cli.commands_orders import OrderOptions, order_command
from orchestrator.core.plan.drills import FullDrill, ScheduledDrill
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure

WISHES = ("finish", "move")


@pytest.fixture
def azure() -> Iterator[LocalAzure]:
    with LocalAzure(seed=8, speed=SPEED) as azure, variables(azure.environment()):
        yield azure


def planned(azure: LocalAzure, folder: Path, policy: dict[str, Any] | None = None, **fields: Any) -> tuple[Plan, Path]:
    """A plan whose way back is open as soon as the primary was seen well for two seconds."""
    changed = scale_policy(SPEED) | {"failback_hold": timedelta(seconds=2)} | (policy or {})
    plan = msgspec.structs.replace(plan_of(azure, "demo", **changed), **fields)
    file = folder / "demo.yaml"
    file.write_text(yaml_of(plan), encoding="utf-8")
    return plan, file


def submit(azure: LocalAzure, plan: Plan) -> None:
    """A job of each wish that runs in the primary."""
    for wish in WISHES:
        submit_endless(azure, plan.primary, f"full-{wish}", "full", {"hubswitch.failback": wish})


def running(azure: LocalAzure) -> set[str]:
    return {job.name for job in azure.truth.jobs() if job.name.startswith("full-") and job.status == "Running"}


def ready(app: App, azure: LocalAzure, plan: Plan) -> None:
    """Wait until a drill would not be refused any more."""
    until(lambda: app.view().get("phase") == "steady", "the first look")
    submit(azure, plan)
    until(lambda: count_captured(azure, plan) == len(WISHES), "every job in the ledger")
    until(lambda: running(azure) == {f"full-{wish}" for wish in WISHES}, "every job running")
    until(lambda: app.get("pairs/demo/readiness").json().get("ready"), "a standby that is ready")


def begin(app: App) -> str:
    """A drill that is under way, asked for until nothing is missing for it."""
    answer = until(
        lambda: (said := app.send("drill", kind="full")).status_code == 202 and said, "a drill that is taken"
    )
    assert "the pointer moves to the secondary under epoch 1" in answer.json()["why"]
    return str(answer.json()["run"])


def end(app: App, drill: str) -> dict[str, Any]:
    """The output of a drill that is over."""
    found = until(lambda: (run := app.get(f"runs/{drill}").json())["status"] == "completed" and run, "the drill's end")
    return dict(found["output"])


def rests(app: App) -> tuple[str, str, int, str | None]:
    view = app.view()
    return view["phase"], view["active"], view["epoch"], view["cooldown_until"]


def test_a_full_drill_moves_pointer_and_jobs_there_and_back_and_measures_it(azure: LocalAzure, tmp_path: Path) -> None:
    """By the command line, waited for. Each job has one line; evidence has both times, the audit log who wanted it."""
    plan, file = planned(azure, tmp_path)
    with LocalEngine() as engine, deployed(azure, engine, file) as app:
        ready(app, azure, plan)
        assert app.send("drill", kind="full", force=True).status_code == 409
        options = OrderOptions(reason="yearly exercise", by="ana", kind="full", wait=True)
        called = CalledApp(app.url, KEY)

        def hold() -> tuple[int, str, str]:
            out, err = tmp_path / "out", tmp_path / "err"
            with out.open("w") as said, err.open("w") as refused:
                status = order_command(called, "demo", "drill", options, as_json=True, out=said, err=refused)
            return status, out.read_text(), err.read_text()

        def is_taken() -> tuple[int, str, str] | None:
            found = hold()
            return None if found[2] else found

        status, text, _ = until(is_taken, "a drill that is taken")
        found = json.loads(text)
        evidence = app.get(f"runs/{found['id']}/evidence").json()
        page = app.get(f"runs/{found['id']}/evidence", accept="text/html").text
        why = [entry["why"] for entry in app.get("audit?pair=demo").json()["pairs"][0]["entries"]]
        stands = rests(app)
        until(lambda: len(running(azure)) == len(WISHES), "each job running once")
        lines = running(azure)
    assert (status, found["output"]["outcome"], found["output"]["ok"]) == (0, "succeeded", True)
    assert stands == ("steady", "primary", 2, None)
    assert (evidence["kind"], evidence["outcome"]) == ("full", "succeeded")
    times = {phase["name"]: phase["seconds"] for phase in evidence["phases"]}
    assert set(times) == {"drill", "failover", "failover_steps", "failback", "failback_steps"}
    assert all(seconds >= 0 for seconds in times.values())
    assert "order to verified pointer, back" in page
    assert {"full drill asked for", "full drill succeeded"} <= set(why)
    assert {name.split("-e")[0] for name in lines} == {"full-finish", "full-move"}


def test_an_abort_over_there_brings_pointer_and_jobs_home(azure: LocalAzure, tmp_path: Path) -> None:
    """The secondary was to stay active for hours."""
    plan, file = planned(azure, tmp_path, full_drill=FullDrill(stay=timedelta(hours=5)))
    with LocalEngine() as engine, deployed(azure, engine, file) as app:
        ready(app, azure, plan)
        drill = begin(app)
        until(lambda: (view := app.view())["active"] == "secondary" and view["phase"] == "steady", "the other side")
        refused = app.send("drill", kind="full")
        answer = requests.post(
            f"{app.url}/api/runs/{drill}/abort",
            json={"reason": "enough", "by": "ben"},
            headers={"x-functions-key": KEY},
            timeout=120,
        )
        output = end(app, drill)
        evidence = app.get(f"runs/{drill}/evidence").json()
        stands = rests(app)
        until(lambda: len(running(azure)) == len(WISHES), "each job running once")
    assert (refused.status_code, answer.status_code) == (409, 202)
    assert "it begins with the primary active, and the secondary is" in refused.json()["detail"]
    assert (output["ok"], output["aborted"]) == (False, "ben aborted it: enough")
    assert (evidence["outcome"], stands) == ("aborted", ("steady", "primary", 2, None))


def test_an_outage_of_the_primary_makes_a_drill_real(azure: LocalAzure, tmp_path: Path) -> None:
    """Nothing goes back, and jobs that were left running in the primary go on over here, each once."""
    plan, file = planned(azure, tmp_path, full_drill=FullDrill(stay=timedelta(hours=5)))
    with LocalEngine() as engine, deployed(azure, engine, file) as app:
        ready(app, azure, plan)
        drill = begin(app)
        until(lambda: (view := app.view())["active"] == "secondary" and view["phase"] == "steady", "the other side")
        azure.region_down(plan.primary.region)
        output = end(app, drill)
        view = app.view()
        until(lambda: running(azure) >= {"full-finish-e1", "full-move-e1"}, "the jobs of the primary over here")
    assert (output["outcome"], view["active"], view["epoch"]) == ("promoted", "secondary", 1)


def test_a_plan_that_allows_it_schedules_a_full_drill(azure: LocalAzure, tmp_path: Path) -> None:
    """It waits within its span until nothing is missing for it, and is held once."""
    begun = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(minutes=1)
    daily = ScheduledDrill(rule="FREQ=DAILY", start=begun, duration=timedelta(hours=20), kind="full")
    _, file = planned(azure, tmp_path, drills=(daily,), full_drill=FullDrill(scheduled=True))
    with LocalEngine() as engine, deployed(azure, engine, file) as app:
        drills = until(lambda: [run for run in app.get("runs").json()["runs"] if run["kind"] == "drill"], "the drill")
        output = end(app, drills[0]["id"])
        stands = rests(app)
    assert (output["outcome"], output["by"]) == ("succeeded", "the plan's schedule")
    assert stands == ("steady", "primary", 2, None)
