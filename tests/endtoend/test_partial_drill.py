"""A partial drill on the real app: ordered by HTTP, command line and plan; and cut short by an outage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from deployed_app import KEY, SPEED, App, count_captured, deployed
from endless_jobs import submit_endless
from waiting import until

from orchestrator.cli.app_calls import App as CalledApp
from orchestrator.cli.commands_orders import OrderOptions, order_command
from orchestrator.core.plan.drills import PartialDrill, ScheduledDrill
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import TrueJob


@pytest.fixture
def azure() -> Iterator[LocalAzure]:
    with LocalAzure(seed=8, speed=SPEED, canaries=False) as azure, variables(azure.environment()):
        yield azure


def planned(azure: LocalAzure, folder: Path, **fields: Any) -> tuple[Plan, Path]:
    plan = msgspec.structs.replace(plan_of(azure, "demo", **scale_policy(SPEED)), **fields)
    file = folder / "demo.yaml"
    file.write_text(yaml_of(plan), encoding="utf-8")
    return plan, file


def submit(azure: LocalAzure, plan: Plan, name: str, workload: str) -> None:
    submit_endless(azure, plan.primary, name, "nightly", {"hubswitch.workload": workload})


def copies(azure: LocalAzure) -> list[TrueJob]:
    return [job for job in azure.truth.jobs() if "hubswitch.drill" in job.tags]


def running(azure: LocalAzure) -> set[str]:
    return {job.name for job in azure.truth.jobs() if job.status == "Running"}


def ready(app: App, azure: LocalAzure, plan: Plan, jobs: int) -> None:
    until(lambda: app.view().get("phase") == "steady", "the first look")
    until(lambda: count_captured(azure, plan) == jobs, "every job in the ledger")


def test_a_workload_is_practised_with_and_stays_where_it_is(azure: LocalAzure, tmp_path: Path) -> None:
    """By the command line, waited for; evidence, audit log and list of runs have it, accounts and epochs have not."""
    plan, file = planned(azure, tmp_path, partial_drill=PartialDrill(until="running"))
    with LocalEngine() as engine, deployed(azure, engine, file) as app:
        for name, workload in (("n1", "nightly"), ("n2", "nightly"), ("w1", "weekly")):
            submit(azure, plan, name, workload)
        ready(app, azure, plan, 3)
        options = OrderOptions(reason="practice", kind="partial", workload="nightly", wait=True)

        def practise() -> int | None:
            """Its exit status; None if the pair was not at rest, as it may be for a look on a busy machine."""
            with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
                ended = order_command(CalledApp(app.url, KEY), "demo", "drill", options, as_json=True, out=out, err=err)
            is_refused = ended and "needs a pair at rest" in (tmp_path / "err").read_text()
            return None if is_refused else ended + 1

        status = until(practise, "a pair at rest") - 1
        found = json.loads((tmp_path / "out").read_text())
        evidence = app.get(f"runs/{found['id']}/evidence").json()
        audit = app.get("audit?pair=demo").json()["pairs"][0]["entries"]
        until(lambda: {copy.status for copy in copies(azure)} == {"Canceled"}, "the end of the copies")
        until(lambda: app.view()["drills"]["green"] == 1, "the drill counted")
        view = until(lambda: (v := app.view())["phase"] == "steady" and v, "a pair at rest")
        until(lambda: running(azure) == {"n1", "n2", "w1"}, "the jobs where they were, and nothing else")
    assert (status, found["output"]["outcome"]) == (0, "succeeded")
    assert [each["check"] for each in found["output"]["findings"]] == ["workload nightly", "job n1", "job n2"]
    assert (evidence["kind"], evidence["outcome"]) == ("partial", "succeeded")
    assert evidence["jobs"]["list"] == []
    assert [entry["why"] for entry in audit if entry["kind"] == "run-ended"] == ["partial drill succeeded"]
    assert {copy.region for copy in copies(azure)} == {plan.secondary.region}
    assert (view["phase"], view["epoch"], view["cooldown_until"], view["drills"]["green"]) == ("steady", 0, None, 1)


def test_an_outage_cuts_a_drill_short_and_the_failover_is_not_held(azure: LocalAzure, tmp_path: Path) -> None:
    """The drill ends as promoted, its copies make room, and every job has exactly one successor."""
    plan, file = planned(azure, tmp_path)
    with LocalEngine() as engine, deployed(azure, engine, file) as app:
        submit(azure, plan, "n1", "nightly")
        ready(app, azure, plan, 1)
        asked = until(
            lambda: (answer := app.send("drill", kind="partial", workload="nightly")).status_code != 409 and answer,
            "a pair at rest",
        )
        assert asked.status_code == 202, asked.text
        until(lambda: [copy for copy in copies(azure) if copy.status == "Running"], "a copy that runs")
        azure.region_down(plan.primary.region)
        until(lambda: app.view().get("phase") == "settled", "the failover")
        again = app.send("drill", kind="partial", workload="nightly")
        canary = app.send("drill", kind="canary")
        drills = until(lambda: [run for run in app.get("runs").json()["runs"] if run["kind"] == "drill"], "the drill")
        until(lambda: app.get(f"runs/{drills[0]['id']}/evidence").ok, "its evidence")
        evidence = app.get(f"runs/{drills[0]['id']}/evidence").json()
        until(lambda: {copy.status for copy in copies(azure)} == {"Canceled"}, "the end of the copy")
        until(lambda: audit_jobs(azure, plan).counts()["resubmitted"] == 1, "the successor")
        counts = audit_jobs(azure, plan).counts()
    assert (evidence["kind"], evidence["outcome"]) == ("partial", "promoted")
    assert again.status_code == 409
    assert "a partial drill needs a pair at rest: it is settled" in again.json()["detail"]
    assert (canary.status_code, "a canary drill needs a pair at rest: it is settled" in canary.text) == (409, True)
    assert (counts["lost"], counts["duplicated"], counts["waiting"]) == (0, 0, 0)


def test_a_plan_may_schedule_a_partial_drill(azure: LocalAzure, tmp_path: Path) -> None:
    """Of the workload that it names. A workload of which nothing runs is not ready."""
    begun = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(minutes=1)
    daily = ScheduledDrill(
        rule="FREQ=DAILY", start=begun, duration=timedelta(hours=20), kind="partial", workload="nightly"
    )
    _, file = planned(azure, tmp_path, drills=(daily,))
    with LocalEngine() as engine, deployed(azure, engine, file) as app:
        (run,) = until(lambda: app.get("runs").json()["runs"], "the drill")
        until(lambda: app.get(f"runs/{run['id']}/evidence").ok, "its evidence, which is made when it has ended")
        evidence = app.get(f"runs/{run['id']}/evidence").json()
    assert (evidence["kind"], evidence["outcome"]) == ("partial", "not-ready")
    assert "no job with the tag hubswitch.workload nightly runs in the primary" in run["why"]
