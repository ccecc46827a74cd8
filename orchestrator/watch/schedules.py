"""The timer's part of schedules: go on with what a run could not switch, with every reconciliation."""

from __future__ import annotations

import asyncio

from orchestrator import telemetry
from orchestrator.watch.process import Process
from orchestrator.workflows.activities.steps_schedules import finish_switches

LOG = telemetry.logger("timers")


async def finish_waiting(process: Process) -> int:
    """Go on with the switches of schedules that are not over; how many are over now."""
    ended = await asyncio.to_thread(finish_switches, await process.assembled())
    if ended:
        LOG.info("%d switches of schedules that had waited are over", ended)
    return ended
