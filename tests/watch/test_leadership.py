"""The leader's record in the ledger's container, against the local Azure, and what timers leave to the leader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from crash_harness import Bench, Visit

from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import InvalidInput, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.leadership import LeaderRecord, Leadership
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.stamps import LEADER
from orchestrator.core.decision.state import PairState, initial
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.drills import ScheduledDrill
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Engine, SharedStore, World
from orchestrator.watch.drills import hold_scheduled
from orchestrator.watch.leadership import Attendance, Leaders, LeaderStanding
from orchestrator.watch.look import look
from orchestrator.watch.memory import Memory
from orchestrator.watch.process import Process
from orchestrator.watch.revive import revive
from orchestrator.watch.stamps import Surroundings
from orchestrator.watch.states import acted_for
from orchestrator.workflows import names

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAN = timedelta(seconds=60)


@dataclass
class App:
    """One stamp's process, whose monotonic clock the test moves."""

    name: str
    store: SharedStore
    pair: str
    seconds: float = 0.0
    leaders: Leaders = field(init=False)

    def __post_init__(self) -> None:
        self.leaders = Leaders(self.name, SPAN, lambda: self.seconds)

    def attend(self, after: float = 0.0, pairs: Collection[str] | None = None) -> LeaderStanding:
        self.seconds += after
        return self.leaders.attend(self.store, [self.pair] if pairs is None else pairs, lambda: T)

    def follows(self, standing: LeaderStanding) -> bool:
        return self.leaders.leadership(standing, self.pair, T).follows


@pytest.fixture
def visit(bench: Bench) -> Visit:
    """A pair of its own, in a container without a leader."""
    visit = bench.visit()
    store = visit.world.shared[visit.pair]
    found = store.read(LEADER)
    if found:
        gone = LeaderRecord(stamp="gone", term=1, beat=0, pairs=())
        store.replace(LEADER, encode(gone), found.etag)
    return visit


def apps(visit: Visit) -> tuple[App, App]:
    """North leads: it has waited until whoever led before is silent."""
    store = visit.world.shared[visit.pair]
    north, south = App("north", store, visit.pair), App("south", store, visit.pair, seconds=7_000.0)
    north.attend()
    north.attend(after=61)
    return north, south


def stored(visit: Visit) -> LeaderRecord:
    found = visit.world.shared[visit.pair].read(LEADER)
    assert found is not None
    return read_record(found.value, LeaderRecord, LEADER)


def test_the_leader_renews_and_the_other_follows(visit: Visit) -> None:
    """Each renewal is another record, so the follower's wait begins anew."""
    north, south = apps(visit)
    before = stored(visit)
    for _ in range(10):
        assert not north.follows(north.attend(after=10))
        assert south.follows(south.attend(after=10))
    after = stored(visit)
    assert (after.stamp, after.term, after.beat - before.beat) == ("north", before.term, 10)
    assert north.attend().until == T + SPAN / 2
    assert south.attend().until is None


def test_a_silent_leader_is_replaced_and_follows_when_it_is_back(visit: Visit) -> None:
    """After the whole span without a change, by the follower's own clock."""
    north, south = apps(visit)
    term = stored(visit).term
    assert south.follows(south.attend())
    assert south.follows(south.attend(after=59))
    assert not south.follows(south.attend(after=1))
    assert (stored(visit).stamp, stored(visit).term) == ("south", term + 1)
    assert north.follows(north.attend(after=600))


def test_a_follower_that_starts_anew_waits_for_the_whole_span_again(visit: Visit) -> None:
    """What it had seen is lost."""
    north, south = apps(visit)
    south.attend()
    anew = App("south", south.store, visit.pair, seconds=3.0)
    assert anew.follows(anew.attend(after=59))
    assert anew.follows(anew.attend(after=59))
    assert not anew.follows(anew.attend(after=1))
    assert north.follows(north.attend())


def test_a_leader_that_starts_anew_goes_on_at_once(visit: Visit) -> None:
    """The only stamp is not slower for having been restarted."""
    north, _ = apps(visit)
    anew = App("north", north.store, visit.pair)
    assert not anew.follows(anew.attend())
    assert stored(visit).stamp == "north"


def test_a_pair_that_the_leader_leaves_is_the_followers(visit: Visit) -> None:
    """It cannot judge it, or its plans lack it."""
    north, south = apps(visit)
    north.attend(pairs=())
    assert not south.follows(south.attend())
    north.attend()
    assert south.follows(south.attend())


class LateStore:
    """A store of which the test says what happens while it writes."""

    def __init__(self, store: SharedStore, meanwhile: Callable[[], object]) -> None:
        self._store, self._meanwhile = store, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def replace(self, path: str, data: bytes, etag: str) -> str:
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        return self._store.replace(path, data, etag)


def test_a_leader_that_freezes_in_its_renewal_finds_that_another_leads(visit: Visit) -> None:
    """Its write comes too late, and it reads anew."""
    north, south = apps(visit)
    south.attend()
    north.store = cast("SharedStore", LateStore(north.store, lambda: south.attend(after=61)))
    assert north.follows(north.attend(after=10))
    assert stored(visit).stamp == "south"


def test_a_lead_counts_from_before_its_renewal_was_begun(visit: Visit) -> None:
    """However late the answer comes: the follower may have read the record long ago."""
    north, _ = apps(visit)

    def sleep() -> None:
        north.seconds += 40

    north.store = cast("SharedStore", LateStore(north.store, sleep))
    until = north.attend(after=10).until
    assert until == T - timedelta(seconds=10)


