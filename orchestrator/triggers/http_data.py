"""``GET pairs/{pair}/data``: what running jobs read, and whether it is there on the other side. Reads only."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from http import HTTPStatus

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.state import PairState
from orchestrator.core.jobs.data_report import DataReport
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Engine
from orchestrator.triggers.answers import answer, problem
from orchestrator.triggers.http_pairs import Handler, guard, plan_named, readable
from orchestrator.triggers.single_flight import SingleFlight

LONGEST = timedelta(seconds=200)
"""Azure's load balancer gives up a request after 230 seconds (learn.microsoft.com, "Azure Functions HTTP trigger")."""


def data(deployment: Deployment) -> Handler:
    """``GET pairs/{pair}/data``: 503 while it takes longer than a request may; the same question again waits on."""
    reports: SingleFlight[str, DataReport] = SingleFlight(keeps_unread=True)  # it may outlast a request

    async def examine(plan: Plan, active: Role) -> DataReport:
        # Imported at the first question: a worker's start should not pay for what few of them are asked.
        from orchestrator.standby.data import data_report

        world = await deployment.assembled()
        return await asyncio.to_thread(lambda: data_report(world, deployment.inventory, plan, active))

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        plan = plan_named(deployment, req.route_params["pair"])
        state = await readable(engine, plan.pair)
        active = state.active if isinstance(state, PairState) else Role.PRIMARY
        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                return answer(to_builtins(await reports.run(plan.pair, lambda: examine(plan, active))))
        except TimeoutError:
            told = f"the data of {plan.pair} are still being looked through; ask again"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, told, {"Retry-After": "30"})
        except HubswitchError as fault:
            told = f"the data could not be looked at: {fault}"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, told, {"Retry-After": "30"})

    return guard(handler)
