"""Questions and commands about pairs and runs, over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

import azure.functions as func
import msgspec

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import Value, decode
from orchestrator.core.base.errors import HubswitchError, InvalidInput, PermanentError
from orchestrator.core.base.text import format_time
from orchestrator.core.decision import commands
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.holds import blackout_end
from orchestrator.core.decision.proposals import open_proposal
from orchestrator.core.decision.state import PairState, initial
from orchestrator.core.plan.schema import Plan
from orchestrator.core.recording import Wanted
from orchestrator.core.schedule import beat_of, longest_of
from orchestrator.core.signals.unread import UnreadLog
from orchestrator.ports import Engine, EngineError
from orchestrator.settings import Settings
from orchestrator.triggers.answers import (
    TooLarge,
    answer,
    invalid,
    prefers_page,
    problem,
    too_large,
    unavailable,
    unknown_pair,
    unreadable,
)
from orchestrator.triggers.http_page import answer_page
from orchestrator.triggers.lags import lags
from orchestrator.triggers.pauses import record_of, try_to_store
from orchestrator.watch.unread import hand_over_unread
from orchestrator.web.views import explain_view, pair_view, run_view, status_view, unread_view, warn_of_order
from orchestrator.workflows import calls
from orchestrator.workflows.messages import DrillKind, DrillOrder

Handler = Callable[[func.HttpRequest, Engine], Awaitable[func.HttpResponse]]

LIMIT = 64 * 1024
"""Bytes of a command: many times what a person writes."""

Words = Annotated[str, msgspec.Meta(max_length=1000)]


class CommandBody(Value, kw_only=True):
    """Body of a command: why, and by whom if the platform does not say."""

    reason: Words
    by: Words = ""
    force: bool = False


class AnswerBody(CommandBody, kw_only=True):
    """Body of an answer: the proposal that it is about, besides. May be left out while there has been only one."""

    proposal: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class DrillBody(Value, kw_only=True):
    """Body of a drill."""

    reason: Words
    by: Words = ""
    kind: DrillKind = DrillKind.DRY
    force: bool = False
    """Practise in a blackout window too."""


def guard(handler: Handler) -> Handler:
    """The handler, with what it raises turned into problem details."""

    async def safe(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        try:
            return await handler(req, engine)
        except InvalidInput as fault:
            return invalid(fault)
        except TooLarge as fault:
            return too_large(fault)
        except EngineError as fault:
            return unavailable(fault)

    return safe


def status(deployment: Deployment) -> Handler:
    """``GET status``: every pair in one line each; for browsers, a page with everything."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        states = await calls.pair_states(engine, deployment.plans)
        now = deployment.clock.now()
        await hand_over_unread(engine, deployment.memory.unread, now)
        unread = unread_view(await _unread_log(engine), now)
        lines = status_view(deployment.plans, states, now) | {"unread": unread}
        if prefers_page(req.headers.get("accept")):
            return await answer_page(deployment, req, [line["pair"] for line in lines["pairs"]], states, unread)
        behind = await lags(deployment, deployment.plans, states)
        lines["pairs"] = [line | {"replication": behind[line["pair"]]} for line in lines["pairs"]]
        return answer(lines, headers={"Vary": "Accept"})

    return guard(handler)


async def _unread_log(engine: Engine) -> UnreadLog | None:
    """What is counted of deliveries; None if the engine does not tell, which hides no pair."""
    try:
        return await calls.unread_log(engine)
    except EngineError:
        return None


def pair(deployment: Deployment) -> Handler:
    """``GET pairs/{pair}``: one pair in full."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = deployment.plans.get(req.route_params["pair"])
        if plan is None:
            return unknown_pair(req.route_params["pair"])
        return answer(pair_view(plan, await readable(engine, plan.pair), deployment.clock.now()))

    return guard(handler)


def explain(deployment: Deployment) -> Handler:
    """``GET pairs/{pair}/explain``: why the pair stands where it stands, in one paragraph."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = deployment.plans.get(req.route_params["pair"])
        if plan is None:
            return unknown_pair(req.route_params["pair"])
        return answer(explain_view(plan, await readable(engine, plan.pair), deployment.clock.now()))

    return guard(handler)


def run(_deployment: Deployment) -> Handler:
    """``GET runs/{id}``: where a run stands, and what it waits for."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        found = await engine.state(req.route_params["id"])
        if found is None:
            return problem(HTTPStatus.NOT_FOUND, f"there is no run {req.route_params['id']!r}")
        return answer(run_view(found._asdict()))

    return guard(handler)


def drill(deployment: Deployment) -> Handler:
    """``POST pairs/{pair}/drill``: practise; 202 with the run to follow."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = deployment.plans.get(req.route_params["pair"])
        if plan is None:
            return unknown_pair(req.route_params["pair"])
        asked = body_of(req, DrillBody)
        now = deployment.clock.now()
        ends = blackout_end(now, plan.policy)
        if ends and not asked.force:
            return problem(
                HTTPStatus.CONFLICT, f"in a blackout window until {format_time(ends)}; force it to drill all the same"
            )
        order = DrillOrder(
            pair=plan.pair,
            kind=asked.kind,
            drill=f"{now:%Y%m%dt%H%M%S}{now.microsecond:06d}",
            reason=asked.reason,
            by=caller_of(req, deployment.settings) or asked.by or "unnamed",
            asked_at=now,
            beat=beat_of(plan.policy),
            longest=longest_of(plan.policy),
        )
        return _accept_run(await calls.drill(engine, order))

    return guard(handler)


