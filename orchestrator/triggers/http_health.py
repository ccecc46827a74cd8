"""Is this process alive, and can it do its work? For load balancers and people; no key, no details."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http import HTTPStatus

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError
from orchestrator.triggers.answers import answer


def live(_req: func.HttpRequest) -> func.HttpResponse:
    """``GET health/live``: the worker answers."""
    return answer({"status": "alive"})


LASTS = timedelta(seconds=15)
"""How long an answer is given again, since the end of its reading. Nobody needs a key to ask, and App Configuration
counts the requests of an hour: however many ask, a store is read four times a minute at most."""

THREADS = 8
"""Threads of its own: strangers who ask take none from looks and runs."""


class ReadinessAnswer:
    """Whether the stores can be read, as last seen by this process. One reading at a time, whose answer all get."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._seen: tuple[datetime, dict[str, bool], dict[str, bool]] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hubswitch-ready")

    async def ready(self) -> func.HttpResponse:
        """``GET health/ready``: 200 if the stores can be read in which a switch is decided and published, else 503."""
        now = self._deployment.clock.now()
        if self._seen is None or not timedelta() <= now - self._seen[0] < LASTS:
            await self._read_once()
        assert self._seen is not None  # noqa: S101 - the reading has set it
        _, records, pointers = self._seen
        fine = all((*records.values(), *pointers.values()))
        status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
        told = {"status": "ready" if fine else "not ready", "epoch_record": records, "pointer": pointers}
        return answer(told | {"out_of_reach": self._out_of_reach()}, status)

    def _out_of_reach(self) -> list[str] | None:
        """Pairs that could be decided about and never will: they are for people to mend, and no reason for 503.

        None while the watch has not run in this process. Its memory is asked and nothing else: strangers ask this.
        """
        known = self._deployment.memory.out_of_reach
        return None if known is None else sorted(known)

    async def _read_once(self) -> None:
        """Read the stores, or wait for the reading that is under way.

        Shielded: a caller who hangs up must not cancel the reading that others wait for.
        """
        if self._reading is None or self._reading.done() or self._reading.get_loop() is not asyncio.get_running_loop():
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        """Every pair's epoch record; every pointer store once, by the first of its pairs: its requests are counted."""
        world, plans = await self._deployment.assembled(), self._deployment.plans
        first: dict[str, str] = {}
        for pair, plan in plans.items():
            first.setdefault(plan.pointer.endpoint, pair)
        records, stores = await asyncio.gather(
            self._try_each(plans, lambda pair: world.epochs[pair].read(pair)),
            self._try_each(first.values(), lambda pair: world.pointers[pair].snapshot(pair)),
        )
        pointers = {pair: stores[first[plan.pointer.endpoint]] for pair, plan in plans.items()}
        self._seen = (self._deployment.clock.now(), records, pointers)

    async def _try_each(self, pairs: Iterable[str], read: Callable[[str], object]) -> dict[str, bool]:
        names, loop = list(pairs), asyncio.get_running_loop()
        found = await asyncio.gather(*(loop.run_in_executor(self._threads, _is_readable, read, pair) for pair in names))
        return dict(zip(names, found, strict=True))


def _is_readable(read: Callable[[str], object], pair: str) -> bool:
    try:
        read(pair)
    except HubswitchError:
        return False
    return True
