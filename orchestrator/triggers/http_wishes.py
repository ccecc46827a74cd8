"""``POST runs/{id}/abort|retry|ungraceful``: what a person wishes of a run, besides skipping a step of it."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import NamedTuple

import azure.functions as func

from orchestrator.audit.evidence import RunName, run_named
from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError, NotNow
from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.state import PairState
from orchestrator.core.evidence.audit_notes import wish_note
from orchestrator.ports import UNDER_WAY, Engine, EngineError, OrchestrationState
from orchestrator.triggers.answers import answer, problem
from orchestrator.triggers.callers import name_caller
from orchestrator.triggers.http_pairs import Handler, WishBody, body_of, guard, readable
from orchestrator.workflows import calls, names
from orchestrator.workflows.activities.wishes import abort_run, turn_ungraceful
from orchestrator.workflows.messages import Wish

LEEWAY = timedelta(minutes=1)
"""The engine's clocks may differ by so much: what a run has begun is looked for from so long before its own start."""

POSSIBLE = {
    Phase.RESUBMITTING: "the pointer has moved; a step that fails can be retried or skipped, and a failback goes back",
}
"""What can be asked of a run in a phase of its pair, besides waiting."""


class Wished(NamedTuple):
    """A wish that can be judged: the run, as the engine knows it, and who wishes what of it."""

    name: RunName
    run: OrchestrationState
    by: str
    reason: str


class RunRequest(NamedTuple):
    """A wish about a run of which the engine need not know."""

    name: RunName
    by: str
    reason: str


