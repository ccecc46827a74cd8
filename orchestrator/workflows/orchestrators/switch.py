"""One switch, from the decision to the report.

0. A planned failover that drains: wait for the jobs that run on its source, see ``orchestrators.drain``.
1. Phase A: claim the epoch, publish the pointer, verify it on the replicas, tell the entity.
2. Phase B: the steps of the plan, walked by ``orchestrators.step_walk``. A plan that names none waits until Resource
   Manager answers for the target and moves the jobs; on the way back it moves them without that wait.
3. Finish: store and tell the summary, tell the entity.
4. Evidence, however the run ended. One that cannot be stored is told of and made later.

Phase B waits for the ledger and for Resource Manager as long as it must, and for a single job as long as the plan's
patience lasts; nothing in it undoes phase A. A step that finds a newer epoch ends the run.
"""

from __future__ import annotations

from typing import Any

import msgspec
from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext

from orchestrator.core.base.codec import from_message, to_builtins, to_message
from orchestrator.core.base.text import count_of, join_words
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.step_base import kind_of
from orchestrator.core.plan.steps import SHAPES
from orchestrator.workflows import names
from orchestrator.workflows.messages import (
    BatchReport,
    EvidenceOrder,
    Milestones,
    ReplicaCheck,
    ReportOrder,
    RunOrder,
    RunSummary,
    StepOutcome,
    StepReport,
    Tidings,
    Verification,
)
from orchestrator.workflows.orchestrators.drain import drain
from orchestrator.workflows.orchestrators.records import make_evidence
from orchestrator.workflows.orchestrators.resubmit import waiter_of
from orchestrator.workflows.orchestrators.retry import RunStopped, Steps, insist, tell_aside, utc_now
from orchestrator.workflows.orchestrators.step_walk import walk

VERIFY_TRIES = 8
"""Looks at the replicas before a lagging one is reported and the run goes on without it."""

ENDED_BEFORE = {"OrderExpired": What.FAILED, "RunAborted": What.ABORTED}
"""Error that ends a run before it has claimed its epoch -> what the run reports."""

MILESTONES = {kind_of(shape): shape.milestone for shape in SHAPES}
"""Kind of a step -> the field of ``Milestones`` that says when it was over."""


def switch_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator. Input: ``RunOrder``; output: ``RunSummary``; both as plain data."""
    order = from_message(given, RunOrder, ctx.instance_id)
    try:
        summary = yield from _switch(ctx, order)
    except RunStopped as stopped:
        summary = yield from _stop(ctx, order, stopped)
    yield from make_evidence(ctx, EvidenceOrder(summary=summary), order.beat, order.longest)
    return to_builtins(summary)


def _switch(ctx: OrchestrationContext, order: RunOrder) -> Steps[RunSummary]:
    marks = Milestones(decided_at=order.decided_at)
    if order.drain:
        order = yield from drain(ctx, order)
        marks = msgspec.structs.replace(marks, drained_at=utc_now(ctx))
    given = to_message(msgspec.structs.replace(order, steps=None, basis=None))

    yield from _insist(ctx, order, names.CLAIM_EPOCH, given)
    marks = msgspec.structs.replace(marks, claimed_at=utc_now(ctx))
    yield from _insist(ctx, order, names.PUBLISH_POINTER, given)
    marks = msgspec.structs.replace(marks, published_at=utc_now(ctx))
    lagging = yield from _verify(ctx, order, given)
    marks = msgspec.structs.replace(marks, verified_at=utc_now(ctx))
    _report(ctx, order, _report_done(order, What.SWITCHED, order.why))
    _tell(ctx, order, "Switched", order.why)

    steps, jobs = yield from walk(ctx, order)
    for step in steps:
        marks = _mark(marks, step)

    done = _summary(ctx, order, "completed", order.why, marks)
    summary = msgspec.structs.replace(done, jobs=jobs, lagging=lagging, steps=steps)
    yield from _insist(ctx, order, names.FINISH_RUN, to_message(summary))
    _report(ctx, order, _report_done(order, What.RESUBMITTED, _count(jobs)))
    _tell(ctx, order, "Completed", _count(jobs) + _find_failed_steps(steps))
    if jobs.given_up:
        why = (
            f"{count_of(jobs.given_up, 'job was', 'jobs were')} neither taken nor refused by the {order.target}: "
            f"waiting{', or staying in place,' if jobs.staying else ''} until tried again"
        )
        _tell(ctx, order, "JobsGivenUp", why)
    return summary


def _verify(ctx: OrchestrationContext, order: RunOrder, given: Any) -> Steps[tuple[ReplicaCheck, ...]]:
    """Replicas that still lag after a bounded number of looks."""
    pause = order.beat
    for attempt in range(1, VERIFY_TRIES + 1):
        answer = yield from _insist(ctx, order, names.VERIFY_POINTER, given, tried=attempt - 1)
        lagging = from_message(answer, Verification, names.VERIFY_POINTER).lagging
        if not lagging:
            return ()
        if attempt < VERIFY_TRIES:
            yield ctx.create_timer(pause)
            pause = min(pause * 2, order.longest)
    return lagging


def _mark(marks: Milestones, step: StepReport) -> Milestones:
    """The milestones, with the one that belongs to the step's kind."""
    field = MILESTONES.get(step.kind, "")
    if not field or step.outcome is not StepOutcome.DONE:
        return marks
    return msgspec.structs.replace(marks, **{field: step.ended})


