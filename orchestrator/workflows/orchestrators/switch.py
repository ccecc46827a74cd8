"""One switch, from the decision to the report.

1. Phase A: claim the epoch, publish the pointer, verify it on the replicas, tell the entity.
2. Phase B: wait until Resource Manager answers for the target, then move the jobs, round after round, until a
   round finds none. Jobs that are recorded late come in a later round.
3. Finish: store and tell the summary, tell the entity.

Phase B waits for the ledger and for Resource Manager as long as it must, and for a single job as long as the plan's
patience lasts; nothing in it undoes phase A. A step that finds a newer epoch ends the run.
A failback moves no jobs: the side that is left is well, and what runs there ends there.
"""

from __future__ import annotations

from typing import Any

import msgspec
from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.epoch import EpochRecord
from orchestrator.workflows import names
from orchestrator.workflows.messages import (
    BatchReport,
    Milestones,
    ReplicaCheck,
    ReportOrder,
    RoundOrder,
    RoundPlan,
    RunKind,
    RunOrder,
    RunSummary,
    Tidings,
    Verification,
)
from orchestrator.workflows.orchestrators.resubmit import all_batches, waiter_of
from orchestrator.workflows.orchestrators.retry import RunStopped, Steps, insist, utc_now, waiting

VERIFY_TRIES = 8
"""Looks at the replicas before a lagging one is reported and the run goes on without it."""

TELL_TRIES = 3
"""Attempts to tell people; the switch does not depend on them."""


def switch_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator. Input: ``RunOrder``; output: ``RunSummary``; both as plain data."""
    order = from_builtins(given, RunOrder, ctx.instance_id)
    try:
        summary = yield from _switched(ctx, order)
    except RunStopped as stopped:
        summary = yield from _stopped(ctx, order, stopped)
    return to_builtins(summary)


def _switched(ctx: OrchestrationContext, order: RunOrder) -> Steps[RunSummary]:
    given = to_builtins(order)
    marks = Milestones(decided_at=order.decided_at)

    yield from _insisted(ctx, order, names.CLAIM_EPOCH, given)
    marks = msgspec.structs.replace(marks, claimed_at=utc_now(ctx))
    yield from _insisted(ctx, order, names.PUBLISH_POINTER, given)
    marks = msgspec.structs.replace(marks, published_at=utc_now(ctx))
    lagging = yield from _verified(ctx, order, given)
    marks = msgspec.structs.replace(marks, verified_at=utc_now(ctx))
    _report(ctx, order, _done(order, What.SWITCHED, order.why))
    yield from _told(ctx, order, "Switched", order.why)

    jobs = BatchReport()
    if order.kind is RunKind.FAILOVER:
        yield from _insisted(ctx, order, names.AWAIT_STANDBY, given)
        marks = msgspec.structs.replace(marks, standby_at=utc_now(ctx))
        jobs = yield from _moved(ctx, order)
        marks = msgspec.structs.replace(marks, resubmitted_at=utc_now(ctx))

    done = _summary(order, "completed", order.why, marks)
    summary = msgspec.structs.replace(done, jobs=jobs, lagging=lagging)
    yield from _insisted(ctx, order, names.FINISH_RUN, to_builtins(summary))
    _report(ctx, order, _done(order, What.RESUBMITTED, _counted(jobs)))
    yield from _told(ctx, order, "Completed", _counted(jobs))
    if jobs.given_up:
        why = (
            f"{jobs.given_up} jobs were neither taken nor refused by the {order.target}; they wait and are tried again"
        )
        yield from _told(ctx, order, "JobsGivenUp", why)
    return summary


def _verified(ctx: OrchestrationContext, order: RunOrder, given: Any) -> Steps[tuple[ReplicaCheck, ...]]:
    """Replicas that still lag after a bounded number of looks."""
    pause = order.beat
    for attempt in range(1, VERIFY_TRIES + 1):
        answer = yield from _insisted(ctx, order, names.VERIFY_POINTER, given)
        lagging = from_builtins(answer, Verification, names.VERIFY_POINTER).lagging
        if not lagging:
            return ()
        if attempt < VERIFY_TRIES:
            yield ctx.create_timer(pause)
            pause = min(pause * 2, order.longest)
    return lagging


def _moved(ctx: OrchestrationContext, order: RunOrder) -> Steps[BatchReport]:
    """Move every job that the outage took, round after round, until one finds none."""
    total = BatchReport()
    number = 0
    while True:
        asked = RoundOrder(run=order, round=number)
        answer = yield from _insisted(ctx, order, names.LIST_JOBS, to_builtins(asked))
        planned = from_builtins(answer, RoundPlan, names.LIST_JOBS)
        if not planned.batches:
            ctx.set_custom_status(waiting("", utc_now(ctx).isoformat(), ""))
            return total
        total = total.plus((yield from all_batches(ctx, order, number, planned)))
        if total.stopped:
            raise RunStopped("EpochFenced", total.stopped)
        number += 1


def _stopped(ctx: OrchestrationContext, order: RunOrder, stopped: RunStopped) -> Steps[RunSummary]:
    """End a run that may not go on, and tell the entity what is true instead."""
    if stopped.error == "OrderExpired":
        report = Report(run=order.run, what=What.FAILED, active=order.source, epoch=order.epoch - 1, why=stopped.why)
    else:
        answer = yield from _insisted(ctx, order, names.READ_EPOCH, order.pair)
        report = _truth(order, from_builtins(answer, EpochRecord, names.READ_EPOCH), stopped.why)
    _report(ctx, order, report)
    return _summary(order, report.what.value, stopped.why, Milestones(decided_at=order.decided_at))


def _truth(order: RunOrder, record: EpochRecord, why: str) -> Report:
    """What a fenced run reports: somebody's newer epoch, or that it failed while nothing newer is there."""
    if record.epoch < order.epoch:
        return Report(run=order.run, what=What.FAILED, active=order.source, epoch=order.epoch - 1, why=why)
    return Report(run=order.run, what=What.SUPERSEDED, active=record.active, epoch=record.epoch, why=why)


