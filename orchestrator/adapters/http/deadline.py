"""One budget of time for everything that is called inside a block, however many requests that becomes.

A budget belongs to the running thread or task. Threads do not inherit it: hand them ``contextvars.copy_context().run``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

_ENDS: ContextVar[float | None] = ContextVar("hubswitch_deadline", default=None)


@contextmanager
def deadline(budget: timedelta) -> Iterator[None]:
    """Bound the calls of the block, all together. An outer, shorter budget stays in force."""
    ends, outer = time.monotonic() + budget.total_seconds(), _ENDS.get()
    token = _ENDS.set(ends if outer is None else min(ends, outer))
    try:
        yield
    finally:
        _ENDS.reset(token)


def remaining() -> timedelta | None:
    """What is left of the budget, never below zero; None where no budget was set."""
    ends = _ENDS.get()
    return None if ends is None else timedelta(seconds=max(0.0, ends - time.monotonic()))


def within_budget(wanted: timedelta) -> timedelta:
    """``wanted``, or what is left of the budget if that is less."""
    left = remaining()
    return wanted if left is None else min(wanted, left)
