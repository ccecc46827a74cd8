"""Notices as tests send them."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.core.base.message import compose
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.ports import Notice

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def notice_of(
    name: NoticeName = NoticeName.SETTLED,
    *,
    identity: str = "n1",
    pair: str = "demo",
    why: str = "a tëst",
    app_url: str = "",
    kind: str = "",
) -> Notice:
    """A notice of a name. ``kind``: another type than the name's."""
    message = compose(name, pair, why, AT, app_url)
    return Notice(identity, kind or f"Hubswitch.{name}", pair, AT, message)
