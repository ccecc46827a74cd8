"""How spans of time, moments and lists read in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from orchestrator.core.base.errors import InvalidInput

ELLIPSIS = "…"

_LONGEST_CHARACTER = 6
"""Bytes in which JSON writes one character at most, such as ``\\u001f``."""

_TWICE_SIXTY = 120

TEXT_LIMIT = 240
"""Longest reason that is stored, in bytes of JSON. Whatever arrives, a pair's state stays small."""


def format_duration(length: timedelta) -> str:
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


def format_time(at: datetime) -> str:
    """A moment to the second, UTC: ``2026-02-27 09:30:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def join_words(words: Iterable[str]) -> str:
    """``hub``, ``hub and jobs``, ``hub, jobs and storage``."""
    names = list(words)
    head, last = names[:-1], names[-1:]
    return f"{', '.join(head)} and {last[0]}" if head else "".join(last)


def count_of(number: int, one: str, many: str) -> str:
    """A number and its words: ``1 job waits``, ``2 jobs wait``."""
    return f"{number} {one if number == 1 else many}"


def refer_back(
    lines: Iterable[Mapping[str, Any]], time_of: Callable[[Mapping[str, Any]], str], words: str, longer_than: int = 0
) -> list[dict[str, Any]]:
    """Lines, oldest first, of which a ``why`` that an older one gives word for word only names that one's time.

    Args:
        lines: each with a ``why``.
        time_of: how the time of a line is shown.
        words: what stands before that time.
        longer_than: characters of a ``why`` up to which it is told again and again.
    """
    told: dict[str, str] = {}
    found = []
    for line in lines:
        why = str(line["why"])
        found.append({**line, "why": f"{words} {told[why]}" if why in told else why})
        if len(why) > longer_than:
            told.setdefault(why, time_of(line))
    return found


def is_https_url(text: str) -> bool:
    """Whether a text is an absolute https URL with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        return False


def cut(text: str, limit: int) -> str:
    """A text of at most ``limit`` characters, its end replaced by an ellipsis if it is longer."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def truncate(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text, or its beginning and an ellipsis: at most ``limit`` bytes as it is stored.

    It ends between two words, if that leaves out no more than half of what fits: half of a path misleads. Bytes and
    not characters, because JSON needs up to six of them for one. What cannot be encoded becomes a question mark.
    """
    return _truncate_cached(text, limit) if len(text) <= TEXT_LIMIT else _truncate(text, limit)


@lru_cache(maxsize=1024)
def _truncate_cached(text: str, limit: int) -> str:
    """Reasons repeat from look to look."""
    return _truncate(text, limit)


def _truncate(text: str, limit: int) -> str:
    try:
        size = _measure_stored_size(text)
    except UnicodeEncodeError:
        return truncate(text.encode(errors="replace").decode(), limit)
    if size <= limit:
        return text
    kept = text[: limit - _measure_stored_size(ELLIPSIS)]
    while (excess := _measure_stored_size(kept + ELLIPSIS) - limit) > 0:
        kept = kept[: -max(1, excess // _LONGEST_CHARACTER)]
    word = kept.rfind(" ") + 1
    is_whole = text[len(kept)] == " "
    return (kept if is_whole or word * 2 < len(kept) else kept[:word]) + ELLIPSIS


def _measure_stored_size(text: str) -> int:
    """Bytes of the text in JSON, without its quotes."""
    return len(msgspec.json.encode(text)) - 2


REMARK = ", but "
"""Stands in a reason before what is told and not counted."""

ASKED = "; asked: "
"""Stands in a reason before the question that a probe's answer is to; a remark, too."""


def remark_of(why: str) -> str:
    """What a reason tells without its being counted, with the words that lead it in; empty if there is none."""
    starts = [start for words in (REMARK, ASKED) if (start := why.find(words)) >= 0]
    return why[min(starts) :] if starts else ""


_DURATION = re.compile(r"^(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)$")

_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration_from(text: object, where: str, field: str) -> timedelta:
    """The duration that ``30s``, ``5m``, ``12h``, ``2d`` or ``250ms`` names.

    Raises:
        InvalidInput: it is none of these.
    """
    match = _DURATION.match(text) if isinstance(text, str) else None
    if not match:
        raise InvalidInput(where, field, "a duration such as 30s, 5m or 12h", repr(text))
    try:
        return timedelta(seconds=float(match["number"]) * _UNIT[match["unit"]])
    except OverflowError as fault:
        raise InvalidInput(where, field, "a duration below a thousand million days", repr(text)) from fault


def spell_duration(length: timedelta) -> str:
    """A length of time as a plan spells it, in the largest unit that needs no fraction: ``90s``, ``5m``, ``12h``."""
    thousandths, rest = divmod(length, timedelta(milliseconds=1))
    if rest:
        return f"{thousandths}.{rest.microseconds:03d}".rstrip("0") + "ms"
    sizes = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
    unit = next((unit for unit, size in sizes.items() if thousandths and thousandths % size == 0), "")
    return f"{thousandths // sizes[unit]}{unit}" if unit else f"{thousandths}ms" if thousandths else "0s"
