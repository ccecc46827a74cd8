"""The evidence of a run or drill, from stored facts. Nothing is guessed: what no fact says is null or empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.text import count_of
from orchestrator.core.decision.standing import ReadinessStanding
from orchestrator.core.evidence.basis import RunBasis, plan_digest
from orchestrator.core.evidence.document import (
    NO_JOBS,
    ClassSeen,
    DataLoss,
    DecidedOn,
    EvidenceFinding,
    JobAccount,
    Outcome,
    PhaseTime,
    RunEvidence,
    StepLine,
    TargetsMet,
)
from orchestrator.core.evidence.job_account import account_jobs, times_resubmitted
from orchestrator.core.jobs.checkpoint import checkpoint_of, with_checkpoint
from orchestrator.core.jobs.record import JobRecord
from orchestrator.core.plan.schema import Plan, Targets

RUN_OUTCOMES: Mapping[str, Outcome] = {
    "completed": Outcome.SUCCEEDED,
    "superseded": Outcome.SUPERSEDED,
    "failed": Outcome.FAILED,
    "aborted": Outcome.ABORTED,
}
"""The word of a run's summary -> that of its evidence. The other words of ``Outcome`` are themselves."""

SWITCH_PHASES = ("failover", "failback")
"""Phases of a full drill that are a switch, from the order to the verified pointer."""

GRACEFUL = "graceful"
"""Kind of a planned failover."""

DRILL_KINDS = {"dry": "tabletop"}
"""Kinds of drills whose word in evidence is another one."""


class EvidenceFacts(Value, kw_only=True):
    """What is stored of a run that has ended."""

    pair: str
    run: str
    kind: str
    graceful: bool = False
    outcome: str
    """The summary's word."""

    why: str
    epoch: int
    decided_at: Moment
    drained_at: Moment | None = None
    """When a run that waited for running jobs before its switch had waited; None if it did not."""

    verified_at: Moment | None
    resubmitted_at: Moment | None
    ended_at: Moment | None
    basis: RunBasis | None
    steps: tuple[StepLine, ...]
    findings: tuple[EvidenceFinding, ...]
    jobs: tuple[str, ...]
    """Names in the run's manifests."""


class DrillFacts(Value, kw_only=True):
    """What is stored of a drill that has ended."""

    pair: str
    run: str
    kind: str
    ok: bool
    aborted: bool = False
    outcome: str = ""
    """How the drill says it ended; empty: as ``ok`` says."""

    reason: str
    asked_at: Moment
    ended_at: Moment | None
    findings: tuple[EvidenceFinding, ...]
    phases: tuple[PhaseTime, ...] = ()
    """What was measured besides."""


def run_evidence(
    facts: EvidenceFacts,
    records: Mapping[str, JobRecord | str],
    plan: Plan,
    *,
    data: Sequence[DataLoss] = (),
    version: str,
    audit_head: str | None,
) -> RunEvidence:
    """The evidence of a failover or failback.

    Args:
        facts: what its summary and manifests say.
        records: records of its jobs by name; in place of one that cannot be read, why.
        plan: the plan in force now. Its targets count only if it is the plan under which the run was ordered.
        data: what may have been lost of each data store.
        version: of hubswitch.
        audit_head: hash of the newest entry of the pair's audit log.
    """
    basis = facts.basis or RunBasis()
    phases = _phases(facts, basis, times_resubmitted(records, facts.epoch))
    jobs = account_jobs(facts.jobs, records, facts.epoch)
    targets = plan.targets if basis.plan_sha256 == plan_digest(plan) else Targets()
    losses = tuple(_with_met(loss, targets.rpo) for loss in _losses(jobs, records, data))
    kept = basis.decision
    return RunEvidence(
        pair=facts.pair,
        run=facts.run,
        kind=GRACEFUL if facts.graceful else facts.kind,
        outcome=outcome_of(facts.outcome),
        plan_sha256=basis.plan_sha256 or None,
        version=version,
        started_at=facts.decided_at,
        ended_at=facts.ended_at,
        phases=phases,
        targets=_targets(targets, rto_of(basis.bad_since, facts.verified_at), losses),
        rpo=losses,
        decision=DecidedOn(
            rule=kept.rule if kept else None,
            why=facts.why,
            evidence=_list_seen(kept.verdicts) if kept else (),
        ),
        approvals=basis.consents,
        jobs=jobs,
        steps=facts.steps,
        readiness_before=_show_readiness(basis.readiness),
        findings=facts.findings,
        audit_head=audit_head,
    )


