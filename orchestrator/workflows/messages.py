"""What passes between triggers, entity, orchestrators and activities: plain values, one schema.

The engine stores them as JSON. They are decoded strictly on arrival, so a value of an older or newer shape
stops the step with a sentence instead of being misread.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

import msgspec

from orchestrator.core.base.codec import SCHEMA, Moment, Record
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import NoticeName, Role
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.decision_log import Kept
from orchestrator.core.decision.given_orders import OrderAnswer
from orchestrator.core.decision.run_reports import Report
from orchestrator.core.decision.state import PairState, StartRun
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.evidence.audit_chain import AuditNote
from orchestrator.core.evidence.basis import RunBasis
from orchestrator.core.evidence.incident import IncidentNotice
from orchestrator.core.plan.drills import FullDrill
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import Step, StepOrGroup, Workflow
from orchestrator.core.schedule import beat_of, longest_of
from orchestrator.core.signals.json_access import digest_of

BUSY = "other work of its kind is under way"
"""Why an activity was not begun: its concurrency limit was reached."""

ATTEMPT = "attempt"
"""Key beside the fields of an activity's order: the number of the try. No order has a field of that name. The first
try has no such key, so an app of an older version, which would refuse it, carries out what is not tried again."""


class Commanded(Record, kw_only=True):
    now: Moment
    command: Command


class ReportOrder(Record, kw_only=True):
    now: Moment
    report: Report


class RunKind(StrEnum):
    FAILOVER = "failover"
    FAILBACK = "failback"


class RunOrder(Record, kw_only=True):
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

    graceful: bool = False
    """A planned failover: the source is well. A failback is always planned; see ``is_graceful``."""

    ungraceful_since: Moment | None = None
    """Since when a person wants the jobs of a planned switch to be moved at once. Read from the epoch record."""

    drain: timedelta = timedelta()
    """Of a planned failover: longest wait for running jobs before the claim; zero: none. Only the run itself has it."""

    drill: str = ""
    """Name of the full drill that wants the switch; empty if none does."""

    steps: tuple[StepOrGroup, ...] | None = None
    """The plan's steps for this direction, as they were when the run was ordered; None: those of a plan without any.
    Only the run itself has them, not what it hands to activities."""

    basis: RunBasis | None = None
    """What the run rests on, for its evidence; of one that was begun again no more than that it was planned, if so. It
    stays in the run, as ``steps``."""

    @property
    def workflow(self) -> tuple[StepOrGroup, ...]:
        """The steps that the run walks after phase A."""
        return Workflow().direction(self.kind) if self.steps is None else self.steps

    @property
    def is_graceful(self) -> bool:
        """Whether the source is left although it is well: no job of it is interrupted, and one that runs may stay."""
        return self.graceful or self.kind is RunKind.FAILBACK

    @property
    def interrupted_since(self) -> datetime:
        """From then on a job that failed in the source is taken to have failed with it; never, if that is well."""
        if not self.is_graceful:
            return self.doubted_since
        return self.ungraceful_since or datetime.max.replace(tzinfo=UTC)


class StepOrder(RunOrder, kw_only=True):
    """The order of a run, and one step of it. A ``RunOrder`` of an older version reads as one without a step."""

    step: Step | None = None

    answer: OrderAnswer | None = None
    """Of a step that orders another pair: what that pair says of the order; None if it was not given."""


class StepOutcome(StrEnum):
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class StepReport(Record, kw_only=True):
    """What became of one step of a run."""

    name: str
    kind: str
    outcome: StepOutcome
    """``failed``: it used up its time or its tries, and the run went on without it. ``skipped``: a person wished so."""

    begun: Moment = msgspec.field(name="from")
    ended: Moment = msgspec.field(name="to")
    why: str = ""
    """Why it failed, was skipped, or took so long; empty if it went well."""


class SkipWish(Record, kw_only=True):
    """A person's wish that a run goes on without one of its steps, kept in the ledger."""

    schema: int = SCHEMA
    step: str
    by: str
    reason: str
    at: Moment


class Wish(Record, kw_only=True):
    """What a person wants of a run as a whole."""

    by: str
    reason: str
    at: Moment


class StepAnswer(Record, kw_only=True):
    """A person's answer to a run that waits at one of its steps, kept in the ledger. The first one counts."""

    schema: int = SCHEMA
    step: str
    is_approved: bool
    by: str
    reason: str
    at: Moment


