"""Two stamps, the stores and regions that they speak to, and everything that may fail between them.

The decision core, the leader's record, the claim of an epoch and the publication of the pointer are the real ones. The
stores keep values under ETags in memory, the clock is virtual, and each history follows from its seed. A worker may
freeze at any write: meanwhile the other stamp goes on, and the write comes when it wakes.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

import msgspec
from stories import BAD, START, minutes, seconds, sweep

from orchestrator.core.base.errors import (
    Conflict,
    EpochFenced,
    HubswitchError,
    NotNow,
    OrderExpired,
    RunAborted,
    TemporaryError,
)
from orchestrator.core.base.store_time import StoreTime
from orchestrator.core.base.vocabulary import Mode, Observation, Role
from orchestrator.core.decision import commands, run_reports
from orchestrator.core.decision.acting import is_fit
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.decide import step
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.decision.stamps import read_shared
from orchestrator.core.decision.state import Decision, StartRun, initial
from orchestrator.core.epoch import EpochRecord, PointerValue
from orchestrator.core.plan.policy import Failback, Policy
from orchestrator.core.plan.schema import Hub, LedgerAccount, Plan, Pointer
from orchestrator.ports import PointerSnapshot, Versioned, World
from orchestrator.watch.leadership import Leaders
from orchestrator.watch.look import epoch_published, is_due, update_stores
from orchestrator.watch.stamps import Teller
from orchestrator.workflows.activities.epoch import claim_epoch, publish_pointer
from orchestrator.workflows.messages import RunOrder, order_from

TICK = seconds(10)
TAKE_OVER_AFTER = seconds(60)
PLACES = ("ledger", "pointer", *Role)
"""What a stamp may be cut off from."""

POLICY = Policy(
    mode=Mode.AUTO,
    green_drills=0,
    probe_interval=seconds(40),
    suspect_interval=seconds(20),
    bad_after=2,
    confirm_after=minutes(2),
    cooldown=minutes(6),
    failback_hold=minutes(6),
    failback=Failback.AUTO,
)


def _hub(region: str) -> Hub:
    return Hub(region=region, subscription="s", resource_group="g", hub="h", project=region, api="https://a.example")


PLAN = Plan(
    schema=1,
    pair="p",
    primary=_hub("eastus2"),
    secondary=_hub("westus3"),
    pointer=Pointer(endpoint="https://c.example"),
    ledger=LedgerAccount(account="https://l.example"),
    policy=POLICY,
)

FROST = 0.01
"""How often a worker freezes before a write, and how often after it."""

FROST_OF_CLAIMS = 0.3
"""How often a worker freezes between reading an epoch record and writing it."""

type Claim = Callable[[World, RunOrder], EpochRecord]


class Time:
    """Virtual time: seconds since the beginning of a history."""

    def __init__(self) -> None:
        self.seconds = 0.0


@dataclass
class Blobs:
    """Values by name under ETags: one strongly consistent store."""

    found: dict[str, Versioned[Any]] = field(default_factory=dict)
    writes: int = 0

    def write(self, name: str, value: Any, etag: str | None) -> str:
        there = self.found.get(name)
        if (there.etag if there else None) != etag:
            raise Conflict(f"{name} has changed")
        return self.overwrite(name, value)

    def overwrite(self, name: str, value: Any) -> str:
        self.writes += 1
        self.found[name] = Versioned(value, f"e{self.writes}")
        return self.found[name].etag


class Links:
    """What one stamp reaches. A link that is cut fails before the call; one that is lame may lose the answer."""

    def __init__(self, around: Estate, stamp: str) -> None:
        self._around = around
        self.stamp = stamp
        self.cut: set[str] = set()
        self.lame = 0.0

    def must_reach(self, place: str) -> None:
        if place in self.cut:
            raise TemporaryError(f"{self.stamp} does not reach {place}")

    def call[T](self, place: str, write: Callable[[], T], frost: float = FROST) -> T:
        """A write, before or after which the worker may freeze, and of which the answer may be lost."""
        self.must_reach(place)
        self._around.perhaps_freeze(self.stamp, frost)
        done = write()
        self._around.perhaps_freeze(self.stamp, FROST)
        if self._around.dice.random() < self.lame:
            raise TemporaryError(f"{self.stamp} got no answer from {place}")
        return done


class SharedOf:
    """``SharedStore`` of one stamp."""

    def __init__(self, links: Links, blobs: Blobs) -> None:
        self._links, self._blobs = links, blobs

    def everything(self) -> dict[str, bytes]:
        self._links.must_reach("ledger")
        return {path: found.value for path, found in self._blobs.found.items()}

    def read(self, path: str) -> Versioned[bytes] | None:
        self._links.must_reach("ledger")
        return self._blobs.found.get(path)

    def create(self, path: str, data: bytes) -> str:
        return self._links.call("ledger", lambda: self._blobs.write(path, data, None))

    def replace(self, path: str, data: bytes, etag: str) -> str:
        return self._links.call("ledger", lambda: self._blobs.write(path, data, etag))


class EpochsOf:
    """``EpochStore`` of one stamp; it tells the estate of every claim that was written."""

    def __init__(self, links: Links, around: Estate) -> None:
        self._links, self._around = links, around

    def read(self, pair: str) -> Versioned[EpochRecord] | None:
        self._links.must_reach("ledger")
        return self._around.epochs.found.get(pair)

    def create(self, pair: str, record: EpochRecord) -> str:
        return self._links.call(
            "ledger", lambda: self._written(record, self._around.epochs.write(pair, record, None)), FROST_OF_CLAIMS
        )

    def replace(self, pair: str, record: EpochRecord, etag: str) -> str:
        return self._links.call(
            "ledger", lambda: self._written(record, self._around.epochs.write(pair, record, etag)), FROST_OF_CLAIMS
        )

    def overwrite(self, pair: str, record: EpochRecord) -> None:
        """What no adapter has: a write without a condition, for a planted fault."""
        self._links.call(
            "ledger", lambda: self._written(record, self._around.epochs.overwrite(pair, record)), FROST_OF_CLAIMS
        )

    def _written(self, record: EpochRecord, etag: str) -> str:
        self._around.note_record(record, self._links.stamp)
        return etag


class PointersOf:
    """``PointerStore`` of one stamp; it tells the estate of every pointer that was written."""

    def __init__(self, links: Links, around: Estate) -> None:
        self._links, self._around, self._blobs = links, around, around.pointer

    def snapshot(self, pair: str) -> PointerSnapshot:
        self._links.must_reach("pointer")
        found = self._blobs.found.get(pair)
        return PointerSnapshot(found.value, {"active": found.etag}) if found else PointerSnapshot(None, {})

    def publish(self, pair: str, value: PointerValue, over: PointerSnapshot) -> None:
        def write() -> None:
            self._blobs.write(pair, value, over.etags.get("active"))
            self._around.note_pointer(value)

        self._links.call("pointer", write)

    def read_from(self, pair: str, endpoint: str) -> PointerValue | None:
        self._links.must_reach(endpoint)
        return self.snapshot(pair).value


@dataclass
class Ports:
    """What of ``World`` a claim, a publication and a look at the stores use."""

    clock: Any
    plans: dict[str, Plan]
    epochs: dict[str, EpochsOf]
    pointers: dict[str, PointersOf]
    shared: dict[str, SharedOf]


@dataclass
class Run:
    """A run under way in one stamp's engine."""

    order: RunOrder
    claimed: bool = False


