"""The shapes of HTTP answers, for the OpenAPI document. A test holds answers of a running app against them.

Views are built as plain data (``orchestrator.web.views``); these types say what is in them. Fields may be added in a
later version, so a reader passes over what it does not know.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from orchestrator.audit.past_runs import RunLine
from orchestrator.core.base.codec import Moment
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Observation, Role, Tier
from orchestrator.core.decision.decision_log import Kept
from orchestrator.core.decision.leadership import Leadership
from orchestrator.core.decision.stamps import StampView
from orchestrator.core.decision.standing import ReadinessStanding
from orchestrator.core.decision.state import JournalEntry, Pause, Polled
from orchestrator.core.evidence.audit_chain import AuditEntry
from orchestrator.core.evidence.document import RunEvidence
from orchestrator.core.evidence.incident import RunIncident
from orchestrator.core.jobs.data_report import DataReport
from orchestrator.core.jobs.listing import Lag
from orchestrator.core.signals.unread import UnreadKind
from orchestrator.core.standby.readiness import Finding
from orchestrator.core.standby.readiness_record import FailedLook, Scored
from orchestrator.core.standby.recovery import RecoveryProposal
from orchestrator.core.standby.tier_readiness import ByPlan
from orchestrator.doctor.findings import DoctorReport
from orchestrator.triggers.group_runs import GroupRunLine


class Problem(TypedDict):
    """Problem details (RFC 9457). The members after ``detail`` say where input is at fault."""

    type: str
    title: str
    status: int
    detail: str
    where: NotRequired[str]
    field: NotRequired[str]
    expected: NotRequired[str]
    got: NotRequired[str]
    invalid: NotRequired[list[str]]


class Alive(TypedDict):
    """The worker answers."""

    status: Literal["alive"]


class HealthReadiness(TypedDict):
    """Whether a switch could be decided and published, by pair."""

    status: Literal["ready", "not ready"]
    epoch_record: dict[str, bool]
    pointer: dict[str, bool]
    looks: dict[str, bool]
    out_of_reach: list[str]


class NextEvent(TypedDict):
    """What happens next by itself."""

    what: str
    at: Moment


class PairLine(TypedDict):
    """One pair in one line. What is not known of a pair before its first look is null."""

    pair: str
    phase: str
    since: Moment | None
    active: Role | None
    region: str | None
    epoch: int | None
    run: str | None
    last_run: str | None
    paused: Pause | None
    paused_all: Pause | None
    cooldown_until: Moment | None
    proposal: str | None
    trouble: str | None
    unknown_words: int | None
    polled: Polled | None
    caution: str | None
    blind_since: Moment | None
    out_of_reach: str | None
    looked_at: Moment | None
    stale: bool | None
    headline: str
    next: NextEvent | None
    ready: bool | None
    needs_a_person: bool
    can_fail_over: bool
    why: str


class FailingChannel(TypedDict):
    """A channel that did not take notices; they wait, and are sent again."""

    channel: str
    notices: int
    since: Moment
    why: str
    what: str


class StatusLine(PairLine):
    """One pair in one line, with how far its standby is behind, and what people were not told."""

    replication: Lag | None
    untold: list[FailingChannel] | None


class UnreadLine(TypedDict):
    """Deliveries of one kind that could not be read."""

    kind: UnreadKind
    count: int
    since: Moment
    last_at: Moment
    why: str
    what: str


class Status(TypedDict):
    """Every pair, those that need a look first."""

    as_of: Moment
    pairs: list[StatusLine]
    unread: list[UnreadLine] | None


class ClassVerdict(TypedDict):
    """What one class of evidence says of one side, and what it counts for."""

    observation: Observation | None
    since: Moment | None
    until: Moment | None
    last_ok_at: Moment | None
    why: str
    counts: str


class HoldLine(TypedDict):
    """What keeps a pair where it is."""

    rule: str
    why: str


class Drills(TypedDict):
    """How many drills count, how many mode ``auto`` needs, and why it may do without."""

    green: int
    needed: int
    without: str | None


class PairView(PairLine):
    """One pair in full. Before its first look only the line is there."""

    untold: list[FailingChannel] | None
    readiness: NotRequired[ReadinessStanding | None]
    mode: NotRequired[Mode]
    tier: NotRequired[Tier]
    approval_until: NotRequired[Moment | None]
    drills: NotRequired[Drills]
    stamps: NotRequired[list[StampView]]
    leadership: NotRequired[Leadership | None]
    regions: NotRequired[dict[Role, str]]
    evidence: NotRequired[dict[Role, dict[EvidenceClass, ClassVerdict]]]
    holds: NotRequired[list[HoldLine]]
    journal: NotRequired[list[JournalEntry]]
    latest: NotRequired[Kept | None]


class ExplanationAnswer(TypedDict):
    """Why a pair stands where it stands, and what would change it."""

    pair: str
    rule: str | None
    text: str
    would_change: list[str]
    journal: list[JournalEntry]


class Decisions(TypedDict):
    """What was decided, newest first."""

    pair: str
    decisions: list[Kept]
    phase_changes: list[Kept]


class Runs(TypedDict):
    """What ran: those under way first, then the newest; the same of groups; and what could not be read."""

    runs: list[RunLine]
    group_runs: list[GroupRunLine]
    unread: list[str]


class RunAnswer(TypedDict):
    """Where a run stands, what it waits for, what it came to."""

    id: str
    name: str
    status: str
    waits_for: dict[str, Any] | None
    output: Any
    created_at: Moment
    updated_at: Moment
    incident: RunIncident | None


class RunStarted(TypedDict):
    """A run was started; ``follow`` leads to it."""

    run: str
    follow: str
    why: NotRequired[str]
    """Of a full drill: what it really moves."""


class StandbyReadiness(TypedDict):
    """What the last look at a standby found; null where nobody has looked yet."""

    pair: str
    ready: bool | None
    score: int | None
    checks: int
    findings: list[Finding]
    active: Role | None
    as_of: Moment | None
    age_s: int | None
    kept: list[str]
    by_plan: list[ByPlan]
    trend: list[Scored]
    failed: FailedLook | None


class PairAuditLog(TypedDict):
    """The newest entries of one pair's audit log, newest first; ``head`` is the hash of the last one."""

    pair: str
    head: str | None
    entries: list[AuditEntry]