class DrainOrder(Record, kw_only=True):
    """Look whether a run's source still runs jobs that the run waits for before its claim."""

    run: RunOrder


class DrainReport(Record, kw_only=True):
    """What one look at a drain found."""

    running: int = 0
    """Jobs that are waited for: those that run and may finish, and those of which the source does not say."""

    is_least: bool = False
    """There may be more of them: not every job was asked about."""

    why: str = ""
    """Why jobs are counted that are not known to run; empty if there are none."""

    ended: str = ""
    """Why the run waits no longer, whatever runs; empty if it may."""

    busy: bool = False
    """Nothing was asked: there was no place for it."""


class StopOrder(Record, kw_only=True):
    """Let a run claim nothing any more, because the side that it leads to is bad; or let it wait for no job."""

    pair: str
    run: str
    wish: Wish
    beat: timedelta
    longest: timedelta


class RoundOrder(Record, kw_only=True):
    """List the jobs that are to be moved now."""

    run: RunOrder
    round: int


class RoundPlan(Record, kw_only=True):
    jobs: int
    batches: int
    size: int = 0
    """Jobs of a batch when the round was planned: the plan may say something else before it is over."""


class BatchOrder(Record, kw_only=True):
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

    tried: int = 0
    """How often it was tried before its orchestration began anew."""


class AfterOrder(Record, kw_only=True):
    """See to the jobs of past runs: those that wait, and old runs whose hub answers again."""

    run: RunOrder
    """The switch that holds the epoch."""


class BatchReport(Record, kw_only=True):
    """What became of the jobs of a batch. ``pending`` jobs are to be tried again after ``retry_after``."""

    resubmitted: int = 0
    skipped: int = 0
    waiting: int = 0
    refused: int = 0
    finished: int = 0
    staying: int = 0
    """Those that go on where they are, in a hub that was left although it is well."""

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
            staying=self.staying + other.staying,
            stopped=self.stopped or other.stopped,
        )


class StepResult(Record, kw_only=True):
    """What a step that ran beside others hands back to its run."""

    report: StepReport | None = None
    jobs: BatchReport = BatchReport()
    stopped: str = ""
    """Class of the error after which the run may not go on; empty while it may."""

    why: str = ""


class AfterReport(Record, kw_only=True):
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


class Insistence(Record, kw_only=True):
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

    tried: int = 0
    """How often it was tried before."""


class ReplicaCheck(Record, kw_only=True):
    endpoint: str
    confirmed: bool
    why: str = ""


class Verification(Record, kw_only=True):
    """What the store's endpoints show."""

    replicas: tuple[ReplicaCheck, ...]

    @property
    def lagging(self) -> tuple[ReplicaCheck, ...]:
        return tuple(replica for replica in self.replicas if not replica.confirmed)


class Milestones(Record, kw_only=True):
    """When a run passed its stages."""

    decided_at: Moment
    drained_at: Moment | None = None
    """End of the wait for running jobs; None of a run that did not drain."""

    claimed_at: Moment | None = None
    published_at: Moment | None = None
    verified_at: Moment | None = None
    standby_at: Moment | None = None
    resubmitted_at: Moment | None = None


class RunSummary(Record, kw_only=True):
    """The end of a run, as stored with it and told to people."""

    pair: str
    run: str
    kind: RunKind
    epoch: int
    outcome: str
    """``completed``, ``superseded``, ``aborted`` or ``failed``."""

    why: str
    jobs: BatchReport = BatchReport()
    lagging: tuple[ReplicaCheck, ...] = ()
    milestones: Milestones
    target: Role | None = None
    """The side that the run leads to; none in summaries of older versions."""

    steps: tuple[StepReport, ...] = ()
    """What became of each step, in the order in which they ended."""

    ended_at: Moment | None = None
    graceful: bool = False
    basis: RunBasis | None = None
    """As in the order, both."""


class Tidings(Record, kw_only=True):
    """Something to tell: becomes a CloudEvent ``Hubswitch.<name>``."""

    channels: tuple[str, ...] = ()
    """Keys of the channels that have not had it yet; empty: all of the plan's."""

    pair: str
    id: str
    name: NoticeName
    at: Moment
    since: Moment | None = None
    """Since when what is told has been so; None: it just happened."""

    why: str


class Told(Record, kw_only=True):
    """What became of a notice."""

    failed: tuple[str, ...] = ()
    """Keys of the channels that did not take it."""

    why: str = ""
    """What the first of them said."""


