"""A full drill, as its orchestrator hands it to the activity that measures it: how it ended, and what its runs did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import count_of, format_duration, join_words
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.workflows.messages import (
    BatchReport,
    DrillFinding,
    DrillOrder,
    DrillOutcome,
    DrillPhase,
    DrillReport,
    RunSummary,
    StepOutcome,
)


class FullDrillRun(Value, kw_only=True):
    """A full drill that is over."""

    order: DrillOrder
    outcome: DrillOutcome
    why: str
    active: Role
    """The side that is active at the end, as far as the drill knows."""

    failover: str = ""
    """Id of the run there; empty if none was begun."""

    failback: str = ""
    """Id of the last run back; empty if none was begun."""

    aborted: str = ""
    """Who aborted it and why; empty if nobody did."""


def describe_full(order: DrillOrder, plan: Plan) -> str:
    """What a full drill that begins now will really do, for people."""
    stay = f", which stays active for {format_duration(order.full.stay)}" if order.full.stay else ""
    said = (
        f"this is real: the pointer moves to the secondary under epoch {order.epoch + 1}{stay}, and back under epoch "
        f"{order.epoch + 2}; jobs that run do as jobs.failback and their tags say"
    )
    two = "; somebody else has to approve it first, see status" if plan.policy.second_person else ""
    return said + two


def report_of(run: FullDrillRun, summaries: Mapping[str, RunSummary]) -> DrillReport:
    """What a full drill that is over has found. ``summaries``: those of its runs that have one, by id.

    A drill that went there and back has failed all the same if a switch did less than it should.
    """
    findings = [_find_end(run)]
    runs = [("failover", run.failover), ("failback", run.failback)]
    findings += [_find_run(name, run_id, summaries.get(run_id)) for name, run_id in runs if run_id]
    outcome = run.outcome
    if outcome is DrillOutcome.SUCCEEDED and not all(finding.ok for finding in findings):
        outcome = DrillOutcome.FAILED
    order = run.order
    phases = [phase for name, run_id in runs for phase in _find_phases(name, summaries.get(run_id))]
    return DrillReport(
        pair=order.pair,
        drill=order.drill,
        kind=order.kind,
        ok=outcome is DrillOutcome.SUCCEEDED and not run.aborted,
        outcome=None if run.aborted else outcome,
        findings=tuple(findings),
        by=order.by,
        reason=order.reason,
        aborted=run.aborted,
        phases=tuple(phases),
    )


def _find_end(run: FullDrillRun) -> DrillFinding:
    is_home = run.active is Role.PRIMARY
    return DrillFinding(check="way home", ok=is_home, why=f"the {run.active} is active; {run.why}")


def _find_run(name: str, run_id: str, summary: RunSummary | None) -> DrillFinding:
    if summary is None:
        return DrillFinding(check=name, ok=False, why=f"{run_id} has left no summary")
    lacks = list(_find_lacks(summary))
    passed = summary.milestones
    parts = [f"{run_id} {summary.outcome}"]
    if passed.verified_at:
        parts.append(f"{(passed.verified_at - passed.decided_at).total_seconds():.1f} s to the verified pointer")
    parts.append(_count(summary.jobs))
    return DrillFinding(check=name, ok=not lacks, why="; ".join([*parts, *lacks]))


def _find_lacks(summary: RunSummary) -> Iterator[str]:
    """What a run did not do that a real one should."""
    if summary.outcome != "completed":
        yield summary.why
    failed = [step.name for step in summary.steps if step.outcome is StepOutcome.FAILED]
    if failed:
        yield f"without {join_words(failed)}, which failed"
    if summary.lagging:
        yield f"{join_words(replica.endpoint for replica in summary.lagging)} did not show the pointer"
    left = summary.jobs.waiting + summary.jobs.refused
    if left:
        yield f"{count_of(left, 'job was', 'jobs were')} not taken by the other side"


def _count(jobs: BatchReport) -> str:
    return f"{count_of(jobs.resubmitted, 'job', 'jobs')} moved, {jobs.staying} went on in place"


def _find_phases(name: str, summary: RunSummary | None) -> Iterator[DrillPhase]:
    """The switch, from the order to the verified pointer, and what came after it."""
    if summary is None or summary.milestones.verified_at is None:
        return
    verified = summary.milestones.verified_at
    yield DrillPhase(name=name, begun=summary.milestones.decided_at, ended=verified)
    if summary.ended_at and summary.ended_at >= verified:
        yield DrillPhase(name=f"{name}_steps", begun=verified, ended=summary.ended_at)


def end_of(run: FullDrillRun, why: str) -> DrillReport:
    """The report of a drill whose runs could not be measured."""
    report = report_of(msgspec.structs.replace(run, failover="", failback=""), {})
    lost = DrillFinding(check="measured", ok=False, why=why)
    outcome = DrillOutcome.FAILED if report.outcome is DrillOutcome.SUCCEEDED else report.outcome
    return msgspec.structs.replace(report, ok=False, outcome=outcome, findings=(*report.findings, lost))
