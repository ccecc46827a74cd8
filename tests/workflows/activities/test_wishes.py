"""Abort and claim meet in the epoch record: whichever is written first decides, and the other is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import permutations
from typing import Any, cast

import msgspec
import pytest
from crash_harness import Bench, order_of

from orchestrator.core.base.errors import Conflict, HubswitchError, NotNow, RunAborted
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import EpochRecord
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities.epoch import claim_epoch, publish_pointer
from orchestrator.workflows.activities.wishes import abort_run, turn_ungraceful, withdraw_run
from orchestrator.workflows.messages import StopOrder, Wish

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
WISH = Wish(by="ana", reason="the wrong pair", at=AT)


def test_an_aborted_run_claims_and_publishes_nothing(bench: Bench) -> None:
    """On the real stores: epoch, side and pointer are as they were, and the run is told by whom."""
    visit = bench.visit()
    before = visit.world.pointers[visit.pair].snapshot(visit.pair).value
    was = visit.world.epochs[visit.pair].read(visit.pair)
    order = order_of(visit, 1)
    record = abort_run(visit.world, visit.pair, order.run, WISH)
    assert abort_run(visit.world, visit.pair, order.run, WISH) == record
    with pytest.raises(RunAborted, match="aborted by ana at 2026-03-01 12:00:00Z: the wrong pair"):
        claim_epoch(visit.world, order)
    with pytest.raises(HubswitchError):
        publish_pointer(visit.world, order)
    found = visit.world.epochs[visit.pair].read(visit.pair)
    assert found is not None
    assert was is not None
    assert msgspec.structs.replace(found.value, aborted=()) == was.value
    assert visit.world.pointers[visit.pair].snapshot(visit.pair).value == before


def test_the_next_run_of_the_epoch_is_not_aborted(bench: Bench) -> None:
    """An abort is of one run; what is ordered after it has another id, and leaves no trace of the abort."""
    visit = bench.visit()
    order = order_of(visit, 1)
    abort_run(visit.world, visit.pair, order.run, WISH)
    again = msgspec.structs.replace(order, run=f"{order.run}-again1")
    record = claim_epoch(visit.world, again)
    assert (record.epoch, record.run, record.aborted) == (1, again.run, ())


@pytest.mark.parametrize("later", [False, True])
def test_an_abort_after_the_claim_is_refused_with_what_can_be_done(bench: Bench, later: bool) -> None:
    """Of the run that holds the epoch, and of one that a newer epoch has overtaken."""
    visit = bench.visit()
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    run = order.run if not later else f"{order.run}-again1"
    with pytest.raises(NotNow, match="ends by itself" if later else "failback"):
        abort_run(visit.world, visit.pair, run, WISH)
    found = visit.world.epochs[visit.pair].read(visit.pair)
    assert found is not None
    assert (found.value.run, found.value.aborted) == (order.run, ())


class Steps:
    """An epoch record in memory, whose reads and writes wait for their turn: two callers in any order."""

    def __init__(self, record: EpochRecord) -> None:
        self.record, self.version = record, 0

    def read(self, _: str) -> Versioned[EpochRecord]:
        return Versioned(self.record, str(self.version))

    def replace(self, _: str, record: EpochRecord, etag: str) -> str:
        if etag != str(self.version):
            raise Conflict("somebody has written in between")
        self.record, self.version = record, self.version + 1
        return str(self.version)


class Interleaved:
    """The store as one caller sees it: before its n-th read or write the other callers do what is due then."""

    def __init__(self, steps: Steps, due: dict[int, Callable[[], None]]) -> None:
        self._steps, self._due, self._calls = steps, due, 0

    def _let_others(self) -> None:
        self._calls += 1
        self._due.pop(self._calls, lambda: None)()

    def read(self, pair: str) -> Versioned[EpochRecord]:
        self._let_others()
        return self._steps.read(pair)

    def replace(self, pair: str, record: EpochRecord, etag: str) -> str:
        self._let_others()
        return self._steps.replace(pair, record, etag)


def outcome_of(act: Callable[[], object]) -> str:
    try:
        act()
    except (RunAborted, NotNow) as fault:
        return type(fault).__name__
    return "done"


def meetings() -> Iterator[tuple[str, str, int]]:
    for one, other in permutations(("abort", "claim")):
        for before in (1, 2, 3):
            yield one, other, before


@pytest.mark.parametrize(("first", "other", "before"), list(meetings()))
@pytest.mark.parametrize("twice", [False, True])
def test_one_of_abort_and_claim_wins_and_the_other_is_told(
    bench: Bench, first: str, other: str, before: int, twice: bool
) -> None:
    """S1: whatever comes between a read and the write after it. A second try of both changes nothing."""
    visit = bench.visit()
    order = order_of(visit, 1)
    start = visit.world.epochs[visit.pair].read(visit.pair)
    assert start is not None
    steps = Steps(start.value)
    found: dict[str, str] = {}

    def world_of(store: Any) -> World:
        return visit.world._replace(epochs=cast("Any", {visit.pair: store}))

    def act(name: str, store: Any) -> None:
        acts: dict[str, Callable[[], object]] = {
            "abort": lambda: abort_run(world_of(store), visit.pair, order.run, WISH),
            "claim": lambda: claim_epoch(world_of(store), order),
        }
        found[name] = outcome_of(acts[name])

    act(first, Interleaved(steps, {before: lambda: act(other, steps)}))
    if other not in found:
        act(other, steps)
    for name in (first, other) if twice else ():
        was = found[name]
        act(name, steps)
        assert found[name] == was
    assert found in ({"abort": "done", "claim": "RunAborted"}, {"abort": "NotNow", "claim": "done"})
    is_claimed = found["claim"] == "done"
    assert (steps.record.epoch, steps.record.active) == ((1, Role.SECONDARY) if is_claimed else (0, Role.PRIMARY))


@pytest.mark.parametrize("claimed", [False, True])
def test_a_run_that_the_pair_ends_claims_nothing_or_is_left_alone(bench: Bench, claimed: bool) -> None:
    """A way back whose target is bad; one that has claimed its epoch goes on, and nothing is raised."""
    visit = bench.visit()
    order = order_of(visit, 1)
    if claimed:
        claim_epoch(visit.world, order)
    wish = Wish(by="hubswitch", reason="hub of the primary is bad", at=AT)
    stop = StopOrder(pair=visit.pair, run=order.run, wish=wish, beat=order.beat, longest=order.longest)
    assert bool(withdraw_run(visit.world, stop)) is claimed
    if claimed:
        assert claim_epoch(visit.world, order).run == order.run
    else:
        with pytest.raises(RunAborted, match="hub of the primary is bad"):
            claim_epoch(visit.world, order)


@pytest.mark.parametrize("before", [1, 2, 3])
@pytest.mark.parametrize("claim_first", [False, True])
def test_a_wish_that_meets_the_claim_of_a_run_that_drains_is_in_force(
    bench: Bench, before: int, claim_first: bool
) -> None:
    """Whatever comes between a read and the write after it: the run claims once, and waits for no job."""
    visit = bench.visit()
    order = msgspec.structs.replace(order_of(visit, 1), graceful=True)
    start = visit.world.epochs[visit.pair].read(visit.pair)
    assert start is not None
    steps = Steps(start.value)

    def claim(store: Any) -> None:
        claim_epoch(visit.world._replace(epochs=cast("Any", {visit.pair: store})), order)

    def press(store: Any) -> None:
        world = visit.world._replace(epochs=cast("Any", {visit.pair: store}))
        turn_ungraceful(world, visit.pair, order.run, WISH, drains=True)

    first, other = (claim, press) if claim_first else (press, claim)
    first(Interleaved(steps, {before: lambda: other(steps)}))
    other(steps)
    assert (steps.record.epoch, steps.record.run, steps.record.pressed) == (1, order.run, ())
    assert steps.record.ungraceful is not None
    assert steps.record.ungraceful.by == WISH.by
