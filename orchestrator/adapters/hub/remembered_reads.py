"""What was read well, for as long as it may be believed: a second look at a side need not read everything again.

Memory of one process, which may be lost at any time: then everything is read anew. Answers are kept as bytes, under
what was asked, so that what one pair has read of a subscription serves all pairs there. A refusal is never kept.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from orchestrator.core.base.codec import decode, encode

FIXED = timedelta(days=1)
"""How long what Azure itself changes is believed: the list of regions, sizes of machines."""

COMMON = timedelta(minutes=5)
"""The same for lists of a subscription or region, which change by themselves: quotas, incidents, what was deleted. Many
pairs read them within minutes; the next look of a pair, half an hour later, reads them again."""

CONFIGURED = timedelta(hours=2)
"""The same for what changes only when somebody writes it, of which Azure tells by an event: settings of resources,
roles, connections, networks. Where no event is delivered, a change is found after this long."""

MADE = timedelta(days=1)
"""The same for an asset's being there. Versions do not change; a deletion is told by an event. Each asset is asked for
again between half of this and all of it, so that not all of them are asked for at once."""

MOST_BYTES = 64 * 2**20
"""Bytes that are kept; beyond that, what was used longest ago is forgotten. A pair is about 100 KB, and 250 bytes for
each asset."""

OVERHEAD = 120
"""Bytes of an entry beside its key and its answer."""


class _Entry(NamedTuple):
    at: datetime
    answer: bytes


class RememberedReads:
    """Answers by what was asked. Safe to share between threads.

    Args:
        now: the time.
        most: bytes that are kept.
    """

    def __init__(self, now: Callable[[], datetime], most: int = MOST_BYTES) -> None:
        self.now = now
        self._most = most
        self._bytes = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: str, longest: timedelta, since: datetime) -> Any:
        """The answer, or None if there is none that was read since then, and not longer ago than this."""
        with self._lock:
            found = self._entries.get(key)
            if found is None or found.at <= since or self.now() - found.at >= longest:
                return None
            self._entries.move_to_end(key)
        return decode(found.answer, Any, key)

    def keep(self, key: str, answer: Any, at: datetime) -> None:
        """Keep an answer that was asked for at a time."""
        entry = _Entry(at, encode(answer))
        with self._lock:
            self._drop(key)
            self._entries[key] = entry
            self._bytes += _size(key, entry)
            while self._bytes > self._most:
                self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self._bytes -= _size(key, found)


def spread(longest: timedelta, key: str) -> timedelta:
    """Between half of a time and all of it, always the same for one key."""
    part = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 2**32
    return longest * (1 + part) / 2


def _size(key: str, entry: _Entry) -> int:
    return len(key) + len(entry.answer) + OVERHEAD
