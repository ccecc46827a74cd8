"""Repeating a read-decide-write whose conditional write lost: everything is read anew each time."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.core.base.errors import Conflict

TRIES = 4
"""Attempts within one step. Who loses more often than that is not racing but misunderstanding."""


def while_it_conflicts[T](attempt: Callable[[], T]) -> T:
    """What the attempt returns, tried again at once while somebody else writes in between.

    Raises:
        Conflict: it lost every time. A durable timer may try again later.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt  # 70 ms that no trigger needs

    retrying = Retrying(retry=retry_if_exception_type(Conflict), stop=stop_after_attempt(TRIES), reraise=True)
    return retrying(attempt)
