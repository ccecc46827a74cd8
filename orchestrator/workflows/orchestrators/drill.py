"""The orchestrator of a drill."""

from __future__ import annotations

from typing import Any

import msgspec
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.jobs.azure_status import has_ended
from orchestrator.workflows import names
from orchestrator.workflows.messages import DrillDone, DrillFinding, DrillKind, DrillOrder, DrillReport
from orchestrator.workflows.orchestrators.retry import Steps, insist

CANARY_LOOKS = 60
"""Looks at the canary before the drill says that it does not end. With a growing pause this is about half an hour."""

FINISH_TRIES = 8
"""Attempts to keep a drill's result. A ledger that is away for longer is trouble of its own."""


def drill_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator. Input: ``DrillOrder``; output: ``DrillReport``; both as plain data."""
    order = from_builtins(given, DrillOrder, ctx.instance_id)
    answer = yield from _hold(ctx, order, given)
    report = from_builtins(answer, DrillReport, ctx.instance_id)
    done = to_builtins(DrillDone(order=order, report=report))
    try:
        yield from insist(ctx, names.FINISH_DRILL, done, beat=order.beat, longest=order.longest, tries=FINISH_TRIES)
    except TaskFailedError as failed:
        kept = DrillFinding(check="kept", ok=False, why=f"this drill does not count, for it was not kept: {failed}")
        report = msgspec.structs.replace(report, ok=False, findings=(*report.findings, kept))
    return to_builtins(report)


def _hold(ctx: OrchestrationContext, order: DrillOrder, given: Any) -> Steps[Any]:
    """A canary is waited for; every other kind is one activity, whose body is chosen by the kind."""
    if order.kind is not DrillKind.CANARY:
        return (yield from insist(ctx, names.REHEARSE, given, beat=order.beat, longest=order.longest, tries=2))
    try:
        yield from insist(ctx, names.SUBMIT_CANARY, given, beat=order.beat, longest=order.longest, tries=3)
    except TaskFailedError as failed:
        return to_builtins(_canary_report(order, ok=False, why=f"was not accepted: {failed.details.message}"))
    return (yield from _await_canary(ctx, order, given))


def _await_canary(ctx: OrchestrationContext, order: DrillOrder, given: Any) -> Steps[Any]:
    pause = order.beat
    status = "Unknown"
    for _ in range(CANARY_LOOKS):
        try:
            status = yield from insist(ctx, names.CHECK_CANARY, given, beat=order.beat, longest=order.longest, tries=5)
        except TaskFailedError as failed:
            return to_builtins(_canary_report(order, ok=False, why=f"cannot be asked about: {failed.details.message}"))
        if has_ended(status):
            break
        yield ctx.create_timer(pause)
        pause = min(pause * 2, order.longest)
    report = _canary_report(order, ok=status == "Completed", why=f"is {status} in the standby")
    return to_builtins(report)


def _canary_report(order: DrillOrder, *, ok: bool, why: str) -> DrillReport:
    finding = DrillFinding(check="canary", ok=ok, why=f"{order.canary_name} {why}")
    return DrillReport(
        pair=order.pair,
        drill=order.drill,
        kind=order.kind,
        ok=ok,
        findings=(finding,),
        by=order.by,
        reason=order.reason,
    )
