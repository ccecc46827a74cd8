"""How each service words a refusal that its own handlers did not render."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

import msgspec
from aiohttp import web

from orchestrator.simulator.services import AzureError

_encoder = msgspec.json.Encoder()


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=_encoder.encode(body), status=status, headers=headers, content_type="application/json")


def refusal(service: str, error: AzureError, region: str = "") -> web.Response:
    """The error as the service would word it: XML for storage, problem details for App Configuration, else JSON."""
    if service in {"storage", "ledger"}:
        return _storage(error)
    if service == "appconfig":
        body: Any = {"type": error.code, "title": error.message, "status": error.status}
        answer = json_answer(body, error.status, error.headers)
        answer.content_type = "application/problem+json"
        return answer
    if service == "acr":
        body = {"errors": [{"code": error.code, "message": error.message, "detail": None}]}
    elif service == "identity":
        body = {"statusCode": error.status, "message": error.message, "correlationId": str(uuid4())}
    elif service == "api":
        body = _of_history(error, region)
    else:
        body = {"error": {"code": error.code, "message": error.message, **_inner(error)}}
    return json_answer(body, error.status, error.headers)


def _of_history(error: AzureError, region: str) -> dict[str, Any]:
    """The envelope of the regional API, as recorded for run history by promptflow's tests."""
    return {
        "error": {
            "code": error.code,
            "severity": None,
            "message": error.message,
            "messageFormat": error.message,
            "messageParameters": error.parameters,
            "referenceCode": None,
            "detailsUri": None,
            "target": None,
            "details": [],
            "innerError": {"code": error.inner or error.code, "innerError": None},
            "debugInfo": None,
            "additionalInfo": None,
        },
        "correlation": {"operation": uuid4().hex, "request": uuid4().hex[:16]},
        "environment": region,
        "location": region,
        "time": datetime.now(UTC).isoformat(),
        "componentName": "run-history",
        "statusCode": error.status,
    }


def _inner(error: AzureError) -> dict[str, Any]:
    """How Azure ML names the exact reason behind its ``UserError``, as public bug reports quote it."""
    if not error.inner:
        return {}
    value = {"code": error.inner, "innerError": None}
    return {"details": [], "additionalInfo": [{"type": "InnerError", "info": {"value": value}}]}


def _storage(error: AzureError) -> web.Response:
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error>"
    )
    headers = error.headers | {"x-ms-error-code": error.code}
    return web.Response(body=text.encode(), status=error.status, headers=headers, content_type="application/xml")
