"""What is known of a pair's pointer: the last good value, and the rule of what may replace it. Blocking.

A value is replaced by one of the same or of a higher epoch. Everything else (no answer, no pointer, a text that is
none, a lower epoch) leaves it as it was.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubswitch_client.cache import DiskCache
from hubswitch_client.errors import NothingKnown
from hubswitch_client.pointer import Pointer
from hubswitch_client.store import EndpointReader

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

LOGGER = logging.getLogger("hubswitch_client")


class Change(NamedTuple):
    """A value that took the place of another."""

    now: Pointer
    before: Pointer


class Follower:
    """The pointer of one pair. Any thread may read ``value`` at any time; one at a time asks the store.

    Raises:
        TypeError, ValueError: an argument is not what it must be.
    """

    def __init__(
        self,
        pair: str,
        endpoints: Sequence[str],
        credential: TokenCredential | None,
        cache: str | Path | None,
        options: Mapping[str, Any],
    ) -> None:
        check_arguments(pair, endpoints)
        self._pair = pair
        self._reader = EndpointReader(pair, endpoints, credential, options)
        self._cache = DiskCache(Path(cache), pair) if cache is not None else None
        self._faults: dict[str, Exception] = {}
        self._has_read = False
        self._lock = threading.Lock()
        self.value: Pointer | None = self._cache.load() if self._cache else None
        self.asked = -math.inf
        """When the store was last asked, whatever it said: seconds of ``time.monotonic``."""

    @property
    def credential(self) -> TokenCredential:
        return self._reader.credential

    @property
    def age(self) -> float:
        """Seconds since the store was last asked."""
        return time.monotonic() - self.asked

    def ask(self) -> Change | None:
        """Ask the store once. What changed, if a value that was known was replaced by another."""
        with self._lock:
            before = self.value
            # A process that has just been started would believe a replica that lags: it compares them all first.
            found, faults = self._reader.read(before.epoch if before else 0, ask_all=not self._has_read)
            self._note(faults)
            self._faults = faults
            self._has_read = self._has_read or found is not None
            self.value = found or before
            self.asked = time.monotonic()
            if found and self._cache:
                self._cache.save(found)
            return Change(found, before) if found and before and found != before else None

    def require(self) -> Pointer:
        """The last good value.

        Raises:
            NothingKnown: there has never been one.
        """
        if self.value is not None:
            return self.value
        faults = dict(self._faults)
        reasons = "; ".join(f"{endpoint}: {fault}" for endpoint, fault in faults.items())
        raise NothingKnown(f"the pointer of {self._pair} is not known: {reasons}") from next(
            iter(faults.values()), None
        )

    def close(self) -> None:
        with self._lock:
            self._reader.close()

    def _note(self, faults: Mapping[str, Exception]) -> None:
        """Warn of an endpoint's fault when it begins; that it lasts is for those who debug."""
        for endpoint, fault in faults.items():
            level = logging.DEBUG if endpoint in self._faults else logging.WARNING
            LOGGER.log(level, "the pointer of %s is not taken from %s: %s", self._pair, endpoint, fault)


def check_arguments(pair: Any, endpoints: Any) -> None:
    """Refuse what could never work, where it was written."""
    if not isinstance(pair, str) or not pair:
        raise ValueError(f"pair: expected the name of a pair, got {pair!r}")
    if isinstance(endpoints, str):
        raise TypeError(f"endpoints: expected a list of URLs, got the text {endpoints!r}")
    if not endpoints:
        raise ValueError("endpoints: expected at least one URL, got none")
    for endpoint in endpoints:
        if not isinstance(endpoint, str) or not endpoint.startswith("https://"):
            raise ValueError(f"endpoints: expected URLs that begin with https://, got {endpoint!r}")


def check_seconds(name: str, seconds: float | None, *, least: float) -> None:
    """Refuse a period that is too short or no number."""
    if seconds is not None and not seconds >= least:
        raise ValueError(f"{name}: expected seconds, {least:g} or more, got {seconds!r}")


def due_after(refresh: float | None, max_age: float) -> float:
    """Seconds after which whoever wants the value asks himself.

    With a refresh in the background that is twice its period: it may have died in a fork, or have been suspended.

    Raises:
        ValueError: a period is too short, or no number.
    """
    check_seconds("refresh", refresh, least=0.01)
    check_seconds("max_age", max_age, least=0)
    return max_age if refresh is None else 2 * refresh