def command(deployment: Deployment, do: str) -> Handler:
    """``POST pairs/{pair}/<do>``: 202 if it would be accepted now, 409 with the reason if not.

    The entity decides again when it takes the order in.
    """

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = deployment.plans.get(req.route_params["pair"])
        if plan is None:
            return unknown_pair(req.route_params["pair"])
        asked = body_of(req, AnswerBody if do in commands.ANSWERS else CommandBody)
        order = Command(
            do=commands.Do(do),
            by=caller_of(req, deployment.settings) or asked.by or "unnamed",
            reason=asked.reason,
            force=asked.force,
            proposal=asked.proposal if isinstance(asked, AnswerBody) else None,
        )
        now = deployment.clock.now()
        found = await readable(engine, plan.pair)
        if isinstance(found, InvalidInput):
            return unreadable(plan.pair, found)
        state = found or initial(plan.pair, now)
        try:
            decided = commands.command(state, order, now, plan.policy)
        except PermanentError as fault:
            return problem(HTTPStatus.CONFLICT, str(fault))
        if order.do in commands.ANSWERS:  # what is handed over is about the proposal that was judged here
            order = msgspec.structs.replace(order, proposal=open_proposal(state))
        order = msgspec.structs.replace(order, epoch=state.epoch)
        why = warn_of_order(plan, state, now) + decided.why
        if order.do in {commands.Do.PAUSE, commands.Do.RESUME}:
            return await _store_pause(deployment, engine, plan, order, why)
        await calls.command(engine, plan.pair, order, now)
        await deployment.record(plan, Wanted(pair=plan.pair, now=now, command=order))
        return _hand_over(plan.pair, do, why)

    return guard(handler)


async def _store_pause(
    deployment: Deployment, engine: Engine, plan: Plan, order: Command, why: str
) -> func.HttpResponse:
    """Store it for every stamp, then tell the entity. A pause that cannot be stored stands here all the same."""
    now, pair = deployment.clock.now(), plan.pair
    world = await deployment.assembled()
    found = await try_to_store(world.shared[pair], pair, record_of(order.do, order.by, order.reason, now))
    if isinstance(found, HubswitchError) and order.do is commands.Do.RESUME:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"not resumed, for this could not be stored: {found}")
    at = None if isinstance(found, HubswitchError) else found.at
    order = msgspec.structs.replace(order, stored_at=at)
    await calls.command(engine, pair, order, now)
    await deployment.record(plan, Wanted(pair=pair, now=now, command=order))
    if isinstance(found, HubswitchError):
        detail = f"{pair} is paused here, but other stamps cannot know, for this was not stored: {found}"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)
    return _hand_over(pair, order.do, why)


def _hand_over(pair: str, do: str, why: str) -> func.HttpResponse:
    """202: the order was handed to the pair's entity. Whether it was taken shows where ``see`` leads."""
    where = f"/api/pairs/{pair}"
    return answer({"pair": pair, "do": do, "why": why, "see": where}, HTTPStatus.ACCEPTED, {"Location": where})


def _accept_run(run_id: str) -> func.HttpResponse:
    where = f"/api/runs/{run_id}"  # a path: the host comes from the caller's header, who may have made it up
    return answer({"run": run_id, "follow": where}, HTTPStatus.ACCEPTED, {"Location": where, "Retry-After": "1"})


def body_of[T: (CommandBody, DrillBody)](req: func.HttpRequest, shape: type[T]) -> T:
    where = place_of(req)
    body = req.get_body()
    if len(body) > LIMIT:
        raise TooLarge(LIMIT)
    if not body:
        raise InvalidInput(where, "", "a JSON object with a reason", "an empty body")
    asked = decode(body, shape, where)
    if not asked.reason.strip():
        raise InvalidInput(where, "reason", "a sentence that says why", repr(asked.reason))
    return asked


def place_of(req: func.HttpRequest) -> str:
    """How a body is called in a complaint: ``body of POST pairs/demo/pause``."""
    return f"body of {_describe_request(req)}"


def query_of(req: func.HttpRequest) -> str:
    """The same of what stands behind a route's question mark."""
    return f"query of {_describe_request(req)}"


def _describe_request(req: func.HttpRequest) -> str:
    return f"{req.method} {req.url.partition('/api/')[2].partition('?')[0]}"


def caller_of(req: func.HttpRequest, settings: Settings) -> str:
    """The signed-in caller; empty where no authentication of the platform validates the header that names it."""
    return req.headers.get("x-ms-client-principal-name") or "" if settings.signed_in_header else ""


def limit_of(req: func.HttpRequest, usual: int, most: int) -> int:
    """How many things a caller wants to be told.

    Raises:
        InvalidInput: it is no number from 1 to ``most``.
    """
    given = req.params.get("limit", str(usual))
    if not (given.isascii() and given.isdigit() and len(given) < 9 and 1 <= int(given) <= most):  # noqa: PLR2004 - more letters are no number that is meant
        raise InvalidInput(query_of(req), "limit", f"a number from 1 to {most}", repr(given))
    return int(given)


async def readable(engine: Engine, name: str) -> PairState | InvalidInput | None:
    """The pair's stored state, or why it cannot be read."""
    try:
        return await calls.pair_state(engine, name)
    except InvalidInput as fault:
        return fault