def _stop(ctx: OrchestrationContext, order: RunOrder, stopped: RunStopped) -> Steps[RunSummary]:
    """End a run that may not go on, and tell the entity what is true instead."""
    if stopped.error in ENDED_BEFORE:
        what = ENDED_BEFORE[stopped.error]
        report = Report(run=order.run, what=what, active=order.source, epoch=order.epoch - 1, why=stopped.why)
    else:
        answer = yield from _insist(ctx, order, names.READ_EPOCH, order.pair)
        report = _truth(order, from_message(answer, EpochRecord, names.READ_EPOCH), stopped.why)
    _report(ctx, order, report)
    return _summary(ctx, order, report.what.value, stopped.why, Milestones(decided_at=order.decided_at))


def _truth(order: RunOrder, record: EpochRecord, why: str) -> Report:
    """What a fenced run reports: somebody's newer epoch, or that it failed while nothing newer is there."""
    if record.epoch < order.epoch:
        return Report(run=order.run, what=What.FAILED, active=order.source, epoch=order.epoch - 1, why=why)
    return Report(run=order.run, what=What.SUPERSEDED, active=record.active, epoch=record.epoch, why=why)


def _tell(ctx: OrchestrationContext, order: RunOrder, name: str, why: str) -> None:
    """Tell people, in an orchestration of its own: the run does not wait for a channel."""
    tidings = Tidings(
        pair=order.pair,
        id=f"{order.run}-{name.casefold()}",
        name=NoticeName(f"{order.kind.value.capitalize()}{name}"),
        at=utc_now(ctx),
        why=why,
    )
    tell_aside(ctx, tidings)


def _report(ctx: OrchestrationContext, order: RunOrder, report: Report) -> None:
    said = ReportOrder(now=utc_now(ctx), report=report)
    ctx.signal_entity(EntityInstanceId(names.PAIR_ENTITY, order.pair), names.REPORT, input=to_message(said))


def _insist(ctx: OrchestrationContext, order: RunOrder, activity: str, given: Any, tried: int = 0) -> Steps[Any]:
    waiter = waiter_of(order)._replace(tried=tried)
    return insist(ctx, activity, given, beat=order.beat, longest=order.longest, waiter=waiter)


def _report_done(order: RunOrder, what: What, why: str) -> Report:
    return Report(run=order.run, what=what, active=order.target, epoch=order.epoch, why=why)


def _summary(ctx: OrchestrationContext, order: RunOrder, outcome: str, why: str, marks: Milestones) -> RunSummary:
    return RunSummary(
        pair=order.pair,
        run=order.run,
        kind=order.kind,
        epoch=order.epoch,
        outcome=outcome,
        why=why,
        milestones=marks,
        target=order.target,
        ended_at=utc_now(ctx),
        graceful=order.graceful,
        basis=order.basis,
    )


def _count(jobs: BatchReport) -> str:
    return (
        f"{count_of(jobs.resubmitted, 'job', 'jobs')} resubmitted, {jobs.skipped} skipped by policy, "
        f"{jobs.waiting} waiting with a reason, {jobs.refused} refused, {jobs.finished} had finished before"
    ) + (f", {jobs.staying} go on where they are" if jobs.staying else "")


def _find_failed_steps(steps: tuple[StepReport, ...]) -> str:
    """Which steps failed, as the end of a sentence; empty if none did."""
    failed = [step.name for step in steps if step.outcome is StepOutcome.FAILED]
    return f"; without {join_words(failed)}, which failed" if failed else ""
