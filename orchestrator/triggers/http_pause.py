"""Pausing and resuming everything. What is stored holds in every stamp; what is signalled holds here at once."""

from __future__ import annotations

import asyncio
from datetime import datetime
from http import HTTPStatus

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.stamps import PauseRecord, Shared
from orchestrator.core.evidence.audit_notes import order_note
from orchestrator.core.recording import Heard
from orchestrator.ports import Engine
from orchestrator.triggers.answers import answer, problem
from orchestrator.triggers.callers import name_caller
from orchestrator.triggers.http_pairs import CommandBody, Handler, body_of, guard
from orchestrator.triggers.pauses import record_of, try_to_store
from orchestrator.workflows import calls

AT_ONCE = 64
"""Pairs told at the same time."""


def everything(deployment: Deployment, do: Do) -> Handler:
    """``POST pause`` and ``POST resume``: 202 if every store has it; 503 if one has not, and what stands then."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        asked = body_of(req, CommandBody)
        now = deployment.clock.now()
        wanted = record_of(do, name_caller(req, deployment.settings, asked.by), asked.reason, now)
        world = await deployment.assembled()
        stores = list({id(store): store for store in world.shared.values()}.values())
        found = await asyncio.gather(*(try_to_store(store, None, wanted) for store in stores))
        faults = [fault for fault in found if isinstance(fault, HubswitchError)]
        if faults and do is Do.RESUME:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"not resumed, for this could not be stored: {faults[0]}")
        newest = max(
            (record for record in found if isinstance(record, PauseRecord)),
            key=lambda record: record.at,
            default=wanted,
        )
        why = f"every pair {do}d by {wanted.by}: {wanted.reason}"
        await _tell_every_pair(deployment, engine, Observed(now=now, shared=Shared(pause_all=newest)))
        await _audit_every_pair(deployment, engine, Command(do=do, by=wanted.by, reason=asked.reason), now, why)
        if faults:
            detail = f"every pair is paused here, but other stamps cannot know, for this was not stored: {faults[0]}"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)
        return answer({"pairs": list(deployment.plans), "do": do, "why": why}, HTTPStatus.ACCEPTED)

    return guard(handler)


async def _audit_every_pair(deployment: Deployment, engine: Engine, order: Command, now: datetime, why: str) -> None:
    limit = asyncio.Semaphore(AT_ONCE)

    async def noted(pair: str) -> None:
        async with limit:
            await calls.audit(engine, order_note(pair, order, now, why))

    await asyncio.gather(*(noted(pair) for pair in deployment.plans))


async def _tell_every_pair(deployment: Deployment, engine: Engine, seen: Observed) -> None:
    """Not to wait for the next look of each."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def told(pair: str) -> None:
        async with limit:
            await calls.observe(engine, pair, seen)
            heard = Heard(pair=pair, now=seen.now, shared=seen.shared)
            await deployment.record(deployment.plans[pair], heard)

    await asyncio.gather(*(told(pair) for pair in deployment.plans))
