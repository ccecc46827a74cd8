"""What passes between triggers, entity, orchestrators and activities: plain values, one schema.

The engine stores them as JSON. They are decoded strictly on arrival, so a value of an older or newer shape
stops the step with a sentence instead of being misread.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.vocabulary import NoticeName, Role
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.decision_log import Kept
from orchestrator.core.decision.run_reports import Report
from orchestrator.core.decision.state import StartRun
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import Step, StepOrGroup, Workflow
from orchestrator.core.schedule import beat_of, longest_of

BUSY = "other work of its kind is under way"
"""Why an activity was not begun: its concurrency limit was reached."""


class Commanded(Value, kw_only=True):
    now: Moment
    command: Command


class ReportOrder(Value, kw_only=True):
    now: Moment
    report: Report


class RunKind(StrEnum):
    FAILOVER = "failover"
    FAILBACK = "failback"


class RunOrder(Value, kw_only=True):
    """One switch, from the decision on."""

    pair: str
    kind: RunKind
    run: str
    epoch: int
    source: Role
    target: Role
    why: str
    decided_at: Moment
    doubted_since: Moment
    """From then on the source may have been ill: a job that failed later is taken to have failed with it."""

    claim_by: Moment
    """A claim later than this would rest on evidence that has died; the run gives up instead."""

    beat: timedelta
    """First pause between two tries of a step."""

    longest: timedelta
    """Longest pause between two tries of a step."""

    patience: timedelta = timedelta(minutes=30)
    """How long a job is tried that is neither taken nor refused."""

    ordered: bool = False
    """A person ordered this failover: the source may be well, and a job is stopped there before it goes on."""

    steps: tuple[StepOrGroup, ...] | None = None
    """The plan's steps for this direction, as they were when the run was ordered; None: those of a plan without any.
    Only the run itself has them, not what it hands to activities."""

    @property
    def workflow(self) -> tuple[StepOrGroup, ...]:
        """The steps that the run walks after phase A."""
        return Workflow().direction(self.kind) if self.steps is None else self.steps


class StepOrder(RunOrder, kw_only=True):
    """The order of a run, and one step of it. A ``RunOrder`` of an older version reads as one without a step."""

    step: Step | None = None


class StepOutcome(StrEnum):
    DONE = "done"
    FAILED = "failed"


class StepReport(Value, kw_only=True):
    """What became of one step of a run."""

    name: str
    kind: str
    outcome: StepOutcome
    """``failed``: it used up its time or its tries, and the run went on without it."""

    begun: Moment = msgspec.field(name="from")
    ended: Moment = msgspec.field(name="to")
    why: str = ""
    """Why it failed, or why it took so long; empty if it went well."""


class RoundOrder(Value, kw_only=True):
    """List the jobs that are to be moved now."""

    run: RunOrder
    round: int


class RoundPlan(Value, kw_only=True):
    jobs: int
    batches: int
    size: int = 0
    """Jobs of a batch when the round was planned: the plan may say something else before it is over."""


class BatchOrder(Value, kw_only=True):
    """Move one batch of one round."""

    run: RunOrder
    round: int
    batch: int
    size: int = 0
    """Jobs of a batch; 0: as the plan says."""

    since: Moment | None = None
    """When it was first tried; None: now."""

    last: bool = False
    """What cannot be done in this try waits."""


class AfterOrder(Value, kw_only=True):
    """See to the jobs of past runs: those that wait, and old runs whose hub answers again."""

    run: RunOrder
    """The switch that holds the epoch."""


class BatchReport(Value, kw_only=True):
    """What became of the jobs of a batch. ``pending`` jobs are to be tried again after ``retry_after``."""

    resubmitted: int = 0
    skipped: int = 0
    waiting: int = 0
    refused: int = 0
    finished: int = 0
    given_up: int = 0
    """Those of the waiting that were tried for as long as patience lasted, and will be tried again later."""

    pending: int = 0
    retry_after: timedelta | None = None
    why: str = ""
    stopped: str = ""
    """Why this run may not go on (a newer epoch holds); empty while it may."""

    busy: bool = False
    """Nothing was tried: there was no place for it."""

    def plus(self, other: BatchReport) -> BatchReport:
        return BatchReport(
            resubmitted=self.resubmitted + other.resubmitted,
            skipped=self.skipped + other.skipped,
            waiting=self.waiting + other.waiting,
            refused=self.refused + other.refused,
            given_up=self.given_up + other.given_up,
            finished=self.finished + other.finished,
            stopped=self.stopped or other.stopped,
        )


class StepResult(Value, kw_only=True):
    """What a step that ran beside others hands back to its run."""

    report: StepReport | None = None
    jobs: BatchReport = BatchReport()
    stopped: str = ""
    """Class of the error after which the run may not go on; empty while it may."""

    why: str = ""


class AfterReport(Value, kw_only=True):
    """What was done for the jobs of past runs."""

    jobs: BatchReport = BatchReport()
    """Outcomes of those that waited."""

    stopping: int = 0
    """Old runs whose end was asked for."""

    settled: int = 0
    """Old runs of which nothing more has to be learnt."""

    more: bool = False
    """There is more to do at once."""

    busy: bool = False
    """Nothing was tried: there was no place for it."""

    why: str = ""


class Insistence(Value, kw_only=True):
    """A step that is tried for long, in an orchestration of its own."""

    pair: str
    run: str
    activity: str
    order: Any
    beat: timedelta
    longest: timedelta
    since: Moment
    why: str
    told: bool = False
    step: str = ""
    """How people call it; empty: as the activity."""

    until: Moment | None = None
    """When it is given up; None: never."""


class ReplicaCheck(Value, kw_only=True):
    endpoint: str
    confirmed: bool
    why: str = ""


class Verification(Value, kw_only=True):
    """What the store's endpoints show."""

    replicas: tuple[ReplicaCheck, ...]

    @property
    def lagging(self) -> tuple[ReplicaCheck, ...]:
        return tuple(replica for replica in self.replicas if not replica.confirmed)


