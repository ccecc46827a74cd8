"""Deliveries: Event Grid in both schemas with both handshakes, and Azure Monitor's action groups.

Answers matter. Event Grid does not deliver again after 400, 401, 403, 404 or 413, so these are for bodies that
no retry would mend; our own trouble is 503. A bad element among good ones does not cost the good ones.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import azure.functions as func

from orchestrator import metrics, telemetry
from orchestrator.bootstrap import Deployment
from orchestrator.core.recording import Heard
from orchestrator.core.signals.facts import ElementKind, Fact
from orchestrator.core.signals.parse import facts_from_text
from orchestrator.core.signals.unread import UnreadKind
from orchestrator.ports import Engine
from orchestrator.triggers.answers import TooLarge, answer, problem
from orchestrator.triggers.delivered_bodies import Unreadable, read_facts
from orchestrator.triggers.http_pairs import Handler, guard, place_of
from orchestrator.watch.intake import Intake, hand_over, route
from orchestrator.watch.readiness import want_looks
from orchestrator.watch.unread import hand_over_unread

LOG = telemetry.logger("events")

FEW = 100
"""Elements up to which finding out whom they concern is not worth a thread."""

TOLD = 10
"""Reasons told of a body of which nothing was understood."""


def deliveries(deployment: Deployment) -> Handler:
    """``POST events`` and ``POST alerts``; ``OPTIONS`` is the handshake of CloudEvents."""

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        if req.method == "OPTIONS":
            return cloud_events_handshake(req)
        try:
            facts = await read_facts(req)
        except TooLarge as fault:
            await _count_unread(deployment, engine, {UnreadKind.BODY: (str(fault),)})
            raise
        except Unreadable as fault:
            await _count_unread(deployment, engine, {UnreadKind.BODY: (str(fault),)})
            return _not_understood(req, (str(fault),), fault.status)
        handshake = _validation_code(facts)
        if handshake:
            return answer({"validationResponse": handshake})
        _measure(facts)
        plans, now = deployment.plans, deployment.clock.now()
        many = len(facts) > FEW
        found = await asyncio.to_thread(route, plans, facts, now) if many else route(plans, facts, now)
        deployment.memory.arrivals.note(found, now, is_alerts=is_alerts(req))
        _tell_unknown(found)
        shape = UnreadKind.ALERT_SHAPE if is_alerts(req) else UnreadKind.EVENT_SHAPE
        await _count_unread(deployment, engine, _unread_of(found, shape))
        if found.invalid and len(found.invalid) == len(facts):
            return _not_understood(req, found.invalid)
        await _hand_over(deployment, engine, found)
        return answer(_count(found, len(facts)))

    return guard(handler)


async def event_grid(deployment: Deployment, event: Any, engine: Engine) -> None:
    """One event from the Event Grid trigger. What it raises makes Event Grid deliver again."""
    facts = facts_from_text(json.dumps(body_of(event)))
    _measure(facts)
    now = deployment.clock.now()
    found = route(deployment.plans, facts, now)
    deployment.memory.arrivals.note(found, now, is_alerts=False)
    for why in found.invalid:
        LOG.warning("an event could not be understood: %s", why)
    _tell_unknown(found)
    await _count_unread(deployment, engine, _unread_of(found, UnreadKind.EVENT_SHAPE))
    await _hand_over(deployment, engine, found)


async def _hand_over(deployment: Deployment, engine: Engine, found: Intake) -> None:
    now = deployment.clock.now()
    news = tuple(order for told in found.captures if (order := deployment.memory.captured_lately.news(told)))
    await hand_over(engine, deployment.plans, found._replace(captures=news), now)
    if found.touched:
        await want_looks(deployment, found.touched, now, found.deleted)
    for pair, signals in found.signals.items():
        await deployment.record(deployment.plans[pair], Heard(pair=pair, now=now, signals=signals))


def _measure(facts: Iterable[Fact]) -> None:
    for kind, number in Counter(fact.parsed.kind for fact in facts).items():
        metrics.count(metrics.DELIVERIES, number, kind=kind.value)


def is_alerts(req: func.HttpRequest) -> bool:
    """Whether a body was posted where action groups post."""
    return str(req.url).partition("?")[0].rstrip("/").casefold().endswith("/alerts")


def _unread_of(found: Intake, shape: UnreadKind) -> dict[UnreadKind, Iterable[str]]:
    """Why each element could not be read, by kind."""
    return {shape: found.invalid, UnreadKind.WORDS: [", ".join(words) for words in found.unknown]}


async def _count_unread(deployment: Deployment, engine: Engine, unread: Mapping[UnreadKind, Iterable[str]]) -> None:
    """For whoever is on call. Never raises for what the engine does."""
    now = deployment.clock.now()
    deployment.memory.unread.add(unread, now)
    await hand_over_unread(engine, deployment.memory.unread, now)


def _tell_unknown(found: Intake) -> None:
    """Into the log, so that a table can learn the words: they have counted for nothing."""
    if found.unknown:
        words = [said for element in found.unknown[:TOLD] for said in element]
        what = f"{len(found.unknown)} delivered elements had words that are not known here"
        telemetry.event(LOG, logging.WARNING, what, elements=len(found.unknown), unknown=words)


def cloud_events_handshake(req: func.HttpRequest) -> func.HttpResponse:
    """CloudEvents' abuse protection: say that the origin may deliver here."""
    origin = req.headers.get("WebHook-Request-Origin")
    if not origin:
        return problem(HTTPStatus.BAD_REQUEST, "a handshake needs the header WebHook-Request-Origin")
    allowed = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": req.headers.get("WebHook-Request-Rate") or "*"}
    return func.HttpResponse(status_code=HTTPStatus.OK, headers=allowed)


def body_of(event: Any) -> dict[str, Any]:
    """The event as it was posted. The binding hands over either class, whatever the annotation says."""
    if isinstance(event, func.EventGridEvent):
        return {
            "id": event.id,
            "topic": event.topic,
            "subject": event.subject,
            "eventType": event.event_type,
            "eventTime": event.event_time.isoformat() if event.event_time else None,
            "data": event.get_json(),
            "dataVersion": event.data_version,
        }
    return {
        "specversion": event.specversion,
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.isoformat() if event.time else None,
        "data": event.get_json(),
    }


def _not_understood(
    req: func.HttpRequest, reasons: tuple[str, ...], status: HTTPStatus = HTTPStatus.BAD_REQUEST
) -> func.HttpResponse:
    where, expected = place_of(req), "an event or an alert in JSON, or an array of them"
    detail = f"{where}: expected {expected}, got this: {reasons[0]}"
    told = {"field": "", "expected": expected, "got": reasons[0], "invalid": list(reasons[:TOLD])}
    return problem(status, detail, None, where=where, **told)


def _validation_code(facts: list[Fact]) -> str | None:
    return next((fact.details.validation_code for fact in facts if fact.parsed.kind is ElementKind.HANDSHAKE), None)


def _count(found: Intake, total: int) -> dict[str, int]:
    return {
        "received": total,
        "signals": sum(len(signals) for signals in found.signals.values()),
        "jobs": sum(len(order.jobs) for order in found.captures),
        "ignored": found.ignored,
        "invalid": len(found.invalid),
        "unknown": len(found.unknown),
    }