def drill_outcome(kind: str, outcome: str, *, ok: bool, aborted: bool) -> Outcome:
    """How a drill ended. ``outcome``: its own word for that; empty: as ``ok`` says."""
    if aborted:
        return Outcome.ABORTED
    if outcome:
        return Outcome(outcome)
    unfit = Outcome.NOT_READY if drill_kind(kind) == "tabletop" else Outcome.FAILED
    return Outcome.SUCCEEDED if ok else unfit


def drill_kind(kind: str) -> str:
    """The word for a kind of drill in evidence."""
    return DRILL_KINDS.get(kind, kind)


def drill_evidence(facts: DrillFacts, *, version: str, audit_head: str | None, plan: Plan | None = None) -> RunEvidence:
    """The evidence of a drill. ``plan``: of a full one, the plan in force, whose target of time both ways are held to.

    Jobs that a full drill has moved are in the evidence of its two runs.
    """
    switched = [phase.seconds for phase in facts.phases if phase.name in SWITCH_PHASES and phase.seconds is not None]
    wanted = plan.targets.rto.total_seconds() if plan and plan.targets.rto else None
    return RunEvidence(
        pair=facts.pair,
        run=facts.run,
        kind=drill_kind(facts.kind),
        outcome=drill_outcome(facts.kind, facts.outcome, ok=facts.ok, aborted=facts.aborted),
        plan_sha256=plan_digest(plan) if plan else None,
        version=version,
        started_at=facts.asked_at,
        ended_at=facts.ended_at,
        phases=(_phase("drill", facts.asked_at, facts.ended_at), *facts.phases),
        targets=TargetsMet(
            rto_s=wanted,
            rpo_s=None,
            rto_met=max(switched) <= wanted if wanted is not None and switched else None,
            rpo_met=None,
        ),
        rpo=(),
        decision=DecidedOn(rule=None, why=facts.reason, evidence=()),
        approvals=(),
        jobs=NO_JOBS,
        steps=(),
        readiness_before=None,
        findings=facts.findings,
        audit_head=audit_head,
    )


def _show_readiness(found: ReadinessStanding | None) -> dict[str, Any] | None:
    """What was known of the standby when the run was ordered."""
    if found is None:
        return None
    return {"as_of": found.at, "ready": found.ready, "score": found.score, "why": found.why}


def outcome_of(word: str) -> Outcome:
    """The outcome that a summary's word means.

    Raises:
        ValueError: it is none that is known.
    """
    return RUN_OUTCOMES.get(word) or Outcome(word)


def rto_of(bad_since: datetime | None, verified_at: datetime | None) -> timedelta | None:
    """From the first bad evidence to the pointer that was verified; None if there was no such evidence or pointer."""
    return verified_at - bad_since if bad_since and verified_at else None


def measure_rto(evidence: RunEvidence) -> float | None:
    """The same in seconds, from a document: the end of its phase ``switch`` minus the beginning of ``detect``.

    Of a full drill it is the longer one of its two switches, which begin with an order.
    """
    by_name = {phase.name: phase for phase in evidence.phases}
    drilled = [phase.seconds for name in SWITCH_PHASES if (phase := by_name.get(name)) and phase.seconds is not None]
    if drilled:
        return max(drilled)
    first, last = by_name.get("detect"), by_name.get("switch")
    if first is None or last is None or first.begun is None or last.ended is None:
        return None
    return (last.ended - first.begun).total_seconds()


