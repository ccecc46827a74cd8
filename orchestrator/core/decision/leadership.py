"""Who acts, of several stamps that watch the same pairs: the leader's record, and what follows from it. Pure.

One record for each ledger container, ``_shared/leader.json``. The leader writes it anew at each of its passes, always
under the condition that nobody else has. A follower compares no clocks: it takes over when what it reads has not
changed for a span of its own clock since it first read it. A leader stops acting after a shorter span without a
renewal.

This spares double work and double notices, and lets one view decide. That no epoch is switched twice rests on the
epoch record alone: for a moment there may be two leaders.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from orchestrator.core.base.codec import SCHEMA, Moment, Record

TAKE_OVER_AFTER = timedelta(seconds=60)
"""Span without a change of the leader's record after which a follower takes over, if the settings give no other."""

LEAD_PART = 0.5
"""Part of that span for which a renewal counts: a leader that cannot renew stops before another one begins."""


class LeaderRecord(Record, kw_only=True):
    """Who leads in one container. ``(term, beat)`` only grows, as long as nobody deletes the record."""

    schema: int = SCHEMA
    stamp: str
    term: int
    """One more with every change of the leader."""

    beat: int
    """One more with every renewal in a term."""

    pairs: tuple[str, ...]
    """Those that the leader acts for now. For others, which it does not know or cannot judge, followers act."""


class Leadership(Record, kw_only=True):
    """Who acts for a pair, as one stamp knows it."""

    stamp: str
    """The leader by the record."""

    term: int
    is_ours: bool
    leaves_pair: bool = False
    """The leader, another stamp, does not act for this pair: it does not know it, or cannot judge it."""

    since: Moment
    """When this stamp heard first of this term, by its own clock."""

    until: Moment | None = None
    """How long our own lead counts, by our clock; None if another stamp leads."""

    take_over_after: timedelta = TAKE_OVER_AFTER

    @property
    def follows(self) -> bool:
        """Whether another stamp acts for the pair, and this one only watches."""
        return not self.is_ours and not self.leaves_pair


def lead_span(take_over_after: timedelta) -> timedelta:
    """How long a renewal counts for the leader, from the moment before it was begun."""
    return take_over_after * LEAD_PART


def record_to_write(
    found: LeaderRecord | None,
    stamp: str,
    pairs: Iterable[str],
    *,
    unchanged_for: timedelta,
    take_over_after: timedelta,
    highest_term: int = 0,
) -> LeaderRecord | None:
    """What a stamp writes over the record that it has read: a renewal, a new term, or nothing, for another one leads.

    Args:
        found: the record as read; None if there is none.
        stamp: the name of the stamp that asks.
        pairs: those that it can act for now.
        unchanged_for: how long it has read this very record, by its own clock.
        take_over_after: after so long it takes over.
        highest_term: the highest term that it has heard of; a record that was deleted begins above it.
    """
    acted_for = tuple(sorted(pairs))
    if found is None:
        return LeaderRecord(stamp=stamp, term=highest_term + 1, beat=0, pairs=acted_for)
    if found.stamp == stamp:
        return LeaderRecord(stamp=stamp, term=found.term, beat=found.beat + 1, pairs=acted_for)
    if unchanged_for < take_over_after:
        return None
    return LeaderRecord(stamp=stamp, term=max(found.term, highest_term) + 1, beat=0, pairs=acted_for)


def leadership_of(
    record: LeaderRecord, pair: str, stamp: str, now: datetime, *, until: datetime | None, take_over_after: timedelta
) -> Leadership:
    """What a record says of one pair. ``until``: how long it counts, if it is ours."""
    is_ours = record.stamp == stamp
    return Leadership(
        stamp=record.stamp,
        term=record.term,
        is_ours=is_ours,
        leaves_pair=not is_ours and pair not in record.pairs,
        since=now,
        until=until if is_ours else None,
        take_over_after=take_over_after,
    )


def keep_since(before: Leadership | None, after: Leadership) -> datetime:
    """When this term was heard of first."""
    same = before is not None and (before.stamp, before.term) == (after.stamp, after.term)
    return before.since if before is not None and same else after.since
