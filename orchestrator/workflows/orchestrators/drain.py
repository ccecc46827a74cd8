"""The wait of a planned failover for jobs that run on its source, before it claims its epoch.

Each look is an activity, which finds an abort and the wish to wait no longer in the epoch record. Both are also
announced by an event, which ends the pause before the next look. Until the claim, nothing has changed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import from_message, to_message
from orchestrator.core.base.text import count_of, format_time
from orchestrator.workflows import names
from orchestrator.workflows.messages import DrainOrder, DrainReport, RunOrder
from orchestrator.workflows.orchestrators.retry import Steps, insist, utc_now, waiting_status
from orchestrator.workflows.orchestrators.wishes import pause as pause_for

STEP = "drain"
"""How people call the wait, in the run's custom status."""

LOOKS = 240
"""Looks into which the longest drain is divided, so that the history stays short."""


def drain(ctx: OrchestrationContext, order: RunOrder) -> Steps[RunOrder]:
    """Wait until no job is waited for, the drain is ended by a wish, or its time is over; the order to go on with.

    While a job or the source cannot be asked about, the run waits, too. It never waits longer than ``order.drain``.

    Raises:
        RunStopped: the run was aborted, or somebody else has switched.
    """
    run = msgspec.structs.replace(order, steps=None, basis=None, drain=timedelta())
    given = to_message(DrainOrder(run=run))
    since, until, lifetime = utc_now(ctx).isoformat(), order.decided_at + order.drain, order.claim_by - order.decided_at
    pause, longest = order.beat, max(order.longest, order.drain / LOOKS)
    looked_at = order.decided_at
    while True:
        report = yield from _look(ctx, order, given)
        now = utc_now(ctx)
        # Danger: after a long stop of the engine the evidence of source and target is stale. The pair looks first.
        is_watched = now - looked_at <= lifetime + longest
        looked_at = now
        if now >= until or (is_watched and _is_over(report)):
            break
        ctx.set_custom_status(waiting_status(STEP, since, _describe(order, report, until)))
        yield from pause_for(ctx, min(pause, until - now))
        pause = min(pause * 2, longest)
    ctx.set_custom_status(waiting_status("", since, ""))
    # The pair has watched both sides during the drain, and ends the run if the target turns bad.
    return msgspec.structs.replace(order, claim_by=min(now, until) + lifetime, drain=timedelta())


def _look(ctx: OrchestrationContext, order: RunOrder, given: object) -> Steps[DrainReport]:
    """What a look found; one that fails counts as a job that is not known to have ended.

    Raises:
        RunStopped: the run was aborted, or somebody else has switched.
    """
    try:
        answer = yield from insist(ctx, names.LOOK_AT_DRAIN, given, beat=order.beat, longest=order.longest, tries=1)
    except TaskFailedError as failed:
        return DrainReport(busy=True, why=failed.details.message)
    return from_message(answer, DrainReport, names.LOOK_AT_DRAIN)


def _is_over(report: DrainReport) -> bool:
    return bool(report.ended) or not (report.running or report.busy)


def _describe(order: RunOrder, report: DrainReport, until: datetime) -> str:
    """What is waited for, and until when, for people."""
    unknown = f" ({report.why})" if report.why else ""
    if report.busy:
        count = f"which jobs still run in the {order.source} is not known{unknown}"
    elif report.ended:
        count = f"{report.ended}; the pair looks at both sides first"
    else:
        least = "at least " if report.is_least else ""
        count = f"{least}{count_of(report.running, 'job still runs', 'jobs still run')} in the {order.source}{unknown}"
    return f"{count}; the run switches at {format_time(until)} at the latest"
