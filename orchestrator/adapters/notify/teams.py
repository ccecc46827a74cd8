"""Notices as cards in Microsoft Teams, through a workflow ("when a Teams webhook request is received").

Workflows take Adaptive Cards alone, as attachments of a message (learn.microsoft.com, "Create and send messages" and
"Create incoming webhooks with Workflows"); a message has 28 KB at most. Texts are ``TextRun``s, which are shown as they
are: a reason that a service worded cannot become a link or a heading.
"""

from __future__ import annotations

from typing import Any

from orchestrator.adapters.http.errors import unexpected_answer
from orchestrator.adapters.http.plain import PlainAnswer
from orchestrator.adapters.notify.secret_url import SecretUrlNotices
from orchestrator.core.base.message import Message
from orchestrator.core.base.notice_table import NoticeSeverity
from orchestrator.core.base.text import truncate

LINE = 4_000
"""Bytes of one text as JSON. A title and four lines of that length stay below 28 KB with everything around them."""

COLOURS = {NoticeSeverity.CRITICAL: "attention", NoticeSeverity.WARNING: "warning", NoticeSeverity.INFO: "default"}


class TeamsNotices(SecretUrlNotices):
    """``Notices`` in Teams."""

    URL = "the URL of a workflow of Teams"

    def shape(self, message: Message) -> dict[str, Any]:
        return card_of(message)

    def check(self, answer: PlainAnswer) -> None:
        if answer.text.lstrip().startswith("<"):  # a proxy's or a portal's page
            raise unexpected_answer("posting to Teams", "an empty answer", "a page")


def card_of(message: Message) -> dict[str, Any]:
    """The message that a workflow posts."""
    body = [
        _paragraph({"text": truncate(message.title, LINE), "weight": "bolder", "size": "large"}, message.severity),
        *(
            _paragraph({"text": f"{name}: ", "weight": "bolder"}, NoticeSeverity.INFO, {"text": truncate(text, LINE)})
            for name, text in message.lines()
        ),
    ]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the status page", "url": message.link}]
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def _paragraph(first: dict[str, str], severity: NoticeSeverity, *more: dict[str, str]) -> dict[str, Any]:
    runs = [{"type": "TextRun", **first, "color": COLOURS[severity]}, *({"type": "TextRun", **run} for run in more)]
    return {"type": "RichTextBlock", "inlines": runs}
