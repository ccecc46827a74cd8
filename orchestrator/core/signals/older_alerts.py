"""Metric and log alerts as they come while the common alert schema is off, put into the words of that schema.

Sources: learn.microsoft.com, "Azure Monitor non-common alert schema definitions", and payloads from the wire. A metric
alert keeps all in ``data.context``, a log alert of the first generation in ``data`` itself.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.signals.json_access import arm_id, branch, open_object, open_text, pick, text, when, word
from orchestrator.core.signals.targets import LISTED, most_specific_first

METRIC_ALERTS = frozenset({"azuremonitormetricalert", "nearrealtimemetricalert"})
LOG_ALERTS = frozenset({"microsoftinsights/logalert", "microsoftinsights/scheduledqueryrules", "azuremonitorlogalert"})
_OVER = frozenset({"deactivated", "resolved"})
_SEVERITY = {"critical": "Sev0", "error": "Sev1"}
"""Words for severities. ``Warning`` means Sev1 to one product and Sev2 to another: it does not count."""


def metric_essentials(data: dict[str, Any]) -> dict[str, Any]:
    """What a metric alert says, as essentials; empty if it says nothing."""
    context = branch(data, "context")
    if not context:
        return {}
    state, at = pick(data, "status"), pick(context, "timestamp")
    targets = [pick(context, "resourceId"), _build_id(context), *dimension_resources(context)]
    return {
        "alertRule": pick(context, "name"),
        "alertRuleId": text(pick(context, "id")),
        "severity": _severity(pick(context, "severity")),
        "signalType": "Metric",
        "monitorCondition": state,
        "alertTargetIDs": list(most_specific_first(targets)),
        ("resolvedDateTime" if word(state) in _OVER else "firedDateTime"): at,
    }


def log_essentials(data: dict[str, Any]) -> dict[str, Any]:
    """What a log alert says, as essentials. Such an alert has no state of its own: it fires."""
    if not data:
        return {}
    state = pick(data, "MonitorCondition", "status") or "Fired"
    at = _iso_time(pick(data, "SearchIntervalEndtimeUtc", "SearchIntervalEndTime", "SearchIntervalStartTimeUtc"))
    return {
        "alertRule": pick(data, "AlertRuleName"),
        "alertRuleId": text(pick(data, "AlertRuleID")),
        "severity": _severity(pick(data, "Severity")),
        "signalType": "Log",
        "monitorCondition": state,
        "alertTargetIDs": list(_log_targets(data)),
        ("resolvedDateTime" if word(state) in _OVER else "firedDateTime"): at,
    }


def _iso_time(said: Any) -> Any:
    """A time as it is sent; log alerts also write it as ``3/22/2018 1:36:31 PM``, in UTC."""
    if isinstance(said, str) and when(said) is None:
        with suppress(ValueError):
            return datetime.strptime(said.strip()[:40], "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC).isoformat()
    return said


def _severity(said: Any) -> Any:
    return _SEVERITY.get(word(said), said)


def _build_id(context: dict[str, Any]) -> str | None:
    """The id of the resource, where it is told in parts."""
    names = ("subscriptionId", "resourceGroupName", "resourceType", "resourceName")
    parts = [text(pick(context, name)) for name in names]
    if not all(parts) or any("/" in (part or "") for part in (parts[0], parts[1], parts[3])):
        return None
    subscription, group, kind, name = parts
    if (kind or "").count("/") != 1:
        return None
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}"


def _log_targets(data: dict[str, Any]) -> tuple[str, ...]:
    touched = _list(pick(data, "AffectedConfigurationItems"))
    named = most_specific_first([pick(data, "ResourceId"), *touched])
    if named:
        return named
    results = open_object(pick(data, "SearchResults", "SearchResult"))
    searched = _list(pick(results, "dataSources"))
    return most_specific_first([pick(source, "resourceId") for source in searched])


def dimensions(context: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Name and value of each dimension that an alert is about, sorted."""
    criteria = _list(pick(branch(context, "condition"), "allOf"))
    found = {
        (word(pick(dimension, "name")), str(pick(dimension, "value"))[:300].strip().casefold())
        for criterion in (*criteria, context)
        for dimension in _list(pick(criterion, "dimensions"))
    }
    return tuple(sorted(found))


def dimension_resources(context: dict[str, Any]) -> list[str]:
    """The resources that dimensions name."""
    return [found for _, value in dimensions(context) if (found := arm_id(value))]


def _list(said: Any) -> list[Any]:
    opened = open_text(said)
    return opened[:LISTED] if isinstance(opened, list) else []
