"""The status page: views -> one HTML page that needs nothing else. No scripts, no requests, no links but to the portal.

Around it stands the home page: the same look, and a script that asks for the status page anew and puts its main part in
place. It holds nothing of any pair, so that everybody may have it; each request is judged by itself.

What is seen is told in words and by a mark; colour only repeats it. Every value is escaped by the template engine.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.core.base.evidence_classes import MEANINGS
from orchestrator.core.base.text import format_duration
from orchestrator.core.base.vocabulary import Observation, Phase
from orchestrator.web.guidance import WIDTH as TIMELINE_WIDTH
from orchestrator.web.guidance import offers_of, story_of, timeline_of, todo_of, wait_of
from orchestrator.web.rules import has_meaning, rules_of
from orchestrator.web.trend import HEIGHT as TREND_HEIGHT
from orchestrator.web.trend import WIDTH as TREND_WIDTH
from orchestrator.web.trend import trend_of
from orchestrator.web.views import NEW, UNREADABLE, needs_a_look

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_TEMPLATES = Path(__file__).parent / "templates"

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

DETAILED = 12
"""Pairs that are shown in full; of more, those that need a look first, and the others one at a time."""

MANY, DETAILED_OF_MANY = 100, 3
"""More pairs than this make a page that is long by their lines alone: fewer of them are shown in full."""

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


class PageScope(NamedTuple):
    """For whom a page is, how much of everything it shows, and how often it is loaded again."""

    may: frozenset[str] = frozenset()
    """What the caller may do beyond looking: ``operate``, ``approve``."""

    lines: Sequence[Mapping[str, Any]] | None = None
    """Every pair in one line, in their order; None for those that are shown in full."""

    only: bool = False
    """One pair was asked for."""

    refresh: int | None = None
    """Seconds after which the page loads itself again; None for never."""


SCOPE = PageScope()


def status_page(
    pairs: Sequence[Mapping[str, Any]],
    at: datetime,
    *,
    jobs: Mapping[str, Mapping[str, int] | None] | None = None,
    behind: Mapping[str, Mapping[str, Any] | None] | None = None,
    decisions: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    unread: Sequence[Mapping[str, Any]] | None = (),
    scope: PageScope = SCOPE,
) -> str:
    """One page.

    Args:
        pairs: what ``pair_view`` gives, in the order in which they are to stand. ``trend`` beside it are the looks at
            the standby, oldest first, and ``portal`` the addresses of the hubs by side, where these are known.
        at: the present.
        jobs: records in the ledger by status, by pair; None for a pair whose ledger did not answer in time.
        behind: how far the standby is behind (``Lag`` as plain data), by pair; None where it is not known.
        decisions: the last few decisions by pair, newest first, as ``decisions_view`` gives them.
        unread: deliveries that could not be read, as ``unread_view`` gives them.
        scope: for whom the page is, and of how much.
    """
    lines = pairs if scope.lines is None else scope.lines
    rendered: str = template("status.html").render(
        pairs=pairs,
        at=at,
        jobs=jobs or {},
        behind=behind or {},
        decisions=decisions or {},
        unread=unread,
        refresh=None if scope.refresh is None else max(scope.refresh, SOONEST),
        alarming=sum(needs_a_look(pair) for pair in lines),
        lines=lines,
        longest=200 if len(lines) <= MANY else 40,
        detailed={pair["pair"] for pair in pairs},
        only=scope.only,
        may=scope.may,
        timeline_width=TIMELINE_WIDTH,
        trend_size=(TREND_WIDTH, TREND_HEIGHT),
        recent=RECENT,
        meanings=MEANINGS,
    )
    return rendered.lstrip()


def number_in_full(pairs: int) -> int:
    """How many of so many pairs are shown in full."""
    return DETAILED if pairs <= MANY else DETAILED_OF_MANY


@cache
def home_page(*, sign_in: bool) -> tuple[str, Mapping[str, str]]:
    """The home page and its headers. The hashes of its one style and its one script let nothing else run there.

    ``sign_in``: whether App Service authentication is in front of the app, so that nobody has to say a name.
    """
    from markupsafe import Markup  # only who looks at the page pays for this

    style, script = (_read(name) for name in ("style.css", "home.js"))
    rendered = template("home.html").render(style=Markup(style), script=Markup(script), sign_in=sign_in)  # noqa: S704 - our own files
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return rendered, {**HEADERS, "Content-Security-Policy": policy}


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline style or script (CSP Level 3, hash-source)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def template(name: str) -> Template:
    """A template, whose values are all escaped."""
    return _environment().get_template(name)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only who looks at the page pays for this

    loader = FileSystemLoader(_TEMPLATES)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"moment": _moment, "clock": _clock, "words": _words, "tone": _tone, "mark": _mark}
    environment.filters |= {
        "story": story_of,
        "todo": todo_of,
        "offers": offers_of,
        "timeline": timeline_of,
        "wait": wait_of,
        "trend": trend_of,
        "rules": rules_of,
        "has_meaning": has_meaning,
        "duration": format_duration,
        "left": _time_left,
    }
    return environment


def _time(value: datetime | str) -> datetime:
    """Views hold times as values or as they are stored: RFC 3339 text."""
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


def _moment(value: datetime | str) -> str:
    return f"{_time(value):%Y-%m-%d %H:%M:%S} UTC"


def _clock(value: datetime | str) -> str:
    return f"{_time(value):%H:%M:%S}"


def _time_left(value: datetime | str, at: datetime) -> str:
    """How long it is until then, as the page's script spells it on."""
    left = _time(value) - at
    return f"in {format_duration(left)}" if left > timedelta() else "any moment"


def _words(value: str | None) -> str:
    return "no evidence" if value is None else value.replace("_", " ")


def _tone(value: str | None) -> str:
    return TONES.get(value, "bad")


def _mark(value: str | None) -> str:
    return MARKS[_tone(value)]
