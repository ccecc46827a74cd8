"""HTTP answers: JSON, and RFC 9457 problem details for everything that went wrong."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import azure.functions as func

from orchestrator.core.codec import encode
from orchestrator.core.errors import InvalidInput


def answer(body: Any, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(encode(body), status_code=status, mimetype="application/json", headers=headers)


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


def unknown_pair(pair: str) -> func.HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, f"there is no plan for a pair named {pair!r}")


def unavailable(fault: Exception) -> func.HttpResponse:
    """Our fault, and worth another try: senders such as Event Grid deliver again after a 503."""
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE, f"the durable engine cannot be reached: {fault}", {"Retry-After": "5"}
    )
