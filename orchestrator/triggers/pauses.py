"""Storing a pause where every stamp reads it."""

from __future__ import annotations

import asyncio
from datetime import datetime

from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.stamps import PauseRecord
from orchestrator.ports import SharedStore
from orchestrator.workflows.activities.stamps import store_pause


def record_of(do: Do, by: str, reason: str, now: datetime) -> PauseRecord:
    """The pause that a command asks for, or its end."""
    return PauseRecord(paused=do is Do.PAUSE, at=now, by=by, reason=reason)


async def try_to_store(store: SharedStore, pair: str | None, wanted: PauseRecord) -> PauseRecord | HubswitchError:
    """What is stored now, for one pair or for every one; or why nothing could be."""
    try:
        return await asyncio.to_thread(store_pause, store, pair, wanted)
    except HubswitchError as fault:
        return fault
