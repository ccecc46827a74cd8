"""The orchestrator that settles jobs after a run: it retries what waits and accounts for old runs."""

from __future__ import annotations

from typing import Any

import msgspec
from durabletask.task import OrchestrationContext

from orchestrator.core.base.codec import from_message, to_builtins
from orchestrator.workflows import names
from orchestrator.workflows.messages import AfterOrder, AfterReport
from orchestrator.workflows.orchestrators.resubmit import waiter_of
from orchestrator.workflows.orchestrators.retry import (
    LONGEST_TURN,
    RunStopped,
    Steps,
    insist,
    pause_after,
    turn,
    waiting_status,
)

STEPS = 40
"""Steps of one orchestration; the next timer goes on where they end."""

TRIES = 4


def after_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator. Input: ``AfterOrder``; output: ``AfterReport``, both as plain data."""
    order = from_message(given, AfterOrder, ctx.instance_id)
    run, total = order.run, AfterReport()
    for number in range(STEPS):
        ctx.set_custom_status(waiting_status(names.SETTLE_JOBS, run.decided_at.isoformat(), ""))
        try:
            answer = yield from insist(
                ctx, names.SETTLE_JOBS, given, beat=run.beat, longest=run.longest, tries=TRIES, waiter=waiter_of(run)
            )
        except RunStopped as stopped:
            return to_builtins(msgspec.structs.replace(total, why=stopped.why))
        report = from_message(answer, AfterReport, names.SETTLE_JOBS)
        if report.busy:
            yield turn(ctx, pause_after(number, run.beat, run.beat * LONGEST_TURN))
            continue
        total = AfterReport(
            jobs=total.jobs.plus(report.jobs),
            stopping=total.stopping + report.stopping,
            settled=total.settled + report.settled,
            why=report.why,
        )
        if not report.more:
            break
    return to_builtins(total)
