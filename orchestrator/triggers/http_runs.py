"""``GET runs``: what ran, newest first."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import azure.functions as func

from orchestrator.audit.past_runs import RunLine, list_past_runs
from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Engine
from orchestrator.triggers.answers import answer, problem, unknown_pair
from orchestrator.triggers.http_pairs import Handler, guard, limit_of
from orchestrator.workflows import calls

MOST, TOLD = 200, 50
"""Runs of one answer: at most, and if nobody says how many."""


def runs(deployment: Deployment) -> Handler:
    """``GET runs?pair=&limit=``: runs and drills of one pair, or of all; those under way first, then the newest."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        pair = req.params.get("pair")
        if pair is not None and pair not in deployment.plans:
            return unknown_pair(pair)
        limit = limit_of(req, TOLD, MOST)
        plans = deployment.plans if pair is None else {pair: deployment.plans[pair]}
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
        return answer({"runs": [to_builtins(run) for run in listed], "unread": unread})

    return guard(handler)


def _past(deployment: Deployment, plan: Plan, limit: int) -> list[RunLine] | str:
    """The pair's ended runs, or why they cannot be had: one sick ledger hides no other pair's."""
    try:
        return list_past_runs(deployment.world.ledgers[plan.pair], plan.pair, limit)
    except HubswitchError as fault:
        return f"{plan.pair}: {fault}"


def _under_way(state: PairState) -> RunLine:
    run = str(state.run)
    return RunLine(
        id=run,
        pair=state.pair,
        kind="failback" if run.startswith("failback-") else "failover",
        epoch=state.epoch + 1,
        outcome="running",
        why=state.why or "",
        at=state.phase_since,
    )
