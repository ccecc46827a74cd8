"""Deliveries that could not be read, counted by kind. They belong to no pair: what they are about is what is not known.

A kind is counted from the first such delivery on. When none has come for a day it begins anew, and is told anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from orchestrator.core.base.codec import Moment, Value, decode
from orchestrator.core.base.errors import UnknownShape
from orchestrator.core.base.text import format_time, truncate

SCHEMA = 1

QUIET = timedelta(days=1)
"""Time without any after which a kind is forgotten."""

WHY_LIMIT = 160


class UnreadKind(StrEnum):
    """What could not be read, and where it was delivered."""

    ALERT_SHAPE = "alert-shape"
    EVENT_SHAPE = "event-shape"
    BODY = "body"
    WORDS = "words"


class _Words(NamedTuple):
    one: str
    many: str
    what: str
    do: str


_WORDS = {
    UnreadKind.ALERT_SHAPE: _Words(
        "alert", "alerts", "in an unknown shape", "switch on the common alert schema in the action group"
    ),
    UnreadKind.EVENT_SHAPE: _Words(
        "event",
        "events",
        "in an unknown shape",
        "let the subscription deliver CloudEvents 1.0 or the Event Grid schema",
    ),
    UnreadKind.BODY: _Words("body", "bodies", "that could not be decoded", "see what the sender's encoding is"),
    UnreadKind.WORDS: _Words(
        "element",
        "elements",
        "with words that are not known here",
        "see what is behind them, and bring hubswitch up to date",
    ),
}


class Unread(Value, kw_only=True):
    """What could not be read of one kind."""

    kind: UnreadKind
    count: int
    since: Moment
    last_at: Moment
    why: str
    """Why the newest of them could not be read, or the words that are not known."""


class Batch(Value, kw_only=True):
    """What one process could not read since it last handed that over."""

    now: Moment
    counts: dict[UnreadKind, int]
    whys: dict[UnreadKind, str] = msgspec.field(default_factory=dict)


class UnreadLog(Value, kw_only=True):
    """What is stored."""

    schema: int = SCHEMA
    kinds: dict[UnreadKind, Unread] = msgspec.field(default_factory=dict)


class Counted(NamedTuple):
    log: UnreadLog
    new: tuple[Unread, ...]
    """Kinds that have begun."""


def count(log: UnreadLog, batch: Batch) -> Counted:
    """The log after a batch. Several workers count into one log; the later time stands."""
    kinds, new = dict(log.kinds), []
    for kind, number in batch.counts.items():
        before = kinds.get(kind)
        why = truncate(batch.whys.get(kind, ""), WHY_LIMIT)
        if before is None or batch.now - before.last_at > QUIET:
            kinds[kind] = Unread(kind=kind, count=number, since=batch.now, last_at=batch.now, why=why)
            new.append(kinds[kind])
        else:
            latest = max(before.last_at, batch.now)
            kinds[kind] = msgspec.structs.replace(
                before, count=before.count + number, last_at=latest, why=why or before.why
            )
    return Counted(UnreadLog(kinds=kinds), tuple(new))


def still_counted(log: UnreadLog, now: datetime) -> tuple[Unread, ...]:
    """The kinds that have not been forgotten, in order of their names."""
    return tuple(log.kinds[kind] for kind in sorted(log.kinds) if now - log.kinds[kind].last_at <= QUIET)


def describe(unread: Unread) -> str:
    """``14 alerts in an unknown shape since …: switch on the common alert schema in the action group (…)``."""
    words = _WORDS[unread.kind]
    noun = words.one if unread.count == 1 else words.many
    last = f" (the last one: {unread.why})" if unread.why else ""
    return f"{unread.count} {noun} {words.what} since {format_time(unread.since)}: {words.do}{last}"


def read_log(data: str | bytes, where: str) -> UnreadLog:
    """The log that was stored.

    Raises:
        InvalidInput: it cannot be read.
        UnknownShape: its schema number is not one that this version knows.
    """
    log = decode(data, UnreadLog, where)
    if log.schema != SCHEMA:
        raise UnknownShape(where, "schema", f"the number {SCHEMA}", repr(log.schema))
    return log


def batch_of(found: Mapping[UnreadKind, Iterable[str]], now: datetime) -> Batch | None:
    """A batch from the reasons by kind; None if there are none."""
    whys = {kind: reasons for kind, said in found.items() if (reasons := list(said))}
    if not whys:
        return None
    return Batch(
        now=now,
        counts={kind: len(reasons) for kind, reasons in whys.items()},
        whys={kind: truncate(reasons[-1], WHY_LIMIT) for kind, reasons in whys.items()},
    )


def merge(one: Batch, other: Batch) -> Batch:
    """Both in one; what the second says is newer."""
    counts = {kind: one.counts.get(kind, 0) + other.counts.get(kind, 0) for kind in {*one.counts, *other.counts}}
    return Batch(now=max(one.now, other.now), counts=counts, whys=one.whys | other.whys)
