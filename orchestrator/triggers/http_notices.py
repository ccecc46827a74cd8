"""``POST pairs/{pair}/test-notices``: does every channel of a plan take a notice? People see it, so that they know."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.text import count_of
from orchestrator.core.evidence.audit_notes import channel_test_note
from orchestrator.ports import Engine
from orchestrator.triggers.answers import answer, problem
from orchestrator.triggers.callers import name_caller
from orchestrator.triggers.http_pairs import CommandBody, Handler, body_of, guard, plan_named
from orchestrator.workflows import calls
from orchestrator.workflows.activities.notify import publish_test_notice


def send_test_notices(deployment: Deployment) -> Handler:
    """200 with what became of the test notice on each channel; 409 if the plan has no channel."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = plan_named(deployment, req.route_params["pair"])
        asked = body_of(req, CommandBody)
        if not plan.channels:
            return problem(HTTPStatus.CONFLICT, f"the plan of {plan.pair} has no channel: set `notify` in it")
        by, now = name_caller(req, deployment.settings, asked.by), deployment.clock.now()
        world = await deployment.assembled()
        faults = await asyncio.to_thread(publish_test_notice, world, plan.pair, by, asked.reason)
        told = sum(not why for why in faults.values())
        why = f"{told} of {count_of(len(faults), 'channel', 'channels')} took the test notice"
        await calls.audit(engine, channel_test_note(plan.pair, by, asked.reason, now, why))
        channels = [{"channel": key, "ok": not fault, "why": fault} for key, fault in faults.items()]
        return answer({"pair": plan.pair, "ok": told == len(faults), "why": why, "channels": channels})

    return guard(handler)
