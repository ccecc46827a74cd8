"""Is this process alive, and can it do its work? For load balancers and people; no key, no details."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.holds import longest_gap
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Engine, EngineError
from orchestrator.triggers.answers import answer
from orchestrator.triggers.single_flight import SingleFlight
from orchestrator.workflows import calls


def live(_req: func.HttpRequest) -> func.HttpResponse:
    """``GET health/live``: the worker answers."""
    return answer({"status": "alive"})


LASTS = timedelta(seconds=15)
"""How long an answer is given again, since the end of its reading. Nobody needs a key to ask, and App Configuration
counts the requests of an hour: however many ask, a store is read four times a minute at most."""

THREADS = 8
"""Threads of its own: strangers who ask take none from looks and runs."""


class ReadinessSeen(NamedTuple):
    """One reading: by pair, whether its epoch record and its pointer can be read, and whether it is looked at."""

    at: datetime
    records: dict[str, bool]
    pointers: dict[str, bool]
    looks: dict[str, bool]
    out_of_reach: list[str]
    """Pairs that could be decided about and never will: they are for people to mend, and no reason for 503."""


class ReadinessAnswer:
    """Whether the stores can be read and the pairs are looked at, as last seen by this process.

    One reading at a time, whose answer all get.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._since = deployment.clock.now()
        self._seen: ReadinessSeen | None = None
        self._readings: SingleFlight[None, None] = SingleFlight()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hubswitch-ready")

    async def ready(self, engine: Engine) -> func.HttpResponse:
        """``GET health/ready``: 200 if a switch can be decided and published, else 503.

        For that the stores must be readable, and the engine must take in what is seen of the pairs.
        """
        now = self._deployment.clock.now()
        if self._seen is None or not timedelta() <= now - self._seen.at < LASTS:
            await self._readings.run(None, lambda: self._read(engine))
        assert self._seen is not None  # noqa: S101 - the reading has set it
        _, records, pointers, looks, out_of_reach = self._seen
        fine = all((*records.values(), *pointers.values(), *looks.values()))
        status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
        told = {"status": "ready" if fine else "not ready", "epoch_record": records, "pointer": pointers}
        return answer(told | {"looks": looks, "out_of_reach": out_of_reach}, status)

    async def _read(self, engine: Engine) -> None:
        """Every pair's epoch record and state; every pointer store once, by the first of its pairs.

        The requests to a pointer store are counted; those to the engine are as many as one tick of the watch makes.
        """
        world, plans = await self._deployment.assembled(), self._deployment.plans
        first: dict[str, str] = {}
        for pair, plan in plans.items():
            first.setdefault(plan.pointer.endpoint, pair)
        records, stores, (looks, out_of_reach) = await asyncio.gather(
            self._try_each(plans, lambda pair: world.epochs[pair].read(pair)),
            self._try_each(first.values(), lambda pair: world.pointers[pair].snapshot(pair)),
            self._ask_states(engine),
        )
        pointers = {pair: stores[first[plan.pointer.endpoint]] for pair, plan in plans.items()}
        self._seen = ReadinessSeen(self._deployment.clock.now(), records, pointers, looks, out_of_reach)

    async def _ask_states(self, engine: Engine) -> tuple[dict[str, bool], list[str]]:
        """Whether each pair has been looked at lately, which none has if the engine does not tell; and who is stuck.

        A pair that was never looked at counts as seen when this process began.
        """
        plans = self._deployment.plans
        try:
            async with asyncio.timeout(self._deployment.settings.read_timeout.total_seconds()):
                states = await calls.pair_states(engine, plans)
        except (EngineError, TimeoutError):
            return dict.fromkeys(plans, False), []
        now = self._deployment.clock.now()

        def is_looked_at(plan: Plan) -> bool:
            state = states[plan.pair]
            if isinstance(state, HubswitchError):
                return False
            seen = (state.looked_at if state else None) or self._since
            return now - seen <= longest_gap(plan.policy)

        known = {pair: state for pair, state in states.items() if isinstance(state, PairState)}
        return (
            {pair: is_looked_at(plan) for pair, plan in plans.items()},
            sorted(pair for pair, state in known.items() if state.out_of_reach),
        )

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
