"""A workspace's own diagnosis: ``POST {workspace}/diagnose`` answers 202, and where it says it is 200 after a while.

The body of the result is that of ``DiagnoseResponseResult`` (azure-rest-api-specs). Where the real service sends a
client to wait, and how long it takes, is not recorded: decided here. A result that was put in lies in the store under
``{workspace}/diagnoses/latest``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.calls import ArmCall
from orchestrator.simulator.arm.resources import PROVIDER, Resources
from orchestrator.simulator.services import AzureError, Kernel

TAKES = timedelta(seconds=2)
KINDS = (
    *("userDefinedRouteResults", "networkSecurityRuleResults", "resourceLockResults", "dnsResolutionResults"),
    *("storageAccountResults", "keyVaultResults", "containerRegistryResults", "applicationInsightsResults"),
    "otherResults",
)


class Diagnoses:
    """Diagnoses under way. Each is remembered until the end."""

    def __init__(self, kernel: Kernel, resources: Resources) -> None:
        self._kernel = kernel
        self._resources = resources
        self._begun: dict[str, tuple[str, datetime]] = {}

    def begin(self, call: ArmCall) -> web.Response:
        operation = uuid4().hex
        self._begun[operation] = (call.workspace_id, self._kernel.now())
        subscription = call.workspace_id.split("/")[2]
        place = f"/subscriptions/{subscription}/providers/{PROVIDER}/locations/{call.region}"
        version = call.query["api-version"]
        url = f"{call.base}{place}/diagnoseResults/{operation}?api-version={version}"
        return web.Response(status=202, headers={"Location": url, "Retry-After": "1"})

    def polled(self, operation: str, url: str) -> web.Response:
        """202 with its own address while it goes on, then 200 with the result."""
        if operation not in self._begun:
            raise AzureError(404, "ResourceNotFound", f"The operation '{operation}' was not found.")
        workspace, begun = self._begun[operation]
        if self._kernel.now() < begun + TAKES / self._kernel.speed:
            return web.Response(status=202, headers={"Location": url, "Retry-After": "1"})
        put_in = self._resources.get(f"{workspace}/diagnoses/latest") or {}
        return json_answer({"value": {kind: list[object]() for kind in KINDS} | put_in.get("value", {})})
