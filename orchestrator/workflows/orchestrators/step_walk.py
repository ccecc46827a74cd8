"""The walk over a plan's steps: what a run does after phase A.

Steps follow each other; those of a group run side by side, each in an orchestration of its own. A step that has used
up its time or its tries is given up if its plan says ``continue``. Otherwise the run stands still at it: people are
told, nothing after it begins, and it is tried on until it succeeds, or until a person skips it. So a job is never
left without an outcome by a step before it that fails.

Nothing here knows what a step does. Its activity bears the name of its kind; kinds whose work is itself a workflow are
in ``WORKFLOWS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from durabletask.task import OrchestrationContext, Task, TaskFailedError, when_any

from orchestrator.core.base.codec import from_message, to_builtins, to_message
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.plan.step_base import OnError, kind_of
from orchestrator.core.plan.steps import MoveJobs, Parallel, Step
from orchestrator.workflows import names
from orchestrator.workflows.messages import (
    BatchReport,
    Insistence,
    RunOrder,
    StepOrder,
    StepOutcome,
    StepReport,
    StepResult,
    Tidings,
)
from orchestrator.workflows.orchestrators.resubmit import move_jobs, waiter_of
from orchestrator.workflows.orchestrators.retry import (
    RunStopped,
    Steps,
    StepTimedOut,
    Waiter,
    elsewhere,
    insist,
    tell_aside,
    tell_that_it_waits,
    utc_now,
    waiting_status,
)

WORKFLOWS: Mapping[str, Callable[[OrchestrationContext, RunOrder, Waiter], Steps[BatchReport]]] = {
    kind_of(MoveJobs): move_jobs,
}
"""Kinds of steps that are no activity but a workflow within the run."""


def walk(ctx: OrchestrationContext, order: RunOrder) -> Steps[tuple[tuple[StepReport, ...], BatchReport]]:
    """Carry out the run's steps in order: a report of each, and what became of the jobs.

    Raises:
        RunStopped: a newer epoch holds.
    """
    run = msgspec.structs.replace(order, steps=None, basis=None)
    reports: list[StepReport] = []
    jobs = BatchReport()
    for item in order.workflow:
        done = tuple(_show(report) for report in reports)
        if isinstance(item, Parallel):
            results = yield from _group(ctx, run, item, done)
        else:
            results = [(yield from perform(ctx, run, item, done))]
        for result in results:
            jobs = jobs.plus(result.jobs)
            if result.report:
                reports.append(result.report)
    return tuple(reports), jobs


def step_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """One step of a group. Input: ``StepOrder``; output: ``StepResult``; both as plain data."""
    order = from_message(given, StepOrder, ctx.instance_id)
    if order.step is None:
        raise ValueError(f"{ctx.instance_id} was given no step")
    try:
        result = yield from perform(ctx, _run_of(order), order.step, ())
    except RunStopped as stopped:
        result = StepResult(stopped=stopped.error, why=stopped.why)
    return to_builtins(result)


def perform(
    ctx: OrchestrationContext, run: RunOrder, step: Step, done: tuple[Mapping[str, str], ...]
) -> Steps[StepResult]:
    """Carry out one step, however often it has to be tried.

    Raises:
        RunStopped: a newer epoch holds.
    """
    begun = utc_now(ctx)
    ctx.set_custom_status(waiting_status("", begun.isoformat(), "", done))
    until = begun + step.timeout if step.timeout is not None else None
    if step.asks_a_person:
        _ask(ctx, run, step)
    waiter = waiter_of(run)._replace(step=step.title, until=until, done=done)
    if step.kind in WORKFLOWS:
        jobs = yield from WORKFLOWS[step.kind](ctx, run, waiter)
        return StepResult(report=_report(ctx, step, begun), jobs=jobs)
    given = to_message(StepOrder(**msgspec.structs.asdict(run), step=step))
    beat, longest = step.retry.pause or run.beat, step.retry.longest or run.longest
    try:
        skipped = yield from insist(
            ctx, step.kind, given, beat=beat, longest=max(beat, longest), tries=step.retry.tries, waiter=waiter
        )
    except StepTimedOut as late:
        why = f"it was not over after {step.timeout}: {late}"
    except TaskFailedError as failed:
        why = f"it failed {step.retry.tries} times: {failed.details.message}"
    else:
        return StepResult(report=_report_end(ctx, step, begun, skipped))
    if step.on_error is OnError.CONTINUE:
        _tell_of_failure(ctx, run, step, why)
        return StepResult(report=_report(ctx, step, begun, why, StepOutcome.FAILED))
    skipped = yield from _stand_still(ctx, run, step, begun=begun, why=why, given=given, done=done)
    return StepResult(report=_report_end(ctx, step, begun, skipped, f"it came late: {why}"))


def _stand_still(
    ctx: OrchestrationContext,
    run: RunOrder,
    step: Step,
    *,
    begun: datetime,
    why: str,
    given: Any,
    done: tuple[Mapping[str, str], ...],
) -> Steps[Any]:
    """Tell people that the run stands still at a step, and try the step until it succeeds; the activity's answer."""
    ctx.set_custom_status(waiting_status(step.title, begun.isoformat(), why, done))
    told = f"{run.run} stands still at its step {step.title} since {begun:%Y-%m-%d %H:%M:%SZ}: {why}"
    yield from tell_that_it_waits(ctx, waiter_of(run)._replace(done=done), step.title, told)
    insistence = Insistence(
        pair=run.pair,
        run=run.run,
        activity=step.kind,
        order=given,
        beat=run.beat,
        longest=step.retry.longest or run.longest,
        since=begun,
        why=why,
        told=True,
        step=step.title,
        tried=step.retry.tries or 0,
    )
    return (yield from elsewhere(ctx, insistence, done))


