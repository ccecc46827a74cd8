"""What the timers do for one pair: look at both sides, and say when the next look is due.

Correctness rests on these looks; events only hasten.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import NamedTuple

from orchestrator.core.decide import cadence
from orchestrator.core.errors import HubswitchError
from orchestrator.core.plan import Plan
from orchestrator.core.records import EpochRecord
from orchestrator.core.shared import Shared
from orchestrator.core.state import PairState
from orchestrator.core.vocabulary import Phase
from orchestrator.ports import World
from orchestrator.workflows.orders import Observed
from orchestrator.workflows.sharing import Surroundings
from orchestrator.workflows.switching import begun_pair, repair_pointer

MOVING = frozenset({Phase.SUSPECT, Phase.AWAITING_APPROVAL, Phase.SWITCHING, Phase.RESUBMITTING, Phase.RETURNING})
"""Phases in which a pair counts as being in trouble or on the move."""

SLACK = 0.9
"""Part of an interval after which a look counts as due: timers fire a little early or late."""


def is_due(state: PairState | None, plan: Plan, now: datetime) -> bool:
    """Whether a pair is to be looked at now."""
    if state is None or state.looked_at is None or state.looked_at > now:
        return True
    return now - state.looked_at >= cadence(state, plan.policy) * SLACK


async def look(world: World, plan: Plan, around: Surroundings, pairs_moving: float = 0.0) -> Observed:
    """One look: every probe of both sides, the epoch record, the pointer, and what the stamps share, at once.

    Never raises for what Azure does.
    """
    started = world.clock.now()
    signals, stores, (shared, unread) = await asyncio.gather(
        world.probes.sweep(plan, started),
        asyncio.to_thread(_stores, world, plan, started),
        asyncio.to_thread(_shared, around, plan.pair),
    )
    return Observed(
        now=world.clock.now(),
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


def _stores(world: World, plan: Plan, now: datetime) -> Stores:
    """The record counts also where the pointer cannot be read: who may act does not hang on who is told."""
    try:
        record = begun_pair(world, plan, now)
    except HubswitchError as fault:
        return Stores(None, str(fault))
    try:
        fenced = repair_pointer(world, plan, record, now)
    except HubswitchError as fault:
        return Stores(record, str(fault))
    return Stores(record, fenced, is_fenced=fenced is not None)


def _shared(around: Surroundings, pair: str) -> tuple[Shared | None, str | None]:
    try:
        return around.of(pair), None
    except HubswitchError as fault:
        return None, str(fault)
