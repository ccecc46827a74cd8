"""The stored states of the pairs, as the timers need them."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.acting import follows
from orchestrator.core.decision.state import PairState
from orchestrator.ports import Engine
from orchestrator.watch.process import Process
from orchestrator.workflows import calls

LOG = telemetry.logger("timers")

QUIET = frozenset({Phase.STEADY, Phase.SUSPECT, Phase.SETTLED, Phase.AWAITING_APPROVAL})
"""Phases in which no run is under way."""


def is_quiet(state: PairState) -> bool:
    """Whether the ledger may be reconciled: no run is writing it. A run that drains writes nothing before its claim."""
    return state.phase in QUIET or state.is_draining


def acted_for(states: Mapping[str, PairState | None]) -> dict[str, Role]:
    """Quiet pairs for which this stamp acts, with the side that is active: work of which one stamp's is enough."""
    return {pair: s.active for pair, s in states.items() if s and is_quiet(s) and not follows(s)}


async def readable_states(process: Process, engine: Engine) -> dict[str, PairState | None]:
    """The state of every pair, None before its first look; pairs whose state cannot be read are left out."""
    found = await calls.pair_states(engine, process.plans)
    for pair, state in found.items():
        if isinstance(state, HubswitchError):
            LOG.error("%s stands still: %s", pair, state)
    return {pair: state for pair, state in found.items() if not isinstance(state, HubswitchError)}
