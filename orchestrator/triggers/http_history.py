"""What was decided, and what was seen, over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import azure.functions as func

from orchestrator.audit.export import EXPORT_LIMIT, TooMuch, export
from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.decision.decision_log import LIMIT
from orchestrator.core.decision.standing import ReadinessStanding, find_standing
from orchestrator.core.decision.state import PairState
from orchestrator.core.standby.readiness_record import view_of, with_deletion
from orchestrator.ports import Engine, EngineError
from orchestrator.standby.readiness import read_readiness
from orchestrator.triggers.answers import answer, problem
from orchestrator.triggers.http_pairs import Handler, guard, limit_of, plan_named, query_of, readable
from orchestrator.web.views import decisions_view
from orchestrator.workflows.activities.decision_log import read_page

TOLD = 50
"""Decisions that are told if nobody says how many."""

DAY = timedelta(days=1)


def decisions(deployment: Deployment) -> Handler:
    """``GET pairs/{pair}/decisions``: what was decided and on what, newest first."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = plan_named(deployment, req.route_params["pair"])
        limit = limit_of(req, TOLD, LIMIT)
        found = await readable(engine, plan.pair)
        latest = found.latest if isinstance(found, PairState) else None
        try:
            page = await asyncio.to_thread(lambda: read_page(deployment.world.ledgers[plan.pair], plan.pair))
        except HubswitchError as fault:
            return _unread(fault)
        return answer(decisions_view(plan.pair, page, latest, limit))

    return guard(handler)


def signals(deployment: Deployment) -> Handler:
    """``GET pairs/{pair}/signals``: what was seen since a day, as JSON Lines."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        del engine
        plan = plan_named(deployment, req.route_params["pair"])
        since = _since(req, deployment.clock.now())
        try:
            data = await asyncio.to_thread(lambda: export(deployment.world, plan.pair, since))
        except TooMuch:
            limit = f"there is more than {EXPORT_LIMIT} bytes since {since:%Y-%m-%d}: ask from a later day on"
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, limit)
        except HubswitchError as fault:
            return _unread(fault)
        return func.HttpResponse(data, mimetype="application/jsonl")

    return guard(handler)


def readiness(deployment: Deployment) -> Handler:
    """``GET pairs/{pair}/readiness``: what the last look at the standby found, worst first, and its score over time."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = plan_named(deployment, req.route_params["pair"])
        try:
            found = await asyncio.to_thread(lambda: read_readiness(deployment.world.ledgers[plan.pair], plan.pair))
        except HubswitchError as fault:
            return _unread(fault)
        view = view_of(found, plan.pair, deployment.clock.now())
        return answer(with_deletion(view, await _standing(engine, plan.pair)))

    return guard(handler)


async def _standing(engine: Engine, pair: str) -> ReadinessStanding | None:
    """How ready the standby is as decisions go; None if that is not known, which hides nothing of the last look."""
    try:
        state = await readable(engine, pair)
    except EngineError:
        return None
    return find_standing(state.readiness, state.active) if isinstance(state, PairState) else None


def _unread(fault: HubswitchError) -> func.HttpResponse:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the ledger cannot be read: {fault}", {"Retry-After": "30"})


def _since(req: func.HttpRequest, now: datetime) -> datetime:
    given = req.params.get("since")
    if not given:
        return now - DAY
    try:
        at = datetime.fromisoformat(given)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        expected = "a day or a time, such as 2026-02-27 or 2026-02-27T09:30:00Z"
        raise InvalidInput(query_of(req), "since", expected, repr(given)) from None
