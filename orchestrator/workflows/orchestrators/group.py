"""The run of a recovery group: its pairs are ordered in their order, so many at once, and each is waited for.

A pair is ordered as by a step of a plan (``orchestrators.order_pair``): once, through its entity, and it is done when
its epoch record says so. The run has nothing of its own to lose. If the engine forgets it, whoever orders the group
again finds the pairs where they are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from durabletask.task import OrchestrationContext, Task, when_any

from orchestrator.core.base.codec import from_message, to_builtins, to_message
from orchestrator.core.base.text import join_words
from orchestrator.core.plan.groups import GroupMember
from orchestrator.core.plan.step_base import OnError
from orchestrator.workflows import names
from orchestrator.workflows.group_messages import GroupOrder, GroupPairOrder, GroupReport, pair_order_of
from orchestrator.workflows.messages import StepOutcome, StepReport
from orchestrator.workflows.orchestrators.order_pair import try_order
from orchestrator.workflows.orchestrators.retry import (
    RunStopped,
    Steps,
    StepTimedOut,
    Waiter,
    insist,
    utc_now,
    waiting_status,
)


def group_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator. Input: ``GroupOrder``; output: ``GroupReport``; both as plain data."""
    order = from_message(given, GroupOrder, ctx.instance_id)
    begun = utc_now(ctx)
    waiting, over = list(order.pairs), set[str]()
    under_way: list[tuple[Task[Any], GroupMember]] = []
    reports: list[StepReport] = []
    while True:
        stops = order.on_error is OnError.STOP and any(each.outcome is StepOutcome.FAILED for each in reports)
        ready = [] if stops else [member for member in waiting if over.issuperset(member.after)]
        ready = ready[: max((order.at_once or len(waiting)) - len(under_way), 0)]
        waiting = [member for member in waiting if member not in ready]
        under_way += [(_begin_pair(ctx, order, member), member) for member in ready]
        if not under_way:
            break
        ctx.set_custom_status(_describe_status(under_way, reports, begun))
        first = yield when_any([task for task, _ in under_way])
        member = next(member for task, member in under_way if task is first)
        under_way = [(task, each) for task, each in under_way if task is not first]
        if first.is_failed:
            yield ctx.create_timer(order.longest)
            under_way.append((_begin_pair(ctx, order, member), member))
        else:
            over.add(member.pair)
            reports.append(from_message(first.get_result(), StepReport, names.GROUP_PAIR_RUN))
    ctx.set_custom_status(_describe_status([], reports, begun))
    return to_builtins(_report(order, tuple(reports), tuple(member.pair for member in waiting), utc_now(ctx)))


def group_pair_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """One pair of a group. Input: ``GroupPairOrder``; output: ``StepReport``; both as plain data."""
    order = from_message(given, GroupPairOrder, ctx.instance_id)
    begun = utc_now(ctx)
    waiter = Waiter(order.pair, order.run, order.beat, order.longest, step=order.pair, until=begun + order.timeout)
    outcome, why = StepOutcome.DONE, ""
    try:
        yield from insist(ctx, names.LOOK_AT_GROUP_PAIR, given, beat=order.beat, longest=order.longest, waiter=waiter)
    except StepTimedOut as late:
        outcome, why = StepOutcome.FAILED, f"it was not over after {order.timeout}: {late}"
    except RunStopped as stopped:
        outcome, why = StepOutcome.FAILED, stopped.why
    report = StepReport(
        name=order.pair, kind=order.kind.value, outcome=outcome, begun=begun, ended=utc_now(ctx), why=why
    )
    return to_builtins(report)


def order_group_pair_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """One try of a pair of a group. Input: ``GroupPairOrder``; output: ``TryOutcome``; both as plain data."""
    order = from_message(given, GroupPairOrder, ctx.instance_id)
    return (yield from try_order(ctx, order, names.KEEP_GROUP_ORDER, names.LOOK_AT_GROUP_PAIR))


def _begin_pair(ctx: OrchestrationContext, order: GroupOrder, member: GroupMember) -> Task[Any]:
    """One pair as an orchestration of its own. One that breaks is begun again: what it did is found done."""
    given = pair_order_of(order, member)
    instance = f"{order.run}-{member.pair}-{ctx.new_uuid()[:8]}"
    return ctx.call_sub_orchestrator(names.GROUP_PAIR_RUN, input=to_message(given), instance_id=instance)


def _describe_status(under_way: list[tuple[Task[Any], GroupMember]], reports: list[StepReport], begun: datetime) -> Any:
    done = tuple(
        {"step": each.name, "outcome": each.outcome.value, "to": each.ended.isoformat(), "why": each.why}
        for each in reports
    )
    return waiting_status(", ".join(member.pair for _, member in under_way), begun.isoformat(), "", done)


def _report(order: GroupOrder, reports: tuple[StepReport, ...], left: tuple[str, ...], now: datetime) -> GroupReport:
    failed = [each.name for each in reports if each.outcome is StepOutcome.FAILED]
    told = [f"{len(reports) - len(failed)} of {len(order.pairs)} pairs are where the {order.kind} leads"]
    told += [f"{join_words(failed)} failed"] if failed else []
    told += [f"{join_words(left)} were not ordered"] if left else []
    return GroupReport(
        group=order.group,
        run=order.run,
        kind=order.kind,
        outcome="failed" if failed or left else "completed",
        why="; ".join(told),
        steps=reports,
        left=left,
        by=order.by,
        reason=order.reason,
        asked_at=order.asked_at,
        ended_at=now,
    )
