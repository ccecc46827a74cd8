"""The secondary becomes the primary for good, and the next outage is one of its region."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.host import HostOptions
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, serve_app, variables
from orchestrator.local.simulated_plan import plan_of, plan_yaml
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure

SPEED = 60.0
KEY = "a-key-of-this-test"


class App:
    """The app of one deployment, as a person calls it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, accept: str = "application/json") -> requests.Response:
        headers = {"x-functions-key": KEY, "Accept": accept}
        return requests.get(f"{self.url}/api/{path}", headers=headers, timeout=120)

    def view(self) -> dict[str, Any]:
        return dict(self.get("pairs/demo").json())

    def order(self, do: str) -> None:
        answer = requests.post(
            f"{self.url}/api/pairs/demo/{do}",
            json={"reason": "a test", "by": "ana"},
            headers={"x-functions-key": KEY},
            timeout=120,
        )
        assert answer.status_code == 202, answer.text


@contextmanager
def deployed(azure: LocalAzure, engine: LocalEngine, plan: Path) -> Iterator[App]:
    """The app with that plan, until the block ends; engine and Azure outlive it, as in a deployment."""
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, str]] = []
    ready = threading.Event()
    options = HostOptions(engine=engine.address, port=0, keys=[KEY], speed=SPEED, timers=True)

    async def serve() -> None:
        try:
            async with serve_app(azure, plan, options) as host:
                over = asyncio.Event()
                running.append((asyncio.get_running_loop(), over, host.url))
                ready.set()
                await over.wait()
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait(300)
    assert running
    loop, over, url = running[0]
    try:
        yield App(url)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(300)


def _told(azure: LocalAzure, name: str) -> list[str]:
    published = azure.call(lambda: list(azure.event_grid.published))
    return [notice["data"]["why"] for notice in published if notice["type"] == f"Hubswitch.{name}"]


def _captured(azure: LocalAzure, plan: Plan) -> int:
    return len(azure.call(lambda: azure.ledger.names(plan.ledger.container, "demo/jobs/")))


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
                until(lambda: _captured(azure, old) == 4, "every job in the ledger")
                exchange = ["plan", "exchange", str(file), "--by", "ana", "--reason", "for good", "--yes"]
                assert status_of(exchange) == 0, capsys.readouterr().err
                _is_told_to_the_old_plan(azure, app)
            new = plan_from(file.read_text(encoding="utf-8"), str(file))
            assert new.primary == old.secondary
            with deployed(azure, engine, file) as app:
                view = until(lambda: (v := app.view()).get("epoch") == 2 and v, "the new plan, taken over")
                assert (view["active"], view["region"], view["phase"]) == ("primary", new.primary.region, "settled")
                until(lambda: app.view()["trouble"] is None, "the end of the trouble")
                app.order("acknowledge")
                until(lambda: app.view()["phase"] == "steady", "rest")
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
    app.order("acknowledge")


def _is_told_to_the_old_plan(azure: LocalAzure, app: App) -> None:
    view = until(lambda: (v := app.view())["trouble"] and v, "the trouble of the old plan")
    assert "primary and secondary exchanged" in view["trouble"]
    assert (view["active"], view["epoch"]) == ("secondary", 1)
    assert "exchanged" in app.get("pairs/demo/explain").json()["text"]
    assert "exchanged" in app.get("status", accept="text/html").text
    assert "hold.trouble" in [hold["rule"] for hold in view["holds"]]
    until(lambda: any("exchanged" in why for why in _told(azure, "TroubleBegan")), "the notice")