def _phases(facts: EvidenceFacts, basis: RunBasis, accepted: Sequence[datetime]) -> tuple[PhaseTime, ...]:
    """All phases, in order, also those that did not come."""
    verified = facts.verified_at
    last_step = max((step.ended for step in facts.steps), default=None)
    return (
        _phase("detect", basis.bad_since, basis.suspected_at),
        _phase("decide", basis.suspected_at, facts.decided_at),
        *((_phase("drain", facts.decided_at, facts.drained_at),) if facts.drained_at else ()),
        _phase("switch", facts.drained_at or facts.decided_at, verified),
        _phase("first_job", verified, min(accepted, default=None)),
        _phase("all_jobs", verified, facts.resubmitted_at if accepted else None),
        _phase("steps", verified, last_step),
    )


def _phase(name: str, begun: datetime | None, ended: datetime | None) -> PhaseTime:
    """A phase; one that would end before it begins has not come, and is never negative."""
    if begun is not None and ended is not None and ended < begun:
        ended = None
    seconds = (ended - begun).total_seconds() if begun is not None and ended is not None else None
    return PhaseTime(name=name, begun=begun, ended=ended, seconds=seconds)


def _with_met(loss: DataLoss, wanted: timedelta | None) -> DataLoss:
    met = loss.seconds <= wanted.total_seconds() if wanted is not None and loss.seconds is not None else None
    return msgspec.structs.replace(loss, met=met)


def _targets(wanted: Targets, rto: timedelta | None, losses: Sequence[DataLoss]) -> TargetsMet:
    return TargetsMet(
        rto_s=wanted.rto.total_seconds() if wanted.rto else None,
        rpo_s=wanted.rpo.total_seconds() if wanted.rpo else None,
        rto_met=rto <= wanted.rto if wanted.rto and rto is not None else None,
        rpo_met=_is_met(wanted.rpo, losses),
    )


def _is_met(wanted: timedelta | None, losses: Sequence[DataLoss]) -> bool | None:
    """Whether no loss exceeds the target. One that does is enough for no; yes needs that all were measured."""
    if wanted is None or not losses:
        return None
    known = [loss.seconds for loss in losses if loss.seconds is not None]
    if any(seconds > wanted.total_seconds() for seconds in known):
        return False
    return True if len(known) == len(losses) else None


def _losses(
    account: JobAccount, records: Mapping[str, JobRecord | str], data: Sequence[DataLoss]
) -> tuple[DataLoss, ...]:
    """What each class of moved jobs lost, which nothing stored measures and is said; and each data store."""
    moved = [records[line.name] for line in account.jobs if line.successor]
    with_checkpoint = sum(1 for record in moved if isinstance(record, JobRecord) and _has_checkpoint(record))
    found = []
    if with_checkpoint:
        told = count_of(with_checkpoint, "job has", "jobs have")
        how = f"not measured: {told} in the record how old the newest checkpoint was"
        found.append(DataLoss(what="jobs with checkpoints", seconds=None, how=how))
    if len(moved) > with_checkpoint:
        anew = len(moved) - with_checkpoint
        how = f"not measured: {count_of(anew, 'job', 'jobs')} started anew, and when that began is not recorded"
        found.append(DataLoss(what="jobs without checkpoints", seconds=None, how=how))
    found += data
    if moved and not data:
        how = "not measured: the plan has no data copied ahead, and no account's last sync time is known"
        found.append(DataLoss(what="data stores", seconds=None, how=how))
    return tuple(found)


def _has_checkpoint(record: JobRecord) -> bool:
    with suppress(InvalidInput):
        return checkpoint_of(with_checkpoint(record.body)) is not None
    return False


def _list_seen(verdicts: Mapping[str, str]) -> tuple[ClassSeen, ...]:
    parts = ((*key.partition("."), observation) for key, observation in verdicts.items())
    return tuple(ClassSeen(side=side, kind=kind, observation=observation) for side, _, kind, observation in parts)
