"""Answers of Resource Health's REST API, as the facts that deliveries of the same content would be.

A polled answer is put into the shape in which Azure Monitor delivers the same, and read by the same code. So what
was delivered and what was polled have one cause and one judgement; a status has one key, too.
"""

from __future__ import annotations

from typing import Any

from orchestrator.core.base.vocabulary import Cause
from orchestrator.core.signals.alerts import LEGACY, read_alert
from orchestrator.core.signals.azure_words import CAUSE, STAGE, Stage
from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.json_access import arm_id, branch, pick, text, word

IMPACTS_LIMIT = 100
"""Services of an event that are read, and regions of each."""

_SOMEBODYS = frozenset({Cause.USER, Cause.GUEST})


def status_fact(status: Any) -> Fact | None:
    """What an element of ``availabilityStatuses`` says; None if it names no resource or no time.

    ``occuredTime`` (with one r) is the service's own spelling. A status without it is dated by when it was reported.
    """
    target = arm_id(pick(status, "id"))
    properties = branch(status, "properties")
    at = text(pick(properties, "occuredTime", "occurredTime")) or text(pick(properties, "reportedTime"))
    state = pick(properties, "availabilityState")
    told = {
        "currentHealthStatus": state,
        "cause": _cause(properties),
        "healthEventCategory": pick(properties, "category"),
    }
    return _read("ResourceHealth", {"resourceId": target, "eventTimestamp": at, "properties": told}) if target else None


def event_fact(event: Any) -> Fact | None:
    """What an element of ``events`` says; None if it has no tracking id or no time.

    It is dated by its last update: the beginning of the impact is revised long after.
    """
    impact = pick(branch(event, "properties"), "impact")
    return read_event(event, [_service(each, _open_regions(each)) for each in listed(impact)])


def read_event(event: Any, services: list[dict[str, Any]], **said: Any) -> Fact | None:
    """The fact of an element of ``events``; None if it has no tracking id or no time.

    Args:
        event: the element.
        services: where it is touched, as a delivery says it.
        said: what else a delivery would say, or says otherwise.
    """
    properties = branch(event, "properties")
    tracking = text(pick(event, "name"))
    status = pick(properties, "status")
    told = {
        "trackingId": tracking,
        "title": pick(properties, "title", "header"),
        "incidentType": pick(properties, "eventType"),
        "stage": status,
        "eventLevel": pick(properties, "eventLevel", "level"),
        "eventTags": pick(properties, "eventTags"),
        "isSynthetic": pick(properties, "isSynthetic"),
        "impactedServices": services,
        **said,
    }
    record = {"eventTimestamp": pick(properties, "lastUpdateTime"), "status": status, "properties": told}
    return _read("ServiceHealth", record) if tracking else None


def _read(source: str, record: dict[str, Any]) -> Fact | None:
    fact = read_alert({"schemaId": LEGACY, "data": {"context": {"activityLog": {"eventSource": source, **record}}}})
    return fact if fact and fact.parsed.occurred_at else None


def _cause(properties: dict[str, Any]) -> str | None:
    """Whose doing it is. What says that it was somebody's own outweighs that it was unplanned."""
    said = [text(pick(properties, name)) for name in ("context", "reasonType")]
    causes = {CAUSE.get(word(each), Cause.NONE): each for each in said}
    for cause in (*_SOMEBODYS, Cause.PLANNED, Cause.PLATFORM):
        if cause in causes:
            return causes[cause]
    return None


def listed(said: Any) -> list[Any]:
    """What a field lists, cut; nothing if it is no list."""
    return said[:IMPACTS_LIMIT] if isinstance(said, list) else []


def _service(impact: Any, regions: list[dict[str, Any]]) -> dict[str, Any]:
    return {"ServiceName": pick(impact, "impactedService"), "ImpactedRegions": regions}


def _open_regions(impact: Any) -> list[dict[str, Any]]:
    """Regions in which a service is still touched: an event stays open until its last region is well."""
    return [
        {"RegionName": pick(region, "impactedRegion")}
        for region in listed(pick(impact, "impactedRegions"))
        if STAGE.get(word(pick(region, "status"))) is not Stage.OVER
    ]
