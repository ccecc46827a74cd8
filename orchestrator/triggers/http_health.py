"""Is this process alive, and can it do its work? For load balancers and people; no key, no details."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.errors import HubswitchError
from orchestrator.triggers.answers import answer


def live(_req: func.HttpRequest) -> func.HttpResponse:
    """``GET health/live``: the worker answers."""
    return answer({"status": "alive"})


async def ready(deployment: Deployment) -> func.HttpResponse:
    """``GET health/ready``: the stores in which a switch is decided and published can be read. 503 if one cannot."""
    world = await deployment.assembled()
    records, pointers = await asyncio.gather(
        _all_readable(deployment, lambda pair: world.epochs[pair].read(pair)),
        _all_readable(deployment, lambda pair: world.pointers[pair].snapshot(pair)),
    )
    fine = all((*records.values(), *pointers.values()))
    status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
    told = {"status": "ready" if fine else "not ready", "epoch_record": records, "pointer": pointers}
    return answer(told, status)


async def _all_readable(deployment: Deployment, read: Callable[[str], object]) -> dict[str, bool]:
    found = await asyncio.gather(*(asyncio.to_thread(_is_readable, read, pair) for pair in deployment.plans))
    return dict(zip(deployment.plans, found, strict=True))


def _is_readable(read: Callable[[str], object], pair: str) -> bool:
    try:
        read(pair)
    except HubswitchError:
        return False
    return True
