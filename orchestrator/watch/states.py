"""The stored states of the pairs, as the timers need them."""

from __future__ import annotations

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.state import PairState
from orchestrator.ports import Engine
from orchestrator.watch.process import Process
from orchestrator.workflows import calls

LOG = telemetry.logger("timers")

QUIET = frozenset({Phase.STEADY, Phase.SUSPECT, Phase.SETTLED, Phase.AWAITING_APPROVAL})
"""Phases in which the ledger may be reconciled: in the others a run is writing it."""


async def readable_states(process: Process, engine: Engine) -> dict[str, PairState | None]:
    """The state of every pair, None before its first look; pairs whose state cannot be read are left out."""
    found = await calls.pair_states(engine, process.plans)
    for pair, state in found.items():
        if isinstance(state, HubswitchError):
            LOG.error("%s stands still: %s", pair, state)
    return {pair: state for pair, state in found.items() if not isinstance(state, HubswitchError)}
