"""Waiting for something to come true, and saying what did not."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST = 180.0
"""Seconds, where nothing else is said. Longer than a worker takes to notice that its stream to the engine is dead
(durabletask: 120 s): only what never comes may be called missing."""


def until[T](holds: Callable[[], T | None], what: str, longest: float = LONGEST, pause: float = 0.02) -> T:
    """The first value that is neither None nor false.

    Looks are counted, not seconds: a machine that was put to sleep in between has missed nothing.
    """
    for _ in range(round(longest / pause)):
        found = holds()
        if found:
            return found
        time.sleep(pause)
    raise AssertionError(f"in {longest:.0f} s this did not come: {what}")
