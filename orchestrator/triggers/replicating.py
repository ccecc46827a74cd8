"""The timer that brings standbys up to date, and tells how far each is behind."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from azure.durable_functions import DurableFunctionsClient

from orchestrator import telemetry
from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError
from orchestrator.triggers.slots import Slot, carried_out
from orchestrator.triggers.timers import QUIET, raised, readable_states
from orchestrator.watch import replicate as replication

LOG = telemetry.logger("replicating")

LONGEST = timedelta(minutes=4)
"""A tick is over after this: less than half of ``functionTimeout`` in ``host.json``, which would end it anywhere."""

BUSY = timedelta(seconds=10)
"""What a step may take beyond its budget: the call that it is in."""

AT_ONCE = 4
"""Pairs brought up to date together. Their writes share one budget, so more would only wait for each other."""


async def replicate(deployment: Deployment, client: DurableFunctionsClient) -> int:
    """Bring the standby of every quiet pair up to date; how many pairs have something lacking still.

    How far each is behind is told as one line of the log, with its numbers as fields.
    """
    states = await readable_states(deployment, client)
    quiet = {pair: state.active for pair, state in states.items() if state and state.phase in QUIET}
    lacking: list[str] = []

    async def turn(pair: str) -> None:
        deployment.replications.had(pair, deployment.clock.now())
        plan, active = deployment.plans[pair], quiet[pair]
        try:
            done = await asyncio.to_thread(replication.replicate, deployment.world, plan, active)
        except HubswitchError as fault:
            LOG.warning("%s: the standby could not be brought up to date: %s", pair, fault)
            return
        deployment.lags[pair, active] = (deployment.clock.now(), done.lag)
        if done.lag.jobs:
            lacking.append(pair)
        _tell_lag(pair, done, deployment.clock.now())

    slot = Slot(LONGEST, replication.BUDGET + BUSY, AT_ONCE)
    ended = await carried_out(deployment.replications.in_order(dict.fromkeys(quiet)), turn, slot)
    if ended.unreached:
        LOG.info("the standbys of %d of %d pairs are brought up to date later", len(ended.unreached), len(quiet))
    raised(ended, "replicating")
    return len(lacking)


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