class Stamp:
    """One app with its engine: entity, timers, and the run under way. Its clock may be hours wrong."""

    def __init__(self, around: Estate, name: str, *, obeys: bool, claim: Claim) -> None:
        self.name, self._around, self._claim, self._obeys = name, around, claim, obeys
        self.links = Links(around, name)
        self.skew = timedelta(hours=around.dice.choice([0, 0, -3, 5]))
        self.boot = around.dice.uniform(0, 1e6)
        self.state = initial(PLAN.pair, self.now())
        self.runs: list[Run] = []
        self.alive, self.frozen = True, False
        self.leads_until = -1.0
        """Until when, in virtual seconds, this stamp takes itself for the leader."""

        ports = Ports(
            clock=self,
            plans={PLAN.pair: PLAN},
            epochs={PLAN.pair: EpochsOf(self.links, around)},
            pointers={PLAN.pair: PointersOf(self.links, around)},
            shared={PLAN.pair: SharedOf(self.links, around.shared)},
        )
        self.world = cast("World", ports)
        self.restart()

    def now(self) -> datetime:
        return START + self.skew + seconds(self._around.time.seconds)

    def restart(self) -> None:
        """The process's memory is lost; entity and runs are the engine's."""
        self._leaders = Leaders(self.name, TAKE_OVER_AFTER, lambda: self.boot + self._around.time.seconds)
        self._teller = Teller(self.name)

    def tick(self) -> None:
        """What the timers do, and one step of the run under way. Nothing while it is dead or frozen."""
        if not self.alive or self.frozen:
            return
        leadership, unread = None, None
        try:
            fit = [PLAN.pair] if is_fit(self.state, self.now(), POLICY) else []
            standing = self._leaders.attend(self.world.shared[PLAN.pair], fit, self.now)
            leadership = self._leaders.leadership(standing, PLAN.pair, self.now())
            left = (leadership.until - self.now()).total_seconds() if leadership.until else -1.0
            self.leads_until = self._around.time.seconds + left
        except HubswitchError as fault:
            unread = str(fault)
        self._around.note_leaders()
        if is_due(self.state, PLAN, self.now()):
            self._look(leadership, unread)
        for run in tuple(self.runs):
            self._advance(run)

    def command(self, do: Do) -> None:
        order = Command(do=do, by="ana", reason="a test", force=True)
        try:
            self._take(commands.command(self.state, order, self.now(), POLICY))
        except NotNow:
            return

    def _look(self, leadership: Any, unread: str | None) -> None:
        now = self.now()
        stores = update_stores(self.world, PLAN, now, True, epoch_published(self.state))
        shared = None
        try:
            files = self.world.shared[PLAN.pair].everything()
            shared = read_shared(files, PLAN.pair, self.name)
            shared = msgspec.structs.replace(shared, leadership=leadership if self._obeys else None)
        except HubswitchError as fault:
            unread = unread or str(fault)
        seen = Observed(
            now=now,
            signals=tuple(sweep(now, self._found())),
            record=stores.record,
            trouble=stores.trouble or unread,
            shared=shared,
            began=now,
            is_fenced=stores.is_fenced,
            store_time=self._around.store_time(),
            is_look=True,
        )
        self._take(step(self.state, seen, now, POLICY))
        try:
            self._teller.tell(self.world, PLAN, self.state)
        except HubswitchError:
            return

    def _found(self) -> dict[str, Observation]:
        """What probes find: a region that is down, or not reached from here, does not answer."""
        down = [role for role in Role if role in self._around.down or role in self.links.cut]
        return {f"{role}.{surface}": BAD for role in down for surface in ("hub", "jobs", "storage")}

    def _take(self, decision: Decision) -> None:
        self.state = decision.state
        for order in decision.orders:
            if isinstance(order, StartRun):
                self._around.note_order(order, decision.rule)
                self.runs.append(Run(order_from(order, PLAN, self.now())))

    def _advance(self, run: Run) -> None:
        """The next step of a run: claim, then publish. An engine repeats what failed for the time being."""
        order = run.order
        try:
            if not run.claimed:
                self._claim(self.world, order)
                run.claimed = True
            publish_pointer(self.world, order)
        except TemporaryError:
            return
        except (OrderExpired, RunAborted):
            self._end(run, What.FAILED, order.epoch - 1, order.source)
        except EpochFenced:
            try:
                found = self.world.epochs[PLAN.pair].read(PLAN.pair)
            except TemporaryError:
                return
            record = found.value if found else None
            if record is None or record.epoch < order.epoch:
                self._end(run, What.FAILED, order.epoch - 1, order.source)
            else:
                self._end(run, What.SUPERSEDED, record.epoch, record.active)
        else:
            self._report(run, What.SWITCHED, order.epoch, order.target)
            self._end(run, What.RESUBMITTED, order.epoch, order.target)

    def _end(self, run: Run, what: What, epoch: int, active: Role) -> None:
        self.runs.remove(run)
        self._report(run, what, epoch, active)

    def _report(self, run: Run, what: What, epoch: int, active: Role) -> None:
        said = Report(run=run.order.run, what=what, epoch=epoch, active=active, why="as ordered")
        self._take(run_reports.report(self.state, said, self.now(), POLICY))


