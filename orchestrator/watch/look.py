"""What the timers do for one pair: look at both sides, and say when the next look is due.

Correctness rests on these looks; events only hasten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import NamedTuple

from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Phase, Surface
from orchestrator.core.decision.decide import cadence
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.stamps import Shared
from orchestrator.core.decision.state import PairState
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import control_spacing, due_at, is_asked_now, pointer_spacing
from orchestrator.ports import World
from orchestrator.watch.stamps import Surroundings
from orchestrator.workflows.activities.epoch import begin_pair, repair_pointer, why_other_hub

MOVING = frozenset({Phase.SUSPECT, Phase.AWAITING_APPROVAL, Phase.SWITCHING, Phase.RESUBMITTING, Phase.RETURNING})
"""Phases in which a pair counts as being in trouble or on the move."""

PUBLISHING = frozenset({Phase.SWITCHING, Phase.RETURNING})
"""Phases in which a run may be claiming an epoch or publishing the pointer."""


def is_due(state: PairState | None, plan: Plan, now: datetime) -> bool:
    """Whether a pair is to be looked at now."""
    if state is None or state.looked_at is None or state.looked_at > now:
        return True
    return now >= due_at(plan.pair, state.looked_at, cadence(state, plan.policy))


def surfaces_to_skip(state: PairState | None, plan: Plan, sides: int, now: datetime) -> frozenset[Surface]:
    """Surfaces that this look goes without, because ``sides`` share one subscription's reads of Resource Manager."""
    interval = plan.policy.probe_interval if state is None else cadence(state, plan.policy)
    spacing = control_spacing(sides, plan.policy)
    looked_at = state.looked_at if state else None
    due = is_asked_now(plan.pair, looked_at, now, interval, spacing)
    return frozenset() if due else frozenset({Surface.CONTROL})


def looks_at_pointer(state: PairState | None, plan: Plan, pairs: int, now: datetime) -> bool:
    """Whether this look reads the pointer, of which one store holds ``pairs``. Where something is wrong, always."""
    if state is None or state.looked_at is None or state.trouble:
        return True
    return is_asked_now(plan.pair, state.looked_at, now, cadence(state, plan.policy), pointer_spacing(pairs))


def epoch_published(state: PairState | None) -> int | None:
    """The epoch whose run has reported that it published the pointer; None while a run may be publishing."""
    return state.epoch if state and state.phase not in PUBLISHING else None


async def look(  # noqa: PLR0913 - a look is a value of all of them, and only the first three are always given
    world: World,
    plan: Plan,
    around: Surroundings,
    pairs_moving: float = 0.0,
    *,
    without: Collection[Surface] = (),
    with_pointer: bool = True,
    published: int | None = None,
    threads: Executor | None = None,
) -> Observed:
    """One look: every probe of both sides, the epoch record, the pointer, and what the stamps share, at once.

    Never raises for what Azure does.

    Args:
        world: the ports.
        plan: whose pair.
        around: what the stamps share, for all looks of one tick.
        pairs_moving: share of all pairs that are suspect or on the move.
        without: surfaces that are left to a later look.
        with_pointer: False if the pointer is.
        published: the epoch whose run has reported that it published the pointer.
        threads: where stores are read; the event loop's own few threads if not given.
    """
    started, loop = world.clock.now(), asyncio.get_running_loop()
    instant = loop.time()
    signals, stores, (shared, unread) = await asyncio.gather(
        world.probes.sweep(plan, started, without=without),
        loop.run_in_executor(threads, update_stores, world, plan, started, with_pointer, published),
        loop.run_in_executor(threads, _read_shared, around, plan.pair),
    )
    store_time = world.store_clock.read(plan, timedelta(seconds=loop.time() - instant + 1))
    return Observed(
        now=world.clock.now(),
        store_time=store_time,
        signals=tuple(signals),
        record=stores.record,
        trouble="; ".join(filter(None, (stores.trouble, unread))) or None,
        shared=shared,
        began=started,
        is_fenced=stores.is_fenced,
        is_look=True,
        pairs_moving=pairs_moving,
    )


def share_moving(states: list[PairState], plan: Plan) -> float:
    """Share of all pairs that are suspect or on the move, as one pair's plan counts: 0 for too few pairs."""
    if len(states) < plan.policy.mass_from:
        return 0.0
    return sum(state.phase in MOVING for state in states) / len(states)


class Stores(NamedTuple):
    """What epoch record and pointer say."""

    record: EpochRecord | None
    trouble: str | None = None
    is_fenced: bool = False


def update_stores(world: World, plan: Plan, now: datetime, with_pointer: bool, published: int | None) -> Stores:
    """The epoch record, which counts even if the pointer cannot be read.

    May create the record, and publish the pointer again if it is behind.
    """
    try:
        record = begin_pair(world, plan, now)
    except HubswitchError as fault:
        return Stores(None, str(fault))
    other_hub = why_other_hub(record, plan)
    if other_hub:
        return Stores(None, other_hub)  # what it says of a side is not about this plan's: nothing may follow from it
    if not with_pointer:
        return Stores(record)
    try:
        fenced = repair_pointer(world, plan, record, now, published)
    except HubswitchError as fault:
        return Stores(record, str(fault))
    return Stores(record, fenced, is_fenced=fenced is not None)


def _read_shared(around: Surroundings, pair: str) -> tuple[Shared | None, str | None]:
    try:
        return around.of(pair), None
    except HubswitchError as fault:
        return None, str(fault)
