"""How fast this machine is now, and how fast a session on it may run.

A session divides every wait by its speed, but not the work. On a machine that is slow, or busy with other things,
probes would be given up before they are answered, and the product would see outages that are none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

FASTEST = 60.0
"""Speed on a machine as fast as ``REFERENCE`` says: a failover of minutes is over in seconds."""

SLOWEST = 10.0
"""Below this a demo takes minutes; it says so and goes on."""

REFERENCE = 0.016
"""Seconds that ``work`` takes on one core of a quiet machine on which ``FASTEST`` is known to be well."""

ROUNDS = 30

DOCUMENT = {
    "jobs": [
        {"name": f"job-{number}", "status": "Running", "properties": {"seed": number, "values": list(range(15))}}
        for number in range(50)
    ]
}


def work() -> None:
    """What a session mostly does: write and read JSON."""
    for _ in range(100):
        json.loads(json.dumps(DOCUMENT))


def measure(clock: Callable[[], float] = time.perf_counter) -> float:
    """Mean seconds of one round of work, waiting for a processor included. Takes half a second on a quiet machine."""
    begun = clock()
    for _ in range(ROUNDS):
        work()
    return (clock() - begun) / ROUNDS


def choose_speed(seconds: float) -> float:
    """The speed for a machine whose rounds take so long: as many times slower as it is slower than the reference."""
    return round(min(max(FASTEST * REFERENCE / max(seconds, 1e-9), SLOWEST), FASTEST), 1)


def is_slow(seconds: float) -> bool:
    """Whether even the slowest speed may be too fast for it."""
    return FASTEST * REFERENCE / max(seconds, 1e-9) < SLOWEST
