"""What is recorded of an activity, for whoever reads telemetry: its span in the trace of the run, and its log.

A try of an activity is one span. What an orchestrator alone knows, when the run and each of its steps began and ended,
is recorded by the activity that comes after the run's end, for replayed code records nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator import telemetry, tracing
from orchestrator.core.evidence.basis import RunBasis
from orchestrator.core.evidence.build import drill_kind, drill_outcome
from orchestrator.core.plan.step_base import kind_of
from orchestrator.core.plan.steps import MoveJobs
from orchestrator.tracing import DrillSubject, RunSubject, SpanRow, make_span_id
from orchestrator.workflows import names
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES
from orchestrator.workflows.full_drill import FullDrillRun
from orchestrator.workflows.messages import (
    ATTEMPT,
    AfterOrder,
    BatchOrder,
    DrillDone,
    DrillOrder,
    DrillReport,
    EvidenceOrder,
    RoundOrder,
    RunOrder,
    RunSummary,
    StepOrder,
    drill_run_id,
    drill_time,
)
from orchestrator.workflows.partial_drill import PartialDrillRun

LOG = telemetry.logger("runs")

BELOW_RUN: Mapping[str, SpanRow] = {
    names.CLAIM_EPOCH: tracing.CLAIM,
    names.PUBLISH_POINTER: tracing.PUBLISH,
    names.VERIFY_POINTER: tracing.VERIFY,
    names.FINISH_RUN: tracing.FINISH,
    names.MAKE_EVIDENCE: tracing.EVIDENCE,
}
"""Activity -> its span, for those that stand directly below the run."""

MOVE_JOBS = kind_of(MoveJobs)
"""The step whose work is done by activities that do not know its title: it is found by its kind. A plan has one."""


def split_attempt(order: Any) -> tuple[Any, int]:
    """An activity's input without the number of the try, and that number; the first try has none."""
    if not isinstance(order, dict) or ATTEMPT not in order:
        return order, 1
    return {key: value for key, value in order.items() if key != ATTEMPT}, int(order[ATTEMPT])


def carry_out(activity: str, order: Any, attempt: int, body: Callable[[], Any]) -> Any:
    """What the body returns, recorded."""
    with telemetry.bind(**_log_fields(order)):
        drill = drill_of(order)
        if drill is not None:
            return _carry_out_drill(activity, order, attempt, drill, body)
        subject = subject_of(order)
        if subject is None:
            return body()
        if isinstance(order, EvidenceOrder) and order.summary and attempt == 1:
            record_run(order.summary, subject)
        found = _span_of(activity, order, attempt)
        if found is None:
            return body()
        row, parent, attributes = found
        with tracing.span(row, subject, parent, **attributes):
            return _log(activity, subject.run, attempt, body)


def _carry_out_drill(activity: str, order: Any, attempt: int, subject: DrillSubject, body: Callable[[], Any]) -> Any:
    """What the body of a drill's activity returns, recorded; with the evidence, the drill itself."""
    if isinstance(order, EvidenceOrder) and order.drill and attempt == 1:
        record_drill(order.drill, subject)
    runs = [order.failover, order.failback] if isinstance(order, FullDrillRun) else []
    links = [run for run in runs if run]
    with tracing.span(tracing.DRILL_TRY, subject, None, links, activity=activity, attempt=attempt):
        return _log(activity, subject.run, attempt, body)


def _log(activity: str, run: str, attempt: int, body: Callable[[], Any]) -> Any:
    """What the body returns, with a line that says how the try ended."""
    try:
        done = body()
    except Exception as fault:
        telemetry.event(
            LOG, logging.WARNING, f"{activity} of {run} failed: {fault}", activity=activity, attempt=attempt
        )
        raise
    telemetry.event(LOG, logging.INFO, f"{activity} of {run} is done", activity=activity, attempt=attempt)
    return done


