"""Telling a pair's story in tests: looks, deliveries, people and runs, on a clock that the test moves."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from typing import Any

import msgspec

from orchestrator.core.base.codec import decode, encode
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Observation, Phase, Role, Surface
from orchestrator.core.decision import commands, decide, run_reports
from orchestrator.core.decision.commands import ANSWERS, Command, Do
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.proposals import open_proposal
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.decision.stamps import PauseRecord, StampView
from orchestrator.core.decision.state import Decision, PairState, StartRun, Tell, initial, read_state
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import Says, Scope, Signal, Source, probe_signal

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OK, BAD, BLIND, DEGRADED = Observation.OK, Observation.BAD, Observation.BLIND, Observation.DEGRADED
PRIMARY, SECONDARY = Role.PRIMARY, Role.SECONDARY
AUTO = Policy(mode=Mode.AUTO, green_drills=0)
DEEP = int(os.environ.get("HUBSWITCH_DEEP", "1"))
"""How many times as many examples as usual property tests try."""

SIDE = tuple(s for s in Surface if s not in {Surface.OBSERVER, Surface.ELSEWHERE})
EVERYTHING = {f"{role}.{surface}": OK for role in Role for surface in SIDE} | {"observer": OK, "elsewhere": OK}


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def sweep(at: datetime, found: dict[str, Observation] | None = None) -> list[Signal]:
    """One look at everything: all is well but what is named, such as ``{"primary.hub": BAD}``."""
    unknown = set(found or {}) - set(EVERYTHING)
    assert not unknown, unknown
    return [probe(key, seen, at) for key, seen in (EVERYTHING | (found or {})).items()]


def probe(key: str, seen: Observation, at: datetime) -> Signal:
    side, _, surface = key.rpartition(".")
    return probe_signal(Role(side) if side else None, Surface(surface), seen, at, f"{key} is {seen}")


def health(role: Role, surface: Surface, seen: Observation, at: datetime, *, counts: bool = True) -> Signal:
    """Resource Health about the resource behind a surface."""
    return Signal(
        key=f"health-{role}-{surface}-{at.isoformat()}",
        source=Source.DELIVERY,
        role=role,
        subject=f"/subscriptions/s/resourcegroups/g/providers/x/y/{role}-{surface}",
        surface=surface,
        evidence_class=EvidenceClass.DEPENDENCY,
        observation=seen,
        occurred_at=at,
        why=f"Resource Health says {seen}",
        says=Says.HEALTH,
        counts=counts and seen is BAD,
    )


def alert(role: Role, seen: Observation, at: datetime, *, rule: str = "m-runs", severe: bool = True) -> Signal:
    """A metric alert that fired (bad) or was resolved (ok)."""
    return Signal(
        key=f"alert-{role}-{rule}-{at.isoformat()}",
        source=Source.DELIVERY,
        role=role,
        subject=f"{rule} on {role}",
        evidence_class=EvidenceClass.METRICS,
        observation=seen,
        occurred_at=at,
        why=f"{rule} is {seen}",
        says=Says.ALERT,
        counts=severe,
    )


def notice(
    at: datetime,
    seen: Observation = BAD,
    *,
    used: Iterable[Role] = (),
    named: Iterable[Role] = (),
    everywhere: bool = False,
    tracking: str = "T-1",
    counts: bool = True,
) -> Signal:
    """A message of Service Health: active (bad) or over (ok). A side of which a service is used is named too."""
    return Signal(
        key=f"notice-{tracking}-{at.isoformat()}",
        source=Source.DELIVERY,
        role=None,
        subject=tracking,
        evidence_class=EvidenceClass.NOTICE,
        observation=seen,
        occurred_at=at,
        why=f"{tracking} is {seen}",
        says=Says.NOTICE,
        counts=counts,
        scope=Scope(named=tuple({*named, *used}), used=tuple(used), everywhere=everywhere),
    )


def change(
    name: str,
    at: datetime,
    surface: Surface | None = None,
    *,
    role: Role = PRIMARY,
    says: Says = Says.CHANGED,
    is_hub: bool = False,
) -> Signal:
    """Somebody changed a resource of a side, by a person's doing."""
    return Signal(
        key=f"{name}{at}",
        source=Source.DELIVERY,
        role=role,
        subject=f"/subscriptions/s/resourcegroups/g/providers/x/y/{name}",
        surface=surface,
        observation=BLIND,
        occurred_at=at,
        why="ana did write",
        says=says,
        counts=False,
        is_hub=is_hub,
    )


def pause(at: datetime = START, *, paused: bool = True) -> PauseRecord:
    """What a person has written about a pair's pause."""
    return PauseRecord(paused=paused, at=at, by="ana", reason="a test")


def deletion(role: Role, surface: Surface, at: datetime, says: Says = Says.DELETED) -> Signal:
    """Somebody deleted, or wrote, the resource behind a surface."""
    made = change(f"{role}-{surface}", at, surface, role=role, says=says)
    return msgspec.structs.replace(made, key=f"{says}-{role}-{surface}-{at.isoformat()}", why="somebody did it")


def stamp_view(at: datetime, *, well: Iterable[str] = (), bad: Iterable[str] = ()) -> StampView:
    """What another stamp says of the pair: its primary is active, and these classes are well or bad on it."""
    return StampView(
        stamp="north",
        looked_at=at,
        phase=Phase.STEADY,
        active=PRIMARY,
        epoch=0,
        bad={PRIMARY: tuple(EvidenceClass(c) for c in bad)},
        well={PRIMARY: tuple(EvidenceClass(c) for c in well)},
    )


