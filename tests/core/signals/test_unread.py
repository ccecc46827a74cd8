"""What could not be read is counted by kind, and told once until a day passes without any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.signals.unread import (
    Batch,
    UnreadKind,
    UnreadLog,
    batch_of,
    count,
    describe,
    merge,
    read_log,
    still_counted,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALERTS = UnreadKind.ALERT_SHAPE


def batch(number: int, at: datetime, why: str = "no known schema") -> Batch:
    return Batch(now=at, counts={ALERTS: number}, whys={ALERTS: why})


def test_a_kind_is_new_once_and_counts_on() -> None:
    """Fourteen alerts, told when the first came, with what to do about it."""
    log, new = count(UnreadLog(), batch(1, NOON))
    assert [one.count for one in new] == [1]
    log, new = count(log, batch(13, NOON + timedelta(hours=1), "neither an event nor an alert"))
    assert new == ()
    (unread,) = still_counted(log, NOON + timedelta(hours=2))
    assert describe(unread) == (
        "14 alerts in an unknown shape since 2026-03-01 12:00:00Z: "
        "switch on the common alert schema in the action group (the last one: neither an event nor an alert)"
    )
    assert read_log(encode(log), "log") == log


def test_a_kind_that_has_not_come_for_a_day_is_forgotten_and_told_anew() -> None:
    """What was mended long ago is no news, and what breaks again is."""
    log, _ = count(UnreadLog(), batch(5, NOON))
    later = NOON + timedelta(days=1, seconds=1)
    assert still_counted(log, later) == ()
    log, new = count(log, batch(1, later))
    assert [(one.count, one.since) for one in new] == [(1, later)]


def test_a_worker_whose_clock_is_behind_takes_nothing_back() -> None:
    """The later time stands."""
    log, _ = count(UnreadLog(), batch(1, NOON))
    log, new = count(log, batch(1, NOON - timedelta(hours=3)))
    assert (new, log.kinds[ALERTS].last_at, log.kinds[ALERTS].count) == ((), NOON, 2)


def test_kinds_are_told_apart_and_none_is_made_up() -> None:
    """Nothing unread is no batch; two batches are one."""
    assert batch_of({ALERTS: (), UnreadKind.WORDS: []}, NOON) is None
    one = batch_of({ALERTS: ["a", "b"]}, NOON)
    other = batch_of({ALERTS: ["c"], UnreadKind.BODY: ["d"]}, NOON + timedelta(seconds=1))
    assert one is not None
    assert other is not None
    both = merge(one, other)
    assert (both.counts, both.whys[ALERTS]) == ({ALERTS: 3, UnreadKind.BODY: 1}, "c")


def test_what_a_stranger_sends_stays_short() -> None:
    """The log is bounded, whatever arrives."""
    found = batch_of({kind: ["x" * 100_000] for kind in UnreadKind}, NOON)
    assert found is not None
    assert len(encode(count(UnreadLog(), found).log)) < 2000


@pytest.mark.parametrize("kind", list(UnreadKind))
def test_every_kind_says_what_to_do(kind: UnreadKind) -> None:
    """One as well as many."""
    log, (one,) = count(UnreadLog(), Batch(now=NOON, counts={kind: 1}))
    many = count(log, Batch(now=NOON, counts={kind: 1})).log.kinds[kind]
    assert describe(one).startswith("1 ")
    assert describe(many).startswith("2 ")
    assert describe(one).partition(": ")[2]


def test_a_log_of_another_shape_is_refused() -> None:
    """A newer version wrote it."""
    with pytest.raises(InvalidInput):
        read_log(b'{"schema": 2, "kinds": {}}', "log")