class CaptureOrder(Record, kw_only=True):
    """Take these jobs of one side into the ledger, or note that they have ended."""

    pair: str
    side: Role
    jobs: tuple[str, ...]
    told: str = ""
    """Status that an event told of them, in Azure ML's words; empty if nothing was told."""


class CaptureRun(Record, kw_only=True):
    """An order, and the first pause between two tries of it."""

    order: CaptureOrder
    beat: timedelta


class CaptureReport(Record, kw_only=True):
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
    """What is practised."""

    TABLETOP = "tabletop"
    """The plan on live facts: everything is asked, nothing is written."""

    DRY = "dry"
    """The older name of ``tabletop``."""

    DECISION = "decision"
    """The decision on made-up evidence, on a copy of the pair's state."""

    CANARY = "canary"
    """One job in the standby."""

    PARTIAL = "partial"
    """Copies of the jobs of one workload in the standby."""

    FULL = "full"
    """A graceful failover and the failback, with pointer and jobs."""


class DrillOutcome(StrEnum):
    """How a drill ended, in the words of its evidence."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """It ended before it had found what it was held for."""

    NOT_READY = "not-ready"
    """It could not begin."""

    ABORTED = "aborted"
    PROMOTED = "promoted"
    """The pair really switched meanwhile."""


SWITCHED = "hubswitch: switched"
"""In place of a canary's status: the pair has switched, and what was its standby is active."""


GREEN_KINDS = frozenset({DrillKind.TABLETOP, DrillKind.DRY, DrillKind.CANARY, DrillKind.PARTIAL, DrillKind.FULL})
"""Kinds that count towards ``green_drills``: those that try the standby. A decision drill tries the policy alone."""


_DRILL_NAME = "%Y%m%dt%H%M%S%f"


def drill_name(now: datetime) -> str:
    """The name of a drill: the moment at which it is asked for, in UTC, to the microsecond."""
    return now.strftime(_DRILL_NAME)


def drill_time(drill: str) -> datetime:
    """When a drill of this name was asked for.

    Raises:
        ValueError: it is no name of a drill.
    """
    return datetime.strptime(drill, _DRILL_NAME).replace(tzinfo=UTC)


def drill_run_id(pair: str, drill: str) -> str:
    return f"drill-{pair}-{drill}"


class DrillOrder(Record, kw_only=True):
    pair: str
    kind: DrillKind
    drill: str
    """See ``drill_name``."""

    reason: str
    by: str = ""
    asked_at: Moment
    beat: timedelta
    longest: timedelta
    state: PairState | None = None
    """The pair's, as it was when a decision drill was asked for."""

    workload: str = ""
    """Of a partial drill: the value of the tag ``hubswitch.workload`` of the jobs that are copied."""

    epoch: int = 0
    """Of a full drill: the pair's when it was asked for. Under another one it does not begin."""

    full: FullDrill = FullDrill()
    """Of a full drill: how it is held."""

    @property
    def canary_name(self) -> str:
        """The name of the drill's job in the standby, which a repeated step finds again."""
        return f"hubswitch-canary-{self.drill}"


def drill_order(
    plan: Plan, kind: DrillKind, reason: str, by: str, now: datetime, named: datetime | None = None
) -> DrillOrder:
    """The order of a drill that is wanted now. ``named``: the moment by which it is named, if that is not now."""
    return DrillOrder(
        pair=plan.pair,
        kind=kind,
        drill=drill_name(named or now),
        reason=reason,
        by=by,
        asked_at=now,
        beat=beat_of(plan.policy),
        longest=longest_of(plan.policy),
        full=plan.full_drill,
    )


class DrillFinding(Record, kw_only=True):
    """One line of a drill's result."""

    check: str
    ok: bool
    why: str


class DrillJob(Record, kw_only=True):
    """What would become of a job."""

    job: str
    outcome: Literal["move", "wait", "skip"]
    why: str = ""


class DrillPhase(Record, kw_only=True):
    """A part of a drill that was measured."""

    name: str
    begun: Moment = msgspec.field(name="from")
    ended: Moment = msgspec.field(name="to")


class DrillReport(Record, kw_only=True):
    pair: str
    drill: str
    kind: DrillKind
    ok: bool
    outcome: DrillOutcome | None = None
    """How it ended; None: as ``ok`` says."""

    findings: tuple[DrillFinding, ...]
    jobs: tuple[DrillJob, ...] = ()
    """Those that would wait, then those that would be skipped, then those that would move; the first of them."""
    by: str = ""
    """Who asked for it."""

    reason: str = ""
    ended_at: Moment | None = None
    aborted: str = ""
    """Who aborted it and why; empty if nobody did."""

    phases: tuple[DrillPhase, ...] = ()
    """Of a full drill: the switches, and what followed each."""


