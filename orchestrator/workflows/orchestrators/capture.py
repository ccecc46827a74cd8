"""The orchestrator that captures jobs into the ledger."""

from __future__ import annotations

from typing import Any

import msgspec
from durabletask.task import OrchestrationContext

from orchestrator.core.base.codec import from_message, to_builtins, to_message
from orchestrator.workflows import names
from orchestrator.workflows.messages import BUSY, CaptureReport, CaptureRun
from orchestrator.workflows.orchestrators.retry import LONGEST_TURN, TURNS, Steps, insist, pause_after, turn

TRIES = 4
"""Attempts at an order before the reconciling timer is left to find its jobs again."""


def capture_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator around one order. Input: ``CaptureRun``; output: ``CaptureReport``.

    What one activity leaves for want of time is the next one's order.
    """
    run = from_message(given, CaptureRun, ctx.instance_id)
    order, beat = run.order, run.beat
    total = CaptureReport()
    for number in range(TURNS):
        answer = yield from insist(
            ctx, names.CAPTURE_JOBS, to_message(order), beat=beat, longest=beat * 10, tries=TRIES
        )
        report = from_message(answer, CaptureReport, names.CAPTURE_JOBS)
        total = total.plus(report)
        if not report.left:
            return to_builtins(total)
        order = msgspec.structs.replace(order, jobs=report.left)
        if report.busy:
            yield turn(ctx, pause_after(number, beat, beat * LONGEST_TURN))
    return to_builtins(msgspec.structs.replace(total, left=order.jobs, why=total.why or BUSY))
