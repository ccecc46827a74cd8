"""A record of every request that reached the simulated Azure, so that a test can ask what was called, and when.

A request is written down when it arrives and completed when it is answered, so that those which never get an answer
are seen too (``status`` None). What a closed port turned away leaves no trace here, as it leaves none in Azure.

Bodies are kept only after ``keep_bodies``: then every answered request is there as an ``LoggedExchange``, too.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

LIMIT = 200_000
CONNECTION = "(connection)"
"""Method of an entry that stands for a connection which was accepted and then ignored."""


@dataclass(slots=True)
class LoggedRequest:
    """One request. ``duration`` is in seconds; ``principal`` is the client id in its token, if it had one."""

    sequence: int
    at: datetime
    service: str
    region: str | None
    surface: str
    method: str
    path: str
    query: str = ""
    principal: str | None = None
    body_size: int = 0
    status: int | None = None
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class LoggedExchange:
    """A request and its answer, whole. Names of headers are in lower case; of the request no header is kept."""

    service: str
    surface: str
    method: str
    path: str
    query: str
    sent: bytes
    status: int
    headers: dict[str, str]
    answered: bytes


class RequestLog:
    """The newest requests, in the order in which they arrived. ``at`` never goes back."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=limit)
        self._sequence = 0
        self._last = datetime.min.replace(tzinfo=UTC)
        self._exchanges: deque[LoggedExchange] | None = None

    def keep_bodies(self, limit: int = LIMIT) -> None:
        """From now on keep the newest ``limit`` exchanges, with their bodies."""
        self._exchanges = deque(maxlen=limit)

    @property
    def keeps_bodies(self) -> bool:
        return self._exchanges is not None

    def keep(self, exchange: LoggedExchange) -> None:
        """Keep an exchange, if bodies are kept."""
        if self._exchanges is not None:
            self._exchanges.append(exchange)

    def exchanges(self) -> list[LoggedExchange]:
        """What was kept, oldest first; a request that broke is not there."""
        return list(self._exchanges or ())

    def begin(self, service: str, region: str | None, surface: str, method: str, path: str) -> LoggedRequest:
        """Write down a request that has arrived; the entry is completed by the caller."""
        self._sequence += 1
        self._last = max(datetime.now(UTC), self._last)
        entry = LoggedRequest(self._sequence, self._last, service, region, surface, method, path)
        self._entries.append(entry)
        return entry

    def between(
        self,
        start: datetime,
        end: datetime,
        *,
        service: str | None = None,
        region: str | None = None,
        surface: str | None = None,
    ) -> list[LoggedRequest]:
        """What arrived from ``start`` to ``end``, both included, narrowed to what is given."""
        return [
            entry
            for entry in self.entries()
            if start <= entry.at <= end
            and service in {None, entry.service}
            and region in {None, entry.region}
            and surface in {None, entry.surface}
        ]

    def entries(self) -> list[LoggedRequest]:
        """Everything that is still kept, oldest first."""
        return list(self._entries)

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self.entries())

    def __len__(self) -> int:
        return len(self._entries)


def as_json(entry: LoggedRequest) -> dict[str, Any]:
    """An entry as the admin API shows it."""
    shown = {name: getattr(entry, name) for name in LoggedRequest.__slots__}
    return shown | {"at": entry.at.isoformat()}


def moment(text: str | None, otherwise: datetime) -> datetime:
    """The time that an RFC 3339 text names.

    Raises:
        ValueError: it names none, or one without a zone.
    """
    if not text:
        return otherwise
    at = datetime.fromisoformat(text)
    if at.utcoffset() is None:
        raise ValueError(f"a time with a zone was expected, got {text!r}")
    return at


EVER = datetime.min.replace(tzinfo=UTC)
ALWAYS = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


@lru_cache(maxsize=512)
def principal_in(authorization: str) -> str | None:
    """The client id that a bearer token claims, unchecked: the log says who called, admitted or not."""
    parts = authorization.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    found = claims.get("appid") if isinstance(claims, dict) else None
    return found if isinstance(found, str) else None