class EvidenceOrder(Record, kw_only=True):
    """Make the evidence of a run or of a drill that has ended: one of the two is given."""

    summary: RunSummary | None = None
    drill: DrillReport | None = None

    @property
    def pair(self) -> str:
        return self.ended.pair

    @property
    def run(self) -> str:
        """The id of the run, as people see it."""
        ended = self.ended
        return ended.run if isinstance(ended, RunSummary) else drill_run_id(ended.pair, ended.drill)

    @property
    def ended(self) -> RunSummary | DrillReport:
        """The one that is given.

        Raises:
            InvalidInput: neither is.
        """
        found = self.summary or self.drill
        if found is None:
            raise InvalidInput("order of evidence", "", "a run's summary or a drill's report", "neither")
        return found


class AuditOrder(Record, kw_only=True):
    """Write these into the audit log of a pair, in this order."""

    pair: str
    notes: tuple[AuditNote, ...]

    @property
    def instance(self) -> str:
        """The id of the run that writes them, equal for the same notes."""
        return f"audit-{self.pair}-{self.notes[0].id}"


class NoticeOrder(Record, kw_only=True):
    """Keep these messages of Service Health for a pair, and attach them to the runs of their incidents."""

    pair: str
    notices: tuple[IncidentNotice, ...]

    @property
    def instance(self) -> str:
        """The id of the run that keeps them, equal for the same messages."""
        return f"notice-{self.pair}-{digest_of([each.id for each in self.notices])}"


class DrillDone(Record, kw_only=True):
    """A drill that has ended, with what it was asked to do."""

    order: DrillOrder
    report: DrillReport


def find_doubted_since(policy: Policy, now: datetime, ill_since: datetime | None) -> datetime:
    """From when on a side that is ill may have been ill. ``ill_since``: when it was first seen so."""
    return min(ill_since or now, now - policy.confirm_after) - (policy.bad_after + 1) * policy.probe_interval


def order_from(
    start: StartRun, plan: Plan, now: datetime, ill_since: datetime | None = None, *, ordered: bool = False
) -> RunOrder:
    """The order that a decision's ``StartRun`` becomes.

    ``ill_since`` is when the source was first seen ill, ``ordered`` whether a person wants the switch.
    """
    policy = plan.policy
    steps = plan.workflow.direction(start.kind)
    return RunOrder(
        pair=plan.pair,
        kind=RunKind(start.kind),
        run=start.run,
        epoch=start.epoch,
        source=start.source,
        target=start.target,
        why=start.why,
        decided_at=now,
        doubted_since=find_doubted_since(policy, now, ill_since),
        claim_by=now + policy.evidence_lifetime,
        beat=beat_of(policy),
        longest=longest_of(policy),
        patience=plan.jobs.patience,
        ordered=ordered and start.kind == "failover" and not start.graceful,
        graceful=start.graceful,
        drain=start.drain,
        drill=start.drill,
        steps=None if steps == Workflow().direction(start.kind) else steps,
    )


class KeepOrder(Record, kw_only=True):
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
        graceful=record.graceful,
        drill=record.drill,
    )
    order = order_from(start, plan, record.since, ordered=record.ordered)
    doubted = record.doubted_since or order.doubted_since
    order = msgspec.structs.replace(order, claim_by=now, doubted_since=doubted)
    return with_wishes(order, record)


def with_wishes(order: RunOrder, record: EpochRecord) -> RunOrder:
    """The order with what a person has wished since of the run that holds the epoch."""
    return msgspec.structs.replace(order, ungraceful_since=record.ungraceful.at if record.ungraceful else None)


def kind_of(record: EpochRecord) -> RunKind:
    """The kind of the run that holds the epoch."""
    return kind_of_run(record.run or "")


def kind_of_run(run: str) -> RunKind:
    """The kind of a run, which its id begins with. A person may have written another id into a record: a failover."""
    return RunKind.FAILBACK if run.startswith(f"{RunKind.FAILBACK}-") else RunKind.FAILOVER


def leaves_gracefully(record: EpochRecord) -> bool:
    """Whether the run that holds the epoch has left a side that was well."""
    return record.graceful or kind_of(record) is RunKind.FAILBACK
