"""Two stamps watch one pair: each with its own state, looks and clock, both with one epoch record between them.

What one switches the other learns from the record, late or never. People speak to one of them; deliveries reach one
or both; either may be blind, restart, or sleep. Whatever the order of all this, the record is switched once per
epoch, and each stamp comes to believe what it says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec
from exploring import explored
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from stories import BAD, BLIND, DEEP, OK, QUICK, START, Story, deletion, minutes, notice, seconds

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import Mode, Observation, Phase, Role, Surface
from orchestrator.core.decision import decide, run_reports
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.decision.state import Decision, StartRun
from orchestrator.core.decision.transitions import ROWS
from orchestrator.core.epoch import AbortedRun, EpochRecord
from orchestrator.core.plan.policy import Failback

REACHED: Counter[str] = Counter()
SURFACES = ["hub", "jobs", "inference", "storage", "control", "identity"]
KEYS = [f"{role}.{surface}" for role in Role for surface in SURFACES] + ["observer", "elsewhere"]
MASS = 0.9
ANSWERS = {"approve": Do.APPROVE, "reject": Do.REJECT, "go home": Do.FAILBACK}

stamps = st.integers(0, 1)
found_things = st.dictionaries(st.sampled_from(KEYS), st.sampled_from([BAD, BAD, BLIND, OK]), max_size=4)


@dataclass
class Stamp:
    """One of the two, with the books on what it ordered and learned."""

    story: Story
    skew: timedelta = timedelta()
    run: StartRun | None = None
    has_published: bool = False
    over: list[StartRun] = field(default_factory=list)
    approved: bool = False
    acknowledged: bool = True
    moved_at: datetime | None = None
    sees_mass: bool = False

    def learned(self, at: datetime | None = None) -> None:
        self.moved_at, self.acknowledged = min(at or self.story.now, self.story.now), False

    def ended(self) -> None:
        assert self.run is not None
        self.over.append(self.run)
        self.run, self.has_published = None, False


class TwoStamps(RuleBasedStateMachine):
    """Both stamps, the record between them, and everything that can happen to the three."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.record = EpochRecord(epoch=0, active=Role.PRIMARY, run=None, since=START, why="the beginning")
        self.history = {0: (Role.PRIMARY, "")}
        self.failovers = 0
        self.pair = [Stamp(Story(runs=False)), Stamp(Story(runs=False))]

    # --- what happens -------------------------------------------------------------------------------------

    @initialize(mode=st.sampled_from([Mode.AUTO, Mode.AUTO, Mode.APPROVE]), back=st.sampled_from(list(Failback)))
    def begin(self, mode: Mode, back: Failback) -> None:
        self.now += seconds(60)
        for stamp in self.pair:
            stamp.story.policy = msgspec.structs.replace(QUICK, mode=mode, failback=back)
        self.look_for(minutes(4), {})

    @rule(found=found_things, length=st.sampled_from([0, 40, 200, 420]))
    def things_happen(self, found: dict[str, Observation], length: int) -> None:
        self.look_for(seconds(length), found)

    @rule(length=st.sampled_from([1, 10, 31, 65]))
    def all_is_well(self, length: int) -> None:
        self.look_for(minutes(length), {})

    @rule(
        more=st.sampled_from(["jobs", "storage"]),
        first=stamps,
        both=st.booleans(),
        clear=st.sampled_from([True, True, False]),
        fails=st.sampled_from([False, False, False, True]),
    )
    def an_outage_is_gone_through(self, more: str, first: int, both: bool, clear: bool, fails: bool) -> None:
        """The active side fails; one stamp, or both, see it and go as far as nothing holds them."""
        if clear:
            self.forget_the_past()
        side = self.record.active
        found = {f"{side}.hub": BAD, f"{side}.{more}": BAD}
        self.look_for(minutes(7), found, only=None if both else first)
        if fails:
            self.a_run_fails(first)
        for which in (first, 1 - first):
            self.a_run_claims(which)
            self.a_run_publishes(which)
        self.look_for(minutes(2), {})
        for which in (first, 1 - first):
            self.a_run_ends(which)

    @rule(which=stamps, then=st.sampled_from(["wait", "clear", *ANSWERS]))
    def one_asks_for_approval_and_the_other_does_not(self, which: int, then: str) -> None:
        """The other goes; or a person decides otherwise; or it is over before anybody answers."""
        self.forget_the_past()
        stamp, side = self.pair[which], self.record.active
        stamp.story.policy = msgspec.structs.replace(stamp.story.policy, mode=Mode.APPROVE)
        found = {f"{side}.hub": BAD, f"{side}.jobs": BAD}
        self.look_for(minutes(7), found, only=None if then == "wait" else which)
        if then in ANSWERS:
            self.somebody_orders(which, ANSWERS[then], ANSWERS[then] is Do.FAILBACK)
        for each in (0, 1):
            self.a_run_claims(each)
            self.a_run_publishes(each)
        self.look_for(minutes(1), {} if then == "clear" else found)

    @rule(first=stamps, clear=st.booleans())
    def two_people_want_different_things_at_once(self, first: int, clear: bool) -> None:
        """One asks one stamp for the way back, another the other for a failover: one of them gets it."""
        if clear:
            self.forget_the_past()
        self.somebody_orders(first, Do.FAILBACK, True)
        self.somebody_orders(1 - first, Do.FAILOVER, True)
        for which in (0, 1):
            self.a_run_claims(which)
            self.a_run_publishes(which)

    def forget_the_past(self) -> None:
        """Runs have ended; both are resumed, acknowledged, armed, and past every lifetime."""
        for which in (0, 1):
            for step in (self.a_run_claims, self.a_run_publishes, self.a_run_ends):
                step(which)
        self.now += self.pair[0].story.policy.notice_lifetime
        self.look_for(minutes(4), {})
        for which in (0, 1):
            stamp = self.pair[which]
            stamp.story.policy = msgspec.structs.replace(stamp.story.policy, mode=Mode.AUTO)
            for do in (Do.RESUME, Do.ACKNOWLEDGE):
                self.somebody_orders(which, do, False)
        self.look_for(minutes(1), {})

    @rule(which=stamps, go_back=st.booleans())
    def people_put_things_right(self, which: int, go_back: bool) -> None:
        """Both are resumed, acknowledged and armed, and see half an hour of health; then one is asked to go back."""
        for each in (0, 1):
            stamp = self.pair[each]
            stamp.story.policy = msgspec.structs.replace(stamp.story.policy, mode=Mode.AUTO)
            for do in (Do.RESUME, Do.ACKNOWLEDGE):
                self.somebody_orders(each, do, False)
        self.look_for(minutes(35), {})
        if go_back:
            self.somebody_orders(which, Do.FAILBACK, False)
            self.a_run_claims(which)
            self.a_run_publishes(which)
            self.a_run_ends(which)

    @rule(which=stamps, length=st.sampled_from([7, 400, 4_000]))
    def one_sleeps_while_the_other_looks(self, which: int, length: int) -> None:
        self.look_for(seconds(length), {}, only=1 - which)

    @rule(which=stamps)
    def one_cannot_read_the_record(self, which: int) -> None:
        """It stands still while the active side fails for longer than the wait."""
        stamp, side = self.pair[which], self.pair[which].story.state.active
        before = stamp.run
        self.look_for(minutes(7), {f"{side}.hub": BAD, f"{side}.jobs": BAD}, only=which, trouble="no answer")
        assert stamp.run == before, "S3: trouble"
        REACHED["held by trouble"] += 1

    @precondition(lambda self: self.record.epoch > 0)
    @rule(which=stamps)
    def the_record_goes_back(self, which: int) -> None:
        """Restored from an old copy, for a while: who has seen a later one stands still."""
        stamp, kept = self.pair[which], self.record
        if stamp.story.state.epoch < kept.epoch:
            return
        self.record = msgspec.structs.replace(kept, epoch=kept.epoch - 1, active=kept.active.other)
        before, side = stamp.run, kept.active
        self.look_for(minutes(7), {f"{side}.hub": BAD, f"{side}.jobs": BAD}, only=which)
        self.record = kept
        assert stamp.run == before, "S3: the record contradicts"
        REACHED["records that went back"] += 1

    @rule(which=stamps)
    def one_of_many_pairs_fails(self, which: int) -> None:
        """S3: the looks of one stamp find most pairs of the deployment in trouble."""
        stamp, side = self.pair[which], self.record.active
        before = stamp.run
        self.look_for(minutes(7), {f"{side}.hub": BAD, f"{side}.jobs": BAD}, only=which, pairs_moving=MASS)
        assert stamp.run == before, "S3: mass"
        REACHED["held by mass"] += before is None

    @rule(
        which=stamps,
        both=st.booleans(),
        kind=st.sampled_from(["standby", "world", "deletion"]),
        offset=st.sampled_from([-20, -2, 0]),
        seen=st.sampled_from([BAD, BAD, OK]),
    )
    def something_is_delivered(self, which: int, both: bool, kind: str, offset: int, seen: Observation) -> None:
        at = self.now + minutes(offset)
        made = {
            "standby": notice(at, seen, used=[self.record.active.other], tracking="s"),
            "world": notice(at, seen, everywhere=True, tracking="w"),
            "deletion": deletion(self.record.active, Surface.KEYVAULT, at),
        }
        for each in (0, 1) if both else (which,):
            self.set_clock(each)
            self.checked(each, self.pair[each].story.hear(made[kind]))

    @rule(which=stamps, do=st.sampled_from(list(Do)), force=st.booleans())
    def somebody_orders(self, which: int, do: Do, force: bool) -> None:
        stamp = self.pair[which]
        self.set_clock(which)
        before = stamp.story.state
        try:
            decision = stamp.story.order(do, force=force)
        except NotNow:
            assert stamp.story.state == before
            return
        state = stamp.story.state
        if stamp.run and state.run is None:
            stamp.ended()
        stamp.approved = stamp.approved or do is Do.APPROVE
        stamp.acknowledged = stamp.acknowledged or (do is Do.ACKNOWLEDGE and state.phase is Phase.STEADY)
        self.checked(which, decision, ordered=do in {Do.FAILOVER, Do.FAILBACK})

    @rule(which=stamps)
    def one_restarts(self, which: int) -> None:
        self.pair[which].story.restart()
        REACHED["restarts"] += 1

    @rule(which=stamps, skew=st.sampled_from([-40, 0, 0, 40]))
    def a_clock_is_put_right(self, which: int, skew: int) -> None:
        """Clocks of two machines differ by seconds."""
        self.pair[which].skew = seconds(skew)

    @rule(which=stamps, mode=st.sampled_from(list(Mode)))
    def the_mode_of_one_changes(self, which: int, mode: Mode) -> None:
        story = self.pair[which].story
        story.policy = msgspec.structs.replace(story.policy, mode=mode)

    # --- runs ---------------------------------------------------------------------------------------------

    @rule(which=stamps)
    def a_run_claims(self, which: int) -> None:
        """The conditional write of the record: it succeeds for the epoch that follows, or was ours already."""
        stamp, run = self.pair[which], self.pair[which].run
        if run is None or stamp.has_published or self.holds(run):
            REACHED["claimed twice"] += bool(run and not stamp.has_published and self.pair[1 - which].run == run)
            return
        if run.run in {each.run for each in self.record.aborted}:
            self.report(which, What.ABORTED, self.record.epoch, self.record.active)
            assert stamp.story.state.epoch == run.epoch - 1
            stamp.ended()
            REACHED["aborted"] += 1
            return
        if (self.record.epoch, self.record.active) != (run.epoch - 1, run.source):
            self.report(which, What.SUPERSEDED, self.record.epoch, self.record.active)
            stamp.ended()
            REACHED["superseded"] += 1
            return
        assert run.epoch not in self.history, "S1: an epoch is switched once"
        self.record = EpochRecord(epoch=run.epoch, active=run.target, run=run.run, since=self.now, why=run.why)
        self.history[run.epoch] = (run.target, run.run)
        self.failovers += run.kind == "failover"
        REACHED[f"failover number {self.failovers}" if run.kind == "failover" else "failback"] += 1

    @rule(which=stamps)
    def a_run_publishes(self, which: int) -> None:
        stamp, run = self.pair[which], self.pair[which].run
        if run is None or stamp.has_published or not self.holds(run):
            return
        self.report(which, What.SWITCHED, run.epoch, run.target)
        assert (stamp.story.state.epoch, stamp.story.state.active) == (run.epoch, run.target)
        stamp.has_published = True
        stamp.learned()

    @rule(which=stamps)
    def a_run_ends(self, which: int) -> None:
        stamp = self.pair[which]
        if stamp.run is None or not stamp.has_published:
            return
        self.report(which, What.RESUBMITTED, stamp.run.epoch, stamp.run.target)
        stamp.ended()

    @rule(which=stamps)
    def a_run_fails(self, which: int) -> None:
        """Before it has claimed anything; it says what is in force, which may be news."""
        stamp, run = self.pair[which], self.pair[which].run
        if run is None or stamp.has_published or self.holds(run):
            return
        self.report(which, What.FAILED, self.record.epoch, self.record.active)
        stamp.ended()
        REACHED["failed runs"] += 1

    @rule(which=stamps)
    def a_person_aborts(self, which: int) -> None:
        """A conditional write of the record, as a claim is: of a run that has claimed its epoch it is refused."""
        run = self.pair[which].run
        if run is None or self.record.epoch >= run.epoch:
            REACHED["aborts too late"] += run is not None
            return
        told = AbortedRun(run=run.run, by="ana", reason="not now", at=self.now)
        self.record = msgspec.structs.replace(self.record, aborted=(*self.record.aborted, told))
        for each in (which, 1 - which):
            self.a_run_claims(each)

    @rule(which=stamps, clear=st.booleans(), ill=st.booleans())
    def a_run_is_ordered_and_aborted(self, which: int, clear: bool, ill: bool) -> None:
        """To the side that is not active, which is a way back from the secondary; from any phase without a run."""
        if clear:
            self.forget_the_past()
        if ill:
            self.look_for(seconds(70), {f"{self.record.active}.storage": BAD})
        do = Do.FAILBACK if self.pair[which].story.state.active is Role.SECONDARY else Do.FAILOVER
        self.somebody_orders(which, do, True)
        self.a_person_aborts(which)

    @rule(which=stamps, what=st.sampled_from(list(What)))
    def a_past_run_of_either_reports(self, which: int, what: What) -> None:
        """S8: what is out of date changes nothing, also if it is the other's."""
        story = self.pair[which].story
        for past in [*self.pair[0].over[-2:], *self.pair[1].over[-2:]]:
            if past.run == story.state.run:
                continue
            late = Report(run=past.run, epoch=past.epoch, what=what, active=past.target)
            decision = run_reports.report(story.state, late, story.now, story.policy)
            assert (decision.state, decision.orders) == (story.state, ()), "S8"
            REACHED["stale reports"] += 1

    def holds(self, run: StartRun) -> bool:
        return (self.record.epoch, self.record.run) == (run.epoch, run.run)

    def report(self, which: int, what: What, epoch: int, active: Role) -> None:
        stamp = self.pair[which]
        assert stamp.run is not None
        self.set_clock(which)
        before = stamp.story.state.epoch
        said = Report(run=stamp.run.run, epoch=epoch, what=what, active=active, why=f"{what} as it was")
        stamp.story._take(run_reports.report(stamp.story.state, said, stamp.story.now, stamp.story.policy))
        if what in {What.SUPERSEDED, What.FAILED} and (epoch > before or what is What.SUPERSEDED):
            stamp.learned()

    # --- the books ----------------------------------------------------------------------------------------

    def set_clock(self, which: int) -> None:
        self.pair[which].story.now = self.now + self.pair[which].skew

    def look_for(
        self,
        length: timedelta,
        found: dict[str, Observation],
        *,
        only: int | None = None,
        trouble: str | None = None,
        pairs_moving: float = 0.0,
    ) -> None:
        """Looks of both stamps, or of one, every twenty seconds while something is bad, else every minute."""
        self.now += seconds(1)
        end = self.now + length
        while True:
            for which in (0, 1) if only is None else (only,):
                self.look(which, found, trouble, pairs_moving)
            step = min(decide.cadence(stamp.story.state, stamp.story.policy) for stamp in self.pair)
            if self.now + step > end:
                return
            self.now += step

    def look(self, which: int, found: dict[str, Observation], trouble: str | None, pairs_moving: float) -> None:
        stamp = self.pair[which]
        self.set_clock(which)
        state = stamp.story.state
        record = None if trouble else self.record
        news = record is not None and record.epoch > state.epoch and state.run is None
        stamp.sees_mass = pairs_moving > stamp.story.policy.mass_limit
        if news:
            stamp.learned(self.record.since)
            REACHED["taken over"] += 1
        decision = stamp.story.look(found, record=record, trouble=trouble, pairs_moving=pairs_moving)
        assert state.run is None or stamp.story.state.run == state.run, "S1: a look ends no run"
        self.checked(which, decision)
        if record is not None and stamp.run is None:
            told = stamp.story.state
            assert told.epoch == max(record.epoch, state.epoch), "S1: what others switched is taken over"
            back = record.epoch < state.epoch
            assert back or told.active is record.active, "S1: the record says who is active"
            assert bool(told.trouble) is back, "what contradicts is trouble, and nothing else is"

    def checked(self, which: int, decision: Decision, *, ordered: bool = False) -> None:
        stamp = self.pair[which]
        for order in decision.orders:
            if isinstance(order, StartRun):
                self.check_start(stamp, order, ordered=ordered)
                stamp.run, stamp.has_published = order, False
        stamp.approved = stamp.approved and decision.state.phase is Phase.AWAITING_APPROVAL
        if decision.rule.startswith("hold."):
            REACHED[decision.rule] += 1

    def check_start(self, stamp: Stamp, order: StartRun, *, ordered: bool) -> None:
        story, state = stamp.story, stamp.story.state
        assert stamp.run is None, "S1: one run at a time"
        assert order.epoch == state.epoch + 1, "S1: the next epoch"
        assert (order.source, order.target) == (state.active, state.active.other)
        assert order.run not in {past.run for past in stamp.over}, "S1: every run of a stamp has its own id"
        REACHED["ordered by both"] += any(other.run == order for other in self.pair if other is not stamp)
        if ordered:
            return
        assert state.paused is None, "S3: paused"
        assert story.policy.mode is not Mode.OBSERVE, "S3: mode observe"
        assert story.policy.mode is Mode.AUTO or stamp.approved, "S3: approval"
        assert not state.evidence.deletions, "S3: a deletion"
        assert state.trouble is None, "S3: trouble"
        assert not stamp.sees_mass, "S3: mass"
        over = stamp.moved_at is None or story.now - stamp.moved_at >= story.policy.cooldown
        assert stamp.acknowledged or over, "S3: cooldown, of switches that others made too"
        for incident in state.evidence.incidents.values():
            alive = incident.active and story.now - incident.at <= story.policy.notice_lifetime
            assert not (alive and (incident.everywhere or order.target in incident.used)), "S3: a notice"

    def teardown(self) -> None:
        for stamp in self.pair:
            STEPS.update(stamp.story.steps)

    # --- what always holds --------------------------------------------------------------------------------

    @invariant()
    def each_stamp_believes_something_that_was_true(self) -> None:
        """S1: no stamp is ahead of the record, and each names the side that its epoch made active."""
        for stamp in self.pair:
            state = stamp.story.state
            assert state.epoch <= max(self.history)
            assert state.active is self.history[state.epoch][0]
            assert state.run == (stamp.run.run if stamp.run else None)
            assert len(encode(state)) < 64_000

    @invariant()
    def the_record_moves_by_one(self) -> None:
        """S1: every epoch up to the present was switched, each once, to the other side."""
        sides = [self.history[epoch][0] for epoch in range(max(self.history) + 1)]
        assert all(one is not other for one, other in pairwise(sides))


