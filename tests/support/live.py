"""A whole local session in a thread of its own, and a caller of its HTTP interface, for tests without a loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self

import pytest
import requests
from waiting import until

from orchestrator.adapters import assembly
from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.decision import standing
from orchestrator.core.jobs.record import JobRecord
from orchestrator.core.jobs.record_schema import read_job_record
from orchestrator.local.session import Local, session
from orchestrator.simulator.cloud import LocalAzure

SPEED = 60.0
LONGEST = 120.0
"""Seconds after which what does not come is given up."""


class Caller:
    """Calls the app of a session as a person or a program would, with its key unless told otherwise."""

    def __init__(self, local: Local) -> None:
        self.local = local
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def send(self, method: str, path: str, *, key: str | None = "", **options: Any) -> requests.Response:
        """A request below ``/api/``. ``key`` is the session's if empty, none if None."""
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers["x-functions-key"] = key or self.local.key
        return self._session.request(
            method, f"{self.local.host.url}/api/{path}", headers=headers, timeout=LONGEST, **options
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.send("POST", path, json=body, **options)

    def view(self) -> dict[str, Any]:
        """The pair in full."""
        return dict(self.get("pairs/demo").json())

    def followed(self, accepted: requests.Response) -> dict[str, Any]:
        """The run that an answer points to, at its end."""
        assert accepted.status_code == 202, accepted.text
        path = accepted.headers["Location"].partition("/api/")[2]
        return until(lambda: _ended(self.get(path).json()), f"the end of {path}")

    def settled_down(self) -> dict[str, Any]:
        """The pair after its first look."""
        return until(lambda: _known(self.view()), "the first look")


@contextmanager
def unpaced() -> Iterator[None]:
    """The app reads Resource Manager as fast as it can: for tests of what it reads, and not of how it spares it.

    Two looks at one standby follow each other at once.

    The simulated Azure must be so kind as to grant it: ``grant_all`` for ``live``.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("READ_BURST", "LOOK_BURST"):
            patch.setattr(assembly, name, 1_000_000)
        patch.setattr(standing, "PAUSE", timedelta(seconds=1))
        yield


def grant_all(azure: LocalAzure) -> None:
    """No request is one too many."""
    azure.throttle.enabled = False


def record_of(local: Local, name: str) -> JobRecord | None:
    """A job's record, as it lies in the ledger's account."""
    path = f"{local.plan.pair}/jobs/{name}.json"
    blob = local.azure.call(lambda: local.azure.ledger.get(local.plan.ledger.container, path))
    return read_job_record(blob.data, path) if blob else None


class Prepared(LocalAzure):
    """A local Azure that something is done to as soon as it serves."""

    begin: Callable[[LocalAzure], None] = staticmethod(lambda _: None)

    def __enter__(self) -> Self:
        super().__enter__()
        self.begin(self)
        return self


@contextmanager
def live(
    *,
    seed: int = 5,
    speed: float = SPEED,
    timers: bool = True,
    mode: Mode = Mode.AUTO,
    begin: Callable[[LocalAzure], None] = lambda _: None,
    **options: Any,
) -> Iterator[Local]:
    """Everything up within the block. ``options`` are those of ``LocalAzure``; canaries are off unless wanted.

    ``begin`` is given the local Azure when it serves, before the app runs: for what is to be so at the first look.
    """
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, Local]] = []
    faults: list[BaseException] = []
    ready = threading.Event()

    async def serve() -> None:
        azure = Prepared(seed=seed, speed=speed, **{"canaries": False, **options})
        azure.begin = begin
        async with session(seed=seed, speed=speed, timers=timers, azure=azure, mode=mode) as local:
            over = asyncio.Event()
            running.append((asyncio.get_running_loop(), over, local))
            ready.set()
            await over.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as fault:  # noqa: BLE001 - handed to the test's thread
            faults.append(fault)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="session", daemon=True)
    thread.start()
    ready.wait(300)
    try:
        if not running:
            raise faults[0] if faults else AssertionError("the session has not begun within 300 s")
        yield running[0][2]
    finally:
        if running:
            loop, over, _ = running[0]
            loop.call_soon_threadsafe(over.set)
        thread.join(300)
    if faults:
        raise faults[0]


def _ended(run: dict[str, Any]) -> dict[str, Any] | None:
    return None if run["status"] in {"pending", "running"} else run


def _known(view: dict[str, Any]) -> dict[str, Any] | None:
    return view if view.get("looked_at") else None
