"""Handing over what could not be read: at once for the first of it, then at most every ten seconds.

Between two of those it waits in the memory of the process, and is lost with it. Whoever may deliver nonsense must not
make the engine store one operation for each piece of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from orchestrator import telemetry
from orchestrator.core.signals.unread import Batch, UnreadKind, batch_of, merge
from orchestrator.ports import Engine, EngineError
from orchestrator.workflows import calls

LOG = telemetry.logger("events")

PAUSE = timedelta(seconds=10)


class Pending:
    """What waits to be handed over. Safe for use by many threads."""

    def __init__(self) -> None:
        self._batch: Batch | None = None
        self._handed_at: datetime | None = None
        self._lock = threading.Lock()

    def add(self, found: Mapping[UnreadKind, Iterable[str]], now: datetime) -> None:
        batch = batch_of(found, now)
        if batch is not None:
            with self._lock:
                self._batch = merge(self._batch, batch) if self._batch else batch

    def take(self, now: datetime) -> Batch | None:
        """All of it if it is time, else None. A clock that went back does not make it wait."""
        with self._lock:
            early = self._handed_at is not None and timedelta() <= now - self._handed_at < PAUSE
            if self._batch is None or early:
                return None
            batch, self._batch, self._handed_at = self._batch, None, now
            return batch

    def put_back(self, batch: Batch) -> None:
        with self._lock:
            self._batch = merge(batch, self._batch) if self._batch else batch


async def hand_over_unread(engine: Engine, pending: Pending, now: datetime) -> None:
    """Give what waits to the entity that counts. An engine that does not answer gets it later."""
    batch = pending.take(now)
    if batch is None:
        return
    try:
        await calls.count_unread(engine, batch)
    except EngineError as fault:
        pending.put_back(batch)
        LOG.warning("unread deliveries could not be counted yet: %s", fault)
