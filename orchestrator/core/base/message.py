"""A notice in words, the same on every channel: what, why, since when, what happens next, what you can do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.notice_table import NOTICE_TABLE, Matter, NoticeSeverity
from orchestrator.core.base.text import format_time
from orchestrator.core.base.vocabulary import NoticeName


class Message(Value, kw_only=True):
    """What a notice says of a pair."""

    pair: str
    why: str
    severity: NoticeSeverity
    what: str
    since: Moment
    """Since when what it tells of has been so; the time of the notice if it just happened."""

    next: str
    """What happens by itself."""

    do: str
    """What a person can do."""

    link: str = ""
    """The pair on the status page; empty if it is not known where that is."""

    matter: Matter
    closes: tuple[Matter, ...] = ()
    """Matters that are over with it."""

    @property
    def title(self) -> str:
        """The pair and what has happened, in a few words."""
        return f"{self.pair}: {self.what}"

    def lines(self) -> Iterator[tuple[str, str]]:
        """Everything but title and link, as name and text."""
        yield "Why", self.why
        yield "Since", format_time(self.since)
        yield "What happens next", self.next
        yield "What you can do", self.do


def compose(name: NoticeName, pair: str, why: str, since: datetime, app_url: str = "") -> Message:
    """The words of a notice. ``app_url``: where people reach the app; empty if that is not known."""
    row = NOTICE_TABLE[name]
    return Message(
        pair=pair,
        why=why,
        severity=row.severity,
        what=row.what,
        since=since,
        next=row.next,
        do=row.do,
        link=f"{app_url.rstrip('/')}/#pair-{pair}" if app_url else "",
        matter=row.matter,
        closes=row.closes,
    )