class AuditLogs(TypedDict):
    """``unread`` says which logs could not be read, and why."""

    pairs: list[PairAuditLog]
    unread: list[str]


class SkipTaken(TypedDict):
    """A step will be left; ``see`` leads to the run."""

    run: str
    step: str
    why: str
    see: str


class WishTaken(TypedDict):
    """What was wished of a run was handed over; ``see`` leads to the run."""

    run: str
    do: str
    why: str
    see: str


class OrderTaken(TypedDict):
    """An order was handed over; ``see`` leads to where it shows whether it was taken."""

    pair: str
    do: str
    why: str
    see: str


class OrderOfAllTaken(TypedDict):
    """An order about every pair was stored."""

    pairs: list[str]
    do: str
    why: str


class TestedChannel(TypedDict):
    """A channel and a test notice. ``why`` it was not taken; empty if it was."""

    channel: str
    ok: bool
    why: str


class NoticesTested(TypedDict):
    """What became of a test notice."""

    pair: str
    ok: bool
    why: str
    channels: list[TestedChannel]


class Delivered(TypedDict):
    """What came of the elements of a delivery."""

    received: int
    signals: int
    jobs: int
    ignored: int
    invalid: int
    unknown: int


class Validated(TypedDict):
    """Event Grid's handshake."""

    validationResponse: str


__all__ = ["DataReport", "DoctorReport", "RecoveryProposal", "RunEvidence"]
"""What is an answer as it is."""
