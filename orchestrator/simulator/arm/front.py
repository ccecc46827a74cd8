"""What stands in front of both hubs: a Traffic Manager profile, a Front Door origin group, a pool of API Management.

=====================================================  ======================================================
``PATCH {profile}/{type of endpoint}/{endpoint}``      ``endpointStatus``; done at once
``PATCH {origin group}/origins/{origin}``              ``enabledState``; 202, ``Updating`` for a moment
``PATCH {service}/backends/{pool}``                    ``pool.services`` as a whole; takes ``If-Match``
=====================================================  ======================================================

Documented: the requests, their values and statuses, that API Management requires If-Match and answers 412 if the ETag
is another one, that priority and weight are from 0 to 100 and a service names a backend that exists
(learn.microsoft.com: rest/api/trafficmanager/endpoints/update,
rest/api/frontdoor/azurefrontdoorstandardpremium/afd-origins/update, rest/api/apimanagement/backend/update).
Not documented, and decided here for the strict side: that any other property in a PATCH is refused, that an origin that
is being updated refuses another change with 409, how long that takes, and all wording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.resources import Resource, Resources
from orchestrator.simulator.services import AzureError

PROFILE = "microsoft.network/trafficmanagerprofiles"
ENDPOINTS = frozenset(f"{PROFILE}/{kind}endpoints" for kind in ("azure", "external", "nested"))
ORIGIN = "microsoft.cdn/profiles/origingroups/origins"
BACKEND = "microsoft.apimanagement/service/backends"
VERSIONS = {
    **dict.fromkeys((PROFILE, *ENDPOINTS), "2022-04-01"),
    ORIGIN: "2023-05-01",
    BACKEND: "2024-05-01",
}
"""Type -> the version that its page describes. Others exist; none is needed."""

UPDATE = timedelta(seconds=2)
"""How long an origin shows ``Updating``, at speed 1."""

MOST_SERVICES = 30
STATES = ("Enabled", "Disabled")

PERMISSION = "front.write"
_TYPES = frozenset({*VERSIONS, "microsoft.cdn/profiles/origingroups"})


def permission_for(method: str, path: str) -> str | None:
    """The permission that a change of one of these takes; None if the request is none."""
    return PERMISSION if method == "PATCH" and _type_of(path) in VERSIONS else None


def is_in_front(path: str) -> bool:
    """Whether a path is the id of a resource of these types, or of an origin group."""
    return _type_of(path) in _TYPES


def seed_front(resources: Resources, group: str, sides: tuple[str, str]) -> None:
    """One of each in a group, given by its id, with a part for each of two names; open for the first."""
    profile = f"{group}/providers/Microsoft.Network/trafficManagerProfiles/tm-hubs"
    origins = f"{group}/providers/Microsoft.Cdn/profiles/afd-hubs/originGroups/hubs"
    backends = f"{group}/providers/Microsoft.ApiManagement/service/apim-hubs/backends"
    resources.put(profile, {"location": "global", "properties": {"profileStatus": "Enabled", "endpoints": []}})
    resources.put(origins, {"properties": {"provisioningState": "Succeeded"}})
    for side, state in zip(sides, STATES, strict=True):
        target = f"{side}.example.com"
        resources.put(
            f"{profile}/externalEndpoints/{side}",
            {"properties": {"target": target, "endpointStatus": state, "endpointMonitorStatus": "Online"}},
        )
        resources.put(
            f"{origins}/origins/{side}",
            {"properties": {"hostName": target, "enabledState": state, "provisioningState": "Succeeded"}},
        )
        resources.put(
            f"{backends}/{side}", {"properties": {"type": "Single", "url": f"https://{target}", "protocol": "http"}}
        )
    services = [{"id": f"{backends}/{side}", "priority": number, "weight": 50} for number, side in enumerate(sides, 1)]
    resources.put(f"{backends}/hubs", {"properties": {"type": "Pool", "pool": {"services": services}}})


class FrontApi:
    """Reads and changes of these types.

    Args:
        resources: the store.
        now: the simulated time.
        update: how long an origin is being updated.
    """

    def __init__(self, resources: Resources, now: Callable[[], datetime], update: timedelta) -> None:
        self._resources = resources
        self._now = now
        self.update = update
        self._until: dict[str, datetime] = {}
        self._etags: dict[str, str] = {}

    def answer(self, request: web.Request, body: Any) -> web.Response | None:
        """The answer about one of these; None if it is about something else."""
        path = request.path.rstrip("/")
        kind = _type_of(path)
        if kind not in VERSIONS:
            return None
        if request.query["api-version"] != VERSIONS[kind]:
            text = f"The api-version '{request.query['api-version']}' is not simulated for '{kind}'."
            raise AzureError(400, "NoRegisteredProviderFound", text)
        found = self._resources.get(path)
        if found is None:
            raise AzureError(404, "ResourceNotFound", f"The Resource '{path}' was not found.")
        if request.method == "GET":
            return json_answer(self._show(kind, found), headers=self._etag(kind, found))
        if request.method != "PATCH" or kind == PROFILE:
            raise AzureError(405, "MethodNotAllowed", f"{request.method} is not supported for '{path}'.")
        properties = body.get("properties") if isinstance(body, dict) else None
        if not isinstance(properties, dict):
            raise AzureError(400, "BadRequest", "properties: an object was expected.")
        if kind == BACKEND:
            return self._change_pool(request, found, properties)
        return self._change_state(kind, found, properties)

    def _show(self, kind: str, found: Resource) -> Resource:
        until = self._until.get(found["id"].lower())
        if until is not None and self._now() >= until:
            found["properties"]["provisioningState"] = "Succeeded"
        if kind != PROFILE:
            return found
        inside = [each for each in self._resources.under(f"{found['id']}/") if each["type"].lower() in ENDPOINTS]
        return {**found, "properties": {**found["properties"], "endpoints": inside}}

    def _etag(self, kind: str, found: Resource) -> dict[str, str]:
        if kind != BACKEND:
            return {}
        return {"ETag": self._etags.setdefault(found["id"].lower(), f'"{uuid4().hex}"')}

    def _change_state(self, kind: str, found: Resource, properties: Mapping[str, Any]) -> web.Response:
        field = "enabledState" if kind == ORIGIN else "endpointStatus"
        if set(properties) != {field} or properties[field] not in STATES:
            raise AzureError(400, "BadRequest", f"properties: {field} was expected, one of {', '.join(STATES)}.")
        if kind != ORIGIN:
            found["properties"][field] = properties[field]
            return json_answer(found)
        if self._show(kind, found)["properties"]["provisioningState"] == "Updating":
            raise AzureError(409, "Conflict", f"Another operation on '{found['name']}' is in progress.")
        found["properties"] |= {field: properties[field], "provisioningState": "Updating"}
        self._until[found["id"].lower()] = self._now() + self.update
        return json_answer(found, 202)

    def _change_pool(self, request: web.Request, found: Resource, properties: Mapping[str, Any]) -> web.Response:
        expected = request.headers.get("If-Match")
        if not expected:
            raise AzureError(400, "ValidationError", "If-Match: the header is required.")
        if expected not in {"*", self._etag(BACKEND, found)["ETag"]}:
            raise AzureError(412, "PreconditionFailed", "The resource was modified since last retrieval.")
        pool = properties.get("pool")
        services = pool.get("services") if isinstance(pool, dict) else None
        if set(properties) != {"pool"} or found["properties"]["type"] != "Pool":
            raise AzureError(400, "ValidationError", "properties.pool, of a backend of type Pool, was expected.")
        if not isinstance(services, list) or not 1 <= len(services) <= MOST_SERVICES:
            raise AzureError(400, "ValidationError", f"pool.services: from 1 to {MOST_SERVICES} were expected.")
        for number, service in enumerate(services):
            self._check_service(found, f"pool.services[{number}]", service)
        found["properties"]["pool"] = {"services": [dict(service) for service in services]}
        self._etags.pop(found["id"].lower(), None)
        return json_answer(found, headers=self._etag(BACKEND, found))

    def _check_service(self, pool: Resource, field: str, service: Any) -> None:
        named = self._resources.get(str(service.get("id"))) if isinstance(service, dict) else None
        if named is None or named["type"].lower() != BACKEND or named["id"] == pool["id"]:
            raise AzureError(400, "ValidationError", f"{field}.id: a backend that exists was expected.")
        for number in ("priority", "weight"):
            said = service.get(number)
            if said is not None and not (isinstance(said, int) and 0 <= said <= 100):
                raise AzureError(400, "ValidationError", f"{field}.{number}: from 0 to 100 was expected.")


def _type_of(path: str) -> str:
    """The full type of a resource's id in lower case; empty for a path of another kind, such as a list."""
    parts = path.lower().rpartition("/providers/")[2].split("/")
    return "/".join([parts[0], *parts[1::2]]) if len(parts) % 2 else ""
