"""A whole session in a thread of its own, so that tests can be plain functions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator.local.session import Local, session
from orchestrator.local.up import subscribe_projects
from orchestrator.simulator.cloud import LocalAzure

SPEED = 60.0

type Sessions = Callable[..., Any]


@contextmanager
def _session(**options: Any) -> Iterator[Local]:
    ready = threading.Event()
    over: list[Any] = []
    found: list[Any] = []

    async def live() -> None:
        stop = asyncio.Event()
        over.append((asyncio.get_running_loop(), stop))
        try:
            azure = LocalAzure(seed=5, speed=SPEED, **options)
            async with session(seed=5, speed=SPEED, azure=azure) as local:
                await asyncio.to_thread(subscribe_projects, local)
                found.append(local)
                ready.set()
                await stop.wait()
        except BaseException as fault:
            found.append(fault)
            raise
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(live()), daemon=True)
    thread.start()
    ready.wait(300)
    try:
        assert found, "the session has not begun within 300 s"
        if isinstance(found[0], BaseException):
            raise found[0]
        yield found[0]
    finally:
        loop, stop = over[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(300)


@pytest.fixture
def sessions() -> Sessions:
    """Everything up, with the topics of both projects subscribed. Keywords go to the local Azure."""
    return _session
