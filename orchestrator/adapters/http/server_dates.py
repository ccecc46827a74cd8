"""What time the services have, by the header ``Date`` of their last answers: a second clock beside our own.

Every answer of Azure's HTTP services carries it, errors too (RFC 9110, 6.6.1; learn.microsoft.com lists it for Blob
Storage and App Configuration). Only answers over TLS from the host that was asked count; nothing follows a redirect.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

SECOND = timedelta(seconds=1)
"""``Date`` has whole seconds: the clock that wrote it showed up to one more."""


class _Told(NamedTuple):
    date: datetime
    sent: float
    received: float


class ServerDates:
    """The newest date of each host. Instants are those of ``time.monotonic``. Safe for use by many threads."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}
        self._lock = threading.Lock()

    def note(self, host: str, header: str | None, sent: float, received: float) -> None:
        """Keep what an answer said. A header that is none, or in no zone, says nothing."""
        date = _read(header)
        if date is None:
            return
        with self._lock:
            self._told[host] = _Told(date, sent, received)

    def span(self, host: str, youngest: timedelta, at: float | None = None) -> tuple[datetime, datetime] | None:
        """The earliest and the latest that the host's clock shows at an instant, which is now if not given.

        None if it has told nothing in the last ``youngest``.
        """
        with self._lock:
            told = self._told.get(host)
        at = time.monotonic() if at is None else at
        if told is None or at - told.sent > youngest.total_seconds():
            return None
        earliest = told.date + timedelta(seconds=at - told.received)
        return earliest, told.date + SECOND + timedelta(seconds=at - told.sent)


def _read(header: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(header or "")
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
