"""Codes, environments, components, data and models: containers and their versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.calls import PAGE, ArmCall, BlobAccount, list_by_view, page_of
from orchestrator.simulator.arm.resources import Resource, Resources, system_data
from orchestrator.simulator.arm.rules import Resolver, check_asset, check_context, check_unchanged
from orchestrator.simulator.services import Kernel

KINDS = frozenset({"codes", "environments", "components", "data", "models"})
_DATASTORE_PATH = re.compile(r"^azureml:.*/datastores/(?P<name>[^/]+)/paths/(?P<path>.+)$", re.IGNORECASE)
_UPLOAD_LIFETIME = timedelta(hours=1)
_DEFAULTS: dict[str, dict[str, object]] = {
    "codes": {},
    "environments": {
        "environmentType": "UserCreated",
        "osType": "Linux",
        "condaFile": "",
        "autoRebuild": "Disabled",
        "stage": "Development",
    },
    "components": {},
    "data": {},
    "models": {"flavors": {}, "modelType": "custom_model", "jobName": None, "stage": "Development"},
}
"""What a version is shown with although nobody sent it, as recorded by azure-powershell's tests."""


def _show_spec(call: ArmCall, spec: Any) -> Any:
    """A component's spec as it is kept: the URL's name and version, and the resources of a command.

    As recorded of a command component by azure-powershell's tests; what becomes of other kinds is not recorded.
    """
    if not isinstance(spec, dict):
        return spec
    resources = {"resources": {"instance_count": "1"}} if spec.get("type") == "command" else {}
    return {**resources, **spec, "name": call.parts[1], "version": call.parts[3]}


class AssetsApi:
    """The asset collections of every workspace.

    Args:
        kernel: time.
        resources: where assets are kept.
        storage: each region's own storage account, with its URL.
        page: elements of a page of a list.
    """

    def __init__(
        self,
        kernel: Kernel,
        resources: Resources,
        storage: Mapping[str, tuple[str, BlobAccount]],
        page: int = PAGE,
    ) -> None:
        self._kernel = kernel
        self._resources = resources
        self._storage = storage
        self._page = page

    def answer(self, call: ArmCall, wrong: Resolver) -> web.Response:
        """Answer a call to a collection, a container, its versions, or one of them."""
        if call.method == "GET":
            return self._get(call)
        match call.method, tuple(part.lower() for part in call.parts[2:]):
            case "PUT", ("versions", _):
                return self._put(call, wrong)
            case "DELETE", ("versions", _):
                return web.Response(status=200 if self._resources.drop(call.id) else 204)
            case "POST", ("versions", _, "startpendingupload"):
                return self._start_upload(call)
        raise call.not_allowed()

    def _get(self, call: ArmCall) -> web.Response:
        if len(call.parts) == 1:
            shown = list_by_view(self._resources.listed(call.id), call.query.get("listViewType"))
            return page_of(call, shown, self._page)
        if len(call.parts) == 3 and call.parts[2].lower() == "versions":
            with_hash = call.kind == "codes" and "hash" in call.query
            return json_answer({"value": self._with_hash(call)}) if with_hash else self._versions(call)
        return json_answer(self._find(call))

    def _find(self, call: ArmCall) -> Resource:
        found = self._resources.get(call.id)
        if found is None:
            raise call.not_found()
        return found

    def _versions(self, call: ArmCall) -> web.Response:
        """Versions of one name: newest first, unless the oldest are asked for first."""
        versions = self._resources.listed(call.id)
        if not call.query.get("$orderBy", "").lower().endswith("asc"):
            versions.reverse()
        shown = list_by_view(versions, call.query.get("listViewType"))
        return page_of(call, shown, self._page)

    def _with_hash(self, call: ArmCall) -> list[Resource]:
        """Codes of the whole workspace with that content; that other names are searched too is decided here."""
        wanted = call.query["hash"]
        codes = self._resources.under(f"{call.workspace_id}/codes/")
        return [code for code in codes if (code["properties"].get("properties") or {}).get("hash_sha256") == wanted]

    def _put(self, call: ArmCall, wrong: Resolver) -> web.Response:
        url, _ = self._storage[call.region]
        check_asset(call.kind, call.body, wrong, lambda uri: str(uri).startswith(f"{url}/"))
        if call.kind == "environments":
            check_context(call.body["properties"], lambda uri: self._has_file(call, uri))
        before = self._resources.get(call.id)
        properties = _DEFAULTS[call.kind] | {
            "description": None,
            "isAnonymous": False,
            "isArchived": False,
            "tags": {},
            "properties": {},
            **call.body["properties"],
            "provisioningState": "Succeeded",
        }
        if call.kind == "components":
            properties["componentSpec"] = _show_spec(call, properties["componentSpec"])
        if before is not None:
            check_unchanged(call.kind, before["properties"], properties)
        data = before["systemData"] if before else system_data(self._kernel.now(), call.caller.client_id)
        kept = self._resources.put(call.id, {"properties": properties, "systemData": data})
        self._bump(call, properties)
        return json_answer(kept, 200) if before else json_answer(kept, 201, call.location())

    def _has_file(self, call: ArmCall, uri: str) -> bool | None:
        """Whether a file lies in the workspace's own account; None if the URI leads out of all accounts."""
        url, blobs = self._storage[call.region]
        store = _DATASTORE_PATH.match(uri)
        if store:
            found = self._resources.get(f"{call.workspace_id}/datastores/{store['name']}")
            uri = f"{url}/{found['properties']['containerName']}/{store['path']}" if found else uri
        if not uri.startswith(f"{url}/"):
            return False if store or any(uri.startswith(f"{other}/") for other, _ in self._storage.values()) else None
        container, _, path = uri.removeprefix(f"{url}/").partition("/")
        return path in blobs.names(container, path)

    def _bump(self, call: ArmCall, properties: dict[str, object]) -> None:
        """Keep the container's idea of the newest version."""
        container_id = "/".join([call.workspace_id, *call.parts[:2]])
        container = self._resources.get(container_id) or self._resources.put(
            container_id,
            {
                "properties": {"isArchived": False, "tags": {}, "properties": {}},
                "systemData": system_data(self._kernel.now(), call.caller.client_id),
            },
        )
        version = call.parts[3]
        following = str(int(version) + 1) if version.isdigit() else None
        container["properties"] |= {"latestVersion": version, "nextVersion": following}
        if call.kind == "data":
            container["properties"]["dataType"] = properties.get("dataType")

    def _start_upload(self, call: ArmCall) -> web.Response:
        """A new container in the workspace's own account, and a SAS with which files may be put there."""
        url, blobs = self._storage[call.region]
        container = f"snapshot-{uuid4()}"
        blobs.create_container(container)
        sas = blobs.sas(container, "rcwl", self._kernel.now() + _UPLOAD_LIFETIME)
        place = f"{url}/{container}"
        return json_answer(
            {
                "pendingUploadId": None,
                "pendingUploadType": "TemporaryBlobReference",
                "blobReferenceForConsumption": {
                    "blobUri": place,
                    "storageAccountArmId": call.workspace["properties"]["storageAccount"],
                    "credential": {"credentialType": "SAS", "sasUri": f"{place}?{sas}"},
                },
            }
        )
