"""HTTP answers: JSON, a page for browsers, and RFC 9457 problem details for everything that went wrong."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import azure.functions as func

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput


class TooLarge(Exception):
    """The body has more bytes than anything that makes sense here. ``limit`` is how many may come."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a body of at most {limit} bytes is accepted here")
        self.limit = limit


def answer(body: Any, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(encode(body), status_code=status, mimetype="application/json", headers=headers)


def page(html: str, headers: dict[str, str]) -> func.HttpResponse:
    return func.HttpResponse(html, mimetype="text/html", headers=headers)


def prefers_page(accept: str | None) -> bool:
    """Whether a caller would rather have HTML than JSON (RFC 9110, 12.5.1): browsers say so, programs do not."""
    weights = dict(_weigh(part) for part in (accept or "").split(","))
    html = weights.get("text/html", 0.0)
    json_too = max(weights.get(kind, 0.0) for kind in ("application/json", "application/*", "*/*"))
    return html > 0 and html >= json_too


def _weigh(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return kind.casefold(), float(weight)
    except ValueError:
        return kind.casefold(), 0.0


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> func.HttpResponse:
    """Problem details: ``title`` is the status's own phrase, ``detail`` one sentence for the caller."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype="application/problem+json", headers=headers)


def invalid(fault: InvalidInput) -> func.HttpResponse:
    return problem(
        HTTPStatus.BAD_REQUEST,
        str(fault),
        where=fault.where,
        field=fault.field,
        expected=fault.expected,
        got=fault.got,
    )


def too_large(fault: TooLarge) -> func.HttpResponse:
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(fault))


def unreadable(pair: str, fault: InvalidInput) -> func.HttpResponse:
    """Our own stored state is at fault, not the caller. No retry mends it."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"{pair} stands still, for its stored state cannot be read: {fault}",
        where=fault.where,
        field=fault.field,
        expected=fault.expected,
        got=fault.got,
    )


class UnknownPair(Exception):
    """A request names a pair without a plan."""

    def __init__(self, pair: str) -> None:
        super().__init__(f"there is no plan for a pair named {pair!r}")


def unknown_pair(fault: UnknownPair) -> func.HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, str(fault))


def unavailable(fault: Exception) -> func.HttpResponse:
    """Our fault, and worth another try: senders such as Event Grid deliver again after a 503."""
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE, f"the durable engine cannot be reached: {fault}", {"Retry-After": "5"}
    )
