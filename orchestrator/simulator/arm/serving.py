"""Online endpoints and their deployments, as far as they are read and changed here.

Documented (learn.microsoft.com, rest/api/azureml/online-endpoints and online-deployments; "Manage and increase quotas";
"Troubleshoot online endpoints"): what PATCH of each takes (tags, identity, and of a deployment its sku), that
traffic is part of the PUT of an endpoint and adds up to 0 or 100, names deployments that exist, that a change is
carried out later, and that a deployment needs a fifth more of its instances' cores of the quota of the size's family
(``OutOfQuota``). **Not documented**, and decided for the strict side: that traffic for a deployment which has not
succeeded is refused, that read-only fields are refused, and all wording.
"""

from __future__ import annotations

import math
from typing import Any

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.calls import ArmCall
from orchestrator.simulator.arm.progress import Progress
from orchestrator.simulator.arm.resources import Resource, Resources
from orchestrator.simulator.arm.rules import user_error
from orchestrator.simulator.arm.usages import vcpus_and_family
from orchestrator.simulator.services import AzureError

_ENDPOINT_FIELDS = frozenset({"location", "identity", "kind", "sku", "tags", "properties"})
_ENDPOINT_PROPERTIES = frozenset(
    {"authMode", "compute", "description", "keys", "mirrorTraffic", "properties", "publicNetworkAccess", "traffic"}
)
"""What ``OnlineEndpointProperties`` has that is not read-only (Azure/bicep-types-az, 2024-10-01)."""


class ServingApi:
    """Changes of online endpoints and deployments.

    Args:
        resources: where they are kept.
        progress: changes that take a while.
    """

    def __init__(self, resources: Resources, progress: Progress) -> None:
        self._resources = resources
        self._progress = progress

    def answer(self, call: ArmCall) -> web.Response | None:
        """The answer to a change of an endpoint or deployment; None for everything else."""
        match call.method, tuple(part.lower() for part in call.parts):
            case "PATCH", ("onlineendpoints", _, "deployments", _):
                return self._scale(call)
            case "PUT", ("onlineendpoints", _):
                return self._put_endpoint(call)
        return None

    def _scale(self, call: ArmCall) -> web.Response:
        found = self._resources.get(call.id)
        if found is None:
            raise call.not_found()
        body = call.body if isinstance(call.body, dict) else {}
        if other := set(body) - {"sku", "tags"}:
            raise user_error(f"{min(other)}: cannot be changed by PATCH; only sku and tags can.")
        sku = body.get("sku")
        count = sku.get("capacity") if isinstance(sku, dict) else None
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise user_error("sku.capacity: a number of instances of at least 1 was expected.")
        self._progress.refuse_another(found)
        self._take_quota(call, found, count)
        found["sku"] = {**found.get("sku", {}), "capacity": count}
        return json_answer(self._progress.begin(found))

    def _take_quota(self, call: ArmCall, found: Resource, count: int) -> None:
        """Cores of the size's family, a fifth more instances than are asked for included."""
        cores, family = vcpus_and_family(found["properties"].get("instanceType", ""))
        subscription = call.workspace_id.split("/")[2]
        row = self._resources.get(
            f"/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{call.region}"
            f"/usages/{family}"
        )
        if row is None:
            raise user_error(f"instanceType: '{found['properties'].get('instanceType')}' is not offered here.")
        before = math.ceil(1.2 * found.get("sku", {}).get("capacity", 0)) * cores
        after = math.ceil(1.2 * count) * cores
        others = max(0, row["currentValue"] - before)
        if others + after > row["limit"]:
            left = row["limit"] - others
            raise AzureError(
                400, "OutOfQuota", f"Not enough quota of {family}: {after} cores are needed, {left} are left."
            )
        row["currentValue"] = others + after

    def _put_endpoint(self, call: ArmCall) -> web.Response:
        found = self._resources.get(call.id)
        if found is None:
            raise user_error("Endpoints are not created here.")
        properties = _check_endpoint(call.body)
        self._progress.refuse_another(found)
        self._check_traffic(call, properties.get("traffic") or {})
        kept = found["properties"]
        read_only = {name: value for name, value in kept.items() if name not in _ENDPOINT_PROPERTIES}
        put = self._resources.put(
            found["id"],
            {
                **{name: call.body[name] for name in _ENDPOINT_FIELDS if name in call.body},
                "identity": {**found.get("identity", {}), **call.body.get("identity", {})},
                "properties": {**read_only, **properties},
            },
        )
        return json_answer(self._progress.begin(put))

    def _check_traffic(self, call: ArmCall, traffic: Any) -> None:
        if not isinstance(traffic, dict) or any(not isinstance(share, int) for share in traffic.values()):
            raise user_error("properties.traffic: whole numbers by deployment were expected.")
        if sum(traffic.values()) not in {0, 100} or any(share < 0 for share in traffic.values()):
            raise user_error("properties.traffic: shares must add up to 0 or 100.")
        for name, share in traffic.items():
            deployment = self._resources.get(f"{call.id}/deployments/{name}")
            if deployment is None:
                raise user_error(f"properties.traffic: there is no deployment '{name}'.")
            if share and deployment["properties"].get("provisioningState") != "Succeeded":
                raise user_error(f"properties.traffic: the deployment '{name}' has not succeeded.")


def _check_endpoint(body: Any) -> dict[str, Any]:
    """The properties of an endpoint that is put.

    Raises:
        AzureError: 400, naming what is missing, or what a client may not send.
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise user_error("properties: an object was expected.")
    if other := set(body) - _ENDPOINT_FIELDS:
        raise user_error(f"{min(other)}: is read-only and cannot be set.")
    if other := set(properties) - _ENDPOINT_PROPERTIES:
        raise user_error(f"properties.{min(other)}: is read-only and cannot be set.")
    for field, value in (("location", body.get("location")), ("properties.authMode", properties.get("authMode"))):
        if not isinstance(value, str):
            raise user_error(f"{field}: is required.")
    identity = body.get("identity")
    if isinstance(identity, dict) and set(identity) - {"type", "userAssignedIdentities"}:
        raise user_error("identity: principalId and tenantId are read-only and cannot be set.")
    return properties
