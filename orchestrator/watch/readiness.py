"""The timer that looks at standbys: every half hour, and soon after somebody has changed something of a pair.

It has its own threads, its own connections and its own share of reads: Resource Manager may hang for minutes, and no
look, no other pair and no switch waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.stamps import read_standing, read_wanted, wanted_path
from orchestrator.core.decision.standing import (
    SOONER,
    ReadinessStanding,
    WantedLook,
    add_wanted,
    is_look_due,
)
from orchestrator.core.evidence.basis import plan_digest
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Engine, World
from orchestrator.watch.memory import READINESS_AT_ONCE
from orchestrator.watch.process import Process
from orchestrator.watch.stamps import Surroundings
from orchestrator.watch.states import acted_for, readable_states
from orchestrator.watch.tick import TickBounds, raise_first, run_tick
from orchestrator.workflows.activities.stamps import change_blob

LOG = telemetry.logger("readiness")

type Look = Callable[[World, Plan, Role], ReadinessStanding]

TICK = timedelta(seconds=12)
"""A tick is over after this. A look that takes longer goes on in its thread, and is not begun a second time."""


async def look_at_standbys(process: Process, engine: Engine, look: Look) -> int:
    """Look at every standby that is due; how many looks ended within the tick.

    While a run is under way nothing is looked at: which side is the standby is about to change. Nor is it by a stamp
    that follows: what the leader's look comes to is shared.
    """
    states = await readable_states(process, engine)
    quiet = acted_for(states)
    world = await process.assembled()
    loop, memory = asyncio.get_running_loop(), process.memory
    due = await loop.run_in_executor(memory.readiness_threads, _due, process, world, quiet)

    async def turn(pair: str) -> None:
        memory.readiness_looks.note(pair, process.clock.now())
        if memory.readiness_going_on.begin(pair):
            begun = memory.readiness_threads.submit(_look, process, world, pair, quiet[pair], look)
            begun.add_done_callback(lambda done: _forget(process, pair) if done.cancelled() else None)
            await asyncio.wrap_future(begun)

    ended = await run_tick(
        memory.readiness_looks.order(dict.fromkeys(due)), turn, TickBounds(TICK, TICK / 2, READINESS_AT_ONCE)
    )
    raise_first(ended, "looking at the standby of")
    return len(ended.well)


def _due(process: Process, world: World, quiet: dict[str, Role]) -> list[str]:
    """Pairs whose standby is to be looked at now. What cannot be told is told, and looked at later."""
    around = Surroundings(world, process.settings.stamp)
    found: list[str] = []
    for pair, active in quiet.items():
        now = process.clock.now()
        try:
            files = around.files(pair)
        except HubswitchError as fault:
            LOG.warning("%s: when its standby was looked at cannot be read: %s", pair, fault)
            continue
        standing, _ = read_standing(files, pair)
        if not process.memory.readiness_going_on.rests(pair, now) and is_look_due(
            standing, read_wanted(files, pair), active, now, plan_digest(process.plans[pair])
        ):
            found.append(pair)
    return found


def _look(process: Process, world: World, pair: str, active: Role, look: Look) -> None:
    """One look, in a thread. Nothing that it meets stops others."""
    going_on = process.memory.readiness_going_on
    try:
        standing = look(world, process.plans[pair], active)
    except HubswitchError as fault:
        going_on.end(pair, process.clock.now() + SOONER)
        if not going_on.is_closed:
            LOG.warning("%s: the standby could not be looked at: %s", pair, fault)
    except BaseException:
        going_on.end(pair, process.clock.now() + SOONER)
        raise
    else:
        going_on.end(pair, None)
        LOG.info("%s: the standby is %s (score %d)", pair, "ready" if standing.ready else "not ready", standing.score)


def _forget(process: Process, pair: str) -> None:
    """A look that was given up before its thread took it up."""
    process.memory.readiness_going_on.end(pair, None)


async def want_looks(
    process: Process, pairs: frozenset[str], now: datetime, deleted: frozenset[str] = frozenset()
) -> None:
    """Let the standbys of these pairs be looked at soon, by whichever process does that. Never raises for the ledger.

    ``deleted``: those of them of which something was deleted.

    Events only hasten: what could not be written down is looked at within half an hour.
    """
    world = await process.assembled()
    for pair in sorted(pairs):
        wanted = WantedLook(at=now, gone=now if pair in deleted else None)
        try:
            await asyncio.get_running_loop().run_in_executor(
                process.memory.readiness_threads, _want, world, pair, wanted
            )
        except HubswitchError as fault:
            LOG.warning("%s: that its standby should be looked at could not be written down: %s", pair, fault)


def _want(world: World, pair: str, wanted: WantedLook) -> None:
    change_blob(world.shared[pair], wanted_path(pair), WantedLook, lambda before: add_wanted(before, wanted))
