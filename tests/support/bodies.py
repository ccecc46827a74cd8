"""Bodies as Azure posts them, made by hand for tests. Ids, names and texts are invented."""

from __future__ import annotations

from typing import Any

SUB = "0a1b2c3d-0000-4000-8000-00000000c0de"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg-Alpha"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stAlpha"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-alpha"
HUB = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/hub-alpha"
AT = "2026-03-01T12:00:00.1234567Z"


def common(service: str, context: dict[str, Any], **essentials: Any) -> dict[str, Any]:
    """An alert in the common alert schema."""
    usual = {
        "alertId": f"/subscriptions/{SUB}/providers/Microsoft.AlertsManagement/alerts/a-1",
        "alertRule": "rule-1",
        "severity": "Sev4",
        "signalType": "Activity Log",
        "monitorCondition": "Fired",
        "monitoringService": service,
        "alertTargetIDs": [STORAGE.lower()],
        "originAlertId": "o-1",
        "firedDateTime": "2026-03-01T12:03:00Z",
        "essentialsVersion": "1.0",
        "alertContextVersion": "1.0",
    }
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": usual | essentials, "alertContext": context},
    }


def resource_health(state: str | None, cause: str | None, status: str = "Active", **essentials: Any) -> dict[str, Any]:
    properties = {"currentHealthStatus": state, "previousHealthStatus": "Available", "cause": cause, "type": "Downtime"}
    context = {"eventSource": "ResourceHealth", "eventTimestamp": AT, "status": status, "properties": properties}
    return common("Resource Health", context, **essentials)


def service_health(level: Any = 2, status: str | None = None, **properties: Any) -> dict[str, Any]:
    """An incident in West Europe, active, unless said otherwise."""
    usual = {
        "title": "Storage - West Europe",
        "service": "Storage",
        "region": "West Europe",
        "incidentType": "Incident",
        "trackingId": "ABCD-123",
        "stage": "Active",
        "communicationId": "11000000000001",
        "IsSynthetic": "False",
    }
    said = {key: value for key, value in (usual | properties).items() if value is not ...}
    context = {
        "eventSource": 2,
        "eventTimestamp": AT,
        "level": level,
        "status": status or str(said.get("stage", "Active")),
        "properties": said,
    }
    return common("ServiceHealth", context, alertTargetIDs=[f"/subscriptions/{SUB}"])


def metric(severity: str | None = "Sev1", condition: str = "Fired", **essentials: Any) -> dict[str, Any]:
    context = {
        "conditionType": "SingleResourceMultipleMetricCriteria",
        "condition": {"windowSize": "PT5M", "allOf": []},
    }
    usual = {"severity": severity, "monitorCondition": condition, "signalType": "Metric"}
    return common("Platform", context, **(usual | essentials))


def legacy(**record: Any) -> dict[str, Any]:
    """A record of the activity log in the legacy webhook."""
    return {
        "schemaId": "Microsoft.Insights/activityLogs",
        "data": {"status": "Activated", "context": {"activityLog": record}},
    }


def grid(kind: str, data: Any, *, subject: str = "", topic: str | None = HUB, **more: Any) -> dict[str, Any]:
    """An event in the Event Grid schema."""
    event = {"id": "e-1", "topic": topic, "subject": subject, "eventType": kind, "eventTime": AT, "data": data}
    return event | {"dataVersion": "1", "metadataVersion": "1"} | more


def cloud(kind: str, data: Any, *, subject: str = "", source: str | None = HUB, **more: Any) -> dict[str, Any]:
    """The same as a CloudEvent."""
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": source,
        "subject": subject,
        "type": kind,
        "time": AT,
        "data": data,
    }
    return event | more


def health_event(state: str | None, target: str = STORAGE) -> dict[str, Any]:
    """Data of an availability event."""
    properties = {"targetResourceId": target, "occurredTime": AT, "availabilityState": state}
    return {"resourceInfo": {"id": f"{target}/providers/Microsoft.ResourceHealth/x/current", "properties": properties}}
