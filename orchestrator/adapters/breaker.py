"""A circuit breaker per host: pure arithmetic on a monotonic clock that the caller reads.

It counts failures to *connect*, in a row. An HTTP status is an answer, and a connection that was made and then fell
silent says nothing about the host's other tenants: Resource Manager is one host for all regions, and a region that
hangs behind it must not cut off the healthy one.
"""

from __future__ import annotations

import threading
from datetime import timedelta


class Breaker:
    """Open after ``failures`` failed connections in a row; afterwards one attempt per ``cooldown`` is let through.

    Instants are seconds of one monotonic clock. Safe for use by many threads.
    """

    def __init__(self, failures: int, cooldown: timedelta) -> None:
        self._limit = failures
        self._cooldown = cooldown.total_seconds()
        self._failed: dict[str, int] = {}
        self._next_try: dict[str, float] = {}
        self._lock = threading.Lock()

    def admits(self, host: str, now: float) -> bool:
        """Whether a request may go out. While open, the first to ask after a cooldown is the trial."""
        with self._lock:
            next_try = self._next_try.get(host)
            if next_try is None:
                return True
            if now < next_try:
                return False
            self._next_try[host] = now + self._cooldown
            return True

    def connected(self, host: str) -> None:
        with self._lock:
            self._failed.pop(host, None)
            self._next_try.pop(host, None)

    def failed(self, host: str, now: float) -> None:
        with self._lock:
            self._failed[host] = self._failed.get(host, 0) + 1
            if self._failed[host] >= self._limit:
                self._next_try[host] = now + self._cooldown
