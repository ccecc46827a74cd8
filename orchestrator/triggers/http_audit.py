"""The audit logs of pairs, over HTTP."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import azure.functions as func

from orchestrator.audit.export import EXPORT_LIMIT
from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.ports import Engine
from orchestrator.triggers.answers import answer, problem
from orchestrator.triggers.http_pairs import Handler, guard, limit_of, plan_named, query_of
from orchestrator.workflows.activities import audit_log

MOST, TOLD = 1000, 50
"""Entries of each pair in one answer: at most, and if nobody says how many."""

LINES = "jsonl"


def audit(deployment: Deployment) -> Handler:
    """``GET audit?pair=&limit=&format=``: the newest entries; with ``format=jsonl`` the whole chains, as stored."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        del engine
        pair, wanted = req.params.get("pair"), req.params.get("format", "json")
        pairs = list(deployment.plans) if pair is None else [plan_named(deployment, pair).pair]
        if wanted not in {"json", LINES}:
            raise InvalidInput(query_of(req), "format", f"json or {LINES}", repr(wanted))
        limit = limit_of(req, TOLD, MOST)
        await deployment.assembled()
        if wanted == LINES:
            return await asyncio.to_thread(_lines, deployment, pairs)
        return await asyncio.to_thread(_newest, deployment, pairs, limit)

    return guard(handler)


def _newest(deployment: Deployment, pairs: list[str], limit: int) -> func.HttpResponse:
    """One sick ledger hides no other pair's log; 503 only if none can be read."""
    found: list[dict[str, Any]] = []
    unread: list[str] = []
    for pair in pairs:
        try:
            entries = audit_log.newest(deployment.world.ledgers[pair], pair, limit)
        except HubswitchError as fault:
            unread.append(f"{pair}: {fault}")
        else:
            head = entries[0].sha256 if entries else None
            found.append({"pair": pair, "head": head, "entries": [to_builtins(entry) for entry in entries]})
    if unread and not found:
        told = f"no audit log can be read: {unread[0]}"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, told, {"Retry-After": "30"})
    return answer({"pairs": found, "unread": unread})


def _lines(deployment: Deployment, pairs: list[str]) -> func.HttpResponse:
    """All of it or nothing: a chain without its end would look like one that was cut."""
    parts, size = [], 0
    try:
        for pair in pairs:
            for part in audit_log.lines(deployment.world.ledgers[pair], pair):
                parts.append(part)
                size += len(part)
                if size > EXPORT_LIMIT:
                    detail = f"there is more than {EXPORT_LIMIT} bytes: name one pair, or read the ledger account"
                    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    except HubswitchError as fault:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the ledger cannot be read: {fault}", {"Retry-After": "30"})
    return func.HttpResponse(b"".join(parts), mimetype="application/jsonl")
