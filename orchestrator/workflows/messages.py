"""What passes between triggers, entity, orchestrators and activities: plain values, one schema.

The engine stores them as JSON. They are decoded strictly on arrival, so a value of an older or newer shape
stops the step with a sentence instead of being misread.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.vocabulary import NoticeName, Role
from orchestrator.core.cadence import Polled
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.run_reports import Report
from orchestrator.core.decision.stamps import Shared
from orchestrator.core.jobs.record import EpochRecord
from orchestrator.core.signals.signal import Signal


class Observed(Value, kw_only=True):
    """What one look, or one delivery, brought."""

    now: Moment
    signals: tuple[Signal, ...] = ()
    record: EpochRecord | None = None
    """The epoch record as read during the look; None in deliveries."""

    trouble: str | None = None
    """Why a store could not be read, or contradicts another; the pair stands still until that is over."""

    shared: Shared | None = None
    """What the stamps share, as read during the look; in deliveries, a pause that was just given."""

    began: Moment | None = None
    """When the look began: what it read is no younger."""

    is_fenced: bool = False
    """True if the pointer is ahead of the epoch record: no run could publish over it."""

    is_look: bool = False
    """True for the timer's looks, which alone can tell that trouble is over."""

    pairs_moving: float = 0.0
    """Share of all pairs that are suspect or on the move."""

    polled: Polled | None = None
    """What became of the poll, if this is one."""


class Commanded(Value, kw_only=True):
    now: Moment
    command: Command


class Reported(Value, kw_only=True):
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


class Replica(Value, kw_only=True):
    endpoint: str
    confirmed: bool
    why: str = ""


class Verification(Value, kw_only=True):
    """What the store's endpoints show."""

    replicas: tuple[Replica, ...]

    @property
    def lagging(self) -> tuple[Replica, ...]:
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
    lagging: tuple[Replica, ...] = ()
    milestones: Milestones


class Tidings(Value, kw_only=True):
    """Something to tell: becomes a CloudEvent ``Hubswitch.<name>``."""

    pair: str
    id: str
    name: NoticeName
    at: Moment
    why: str


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


class Finding(Value, kw_only=True):
    """One line of a drill's result."""

    check: str
    ok: bool
    why: str


class DrillReport(Value, kw_only=True):
    pair: str
    drill: str
    kind: DrillKind
    ok: bool
    findings: tuple[Finding, ...]
    by: str = ""
    """Who asked for it."""

    reason: str = ""


class DrillDone(Value, kw_only=True):
    """A drill that has ended, with what it was asked to do."""

    order: DrillOrder
    report: DrillReport
