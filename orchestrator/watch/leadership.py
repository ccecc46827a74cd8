"""Renew this stamp's lead, take over from a silent leader, or note who leads: once a pass for each ledger container.

Spans are measured by the monotonic clock of this process. What it remembers may be lost: a follower that starts anew
waits for the whole span again, and a leader that does finds its own name in the record and goes on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from typing import NamedTuple

from orchestrator import telemetry
from orchestrator.core.base.codec import encode_record, read_record
from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.decision.leadership import (
    LeaderRecord,
    Leadership,
    lead_span,
    leadership_of,
    record_to_write,
)
from orchestrator.core.decision.stamps import LEADER
from orchestrator.ports import SharedStore, Versioned, World
from orchestrator.workflows.activities.conflict import while_it_conflicts

LOG = telemetry.logger("timers")


class LeaderStanding(NamedTuple):
    """What one pass found out about one container."""

    record: LeaderRecord
    until: datetime | None
    """How long our own lead counts, by the wall clock; None if another stamp leads."""


class Sight(NamedTuple):
    """A record that another stamp wrote, and when this process read it first."""

    record: LeaderRecord
    first_seen: float


class Leaders:
    """What this process knows of the leaders of its containers. Safe for threads."""

    def __init__(self, stamp: str, take_over_after: timedelta, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stamp = stamp
        self._take_over_after = take_over_after
        self._monotonic = monotonic
        self._seen: dict[int, Sight] = {}
        self._highest: dict[int, int] = {}
        self._busy: set[int] = set()
        self._lock = threading.Lock()

    def attend(self, store: SharedStore, pairs: Collection[str], now: Callable[[], datetime]) -> LeaderStanding:
        """Renew, take over, or look who leads.

        Args:
            store: what the stamps of one container share.
            pairs: those of the container that this stamp can act for.
            now: the wall clock.

        Raises:
            HubswitchError: the record could not be read or written, or an earlier pass still waits for its store.
        """
        key = id(store)
        with self._lock:
            if key in self._busy:
                raise TemporaryError("the store that says who leads has not answered the last pass yet")
            self._busy.add(key)
        try:
            return while_it_conflicts(lambda: self._attend(store, key, pairs, now))
        finally:
            with self._lock:
                self._busy.discard(key)

    def leadership(self, standing: LeaderStanding, pair: str, now: datetime) -> Leadership:
        """What a pass has found out, for one pair."""
        return leadership_of(
            standing.record,
            pair,
            self._stamp,
            now,
            until=standing.until,
            take_over_after=self._take_over_after,
        )

    def _attend(
        self, store: SharedStore, key: int, pairs: Collection[str], now: Callable[[], datetime]
    ) -> LeaderStanding:
        begun = self._monotonic()
        found = store.read(LEADER)
        record = _record_of(found)
        wanted = record_to_write(
            record,
            self._stamp,
            pairs,
            unchanged_for=self._measure_silence(key, record),
            take_over_after=self._take_over_after,
            highest_term=self._highest.get(key, 0),
        )
        if wanted is None:
            assert record is not None  # noqa: S101 - without a record there is always something to write
            return LeaderStanding(record, None)
        if found is None:
            store.create(LEADER, encode_record(wanted))
        else:
            store.replace(LEADER, encode_record(wanted), found.etag)
        self._seen.pop(key, None)
        self._highest[key] = wanted.term
        if record is not None and record.stamp != self._stamp:
            LOG.warning("the stamp %s was silent: %s leads under term %d", record.stamp, self._stamp, wanted.term)
        # Danger: the lead counts from before the write was begun, never from when its answer came.
        left = lead_span(self._take_over_after).total_seconds() - (self._monotonic() - begun)
        return LeaderStanding(wanted, now() + timedelta(seconds=left))

    def _measure_silence(self, key: int, record: LeaderRecord | None) -> timedelta:
        """How long this very record has been read. The clock is read after the answer: never too long."""
        if record is None:
            return timedelta()
        self._highest[key] = max(self._highest.get(key, 0), record.term)
        read, sight = self._monotonic(), self._seen.get(key)
        if sight is None or sight.record != record:
            sight = self._seen[key] = Sight(record, read)
        return timedelta(seconds=read - sight.first_seen)


def _record_of(found: Versioned[bytes] | None) -> LeaderRecord | None:
    return None if found is None else read_record(found.value, LeaderRecord, LEADER)


class Attendance:
    """One pass over the containers of one process: begun at once in threads, and waited for by the looks."""

    def __init__(self, leaders: Leaders, world: World, fit: Collection[str], threads: Executor) -> None:
        """``fit``: pairs for which this stamp can act now."""
        self._leaders = leaders
        self._world = world
        pairs: dict[int, list[str]] = defaultdict(list)
        for pair, store in world.shared.items():
            pairs[id(store)].append(pair)
        stores = {id(store): store for store in world.shared.values()}
        self._standings: dict[int, Future[LeaderStanding]] = {
            key: threads.submit(leaders.attend, store, [pair for pair in pairs[key] if pair in fit], world.clock.now)
            for key, store in stores.items()
        }

    async def settle(self, longest: timedelta) -> None:
        """Wait for the stores' answers, for so long at most, and log what could not be found out. Raises nothing."""
        waiting = [asyncio.wrap_future(standing) for standing in self._standings.values()]
        done, _ = await asyncio.wait(waiting, timeout=longest.total_seconds()) if waiting else ((), ())
        for fault in filter(None, (each.exception() for each in done)):
            LOG.warning("this stamp could not find out who leads, or renew its own lead: %s", fault)

    def leadership(self, pair: str) -> Leadership:
        """Who acts for a pair, as of this pass. Waits for the store's answer: not for an event loop.

        Raises:
            HubswitchError: that is not known.
        """
        standing = self._standings[id(self._world.shared[pair])].result()
        return self._leaders.leadership(standing, pair, self._world.clock.now())
