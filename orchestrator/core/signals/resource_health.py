"""Answers of Resource Health's REST API, as the facts that deliveries of the same content would be.

A polled answer is put into the shape in which Azure Monitor delivers the same, and read by the same code. So what
was delivered and what was polled have one key, one cause, one judgement.
"""

from __future__ import annotations

from typing import Any

from orchestrator.core.base.vocabulary import Cause
from orchestrator.core.signals.alerts import LEGACY, read_alert
from orchestrator.core.signals.azure_words import CAUSE, STAGE, Stage
from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.json_access import arm_id, branch, pick, text, word

IMPACTS_LIMIT = 100
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
        "impactedServices": _services(pick(properties, "impact")),
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


def _services(impact: Any) -> list[dict[str, Any]]:
    """Services with the regions in which they are still touched: an event stays open until its last region is well."""
    listed = impact[:IMPACTS_LIMIT] if isinstance(impact, list) else []
    return [{"ServiceName": pick(each, "impactedService"), "ImpactedRegions": _open_regions(each)} for each in listed]


def _open_regions(impact: Any) -> list[dict[str, Any]]:
    regions = pick(impact, "impactedRegions")
    return [
        {"RegionName": pick(region, "impactedRegion")}
        for region in (regions if isinstance(regions, list) else [])[:IMPACTS_LIMIT]
        if STAGE.get(word(pick(region, "status"))) is not Stage.OVER
    ]