class Milestones(Value, kw_only=True):
    """When a run passed its stages."""

    decided_at: Moment
    claimed_at: Moment | None = None
    published_at: Moment | None = None
    verified_at: Moment | None = None
    standby_at: Moment | None = None
    resubmitted_at: Moment | None = None


class RunSummary(Value, kw_only=True):
    """The end of a run, as stored with it and told to people."""

    pair: str
    run: str
    kind: RunKind
    epoch: int
    outcome: str
    """``completed``, ``superseded`` or ``failed``."""

    why: str
    jobs: BatchReport = BatchReport()
    lagging: tuple[ReplicaCheck, ...] = ()
    milestones: Milestones
    steps: tuple[StepReport, ...] = ()
    """What became of each step, in the order in which they ended."""


class Tidings(Value, kw_only=True):
    """Something to tell: becomes a CloudEvent ``Hubswitch.<name>``."""

    channels: tuple[str, ...] = ()
    """Keys of the channels that have not had it yet; empty: all of the plan's."""

    pair: str
    id: str
    name: NoticeName
    at: Moment
    why: str


class Told(Value, kw_only=True):
    """What became of a notice."""

    failed: tuple[str, ...] = ()
    """Keys of the channels that did not take it."""

    why: str = ""
    """What the first of them said."""


class CaptureOrder(Value, kw_only=True):
    """Take these jobs of one side into the ledger, or note that they have ended."""

    pair: str
    side: Role
    jobs: tuple[str, ...]
    told: str = ""
    """Status that an event told of them, in Azure ML's words; empty if nothing was told."""


class CaptureRun(Value, kw_only=True):
    """An order, and the first pause between two tries of it."""

    order: CaptureOrder
    beat: timedelta


class CaptureReport(Value, kw_only=True):
    captured: int = 0
    finished: int = 0
    known: int = 0
    failed: int = 0
    why: str = ""
    left: tuple[str, ...] = ()
    """Jobs that there was no time for."""

    busy: bool = False
    """Nothing was tried: there was no place for it."""

    def plus(self, other: CaptureReport) -> CaptureReport:
        return CaptureReport(
            captured=self.captured + other.captured,
            finished=self.finished + other.finished,
            known=self.known + other.known,
            failed=self.failed + other.failed,
            why=self.why or other.why,
        )


class DrillKind(StrEnum):
    DRY = "dry"
    CANARY = "canary"


class DrillOrder(Value, kw_only=True):
    pair: str
    kind: DrillKind
    drill: str
    reason: str
    by: str = ""
    asked_at: Moment
    beat: timedelta
    longest: timedelta

    @property
    def canary_name(self) -> str:
        """The name of the drill's job in the standby, which a repeated step finds again."""
        return f"hubswitch-canary-{self.drill}"


class DrillFinding(Value, kw_only=True):
    """One line of a drill's result."""

    check: str
    ok: bool
    why: str


class DrillReport(Value, kw_only=True):
    pair: str
    drill: str
    kind: DrillKind
    ok: bool
    findings: tuple[DrillFinding, ...]
    by: str = ""
    """Who asked for it."""

    reason: str = ""


class DrillDone(Value, kw_only=True):
    """A drill that has ended, with what it was asked to do."""

    order: DrillOrder
    report: DrillReport


def order_from(
    start: StartRun, plan: Plan, now: datetime, ill_since: datetime | None = None, *, ordered: bool = False
) -> RunOrder:
    """The order that a decision's ``StartRun`` becomes.

    ``ill_since`` is when the source was first seen ill, ``ordered`` whether a person wants the switch.
    """
    policy = plan.policy
    steps = plan.steps.direction(start.kind)
    return RunOrder(
        pair=plan.pair,
        kind=RunKind(start.kind),
        run=start.run,
        epoch=start.epoch,
        source=start.source,
        target=start.target,
        why=start.why,
        decided_at=now,
        doubted_since=min(ill_since or now, now - policy.confirm_after)
        - (policy.bad_after + 1) * policy.probe_interval,
        claim_by=now + policy.evidence_lifetime,
        beat=beat_of(policy),
        longest=longest_of(policy),
        patience=plan.jobs.patience,
        ordered=ordered and start.kind == "failover",
        steps=None if steps == Workflow().direction(start.kind) else steps,
    )


class KeepOrder(Value, kw_only=True):
    """Keep one decision."""

    pair: str
    entry: Kept

    @property
    def instance(self) -> str:
        """The id of the run that keeps it, equal for the same entry."""
        return f"keep-{self.pair}-{self.entry.first_at:%Y%m%dT%H%M%S%f}"


def order_again(record: EpochRecord, plan: Plan, now: datetime) -> RunOrder:
    """The order of the run that holds the epoch, made from its record."""
    start = StartRun(
        kind="failback" if kind_of(record) is RunKind.FAILBACK else "failover",
        run=record.run or "",
        epoch=record.epoch,
        source=record.active.other,
        target=record.active,
        why=record.why,
    )
    order = order_from(start, plan, record.since, ordered=record.ordered)
    doubted = record.doubted_since or order.doubted_since
    return msgspec.structs.replace(order, claim_by=now, doubted_since=doubted)


def kind_of(record: EpochRecord) -> RunKind:
    """The kind of the run that holds the epoch, which its id begins with."""
    return RunKind((record.run or RunKind.FAILOVER).partition("-")[0])
