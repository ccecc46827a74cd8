"""Pairs whose looks are not taken in: what the watch signals to an entity, compared with what the entity has stored.

An engine may lose an entity's work without an error: the signal is accepted, and nothing happens. The pair then shows
how it was at its last look. This is told past the entity: a line in the log with ``metric="staleness"``, and one notice
when it begins.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.text import format_duration
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.decision.holds import longest_gap
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.schema import Plan
from orchestrator.watch.process import Process
from orchestrator.workflows.activities.notify import tell
from orchestrator.workflows.messages import Tidings

LOG = telemetry.logger("timers")


async def tell_untaken(process: Process, states: Mapping[str, PairState | None]) -> None:
    """Tell of every pair whose entity has taken nothing in for as long as a blind spell lasts."""
    now = process.clock.now()
    for pair, state in states.items():
        since = untaken_since(process.memory.signalled, pair, state)
        plan = process.plans[pair]
        if since is None:
            process.memory.told_untaken.discard(pair)
            continue
        if now - since <= longest_gap(plan.policy):
            continue
        why = (
            f"what was seen since {since:%H:%M:%S}, for {format_duration(now - since)}, was handed to the engine and "
            "not taken in; nothing is switched meanwhile"
        )
        telemetry.event(
            LOG,
            logging.ERROR,
            f"{pair}: {why}",
            metric="staleness",
            pair=pair,
            seconds=round((now - since).total_seconds()),
        )
        if pair not in process.memory.told_untaken:
            process.memory.told_untaken.add(pair)
            await _notify(process, plan, since, now, why)


def untaken_since(signalled: dict[str, datetime], pair: str, state: PairState | None) -> datetime | None:
    """Time of the oldest look that the entity has not taken in; forgets those that it has."""
    since = signalled.get(pair)
    if since is None or (state is not None and state.looked_at is not None and state.looked_at >= since):
        signalled.pop(pair, None)
        return None
    return since


async def _notify(process: Process, plan: Plan, since: datetime, now: datetime, why: str) -> None:
    tidings = Tidings(
        pair=plan.pair,
        id=f"{plan.pair}-looks-not-taken-in-{since:%Y%m%dT%H%M%S}",
        name=NoticeName.LOOKS_NOT_TAKEN_IN,
        at=now,
        since=since,
        why=why,
    )
    try:
        await asyncio.to_thread(tell, process.world, tidings)
    except HubswitchError as fault:
        process.memory.told_untaken.discard(plan.pair)  # the next tick tells again
        LOG.warning("%s: nobody could be told that its looks are not taken in: %s", plan.pair, fault)
