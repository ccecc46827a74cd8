"""Deployments of templates into a resource group, as far as a template needs no functions but its parameters.

Documented (learn.microsoft.com, rest/api/resources/deployments, "Template structure and syntax", "Troubleshoot common
errors"; types in Azure/bicep-types-az, Microsoft.Resources 2025-04-01): paths and bodies, that names have at most 64
characters, that a deployment goes on after the answer, its states, errors with ``details``, and the codes
``InvalidTemplate``, ``DeploymentActive`` and ``ParentResourceNotFound``. **Not documented**: how long it takes, and all
wording. Functions other than ``parameters('…')`` are not simulated, and refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.progress import CHANGE_TAKES
from orchestrator.simulator.arm.resources import Resource, Resources, stamp
from orchestrator.simulator.services import AzureError, Kernel

DEPLOYMENTS = "deployments/"
_NAME = re.compile(r"[-\w._()]{1,64}")
_PARAMETER = re.compile(r"\[parameters\('([^']+)'\)\]")
_RUNNING, _SUCCEEDED, _FAILED = "Running", "Succeeded", "Failed"


class TemplatesApi:
    """Deployments.

    Args:
        kernel: time, and how fast simulated work goes.
        resources: where deployments are kept, and what they make.
    """

    def __init__(self, kernel: Kernel, resources: Resources) -> None:
        self._kernel = kernel
        self._resources = resources
        self._under_way: dict[str, tuple[datetime, list[Resource]]] = {}
        """Id of a deployment, in lower case -> when it ends, and what it makes."""

    def answer(self, request: web.Request, body: Any) -> web.Response:
        """GET and PUT of a deployment."""
        self._finish()
        place = request.path.rstrip("/")
        name, group = place.rpartition("/")[2], place.partition("/providers/")[0]
        found = self._resources.get(place)
        if request.method == "GET":
            if found is None:
                raise AzureError(404, "DeploymentNotFound", f"Deployment '{name}' could not be found.")
            return json_answer(found)
        if request.method != "PUT":
            raise AzureError(405, "MethodNotAllowed", f"{request.method} is not simulated for deployments.")
        if not _NAME.fullmatch(name):
            raise AzureError(400, "InvalidDeploymentName", "1 to 64 letters, digits, -, _, ., ( and ) were expected.")
        if place.lower() in self._under_way:
            raise AzureError(409, "DeploymentActive", f"The deployment '{name}' is still active.")
        made = _resources_of(body, group)
        kept = self._resources.put(
            place,
            {
                "properties": {
                    "mode": "Incremental",
                    "provisioningState": _RUNNING,
                    "parameters": body["properties"].get("parameters") or {},
                    "timestamp": stamp(self._kernel.now()),
                }
            },
        )
        self._under_way[place.lower()] = (self._kernel.now() + CHANGE_TAKES / self._kernel.speed, made)
        return json_answer(kept, 201 if found is None else 200)

    def _finish(self) -> None:
        now = self._kernel.now()
        for place, (until, made) in list(self._under_way.items()):
            if until > now:
                continue
            del self._under_way[place]
            found = self._resources.get(place)
            faults = [fault for resource in made if (fault := self._make(resource))]
            if found is not None:
                found["properties"]["provisioningState"] = _FAILED if faults else _SUCCEEDED
            if found is not None and faults:
                found["properties"]["error"] = {
                    "code": "DeploymentFailed",
                    "message": "At least one resource deployment operation failed. See the details.",
                    "details": faults,
                }

    def _make(self, resource: Resource) -> dict[str, str] | None:
        """Put one resource; the error if what contains it is not there."""
        parts = resource["id"].partition("/providers/")[2].split("/")
        parent = resource["id"].rsplit("/", 2)[0]
        if len(parts) > 3 and self._resources.get(parent) is None:
            text = f"Failed to perform 'write' on '{resource['name']}', because the parent resource is not found."
            return {"code": "ParentResourceNotFound", "message": text}
        properties = {**(resource.get("properties") or {}), "provisioningState": _SUCCEEDED}
        self._resources.put(resource["id"], {**resource, "properties": properties})
        return None


def _resources_of(body: Any, group: str) -> list[Resource]:
    """What a deployment makes, with the values of its parameters.

    Raises:
        AzureError: 400, naming what is wrong.
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict) or properties.get("mode") != "Incremental":
        raise AzureError(400, "InvalidRequestContent", "properties.mode: Incremental was expected.")
    template = properties.get("template")
    if not isinstance(template, dict) or not {"$schema", "contentVersion", "resources"} <= template.keys():
        raise _invalid("$schema, contentVersion and resources are required")
    values = _values(template.get("parameters") or {}, properties.get("parameters") or {})
    listed = template["resources"]
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise _invalid("resources: an array of objects was expected")
    return [_resource(_fill(each, values), group) for each in listed]


def _values(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := given.keys() - declared.keys():
        raise _invalid(f"the parameter '{min(unknown)}' is not declared")
    values: dict[str, Any] = {}
    for name, declaration in declared.items():
        if name in given:
            if not isinstance(given[name], dict) or "value" not in given[name]:
                raise _invalid(f"the parameter '{name}' has no value")
            values[name] = given[name]["value"]
        elif "defaultValue" in declaration:
            values[name] = declaration["defaultValue"]
        else:
            raise _invalid(f"the value for the parameter '{name}' is missing")
    return values


def _fill(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _fill(inner, values) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, values) for inner in value]
    if not isinstance(value, str) or not (value.startswith("[") and value.endswith("]")):
        return value
    found = _PARAMETER.fullmatch(value)
    if found is None or found[1] not in values:
        raise _invalid(f"the expression {value} is not simulated")
    return values[found[1]]


def _resource(declared: dict[str, Any], group: str) -> Resource:
    if not {"type", "apiVersion", "name"} <= declared.keys():
        raise _invalid("a resource needs type, apiVersion and name")
    provider, *kinds = str(declared["type"]).split("/")
    names = str(declared["name"]).split("/")
    if len(kinds) != len(names):
        raise _invalid(f"the name '{declared['name']}' has not as many segments as its type")
    tail = "/".join(f"{kind}/{name}" for kind, name in zip(kinds, names, strict=True))
    kept = {name: value for name, value in declared.items() if name not in {"apiVersion", "dependsOn"}}
    return {**kept, "id": f"{group}/providers/{provider}/{tail}", "name": names[-1]}


def _invalid(what: str) -> AzureError:
    return AzureError(400, "InvalidTemplate", f"Deployment template validation failed: {what}.")
