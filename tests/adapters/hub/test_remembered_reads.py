"""How long an answer is remembered, and how much room it takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orchestrator.adapters.hub.remembered_reads import OVERHEAD, RememberedReads, spread

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVER = datetime.min.replace(tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_answer_is_found_as_it_was_until_it_is_too_old() -> None:
    """Also an empty one."""
    now = [NOW]
    reads = RememberedReads(lambda: now[0])
    reads.keep("a", [{"name": "é"}], NOW)
    reads.keep("b", [], NOW)
    now[0] += HOUR - timedelta(seconds=1)
    assert (reads.find("a", HOUR, EVER), reads.find("b", HOUR, EVER)) == ([{"name": "é"}], [])
    now[0] += timedelta(seconds=1)
    assert (reads.find("a", HOUR, EVER), reads.find("a", HOUR * 2, EVER)) == (None, [{"name": "é"}])


def test_an_answer_that_is_older_than_a_change_is_not_found() -> None:
    """Nor one of the same moment: nobody knows which was first."""
    reads = RememberedReads(lambda: NOW)
    reads.keep("a", 1, NOW)
    found = [reads.find("a", HOUR, NOW + timedelta(seconds=later)) for later in (-1, 0, 1)]
    assert found == [1, None, None]


def test_what_a_caller_does_to_an_answer_changes_nothing() -> None:
    """Each caller has its own."""
    reads = RememberedReads(lambda: NOW)
    answer = {"properties": {"a": 1}}
    reads.keep("a", answer, NOW)
    answer["properties"]["a"] = 2
    reads.find("a", HOUR, EVER)["properties"]["a"] = 3
    assert reads.find("a", HOUR, EVER) == {"properties": {"a": 1}}


def test_what_was_used_longest_ago_is_forgotten_when_there_is_no_room() -> None:
    """And an answer that is kept anew takes its room once."""
    reads = RememberedReads(lambda: NOW, most=2 * (OVERHEAD + 10))
    for _ in range(10):
        reads.keep("a", 1, NOW)
    reads.keep("b", 2, NOW)
    assert reads.find("a", HOUR, EVER) == 1
    reads.keep("c", 3, NOW)
    assert [reads.find(key, HOUR, EVER) for key in "abc"] == [1, None, 3]


def test_times_are_spread_between_half_and_all() -> None:
    """So that what was read in one minute is not read again in one."""
    times = sorted(spread(HOUR, f"key {number}") for number in range(1000))
    assert HOUR / 2 <= times[0] < HOUR * 0.51
    assert HOUR * 0.99 < times[-1] <= HOUR
    assert abs(times[500] - HOUR * 0.75) < HOUR * 0.03
