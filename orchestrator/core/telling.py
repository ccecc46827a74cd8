"""How spans of time, moments and lists read in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

_TWICE_SIXTY = 120
TEXT_LIMIT = 240
"""Longest reason that is stored. Whatever arrives, a pair's state stays small."""


def span(length: timedelta) -> str:
    """A length of time as people say it: ``40 s``, ``5 min``, ``2 h 5 min``."""
    seconds = int(length.total_seconds())
    if seconds < 0:
        return "0 s"
    if seconds < _TWICE_SIXTY:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < _TWICE_SIXTY:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def moment(at: datetime) -> str:
    """A moment to the second, UTC: ``2026-02-27 09:30:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def listed(words: Iterable[str]) -> str:
    """``hub``, ``hub and jobs``, ``hub, jobs and storage``."""
    names = list(words)
    head, last = names[:-1], names[-1:]
    return f"{', '.join(head)} and {last[0]}" if head else "".join(last)


def clipped(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
