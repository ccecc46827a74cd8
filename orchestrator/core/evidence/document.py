"""The shape of ``evidence.json``: what one run or drill did, for people who were not there.

The words of outcomes, and ``attestation``, are those of Azure Resiliency's reports, so that an auditor can lay both
side by side. What is not known is null or an empty list.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from orchestrator.core.base.codec import SCHEMA, Moment, Value
from orchestrator.core.evidence.incident import RunIncident


class Outcome(StrEnum):
    """How a run or drill ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    NOT_READY = "not-ready"
    ABORTED = "aborted"
    PROMOTED = "promoted"
    SUPERSEDED = "superseded"


class AttestedVerdict(StrEnum):
    """What a person attests."""

    SUCCESS = "success"
    FAILURE = "failure"


class PhaseTime(Value, kw_only=True):
    """One phase of a run. ``seconds`` is null if one of its ends is not known."""

    name: str
    begun: Moment | None = msgspec.field(name="from")
    ended: Moment | None = msgspec.field(name="to")
    seconds: float | None


class TargetsMet(Value, kw_only=True):
    """The plan's targets in seconds, null where it has none; whether they were met, null where that is not known."""

    rto_s: float | None
    rpo_s: float | None
    rto_met: bool | None
    rpo_met: bool | None


class DataLoss(Value, kw_only=True):
    """How much of something was lost, as time; null where nothing measures it."""

    what: str
    seconds: float | None
    how: str
    """How it was measured, or why it could not be."""

    met: bool | None = None
    """Whether it is within the plan's target; null without one, and where it is not known."""


class ClassSeen(Value, kw_only=True):
    """One class of evidence on one side, at the decision."""

    side: str
    kind: str = msgspec.field(name="class")
    observation: str


class DecidedOn(Value, kw_only=True):
    """What the run rests on."""

    rule: str | None
    why: str
    evidence: tuple[ClassSeen, ...]


class Consent(Value, kw_only=True):
    """A person's approval or order."""

    who: str
    at: Moment | None
    reason: str


class JobLine(Value, kw_only=True):
    """What became of one job."""

    name: str
    outcome: str
    successor: str | None
    why: str


JOB_COUNTS = ("interrupted", "resubmitted", "skipped", "waiting", "refused", "finished", "lost", "duplicated")
"""Fields of ``JobAccount`` that are numbers, as people are shown them."""


class JobAccount(Value, kw_only=True):
    """The jobs of a run by outcome. Each interrupted job is in exactly one of the outcomes up to ``lost``."""

    interrupted: int
    resubmitted: int
    skipped: int
    waiting: int
    refused: int
    finished: int
    lost: int
    """No record says what became of them."""

    duplicated: int
    """Resubmitted ones whose old run is known to have completed as well, or that share a successor."""

    jobs: tuple[JobLine, ...] = msgspec.field(name="list")


class StepLine(Value, kw_only=True):
    """What became of one step of the plan."""

    name: str
    outcome: str
    begun: Moment = msgspec.field(name="from")
    ended: Moment = msgspec.field(name="to")
    why: str


class EvidenceFinding(Value, kw_only=True):
    """Something that was checked."""

    check: str
    ok: bool
    why: str


class Attestation(Value, kw_only=True):
    """What a person says of a run. With it the evidence is final."""

    who: str
    at: Moment
    verdict: AttestedVerdict
    note: str


class RunEvidence(Value, kw_only=True):
    """``evidence.json``."""

    schema: int = SCHEMA
    pair: str
    run: str
    kind: str
    """failover, failback, graceful, tabletop, decision, canary, partial or full."""

    outcome: Outcome
    plan_sha256: str | None
    """``plan_digest`` of the plan under which it was ordered."""

    version: str
    """Of hubswitch."""

    started_at: Moment | None
    ended_at: Moment | None
    phases: tuple[PhaseTime, ...]
    targets: TargetsMet
    rpo: tuple[DataLoss, ...]
    decision: DecidedOn
    approvals: tuple[Consent, ...]
    jobs: JobAccount
    steps: tuple[StepLine, ...]
    readiness_before: dict[str, Any] | None
    findings: tuple[EvidenceFinding, ...]
    attestation: Attestation | None = None
    incident: RunIncident | msgspec.UnsetType = msgspec.UNSET
    """What Service Health said of the incident that the run answered; left out where it has said nothing."""

    audit_head: str | None
    """Hash of the newest entry of the pair's audit log when this was made; null if the log could not be written."""


NO_JOBS = JobAccount(
    interrupted=0, resubmitted=0, skipped=0, waiting=0, refused=0, finished=0, lost=0, duplicated=0, jobs=()
)
