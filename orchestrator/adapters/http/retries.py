"""A few tries within seconds, for calls that may be repeated. Longer waits are for timers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from orchestrator.adapters.http.deadline import deadline, remaining
from orchestrator.core.base.errors import TemporaryError

TRIES = 3
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Seconds."""


def try_again(call: Callable[[], None], budget: timedelta) -> None:
    """Call, and call again after what may be over in a moment; all of it within a budget of time.

    A service's wish to be left alone is honoured; one that is longer than the longest pause ends the tries.

    Raises:
        HubswitchError: what the last try raised.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt  # 70 ms that no trigger needs

    def wait(state: Any) -> float:
        return pause_after(state.outcome.exception(), state.attempt_number)

    def is_worth_it(fault: BaseException) -> bool:
        left = remaining()
        pause = pause_after(fault, 1)
        return (
            isinstance(fault, TemporaryError)
            and pause <= LONGEST_PAUSE
            and (left is None or pause < left.total_seconds())
        )

    with deadline(budget):
        Retrying(stop=stop_after_attempt(TRIES), wait=wait, retry=retry_if_exception(is_worth_it), reraise=True)(call)


def pause_after(fault: BaseException | None, tries: int) -> float:
    """Seconds until the next try: what the service asked for, or twice as long each time."""
    asked = getattr(fault, "retry_after", None)
    if isinstance(asked, timedelta):
        return asked.total_seconds()
    return min(FIRST_PAUSE * float(1 << (tries - 1)), LONGEST_PAUSE)
