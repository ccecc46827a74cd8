"""Making the evidence of a run or drill that has ended, from what its ledger holds, and keeping it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from orchestrator import __version__
from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.evidence.audit_chain import AuditNote
from orchestrator.core.evidence.audit_notes import end_note
from orchestrator.core.evidence.build import DrillFacts, EvidenceFacts, drill_evidence, run_evidence
from orchestrator.core.evidence.document import EvidenceFinding, Outcome, PhaseTime, RunEvidence, StepLine
from orchestrator.core.jobs.record import JobRecord, Manifest
from orchestrator.core.ledger_paths import evidence_path, runs_folder
from orchestrator.ports import Ledger, World
from orchestrator.workflows.activities import audit_log
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.activities.data_loss import measure_data_losses
from orchestrator.workflows.activities.incident import attach
from orchestrator.workflows.activities.job_records import read_records
from orchestrator.workflows.messages import DrillKind, DrillReport, EvidenceOrder, RunSummary, drill_time


def make_evidence(world: World, order: EvidenceOrder) -> None:
    """Note the end in the audit log and keep the evidence, once; a repeated step changes nothing.

    A run that was stopped, and was begun again because it still held its epoch, ends a second time. Then its evidence
    is that of its completion, unless a person has attested the first.

    Raises:
        HubswitchError: it could not be stored.
    """
    ledger = world.ledgers[order.pair]
    found = build(world, order, _note_end(ledger, order))
    path, data = evidence_path(order.pair, order.run), encode(found)
    if not ledger.put_once(path, data) and found.outcome is Outcome.SUCCEEDED:
        while_it_conflicts(lambda: _replace_stopped(ledger, path, data))
    if order.summary is not None:  # after the evidence is kept: a notice that arrives meanwhile attaches itself
        attach(ledger, world.plans[order.pair], order.summary)


def _replace_stopped(ledger: Ledger, path: str, data: bytes) -> None:
    before = ledger.page(path)
    kept = read_record(before.value, RunEvidence, path) if before else None
    if before and kept and kept.outcome is not Outcome.SUCCEEDED and kept.attestation is None:
        ledger.write_page(path, data, before.etag)


def build(world: World, order: EvidenceOrder, audit_head: str | None) -> RunEvidence:
    """The evidence, from what is stored.

    Raises:
        HubswitchError: the ledger cannot be read.
        InvalidInput: the outcome or the drill's name is none that is known.
    """
    summary, ledger = order.ended, world.ledgers[order.pair]
    if isinstance(summary, DrillReport):
        held = world.plans[order.pair] if summary.kind is DrillKind.FULL else None
        facts = _drill_facts(summary, order.run)
        return drill_evidence(facts, version=__version__, audit_head=audit_head, plan=held)
    jobs = _jobs_of(ledger, summary)
    records = _read_all(ledger, summary.pair, jobs)
    plan = world.plans[order.pair]
    data = measure_data_losses(ledger, plan, summary)
    try:
        return run_evidence(
            _run_facts(summary, jobs), records, plan, data=data, version=__version__, audit_head=audit_head
        )
    except ValueError as fault:
        raise InvalidInput(order.run, "outcome", "a known outcome", repr(summary.outcome)) from fault


def _note_end(ledger: Ledger, order: EvidenceOrder) -> str | None:
    """The head of the audit log, with the end in it. None if the log cannot be read: the evidence is kept without."""
    try:
        return audit_log.append(ledger, order.pair, [_end_of(order)])
    except InvalidInput:
        return None


def _end_of(order: EvidenceOrder) -> AuditNote:
    ended = order.ended
    if isinstance(ended, DrillReport):
        at = ended.ended_at or _find_asked_at(ended, order.run)
        became = ended.aborted or ended.outcome or ("passed" if ended.ok else "found faults")
        why = f"{ended.kind} drill {became}"
        return end_note(ended.pair, order.run, at, ended.by, why, ok=ended.ok, kind=ended.kind.value)
    at = ended.ended_at or ended.milestones.decided_at
    more: dict[str, str | int] = {"outcome": ended.outcome, "epoch": ended.epoch, "kind": ended.kind.value}
    return end_note(ended.pair, ended.run, at, "", f"{ended.kind} {ended.outcome}: {ended.why}", **more)


def _run_facts(summary: RunSummary, jobs: tuple[str, ...]) -> EvidenceFacts:
    passed = summary.milestones
    return EvidenceFacts(
        pair=summary.pair,
        run=summary.run,
        kind=summary.kind.value,
        graceful=summary.graceful,
        outcome=summary.outcome,
        why=summary.why,
        epoch=summary.epoch,
        decided_at=passed.decided_at,
        drained_at=passed.drained_at,
        verified_at=passed.verified_at,
        resubmitted_at=passed.resubmitted_at,
        ended_at=summary.ended_at,
        basis=summary.basis,
        steps=tuple(
            StepLine(name=step.name, outcome=step.outcome.value, begun=step.begun, ended=step.ended, why=step.why)
            for step in summary.steps
        ),
        findings=tuple(
            EvidenceFinding(check=f"pointer {replica.endpoint}", ok=False, why=replica.why)
            for replica in summary.lagging
        ),
        jobs=jobs,
    )


def _drill_facts(report: DrillReport, run: str) -> DrillFacts:
    return DrillFacts(
        pair=report.pair,
        run=run,
        kind=report.kind.value,
        ok=report.ok,
        aborted=bool(report.aborted),
        outcome=report.outcome.value if report.outcome else "",
        reason=report.reason,
        asked_at=_find_asked_at(report, run),
        ended_at=report.ended_at,
        findings=tuple(EvidenceFinding(check=each.check, ok=each.ok, why=each.why) for each in report.findings),
        phases=tuple(
            PhaseTime(
                name=each.name, begun=each.begun, ended=each.ended, seconds=(each.ended - each.begun).total_seconds()
            )
            for each in report.phases
        ),
    )


def _find_asked_at(report: DrillReport, run: str) -> datetime:
    try:
        return drill_time(report.drill)
    except ValueError:
        raise InvalidInput(run, "drill", "a time such as 20260301t120000000000", repr(report.drill)[:100]) from None


def _jobs_of(ledger: Ledger, summary: RunSummary) -> tuple[str, ...]:
    """The jobs of a run's rounds, in order."""
    prefix = f"{runs_folder(summary.pair)}{summary.run}/round-"
    paths = sorted(ledger.names(prefix), key=lambda path: (len(path), path))
    manifests = [read_record(data, Manifest, path) for path in paths if (data := ledger.get(path))]
    return tuple(dict.fromkeys(name for manifest in manifests for name in manifest.jobs))


def _read_all(ledger: Ledger, pair: str, names: Sequence[str]) -> Mapping[str, JobRecord | str]:
    """Records by name; in place of one that is broken, why. Those that are not there are left out.

    Raises:
        HubswitchError: the ledger cannot be read.
    """
    found = zip(names, read_records(ledger, pair, names), strict=True)
    return {name: str(each) if isinstance(each, InvalidInput) else each for name, each in found if each is not None}
