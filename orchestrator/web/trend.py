"""The trend of a standby's readiness, drawn on the server: looks on a scale of time, scores from 0 to 100. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from orchestrator.core.base.text import format_duration

WIDTH, HEIGHT = 240, 44
"""Of the drawing, in its own units."""

MARGIN = 4.0
"""Kept free around the line, so that no end of it is cut off."""

FULL = 100
"""The best score."""


class Trend(NamedTuple):
    """The scores of the looks at a standby."""

    points: str
    """Of the line: ``x,y`` pairs, oldest first."""

    marks: tuple[tuple[float, float], ...]
    """Where a look found the standby not ready."""

    end: tuple[float, float]
    words: str
    """The same in a sentence."""


def trend_of(history: Sequence[Mapping[str, Any]] | None) -> Trend | None:
    """The drawing. ``history``: looks, oldest first, as ``GET pairs/{pair}/readiness`` has them. None of one."""
    looks = [(_time(look["at"]), int(look["score"]), bool(look["ready"])) for look in history or ()]
    if len(looks) < 2:  # noqa: PLR2004 - one look is no trend
        return None
    first, last = looks[0][0], looks[-1][0]
    whole = (last - first).total_seconds() or 1.0
    drawn = [
        (round(MARGIN + (at - first).total_seconds() / whole * (WIDTH - 2 * MARGIN), 1), _height(score), ready)
        for at, score, ready in looks
    ]
    scores = [score for _, score, _ in looks]
    missed = sum(not ready for _, _, ready in looks)
    words = f"from {scores[0]} to {scores[-1]} in {format_duration(last - first)}, lowest {min(scores)}"
    return Trend(
        points=" ".join(f"{x:g},{y:g}" for x, y, _ in drawn),
        marks=tuple((x, y) for x, y, ready in drawn if not ready),
        end=drawn[-1][:2],
        words=f"{words}; {f'not ready in {missed} of' if missed else 'ready in all'} {len(looks)} looks",
    )


def _height(score: int) -> float:
    share = min(max(score, 0), FULL) / FULL
    return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)


def _time(value: datetime | str) -> datetime:
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
