"""Questions and commands about pairs and runs, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Protocol

import azure.functions as func
import msgspec

from orchestrator import telemetry
from orchestrator.audit.evidence import run_named
from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import Value, decode, to_builtins
from orchestrator.core.base.errors import HubswitchError, InvalidInput, PermanentError
from orchestrator.core.base.text import duration_from, format_time
from orchestrator.core.decision import commands
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.holds import blackout_end
from orchestrator.core.decision.second_person import waiting_id
from orchestrator.core.decision.state import PairState, initial
from orchestrator.core.evidence.incident import RunIncident
from orchestrator.core.plan.drills import LONGEST_WORKLOAD, workload_fault
from orchestrator.core.plan.schema import Plan
from orchestrator.core.recording import Wanted
from orchestrator.core.signals.unread import UnreadLog
from orchestrator.ports import UNDER_WAY, Engine, EngineError
from orchestrator.triggers.answers import (
    TooLarge,
    UnknownPair,
    answer,
    invalid,
    prefers_page,
    problem,
    too_large,
    unavailable,
    unknown_pair,
    unreadable,
)
from orchestrator.triggers.callers import name_caller
from orchestrator.triggers.http_page import answer_page
from orchestrator.triggers.lags import lags
from orchestrator.triggers.pauses import record_of, try_to_store
from orchestrator.triggers.step_proposals import proposals_of_steps, with_step_proposal
from orchestrator.triggers.untold import untold, untold_of
from orchestrator.watch.drills import foresee_full, why_not_at_rest
from orchestrator.watch.unread import hand_over_unread
from orchestrator.web.views import explain_view, pair_view, run_view, status_view, unread_view, warn_of_order
from orchestrator.workflows import calls
from orchestrator.workflows.activities.incident import read_incident
from orchestrator.workflows.full_drill import describe_full
from orchestrator.workflows.messages import DrillKind, DrillOrder, drill_order

LOG = telemetry.logger("http")

Handler = Callable[[func.HttpRequest, Engine], Awaitable[func.HttpResponse]]

LIMIT = 64 * 1024
"""Bytes of a command: many times what a person writes."""

Words = Annotated[str, msgspec.Meta(max_length=1000)]


class CommandBody(Value, kw_only=True):
    """Body of a command: why, and by whom if the platform does not say."""

    reason: Words
    by: Words = ""
    force: bool = False


class FailoverBody(CommandBody, kw_only=True):
    """Body of a failover: whether it is a planned one, besides."""

    graceful: bool = False
    drain: Annotated[str, msgspec.Meta(max_length=20)] = ""
    """Of a planned one: longest wait for running jobs before the switch, such as ``30m``; empty: none."""


class AnswerBody(CommandBody, kw_only=True):
    """Body of an answer: the proposal that it is about, besides. May be left out while there has been only one.

    A step at which a run waits is always named, as ``<run>/<step>``.
    """

    proposal: Annotated[str, msgspec.Meta(max_length=150)] | None = None


BODIES: Mapping[str, type[CommandBody]] = {
    commands.Do.APPROVE: AnswerBody,
    commands.Do.REJECT: AnswerBody,
    commands.Do.FAILOVER: FailoverBody,
}
"""Bodies of commands that say more than why."""


class DrillBody(Value, kw_only=True):
    """Body of a drill."""

    reason: Words
    by: Words = ""
    kind: DrillKind = DrillKind.TABLETOP
    workload: Annotated[str, msgspec.Meta(max_length=LONGEST_WORKLOAD)] = ""
    """Of a partial drill: the value of the tag ``hubswitch.workload`` of the jobs that are copied."""

    force: bool = False
    """Practise in a blackout window too. A full drill is never forced."""


class SkipBody(Value, kw_only=True):
    """Body of a wish that a run goes on without a step."""

    step: Annotated[str, msgspec.Meta(max_length=100)]
    """Name of the step, as the run shows it."""

    reason: Words
    by: Words = ""


class WishBody(Value, kw_only=True):
    """Body of a wish about a run as a whole."""

    reason: Words
    by: Words = ""


def guard(handler: Handler) -> Handler:
    """The handler, with what it raises turned into problem details."""

    async def safe(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        try:
            return await handler(req, engine)
        except InvalidInput as fault:
            return invalid(fault)
        except UnknownPair as fault:
            return unknown_pair(fault)
        except TooLarge as fault:
            return too_large(fault)
        except EngineError as fault:
            return unavailable(fault)

    return safe


def plan_named(deployment: Deployment, pair: str) -> Plan:
    """The plan of a pair that a request names.

    Raises:
        UnknownPair: there is none; ``guard`` answers 404.
    """
    plan = deployment.plans.get(pair)
    if plan is None:
        raise UnknownPair(pair)
    return plan


def status(deployment: Deployment) -> Handler:
    """``GET status``: every pair in one line each; for browsers, a page with everything."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plans: Mapping[str, Plan] = deployment.plans
        only = req.params.get("pair")
        if only is not None:
            plans = {only: plan_named(deployment, only)}
        states = await calls.pair_states(engine, plans)
        now = deployment.clock.now()
        await hand_over_unread(engine, deployment.memory.unread, now)
        unread = unread_view(await _unread_log(engine), now)
        waiting = await untold(deployment)
        lines = status_view(plans, states, now, waiting) | {"unread": unread}
        asked = await proposals_of_steps(engine, plans, states)
        lines["pairs"] = [with_step_proposal(line, asked.get(line["pair"])) for line in lines["pairs"]]
        if prefers_page(req.headers.get("accept")):
            return await answer_page(deployment, req, lines["pairs"], states, unread, waiting)
        behind = await lags(deployment, plans, states)
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
        plan = plan_named(deployment, req.route_params["pair"])
        state = await readable(engine, plan.pair)
        asked = await proposals_of_steps(engine, {plan.pair: plan}, {plan.pair: state})
        view = with_step_proposal(pair_view(plan, state, deployment.clock.now()), asked.get(plan.pair))
        return answer(view | {"untold": untold_of(await untold(deployment), plan.pair)})

    return guard(handler)


