"""The timers: looking at pairs, and reconciling the ledger with the hubs."""

from __future__ import annotations

import asyncio

from azure.durable_functions import DurableFunctionsClient

from orchestrator import telemetry
from orchestrator.bootstrap import Deployment
from orchestrator.core.errors import HubswitchError, InvalidInput
from orchestrator.core.plan import Plan
from orchestrator.core.state import PairState
from orchestrator.core.vocabulary import Phase
from orchestrator.triggers import engine
from orchestrator.workflows.capture import reconciled
from orchestrator.workflows.looking import is_due, look, share_moving
from orchestrator.workflows.orders import CaptureOrder, Observed
from orchestrator.workflows.revival import ended_early, needs_revival, order_again
from orchestrator.workflows.telling import summary_path

LOG = telemetry.logger("timers")

AT_ONCE = 64
"""Pairs looked at together. Each look holds a handful of connections."""

QUIET = frozenset({Phase.STEADY, Phase.SUSPECT, Phase.SETTLED, Phase.AWAITING_APPROVAL})
"""Phases in which the ledger may be reconciled: in the others a run is writing it."""


_SUMMARISED: set[tuple[str, str]] = set()
"""Runs that are known to have left their summary: it never goes away, so it need not be looked for again."""


async def watch(deployment: Deployment, client: DurableFunctionsClient) -> int:
    """Look at every pair that is due and hand what was seen to its entity; how many were looked at."""
    states = {pair: await _state(client, pair) for pair in deployment.plans}
    known = [state for state in states.values() if state]
    now = deployment.world.clock.now()
    due = [plan for pair, plan in deployment.plans.items() if is_due(states[pair], plan, now)]
    limit = asyncio.Semaphore(AT_ONCE)

    async def looked_at(plan: Plan) -> None:
        async with limit:
            seen = await look(deployment.world, plan, share_moving(known, plan))
            await engine.observe(client, plan.pair, seen)
            await _revive(deployment, client, plan, states[plan.pair], seen)

    await asyncio.gather(*(looked_at(plan) for plan in due))
    return len(due)


async def _revive(
    deployment: Deployment, client: DurableFunctionsClient, plan: Plan, state: PairState | None, seen: Observed
) -> None:
    """Begin the run again that holds the epoch, or report the one that never did, if the engine has lost it."""
    record, now = seen.record, deployment.world.clock.now()
    if seen.trouble is not None:
        return
    if record and record.run and (plan.pair, record.run) not in _SUMMARISED:
        path = summary_path(plan.pair, record.run)
        summary = await asyncio.to_thread(deployment.world.ledgers[plan.pair].get, path)
        if summary is not None:
            _SUMMARISED.add((plan.pair, record.run))
        elif needs_revival(record, await engine.status_of(client, record.run), plan, now):
            LOG.warning("%s: %s is begun again", plan.pair, record.run)
            await engine.begin_again(client, order_again(record, plan, now))
    if state and state.run:
        report = ended_early(state, record, await engine.status_of(client, state.run), plan, now)
        if report:
            await engine.report(client, plan.pair, report, now)


async def reconcile(deployment: Deployment, client: DurableFunctionsClient) -> int:
    """Start capture runs for every job whose ledger record and hub differ; how many."""
    started = 0
    for plan in deployment.plans.values():
        state = await _state(client, plan.pair)
        if state is None or state.phase not in QUIET:
            continue
        try:
            orders = await asyncio.to_thread(_orders, deployment, plan, state)
        except HubswitchError as fault:
            LOG.warning("%s: the %s could not be listed: %s", plan.pair, state.active, fault)
            continue
        started += await engine.capture(client, dict(deployment.plans), orders)
    return started


def _orders(deployment: Deployment, plan: Plan, state: PairState) -> list[CaptureOrder]:
    return list(reconciled(deployment.world, plan, state.active))


async def _state(client: DurableFunctionsClient, pair: str) -> PairState | None:
    try:
        return await engine.pair_state(client, pair)
    except InvalidInput as fault:
        LOG.error("%s stands still: %s", pair, fault)  # noqa: TRY400 - the sentence says it all
        return None
