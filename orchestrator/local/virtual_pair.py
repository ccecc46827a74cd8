"""The course of one pair on a virtual clock: its state, what it decides, and the runs that follow from that."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import NoticeName, Phase, Role
from orchestrator.core.decision import commands, run_reports
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.decision.state import Decision, JournalEntry, PairState, StartRun, Tell
from orchestrator.core.plan.policy import Policy
from orchestrator.core.recording import Ran


class Move(Value, kw_only=True):
    """One switch."""

    at: datetime
    source: Role
    target: Role
    epoch: int
    why: str


class Note(NamedTuple):
    at: datetime
    why: str
    rule: str = ""


class PhaseChange(NamedTuple):
    at: datetime
    phase: Phase
    why: str


class ToldNotice(NamedTuple):
    """A notice."""

    at: datetime
    name: NoticeName
    why: str


_TOLD_BY_RUNS = {
    ("failover", What.SWITCHED): NoticeName.FAILOVER_SWITCHED,
    ("failover", What.RESUBMITTED): NoticeName.FAILOVER_COMPLETED,
    ("failback", What.SWITCHED): NoticeName.FAILBACK_SWITCHED,
    ("failback", What.RESUBMITTED): NoticeName.FAILBACK_COMPLETED,
}
"""What a run itself tells people when it reports this."""


class Course:
    """Takes decisions and carries them out.

    A run is done at once; one of which it is known how it went takes as long as it took then.
    """

    def __init__(self, state: PairState, policy: Policy, runs: Mapping[str, Ran] | None = None) -> None:
        self.policy = policy
        self.state = state
        self.runs = runs or {}
        self.failovers: list[Move] = []
        self.failbacks: list[Move] = []
        self.held: list[Note] = []
        self.told: list[ToldNotice] = []
        self.phases: list[PhaseChange] = [
            PhaseChange(state.phase_since, state.phase, state.why or "everything is well")
        ]
        self._due: list[tuple[datetime, int, Report, NoticeName]] = []

    def take(self, decision: Decision, at: datetime) -> None:
        """Store the state, and carry the orders out."""
        before, self.state = self.state, decision.state
        if decision.rule.startswith("hold.") and decision.rule != before.rule:
            self.held.append(Note(at, decision.why, decision.rule))
        for entry in _new_entries(before, self.state):
            if entry.phase is not self.phases[-1].phase:
                self.phases.append(PhaseChange(at, entry.phase, entry.why))
        self.told += [ToldNotice(at, order.name, order.why) for order in decision.orders if isinstance(order, Tell)]
        for order in decision.orders:
            if isinstance(order, StartRun):
                self._run(order, at)

    def command(self, command: Command, at: datetime) -> bool:
        """What a person wants; False, and a note, if it cannot be had now."""
        try:
            decision = commands.command(self.state, command, at, self.policy)
        except NotNow as refusal:
            self.held.append(Note(at, f"{command.do} refused: {refusal}", "refused"))
            return False
        self.take(decision, at)
        return True

    def until(self, at: datetime) -> None:
        """Reports of runs that are due by then."""
        while self._due and self._due[0][0] <= at:
            when, _, report, notice = heapq.heappop(self._due)
            self.told.append(ToldNotice(when, notice, report.why))
            self.take(run_reports.report(self.state, report, when, self.policy), when)

    def _run(self, order: StartRun, at: datetime) -> None:
        move = Move(at=at, source=order.source, target=order.target, epoch=order.epoch, why=order.why)
        (self.failovers if order.kind == "failover" else self.failbacks).append(move)
        known = self.runs.get(order.run)
        for n, what in enumerate((What.SWITCHED, What.RESUBMITTED)):
            report = Report(run=order.run, epoch=order.epoch, what=what, active=order.target, why=order.why)
            when = at + (_time_of(known, what) - known.now) if known else at
            heapq.heappush(self._due, (when, n, report, _TOLD_BY_RUNS[order.kind, what]))
        self.until(at)


def _time_of(run: Ran, what: What) -> datetime:
    """When a run that is known had done that; as soon as it had done anything, if that was not noted."""
    switched = run.switched_at or run.now
    return switched if what is What.SWITCHED else max(run.resubmitted_at or switched, switched)


def _new_entries(before: PairState, after: PairState) -> list[JournalEntry]:
    """What a decision has written into the journal, oldest first."""
    last = before.journal[-1] if before.journal else None
    return list(takewhile(lambda entry: entry is not last, reversed(after.journal)))[::-1]