QUICK = msgspec.structs.replace(
    AUTO,
    probe_interval=minutes(1),
    suspect_interval=seconds(20),
    cooldown=minutes(30),
    failback_hold=minutes(20),
)
"""Fewer looks and shorter waits, so that an example reaches further."""


class Story:
    """One pair, from its first look on. Runs are done as soon as they are ordered, unless ``runs`` is False."""

    def __init__(self, policy: Policy = AUTO, *, runs: bool = True) -> None:
        self.policy = policy
        self.now = START
        self.state: PairState = initial("p", START)
        self.runs = runs
        self.ordered: list[StartRun] = []
        self.told: list[Tell] = []
        self.decisions: list[Decision] = []
        self.steps: set[tuple[Phase, Phase]] = set()
        """From which phase to which it has gone."""

    @property
    def last(self) -> Decision:
        return self.decisions[-1]

    @property
    def moves(self) -> list[tuple[str, str, int]]:
        """Every run ordered so far: kind, target, epoch."""
        return [(order.kind, order.target.value, order.epoch) for order in self.ordered]

    def look(self, found: dict[str, Observation] | None = None, **more: Any) -> Decision:
        """A look at everything, now. ``more`` is what it brings besides: fields of ``Observed``."""
        look = Observed(now=self.now, signals=tuple(sweep(self.now, found)), is_look=True, **more)
        return self._take(decide.step(self.state, look, self.now, self.policy))

    def live(self, length: timedelta, found: dict[str, Observation] | None = None) -> Decision:
        """Looks as often as the core wants them, for a while. The last one is at the end of it."""
        end = self.now + length
        while True:
            self.look(found)
            step = decide.cadence(self.state, self.policy)
            if self.now + step > end:
                break
            self.now += step
        self.now = end
        return self.last

    def hear(self, *signals: Signal) -> Decision:
        return self._take(
            decide.step(self.state, Observed(now=self.now, signals=tuple(signals)), self.now, self.policy)
        )

    def tick(self) -> Decision:
        return self._take(decide.step(self.state, Observed(now=self.now), self.now, self.policy))

    def order(
        self,
        do: Do,
        reason: str = "because",
        *,
        force: bool = False,
        epoch: int | None = None,
        graceful: bool = False,
        drain: timedelta = timedelta(),
    ) -> Decision:
        """Somebody orders something, under an epoch if one is given. An answer is about the proposal that waits."""
        answered = open_proposal(self.state) if do in ANSWERS else None
        command = Command(
            do=do,
            by="somebody",
            reason=reason,
            force=force,
            proposal=answered,
            epoch=epoch,
            graceful=graceful,
            drain=drain,
        )
        return self._take(commands.command(self.state, command, self.now, self.policy))

    def answer(self, do: Do, proposal: str | None, reason: str = "because", *, force: bool = False) -> Decision:
        command = Command(do=do, by="somebody", reason=reason, force=force, proposal=proposal)
        return self._take(commands.command(self.state, command, self.now, self.policy))

    def report(self, what: What, run: StartRun | None = None, epoch: int | None = None) -> Decision:
        """The run that was ordered last says what it did."""
        order = run or self.ordered[-1]
        active = order.target if what in {What.SWITCHED, What.RESUBMITTED} else self.state.active
        as_ordered = order.epoch - 1 if what in {What.FAILED, What.ABORTED} else order.epoch
        told = epoch if epoch is not None else as_ordered
        report = Report(run=order.run, epoch=told, what=what, active=active, why=f"{what} as ordered")
        return self._take(run_reports.report(self.state, report, self.now, self.policy))

    def restart(self) -> None:
        """The state through its stored form and back."""
        self.state = read_state(encode(self.state))
        assert decode(encode(self.state), PairState, "state") == self.state

    def _take(self, decision: Decision) -> Decision:
        self.steps |= steps_between(self.state, decision.state)
        self.state = decision.state
        self.decisions.append(decision)
        self.told += [order for order in decision.orders if isinstance(order, Tell)]
        for order in decision.orders:
            if isinstance(order, StartRun):
                self.ordered.append(order)
                if self.runs:
                    self.report(What.SWITCHED, order)
                    self.report(What.RESUBMITTED, order)
                    self.decisions.append(decision)
        return decision


def steps_between(before: PairState, after: PairState) -> set[tuple[Phase, Phase]]:
    """The changes of phase that the journal tells of."""
    last = before.journal[-1] if before.journal else None
    added = list(takewhile(lambda entry: entry != last, reversed(after.journal)))[::-1]
    phases = [before.phase, *(entry.phase for entry in added)]
    again = any(entry.rule == "superseded" for entry in added)
    return {(one, other) for one, other in pairwise(phases) if one is not other or (again and one is Phase.SETTLED)}


def failed_over(policy: Policy = AUTO) -> Story:
    """A story in which hub and jobs of the primary failed and the pair has just moved."""
    story = Story(policy)
    story.live(minutes(3))
    story.live(minutes(6), {"primary.hub": BAD, "primary.jobs": BAD})
    assert story.moves == [("failover", "secondary", 1)]
    return story
