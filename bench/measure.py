"""What all benchmarks share: goals, spreads, and how much of the machine others used meanwhile."""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from orchestrator.core.base.codec import Value

ROOT = Path(__file__).parents[1]
MEBIBYTE = 2**20


class Goal(Value, kw_only=True):
    """One promise, as it was kept in this run."""

    goal: str
    value: float
    met: bool


class Measured(Value, kw_only=True):
    """The result of one benchmark."""

    goals: tuple[Goal, ...]
    runs: int
    how: str
    """What was measured, against what, precisely."""

    figures: dict[str, Any]


def at_most(limit: float, value: float, what: str) -> Goal:
    return Goal(goal=f"{what} <= {limit:g}", value=round(float(value), 4), met=value <= limit)


def at_least(limit: float, value: float, what: str) -> Goal:
    return Goal(goal=f"{what} >= {limit:g}", value=round(float(value), 4), met=value >= limit)


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least this share of all samples does not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(samples: Sequence[float], digits: int = 4) -> dict[str, float]:
    """Median, 95th percentile and largest sample."""
    found = {"p50": median(samples), "p95": percentile(samples, 0.95), "max": max(samples)}
    return {name: round(value, digits) for name, value in found.items()}


def mebibytes(size: float) -> float:
    return round(size / MEBIBYTE, 1)


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "memory_mib": mebibytes(psutil.virtual_memory().total),
    }


class Neighbours:
    """How much processor time others took from a benchmark: the noise of its figures.

    Read ``share`` when all child processes have ended: only then their time counts as ours.
    """

    def __init__(self) -> None:
        self._busy, self._total = _processors()
        self._own = _own()

    @property
    def share(self) -> float:
        """Part of all processors' time that went to processes that are not ours, 0 to 1."""
        busy, total = _processors()
        others = (busy - self._busy) - (_own() - self._own)
        return round(max(0.0, others) / max(total - self._total, 0.01), 3)


def say(text: str) -> None:
    """Progress, for people who wait."""
    print(text, file=sys.stderr, flush=True)


def _processors() -> tuple[float, float]:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - idle, total


def _own() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
