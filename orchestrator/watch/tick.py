"""One tick of a timer: many pairs, bounded in how many at once, how many a second, and how long all in all.

What is not reached within the tick comes first in the next one: ``FairQueue`` orders by who has waited longest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from orchestrator import telemetry

LOG = telemetry.logger("timers")

STARTS_PER_SECOND = 50.0
"""Turns begun in a second while there are few: a tick of all pairs does not ask everything in its first second."""

SPREAD = 0.6
"""Part of the time for beginning over which many are spread evenly, which leaves some for what was slow."""


class TickBounds(NamedTuple):
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


class FairQueue:
    """When each name last had its turn in this process, whatever came of it."""

    def __init__(self) -> None:
        self._had: dict[str, datetime] = {}

    def note(self, name: str, now: datetime) -> None:
        self._had[name] = now

    def order(self, waiting: Mapping[str, datetime | None]) -> list[str]:
        """Names by how long they have waited, those that never had a turn first.

        Args:
            waiting: names, with the time of a turn that others know of, such as another stamp's look.
        """

        def last(name: str) -> tuple[bool, float, str]:
            known = [at for at in (waiting[name], self._had.get(name)) if at is not None]
            return bool(known), max(known).timestamp() if known else 0.0, name

        return sorted(waiting, key=last)


class TickResult(NamedTuple):
    """What became of a tick's turns, each by its name."""

    well: tuple[str, ...]
    faults: Mapping[str, BaseException]
    unreached: tuple[str, ...]
    """Not begun, or given up at the end of the slot."""


async def run_tick(names: Sequence[str], turn: Callable[[str], Awaitable[None]], slot: TickBounds) -> TickResult:
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
        await _cancel(late)
    return _result_of(names, tasks, late)


async def _cancel(late: set[asyncio.Task[None]]) -> None:
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def _result_of(
    names: Sequence[str], tasks: Mapping[str, asyncio.Task[None]], late: set[asyncio.Task[None]]
) -> TickResult:
    reached = [name for name in names if name in tasks and not (tasks[name] in late or tasks[name].cancelled())]
    faults = {name: fault for name in reached if (fault := tasks[name].exception()) is not None}
    return TickResult(
        well=tuple(name for name in reached if name not in faults),
        faults=faults,
        unreached=tuple(name for name in names if name not in reached),
    )


def count_unreached(ended: TickResult, waiting: Mapping[str, object]) -> tuple[int, int, str]:
    return len(ended.unreached), len(waiting), ended.unreached[0]


def log_faults(ended: TickResult, doing: str) -> None:
    for pair, fault in ended.faults.items():
        LOG.error("%s %s failed: %s", doing, pair, fault)


def raise_first(ended: TickResult, doing: str) -> None:
    """Tell what went wrong with single pairs, and raise the first of it."""
    log_faults(ended, doing)
    for fault in ended.faults.values():
        raise fault
