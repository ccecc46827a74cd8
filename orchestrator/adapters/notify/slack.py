"""Notices as messages in Slack, through an incoming webhook.

Limits of blocks (docs.slack.dev, "Block Kit" reference): 50 blocks; a header has 150 characters of plain text, a
section 3,000, a button's text 75. In ``mrkdwn`` ``&``, ``<`` and ``>`` begin links and mentions and are written as
entities (docs.slack.dev, "Formatting message text"). A success is 200 with the text ``ok``.
"""

from __future__ import annotations

import html
import re
from typing import Any

from orchestrator.adapters.http.errors import unexpected_answer
from orchestrator.adapters.http.plain import PlainAnswer
from orchestrator.adapters.notify.secret_url import SecretUrlNotices
from orchestrator.core.base.message import Message
from orchestrator.core.base.notice_table import NoticeSeverity
from orchestrator.core.base.text import ELLIPSIS, cut

HEADER, SECTION = 150, 3_000
"""Characters."""

SIGNS = {
    NoticeSeverity.CRITICAL: "\N{LARGE RED CIRCLE}",
    NoticeSeverity.WARNING: "\N{LARGE YELLOW CIRCLE}",
    NoticeSeverity.INFO: "",
}

_HALF_ENTITY = re.compile(r"&[a-z]*$")


class SlackNotices(SecretUrlNotices):
    """``Notices`` in Slack."""

    URL = "the URL of an incoming webhook of Slack"

    def shape(self, message: Message) -> dict[str, Any]:
        return blocks_of(message)

    def check(self, answer: PlainAnswer) -> None:
        if answer.text.strip() != "ok":
            raise unexpected_answer("posting to Slack", "ok", "something else")


def blocks_of(message: Message) -> dict[str, Any]:
    """The message as blocks, and in one line for where blocks are not shown."""
    title = f"{SIGNS[message.severity]} {message.title}".strip()
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(title, HEADER)}},
        *(
            {"type": "section", "text": {"type": "mrkdwn", "text": _escape(f"*{name}*\n{text}", SECTION)}}
            for name, text in message.lines()
        ),
    ]
    if message.link:
        button = {"type": "plain_text", "text": "Open the status page"}
        blocks.append({"type": "actions", "elements": [{"type": "button", "text": button, "url": message.link}]})
    return {"text": _escape(f"{title}: {message.why}", SECTION), "blocks": blocks}


def _escape(text: str, limit: int) -> str:
    """Text for ``mrkdwn``, cut between characters and not within an entity."""
    escaped = html.escape(text, quote=False)
    return escaped if len(escaped) <= limit else _HALF_ENTITY.sub("", escaped[: limit - 1]) + ELLIPSIS
