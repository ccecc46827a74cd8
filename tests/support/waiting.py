"""Waiting for something to come true, and saying what did not."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST = 300.0
"""Seconds, where nothing else is said. Longer than a worker takes to notice that its stream to the engine is dead
(durabletask: 120 s), and than a busy machine takes for anything: only what never comes may be called missing."""


def until[T](
    holds: Callable[[], T | None],
    what: str,
    longest: float = LONGEST,
    pause: float = 0.02,
    moved: Callable[[], object] | None = None,
) -> T:
    """The first value that is neither None nor false.

    Looks are counted, not seconds: a machine that was put to sleep in between has missed nothing. With ``moved``,
    the counting begins anew whenever that gives something else than before: slow is not stuck.
    """
    looks, before = 0, moved() if moved else None
    while looks < round(longest / pause):
        found = holds()
        if found:
            return found
        time.sleep(pause)
        looks += 1
        if moved and looks % 50 == 0 and (now := moved()) != before:
            looks, before = 0, now
    raise AssertionError(f"in {longest:.0f} s this did not come: {what}")


def in_time[T](action: Callable[[], T], longest: float, tries: int = 5) -> T:
    """What an action gives that takes no more seconds than this when nothing disturbs it.

    A busy machine makes every try longer and none shorter, so one that is short enough shows it.
    """
    took = []
    for _ in range(tries):
        began = time.monotonic()
        found = action()
        took.append(time.monotonic() - began)
        if took[-1] <= longest:
            return found
    raise AssertionError(f"none of {tries} tries took at most {longest} s: {[round(seconds, 2) for seconds in took]}")