def _told(ctx: OrchestrationContext, order: RunOrder, name: str, why: str) -> Steps[None]:
    """Tell people; go on without if it cannot be done."""
    tidings = Tidings(
        pair=order.pair,
        id=f"{order.run}-{name.casefold()}",
        name=NoticeName(f"{order.kind.value.capitalize()}{name}"),
        at=utc_now(ctx),
        why=why,
    )
    try:
        yield from _insisted(ctx, order, names.TELL, to_builtins(tidings), tries=TELL_TRIES)
    except TaskFailedError as failed:
        ctx.set_custom_status(waiting("", utc_now(ctx).isoformat(), f"nobody was told: {failed.details.message}"))


def _report(ctx: OrchestrationContext, order: RunOrder, report: Report) -> None:
    said = ReportOrder(now=utc_now(ctx), report=report)
    ctx.signal_entity(EntityInstanceId(names.PAIR_ENTITY, order.pair), names.REPORT, input=to_builtins(said))


def _insisted(
    ctx: OrchestrationContext, order: RunOrder, activity: str, given: Any, *, tries: int | None = None
) -> Steps[Any]:
    waiter = waiter_of(order)
    return insist(ctx, activity, given, beat=order.beat, longest=order.longest, tries=tries, waiter=waiter)


def _done(order: RunOrder, what: What, why: str) -> Report:
    return Report(run=order.run, what=what, active=order.target, epoch=order.epoch, why=why)


def _summary(order: RunOrder, outcome: str, why: str, marks: Milestones) -> RunSummary:
    return RunSummary(
        pair=order.pair,
        run=order.run,
        kind=order.kind,
        epoch=order.epoch,
        outcome=outcome,
        why=why,
        milestones=marks,
    )


def _counted(jobs: BatchReport) -> str:
    return (
        f"{jobs.resubmitted} jobs resubmitted, {jobs.skipped} skipped by policy, "
        f"{jobs.waiting} waiting with a reason, {jobs.refused} refused, {jobs.finished} had finished before"
    )
