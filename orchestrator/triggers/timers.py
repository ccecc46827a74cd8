"""The timers: looking at pairs, reconciling the ledger with the hubs, bringing the standbys up to date."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from azure.durable_functions import DurableFunctionsClient

from orchestrator import telemetry
from orchestrator.bootstrap import Deployment
from orchestrator.core.errors import HubswitchError, InvalidInput
from orchestrator.core.plan import Plan
from orchestrator.core.state import PairState
from orchestrator.core.vocabulary import Phase
from orchestrator.triggers import engine
from orchestrator.workflows import replication
from orchestrator.workflows.afterwards import order_after
from orchestrator.workflows.capture import reconciled
from orchestrator.workflows.looking import is_due, look, share_moving
from orchestrator.workflows.orders import CaptureOrder, Observed
from orchestrator.workflows.revival import ended_early, needs_revival, order_again
from orchestrator.workflows.sharing import Surroundings
from orchestrator.workflows.telling import summary_path

LOG = telemetry.logger("timers")

AT_ONCE = 64
"""Pairs looked at together. Each look holds a handful of connections."""

QUIET = frozenset({Phase.STEADY, Phase.SUSPECT, Phase.SETTLED, Phase.AWAITING_APPROVAL})
"""Phases in which the ledger may be reconciled: in the others a run is writing it."""


async def watch(deployment: Deployment, client: DurableFunctionsClient) -> int:
    """Look at every pair that is due and hand what was seen to its entity; how many were looked at.

    A pair whose stored state cannot be read is left alone. One that fails does not stop the others; what it raised
    is raised at the end, so that the host shows this invocation as failed.
    """
    states = await _readable_states(deployment, client)
    known = [state for state in states.values() if state]
    now = deployment.clock.now()
    due = [deployment.plans[pair] for pair, state in states.items() if is_due(state, deployment.plans[pair], now)]
    limit = asyncio.Semaphore(AT_ONCE)
    world = await deployment.assembled()
    around = Surroundings(world, deployment.settings.stamp)

    async def looked_at(plan: Plan) -> None:
        async with limit:
            seen = await look(world, plan, around, share_moving(known, plan))
            await engine.observe(client, plan.pair, seen)
            await _tell_stamps(deployment, plan, states[plan.pair])
            await _revive(deployment, client, plan, states[plan.pair], seen)

    found = await asyncio.gather(*(looked_at(plan) for plan in due), return_exceptions=True)
    faults = [(plan, fault) for plan, fault in zip(due, found, strict=True) if fault is not None]
    for plan, fault in faults:
        LOG.error("looking at %s failed: %s", plan.pair, fault)
    if faults:
        raise faults[0][1]
    return len(due)


async def _tell_stamps(deployment: Deployment, plan: Plan, state: PairState | None) -> None:
    """Let the other stamps know what this one saw at its last look. They do without if it cannot be told."""
    if state is None:
        return
    try:
        await asyncio.to_thread(deployment.teller.tell, deployment.world, plan, state)
    except HubswitchError as fault:
        LOG.warning("%s: the other stamps could not be told what is seen here: %s", plan.pair, fault)


async def _revive(
    deployment: Deployment, client: DurableFunctionsClient, plan: Plan, state: PairState | None, seen: Observed
) -> None:
    """Begin the run again that holds the epoch, or report the one that never did, if the engine has lost it."""
    record, now = seen.record, deployment.clock.now()
    if record is None or seen.is_fenced:
        return
    if record.run and (plan.pair, record.run) not in deployment.summarised:
        path = summary_path(plan.pair, record.run)
        summary = await asyncio.to_thread(deployment.world.ledgers[plan.pair].get, path)
        if summary is not None:
            deployment.summarised.add((plan.pair, record.run))
        elif needs_revival(record, await engine.status_of(client, record.run), plan, now):
            LOG.warning("%s: %s is begun again", plan.pair, record.run)
            await engine.begin_again(client, order_again(record, plan, now))
    if state and state.run:
        report = ended_early(state, record, await engine.status_of(client, state.run), plan, now)
        if report:
            await engine.report(client, plan.pair, report, now)


async def reconcile(deployment: Deployment, client: DurableFunctionsClient) -> int:
    """Start capture runs for every job whose ledger record and hub differ; how many.

    Where the last switch is over, what it left behind is seen to as well.
    """
    started = 0
    for pair, state in (await _readable_states(deployment, client)).items():
        plan = deployment.plans[pair]
        if state is None or state.phase not in QUIET:
            continue
        try:
            orders = await asyncio.to_thread(_orders, deployment, plan, state)
        except HubswitchError as fault:
            LOG.warning("%s: the %s could not be listed: %s", plan.pair, state.active, fault)
            continue
        started += await engine.capture(client, dict(deployment.plans), orders)
        await _see_to_jobs(deployment, client, plan, state)
    return started


async def _see_to_jobs(deployment: Deployment, client: DurableFunctionsClient, plan: Plan, state: PairState) -> None:
    """Retry jobs that wait, and settle old runs, once the run that holds the epoch has ended."""
    try:
        order = await asyncio.to_thread(order_after, deployment.world, plan, state)
    except HubswitchError as fault:
        LOG.warning("%s: what waits could not be listed: %s", plan.pair, fault)
        return
    if order:
        await engine.see_to_jobs(client, order)


async def replicate(deployment: Deployment, client: DurableFunctionsClient) -> int:
    """Bring the standby of every quiet pair up to date; how many pairs have something lacking still.

    How far each is behind is told as one line of the log, with its numbers as fields.
    """
    lacking = 0
    for pair, state in (await _readable_states(deployment, client)).items():
        plan = deployment.plans[pair]
        if state is None or state.phase not in QUIET:
            continue
        try:
            done = await asyncio.to_thread(replication.replicate, deployment.world, plan, state.active)
        except HubswitchError as fault:
            LOG.warning("%s: the standby could not be brought up to date: %s", pair, fault)
            continue
        deployment.lags[pair, state.active] = (deployment.clock.now(), done.lag)
        lacking += done.lag.jobs > 0
        _tell_lag(pair, done, deployment.clock.now())
    return lacking


def _tell_lag(pair: str, done: replication.Replicated, now: datetime) -> None:
    """``oldest_seconds`` is 0 if nothing lacks."""
    lag = done.lag
    telemetry.event(
        LOG,
        logging.WARNING if lag.jobs else logging.INFO,
        f"{pair}: {lag.jobs} running jobs lack {lag.assets} assets in the standby"
        + (f": {done.why}" if done.why else ""),
        metric="replication",
        pair=pair,
        running=lag.running,
        jobs=lag.jobs,
        assets=lag.assets,
        oldest_seconds=round((now - lag.since).total_seconds()) if lag.since else 0,
        completed=done.completed,
        restored=done.restored,
    )


def _orders(deployment: Deployment, plan: Plan, state: PairState) -> list[CaptureOrder]:
    return list(reconciled(deployment.world, plan, state.active))


async def _readable_states(deployment: Deployment, client: DurableFunctionsClient) -> dict[str, PairState | None]:
    """The state of every pair, None before its first look; pairs whose state cannot be read are left out."""
    states: dict[str, PairState | None] = {}
    for pair in deployment.plans:
        try:
            states[pair] = await engine.pair_state(client, pair)
        except InvalidInput as fault:
            LOG.error("%s stands still: %s", pair, fault)  # noqa: TRY400 - the sentence says it all
    return states
