"""The evidence of runs and drills, and its attestation, over HTTP."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

import azure.functions as func
import msgspec

from orchestrator.audit.evidence import (
    KeptEvidence,
    RunName,
    finalise,
    has_ended,
    make_up,
    read_earlier,
    read_evidence,
    run_named,
)
from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import HubswitchError, NotNow
from orchestrator.core.evidence.document import Attestation, AttestedVerdict, RunEvidence
from orchestrator.ports import UNDER_WAY, Engine, World
from orchestrator.triggers.answers import page, prefers_page, problem
from orchestrator.triggers.callers import name_caller
from orchestrator.triggers.http_pairs import Handler, Words, body_of, find_attached, guard
from orchestrator.web.evidence_page import evidence_page
from orchestrator.web.page import HEADERS

COMPLETED = "completed"
"""The engine's word for a run that has come to its own end, whatever the outcome."""

SOON = "2"
"""Seconds after which evidence that is being made is worth asking for again."""


class FinaliseBody(Value, kw_only=True):
    """Body of an attestation."""

    reason: Words
    by: Words = ""
    verdict: AttestedVerdict
    note: Annotated[str, msgspec.Meta(max_length=4000)] = ""


def evidence(deployment: Deployment) -> Handler:
    """``GET runs/{id}/evidence``: JSON as it is stored; one page for browsers.

    409 while the run is under way, 503 while its evidence is made.
    """

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        found = await _find(deployment, engine, req.route_params["id"])
        if isinstance(found, func.HttpResponse):
            return found
        run, kept = found
        if prefers_page(req.headers.get("accept")):
            earlier = await _find_earlier(deployment, run, kept.evidence)
            incident = await find_attached(deployment, run.id)
            return page(evidence_page(kept.evidence, earlier, incident), HEADERS)
        return _as_stored(kept)

    return guard(handler)


def finalise_evidence(deployment: Deployment) -> Handler:
    """``POST runs/{id}/finalise``: 200 with the final evidence; 409 if it is final with other words."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        asked = body_of(req, FinaliseBody)
        found = await _find(deployment, engine, req.route_params["id"])
        if isinstance(found, func.HttpResponse):
            return found
        run, _ = found
        said = Attestation(
            who=name_caller(req, deployment.settings, asked.by),
            at=deployment.clock.now(),
            verdict=asked.verdict,
            note=asked.note,
        )
        world = await deployment.assembled()
        try:
            kept = await asyncio.to_thread(lambda: finalise(world, run, said, asked.reason))
        except NotNow as fault:
            return problem(HTTPStatus.CONFLICT, str(fault))
        except HubswitchError as fault:
            detail = f"{run.id} may not be final yet, or not noted in the audit log; send the same again: {fault}"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "30"})
        return _as_stored(kept)

    return guard(handler)


async def _find(deployment: Deployment, engine: Engine, name: str) -> tuple[RunName, KeptEvidence] | func.HttpResponse:
    """The evidence of a run, made now if it was not stored; what to answer if there is none."""
    run = run_named(name, deployment.plans)
    if run is None:
        return problem(HTTPStatus.NOT_FOUND, f"there is no run {name!r}")
    world = await deployment.assembled()
    try:
        kept = await asyncio.to_thread(read_evidence, world, run)
        if kept is None:
            state = await engine.state(run.id)
            if state is not None and state.status in UNDER_WAY:
                return await _not_yet(world, run)
            output = state.output if state is not None and state.status == COMPLETED else None
            kept = await asyncio.to_thread(make_up, world, run, output)
            if kept is None and state is not None:
                detail = f"{run.id} was {state.status}, and nothing is stored of what it came to"
                return problem(HTTPStatus.CONFLICT, detail)
    except HubswitchError as fault:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the ledger cannot be read: {fault}", {"Retry-After": "30"})
    return (run, kept) if kept else problem(HTTPStatus.NOT_FOUND, f"there is no run {name!r}")


async def _not_yet(world: World, run: RunName) -> func.HttpResponse:
    """Why a run that the engine still carries has no evidence: it goes on, or is over and its evidence is being made.

    The second is a matter of moments. Were it made here, its audit head would lack the entry of the run's end.
    """
    if await asyncio.to_thread(has_ended, world, run):
        detail = f"{run.id} has ended, and its evidence is being made: ask again in a few seconds"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": SOON})
    return problem(HTTPStatus.CONFLICT, f"{run.id} is under way: its evidence is made when it has ended")


async def _find_earlier(deployment: Deployment, run: RunName, evidence: RunEvidence) -> tuple[RunEvidence, ...] | None:
    """The evidence before it; None if it cannot be read: the page of this run is shown all the same."""
    if evidence.started_at is None:
        return None
    world = await deployment.assembled()
    try:
        return await asyncio.to_thread(read_earlier, world, run, evidence.started_at)
    except HubswitchError:
        return None


def _as_stored(kept: KeptEvidence) -> func.HttpResponse:
    """The bytes whose hash the audit log has, once they are final."""
    return func.HttpResponse(kept.data, mimetype="application/json", headers={"Vary": "Accept"})
