"""The secondary becomes the primary for good, and the next outage is one of its region."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deployed_app import SPEED, App, count_captured, deployed
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, plan_yaml
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure


def _told(azure: LocalAzure, name: str) -> list[str]:
    published = azure.call(lambda: list(azure.event_grid.published))
    return [notice["data"]["why"] for notice in published if notice["type"] == f"Hubswitch.{name}"]


def test_after_an_exchange_a_failover_goes_from_the_new_primary_to_the_old_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Away in an outage, exchanged, deployed anew; then the other region goes down, and its jobs move to the first one.

    Meanwhile the app with the old plan holds, and says so.
    """
    with LocalAzure(seed=5, speed=SPEED, canaries=False) as azure, LocalEngine() as engine:
        file = tmp_path / "demo.yaml"
        file.write_text(plan_yaml(azure, "demo", **scale_policy(SPEED)), encoding="utf-8")
        old = plan_of(azure, "demo", **scale_policy(SPEED))
        with variables(azure.environment()):
            with deployed(azure, engine, file) as app:
                _leave_the_primary(azure, app, old)
                submit_workload(azure, old.secondary, 4, seed=5)
                until(lambda: count_captured(azure, old) == 4, "every job in the ledger")
                exchange = ["plan", "exchange", str(file), "--by", "ana", "--reason", "for good", "--yes"]
                assert status_of(exchange) == 0, capsys.readouterr().err
                _is_told_to_the_old_plan(azure, app)
            new = plan_from(file.read_text(encoding="utf-8"), str(file))
            assert new.primary == old.secondary
            with deployed(azure, engine, file) as app:
                view = until(lambda: (v := app.view()).get("epoch") == 2 and v, "the new plan, taken over")
                assert (view["active"], view["region"]) == ("primary", new.primary.region)
                assert view["phase"] in {"settled", "steady"}  # the latter if the cooldown has ended already
                until(lambda: app.view()["trouble"] is None, "the end of the trouble")
                app.acknowledge()
                azure.region_down(new.primary.region)
                until(lambda: (v := app.view())["epoch"] == 3 and v["phase"] in {"settled", "steady"}, "the failover")
                setting = azure.call(lambda: azure.configuration.get("hubswitch:demo:active"))
                counts = audit_jobs(azure, new).counts()
    assert setting is not None
    pointer = json.loads(setting.value)
    assert (pointer["active"], pointer["project"], pointer["region"]) == (
        "secondary",
        old.primary.project,
        old.primary.region,
    )
    assert (counts["lost"], counts["duplicated"], counts["waiting"]) == (0, 0, 0)
    assert counts["resubmitted"] + counts["skipped"] == 4


def _leave_the_primary(azure: LocalAzure, app: App, plan: Plan) -> None:
    until(lambda: app.view().get("phase") == "steady", "the first look")
    azure.region_down(plan.primary.region)
    until(lambda: (v := app.view())["epoch"] == 1 and v["phase"] in {"settled", "steady"}, "the first failover")
    azure.region_up(plan.primary.region)
    app.acknowledge()


def _is_told_to_the_old_plan(azure: LocalAzure, app: App) -> None:
    said = "primary and secondary exchanged"  # a store that is slow for one look is another trouble
    view = until(lambda: said in ((v := app.view())["trouble"] or "") and v, "the trouble of the old plan")
    assert (view["active"], view["epoch"]) == ("secondary", 1)
    until(lambda: "exchanged" in app.get("pairs/demo/explain").json()["text"], "the explanation")
    until(lambda: "exchanged" in app.get("status", accept="text/html").text, "the page")
    assert "hold.trouble" in [hold["rule"] for hold in view["holds"]]
    until(lambda: any("exchanged" in why for why in _told(azure, "TroubleBegan")), "the notice")
