"""Answers of people to runs that wait at a step: ``POST pairs/{pair}/approve`` and ``reject``, as for a switch.

The proposal of a step is ``<run>/<step>``.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.decision import commands
from orchestrator.core.evidence.audit_notes import wish_note
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.ports import Engine
from orchestrator.triggers import http_pairs
from orchestrator.triggers.answers import answer, problem
from orchestrator.triggers.callers import name_caller
from orchestrator.triggers.http_pairs import AnswerBody, Handler, body_of, guard, place_of, plan_named
from orchestrator.triggers.http_runs import plan_of_switch_under_way, steps_of
from orchestrator.workflows import calls
from orchestrator.workflows.activities.approval_step import answer_step, read_answer
from orchestrator.workflows.messages import StepAnswer


def command(deployment: Deployment, do: str) -> Handler:
    """``POST pairs/{pair}/approve`` and ``reject``: of a step if the proposal names one, else of a switch."""
    of_switch = http_pairs.command(deployment, do)

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = plan_named(deployment, req.route_params["pair"])
        asked = body_of(req, AnswerBody)
        if "/" not in (asked.proposal or ""):
            return await of_switch(req, engine)
        return await _answer_step(deployment, req, engine, plan, do)

    return guard(handler)


async def _answer_step(
    deployment: Deployment, req: func.HttpRequest, engine: Engine, plan: Plan, do: str
) -> func.HttpResponse:
    asked = body_of(req, AnswerBody)
    run, _, step = (asked.proposal or "").partition("/")
    found = await plan_of_switch_under_way(deployment, engine, run)
    if found is None or found.pair != plan.pair:
        return problem(HTTPStatus.CONFLICT, f"{run} is no switch of {plan.pair} that is under way")
    waiting = [title for title, each in steps_of(plan, run).items() if isinstance(each, AwaitApproval)]
    if step not in waiting:
        known = " or ".join(f"{run}/{title}" for title in waiting) or "a step that waits for a person; there is none"
        raise InvalidInput(place_of(req), "proposal", known, repr(asked.proposal))
    is_approved = do == commands.Do.APPROVE
    by = name_caller(req, deployment.settings, asked.by)
    said = StepAnswer(step=step, is_approved=is_approved, by=by, reason=asked.reason, at=deployment.clock.now())
    world = await deployment.assembled()
    ledger = world.ledgers[plan.pair]
    try:
        if not await asyncio.to_thread(answer_step, ledger, plan.pair, run, said):
            first = await asyncio.to_thread(read_answer, ledger, plan.pair, run, step)
            who = f"{first.by} has {'approved' if first.is_approved else 'rejected'} it" if first else "somebody has"
            return problem(HTTPStatus.CONFLICT, f"{asked.proposal} is answered: {who}, and the first answer counts")
    except HubswitchError as fault:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"not answered, for it could not be stored: {fault}")
    where = f"/api/runs/{run}"
    why = f"{step} is {'approved' if is_approved else 'left out'}; the run goes on when it looks again"
    await calls.audit(engine, wish_note(plan.pair, run, do, by, asked.reason, said.at, why))
    body = {"pair": plan.pair, "do": do, "why": why, "see": where}
    return answer(body, HTTPStatus.ACCEPTED, {"Location": where})