def subject_of(order: Any) -> RunSubject | None:
    """The switch that an order belongs to; None for what is none's."""
    if isinstance(order, EvidenceOrder):
        order = order.summary
    if isinstance(order, (RoundOrder, BatchOrder, AfterOrder)):
        order = order.run
    if isinstance(order, (RunOrder, RunSummary)):
        return RunSubject(order.pair, order.run, order.epoch, order.target or "")
    return None


def drill_of(order: Any) -> DrillSubject | None:
    """The drill that an order belongs to; None for what is none's. A switch of a full drill is a run of its own."""
    if isinstance(order, EvidenceOrder):
        order = order.drill
    if isinstance(order, (DrillDone, PartialDrillRun, FullDrillRun)):
        order = order.order
    if isinstance(order, (DrillOrder, DrillReport)):
        return DrillSubject(order.pair, drill_run_id(order.pair, order.drill))
    return None


def record_drill(report: DrillReport, subject: DrillSubject) -> None:
    """Record a drill that has ended, and its phases. One whose name tells no time has no evidence, and no span."""
    try:
        begun = drill_time(report.drill)
    except ValueError:
        return
    ended = report.ended_at or begun
    kind, word = report.kind.value, report.outcome.value if report.outcome else ""
    outcome = drill_outcome(kind, word, ok=report.ok, aborted=bool(report.aborted))
    tracing.record(tracing.DRILL, subject, begun, ended, kind=drill_kind(kind), outcome=outcome.value)
    for phase in report.phases:
        tracing.record(tracing.DRILL_PHASE, subject, phase.begun, phase.ended, phase=phase.name)


def record_run(summary: RunSummary, subject: RunSubject) -> None:
    """Record a run that has ended, its decision, and its steps."""
    decided = summary.milestones.decided_at
    ended = summary.ended_at or decided
    basis = summary.basis or RunBasis()
    signs = [at for at in (basis.bad_since, basis.suspected_at, decided) if at]
    rule = basis.decision.rule if basis.decision else ""
    tracing.record(tracing.RUN, subject, min(signs), ended, kind=summary.kind.value, outcome=summary.outcome)
    tracing.record(tracing.DECIDE, subject, min(signs), decided, rule=rule)
    for step in summary.steps:
        told: dict[str, str | int] = {"step": step.name, "kind": step.kind, "outcome": step.outcome.value}
        tracing.record(tracing.STEP, subject, step.begun, step.ended, _step_key(step.kind, step.name), **told)


def _span_of(activity: str, order: Any, attempt: int) -> tuple[SpanRow, int | None, dict[str, str | int]] | None:
    """The span of an activity, the id of the one above if that is a step, and its attributes; None: it has no span."""
    if activity in BELOW_RUN:
        return BELOW_RUN[activity], None, {"attempt": attempt}
    if isinstance(order, RoundOrder):
        return tracing.LIST, _step_id(order.run), {"round": order.round, "attempt": attempt}
    if isinstance(order, BatchOrder):
        return tracing.BATCH, _step_id(order.run), {"round": order.round, "batch": order.batch, "attempt": attempt}
    if activity in STEP_ACTIVITIES and isinstance(order, StepOrder) and order.step:
        title = order.step.title
        return tracing.STEP_TRY, _step_id(order, order.step.kind, title), {"step": title, "attempt": attempt}
    return None


def _step_id(run: RunOrder, kind: str = MOVE_JOBS, title: str = "") -> int:
    return make_span_id(run.run, tracing.STEP, _step_key(kind, title))


def _step_key(kind: str, title: str) -> str:
    """What tells a step from the others of its run."""
    return kind if kind == MOVE_JOBS else f"{kind} {title}"


def _log_fields(order: Any) -> dict[str, str | int]:
    """What every line of an activity's log says: pair, run and epoch, as far as its order names them."""
    subject = subject_of(order)
    if subject:
        return {"pair": subject.pair, "run": subject.run, "epoch": subject.epoch}
    drill = drill_of(order)
    if drill:
        return {"pair": drill.pair, "run": drill.run}
    if isinstance(order, str):
        return {"pair": order}
    named = {field: getattr(order, field, None) for field in ("pair", "run")}
    return {field: value for field, value in named.items() if isinstance(value, str)}