STEPS: set[tuple[Phase, Phase]] = set()
WANTED = (
    *("failover number 3", "failback", "restarts", "taken over", "superseded", "ordered by both", "claimed twice"),
    *("stale reports", "held by mass", "held by trouble", "records that went back", "failed runs"),
    *("aborted", "aborts too late"),
)
HOLDS = 7
"""Different holds that some history must meet."""


def test_two_stamps_switch_each_epoch_once_and_believe_the_record(
    record_property: Callable[[str, object], None],
) -> None:
    """S1, S3, S4 and S8 with two observers; the histories reach third failovers, take-overs and doubled claims."""
    REACHED.clear()
    STEPS.clear()
    explored(TwoStamps, settings(max_examples=100 * DEEP, stateful_step_count=30), _unreached)
    visited = ", ".join(f"{name}: {count}" for name, count in sorted(REACHED.items()) if count)
    record_property("said", f"two stamps: {visited}")
    assert sum(name.startswith("hold.") for name in REACHED) >= HOLDS
    assert {(row.phase, row.to) for row in ROWS} >= STEPS


def _unreached() -> list[object]:
    """Events, steps of the table, and holds that no history has come to yet."""
    events = [name for name in WANTED if not REACHED[name]]
    steps = {(row.phase, row.to) for row in ROWS} - STEPS
    holds = sum(name.startswith("hold.") for name in REACHED)
    return [*events, *steps, *([f"{HOLDS} holds"] if holds < HOLDS else [])]
