"""One answer for all who ask the same thing at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class SingleFlight[K, T]:
    """Work that is under way at most once for each key: whoever asks meanwhile gets what it comes to.

    Args:
        keeps_unread: what nobody has waited for to its end is given to the next who asks, however long ago it ended.
    """

    def __init__(self, *, keeps_unread: bool = False) -> None:
        self._keeps_unread = keeps_unread
        self._begun: dict[K, asyncio.Task[T]] = {}

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the work for a key comes to; it is begun unless it is under way.

        Shielded: a caller who hangs up does not cancel what others wait for. Work that an event loop began which is no
        longer the running one, as after a restart of a host in one process, is begun anew.
        """
        task = self._begun.get(key)
        is_old = task is not None and task.done() and not self._keeps_unread
        if task is None or is_old or task.get_loop() is not asyncio.get_running_loop():
            task = self._begun[key] = asyncio.create_task(work())
        try:
            return await asyncio.shield(task)
        finally:
            if task.done() and self._begun.get(key) is task:
                del self._begun[key]
