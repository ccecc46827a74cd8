"""Nonsense in a flood costs the engine one operation every ten seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orchestrator.core.signals.unread import UnreadKind
from orchestrator.watch.unread import PAUSE, Pending

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_first_goes_at_once_and_the_rest_together() -> None:
    """A thousand bodies in ten seconds are two operations."""
    pending, taken = Pending(), []
    for number in range(1001):
        at = NOON + number * PAUSE / 1000
        pending.add({UnreadKind.BODY: ["not JSON"]}, at)
        if batch := pending.take(at):
            taken.append(batch.counts[UnreadKind.BODY])
    assert taken == [1, 1000]


def test_nothing_is_lost_where_the_engine_does_not_answer() -> None:
    """What could not be handed over goes with the next."""
    pending = Pending()
    pending.add({UnreadKind.BODY: ["one"]}, NOON)
    batch = pending.take(NOON)
    assert batch is not None
    pending.add({UnreadKind.BODY: ["two"]}, NOON)
    pending.put_back(batch)
    again = pending.take(NOON + PAUSE)
    assert again is not None
    assert (again.counts[UnreadKind.BODY], again.whys[UnreadKind.BODY]) == (2, "two")


def test_a_clock_that_goes_back_delays_nothing() -> None:
    """The pause is counted from a time that has been."""
    pending = Pending()
    pending.add({UnreadKind.BODY: ["one"]}, NOON)
    assert pending.take(NOON)
    pending.add({UnreadKind.BODY: ["two"]}, NOON)
    assert pending.take(NOON - timedelta(hours=5))
