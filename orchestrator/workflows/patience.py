"""Trying a step again for as long as it takes, visibly, and never against an error that forbids it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from durabletask.task import OrchestrationContext, TaskFailedError

FINAL = frozenset({"EpochFenced", "OrderExpired"})
"""Errors after which this run must not go on. Everything else may pass: people mend roles, stores come back."""

type Steps[T] = Generator[Any, Any, T]
"""An orchestrator's generator that ends with a value."""


class RunStopped(Exception):
    """A step said that this run must not go on. ``error`` is the error's class name."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(why)
        self.error = error
        self.why = why


def insist(
    ctx: OrchestrationContext,
    activity: str,
    order: Any,
    *,
    beat: timedelta,
    longest: timedelta,
    tries: int | None = None,
) -> Steps[Any]:
    """The activity's answer, however often it has to be asked.

    While it fails, the run's custom status names the step, since when it is tried, and the last reason.

    Raises:
        RunStopped: the step raised an error of ``FINAL``.
        TaskFailedError: it failed ``tries`` times.
    """
    since = utc_now(ctx)
    pause = beat
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = yield ctx.call_activity(activity, input=order)
        except TaskFailedError as failed:
            error = failed.details.error_type.rpartition(".")[2]
            if error in FINAL:
                raise RunStopped(error, failed.details.message) from failed
            if tries is not None and attempt >= tries:
                raise
            ctx.set_custom_status(waiting(activity, since.isoformat(), failed.details.message))
            yield ctx.create_timer(pause)
            pause = min(pause * 2, longest)
        else:
            if attempt > 1:
                ctx.set_custom_status(waiting("", since.isoformat(), ""))
            return answer


def utc_now(ctx: OrchestrationContext) -> datetime:
    """The orchestration's own time, the same in every replay. The engine gives it without a zone; it is UTC."""
    now = ctx.current_utc_datetime
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def waiting(step: str, since: str, why: str) -> Mapping[str, str]:
    """The shape of a run's custom status: the step it waits for (empty: none), since when, and why."""
    return {"step": step, "since": since, "why": why}
