"""The part of a drill's orchestrator that holds a partial drill."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from durabletask.task import OrchestrationContext, Task, TaskFailedError, when_any

from orchestrator.core.base.codec import from_message, to_builtins, to_message
from orchestrator.workflows import names
from orchestrator.workflows.messages import DrillFinding, DrillOrder, DrillOutcome, DrillReport, Wish
from orchestrator.workflows.orchestrators.retry import Steps, insist, utc_now
from orchestrator.workflows.orchestrators.wishes import Aborted
from orchestrator.workflows.partial_drill import PartialDrillRun, give_up, report_of

LONGEST_LOOK = timedelta(seconds=30)
"""Longest pause between two looks: copies must not stand long in the way of a failover that has begun."""

END_TRIES = 12
"""Attempts to cancel copies. What is left after them is named in the report."""


def hold_partial(ctx: OrchestrationContext, order: DrillOrder, given: Any) -> Steps[Any]:
    """The report of a partial drill, as plain data. Whatever becomes of it, the copies are cleared away first."""
    try:
        answer = yield from insist(ctx, names.BEGIN_PARTIAL, given, beat=order.beat, longest=order.longest, tries=3)
    except TaskFailedError as failed:
        finding = DrillFinding(check="begin", ok=False, why=f"the drill could not begin: {failed.details.message}")
        return to_builtins(_not_ready(order, finding))
    run = from_message(answer, PartialDrillRun, ctx.instance_id)
    wish = ctx.wait_for_external_event(names.ABORT)
    run = yield from _await_copies(ctx, run, wish)
    cleared = report_of((yield from clear_copies(ctx, run)))
    if not wish.is_complete:
        wish.cancel()
        return to_builtins(cleared)
    aborted = Aborted(from_message(wish.get_result(), Wish, names.ABORT))
    return to_builtins(msgspec.structs.replace(cleared, ok=False, outcome=None, aborted=str(aborted)))


def _not_ready(order: DrillOrder, finding: DrillFinding) -> DrillReport:
    return DrillReport(
        pair=order.pair,
        drill=order.drill,
        kind=order.kind,
        ok=False,
        outcome=DrillOutcome.NOT_READY,
        findings=(finding,),
        by=order.by,
        reason=order.reason,
    )


def _await_copies(ctx: OrchestrationContext, run: PartialDrillRun, abort: Task[Any]) -> Steps[PartialDrillRun]:
    """The drill when every copy has got where it should or cannot, when its time is over, or when the pair switches.

    An abort ends it between two looks and never in one: a look that went on by itself would submit copies that nobody
    clears away.
    """
    order, until = run.order, utc_now(ctx) + run.patience
    pause, longest = order.beat, min(order.longest, LONGEST_LOOK)
    while run.is_open:
        try:
            answer = yield from insist(
                ctx, names.LOOK_AT_COPIES, to_message(run), beat=order.beat, longest=longest, tries=5
            )
        except TaskFailedError as failed:
            return give_up(run, f"the copies could not be looked at: {failed.details.message}")
        run = from_message(answer, PartialDrillRun, ctx.instance_id)
        if run.is_open:
            if utc_now(ctx) >= until:
                return give_up(run, f"its time is over: {int(run.patience.total_seconds())} s")
            if not abort.is_complete:
                yield when_any([ctx.create_timer(pause), abort])
            if abort.is_complete:
                return give_up(run, "the drill was aborted")
            pause = min(pause * 2, longest)
    return run


def clear_copies(ctx: OrchestrationContext, run: PartialDrillRun) -> Steps[PartialDrillRun]:
    """The drill after the end of each of its copies was asked for; those that may still run say so."""
    order, pause = run.order, run.order.beat
    for _ in range(END_TRIES):
        if all(copy.ended for copy in run.copies):
            break
        try:
            answer = yield ctx.call_activity(names.END_COPIES, input=to_message(run))
        except TaskFailedError as failed:
            left = tuple(
                msgspec.structs.replace(copy, why=failed.details.message) if not copy.ended else copy
                for copy in run.copies
            )
            run = msgspec.structs.replace(run, copies=left)
        else:
            run = from_message(answer, PartialDrillRun, ctx.instance_id)
        if not all(copy.ended for copy in run.copies):
            yield ctx.create_timer(pause)
            pause = min(pause * 2, order.longest)
    return run
