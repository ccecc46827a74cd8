"""Batch endpoints of a project, and deployments of models in AI services accounts, as far as they are changed here.

Documented: that an account lists the models that can be deployed in it, with the name of the quota that each kind of
capacity counts against (``ModelSku.usageName``: rest/api/aiservices/accountmanagement/accounts/list-models), that PATCH
of a deployment of an account takes tags and sku (learn.microsoft.com,
rest/api/aiservices/accountmanagement/deployments/update), that a batch endpoint is put as a whole with the properties
of ``BatchEndpointProperties``, of which ``scoringUri``, ``swaggerUri`` and ``provisioningState`` are read-only
(rest/api/azureml/batch-endpoints/create-or-update), and that capacity above the region's quota is refused with 400
``InsufficientQuota`` (reports of it at github.com, Azure-Samples/azure-search-openai-demo, issue 2249). **Not
documented**, and decided for the strict side: that a sku of another name is refused, that the default must be a
deployment that has succeeded, that read-only fields are refused, how long changes take, and all wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.calls import ArmCall
from orchestrator.simulator.arm.progress import Progress
from orchestrator.simulator.arm.resources import Resource, Resources, type_of
from orchestrator.simulator.arm.rules import user_error
from orchestrator.simulator.services import AzureError

DEPLOYMENT = "microsoft.cognitiveservices/accounts/deployments"
VERSION = "2024-10-01"
"""The version that the page describes with PATCH. Others exist; none is needed."""

OFFERED = "gpt-4o"
QUOTA = "OpenAI.GlobalStandard.gpt-4o"
"""The model that every account offers, and its row among the usages of a region."""

_ENDPOINT_FIELDS = frozenset({"location", "identity", "kind", "sku", "tags", "properties"})
_ENDPOINT_PROPERTIES = frozenset({"authMode", "defaults", "description", "keys", "properties"})


def seed_batch(resources: Resources, project: str, region: str) -> None:
    """A batch endpoint with two deployments on the cluster ``cpu-cluster``; the first one is its default."""
    endpoint = f"{project}/batchEndpoints/nightly-scores"
    well = {"provisioningState": "Succeeded"}
    resources.put(
        endpoint,
        {
            "location": region,
            "identity": {"type": "SystemAssigned"},
            "properties": {**well, "authMode": "AADToken", "defaults": {"deploymentName": "light"}},
        },
    )
    for name in ("light", "full"):
        compute = f"{project}/computes/cpu-cluster"
        resources.put(
            f"{endpoint}/deployments/{name}", {"location": region, "properties": {**well, "compute": compute}}
        )


def seed_model(resources: Resources, account: str) -> None:
    """The model that an account offers. It is no resource: its row has neither id nor type (``AccountModel``)."""
    resources.put(
        f"{account}/models/{OFFERED}",
        {
            "format": "OpenAI",
            "version": "2024-11-20",
            "isDefaultVersion": True,
            "lifecycleStatus": "GenerallyAvailable",
            "skus": [
                {
                    "name": "GlobalStandard",
                    "usageName": QUOTA,
                    "capacity": {"default": 10, "maximum": 1000000, "minimum": None, "step": None},
                }
            ],
        },
    )


def offered_models(resources: Resources, account: str) -> list[dict[str, Any]]:
    """Rows of the list of models of an account."""
    rows = resources.listed(f"{account}/models")
    return [{field: value for field, value in row.items() if field not in {"id", "type"}} for row in rows]


class ModelsApi:
    """Changes of batch endpoints, and of deployments in AI services accounts.

    Args:
        resources: where they are kept.
        progress: changes that take a while.
    """

    def __init__(self, resources: Resources, progress: Progress) -> None:
        self._resources = resources
        self._progress = progress

    def answer_project(self, call: ArmCall) -> web.Response | None:
        """The answer to a change of a batch endpoint; None for everything else."""
        match call.method, tuple(part.lower() for part in call.parts):
            case "PUT", ("batchendpoints", _):
                return self._put_endpoint(call)
        return None

    def answer_account(self, request: web.Request, body: Any) -> web.Response | None:
        """The answer to a PATCH of a deployment; None for everything else."""
        path = request.path.rstrip("/")
        if type_of(path).lower() != DEPLOYMENT:
            return None
        self._progress.finish()
        if request.method != "PATCH":
            return None
        if request.query["api-version"] != VERSION:
            text = f"The api-version '{request.query['api-version']}' is not simulated for '{DEPLOYMENT}'."
            raise AzureError(400, "NoRegisteredProviderFound", text)
        found = self._resources.get(path)
        if found is None:
            raise AzureError(404, "ResourceNotFound", f"The Resource '{path}' was not found.")
        capacity = _check_sku(found, body)
        self._progress.refuse_another(found)
        self._take_quota(found, capacity)
        found["sku"] = {**found["sku"], "capacity": capacity}
        return json_answer(self._progress.begin(found))

    def _take_quota(self, found: Resource, capacity: int) -> None:
        """Capacity of the model's row among the usages of the account's region."""
        account = self._resources.get(found["id"].rpartition("/deployments/")[0]) or {}
        name = self._usage_name(account, found)
        place = f"/subscriptions/{found['id'].split('/')[2]}/providers/Microsoft.CognitiveServices/locations"
        row = self._resources.get(f"{place}/{account.get('location')}/usages/{name}")
        if row is None:
            raise AzureError(400, "InvalidResourceProperties", f"'{name}' is not offered in this region.")
        more, left = capacity - found["sku"]["capacity"], row["limit"] - row["currentValue"]
        if more > left:
            text = f"{more} more of the quota {name} are needed, and {left:g} of {row['limit']:g} are available."
            raise AzureError(400, "InsufficientQuota", text)
        row["currentValue"] += more

    def _usage_name(self, account: Resource, deployment: Resource) -> str:
        """The quota that a deployment counts against; empty if its account does not offer the model."""
        model, sku = deployment["properties"].get("model", {}), deployment["sku"]["name"]
        for row in offered_models(self._resources, account.get("id", "")):
            if (row["format"], row["name"]) == (model.get("format"), model.get("name")):
                return next((str(each["usageName"]) for each in row["skus"] if each["name"] == sku), "")
        return ""

    def _put_endpoint(self, call: ArmCall) -> web.Response:
        found = self._resources.get(call.id)
        if found is None:
            raise user_error("Batch endpoints are not created here.")
        properties = _check_endpoint(call.body)
        self._progress.refuse_another(found)
        name = (properties.get("defaults") or {}).get("deploymentName")
        deployment = self._resources.get(f"{call.id}/deployments/{name}")
        if deployment is None or deployment["properties"].get("provisioningState") != "Succeeded":
            raise user_error(f"properties.defaults.deploymentName: '{name}' is no deployment that has succeeded.")
        read_only = {key: value for key, value in found["properties"].items() if key not in _ENDPOINT_PROPERTIES}
        put = self._resources.put(
            found["id"],
            {
                **{field: call.body[field] for field in _ENDPOINT_FIELDS if field in call.body},
                "identity": {**found.get("identity", {}), **call.body.get("identity", {})},
                "properties": {**read_only, **properties},
            },
        )
        return json_answer(self._progress.begin(put))


def _check_sku(found: Resource, body: Any) -> int:
    """The capacity that a PATCH asks for.

    Raises:
        AzureError: 400, naming the field.
    """
    said: Mapping[str, Any] = body if isinstance(body, dict) else {}
    if other := set(said) - {"sku", "tags"}:
        raise AzureError(400, "InvalidRequestContent", f"{min(other)}: only sku and tags can be changed by PATCH.")
    sku = said.get("sku")
    if not isinstance(sku, dict) or sku.get("name") != found["sku"]["name"]:
        raise AzureError(400, "InvalidResourceProperties", f"sku.name: '{found['sku']['name']}' was expected.")
    capacity = sku.get("capacity")
    if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
        raise AzureError(400, "InvalidCapacity", "sku.capacity: a number of at least 1 was expected.")
    return capacity


def _check_endpoint(body: Any) -> dict[str, Any]:
    """The properties of a batch endpoint that is put.

    Raises:
        AzureError: 400, naming what is missing, or what a client may not send.
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise user_error("properties: an object was expected.")
    if other := {*(set(body) - _ENDPOINT_FIELDS), *(f"properties.{n}" for n in set(properties) - _ENDPOINT_PROPERTIES)}:
        raise user_error(f"{min(other)}: is read-only and cannot be set.")
    for field, value in (("location", body.get("location")), ("properties.authMode", properties.get("authMode"))):
        if not isinstance(value, str):
            raise user_error(f"{field}: is required.")
    return properties
