"""Brown-outs: a class that is bad often enough in a window, without ever being bad many times in a row. Pure.

A track keeps its answers of the last window as text, so that the stored state stays small. A history is a list of
runs of equal answers, oldest first: the letter of their kind (``n`` bad, ``k`` ok, ``x`` blind), the milliseconds from
the answer before, and, after ``+``, the milliseconds to the run's last answer; both in hexadecimal. ``k0+ea60n2710`` is
a minute of ok answers and one bad answer ten seconds later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from orchestrator.core.base.vocabulary import Observation

MILLISECOND = timedelta(milliseconds=1)

SPELLS = 3
"""Bad spells, with ok between them, that a brown-out has at the least: one solid fault that is over is none."""

ANSWERED = 5 / 6
"""Part of the window that must have answers."""

STANDBY_SHARE = 0.1
"""Part of the window from which on the standby is not well enough for a class that browns out on the active side."""

SLACK = 1.25
"""How many windows a history may hold before it is shortened."""

BAD_LETTER, OK_LETTER, BLIND_LETTER = "n", "k", "x"
"""What stands for an answer in a history: no hexadecimal digit is one of them."""

_LETTERS = {
    Observation.BAD: BAD_LETTER,
    Observation.OK: OK_LETTER,
    Observation.DEGRADED: OK_LETTER,
    Observation.BLIND: BLIND_LETTER,
}

_RUN = re.compile(r"([nkx])([0-9a-f]+)(?:\+([0-9a-f]+))?")
_LAST_RUN = re.compile(_RUN.pattern + "$")


class History(NamedTuple):
    """The answers of one surface."""

    since: datetime
    """When the first answer was given."""

    until: datetime
    """When the last answer was given."""

    runs: str


class Share(NamedTuple):
    """What a class was in a window."""

    bad: timedelta = timedelta()
    ok: timedelta = timedelta()
    spells: int = 0
    """Times of being bad, with ok between them."""

    bad_until: datetime | None = None
    """End of the last of them."""

    @property
    def part(self) -> float:
        """Part of the answered time in which it was bad. Blind time is no time."""
        answered = self.bad + self.ok
        return self.bad / answered if answered else 0.0


class _Run(NamedTuple):
    letter: str
    first: datetime
    last: datetime


def append_answer(
    history: History | None, seen: Observation, at: datetime, *, stands: timedelta, window: timedelta
) -> History:
    """The history with one more answer, and without what is older than the window.

    Args:
        history: the answers so far; None before the first.
        seen: the new answer.
        at: when it was given, later than the answers before.
        stands: how long an answer counts if none follows: answers farther apart are no run.
        window: how much of the past is needed.
    """
    letter = _LETTERS[seen]
    if history is None:
        return History(at, at, f"{letter}0")
    if at - history.since > window * SLACK:
        history = _shorten(history, at - window - stands)
    gap, last = at - history.until, _LAST_RUN.search(history.runs)
    if last is not None and last[1] == letter and gap <= stands:
        length = int(last[3] or "0", 16) + _milliseconds(gap)
        return History(history.since, at, f"{history.runs[: last.start()]}{letter}{last[2]}+{length:x}")
    return History(history.since, at, f"{history.runs}{letter}{_milliseconds(gap):x}")


def share_of(histories: Iterable[History], now: datetime, *, window: timedelta, stands: timedelta) -> Share:
    """How much of the window up to ``now`` a class was bad, and ok, by the answers of its surfaces.

    A class is bad while the answer that stands on any of its surfaces is bad, and ok while none is and one is ok.
    """
    edges: list[tuple[datetime, int, str]] = []
    for history in histories:
        for start, end, letter in _intervals(history, now, window, stands):
            edges += [(start, 1, letter), (end, -1, letter)]
    standing = {BAD_LETTER: 0, OK_LETTER: 0, BLIND_LETTER: 0}
    bad, ok, spells, bad_until, before = timedelta(), timedelta(), 0, None, ""
    last = now
    for at, step, letter in sorted(edges):
        if standing[BAD_LETTER] and at > last:
            bad, bad_until = bad + (at - last), at
            spells += before != BAD_LETTER
            before = BAD_LETTER
        elif standing[OK_LETTER] and at > last:
            ok += at - last
            before = OK_LETTER
        standing[letter] += step
        last = at
    return Share(bad, ok, spells, bad_until)


def is_brown_out(share: Share, now: datetime, *, window: timedelta, least: float, recent: timedelta) -> bool:
    """Whether that much bad time, in that many spells, the last of them recent, is a brown-out.

    Args:
        share: of the window that ends ``now``.
        now: the present.
        window: its length.
        least: part of the answered time that must have been bad.
        recent: how long ago the last bad spell may have ended.
    """
    return (
        share.part >= least
        and share.spells >= SPELLS
        and share.bad + share.ok >= window * ANSWERED
        and share.bad_until is not None
        and now - share.bad_until <= recent
    )


def _intervals(
    history: History, now: datetime, window: timedelta, stands: timedelta
) -> Iterator[tuple[datetime, datetime, str]]:
    """From when to when each run stood, within the window: up to the next answer, but no longer than ``stands``."""
    runs = list(_runs(history))
    for number, run in enumerate(runs):
        start, end = max(run.first, now - window), min(run.last + stands, now)
        if number + 1 < len(runs):
            end = min(end, runs[number + 1].first)
        if start < end:
            yield start, end, run.letter


def _shorten(history: History, before: datetime) -> History:
    """The history without the runs that ended before a time."""
    runs = list(_runs(history))
    kept = [run for run in runs if run.last >= before] or runs[-1:]
    last, texts = kept[0].first, []
    for run in kept:
        length = _milliseconds(run.last - run.first)
        texts.append(f"{run.letter}{_milliseconds(run.first - last):x}" + (f"+{length:x}" if length else ""))
        last = run.last
    return History(kept[0].first, history.until, "".join(texts))


def _runs(history: History) -> Iterator[_Run]:
    last = history.since
    for found in _RUN.finditer(history.runs):
        first = last + int(found[2], 16) * MILLISECOND
        last = first + int(found[3] or "0", 16) * MILLISECOND
        yield _Run(found[1], first, last)


def _milliseconds(length: timedelta) -> int:
    return round(length / MILLISECOND)
