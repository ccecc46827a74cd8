"""The promises, held over arbitrary histories: looks, deliveries, people, runs, restarts and sleep.

The machine keeps its own books of what was ordered and what became true, and its own simple view of what holds.
At the end it says what it has reached; a machine that never saw a second failover has proved little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from exploring import explored
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from stories import (
    BAD,
    BLIND,
    DEEP,
    OK,
    QUICK,
    Story,
    alert,
    deletion,
    health,
    minutes,
    notice,
    seconds,
    sweep,
)

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import Mode, Observation, Phase, Role, Surface
from orchestrator.core.decision import decide, run_reports
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.decision.state import Decision, StartRun
from orchestrator.core.plan.policy import Failback
from orchestrator.core.signals.parse import facts_from

REACHED: Counter[str] = Counter()
WORLD = ["hub", "jobs", "inference", "storage", "keyvault", "acr", "control", "identity"]
KEYS = [f"{role}.{surface}" for role in Role for surface in WORLD] + ["observer", "elsewhere"]
NONSENSE = [None, 3, [], {"x": 1}, {"eventType": 7}, {"schemaId": "azureMonitorCommonAlertSchema"}, "text"]

found_things = st.dictionaries(st.sampled_from(KEYS), st.sampled_from([BAD, BAD, BLIND, OK]), max_size=4)
roles = st.sampled_from(list(Role))
offsets = st.sampled_from([-90.0, -20.0, -2.0, 0.0, 0.0, 3.0, 30.0])


class PairMachine(RuleBasedStateMachine):
    """One pair and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story(runs=False)
        self.switched: dict[int, tuple[str, Role]] = {}
        self.over: list[StartRun] = []
        self.under_way: StartRun | None = None
        self.begun_in = Phase.STEADY
        self.counted = 0
        self.approved = False
        self.acknowledged = True
        self.moved_at: datetime | None = None
        self.eye_open = True
        self.elsewhere_bad_at: datetime | None = None
        self.elsewhere_last: datetime | None = None
        self.eyes_since: datetime | None = None
        self.last_look: datetime | None = None

    # --- what happens -------------------------------------------------------------------------------------

    @initialize(mode=st.sampled_from([Mode.AUTO, Mode.AUTO, Mode.APPROVE]), back=st.sampled_from(list(Failback)))
    def begin(self, mode: Mode, back: Failback) -> None:
        self.story.policy = msgspec.structs.replace(QUICK, mode=mode, failback=back)
        self.look_for(minutes(4), {})

    @rule(found=found_things, length=st.sampled_from([0, 10, 40, 200, 420]))
    def things_happen(self, found: dict[str, Observation], length: int) -> None:
        self.look_for(seconds(length), found)

    @rule(more=st.sampled_from(["storage", "jobs", "acr"]))
    def the_active_side_fails(self, more: str) -> None:
        side = self.story.state.active
        self.look_for(minutes(6), {f"{side}.hub": BAD, f"{side}.{more}": BAD})

    @rule(more=st.sampled_from(["storage", "jobs"]), acknowledge=st.booleans())
    def an_outage_is_gone_through(self, more: str, acknowledge: bool) -> None:
        """From the fault to the other side, as far as nothing holds it."""
        self.the_active_side_fails(more)
        if self.under_way is None or self.story.state.phase is Phase.RESUBMITTING:
            return
        self.now_switched(self.under_way)
        self.the_run_goes_on(What.SWITCHED)
        self.look_for(minutes(1), {})
        if acknowledge and self.under_way is None:
            self.somebody_orders(Do.ACKNOWLEDGE, False)

    @rule(go_back=st.booleans())
    def people_put_things_right(self, go_back: bool) -> None:
        """Resumed, acknowledged, armed, and half an hour of health: nothing of the past holds."""
        self.story.policy = msgspec.structs.replace(self.story.policy, mode=Mode.AUTO)
        for do in (Do.RESUME, Do.ACKNOWLEDGE):
            self.somebody_orders(do, False)
        self.look_for(minutes(35), {})
        if go_back:
            self.somebody_orders(Do.FAILBACK, False)

    @rule(length=st.sampled_from([1, 10, 31, 65]))
    def all_is_well(self, length: int) -> None:
        self.look_for(minutes(length), {})

    @rule(length=st.sampled_from([7, 400, 4_000, 20_000]))
    def nobody_looks(self, length: int) -> None:
        self.story.now += seconds(length)
        self.checked(self.story.tick())

    @rule(
        side=roles,
        offset=offsets,
        kind=st.integers(0, 5),
        seen=st.sampled_from([OK, BAD, BAD, BLIND]),
        tag=st.integers(0, 3),
    )
    def something_is_delivered(self, side: Role, offset: float, kind: int, seen: Observation, tag: int) -> None:
        at = self.story.now + minutes(offset)
        made = [
            lambda: health(side, Surface.STORAGE, seen, at),
            lambda: alert(side, seen, at, rule=f"r{tag}"),
            lambda: notice(at, seen, used=[side], tracking=f"t{tag}"),
            lambda: notice(at, seen, everywhere=True, tracking=f"t{tag}"),
            lambda: health(side, Surface.ACR, seen, at, counts=False),
            lambda: deletion(side, Surface.KEYVAULT, at),
        ]
        self.checked(self.story.hear(made[kind]()))

    @rule(do=st.sampled_from(list(Do)), force=st.booleans())
    def somebody_orders(self, do: Do, force: bool) -> None:
        before = self.story.state
        try:
            decision = self.story.order(do, force=force)
        except NotNow:
            assert self.story.state == before
            return
        if self.under_way and self.story.state.run is None:
            self.ended()
        self.approved = self.approved or do is Do.APPROVE
        self.acknowledged = self.acknowledged or (do is Do.ACKNOWLEDGE and self.story.state.phase is Phase.STEADY)
        self.checked(decision, ordered=do in {Do.FAILOVER, Do.FAILBACK})

    @rule()
    def somebody_acknowledges(self) -> None:
        self.somebody_orders(Do.ACKNOWLEDGE, False)

    @precondition(lambda self: self.story.state.phase is Phase.SETTLED)
    @rule()
    def the_new_active_side_fails_in_the_cooldown(self) -> None:
        self.the_active_side_fails("storage")
        REACHED["held by cooldown"] += self.under_way is None

    @precondition(lambda self: self.under_way is not None)
    @rule(ends=st.sampled_from([What.SWITCHED] * 6 + [What.FAILED, What.SUPERSEDED, What.ABORTED]))
    def the_run_goes_on(self, ends: What) -> None:
        run = self.under_way
        assert run is not None
        if ends is What.SWITCHED and self.story.state.phase is not Phase.RESUBMITTING:
            self.now_switched(run)
        if ends is What.SWITCHED:
            self.story.report(What.RESUBMITTED, run)
        elif ends is What.ABORTED:
            self.the_run_is_aborted(run)
            return
        else:
            others = self.story.state.epoch + 2 if ends is What.SUPERSEDED else None
            self.story.report(ends, run, epoch=others)
            if ends is What.SUPERSEDED:
                self.moved_at, self.acknowledged = self.story.now, False
        self.ended()

    def the_run_is_aborted(self, run: StartRun) -> None:
        """Before the pointer has moved, the pair is where the run was begun; after it, an abort is no news."""
        before = self.story.state
        self.story.report(What.ABORTED, run)
        after = self.story.state
        if before.phase is Phase.RESUBMITTING:
            assert after == before
            return
        assert after.phase is (Phase.SUSPECT if self.begun_in is Phase.AWAITING_APPROVAL else self.begun_in)
        kept = {"phase": after.phase, "phase_since": after.phase_since, "run": None, "target": None}
        told = {"attempts": before.attempts + 1, "failed_at": after.failed_at, "last_now": after.last_now}
        said = {"rule": after.rule, "why": after.why, "journal": after.journal}
        assert after == msgspec.structs.replace(before, **kept, **told, **said), "an abort changes nothing else"
        REACHED[f"aborted from {self.begun_in}"] += 1
        self.ended()

    @precondition(lambda self: self.story.state.phase is Phase.SETTLED and self.under_way is None)
    @rule()
    def a_failback_is_ordered_and_aborted(self) -> None:
        self.somebody_orders(Do.FAILBACK, force=True)
        if self.under_way is not None:
            self.the_run_is_aborted(self.under_way)

    @precondition(lambda self: self.under_way is not None and self.story.state.phase is not Phase.RESUBMITTING)
    @rule()
    def the_pointer_is_published(self) -> None:
        assert self.under_way is not None
        self.now_switched(self.under_way)

    @precondition(lambda self: self.over)
    @rule(data=st.data(), what=st.sampled_from(list(What)), ahead=st.integers(-1, 1))
    def a_past_run_reports(self, data: st.DataObject, what: What, ahead: int) -> None:
        """S8: what is out of date changes nothing."""
        past = data.draw(st.sampled_from(self.over))
        report = Report(run=past.run, epoch=past.epoch + ahead, what=what, active=past.target)
        decision = run_reports.report(self.story.state, report, self.story.now, self.story.policy)
        assert (decision.state, decision.orders) == (self.story.state, ())
        REACHED["stale reports"] += 1

    @rule(body=st.sampled_from(NONSENSE))
    def nonsense_is_delivered(self, body: object) -> None:
        """S9: bad input is no signal, and changes no state."""
        assert [fact.parsed.kind for fact in facts_from([body, *NONSENSE])] == ["invalid"] * (len(NONSENSE) + 1)

    @rule()
    def the_process_restarts(self) -> None:
        self.story.restart()
        REACHED["restarts"] += 1

    @rule(mode=st.sampled_from(list(Mode)))
    def the_mode_changes(self, mode: Mode) -> None:
        self.story.policy = msgspec.structs.replace(self.story.policy, mode=mode)

    @precondition(lambda self: self.under_way is None)
    @rule(
        fault=st.sampled_from([0, 90, 200, 330]),
        sides=st.sampled_from([["primary"], ["secondary"], ["primary", "secondary"]]),
    )
    def looks_find_only_blindness(self, fault: int, sides: list[str]) -> None:
        """S4: what cannot be asked begins nothing, and moves no phase, that time alone does not."""
        story = self.story
        side = story.state.active
        self.look_for(seconds(fault), {f"{side}.hub": BAD, f"{side}.jobs": BAD})
        assume(self.under_way is None)
        looking = waiting = story.state
        for look in range(1, 19):
            now = story.now + seconds(20 * look)
            blind = [s for s in sweep(now, dict.fromkeys(KEYS, BLIND)) if s.role and s.role.value in sides]
            seen = decide.step(looking, Observed(now=now, signals=tuple(blind)), now, story.policy)
            unseen = decide.step(waiting, Observed(now=now), now, story.policy)
            assert runs(seen) <= runs(unseen), "S4: begun by blindness"
            if starts(unseen):
                break
            assert seen.state.phase in {unseen.state.phase, looking.phase}, "S4: moved by blindness"
            looking, waiting = seen.state, unseen.state
        REACHED["blind looks"] += 1

    @precondition(lambda self: self.under_way is None)
    @rule(
        kind=st.sampled_from(
            ["pause", "elsewhere", "observer", "world", "standby", "deletion", "observe", "silence", "no"]
        )
    )
    def an_outage_meets_a_hold(self, kind: str) -> None:
        """S3: the active side fails for longer than the wait while something holds; the books judge what follows."""
        story = self.story
        self.forget_the_past()
        if self.under_way:
            return
        side, standby = story.state.active, story.state.active.other
        found = {f"{side}.hub": BAD, f"{side}.jobs": BAD}
        if kind == "pause":
            story.order(Do.PAUSE)
        elif kind in {"elsewhere", "observer"}:
            found |= {kind: BAD}
        elif kind == "world":
            self.checked(story.hear(notice(story.now, BAD, everywhere=True, tracking="w")))
        elif kind == "standby":
            self.checked(story.hear(notice(story.now, BAD, used=[standby], tracking="s")))
        elif kind == "deletion":
            self.checked(story.hear(deletion(side, Surface.ACR, story.now)))
            found |= {f"{side}.acr": BLIND}
        elif kind in {"observe", "silence"}:
            mode = Mode.OBSERVE if kind == "observe" else Mode.APPROVE
            story.policy = msgspec.structs.replace(story.policy, mode=mode)
        if self.under_way is None:
            self.look_for(minutes(7), found)
        if kind == "pause":
            story.order(Do.RESUME)
        REACHED[f"held by {kind}"] += self.under_way is None

    @precondition(lambda self: self.under_way is None)
    @rule()
    def an_outage_without_a_hold_is_left(self) -> None:
        """L1: with the rule satisfied and nothing that holds, the switch is ordered within the bound."""
        story = self.story
        state, policy = story.state, story.policy
        ends = state.switched_at + policy.cooldown if state.switched_at and not state.acknowledged else None
        assume(policy.mode is Mode.AUTO and state.paused is None and not state.evidence.deletions)
        assume(state.failed_at is None or story.now - state.failed_at > policy.confirm_after)
        assume(ends is None or story.now >= ends)
        assume(self.elsewhere_last is None or story.now - self.elsewhere_last > policy.global_settle)
        assume(not any(i.active for i in state.evidence.incidents.values()))
        assume(not any(r.bad for r in state.evidence.reported.values()))
        self.look_for(policy.confirm_after + minutes(1), {})
        assume(self.under_way is None)
        side = story.state.active
        bound = policy.confirm_after + 3 * policy.probe_interval + seconds(15)
        self.look_for(bound, {f"{side}.hub": BAD, f"{side}.jobs": BAD})
        assert self.under_way is not None
        REACHED["left in time"] += 1

    def forget_the_past(self) -> None:
        """Resumed, acknowledged, in mode auto, and past every lifetime: nothing of before holds any more."""
        self.story.policy = msgspec.structs.replace(self.story.policy, mode=Mode.AUTO)
        for do in (Do.RESUME, Do.ACKNOWLEDGE):
            self.somebody_orders(do, False)
        self.nobody_looks(int(self.story.policy.notice_lifetime.total_seconds()) + 60)
        if self.under_way is None:
            self.look_for(minutes(4), {})

    # --- the books ----------------------------------------------------------------------------------------

    def look_for(self, length: timedelta, found: dict[str, Observation]) -> None:
        """Looks as often as the core wants them, until a run is ordered."""
        self.story.now += seconds(1)
        story, end = self.story, self.story.now + length
        while True:
            self.eye_open = found.get("observer", OK) is OK
            if found.get("elsewhere", OK) is not BLIND and self.eye_open:
                self.elsewhere_bad_at = story.now if found.get("elsewhere") is BAD else None
                self.elsewhere_last = story.now if found.get("elsewhere") is BAD else self.elsewhere_last
            running = self.under_way
            missed = self.last_look and story.now - self.last_look > minutes(4)
            self.eyes_since = story.now if missed else self.eyes_since
            self.last_look = story.now
            self.checked(story.look(found))
            step = decide.cadence(story.state, story.policy)
            if story.now + step > end or (self.under_way and not running):
                return
            story.now += step

    def checked(self, decision: Decision, *, ordered: bool = False) -> None:
        for order in starts(decision):
            self.check_start(order, ordered=ordered)
            self.under_way = order
            moving = {Phase.SWITCHING, Phase.RETURNING}
            before = [entry.phase for entry in self.story.state.journal if entry.phase not in moving]
            self.begun_in = before[-1] if before else Phase.STEADY
        self.approved = self.approved and decision.state.phase is Phase.AWAITING_APPROVAL
        if decision.rule.startswith("hold."):
            REACHED[decision.rule] += 1

    def check_start(self, order: StartRun, *, ordered: bool) -> None:
        story = self.story
        assert self.under_way is None, "S1: one run at a time"
        assert order.epoch == story.state.epoch + 1, "S1: the next epoch"
        assert order.epoch not in self.switched, "S1: an epoch is switched once"
        assert (order.source, order.target) == (story.state.active, story.state.active.other)
        assert order.run not in {past.run for past in self.over}, "S1: every run has its own id"
        assert story.state.run == order.run
        if not ordered:
            self.check_no_hold(order)
        REACHED[order.kind] += 1

    def check_no_hold(self, order: StartRun) -> None:
        """S3, worked out from the books and not with the code under test."""
        story, state = self.story, self.story.state
        assert state.paused is None, "S3: paused"
        assert story.policy.mode is not Mode.OBSERVE, "S3: mode observe"
        assert story.policy.mode is Mode.AUTO or self.approved, "S3: approval"
        assert not state.evidence.deletions, "S3: a deletion"
        assert self.eye_open or not state.evidence.tracks, "S3: the observer"
        bad_at = self.elsewhere_bad_at
        assert bad_at is None or story.now - bad_at > story.policy.evidence_lifetime, "S3: elsewhere"
        last = self.elsewhere_last
        assert last is None or story.now - last >= story.policy.global_settle, "S3: the end of a global fault"
        over = self.moved_at is None or story.now - self.moved_at >= story.policy.cooldown
        assert self.acknowledged or over, "S3: cooldown"
        assert self.last_look is None or story.now - self.last_look <= minutes(4), "S3: nobody has looked"
        if self.eyes_since and not any(incident.active for incident in state.evidence.incidents.values()):
            assert story.now - self.eyes_since >= story.policy.confirm_after, "S3: a blind spell"
        lifetime = story.policy.notice_lifetime
        for incident in state.evidence.incidents.values():
            alive = incident.active and story.now - incident.at <= lifetime
            assert not (alive and (incident.everywhere or order.target in incident.used)), "S3: a notice"

    def now_switched(self, run: StartRun) -> None:
        self.story.report(What.SWITCHED, run)
        assert self.story.state.epoch == run.epoch
        self.switched[run.epoch] = (run.run, run.target)
        self.moved_at, self.acknowledged = self.story.now, False
        failovers = sum(past.kind == "failover" for past in [*self.over, run] if past.epoch in self.switched)
        REACHED[f"failover number {failovers}"] += run.kind == "failover"

    def ended(self) -> None:
        assert self.under_way is not None
        self.over.append(self.under_way)
        self.under_way = None

    # --- what always holds --------------------------------------------------------------------------------

    @invariant()
    def the_epoch_never_goes_down_and_the_books_agree(self) -> None:
        """S1: the state says what was switched, and a run is under way exactly if the books say so."""
        state = self.story.state
        assert state.epoch >= self.counted
        self.counted = state.epoch
        assert state.run == (self.under_way.run if self.under_way else None)
        running = {Phase.SWITCHING, Phase.RESUBMITTING, Phase.RETURNING}
        assert (state.phase in running) == (self.under_way is not None)
        if state.epoch in self.switched:
            assert state.active is self.switched[state.epoch][1]

    @invariant()
    def the_state_stays_small(self) -> None:
        assert len(encode(self.story.state)) < 64 * 1024


def starts(decision: Decision) -> list[StartRun]:
    return [order for order in decision.orders if isinstance(order, StartRun)]


def runs(decision: Decision) -> set[str]:
    return {order.run for order in starts(decision)}


def told(reached: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(reached.items()) if count)


def test_the_promises_hold_over_any_history(record_property: Callable[[str, object], None]) -> None:
    """S1, S3, S4, S8, S9 and L1; the histories reach failbacks, restarts and more than one failover."""
    REACHED.clear()
    explored(PairMachine, settings(max_examples=120 * DEEP, stateful_step_count=40), _unreached)
    record_property("said", f"one stamp: {told(REACHED)}")
    assert _unreached() == []


def _unreached() -> list[str]:
    wanted = ["failover number 3", "failback", "restarts", "stale reports", "blind looks", "left in time"]
    wanted.append(f"aborted from {Phase.SUSPECT}")  # from the others: the machine of two has to reach each row
    holds = sum(name.startswith("held by") and count > 0 for name, count in REACHED.items())
    return [*(name for name in wanted if not REACHED[name]), *(["5 holds"] if holds < 5 else [])]
