"""Receivers of notices: local servers that refuse what the real ones refuse, by the documentation of each.

Each ``<kind>_fault`` says what is wrong with a body, or None. What is written there is our reading of these pages:

- Teams: learn.microsoft.com, "Create and send messages", "Format cards"; adaptivecards.io, schema explorer.
- Slack: docs.slack.dev, "Sending messages using incoming webhooks", "Block Kit" reference.
- PagerDuty: developer.pagerduty.com, "Events API v2", "PD-CEF".

Not documented: the exact answer of Teams to a card that is too large (413 here); whether Slack counts characters or
UTF-16 units (characters here).
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from azure_fixtures import read_request

KILOBYTE = 1024
TEAMS_LIMIT, PAGERDUTY_LIMIT = 28 * KILOBYTE, 512 * KILOBYTE
COLOURS = {"default", "dark", "light", "accent", "good", "warning", "attention"}


class Reply(NamedTuple):
    """An answer: status line, body, further headers."""

    status: str
    body: str = ""
    headers: tuple[str, ...] = ()


class Receiver:
    """What a receiver was sent and took, and what it refused with why. ``answers`` come first, one for each request."""

    def __init__(self, judge: Callable[[dict[str, Any], int], str | None], well: Reply, ill: str) -> None:
        self.paths: list[str] = []
        self.taken: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.answers: list[Reply] = []
        self._judge = judge
        self._well = well
        self._ill = ill

    def handle(self, connection: socket.socket) -> None:
        """A handler for ``serve``."""
        while text := read_request(connection):
            head, _, body = text.partition("\r\n\r\n")
            self.paths.append(head.split(" ")[1])
            reply = self.answers.pop(0) if self.answers else self._reply(head, body)
            lines = [f"HTTP/1.1 {reply.status}", *reply.headers, f"Content-Length: {len(reply.body.encode())}"]
            connection.sendall("\r\n".join([*lines, "", reply.body]).encode())

    def _reply(self, head: str, body: str) -> Reply:
        fault = self._fault(head, body)
        if fault is None:
            self.taken.append(json.loads(body))
            return self._well
        self.refused.append(fault)
        return Reply("400 Bad Request", self._ill)

    def _fault(self, head: str, body: str) -> str | None:
        if not head.startswith("POST "):
            return "no POST"
        if "content-type: application/json" not in head.lower():
            return "no JSON"
        try:
            said = json.loads(body)
        except ValueError:
            return "cannot be parsed"
        return self._judge(said, len(body.encode())) if isinstance(said, dict) else "no object"


def teams() -> Receiver:
    return Receiver(teams_fault, Reply("202 Accepted"), '{"error": {"code": "BadRequest", "message": "not a card"}}')


def slack() -> Receiver:
    return Receiver(slack_fault, Reply("200 OK", "ok", ("Content-Type: text/html",)), "invalid_blocks")


def pagerduty() -> Receiver:
    well = json.dumps({"status": "success", "message": "Event processed", "dedup_key": "k"})
    ill = json.dumps({"status": "invalid event", "message": "Event object is invalid", "errors": ["…"]})
    return Receiver(pagerduty_fault, Reply("202 Accepted", well), ill)


def teams_fault(body: dict[str, Any], size: int) -> str | None:
    """A message with one Adaptive Card."""
    if size > TEAMS_LIMIT:
        return "larger than 28 KB"
    if body.get("type") != "message":
        return "no message"
    attachments = body.get("attachments")
    if not isinstance(attachments, list) or len(attachments) != 1:
        return "not one attachment"
    if attachments[0].get("contentType") != "application/vnd.microsoft.card.adaptive":
        return "no adaptive card"
    card = attachments[0].get("content")
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        return "no adaptive card"
    if card.get("version") not in {"1.0", "1.1", "1.2", "1.3", "1.4", "1.5"}:
        return "a version that Teams does not show"
    for block in card.get("body", []):
        if block.get("type") != "RichTextBlock" or not block.get("inlines"):
            return f"an element {block.get('type')}"
        for run in block["inlines"]:
            if run.get("type") != "TextRun" or not run.get("text"):
                return "a run without text"
            if run.get("color", "default") not in COLOURS:
                return "no colour of Adaptive Cards"
    for action in card.get("actions", []):
        if action.get("type") != "Action.OpenUrl" or not str(action.get("url", "")).startswith("https://"):
            return "an action without a URL"
    return None if card.get("body") else "nothing to show"


def slack_fault(body: dict[str, Any], size: int) -> str | None:
    """A message with a text and blocks."""
    del size
    if not body.get("text"):
        return "no_text"
    blocks = body.get("blocks", [])
    if len(blocks) > 50:
        return "more than 50 blocks"
    return next((fault for block in blocks if (fault := _block_fault(block))), None)


def _block_fault(block: dict[str, Any]) -> str | None:
    kind = block.get("type")
    if kind == "header":
        return _text_fault(block.get("text"), "plain_text", 150)
    if kind == "section":
        return _text_fault(block.get("text"), "mrkdwn", 3000)
    if kind == "actions":
        elements = block.get("elements", [])
        if not 1 <= len(elements) <= 25:
            return "1 to 25 elements"
        if any(each.get("type") != "button" or len(each.get("url", "")) > 3000 for each in elements):
            return "no button"
        return next((fault for each in elements if (fault := _text_fault(each.get("text"), "plain_text", 75))), None)
    return f"a block {kind}"


def _text_fault(text: Any, kind: str, limit: int) -> str | None:
    if not isinstance(text, dict) or text.get("type") != kind:
        return f"no {kind}"
    if not 1 <= len(text.get("text", "")) <= limit:
        return f"1 to {limit} characters"
    return None


def pagerduty_fault(body: dict[str, Any], size: int) -> str | None:
    """A trigger or a resolve."""
    if size > PAGERDUTY_LIMIT:
        return "larger than 512 KB"
    if len(str(body.get("routing_key", ""))) != 32:
        return "Length of 'routing_key' is incorrect (should be 32 characters)"
    if not 1 <= len(str(body.get("dedup_key", "x"))) <= 255:
        return "a dedup_key of more than 255 characters"
    if body.get("event_action") in {"acknowledge", "resolve"}:
        return None if body.get("dedup_key") else "no dedup_key"
    if body.get("event_action") != "trigger":
        return "no event_action"
    return _payload_fault(body.get("payload")) or _links_fault(body.get("links", []))


def _payload_fault(payload: Any) -> str | None:
    if not isinstance(payload, dict):
        return "'payload' is missing or blank"
    if not 1 <= len(payload.get("summary", "")) <= 1024:
        return "'payload.summary' has 1 to 1024 characters"
    if not payload.get("source"):
        return "'payload.source' is missing or blank"
    if payload.get("severity") not in {"critical", "error", "warning", "info"}:
        return "'payload.severity' is invalid"
    try:
        datetime.fromisoformat(payload.get("timestamp", ""))
    except ValueError:
        return "'payload.timestamp' is no time"
    details = payload.get("custom_details", {})
    return None if isinstance(details, dict) else "'payload.custom_details' is no object"


def _links_fault(links: Any) -> str | None:
    return None if all(str(link.get("href", "")).startswith("https://") for link in links) else "a link without href"