def explain(deployment: Deployment) -> Handler:
    """``GET pairs/{pair}/explain``: why the pair stands where it stands, in one paragraph."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = plan_named(deployment, req.route_params["pair"])
        return answer(explain_view(plan, await readable(engine, plan.pair), deployment.clock.now()))

    return guard(handler)


def run(deployment: Deployment) -> Handler:
    """``GET runs/{id}``: where a run stands, what it waits for, and what Service Health said of its incident."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        found = await engine.state(req.route_params["id"])
        if found is None:
            return problem(HTTPStatus.NOT_FOUND, f"there is no run {req.route_params['id']!r}")
        incident = None if found.status in UNDER_WAY else await find_attached(deployment, found.id)
        return answer(run_view(found._asdict()) | {"incident": to_builtins(incident)})

    return guard(handler)


async def find_attached(deployment: Deployment, run: str) -> RunIncident | None:
    """The incident that a run answered; None if nothing is attached to it, or that cannot be read now."""
    name = run_named(run, deployment.plans)
    if name is None or name.drill:
        return None
    world = await deployment.assembled()
    try:
        return await asyncio.to_thread(read_incident, world.ledgers[name.pair], name.pair, run)
    except HubswitchError as fault:
        LOG.warning("what is attached to %s cannot be read: %s", run, fault)
        return None


