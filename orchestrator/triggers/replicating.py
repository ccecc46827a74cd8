"""The timer that brings standbys up to date, and tells how far each is behind."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from azure.durable_functions import DurableFunctionsClient

from orchestrator import telemetry
from orchestrator.bootstrap import Deployment
from orchestrator.core.errors import HubswitchError
from orchestrator.triggers.timers import QUIET, readable_states
from orchestrator.workflows import replication

LOG = telemetry.logger("replicating")


async def replicate(deployment: Deployment, client: DurableFunctionsClient) -> int:
    """Bring the standby of every quiet pair up to date; how many pairs have something lacking still.

    How far each is behind is told as one line of the log, with its numbers as fields.
    """
    lacking = 0
    for pair, state in (await readable_states(deployment, client)).items():
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
