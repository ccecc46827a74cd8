"""A drill that the plan schedules is held once, by the timer, and says who wanted it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from deployed_app import SPEED, deployed
from waiting import until

from orchestrator.core.plan.drills import ScheduledDrill
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure


def test_a_scheduled_drill_is_held_once_and_again_by_no_other_deployment(tmp_path: Path) -> None:
    """Its report, its evidence and its entry in the audit log are those of any other drill."""
    begun = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(minutes=1)
    daily = ScheduledDrill(rule="FREQ=DAILY", start=begun, duration=timedelta(hours=20))
    with LocalAzure(seed=8, speed=SPEED, canaries=False) as azure, variables(azure.environment()):
        plan = msgspec.structs.replace(plan_of(azure, "demo", **scale_policy(SPEED)), drills=(daily,))
        file = tmp_path / "demo.yaml"
        file.write_text(yaml_of(plan), encoding="utf-8")
        with LocalEngine() as engine, deployed(azure, engine, file) as app:
            runs = until(lambda: app.get("runs").json()["runs"], "the drill")
            evidence = f"runs/{runs[0]['id']}/evidence"
            until(lambda: app.get(evidence).ok, "its evidence, which is made when it has ended")
            until(lambda: {"order", "run-ended"} <= {entry["kind"] for entry in app.audited()}, "the audit log")
            audit = app.audited()
        with LocalEngine() as engine, deployed(azure, engine, file) as app:  # this one's engine knows nothing of it
            until(lambda: app.view().get("phase") == "steady", "the first look")
            looked = app.view()["looked_at"]
            until(lambda: app.view()["looked_at"] > looked, "another look")
            again = app.get("runs").json()["runs"]
    assert [(run["kind"], run["id"]) for run in runs] == [("drill", f"drill-demo-{begun:%Y%m%dt%H%M%S}000000")]
    assert "scheduled: FREQ=DAILY" in runs[0]["why"]
    assert [entry["who"] for entry in audit if entry["kind"] == "order"] == ["the plan's schedule"]
    assert again == runs
