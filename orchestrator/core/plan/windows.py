"""Windows of time in which nothing is begun: dates, and rules that repeat as those of a calendar do. Pure.

A rule is an RRULE of RFC 5545 (read by ``dateutil.rrule``) on local wall-clock times of an IANA zone. Where the clocks
change, RFC 5545 3.3.5 decides: a time that does not exist is read with the offset before the gap, a time that comes
twice is the first of the two. A window lasts its duration in elapsed time, whatever the clocks do meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrule, rrulestr

from orchestrator.core.base.codec import Value
from orchestrator.core.plan.faults import Fault

BLOCK = timedelta(days=7)
"""Occurrences are worked out for so long at a time, and kept."""

LONGEST = timedelta(days=7)
"""A window that lasts longer than this is not one that repeats; it is a date."""

PARTS = frozenset({"FREQ", "INTERVAL", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS", "WKST"})
"""Parts of a rule that are understood here. COUNT and UNTIL are left out: a plan's windows end by being taken out."""

FREQUENCIES = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
HORIZON = timedelta(days=4 * 366)
"""A rule that names no day in so long names none."""

_INTERVAL = re.compile(r"^[1-9][0-9]{0,2}$")
_PART = re.compile(r"^[A-Z]+=[A-Z0-9,+-]+$")
_EPOCH = datetime(1970, 1, 5)  # noqa: DTZ001 - a Monday, on the wall


class Window(Value, kw_only=True):
    """A span of time, by its dates. ``from`` is included, ``to`` is not."""

    since: datetime = msgspec.field(name="from")
    """Its beginning, with a zone."""

    until: datetime = msgspec.field(name="to")
    """Its end, with a zone."""


class Recurring(Value, kw_only=True):
    """A span of time that comes again."""

    rule: str
    """When it begins, as an RRULE of iCalendar without its name: ``FREQ=WEEKLY;BYDAY=SA``."""

    start: datetime
    """Its first beginning, and the time of day of all others: a local time without a zone, ``2026-01-03T22:00:00``."""

    duration: timedelta
    """How long each lasts, such as ``3h``, in elapsed time; at most seven days."""

    zone: str = "UTC"
    """Zone of ``start`` by its IANA name, such as ``Europe/Berlin``. Its clock changes are followed."""


class Span(NamedTuple):
    """One occurrence, in UTC."""

    since: datetime
    until: datetime


def end_of(now: datetime, dates: Iterable[Window], weekly: Iterable[Recurring]) -> datetime | None:
    """When the window ends in which ``now`` lies, the last of them if there are several; None outside of all."""
    ends = [window.until for window in dates if window.since <= now < window.until]
    ends += [span.until for each in weekly for span in spans_near(each, now) if span.since <= now < span.until]
    return max(ends, default=None)


def spans_near(window: Recurring, now: datetime) -> Iterator[Span]:
    """Occurrences that may hold ``now``, and some around it."""
    wall = now.astimezone(_zone(window.zone)).replace(tzinfo=None)
    block = (wall - _EPOCH) // BLOCK
    for number in (block - 1, block):
        yield from _occurrences(window, number)


@lru_cache(maxsize=4096)
def _occurrences(window: Recurring, block: int) -> tuple[Span, ...]:
    """Occurrences that begin in one block of the wall clock. The same for the same arguments, so they are kept."""
    begins = _EPOCH + block * BLOCK
    ends = begins + BLOCK - timedelta(microseconds=1)
    if ends < window.start:
        return ()
    zone = _zone(window.zone)
    found = _rule(window, ends).between(begins, ends, inc=True)
    return tuple(
        Span(since, since + window.duration) for since in (at.replace(tzinfo=zone).astimezone(UTC) for at in found)
    )


def recurring_faults(window: Recurring, field: str) -> Iterator[Fault]:
    """What makes a window none; ``field`` is its place in the plan."""
    if window.start.tzinfo is not None:
        got = window.start.isoformat()
        yield Fault(f"{field}.start", "a local time without a zone; the zone has its own field", got)
    if not timedelta() < window.duration <= LONGEST:
        yield Fault(f"{field}.duration", "more than nothing and at most 7d", str(window.duration))
    try:
        _zone(window.zone)
    except (KeyError, ValueError, OSError):
        yield Fault(f"{field}.zone", "an IANA zone such as Europe/Berlin", repr(window.zone))
    yield from _rule_faults(window, field)


def _rule_faults(window: Recurring, place: str) -> Iterator[Fault]:
    """At most one: what is wrong with a rule says nothing about the rest of it."""
    field, expected = f"{place}.rule", "an RRULE such as FREQ=WEEKLY;BYDAY=SA"
    parts = window.rule.split(";")
    named = dict(part.split("=", 1) for part in parts if _PART.match(part))
    if not all(_PART.match(part) for part in parts):
        yield Fault(field, expected, repr(window.rule))
    elif set(named) - PARTS or len(named) < len(parts):
        yield Fault(field, f"only {', '.join(sorted(PARTS))}, each once", repr(window.rule))
    elif not _INTERVAL.match(named.get("INTERVAL", "1")):
        yield Fault(field, "INTERVAL from 1 to 999", repr(window.rule))
    elif named.get("FREQ") not in FREQUENCIES:
        yield Fault(field, f"FREQ={', '.join(sorted(FREQUENCIES))}", repr(window.rule))
    else:
        yield from _never(window, place, expected)


def _never(window: Recurring, place: str, expected: str) -> Iterator[Fault]:
    start = window.start.replace(tzinfo=None)  # one with a zone is a fault of its own
    window = msgspec.structs.replace(window, start=start)
    try:
        first = next(iter(_rule(window, start + HORIZON)), None)
    except (ValueError, TypeError, IndexError, OverflowError) as fault:
        yield Fault(f"{place}.rule", expected, f"{window.rule!r} ({fault})")
        return
    if first is None:
        expected = "a rule that names a day within four years"
        yield Fault(f"{place}.rule", expected, repr(window.rule), (f"{place}.start",))


def _rule(window: Recurring, until: datetime) -> rrule:
    """The rule, ended: one that names no day would look for it until the year 9999."""
    made = rrulestr(window.rule, dtstart=window.start)
    if not isinstance(made, rrule):
        raise TypeError("several rules at once")
    return made.replace(until=max(until, window.start))


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
