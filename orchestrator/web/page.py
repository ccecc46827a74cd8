"""The status page: views -> one HTML page that needs nothing else. No scripts, no requests, no links to elsewhere.

What is seen is told in words and by a mark; colour only repeats it. Every value is escaped by the template engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.base.evidence_classes import MEANINGS
from orchestrator.core.base.vocabulary import Observation, Phase
from orchestrator.web.views import NEW, UNREADABLE, needs_a_look

if TYPE_CHECKING:
    from jinja2 import Template

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}
"""What goes with the page. Its address may hold a key: it is neither stored nor told to anybody else."""

SOONEST = 5
"""Seconds: a page that reloads itself more often than this serves nobody."""

RECENT = 6
"""Journal entries in sight; older ones are folded away."""

TONES = {
    Phase.STEADY: "good",
    Phase.SUSPECT: "warn",
    Phase.AWAITING_APPROVAL: "warn",
    Phase.SWITCHING: "busy",
    Phase.RESUBMITTING: "busy",
    Phase.SETTLED: "busy",
    Phase.RETURNING: "busy",
    NEW: "mute",
    UNREADABLE: "bad",
    Observation.OK: "good",
    Observation.DEGRADED: "warn",
    Observation.BAD: "bad",
    Observation.BLIND: "blind",
    None: "mute",
}
"""Colour of a phase or an observation; the words stand beside it."""

MARKS = {"good": "✓", "warn": "!", "bad": "✕", "blind": "?", "busy": "→", "mute": "·"}


def status_page(
    pairs: Sequence[Mapping[str, Any]],
    at: datetime,
    *,
    jobs: Mapping[str, Mapping[str, int] | None] | None = None,
    behind: Mapping[str, Mapping[str, Any] | None] | None = None,
    decisions: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    unread: Sequence[Mapping[str, Any]] | None = (),
    refresh: int | None = None,
) -> str:
    """One page.

    Args:
        pairs: what ``pair_view`` gives, in the order in which they are to stand.
        at: the present.
        jobs: records in the ledger by status, by pair; None for a pair whose ledger did not answer in time.
        behind: how far the standby is behind (``Lag`` as plain data), by pair; None where it is not known.
        decisions: the last few decisions by pair, newest first, as ``decisions_view`` gives them.
        unread: deliveries that could not be read, as ``unread_view`` gives them.
        refresh: seconds after which the page loads itself again; None for never.
    """
    rendered: str = _template().render(
        pairs=pairs,
        at=at,
        jobs=jobs or {},
        behind=behind or {},
        decisions=decisions or {},
        unread=unread,
        refresh=None if refresh is None else max(refresh, SOONEST),
        alarming=sum(needs_a_look(pair) for pair in pairs),
        recent=RECENT,
        meanings=MEANINGS,
    )
    return rendered.lstrip()


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only who looks at the page pays for this

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"moment": _moment, "clock": _clock, "words": _words, "tone": _tone, "mark": _mark}
    return environment.get_template("status.html")


def _time(value: datetime | str) -> datetime:
    """Views hold times as values or as they are stored: RFC 3339 text."""
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


def _moment(value: datetime | str) -> str:
    return f"{_time(value):%Y-%m-%d %H:%M:%S} UTC"


def _clock(value: datetime | str) -> str:
    return f"{_time(value):%H:%M:%S}"


def _words(value: str | None) -> str:
    return "no evidence" if value is None else value.replace("_", " ")


def _tone(value: str | None) -> str:
    return TONES.get(value, "bad")


def _mark(value: str | None) -> str:
    return MARKS[_tone(value)]
