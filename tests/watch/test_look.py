"""What a look makes of the stores, against the local Azure: records, pointers, pauses, other stamps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
import pytest
from crash_harness import Bench, Visit, order_of

from orchestrator.core.base.codec import read_record
from orchestrator.core.base.vocabulary import NoticeName, Role
from orchestrator.core.decision.decide import step
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.stamps import GreenDrill, PauseRecord, drills_path, view_path
from orchestrator.core.decision.state import Tell, initial
from orchestrator.core.epoch import EpochRecord, pointer_for
from orchestrator.watch.look import look
from orchestrator.watch.stamps import Surroundings, Teller
from orchestrator.workflows.activities.drill import finish_drill
from orchestrator.workflows.activities.epoch import claim_epoch
from orchestrator.workflows.activities.stamps import store_green, store_pause
from orchestrator.workflows.messages import DrillDone, DrillKind, DrillOrder, DrillReport, order_again

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAUSE = PauseRecord(paused=True, at=T, by="ana", reason="work")


def looked(visit: Visit, stamp: str = "one") -> Observed:
    async def once() -> Observed:
        try:
            return await look(visit.world, visit.plan, Surroundings(visit.world, stamp))
        finally:
            await visit.world.probes.aclose()

    return asyncio.run(once())


@contextmanager
def away(bench: Bench, service: str) -> Iterator[None]:
    bench.azure.faults.set(None, service, "5xx", status=503)
    try:
        yield
    finally:
        bench.azure.faults.clear(None, service)


def test_a_pointer_that_cannot_be_read_does_not_hide_the_record(bench: Bench) -> None:
    """Who may act is known; that nobody could be told is trouble."""
    visit = bench.visit()
    with away(bench, "appconfig"):
        seen = looked(visit)
    assert seen.record is not None
    assert seen.trouble is not None
    assert "503" in seen.trouble
    assert not seen.is_fenced


def test_a_pointer_ahead_of_the_record_is_told_and_no_run_is_begun_over_it(bench: Bench) -> None:
    """Written by hand, or left by a store that was restored: every run would be fenced by it."""
    visit = bench.visit()
    store = visit.world.pointers[visit.pair]
    ahead = EpochRecord(epoch=7, active=Role.SECONDARY, run="by-hand", since=T, why="by hand")
    store.publish(visit.pair, pointer_for(visit.plan, ahead), store.snapshot(visit.pair))
    seen = looked(visit)
    assert seen.is_fenced
    assert seen.trouble == "the pointer is at epoch 7, ahead of the epoch record, which says 0"


def test_a_pointer_that_names_the_other_side_under_the_same_epoch_is_told(bench: Bench) -> None:
    """One of the two is wrong, and nobody can say which."""
    visit = bench.visit()
    claim_epoch(visit.world, order_of(visit, 1))
    store = visit.world.pointers[visit.pair]
    other = EpochRecord(epoch=1, active=Role.PRIMARY, run="by-hand", since=T, why="by hand")
    store.publish(visit.pair, pointer_for(visit.plan, other), store.snapshot(visit.pair))
    assert looked(visit).trouble == "the pointer of epoch 1 names the primary, the epoch record the secondary"


def test_pauses_drills_and_views_come_with_every_look(bench: Bench) -> None:
    """What another stamp wrote; one's own view is left out."""
    visit = bench.visit()
    store = visit.world.shared[visit.pair]
    store_pause(store, visit.pair, PAUSE)
    store_green(visit.world, visit.pair, "d1", "dry", T)
    state = msgspec.structs.replace(initial(visit.pair, T), looked_at=T)
    for stamp in ("one", "two"):
        assert Teller(stamp).tell(visit.world, visit.plan, state)
    shared = looked(visit).shared
    assert shared is not None
    assert (shared.pause, shared.drills) == (PAUSE, (GreenDrill(drill="d1", kind="dry", at=T),))
    assert [view.stamp for view in shared.views or ()] == ["two"]


def test_a_pause_or_a_log_of_drills_that_cannot_be_read_is_trouble(bench: Bench) -> None:
    """S3: an unreadable hold is a hold."""
    for path in (drills_path, lambda pair: f"_shared/pairs/{pair}/pause.json"):
        visit = bench.visit()
        visit.world.shared[visit.pair].create(path(visit.pair), b'{"schema": 9}')
        seen = looked(visit)
        assert seen.record is not None
        assert seen.trouble is not None
        assert "schema" in seen.trouble


def test_another_stamps_view_that_cannot_be_read_is_told_and_is_no_trouble(bench: Bench) -> None:
    """That stamp may be of another version, or have died while it wrote."""
    visit = bench.visit()
    visit.world.shared[visit.pair].create(view_path(visit.pair, "two"), b"{")
    seen = looked(visit)
    assert seen.trouble is None
    assert seen.shared is not None
    assert seen.shared.caution is not None
    assert "two.json" in seen.shared.caution


