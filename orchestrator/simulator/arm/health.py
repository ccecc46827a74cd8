"""The provider Microsoft.ResourceHealth of Resource Manager: availability statuses and Service Health's events.

====================================================================  =================================
``GET {group}/providers/Microsoft.ResourceHealth/availabilityStatuses``   statuses of a group's resources
``GET {resource}/…/availabilityStatuses/current``                     the status of one
``GET /subscriptions/{id}/…/events``                                  events of a subscription
====================================================================  =================================

What is asked of a resource group stands at its region's control plane, what is asked of the subscription at none:
only a fault of Resource Manager everywhere stops it. Which answer the real service gives for a type that it has no
status for is not documented; here it is 404. ``$filter``, ``$expand`` and ``queryStartTime`` are refused, because what
they would do here is not what they do there.
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.health import HealthBoard
from orchestrator.simulator.services import AzureError

VERSIONS = frozenset(
    {"2015-01-01", "2017-07-01", "2018-07-01", "2020-05-01", "2022-05-01", "2022-10-01", "2024-02-01", "2025-05-01"}
)
"""Stable versions of the provider (azure-rest-api-specs, specification/resourcehealth)."""

_TAIL = re.compile(r"^(?P<scope>.*)/providers/microsoft\.resourcehealth/(?P<rest>.+)$", re.IGNORECASE)
_GROUP = re.compile(
    r"^/subscriptions/[^/]+/resourcegroups/(?P<group>[^/]+)(?P<resource>/providers/.+)?$", re.IGNORECASE
)


def concerns(path: str) -> bool:
    return _TAIL.match(path) is not None


class HealthApi:
    """Answers from the board. ``page`` is the number of elements of a page."""

    def __init__(self, board: HealthBoard, base: str, page: int) -> None:
        self._board = board
        self._base = base
        self._page = page

    def answer(self, request: web.Request) -> web.Response:
        found = _TAIL.match(request.path.rstrip("/"))
        if found is None:
            raise AzureError(404, "ResourceNotFound", f"'{request.path}' was not found.")
        if request.method != "GET":
            raise AzureError(405, "MethodNotAllowed", f"{request.method} is not supported for '{request.path}'.")
        _check(request)
        scope, rest = found["scope"], found["rest"].lower()
        place = _GROUP.match(scope)
        if rest == "events" and place is None:
            return self._list(request, self._board.events())
        if rest == "availabilitystatuses" and place and not place["resource"]:
            return self._list(request, self._board.statuses(place["group"]))
        if rest == "availabilitystatuses/current" and place and place["resource"]:
            return self._one(scope, place["group"])
        raise AzureError(404, "ResourceNotFound", f"'{request.path}' is not simulated.")

    def _one(self, scope: str, group: str) -> web.Response:
        for status in self._board.statuses(group):
            if str(status["id"]).lower().startswith(f"{scope.lower()}/providers/microsoft.resourcehealth/"):
                return json_answer(status)
        raise AzureError(404, "ResourceNotFound", f"Resource Health has no status for '{scope}'.")

    def _list(self, request: web.Request, items: list[dict[str, Any]]) -> web.Response:
        said = request.query.get("$skipToken", "0")
        if not said.isdigit():
            raise AzureError(400, "BadRequest", f"$skipToken: a continuation token was expected, got {said!r}.")
        start = int(said)
        answer: dict[str, Any] = {"value": items[start : start + self._page]}
        if start + self._page < len(items):
            query = {"api-version": request.query["api-version"], "$skipToken": str(start + self._page)}
            answer["nextLink"] = f"{self._base}{request.rel_url.with_query(query)}"
        return json_answer(answer)


def _check(request: web.Request) -> None:
    version = request.query["api-version"]
    if version not in VERSIONS:
        known = ", ".join(sorted(VERSIONS))
        text = f"No registered resource provider found for API version '{version}'. Supported: {known}."
        raise AzureError(400, "InvalidResourceType", text)
    unknown = request.query.keys() - {"api-version", "$skipToken"}
    if unknown:
        raise AzureError(400, "BadRequest", f"{', '.join(sorted(unknown))}: not simulated.")
