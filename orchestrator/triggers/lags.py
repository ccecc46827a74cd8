"""How far each pair's standby is behind, as a figure in answers: counted in the ledger, seldom and in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.state import PairState
from orchestrator.core.jobs.listing import Lag, lag_of
from orchestrator.web.views import Readable

COUNTING = 2.0
"""Seconds in which a ledger must have been counted; the figure is null if it was not."""

GOOD_FOR = timedelta(seconds=15)
"""Who asks for the status every second costs the ledger four listings a minute, not sixty."""


async def lags(deployment: Deployment, pairs: Iterable[str], states: Mapping[str, Readable]) -> dict[str, Any]:
    """By pair: ``Lag`` as plain data; None before the first look, or if the ledger did not answer in time."""
    order = list(pairs)
    found = await asyncio.gather(*(_lag(deployment, pair, states[pair]) for pair in order))
    return {pair: None if lag is None else to_builtins(lag) for pair, lag in zip(order, found, strict=True)}


async def _lag(deployment: Deployment, pair: str, state: Readable) -> Lag | None:
    if not isinstance(state, PairState):
        return None
    now, key = deployment.clock.now(), (pair, state.active)
    known = deployment.memory.lags.get(key)
    if known and now - known[0] < GOOD_FOR:
        return known[1]
    try:
        async with asyncio.timeout(COUNTING):
            lag = await asyncio.to_thread(_count, deployment, pair, state)
    except (HubswitchError, TimeoutError):
        return None
    deployment.memory.lags[key] = (now, lag)
    return lag


def _count(deployment: Deployment, pair: str, state: PairState) -> Lag:
    return lag_of(deployment.world.ledgers[pair].summaries(pair), state.active)