def test_a_view_is_written_when_it_changes_or_grows_old(bench: Bench) -> None:
    """Not after every look: a thousand pairs would be a thousand writes."""
    visit = bench.visit()
    teller = Teller("one")
    lifetime = visit.plan.policy.evidence_lifetime
    state = msgspec.structs.replace(initial(visit.pair, T), looked_at=T)
    later = [msgspec.structs.replace(state, looked_at=T + lifetime * part) for part in (0.1, 0.2, 0.5)]
    moved = msgspec.structs.replace(later[-1], epoch=1)
    assert [teller.tell(visit.world, visit.plan, each) for each in (state, *later, moved)] == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_a_pause_is_never_older_than_the_one_it_follows(bench: Bench) -> None:
    """The clock of the other stamp may be ahead; its pause is ended all the same."""
    visit = bench.visit()
    store = visit.world.shared[visit.pair]
    store_pause(store, None, PAUSE)
    ended = store_pause(store, None, msgspec.structs.replace(PAUSE, paused=False, at=T - timedelta(minutes=2)))
    assert (ended.paused, ended.at > T) == (False, True)


def test_a_drill_counts_once_however_often_its_end_is_told(bench: Bench) -> None:
    """A repeated step changes nothing; one that went badly is kept and does not count."""
    visit = bench.visit()
    for drill, ok in (("d1", True), ("d1", True), ("d2", False)):
        report = DrillReport(pair=visit.pair, drill=drill, kind=DrillKind.CANARY, ok=ok, findings=())
        beat = timedelta(seconds=1)
        order = DrillOrder(
            pair=visit.pair, kind=DrillKind.CANARY, drill=drill, reason="r", asked_at=T, beat=beat, longest=beat
        )
        finish_drill(visit.world, DrillDone(order=order, report=report))
    shared = looked(visit).shared
    assert shared is not None
    assert [drill.drill for drill in shared.drills or ()] == ["d1"]
    assert visit.world.ledgers[visit.pair].get(f"{visit.pair}/drills/d2.json")


def test_a_run_that_is_begun_again_takes_the_same_jobs_to_have_been_interrupted(bench: Bench) -> None:
    """What its order said of that lies in the record, and is not worked out anew from the time of the claim."""
    visit = bench.visit()
    order = msgspec.structs.replace(order_of(visit, 1), doubted_since=T - timedelta(hours=3))
    record = claim_epoch(visit.world, order)
    assert order_again(record, visit.plan, T + timedelta(hours=1)).doubted_since == order.doubted_since


def test_a_record_without_that_time_is_one_of_an_older_version(bench: Bench) -> None:
    """It is read, and the time is worked out as well as it can be."""
    visit = bench.visit()
    old = b'{"schema":1,"epoch":3,"active":"secondary","run":"failover-p-e3","since":"2026-03-01T12:00:00Z","why":"x"}'
    record = read_record(old, EpochRecord, "epoch.json")
    assert order_again(record, visit.plan, T).doubted_since < T


class Ahead(NamedTuple):
    """The real clock, ahead by a while."""

    by: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


def test_a_look_brings_what_the_stores_clocks_say(bench: Bench) -> None:
    """From the answers that it got anyway, to within some seconds."""
    seen = looked(bench.visit())
    assert seen.store_time is not None
    assert seen.store_time.confirms(seen.now)
    assert seen.store_time.within < timedelta(seconds=20)


def test_a_look_without_an_answer_of_a_store_brings_no_time(bench: Bench) -> None:
    """What the stores said at an earlier look is not carried on by our own clock for long."""
    visit = bench.visit()
    looked(visit)
    wrong = msgspec.structs.replace(visit.plan.ledger, account="https://nobody.blob.core.windows.net")
    plan = msgspec.structs.replace(
        visit.plan,
        ledger=wrong,
        pointer=msgspec.structs.replace(visit.plan.pointer, endpoint="https://nobody.azconfig.io"),
    )
    assert visit.world.store_clock.read(plan, timedelta(hours=1)) is None
    assert visit.world.store_clock.read(visit.plan, timedelta(0)) is None


@pytest.mark.parametrize("hours", [13, -13])
def test_a_clock_that_is_hours_off_is_found_out_by_the_stores_and_harms_nothing(bench: Bench, hours: int) -> None:
    """Hold and tell; at the next look by a right clock the pair decides again."""
    visit = bench.visit()
    policy = visit.plan.policy
    right = looked(visit)
    state = step(initial(visit.pair, right.now), right, right.now, policy).state
    ours, visit.world = visit.world, visit.world._replace(clock=Ahead(timedelta(hours=hours)))
    wrong = looked(visit)
    visit.world = ours
    held = step(state, wrong, wrong.now, policy)
    assert (held.rule, held.state.last_now) == ("hold.clock", right.now)
    assert [order.name for order in held.orders if isinstance(order, Tell)] == [NoticeName.TROUBLE_BEGAN]
    again = looked(visit)
    after = step(held.state, again, again.now, policy)
    assert after.rule != "hold.clock"
    assert (after.state.last_now, after.state.trouble) == (again.now, None)