def drill(deployment: Deployment) -> Handler:
    """``POST pairs/{pair}/drill``: practise; 202 with the run to follow."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = plan_named(deployment, req.route_params["pair"])
        asked = body_of(req, DrillBody)
        if why := workload_fault(asked.kind, asked.workload):
            raise InvalidInput(place_of(req), "workload", why, repr(asked.workload))
        now = deployment.clock.now()
        by = name_caller(req, deployment.settings, asked.by)
        order = drill_order(plan, asked.kind, asked.reason, by, now)
        if order.kind is DrillKind.FULL:
            return await _begin_full(engine, plan, order, force=asked.force)
        ends = blackout_end(now, plan.policy)
        if ends and not asked.force:
            return problem(
                HTTPStatus.CONFLICT, f"in a blackout window until {format_time(ends)}; force it to drill all the same"
            )
        if order.kind in {DrillKind.DECISION, DrillKind.CANARY, DrillKind.PARTIAL}:
            found = await readable(engine, plan.pair)
            if isinstance(found, InvalidInput):
                return unreadable(plan.pair, found)
            if order.kind is DrillKind.DECISION:
                order = msgspec.structs.replace(order, state=found)
            elif why := _why_refused(order, found, force=asked.force):
                return problem(HTTPStatus.CONFLICT, why)
            else:
                order = msgspec.structs.replace(order, workload=asked.workload)
        return accept_run(await calls.drill(engine, order))

    return guard(handler)


def _why_refused(order: DrillOrder, state: PairState | None, *, force: bool) -> str:
    """Why a drill that submits jobs does not begin now; empty if it does. One canary does no harm, if it is wanted."""
    why = why_not_at_rest(state)
    if not why or (force and order.kind is DrillKind.CANARY):
        return ""
    forced = "; force it to drill all the same" if order.kind is DrillKind.CANARY else ""
    return f"a {order.kind} drill needs a pair at rest: {why}{forced}"


async def _begin_full(engine: Engine, plan: Plan, order: DrillOrder, *, force: bool) -> func.HttpResponse:
    """202 with what the drill will really move, or 409 with what it lacks. The pair decides again when it is asked."""
    if force:
        return problem(HTTPStatus.CONFLICT, "a full drill is never forced: it moves the pointer")
    found = await readable(engine, plan.pair)
    if isinstance(found, InvalidInput):
        return unreadable(plan.pair, found)
    state = found or initial(plan.pair, order.asked_at)
    order = msgspec.structs.replace(order, epoch=state.epoch)
    try:
        foresee_full(state, order, plan.policy)
    except PermanentError as fault:
        return problem(HTTPStatus.CONFLICT, str(fault))
    return accept_run(await calls.drill(engine, order), describe_full(order, plan))


def command(deployment: Deployment, do: str) -> Handler:
    """``POST pairs/{pair}/<do>``: 202 if it would be accepted now, 409 with the reason if not.

    The entity decides again when it takes the order in.
    """

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = plan_named(deployment, req.route_params["pair"])
        asked = body_of(req, BODIES.get(do, CommandBody))
        order = Command(
            do=commands.Do(do),
            by=name_caller(req, deployment.settings, asked.by),
            reason=asked.reason,
            force=asked.force,
            graceful=isinstance(asked, FailoverBody) and asked.graceful,
            drain=_drain_of(req, asked),
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
            order = msgspec.structs.replace(order, proposal=waiting_id(state, now, plan.policy))
        order = msgspec.structs.replace(order, epoch=state.epoch)
        why = warn_of_order(plan, state, now) + decided.why
        if order.do in {commands.Do.PAUSE, commands.Do.RESUME}:
            return await _store_pause(deployment, engine, plan, order, why)
        await calls.command(engine, plan.pair, order, now)
        await deployment.record(plan, Wanted(pair=plan.pair, now=now, command=order))
        return _hand_over(plan.pair, do, why)

    return guard(handler)


def _drain_of(req: func.HttpRequest, asked: CommandBody) -> timedelta:
    """How long an order lets its run wait for running jobs.

    Raises:
        InvalidInput: it is no duration.
    """
    if not isinstance(asked, FailoverBody) or not asked.drain:
        return timedelta()
    return duration_from(asked.drain, place_of(req), "drain")


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


def accept_run(run_id: str, why: str = "") -> func.HttpResponse:
    """202: a run was started; ``follow`` leads to it. ``why``: what people should know of it."""
    where = f"/api/runs/{run_id}"  # a path: the host comes from the caller's header, who may have made it up
    said = {"run": run_id, "follow": where} | ({"why": why} if why else {})
    return answer(said, HTTPStatus.ACCEPTED, {"Location": where, "Retry-After": "1"})


class Reasoned(Protocol):
    """A body that says why."""

    @property
    def reason(self) -> str: ...


def body_of[T: Reasoned](req: func.HttpRequest, shape: type[T]) -> T:
    """The body of a command.

    Raises:
        InvalidInput: it is none, or gives no reason.
        TooLarge: it has more than ``LIMIT`` bytes.
    """
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
