"""``GET runs``: what ran, newest first; and ``POST runs/{id}/skip``."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import azure.functions as func

from orchestrator.audit.evidence import run_named
from orchestrator.audit.past_runs import RunLine, list_past_runs
from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.decision.state import PairState
from orchestrator.core.evidence.audit_notes import wish_note
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import MoveJobs, Step, steps_in
from orchestrator.ports import UNDER_WAY, Engine, EngineError
from orchestrator.triggers.answers import answer, problem
from orchestrator.triggers.callers import name_caller
from orchestrator.triggers.group_runs import GroupRunLine, list_group_runs
from orchestrator.triggers.http_pairs import Handler, SkipBody, body_of, guard, limit_of, place_of, plan_named, readable
from orchestrator.workflows import calls
from orchestrator.workflows.activities.steps import skip_step
from orchestrator.workflows.messages import SkipWish, kind_of_run

MOST, TOLD = 200, 50
"""Runs of one answer: at most, and if nobody says how many."""


def runs(deployment: Deployment) -> Handler:
    """``GET runs?pair=&limit=``: runs and drills of one pair, or of all; those under way first, then the newest.

    Beside them those of groups, so that whoever reads ``runs`` still finds a pair, and evidence, for each.
    """

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        pair = req.params.get("pair")
        plans = deployment.plans if pair is None else {pair: plan_named(deployment, pair)}
        limit = limit_of(req, TOLD, MOST)
        states = await calls.pair_states(engine, plans)
        under_way = [
            _under_way(state) for state in states.values() if isinstance(state, PairState) and state.run is not None
        ]
        found = await asyncio.gather(*(asyncio.to_thread(_past, deployment, plan, limit) for plan in plans.values()))
        unread = [one for one in found if isinstance(one, str)]
        if unread and len(unread) == len(plans):
            told = f"no ledger can be read: {unread[0]}"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, told, {"Retry-After": "30"})
        running = {run.id for run in under_way}
        past = [run for runs in found if not isinstance(runs, str) for run in runs if run.id not in running]
        newest = sorted(past, key=lambda run: run.at, reverse=True)
        listed = [*under_way, *newest][:limit]
        groups: list[GroupRunLine] = []
        try:
            groups = await list_group_runs(engine, deployment.groups, deployment.clock.now(), pair=pair, limit=limit)
        except EngineError as fault:
            unread.append(f"runs of groups: the engine did not answer: {fault}")
        return answer({"runs": to_builtins(listed), "group_runs": to_builtins(groups), "unread": unread})

    return guard(handler)


def skip(deployment: Deployment) -> Handler:
    """``POST runs/{id}/skip``: let a run that is under way go on without a step that fails; 202.

    The wish is kept in the ledger, and looked up whenever that step has failed.
    """

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        run = req.route_params["id"]
        plan = await plan_of_switch_under_way(deployment, engine, run)
        if plan is None:
            if await engine.state(run) is None:
                return problem(HTTPStatus.NOT_FOUND, f"there is no run {run!r}")
            return problem(HTTPStatus.CONFLICT, f"{run} has ended: only a switch that is under way has steps to skip")
        asked = body_of(req, SkipBody)
        by = name_caller(req, deployment.settings, asked.by)
        wish = SkipWish(step=asked.step, by=by, reason=asked.reason, at=deployment.clock.now())
        steps = steps_of(plan, run)
        if asked.step not in steps:
            raise InvalidInput(place_of(req), "step", f"one of {', '.join(steps)}", repr(asked.step))
        if isinstance(steps[asked.step], MoveJobs):
            why = "jobs are not skipped together, for each needs an outcome: see hubswitch jobs skip"
            return problem(HTTPStatus.CONFLICT, why)
        world = await deployment.assembled()
        try:
            await asyncio.to_thread(skip_step, world.ledgers[plan.pair], plan.pair, run, wish)
        except HubswitchError as fault:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"not skipped, for it could not be stored: {fault}")
        where = f"/api/runs/{run}"
        why = f"{asked.step} is left as soon as it fails; if it succeeds first, it was done"
        await calls.audit(engine, wish_note(plan.pair, run, "skip", by, asked.reason, wish.at, why))
        said = {"run": run, "step": asked.step, "why": why, "see": where}
        return answer(said, HTTPStatus.ACCEPTED, {"Location": where})

    return guard(handler)


async def plan_of_switch_under_way(deployment: Deployment, engine: Engine, run: str) -> Plan | None:
    """The plan of the pair that a switch belongs to, if that is under way; None if it is not.

    A run that was begun again, such as one that a person began without the app, is known to the engine alone: its
    pair's entity has taken the switch over already and waits for no run.
    """
    named = run_named(run, deployment.plans)
    if named is None or named.drill:
        return None
    state = await readable(engine, named.pair)
    is_awaited = isinstance(state, PairState) and state.run == run
    return deployment.plans[named.pair] if is_awaited or await engine.status(run) in UNDER_WAY else None


def steps_of(plan: Plan, run: str) -> dict[str, Step]:
    """Title -> step of a switch, as its plan has them now. The kind counts, not the side that it leads to."""
    return {step.title: step for _, step in steps_in(plan.workflow.direction(kind_of_run(run).value))}


def _past(deployment: Deployment, plan: Plan, limit: int) -> list[RunLine] | str:
    """The pair's ended runs, or why they cannot be had: one sick ledger hides no other pair's."""
    try:
        return list_past_runs(deployment.world.ledgers[plan.pair], plan.pair, limit)
    except HubswitchError as fault:
        return f"{plan.pair}: {fault}"


def _under_way(state: PairState) -> RunLine:
    return RunLine(
        id=str(state.run),
        pair=state.pair,
        kind=kind_of_run(str(state.run)).value,
        epoch=state.epoch + 1,
        outcome="running",
        why=state.why or "",
        at=state.phase_since,
    )
