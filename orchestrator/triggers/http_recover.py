"""``POST pairs/{pair}/recover``: what was deleted, and bringing it back."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

import azure.functions as func
import msgspec

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import Value, to_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.plan.schema import Plan
from orchestrator.core.standby.recovery import RecoveryProposal
from orchestrator.ports import Engine
from orchestrator.standby.recovery import look_for_deleted
from orchestrator.triggers.answers import answer, problem, unreadable
from orchestrator.triggers.callers import name_caller
from orchestrator.triggers.http_pairs import Handler, Words, accept_run, body_of, guard, plan_named, readable
from orchestrator.workflows import calls
from orchestrator.workflows.recovery_messages import recover_order


class RecoverBody(Value, kw_only=True):
    """Body of a recovery. It is the approval: whoever sends it has looked at the proposal."""

    reason: Words
    by: Words = ""
    dry: bool = False
    """Say what would be done, and do nothing."""

    proposal: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    """The proposal that was looked at, as ``dry`` shows it. Needed in mode ``approve``; elsewhere what is deleted now
    is recovered if it is left out."""


def recover(deployment: Deployment) -> Handler:
    """``POST pairs/{pair}/recover``: 200 with the proposal if ``dry``, else 202 with the run to follow.

    409 if nothing can be recovered, or what is deleted is not what was looked at.
    """

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = plan_named(deployment, req.route_params["pair"])
        asked = body_of(req, RecoverBody)
        state = await readable(engine, plan.pair)
        if isinstance(state, InvalidInput):
            return unreadable(plan.pair, state)
        world = await deployment.assembled()
        found = await asyncio.to_thread(look_for_deleted, world, plan, state)
        if asked.dry:
            return answer(to_builtins(found))
        refusal = _why_not(plan, found, asked.proposal)
        if refusal:
            return problem(HTTPStatus.CONFLICT, refusal)
        by = name_caller(req, deployment.settings, asked.by)
        order = recover_order(plan, found, asked.reason, by, deployment.clock.now())
        return accept_run(await calls.recover(engine, order))

    return guard(handler)


def _why_not(plan: Plan, found: RecoveryProposal, named: str | None) -> str:
    """Why a proposal is not carried out; empty if it is."""
    if not found.calls:
        told = f"nothing of {plan.pair} can be recovered by a call: {found.why}"
        return f"{told}; not known: {'; '.join(found.unread)}" if found.unread else told
    if named is not None and named != found.id:
        return f"what is deleted is no longer what was looked at: the proposal is {found.id} now ({found.why})"
    if named is None and plan.policy.mode is Mode.APPROVE:
        return f"the mode is approve: name the proposal that was looked at, which is {found.id} ({found.why})"
    return ""
