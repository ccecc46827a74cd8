"""Alerts of Azure Monitor: ``GET /subscriptions/{id}/providers/Microsoft.AlertsManagement/alerts``.

Documented: the path, the filters and their values, that alerts of the last day are listed if no ``timeRange`` is
given, and the fields of ``essentials`` (learn.microsoft.com, rest/api/monitor/alerts/get-all). Not documented, and
decided here for the strict side: that filters compare whole ids in any casing, that any other filter is refused, and
the order.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.resources import Resource, stamp
from orchestrator.simulator.services import AzureError

VERSIONS = ("2018-05-05", "2019-03-01", "2019-05-05-preview")
RANGES = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
CONDITIONS = ("Fired", "Resolved")

_TAIL = "/providers/microsoft.alertsmanagement/alerts"
_FILTERS = {"alertRule": "alertRule", "targetResource": "targetResource", "monitorCondition": "monitorCondition"}


class AlertsApi:
    """All alerts of the subscription. ``now``: the simulated time."""

    def __init__(self, subscription: str, now: Callable[[], datetime]) -> None:
        self._scope = f"/subscriptions/{subscription}"
        self._now = now
        self._alerts: list[tuple[datetime, Resource]] = []

    def fire(self, rule: str, target: str, age: timedelta = timedelta()) -> str:
        """An alert of a rule on a resource; its id."""
        place = f"{self._scope}/providers/Microsoft.AlertsManagement/alerts/{uuid4()}"
        begun = self._now() - age
        essentials = {
            "alertRule": rule,
            "targetResource": target,
            "severity": "Sev1",
            "signalType": "Metric",
            "alertState": "New",
            "monitorCondition": "Fired",
            "monitorService": "Platform",
            "startDateTime": stamp(begun),
        }
        alert: Resource = {"id": place, "name": rule, "type": "Microsoft.AlertsManagement/alerts"}
        self._alerts.append((begun, alert | {"properties": {"essentials": essentials}}))
        return place

    def resolve(self, alert_id: str) -> None:
        """Let the condition of an alert hold no longer."""
        for _, alert in self._alerts:
            if alert["id"] == alert_id:
                alert["properties"]["essentials"]["monitorCondition"] = "Resolved"

    def forget(self) -> None:
        """Let there be no alerts."""
        self._alerts.clear()

    def answer(self, request: web.Request) -> web.Response | None:
        """The list; None if something else was asked for."""
        if request.path.rstrip("/").lower() != f"{self._scope}{_TAIL}".lower():
            return None
        if request.method != "GET":
            raise AzureError(405, "MethodNotAllowed", f"{request.method} is not supported for '{request.path}'.")
        query = request.query
        if query["api-version"] not in VERSIONS:
            raise AzureError(
                400, "NoRegisteredProviderFound", f"api-version '{query['api-version']}' is not simulated."
            )
        unknown = query.keys() - {"api-version", "timeRange"} - _FILTERS.keys()
        wrong = [query["timeRange"]] if query.get("timeRange", "1d") not in RANGES else []
        if query.get("monitorCondition", "Fired") not in CONDITIONS:
            wrong.append(query["monitorCondition"])
        if unknown or wrong:
            raise AzureError(400, "BadRequest", f"{', '.join(sorted({*unknown, *wrong}))}: not simulated.")
        since = self._now() - RANGES[query.get("timeRange", "1d")]
        shown: list[Any] = [alert for begun, alert in self._alerts if begun >= since and _fits(alert, request)]
        return json_answer({"value": shown})


def _fits(alert: Resource, request: web.Request) -> bool:
    essentials = alert["properties"]["essentials"]
    return all(
        name not in request.query or request.query[name].lower() == essentials[field].lower()
        for name, field in _FILTERS.items()
    )
