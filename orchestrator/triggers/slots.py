"""One tick of a timer: many pairs, bounded in how many at once, how many a second, and how long all in all.

What is not reached within the tick comes first in the next one, for the order is by who has waited longest
(``orchestrator.watch.tick``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

STARTS_PER_SECOND = 50.0
"""Turns begun in a second while there are few: a tick of all pairs does not ask everything in its first second."""

SPREAD = 0.6
"""Part of the time for beginning over which many are spread evenly, which leaves some for what was slow."""


class Slot(NamedTuple):
    """The bounds of one tick."""

    length: timedelta
    """After this much time the tick is over; what still runs is given up."""

    grace: timedelta
    """Nothing is begun in the last part of the slot, which what has been begun needs for its end."""

    at_once: int

    @property
    def opening(self) -> float:
        """Seconds in which turns are begun: half of the slot at the least, however long the grace."""
        return max(self.length - self.grace, self.length / 2).total_seconds()


class Ended(NamedTuple):
    """What became of a tick's turns, each by its name."""

    well: tuple[str, ...]
    faults: Mapping[str, BaseException]
    unreached: tuple[str, ...]
    """Not begun, or given up at the end of the slot."""


async def carried_out(names: Sequence[str], turn: Callable[[str], Awaitable[None]], slot: Slot) -> Ended:
    """Give each its turn, in this order, as far as the slot allows. Raises nothing that a turn raises."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    pause = min(1 / STARTS_PER_SECOND, slot.opening * SPREAD / max(len(names), 1))
    free = asyncio.Semaphore(slot.at_once)
    tasks: dict[str, asyncio.Task[None]] = {}

    async def one(name: str) -> None:
        try:
            await turn(name)
        finally:
            free.release()

    try:
        for number, name in enumerate(names):
            await asyncio.sleep(begun + number * pause - loop.time())
            try:
                async with asyncio.timeout_at(begun + slot.opening):
                    await free.acquire()
            except TimeoutError:
                break
            tasks[name] = asyncio.create_task(one(name))
        left = max(0.0, begun + slot.length.total_seconds() - loop.time())
        if tasks:
            await asyncio.wait(tasks.values(), timeout=left)
    finally:
        late = {task for task in tasks.values() if not task.done()}
        await _given_up(late)
    return _ended(names, tasks, late)


async def _given_up(late: set[asyncio.Task[None]]) -> None:
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def _ended(names: Sequence[str], tasks: Mapping[str, asyncio.Task[None]], late: set[asyncio.Task[None]]) -> Ended:
    reached = [name for name in names if name in tasks and not (tasks[name] in late or tasks[name].cancelled())]
    faults = {name: fault for name in reached if (fault := tasks[name].exception()) is not None}
    return Ended(
        well=tuple(name for name in reached if name not in faults),
        faults=faults,
        unreached=tuple(name for name in names if name not in reached),
    )
