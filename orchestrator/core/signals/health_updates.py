"""What Service Health has said of an incident so far, from one answer of its REST API: a message for each update.

An element of ``events`` lists the updates of each impacted region with their times, words and tags
(azure-rest-api-specs, Microsoft.ResourceHealth 2025-05-01, ``Update``); an update for several regions is listed at
each of them. So a poll that comes late, because Resource Manager was away, still knows when each was published. Which
update ended an incident is not said: it is taken to be the last one that is no review, once the event is resolved.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from orchestrator.core.signals.azure_words import STAGE, Stage
from orchestrator.core.signals.facts import Fact, NoticeStep
from orchestrator.core.signals.json_access import branch, key_of, pick, text, when, word
from orchestrator.core.signals.resource_health import listed, read_event
from orchestrator.core.signals.service_health import step_in_tags

UPDATES_READ, UPDATES_KEPT = 5000, 50
"""Updates of an event that are looked at, over all services and regions, and the newest of them that are kept."""


class Update(NamedTuple):
    """One update, and where it was published."""

    at: datetime
    summary: str | None
    tags: Any
    places: tuple[tuple[Any, Any], ...]
    """Name of a service and of a region, as sent."""


def event_messages(event: Any) -> tuple[Fact, ...]:
    """The messages of an element of ``events`` about an incident, oldest first; none if it is about something else.

    An event without updates is one message, dated by its last update. Every region is named, also one that is well
    again. A key follows from tracking id, step and time.
    """
    properties = branch(event, "properties")
    whole = _read(event, _all_places(properties), pick(properties, "summary"))
    if whole is None or whole.details.incident is None or whole.parsed.occurred_at is None:
        return ()
    updates = _updates(properties)
    if not updates:
        return (_dated(whole, whole.parsed.occurred_at, whole.details.incident.step),)
    is_over = STAGE.get(word(pick(properties, "status"))) is Stage.OVER
    steps = _steps(updates, whole.details.incident.step, is_over=is_over)
    facts = [_read(event, each.places, each.summary) for each in updates]
    found = zip(facts, updates, steps, strict=True)
    return tuple(_dated(fact, each.at, step) for fact, each, step in found if fact is not None)


def _read(event: Any, places: Sequence[tuple[Any, Any]], summary: Any) -> Fact | None:
    properties = branch(event, "properties")
    services: dict[str, list[dict[str, Any]]] = {}
    for service, region in places:
        services.setdefault(text(service) or "", []).append({"RegionName": region})
    return read_event(
        event,
        [{"ServiceName": name, "ImpactedRegions": regions} for name, regions in services.items()],
        communication=summary,
        impactStartTime=pick(properties, "impactStartTime"),
        impactMitigationTime=pick(properties, "impactMitigationTime"),
    )


def _dated(fact: Fact, at: datetime, step: NoticeStep) -> Fact:
    parsed, details = fact.parsed, fact.details
    key = key_of("polled", details.tracking or "", step, at.isoformat())
    said = details.incident
    return Fact(
        msgspec.structs.replace(parsed, occurred_at=at, dedupe_key=key),
        msgspec.structs.replace(details, incident=said and msgspec.structs.replace(said, step=step)),
    )


def _all_places(properties: dict[str, Any]) -> list[tuple[Any, Any]]:
    return [
        (pick(impact, "impactedService"), pick(region, "impactedRegion"))
        for impact in listed(pick(properties, "impact"))
        for region in listed(pick(impact, "impactedRegions")) or [None]
    ]


def _updates(properties: dict[str, Any]) -> list[Update]:
    """The newest updates, oldest first; what is listed for several regions at the same time is one."""
    found: dict[datetime, Update] = {}
    read = 0
    for impact in listed(pick(properties, "impact")):
        for region in listed(pick(impact, "impactedRegions")):
            place = (pick(impact, "impactedService"), pick(region, "impactedRegion"))
            updates = listed(pick(region, "updates"))
            read += len(updates)
            if read > UPDATES_READ:
                break
            for each in updates:
                if at := when(pick(each, "updateDateTime")):
                    known = found.get(at) or Update(at, text(pick(each, "summary")), pick(each, "eventTags"), ())
                    found[at] = known._replace(places=(*known.places, place))
    return sorted(found.values(), key=lambda each: each.at)[-UPDATES_KEPT:]


def _steps(updates: Sequence[Update], whole: NoticeStep, *, is_over: bool) -> list[NoticeStep]:
    """How far each update says that the incident has come. What only the event as a whole says is its last update's."""
    steps = [step_in_tags(each.tags) or NoticeStep.ACTIVE for each in updates]
    plain = [number for number, step in enumerate(steps) if step is NoticeStep.ACTIVE]
    if whole in {NoticeStep.REVIEW, NoticeStep.WITHDRAWN} and whole not in steps:
        steps[-1] = whole
        plain = [number for number in plain if number != len(steps) - 1]
    if is_over and plain:
        steps[plain[-1]] = NoticeStep.RESOLVED
    return steps
