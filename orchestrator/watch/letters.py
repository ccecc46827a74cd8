"""The timer's part of notices that wait: send what is due, with every reconciliation."""

from __future__ import annotations

import asyncio

from orchestrator import telemetry
from orchestrator.watch.process import Process
from orchestrator.workflows.activities.letters import send_letters

LOG = telemetry.logger("timers")


async def send_waiting(process: Process) -> int:
    """Send the notices that are due; how many were taken."""
    taken = await asyncio.to_thread(send_letters, await process.assembled())
    if taken:
        LOG.info("%d notices that had waited were told", taken)
    return taken
