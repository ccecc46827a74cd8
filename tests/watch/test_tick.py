"""A tick of many pairs ends in time, and whoever was not reached comes first in the next."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.schedule import due_at
from orchestrator.watch.tick import FairQueue, TickBounds, TickResult, run_tick

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(seconds=10)


def slot(length: float = 30.0, grace: float = 0.0, at_once: int = 4) -> TickBounds:
    return TickBounds(timedelta(seconds=length), timedelta(seconds=grace), at_once)


def test_all_have_their_turn_and_no_more_than_allowed_at_once() -> None:
    """Twenty turns, four at once."""
    now, most = [0], [0]

    async def turn(_: str) -> None:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.2)
        now[0] -= 1

    names = tuple(str(number) for number in range(20))
    assert asyncio.run(run_tick(names, turn, slot())) == TickResult(well=names, faults={}, unreached=())
    assert most == [4]


def test_a_turn_that_raises_is_told_and_stops_no_other() -> None:
    """What it raised comes back under its name."""

    async def turn(name: str) -> None:
        if name == "b":
            raise KeyError(name)

    ended = asyncio.run(run_tick(["a", "b", "c"], turn, slot()))
    assert (ended.well, list(ended.faults), ended.unreached) == (("a", "c"), ["b"], ())


def test_a_tick_ends_with_its_slot_whatever_its_turns_do() -> None:
    """One turn hangs: it is given up, and those behind it are not begun."""
    given_up: list[str] = []

    async def turn(name: str) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            given_up.append(name)
            raise

    ended = asyncio.run(run_tick(["a", "b", "c"], turn, slot(length=0.4, at_once=1)))
    assert (ended.well, ended.faults, ended.unreached) == ((), {}, ("a", "b", "c"))
    assert given_up == ["a"]


def test_nothing_is_left_behind_when_a_tick_is_cancelled() -> None:
    """The host stops: turns under way end with their tick."""
    ended: list[str] = []

    async def turn(name: str) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(name)

    async def stopped() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run_tick(["a", "b"], turn, slot()), 0.3)

    asyncio.run(stopped())
    assert sorted(ended) == ["a", "b"]


def test_an_empty_tick_does_nothing() -> None:
    """No pair is due."""
    assert asyncio.run(run_tick([], lambda _: asyncio.sleep(0), slot())) == TickResult((), {}, ())


@settings(max_examples=60, deadline=None)
@given(
    capacities=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    pairs=st.integers(1, 40),
    broken=st.sets(st.integers(0, 39)),
    intervals=st.lists(st.sampled_from([10, 30, 60]), min_size=1, max_size=5),
)
def test_nobody_starves(capacities: list[int], pairs: int, broken: set[int], intervals: list[int]) -> None:
    """Ticks that manage only a few, pairs that always fail, pairs in a hurry: each has its turn within one round.

    A round is as many ticks as it takes to give every pair one turn, after the pair has become due.
    """
    names = [f"pair-{number}" for number in range(pairs)]
    interval = {name: timedelta(seconds=intervals[n % len(intervals)]) for n, name in enumerate(names)}
    looked_at: dict[str, datetime | None] = dict.fromkeys(names)
    turns, waited = FairQueue(), dict.fromkeys(names, 0)
    served = [0]
    for tick in range(120):
        now = T0 + tick * TICK
        waiting = {n: at for n, at in looked_at.items() if at is None or now >= due_at(n, at, interval[n])}
        reached = turns.order(waiting)[: capacities[tick % len(capacities)]]
        served.append(len(reached))
        for name in names:
            waited[name] = waited[name] + 1 if name in waiting and name not in reached else 0
        for name in reached:
            turns.note(name, now)
            if int(name.removeprefix("pair-")) not in broken:
                looked_at[name] = now
        slowest = sum(capacities) / len(capacities)
        assert max(waited.values()) <= pairs / slowest + len(capacities) + 1
