"""Is this process alive, and can it do its work? For load balancers and people; no key, no details."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.errors import HubswitchError
from orchestrator.triggers.answers import answer


def live(_req: func.HttpRequest) -> func.HttpResponse:
    """``GET health/live``: the worker answers."""
    return answer({"status": "alive"})


async def ready(deployment: Deployment) -> func.HttpResponse:
    """``GET health/ready``: the stores in which a switch is decided can be read. 503 if one cannot."""
    checks = await asyncio.gather(*(asyncio.to_thread(_epoch_readable, deployment, pair) for pair in deployment.plans))
    named = dict(zip(deployment.plans, checks, strict=True))
    fine = all(named.values())
    status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
    return answer({"status": "ready" if fine else "not ready", "epoch_record": named}, status)


def _epoch_readable(deployment: Deployment, pair: str) -> bool:
    try:
        deployment.world.epochs[pair].read(pair)
    except HubswitchError:
        return False
    return True
