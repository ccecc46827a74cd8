"""The app of one deployment on the local host, and the next one: engine and Azure outlive it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from waiting import until

from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.host import HostOptions
from orchestrator.local.session import serve_app
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

    def order(self, do: str, **more: Any) -> None:
        answer = self.send(do, **more)
        assert answer.status_code == 202, answer.text

    def switch(self, do: str, **more: Any) -> None:
        """Order a switch until the pair has taken it.

        On a busy machine a side may not be known to be well for some looks: then the order is refused, by the answer or
        by the pair.
        """
        before = self.view()["epoch"]
        said = [""]

        def is_taken() -> bool:
            view = self.view()
            if view["run"] or view["epoch"] > before:
                return True
            answer = self.send(do, **more)
            assert answer.status_code in {202, 409}, answer.text
            said.append(answer.text)
            return False

        try:
            until(is_taken, f"the {do}", pause=0.2)
        except AssertionError as fault:
            raise AssertionError(f"{fault}; it was said: {said[-1]}") from fault

    def acknowledge(self) -> None:
        """Acknowledge a switch, unless its cooldown has ended meanwhile; the pair is steady then."""
        answer = self.send("acknowledge")
        assert answer.status_code == 202 or "nothing to acknowledge" in answer.text, answer.text
        until(lambda: self.view()["phase"] == "steady", "the end of the switch")

    def audited(self) -> list[dict[str, Any]]:
        """The entries of the pair's audit log."""
        (log,) = self.get("audit?pair=demo").json()["pairs"]
        return list(log["entries"])

    def send(self, do: str, **more: Any) -> requests.Response:
        return requests.post(
            f"{self.url}/api/pairs/demo/{do}",
            json={"reason": "a test", "by": "ana", **more},
            headers={"x-functions-key": KEY},
            timeout=120,
        )


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


def count_captured(azure: LocalAzure, plan: Plan) -> int:
    """Jobs of the pair that are in its ledger."""
    return len(azure.call(lambda: azure.ledger.names(plan.ledger.container, f"{plan.pair}/jobs/")))
