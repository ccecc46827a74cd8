"""Pairs share one timer: each has its own place in an interval, and none waits longer than its interval."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.plan.policy import Policy
from orchestrator.core.schedule import (
    PROBES_SHARE,
    READS_PER_SECOND,
    beat_of,
    control_spacing,
    due_at,
    is_asked_now,
    longest_of,
    pointer_spacing,
    share_of,
)

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(seconds=10)
INTERVAL = timedelta(seconds=30)
NAMES = [f"pair-{number}" for number in range(1000)]


def looks(pair: str, interval: timedelta, ticks: int, jitter: list[float] | None = None) -> list[datetime]:
    """When a pair is looked at, if everything begins at once and a timer fires every ten seconds, more or less."""
    late = jitter or [0.0]
    found = [T0]
    for number in range(1, ticks):
        now = T0 + number * TICK + timedelta(seconds=late[number % len(late)])
        if now >= due_at(pair, found[-1], interval):
            found.append(now)
    return found


def test_pairs_that_began_together_drift_apart_within_two_intervals() -> None:
    """A thousand pairs that are all looked at in the first tick soon share the ticks of an interval evenly."""
    ticks = Counter(looks(pair, INTERVAL, 9)[-1] for pair in NAMES)
    assert len(ticks) == 3
    assert min(ticks.values()) >= 250


def test_a_pair_keeps_its_interval_once_it_has_its_place() -> None:
    """Spreading costs one early look in the beginning, and none afterwards."""
    for pair in NAMES[:50]:
        gaps = {after - before for before, after in pairwise(looks(pair, INTERVAL, 60)[2:])}
        assert gaps == {INTERVAL}


@given(pair=st.sampled_from(NAMES), jitter=st.lists(st.floats(0, 0.9), min_size=1, max_size=7))
def test_no_pair_waits_longer_than_its_interval_and_a_tick(pair: str, jitter: list[float]) -> None:
    """However unsteadily the timer fires, a look is never put off in order to spread, nor doubled after the first."""
    gaps = [after - before for before, after in pairwise(looks(pair, INTERVAL, 40, jitter))]
    assert max(gaps) <= INTERVAL + timedelta(seconds=1)
    assert min(gaps) >= TICK - timedelta(seconds=1)
    assert len([gap for gap in gaps if gap < INTERVAL - timedelta(seconds=1)]) <= 1


def test_a_suspect_pair_is_looked_at_in_every_tick() -> None:
    """Where the interval is the timer's period, nothing is spread: the confirmation rests on many looks."""
    for pair in NAMES[:50]:
        assert len(looks(pair, TICK, 30)) == 30


def test_a_place_follows_from_the_name_alone() -> None:
    """No dice: the same name has the same place in every process, and names are spread evenly."""
    assert share_of("demo") == share_of("demo")
    tenths = Counter(int(share_of(name) * 10) for name in NAMES)
    assert set(tenths) == set(range(10))
    assert min(tenths.values()) > 60


def test_pauses_of_steps_follow_from_the_suspect_interval() -> None:
    """One second to half a minute with the default policy."""
    assert (beat_of(Policy()), longest_of(Policy())) == (timedelta(seconds=1), timedelta(seconds=30))


def test_few_pairs_ask_resource_manager_in_every_look() -> None:
    """Up to 450 sides in a subscription nothing is spread."""
    spacing = control_spacing(450, Policy())
    assert spacing == INTERVAL
    assert all(is_asked_now(pair, T0, T0 + INTERVAL, INTERVAL, spacing) for pair in NAMES)


@pytest.mark.parametrize("interval", [INTERVAL, TICK])
def test_many_pairs_ask_resource_manager_no_more_often_than_their_share(interval: timedelta) -> None:
    """A thousand pairs, in quiet times and all suspect: 15 reads a second, each side once per spacing."""
    spacing = control_spacing(2 * len(NAMES), Policy())
    asked: Counter[str] = Counter()
    span = timedelta(minutes=20)
    for pair in NAMES:
        now = T0
        while now < T0 + span:
            asked[pair] += 2 * is_asked_now(pair, now - interval, now, interval, spacing)
            now += interval
    assert asked.total() / span.total_seconds() <= READS_PER_SECOND * PROBES_SHARE * 1.02
    assert {count // 2 for count in asked.values()} <= {span // spacing, span // spacing + 1}


def test_what_resource_manager_said_never_dies_of_being_spread_out() -> None:
    """However many sides there are, each is asked twice within the lifetime of an answer."""
    assert control_spacing(100_000, Policy()) == Policy().evidence_lifetime / 2


def test_a_look_that_comes_late_asks_what_it_has_missed() -> None:
    """The pair's moment passed while nothing was looked at: the next look asks."""
    spacing = timedelta(seconds=120)
    late = T0 + timedelta(seconds=130)
    assert all(is_asked_now(pair, T0, late, INTERVAL, spacing) for pair in NAMES)


def test_a_thousand_pointers_leave_half_of_their_store_to_clients() -> None:
    """15,000 reads an hour; a few pairs are looked at in each look."""
    assert pointer_spacing(1000) == timedelta(minutes=4)
    assert pointer_spacing(100) < INTERVAL