class Estate:
    """The two stamps, what lies between them, and the books on what was written."""

    def __init__(self, seed: int, *, claim: Claim = claim_epoch, obeys: bool = True, freezes: bool = True) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a history, not a secret
        self.time = Time()
        self.shared, self.epochs, self.pointer = Blobs(), Blobs(), Blobs()
        self.down: set[Role] = set()
        self.reached: Counter[str] = Counter()
        self.faults: list[str] = []
        self._holders: dict[int, tuple[str, str]] = {}
        self._sides: dict[int, Role] = {}
        self._epoch = self._shown = -1
        self._stores_tell_time = self.dice.random() < 0.5
        self._freezes = freezes
        self._asleep = False
        self.stamps = [Stamp(self, name, obeys=obeys, claim=claim) for name in ("north", "south")]

    # --- time ---------------------------------------------------------------------------------------------

    def live(self, length: timedelta, until: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass; whether it came to what was waited for."""
        end = self.time.seconds + length.total_seconds()
        while self.time.seconds < end:
            self._pass(TICK)
            if until():
                return True
        return False

    def _pass(self, length: timedelta) -> None:
        self.time.seconds += length.total_seconds()
        for stamp in self.dice.sample(self.stamps, 2):
            stamp.tick()

    def perhaps_freeze(self, name: str, frost: float) -> None:
        """A worker sleeps for a while in the middle of a write, and the other stamp goes on."""
        if not self._freezes or self._asleep or self.dice.random() >= frost:
            return
        stamp = next(each for each in self.stamps if each.name == name)
        self.reached["frozen in a write"] += 1
        self._asleep = stamp.frozen = True
        for _ in range(self.dice.choice([3, 10, 40, 90])):
            self._pass(TICK)
        self._asleep = stamp.frozen = False

    # --- what happens -------------------------------------------------------------------------------------

    def happen(self) -> None:
        """One thing of those that may go wrong, or be mended."""
        often = [self._cut, self._mend, self._outage] * 2
        self.dice.choice([*often, self._restart, self._command, self._set_clock])()

    def _cut(self) -> None:
        stamp = self.dice.choice(self.stamps)
        stamp.links.cut |= set(self.dice.sample(PLACES, self.dice.choice([1, 1, 2, 4])))
        stamp.links.lame = self.dice.choice([0.0, 0.1, 0.4])
        self.reached["partition"] += 1

    def _mend(self) -> None:
        for stamp in self.stamps:
            if self.dice.random() < 0.7:
                stamp.links.cut, stamp.links.lame = set(), 0.0

    def _outage(self) -> None:
        self.down = set() if self.down else {self.dice.choice([self.record.active] * 3 + [self.record.active.other])}

    def _restart(self) -> None:
        stamp = self.dice.choice(self.stamps)
        stamp.alive = not stamp.alive or self.dice.random() < 0.5
        stamp.restart()
        self.reached["restart"] += 1

    def _set_clock(self) -> None:
        self.dice.choice(self.stamps).skew = timedelta(hours=self.dice.choice([0, 0, -2, 7]))
        self.reached["clocks set"] += 1

    def _command(self) -> None:
        stamp = self.dice.choice(self.stamps)
        if stamp.alive and not stamp.frozen:
            stamp.command(self.dice.choice([Do.FAILOVER, Do.FAILBACK, Do.ACKNOWLEDGE, Do.ACKNOWLEDGE]))

    def heal(self) -> None:
        """Everything is mended, both stamps run, and the stores confirm that their clocks are right."""
        self.down = set()
        self._freezes, self._stores_tell_time = False, True
        for stamp in self.stamps:
            stamp.links.cut, stamp.links.lame, stamp.alive, stamp.skew = set(), 0.0, True, timedelta()

    # --- the books ----------------------------------------------------------------------------------------

    def note_record(self, record: EpochRecord, stamp: str) -> None:
        """S1: epochs are written one after the other, each by one holder."""
        held = self._holders.get(record.epoch)
        claimed = (record.run or "", stamp)
        if record.epoch == self._epoch and held is not None and held[0] == claimed[0] and record.run is None:
            return
        if held is not None:
            self.faults.append(f"epoch {record.epoch} was claimed by {held}, and then by {claimed}")
        elif record.epoch != self._epoch + 1:
            self.faults.append(f"epoch {record.epoch} was written after epoch {self._epoch}")
        self._holders[record.epoch] = claimed
        self._sides[record.epoch] = record.active
        self._epoch = record.epoch
        self.reached["epochs"] += record.epoch > 0

    def note_pointer(self, value: PointerValue) -> None:
        """S1, S2: the pointer's epoch never goes down, and it names the side of the record of its epoch."""
        if value.epoch < self._shown:
            self.faults.append(f"the pointer went from epoch {self._shown} to {value.epoch}")
        if self._sides.get(value.epoch) is not value.active:
            self.faults.append(f"the pointer of epoch {value.epoch} names the {value.active}")
        self._shown = value.epoch

    def note_leaders(self) -> None:
        """Of the time for which stamps take themselves for the leader, none belongs to two."""
        leading = [stamp.name for stamp in self.stamps if stamp.leads_until > self.time.seconds]
        if len(leading) > 1:
            self.faults.append(f"{leading} lead at once after {self.time.seconds} s")

    def note_order(self, order: StartRun, rule: str) -> None:
        self.reached[f"{order.kind} ordered by {'a person' if rule == 'ordered' else 'the rule'}"] += 1

    def store_time(self) -> StoreTime | None:
        """What the stores' clocks show, in histories in which they are asked."""
        at = START + seconds(self.time.seconds)
        return StoreTime(at=at, within=seconds(1)) if self._stores_tell_time else None

    @property
    def record(self) -> EpochRecord:
        return cast("EpochRecord", self.epochs.found[PLAN.pair].value)

    def leader(self) -> Stamp | None:
        """The stamp whose lead counts now."""
        return next((stamp for stamp in self.stamps if stamp.leads_until > self.time.seconds), None)

    def disagreement(self) -> str | None:
        """How pointer, entities and record differ; None if they agree."""
        record, found = self.record, self.pointer.found.get(PLAN.pair)
        shown = found.value if found else None
        if shown is None or (shown.epoch, shown.active) != (record.epoch, record.active):
            return f"the pointer shows {shown and (shown.epoch, shown.active)}, the record {record.epoch}"
        for stamp in self.stamps:
            if (stamp.state.epoch, stamp.state.active) != (record.epoch, record.active):
                return (
                    f"{stamp.name} believes in {stamp.state.epoch} {stamp.state.active}, the record is {record.epoch}"
                )
        return None


class Ended(NamedTuple):
    """What came of a history."""

    faults: list[str]
    """What may never be."""

    disagreement: str | None
    """How pointer, entities and record differ after everything was mended; None if they agree."""

    without_leader: timedelta | None
    """How long nobody led after the leader was killed at the end; None if nobody had led, or nobody did in time."""

    reached: Counter[str]


def play(seed: int, **options: Any) -> Ended:
    """One history: partitions, frost, restarts, outages, people and wrong clocks; then everything is mended.

    At its end the leader is killed.
    """
    estate = Estate(seed, **options)
    estate.live(minutes(2))
    for _ in range(12):
        estate.happen()
        estate.live(seconds(estate.dice.choice([20, 60, 120, 240])))
    estate.heal()
    estate.live(minutes(25), lambda: estate.disagreement() is None and not any(stamp.runs for stamp in estate.stamps))
    disagreement = estate.disagreement()
    estate.live(minutes(2), lambda: estate.leader() is not None)
    return Ended(estate.faults, disagreement, kill_leader(estate), estate.reached)


def kill_leader(estate: Estate) -> timedelta | None:
    """How long it takes until the other stamp leads; None if nobody leads, or the other does not within ten minutes."""
    leader = estate.leader()
    if leader is None:
        return None
    leader.alive, begun = False, estate.time.seconds
    replaced = estate.live(minutes(10), lambda: estate.leader() not in {None, leader})
    return seconds(estate.time.seconds - begun) if replaced else None
