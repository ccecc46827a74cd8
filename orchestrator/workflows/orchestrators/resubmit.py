"""Batches of one round: a few at a time, each in an orchestration of its own that ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec
from durabletask.task import OrchestrationContext, Task, when_any

from orchestrator.core.base.codec import from_message, to_builtins, to_message
from orchestrator.core.base.text import count_of
from orchestrator.workflows import names
from orchestrator.workflows.messages import BatchOrder, BatchReport, RoundOrder, RoundPlan, RunOrder
from orchestrator.workflows.orchestrators.retry import (
    RunStopped,
    Steps,
    Waiter,
    insist,
    pause_after,
    tell_that_it_waits,
    turn,
    utc_now,
    waiting_status,
)
from orchestrator.workflows.orchestrators.wishes import pause as pause_for

AT_ONCE = names.CONCURRENCY_LIMITS[names.RESUBMIT_JOBS]
"""Batches of a run under way at once. Resource Manager's bucket bounds the rate; more would wait for their turn."""

ROUNDS = 40
"""Tries at a batch after which its orchestration begins anew, so that its history stays short."""

LONG = 10
"""Tries after which people are told that a batch waits."""


def resubmit_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """Move one batch. Input: ``BatchOrder``; output: ``BatchReport``.

    Jobs that are neither taken nor refused are tried for the order's patience, and once more with the order to let
    them wait after that: every batch ends.
    """
    order = from_message(given, BatchOrder, ctx.instance_id)
    since = order.since or utc_now(ctx)
    run = order.run
    for number in range(1, ROUNDS + 1):
        pause = pause_after(number - 1, run.beat, run.longest)
        last = utc_now(ctx) - since >= run.patience
        try:
            answer = yield from _try_batch(
                ctx, msgspec.structs.replace(order, last=last, since=None, tried=0), number + order.tried - 1
            )
        except RunStopped as stopped:
            return to_builtins(BatchReport(stopped=stopped.why))
        report = from_message(answer, BatchReport, names.RESUBMIT_JOBS)
        if not report.pending:
            return answer
        if report.busy:
            ctx.set_custom_status(waiting_status(names.RESUBMIT_JOBS, utc_now(ctx).isoformat(), report.why))
            yield turn(ctx, pause)
            since = utc_now(ctx)  # patience counts from when a batch has had a place
            continue
        ctx.set_custom_status(waiting_status(names.RESUBMIT_JOBS, since.isoformat(), report.why))
        if number == LONG and order.since is None:
            pending = count_of(report.pending, f"job of {run.run} waits", f"jobs of {run.run} wait")
            why = f"{pending} since {since:%Y-%m-%d %H:%M:%SZ}: {report.why}"
            yield from tell_that_it_waits(ctx, waiter_of(run), names.RESUBMIT_JOBS, why)
        yield from pause_for(ctx, min(report.retry_after or pause, run.longest))
    ctx.continue_as_new(to_message(msgspec.structs.replace(order, since=since, tried=order.tried + ROUNDS)))
    return None


def move_jobs(ctx: OrchestrationContext, order: RunOrder, waiter: Waiter) -> Steps[BatchReport]:
    """Move every job that the outage took, round after round, until one finds none. Late records come in a later one.

    Raises:
        RunStopped: a newer epoch holds.
    """
    total = BatchReport()
    number = 0
    while True:
        asked = to_message(RoundOrder(run=order, round=number))
        answer = yield from insist(
            ctx, names.LIST_JOBS, asked, beat=order.beat, longest=order.longest, waiter=waiter._replace(step="")
        )
        planned = from_message(answer, RoundPlan, names.LIST_JOBS)
        if not planned.batches:
            ctx.set_custom_status(waiting_status("", utc_now(ctx).isoformat(), "", waiter.done))
            return total
        total = total.plus((yield from all_batches(ctx, order, number, planned, waiter.done)))
        if total.stopped:
            raise RunStopped("EpochFenced", total.stopped)
        number += 1


def all_batches(
    ctx: OrchestrationContext,
    order: RunOrder,
    number: int,
    planned: RoundPlan,
    finished: tuple[Mapping[str, str], ...] = (),
) -> Steps[BatchReport]:
    """The sum of a round's batches. One that breaks is begun again; what it did is found done.

    ``finished`` are the steps that the run has finished, for its custom status.
    """
    since, why = utc_now(ctx).isoformat(), f"{count_of(planned.jobs, 'job', 'jobs')} in round {number}"
    todo = deque(BatchOrder(run=order, round=number, batch=n, size=planned.size) for n in range(planned.batches))
    under_way: list[tuple[Task[Any], BatchOrder]] = []
    total = BatchReport()
    while todo or under_way:
        while todo and len(under_way) < AT_ONCE and not total.stopped:
            batch = todo.popleft()
            under_way.append((_begin_batch(ctx, batch), batch))
        if not under_way:
            break
        ctx.set_custom_status(waiting_status(names.RESUBMIT_RUN, since, why, finished))
        done = yield when_any([task for task, _ in under_way])
        batch = next(batch for task, batch in under_way if task is done)
        under_way = [(task, other) for task, other in under_way if task is not done]
        if done.is_failed:
            why = done.get_exception().details.message
            todo.append(batch)
            yield ctx.create_timer(order.longest)
        else:
            total = total.plus(from_message(done.get_result(), BatchReport, names.RESUBMIT_RUN))
    return total


def _try_batch(ctx: OrchestrationContext, order: BatchOrder, tried: int) -> Steps[Any]:
    run, given = order.run, to_message(order)
    waiter = waiter_of(run)._replace(tried=tried)
    return insist(ctx, names.RESUBMIT_JOBS, given, beat=run.beat, longest=run.longest, waiter=waiter)


def waiter_of(run: RunOrder) -> Waiter:
    """Of whom people are told when a step of a run waits long."""
    return Waiter(run.pair, run.run, run.beat, run.longest)


def _begin_batch(ctx: OrchestrationContext, batch: BatchOrder) -> Task[Any]:
    """One batch as an orchestration of its own, under an id that no earlier life of this run has used."""
    return ctx.call_sub_orchestrator(
        names.RESUBMIT_RUN,
        input=to_message(batch),
        instance_id=f"{batch.run.run}-r{batch.round}-b{batch.batch}-{ctx.new_uuid()[:8]}",
    )
