"""Key spaces of a geo-replicated store: every replica takes writes, and all of them meet again later.

A write counts at once where it was made and arrives at the others after the store's lag, in the order in which the
writes were made anywhere. Where two replicas wrote the same key meanwhile, the later write stays (how the real
service settles this is not documented; it promises only that replicas end up equal). An item keeps its ETag on its
way. Conditions are checked against the replica that is asked, so two replicas can both accept one.

A sync token names a replica and how many of its writes the caller knows of. A replica that is shown a token brings
in the writes it still lacks, and those made before them, before it answers: the promise of the real token within one
store. That tokens of one replica are understood by another is assumed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

type Key = tuple[str, str]
"""Key and label; the empty label stands for none."""


class Setting(NamedTuple):
    """A key-value as stored."""

    key: str
    label: str | None
    value: str | None
    content_type: str | None
    tags: dict[str, str | None]
    etag: str
    modified: datetime
    locked: bool


class ReplicaWrite(NamedTuple):
    """One write: ``number`` counts the writes of all replicas, ``sequence`` those of ``source``.

    ``setting`` is None for a deletion. ``at`` is a reading of the replication's clock.
    """

    number: int
    source: int
    sequence: int
    at: float
    key: Key
    setting: Setting | None


@dataclass(slots=True)
class StoreEndpoint:
    """What one endpoint knows."""

    settings: dict[Key, Setting] = field(default_factory=dict)
    revisions: list[Setting] = field(default_factory=list)
    written: dict[Key, int] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    coming: deque[ReplicaWrite] = field(default_factory=deque)

    def apply(self, change: ReplicaWrite) -> None:
        self.seen[change.source] = change.sequence
        if self.written.get(change.key, 0) > change.number:
            return
        self.written[change.key] = change.number
        if change.setting is None:
            self.settings.pop(change.key, None)
        else:
            self.settings[change.key] = change.setting
            self.revisions.append(change.setting)

    def lacks(self, known: Mapping[int, int]) -> bool:
        """Whether some write that the caller knows of has not arrived."""
        return any(self.seen.get(source, 0) < sequence for source, sequence in known.items())

    @property
    def sync_token(self) -> str:
        """One token for each replica whose writes have been seen; one of no write where there was none."""
        seen = sorted(self.seen.items()) or [(0, 0)]
        return ",".join(f"{_token_id(source)}={_text(sequence)};sn={sequence}" for source, sequence in seen)


class Replication:
    """The replicas of one store, and how writes travel between them. ``lag`` (seconds) may change at any time."""

    def __init__(self, replicas: int, lag: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.lag = lag
        self._replicas = [StoreEndpoint() for _ in range(replicas)]
        self._clock = clock
        self._number = 0

    def __len__(self) -> int:
        return len(self._replicas)

    def at(self, index: int, tokens: str = "") -> StoreEndpoint:
        """A replica as it is now, or as the sync tokens require it to be."""
        replica, known = self._replicas[index], self._find_writes(tokens)
        now = self._clock()
        while replica.coming and (now - replica.coming[0].at >= self.lag or replica.lacks(known)):
            replica.apply(replica.coming.popleft())
        return replica

    def write(self, index: int, key: Key, setting: Setting | None) -> None:
        """Change one replica at once and the others after the lag."""
        self._number += 1
        replica = self._replicas[index]
        change = ReplicaWrite(self._number, index, replica.seen.get(index, 0) + 1, self._clock(), key, setting)
        replica.apply(change)
        for other in self._replicas:
            if other is not replica:
                other.coming.append(change)

    def _find_writes(self, tokens: str) -> dict[int, int]:
        """How many writes of which replica the tokens speak of. Tokens of other stores are passed over."""
        known: dict[int, int] = {}
        for token in filter(None, (part.strip() for part in tokens.split(","))):
            name, _, value = token.partition(";")[0].partition("=")
            for source in range(len(self._replicas)):
                if name == _token_id(source):
                    known[source] = min(_number(value), self._replicas[source].seen.get(source, 0))
        return known


def new_etag(number: int, parts: Iterable[str | None]) -> str:
    """An ETag for the nth write, in the service's form (43 characters of URL-safe base64)."""
    digest = hashlib.sha256("\n".join([str(number), *(part or "" for part in parts)]).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _token_id(source: int) -> str:
    return f"r{source}"


def _text(sequence: int) -> str:
    return base64.b64encode(str(sequence).encode()).decode()


def _number(value: str) -> int:
    try:
        return int(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return 0