def retry(deployment: Deployment) -> Handler:
    """``POST runs/{id}/retry``: let what pauses before its next try be tried at once; 202, or 409 if nothing pauses."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        wished = await _wish_of(req, engine, deployment)
        if isinstance(wished, func.HttpResponse):
            return wished
        waiting = await _wake(engine, wished, deployment)
        if not waiting:
            place = await _describe_place(engine, wished)
            return problem(HTTPStatus.CONFLICT, f"{wished.name.id} does not pause before a try; {place}")
        steps = sorted({str(each.waits_for["step"]) for each in waiting})
        return await _take(deployment, engine, wished, "retry", f"tried at once: {join_words(steps)}")

    return guard(handler)


def abort(deployment: Deployment) -> Handler:
    """``POST runs/{id}/abort``: end a drill, or a run that has claimed no epoch yet; 202, or 409 and what can be done.

    Of a run the epoch record decides, before this answers: an abort that was taken cannot be overtaken by a claim.
    """

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        wished = await _wish_of(req, engine, deployment)
        if isinstance(wished, func.HttpResponse):
            return wished
        wish = Wish(by=wished.by, reason=wished.reason, at=deployment.clock.now())
        if wished.name.drill:
            await engine.raise_event(wished.name.id, names.ABORT, to_builtins(wish))
            why = "the drill ends: what it has made is cancelled, and a full one brings the pair home"
            return await _take(deployment, engine, wished, "abort", why)
        world = await deployment.assembled()
        try:
            await asyncio.to_thread(abort_run, world, wished.name.pair, wished.name.id, wish)
        except NotNow as fault:
            return problem(HTTPStatus.CONFLICT, f"{fault}; {await _describe_place(engine, wished)}")
        except HubswitchError as fault:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"not known to be aborted; ask again: {fault}")
        # From here on the run can claim nothing. That it ends at once, and not after its next pause, is a courtesy.
        with suppress(EngineError):
            await _wake(engine, wished, deployment)
        why = "it claims nothing any more and ends; the pair is where it was"
        return await _take(deployment, engine, wished, "abort", why)

    return guard(handler)


def ungraceful(deployment: Deployment) -> Handler:
    """``POST runs/{id}/ungraceful``: let a planned switch wait for no job any more; 202, or 409 and why not.

    A run that drains ends its drain, claims its epoch, and takes the wish over with the claim.
    The run may be over: the jobs that it left where they ran are then moved by what looks after them.
    """

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        run = req.route_params["id"]
        name = run_named(run, deployment.plans)
        if name is None or name.drill:
            return problem(HTTPStatus.NOT_FOUND, f"there is no run {run!r}")
        asked = body_of(req, WishBody)
        by = name_caller(req, deployment.settings, asked.by)
        now = deployment.clock.now()
        state = await readable(engine, name.pair)
        drains = isinstance(state, PairState) and state.run == run and state.is_draining
        wish = Wish(by=by, reason=asked.reason, at=now)
        world = await deployment.assembled()
        try:
            record = await asyncio.to_thread(turn_ungraceful, world, name.pair, run, wish, drains=drains)
        except NotNow as fault:
            return problem(HTTPStatus.CONFLICT, str(fault))
        except HubswitchError as fault:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"not known to be ungraceful; ask again: {fault}")
        why = "what still runs on the side that was left is stopped there and submitted to the other, each job once"
        if record.run != run:
            why = f"the drain ends and the run switches; {why}"
            # The run reads the wish at its next look. That it looks at once is a courtesy.
            with suppress(EngineError):
                await engine.raise_event(run, names.TRY_NOW, None)
        return await _take(deployment, engine, RunRequest(name, by, asked.reason), "ungraceful", why)

    return guard(handler)


def find_waiting(
    run: OrchestrationState, begun: Iterable[OrchestrationState], pairs: Container[str]
) -> list[OrchestrationState]:
    """What of a run pauses before it tries a step again: the run itself, or what it has begun for that step.

    Args:
        run: the run.
        begun: orchestrations whose ids begin with the run's; some may belong to other runs.
        pairs: names of all pairs, by which ids of runs are told from each other.
    """
    inside = [each for each in begun if _owner_of(each.id, pairs) == run.id]
    paused = [each for each in (run, *inside) if each.status in UNDER_WAY and _pauses(each)]
    long = {_place_of(each) for each in paused if each.name == names.PATIENCE_RUN}
    return [each for each in paused if each.name == names.PATIENCE_RUN or _place_of(each) not in long]


def _owner_of(instance: str, pairs: Container[str]) -> str:
    """The run that an orchestration belongs to: the longest id of one that its own id begins with; empty if none."""
    parts = instance.split("-")
    begins = ("-".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((begin for begin in begins if run_named(begin, pairs)), "")


def _pauses(found: OrchestrationState) -> bool:
    """Whether its status names a step that failed. A run whose batches move names those, and pauses for none."""
    waits = found.waits_for
    if not isinstance(waits, dict) or not waits.get("why"):
        return False
    return waits.get("step") not in {None, "", names.RESUBMIT_RUN}


def _place_of(found: OrchestrationState) -> tuple[str, str]:
    """Step and beginning: equal for a run and for the orchestration in which its step is tried for long."""
    return str(found.waits_for["step"]), str(found.waits_for.get("since"))


async def _wish_of(req: func.HttpRequest, engine: Engine, deployment: Deployment) -> Wished | func.HttpResponse:
    """The wish; or the answer to one about a run that is not there, or has ended.

    Raises:
        InvalidInput: its body is none.
        TooLarge: its body is too large.
    """
    run = req.route_params["id"]
    name = run_named(run, deployment.plans)
    found = await engine.state(run) if name else None
    if name is None or found is None:
        return problem(HTTPStatus.NOT_FOUND, f"there is no run {run!r}")
    if found.status not in UNDER_WAY:
        return problem(HTTPStatus.CONFLICT, f"{run} has ended as {found.status}: nothing of it is under way")
    asked = body_of(req, WishBody)
    by = name_caller(req, deployment.settings, asked.by)
    return Wished(name, found, by, asked.reason)


async def _wake(engine: Engine, wished: Wished, deployment: Deployment) -> list[OrchestrationState]:
    """End the pauses of a run before its next tries; what paused."""
    begun = await engine.started_since(f"{wished.name.id}-", wished.run.created_at - LEEWAY)
    waiting = find_waiting(wished.run, begun, deployment.plans)
    for each in waiting:
        await engine.raise_event(each.id, names.TRY_NOW, None)
    return waiting


async def _describe_place(engine: Engine, wished: Wished) -> str:
    """Where a run stands, and what could be asked of it, as the end of a sentence."""
    waits = wished.run.waits_for
    step = waits.get("step") if isinstance(waits, dict) else None
    at = f"it is at {step}" if step else "it goes on by itself"
    state = await readable(engine, wished.name.pair)
    if wished.name.drill or not isinstance(state, PairState):
        return at
    phase = f"the pair is {state.phase.replace('_', ' ')}"
    return "; ".join(part for part in (at, phase, POSSIBLE.get(state.phase)) if part)


async def _take(
    deployment: Deployment, engine: Engine, wished: Wished | RunRequest, do: str, why: str
) -> func.HttpResponse:
    """Note a wish that was handed over in the audit log; the answer."""
    now = deployment.clock.now()
    pair, run = wished.name.pair, wished.name.id
    await calls.audit(engine, wish_note(pair, run, do, wished.by, wished.reason, now, why))
    where = f"/api/runs/{run}"
    return answer({"run": run, "do": do, "why": why, "see": where}, HTTPStatus.ACCEPTED, {"Location": where})
