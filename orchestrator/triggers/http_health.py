"""Is this process alive, and can it do its work? For load balancers and people; no key, no details."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from http import HTTPStatus

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError
from orchestrator.triggers.answers import answer


def live(_req: func.HttpRequest) -> func.HttpResponse:
    """``GET health/live``: the worker answers."""
    return answer({"status": "alive"})


LASTS = timedelta(seconds=5)
"""How long an answer is given again. Nobody needs a key to ask, and App Configuration counts an hour's requests."""


class Readiness:
    """Whether the stores can be read, as last seen by this process."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._seen: tuple[datetime, dict[str, bool], dict[str, bool]] | None = None

    async def ready(self) -> func.HttpResponse:
        """``GET health/ready``: 200 if the stores can be read in which a switch is decided and published, else 503."""
        now = self._deployment.clock.now()
        if self._seen is None or not timedelta() <= now - self._seen[0] < LASTS:
            self._seen = (now, *await self._looked())
        _, records, pointers = self._seen
        fine = all((*records.values(), *pointers.values()))
        status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
        told = {"status": "ready" if fine else "not ready", "epoch_record": records, "pointer": pointers}
        return answer(told, status)

    async def _looked(self) -> tuple[dict[str, bool], dict[str, bool]]:
        """Every pair's epoch record; every pointer store once, by the first of its pairs: its requests are counted."""
        world, plans = await self._deployment.assembled(), self._deployment.plans
        first: dict[str, str] = {}
        for pair, plan in plans.items():
            first.setdefault(plan.pointer.endpoint, pair)
        records, stores = await asyncio.gather(
            _all_readable(plans, lambda pair: world.epochs[pair].read(pair)),
            _all_readable(first.values(), lambda pair: world.pointers[pair].snapshot(pair)),
        )
        return records, {pair: stores[first[plan.pointer.endpoint]] for pair, plan in plans.items()}


async def _all_readable(pairs: Iterable[str], read: Callable[[str], object]) -> dict[str, bool]:
    names = list(pairs)
    found = await asyncio.gather(*(asyncio.to_thread(_is_readable, read, pair) for pair in names))
    return dict(zip(names, found, strict=True))


def _is_readable(read: Callable[[str], object], pair: str) -> bool:
    try:
        read(pair)
    except HubswitchError:
        return False
    return True
