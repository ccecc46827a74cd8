"""The orchestrator of a drill."""

from __future__ import annotations

from typing import Any

import msgspec
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import from_message, to_builtins, to_message
from orchestrator.core.jobs.azure_status import has_ended
from orchestrator.workflows import names
from orchestrator.workflows.messages import (
    SWITCHED,
    DrillDone,
    DrillFinding,
    DrillKind,
    DrillOrder,
    DrillOutcome,
    DrillReport,
    EvidenceOrder,
)
from orchestrator.workflows.orchestrators.drill_full import hold_full
from orchestrator.workflows.orchestrators.drill_partial import hold_partial
from orchestrator.workflows.orchestrators.records import make_evidence
from orchestrator.workflows.orchestrators.retry import Steps, insist, utc_now
from orchestrator.workflows.orchestrators.wishes import Aborted, until_aborted

CANARY_LOOKS = 60
"""Looks at the canary before the drill says that it does not end. With a growing pause this is about half an hour."""

FINISH_TRIES = 8
"""Attempts to keep a drill's result. A ledger that is away for longer is trouble of its own."""


def drill_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator. Input: ``DrillOrder``; output: ``DrillReport``; both as plain data."""
    order = from_message(given, DrillOrder, ctx.instance_id)
    answer = yield from _hold(ctx, order, given)
    report = msgspec.structs.replace(from_message(answer, DrillReport, ctx.instance_id), ended_at=utc_now(ctx))
    done = to_message(DrillDone(order=order, report=report))
    try:
        yield from insist(ctx, names.FINISH_DRILL, done, beat=order.beat, longest=order.longest, tries=FINISH_TRIES)
    except TaskFailedError as failed:
        kept = DrillFinding(check="kept", ok=False, why=f"this drill does not count, for it was not kept: {failed}")
        report = msgspec.structs.replace(report, ok=False, findings=(*report.findings, kept))
    yield from make_evidence(ctx, EvidenceOrder(drill=report), order.beat, order.longest)
    return to_builtins(report)


def _hold(ctx: OrchestrationContext, order: DrillOrder, given: Any) -> Steps[Any]:
    """A canary, copies of jobs and switches are waited for; every other kind is one activity, chosen by the kind."""
    if order.kind is DrillKind.PARTIAL:
        return (yield from hold_partial(ctx, order, given))
    if order.kind is DrillKind.FULL:
        return (yield from hold_full(ctx, order))
    if order.kind is not DrillKind.CANARY:
        asked = insist(ctx, names.REHEARSE, given, beat=order.beat, longest=order.longest, tries=2)
        try:
            return (yield from until_aborted(ctx, asked))
        except Aborted as aborted:
            finding = DrillFinding(check="aborted", ok=False, why=f"{aborted}; it has written nothing")
            return to_builtins(_report_abort(order, aborted, finding))
    try:
        yield from insist(ctx, names.SUBMIT_CANARY, given, beat=order.beat, longest=order.longest, tries=3)
    except TaskFailedError as failed:
        return to_builtins(_canary_report(order, ok=False, why=f"was not accepted: {failed.details.message}"))
    try:
        return (yield from until_aborted(ctx, _await_canary(ctx, order, given)))
    except Aborted as aborted:
        finding = yield from _cancel_canary(ctx, order, given)
        return to_builtins(_report_abort(order, aborted, finding))


def _cancel_canary(ctx: OrchestrationContext, order: DrillOrder, given: Any) -> Steps[DrillFinding]:
    """Ask for the end of the canary of a drill that was aborted; what came of it."""
    try:
        yield from insist(ctx, names.CANCEL_CANARY, given, beat=order.beat, longest=order.longest, tries=FINISH_TRIES)
    except TaskFailedError as failed:
        why = f"{order.canary_name} could not be cancelled, cancel it by hand: {failed.details.message}"
        return DrillFinding(check="canary", ok=False, why=why)
    return DrillFinding(check="canary", ok=True, why=f"{order.canary_name} was cancelled, or had ended")


def _report_abort(order: DrillOrder, aborted: Aborted, finding: DrillFinding) -> DrillReport:
    return DrillReport(
        pair=order.pair,
        drill=order.drill,
        kind=order.kind,
        ok=False,
        findings=(finding,),
        by=order.by,
        reason=order.reason,
        aborted=str(aborted),
    )


def _await_canary(ctx: OrchestrationContext, order: DrillOrder, given: Any) -> Steps[Any]:
    pause = order.beat
    status = "Unknown"
    for _ in range(CANARY_LOOKS):
        try:
            status = yield from insist(ctx, names.CHECK_CANARY, given, beat=order.beat, longest=order.longest, tries=5)
        except TaskFailedError as failed:
            return to_builtins(_canary_report(order, ok=False, why=f"cannot be asked about: {failed.details.message}"))
        if status == SWITCHED:
            why = "is left to end by itself: the pair has switched meanwhile"
            report = _canary_report(order, ok=False, why=why)
            return to_builtins(msgspec.structs.replace(report, outcome=DrillOutcome.PROMOTED))
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