def _group(
    ctx: OrchestrationContext, run: RunOrder, group: Parallel, done: tuple[Mapping[str, str], ...]
) -> Steps[list[StepResult]]:
    """Steps side by side, each as soon as those are over that it comes after.

    An orchestration that breaks is begun again; what it did is found done.
    """
    since = utc_now(ctx).isoformat()
    waiting, ended = list(group.parallel), set[str]()
    under_way: list[tuple[Task[Any], Step]] = []
    results: list[StepResult] = []
    while waiting or under_way:
        ready = [step for step in waiting if ended.issuperset(step.after)]
        if not ready and not under_way:
            ready = waiting  # an order that no plan gives: better out of turn than never
        waiting = [step for step in waiting if step not in ready]
        under_way += [(_begin_step(ctx, run, step), step) for step in ready]
        titles = ", ".join(step.title for _, step in under_way)
        over = tuple(_show(result.report) for result in results if result.report)
        ctx.set_custom_status(waiting_status(titles, since, "", (*done, *over)))
        first = yield when_any([task for task, _ in under_way])
        step = next(step for task, step in under_way if task is first)
        under_way = [(task, other) for task, other in under_way if task is not first]
        if first.is_failed:
            yield ctx.create_timer(run.longest)
            under_way.append((_begin_step(ctx, run, step), step))
        else:
            ended.add(step.title)
            results.append(from_message(first.get_result(), StepResult, names.STEP_RUN))
    for result in results:
        if result.stopped:
            raise RunStopped(result.stopped, result.why)
    return results


def _begin_step(ctx: OrchestrationContext, run: RunOrder, step: Step) -> Task[Any]:
    """One step as an orchestration of its own, under an id that no earlier life of this run has used."""
    return ctx.call_sub_orchestrator(
        names.STEP_RUN,
        input=to_message(StepOrder(**msgspec.structs.asdict(run), step=step)),
        instance_id=f"{run.run}-s-{step.title}-{ctx.new_uuid()[:8]}",
    )


def _run_of(order: StepOrder) -> RunOrder:
    fields = msgspec.structs.asdict(order)
    del fields["step"], fields["answer"]
    return RunOrder(**fields)


def _tell_of_failure(ctx: OrchestrationContext, run: RunOrder, step: Step, why: str) -> None:
    tidings = Tidings(
        pair=run.pair,
        id=f"{run.run}-failed-{step.title}",
        name=NoticeName.STEP_FAILED,
        at=utc_now(ctx),
        why=f"{run.run} goes on without its step {step.title}: {why}",
    )
    tell_aside(ctx, tidings)


def _ask(ctx: OrchestrationContext, run: RunOrder, step: Step) -> None:
    """Tell people that the run waits for them; once for each run and step, for the id is the same."""
    question = getattr(step, "question", "")
    tidings = Tidings(
        pair=run.pair,
        id=f"{run.run}-asks-{step.title}",
        name=NoticeName.APPROVAL_NEEDED,
        at=utc_now(ctx),
        why=f"{run.run} waits at its step {step.title}, proposal {run.run}/{step.title}: "
        f"{question or 'shall it go on?'}",
    )
    tell_aside(ctx, tidings)


def _report(
    ctx: OrchestrationContext, step: Step, begun: datetime, why: str = "", outcome: StepOutcome = StepOutcome.DONE
) -> StepReport:
    return StepReport(name=step.title, kind=step.kind, outcome=outcome, begun=begun, ended=utc_now(ctx), why=why)


def _report_end(ctx: OrchestrationContext, step: Step, begun: datetime, skipped: Any, why: str = "") -> StepReport:
    """The report of a step that is over. ``skipped``: the activity's answer; none in histories of older versions."""
    if skipped:
        return _report(ctx, step, begun, str(skipped), StepOutcome.SKIPPED)
    return _report(ctx, step, begun, why)


def _show(report: StepReport) -> Mapping[str, str]:
    """A step that is over, as the run's custom status has it."""
    return {"step": report.name, "outcome": report.outcome.value, "to": report.ended.isoformat()}
