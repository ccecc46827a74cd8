"""Notices that channels did not take, as trouble in answers: listed in the ledgers, seldom and in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.text import format_time
from orchestrator.workflows.activities.letters import Waiting, list_waiting

LISTING = 2.0
"""Seconds in which the ledgers must have told; null if they have not."""

GOOD_FOR = timedelta(seconds=15)
"""Who asks for the status every second costs a container four listings a minute, not sixty."""

type Untold = Mapping[str, list[dict[str, Any]]] | None
"""By pair: a line for each channel that fails; None if the ledgers did not tell in time."""


async def untold(deployment: Deployment) -> Untold:
    """What channels did not take."""
    now, known = deployment.clock.now(), deployment.memory.untold
    if known and now - known[0] < GOOD_FOR:
        return by_pair(known[1])
    try:
        async with asyncio.timeout(LISTING):
            found = await asyncio.to_thread(lambda: list_waiting(deployment.world))
    except (HubswitchError, TimeoutError):
        return None
    deployment.memory.untold = (now, found)
    return by_pair(found)


def by_pair(found: list[Waiting]) -> dict[str, list[dict[str, Any]]]:
    """One line for each channel, with a sentence for people."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        count = f"{each.letters} notice{'s' if each.letters > 1 else ''}"
        what = f"{count} not told on {each.channel} since {format_time(each.since)}, tried again: {each.why}"
        line = {"channel": each.channel, "notices": each.letters, "since": each.since, "why": each.why, "what": what}
        lines.setdefault(each.pair, []).append(line)
    return lines


def untold_of(found: Untold, pair: str) -> list[dict[str, Any]] | None:
    """The lines of one pair; None if nothing is known."""
    return None if found is None else found.get(pair, [])
