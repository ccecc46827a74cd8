"""What the timers do for one pair: look at both sides, and say when the next look is due.

Correctness rests on these looks; events only hasten.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from orchestrator.core.decide import cadence
from orchestrator.core.errors import HubswitchError
from orchestrator.core.plan import Plan
from orchestrator.core.records import EpochRecord
from orchestrator.core.state import PairState
from orchestrator.core.vocabulary import Phase
from orchestrator.ports import World
from orchestrator.workflows.orders import Observed
from orchestrator.workflows.switching import ensure_pair

MOVING = frozenset({Phase.SUSPECT, Phase.AWAITING_APPROVAL, Phase.SWITCHING, Phase.RESUBMITTING, Phase.RETURNING})
"""Phases in which a pair counts as being in trouble or on the move."""

SLACK = 0.9
"""Part of an interval after which a look counts as due: timers fire a little early or late."""


def is_due(state: PairState | None, plan: Plan, now: datetime) -> bool:
    """Whether a pair is to be looked at now."""
    if state is None or state.looked_at is None or state.looked_at > now:
        return True
    return now - state.looked_at >= cadence(state, plan.policy) * SLACK


async def look(world: World, plan: Plan, pairs_moving: float = 0.0) -> Observed:
    """One look: every probe of both sides at once, and the epoch record. Never raises for what Azure does."""
    started = world.clock.now()
    signals, (record, trouble) = await asyncio.gather(
        world.probes.sweep(plan, started),
        asyncio.to_thread(_epoch, world, plan, started),
    )
    return Observed(
        now=world.clock.now(),
        signals=tuple(signals),
        record=record,
        trouble=trouble,
        is_look=True,
        pairs_moving=pairs_moving,
    )


def share_moving(states: list[PairState], plan: Plan) -> float:
    """Share of all pairs that are suspect or on the move, as one pair's plan counts: 0 for too few pairs."""
    if len(states) < plan.policy.mass_from:
        return 0.0
    return sum(state.phase in MOVING for state in states) / len(states)


def _epoch(world: World, plan: Plan, now: datetime) -> tuple[EpochRecord | None, str | None]:
    try:
        return ensure_pair(world, plan, now), None
    except HubswitchError as fault:
        return None, str(fault)