def test_a_pass_that_waits_for_its_store_is_not_joined_by_another(visit: Visit) -> None:
    """A store that hangs would be asked by more threads with every tick."""
    north, _ = apps(visit)
    north.store = cast("SharedStore", LateStore(north.store, lambda: refused.append(attempt())))
    refused: list[str] = []

    def attempt() -> str:
        with pytest.raises(TemporaryError) as fault:
            north.attend()
        return str(fault.value)

    north.attend()
    assert refused == ["the store that says who leads has not answered the last pass yet"]
    north.attend()


def attended(visit: Visit, name: str) -> Observed:
    """A look with the pass over the leader's record that goes with it."""

    async def once() -> Observed:
        with ThreadPoolExecutor(4) as threads:
            leaders = Leaders(name, SPAN)
            world = visit.world._replace(shared={visit.pair: visit.world.shared[visit.pair]})
            attendance = Attendance(leaders, world, {visit.pair}, threads)
            await attendance.settle(SPAN)
            try:
                return await look(visit.world, visit.plan, Surroundings(world, name, attendance.leadership))
            finally:
                await visit.world.probes.aclose()

    return asyncio.run(once())


def test_a_look_brings_who_leads(visit: Visit) -> None:
    """The entity has no store of its own."""
    apps(visit)
    for name, follows in (("north", False), ("south", True)):
        shared = attended(visit, name).shared
        assert shared is not None
        assert shared.leadership is not None
        assert (shared.leadership.stamp, shared.leadership.follows) == ("north", follows)


def test_a_leaders_record_that_cannot_be_read_is_trouble(visit: Visit) -> None:
    """Unknown means stand still; it is told, and a person deletes it."""
    apps(visit)
    store = visit.world.shared[visit.pair]
    found = store.read(LEADER)
    assert found is not None
    etag = store.replace(LEADER, b"{", found.etag)
    try:
        with pytest.raises(InvalidInput):
            App("south", store, visit.pair).attend()
        seen = attended(visit, "south")
        assert seen.trouble is not None
        assert LEADER in seen.trouble
    finally:
        store.replace(LEADER, found.value, etag)


# --- what timers leave to the leader ------------------------------------------------------------------------------


class Idle:
    """An engine with one pair's state, that notes what is begun."""

    def __init__(self, state: PairState) -> None:
        self._state = state
        self.begun: list[str] = []

    async def entity_state(self, entity: str, key: str) -> str | None:  # noqa: ARG002
        return encode(self._state).decode()

    async def status(self, instance: str) -> str | None:  # noqa: ARG002
        return None

    async def start(self, orchestration: str, given: Any, instance: str | None = None) -> str:  # noqa: ARG002
        self.begun.append(orchestration)
        return instance or ""

    async def signal(self, entity: str, key: str, operation: str, given: Any) -> None:
        pass

    async def purge(self, instance: str) -> None:
        pass


class OneProcess:
    """What a timer needs of its process."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.world, self.plans, self.clock = world, {plan.pair: plan}, world.clock
        self.memory = Memory("south")

    async def assembled(self) -> World:
        return self.world


def state_of(visit: Visit, *, follows: bool) -> PairState:
    now = datetime.now(UTC)
    leadership = Leadership(stamp="north" if follows else "south", term=1, is_ours=not follows, since=now)
    return msgspec.structs.replace(initial(visit.pair, now), looked_at=now, leadership=leadership)


@pytest.mark.parametrize("follows", [True, False])
def test_a_scheduled_drill_is_the_leaders(visit: Visit, follows: bool) -> None:
    """Two stamps would practise at once."""
    begun = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(minutes=1)
    daily = ScheduledDrill(rule="FREQ=DAILY", start=begun, duration=timedelta(hours=20))
    plan = msgspec.structs.replace(visit.plan, drills=(daily,))
    engine = Idle(state_of(visit, follows=follows))
    asyncio.run(hold_scheduled(cast("Process", OneProcess(visit.world, plan)), cast("Engine", engine)))
    assert (names.DRILL_RUN in engine.begun) is not follows


@pytest.mark.parametrize("follows", [True, False])
def test_a_run_that_this_engine_does_not_know_is_begun_again_by_the_leader_alone(visit: Visit, follows: bool) -> None:
    """It may well go on in the leader's engine."""
    long_ago = datetime.now(UTC) - timedelta(hours=3)
    record = EpochRecord(epoch=1, active=Role.SECONDARY, run="failover-x-e1", since=long_ago, why="it was down")
    state = state_of(visit, follows=follows)
    engine, process = Idle(state), OneProcess(visit.world, visit.plan)
    seen = Observed(now=datetime.now(UTC), record=record)
    asyncio.run(revive(cast("Process", process), cast("Engine", engine), visit.plan, state, seen))
    assert (engine.begun == [names.SWITCH_RUN]) is not follows


def test_replication_and_readiness_are_the_leaders(visit: Visit) -> None:
    """Of pairs at rest, as before."""
    leads, follows = state_of(visit, follows=False), state_of(visit, follows=True)
    assert acted_for({"a": leads, "b": follows, "c": None, "d": initial("d", T)}) == {
        "a": Role.PRIMARY,
        "d": Role.PRIMARY,
    }


def test_a_store_that_refuses_is_logged_and_told_by_the_look(bench: Bench, visit: Visit) -> None:
    """Nothing is raised out of the tick."""
    bench.azure.faults.set(None, "ledger", "5xx", status=503)
    try:
        seen = attended(visit, "south")
    finally:
        bench.azure.faults.clear(None, "ledger")
    assert seen.trouble is not None
    assert "503" in seen.trouble
