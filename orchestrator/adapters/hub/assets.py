"""Assets that jobs name: kept as JSON while their hub answers, recreated under the same name on the other side.

A snapshot (``orchestrator.core.jobs.asset_snapshot``) holds the ARM body as Azure gave it; files of codes, of folders
that environments are built from, and of models in the hub's own storage go to a content-addressed store. Recreating
needs nothing of the side that is down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from azure.core.credentials import TokenCredential

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.hub.build_contexts import BuildContexts, context_of
from orchestrator.adapters.hub.code_files import CodeFiles
from orchestrator.adapters.hub.datastores import Datastores
from orchestrator.adapters.hub.model_files import ModelFiles, model_uri
from orchestrator.adapters.hub.storage_hosts import OwnStorage
from orchestrator.adapters.hub.upload_places import UploadPlaces
from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import Conflict, InvalidInput, NotFound, Refused
from orchestrator.core.jobs.asset_snapshot import KeptFile, Snapshot, read_snapshot
from orchestrator.core.jobs.rewrite import JobMap, asset_without_read_only, job_map, rewrite_asset, workspace_of
from orchestrator.core.plan.schema import Hub, Plan, side_of
from orchestrator.ports import Shelf

CODE_VERSION = "2023-04-01"
HASH_VERSION = "202208"
FOLDER = "code"
LATEST = "latest"
"""The label that every asset has, and what an id without a version means."""


class Collection(NamedTuple):
    """One kind of asset, as Resource Manager and azure-ai-ml 1.35 know it."""

    kind: str
    api_version: str


COLLECTIONS = {
    "codes": Collection("code", CODE_VERSION),
    "environments": Collection("environment", "2023-04-01-preview"),
    "components": Collection("component", "2024-01-01-preview"),
    "data": Collection("data", "2023-04-01-preview"),
    "models": Collection("model", "2023-08-01-preview"),
}

_ID = re.compile(
    r"^(?P<workspace>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.MachineLearningServices"
    r"/workspaces/[^/]+)/(?P<kind>codes|environments|components|data|models)/(?P<name>[^/]+)"
    r"(?:/(?P<by>versions|labels)/(?P<version>[^/]+))?$",
    re.IGNORECASE,
)


class Named(NamedTuple):
    """An asset's id, taken apart. ``collection`` is the word in the path, in lower case."""

    collection: str
    name: str
    version: str
    is_label: bool


class ArmAssets:
    """``AssetService`` through Resource Manager and blob storage. Safe to share between threads.

    Args:
        manager: Resource Manager, as the executor.
        credential: the executor again, to read and write files.
        transport: the process's transport.
        plans: how names of one side read on the other, and whose storage is whose; hubs of no plan keep all names.
        pacer_of: the share of writes in a hub's subscription.
    """

    def __init__(
        self,
        manager: ResourceManager,
        credential: TokenCredential,
        transport: BoundedTransport,
        *,
        plans: Mapping[str, Plan],
        pacer_of: Callable[[Hub], Pacer],
    ) -> None:
        self._manager = manager
        stores = Datastores(manager)
        own = OwnStorage(plans, stores.accounts)
        self._files = CodeFiles(credential, transport, own)
        self._places = UploadPlaces(stores, credential, transport, own)
        self._contexts = BuildContexts(self._files, stores, self._places, pacer_of)
        self._models = ModelFiles(manager, self._files, stores, self._places, pacer_of)
        self._plans = plans
        self._pacer_of = pacer_of

    def resolve(self, hub: Hub, asset_id: str) -> str:
        """The asset's id with the version that its label means now; an id with a version is answered as it is.

        Raises:
            NotFound: it has no version.
            Refused: a label other than ``latest``, which Resource Manager cannot resolve.
        """
        named = _parse_id(asset_id, hub)
        if not named.is_label:
            return asset_id
        version = _text(self._newest(hub, named), asset_id, "name")
        spelt = asset_id.rpartition("/labels/")[0] or asset_id
        return f"{spelt}/versions/{version}"

    def capture(self, hub: Hub, asset_id: str, shelf: Shelf) -> bytes:
        """Everything needed to recreate the asset elsewhere; its files go to the shelf.

        Raises:
            NotFound: there is no such asset, or its files are gone.
            InvalidInput: the id is no asset's of this hub's project.
        """
        named = _parse_id(asset_id, hub)
        body = self._newest(hub, named) if named.is_label else self._version(hub, named)
        version = str(body.get("name") or named.version) if named.is_label else named.version
        kind = COLLECTIONS[named.collection].kind
        files = self._keep_files(hub, asset_id, kind, body, shelf)
        return encode(Snapshot(id=asset_id, kind=kind, version=version, body=body, files=files))

    def recreate(self, source: Hub, target: Hub, asset_id: str, snapshot: bytes, shelf: Shelf) -> str:
        """Make the asset exist in the target; its id there. What is there already stays as it is.

        Raises:
            Refused: it names something that the map does not know, or the service does not take it.
        """
        named = _parse_id(asset_id, source)
        kept = read_snapshot(snapshot, asset_id)
        names = self._map(source, target)
        place = f"{target.project_id}/{named.collection}/{_new_name(named, names)}/versions/{kept.version}"
        if self.present(target, place):
            return place
        body = self._body_there(target, place, kept, names, shelf)
        version = COLLECTIONS[named.collection].api_version
        try:
            self._manager.write("PUT", place, version, body, pacer=self._pacer_of(target))
        except (Refused, Conflict):
            # Another worker, or the other stamp, may have made it meanwhile: the service lets nobody change a code.
            if not self.present(target, place):
                raise
        return place

    def present(self, hub: Hub, asset_id: str) -> bool:
        """Whether the asset exists in the hub."""
        named = _parse_id(asset_id, hub)
        try:
            self._manager.get(asset_id, COLLECTIONS[named.collection].api_version)
        except NotFound:
            return False
        return True

    def _version(self, hub: Hub, named: Named) -> dict[str, Any]:
        path = f"{hub.project_id}/{named.collection}/{named.name}/versions/{named.version}"
        return self._manager.get(path, COLLECTIONS[named.collection].api_version)

    def _newest(self, hub: Hub, named: Named) -> dict[str, Any]:
        if named.version.casefold() != LATEST:
            raise Refused(f"the label {named.version} of {named.name} cannot be resolved; only {LATEST} can")
        path = f"{hub.project_id}/{named.collection}/{named.name}/versions"
        query = {"$orderBy": "createdtime desc", "$top": "1"}
        for page in self._manager.pages(path, COLLECTIONS[named.collection].api_version, **query):
            for body in page:
                return body
        raise NotFound(f"{path} has no version")

    def _keep_files(
        self, hub: Hub, asset_id: str, kind: str, body: Mapping[str, Any], shelf: Shelf
    ) -> dict[str, KeptFile]:
        if kind == "environment":
            return self._contexts.keep(hub, body, shelf)
        if kind == "model":
            return self._models.keep(hub, body, shelf)
        if kind != "code":
            return {}
        files = self._files.keep(hub, _text(body, asset_id, "properties", "codeUri"), shelf)
        if not files:
            raise NotFound(f"{asset_id}: its folder is empty")
        return files

    def _body_there(self, target: Hub, place: str, kept: Snapshot, names: JobMap, shelf: Shelf) -> dict[str, Any]:
        if kept.kind == "code":
            return self._code_body(target, place, kept, shelf)
        if kept.files and kept.kind == "model":
            return self._model_body(target, kept, names, shelf)
        if not (kept.files and context_of(kept.body)):
            return _map_names(kept, kept.body, names)
        build = kept.body["properties"]["build"]
        without = {**kept.body["properties"], "build": {k: v for k, v in build.items() if k != "contextUri"}}
        body = _map_names(kept, {**kept.body, "properties": without}, names)
        body["properties"]["build"]["contextUri"] = self._contexts.upload(target, kept.files, shelf)
        return body

    def _model_body(self, target: Hub, kept: Snapshot, names: JobMap, shelf: Shelf) -> dict[str, Any]:
        """The same model with its own files: the run that wrote them is not there."""
        without = {key: value for key, value in kept.body["properties"].items() if key not in {"modelUri", "jobName"}}
        body = _map_names(kept, {**kept.body, "properties": without}, names)
        body["properties"]["modelUri"] = self._models.upload(target, model_uri(kept.body), kept.files, shelf)
        return body

    def _code_body(self, target: Hub, place: str, kept: Snapshot, shelf: Shelf) -> dict[str, Any]:
        """The same code where the target wants it: files that it has under another name are not sent again."""
        body = asset_without_read_only(kept.body)
        properties = dict(body["properties"])
        content = (properties.get("properties") or {}).get("hash_sha256")
        uri = self._same_content(place, content) if content else None
        return {"properties": properties | {"codeUri": uri or self._upload(target, place, kept.files, shelf)}}

    def _same_content(self, place: str, content: str) -> str | None:
        path = place.rpartition("/")[0]
        query = {"hash": content, "hashVersion": HASH_VERSION}
        for page in self._manager.pages(path, CODE_VERSION, **query):
            for code in page:
                return _text(code, path, "properties", "codeUri")
        return None

    def _upload(self, target: Hub, place: str, files: Mapping[str, KeptFile], shelf: Shelf) -> str:
        answer = self._manager.write(
            "POST",
            f"{place}/startPendingUpload",
            CODE_VERSION,
            {"pendingUploadType": "TemporaryBlobReference"},
            pacer=self._pacer_of(target),
        )
        where = f"the upload for {place}"
        signed = _text(answer, where, "blobReferenceForConsumption", "credential", "sasUri")
        container = _text(answer, where, "blobReferenceForConsumption", "blobUri").rstrip("/")
        self._files.write(self._places.signed(target, signed, container), FOLDER, files, shelf)
        return f"{container}/{FOLDER}"

    def _map(self, source: Hub, target: Hub) -> JobMap:
        for plan in self._plans.values():
            role = side_of(plan, source.project_id)
            if role is not None and side_of(plan, target.project_id) is role.other:
                return job_map(plan, role)
        return JobMap(from_=workspace_of(source), to=workspace_of(target), same_names=True)


def _parse_id(asset_id: str, hub: Hub) -> Named:
    match = _ID.match(asset_id)
    if not match or match["workspace"].casefold() != hub.project_id.casefold():
        raise InvalidInput("an asset", "id", f"the id of an asset version of {hub.project_id}", repr(asset_id)[:300])
    is_label = (match["by"] or "labels").lower() == "labels"
    return Named(match["kind"].lower(), match["name"], match["version"] or LATEST, is_label)


def _new_name(named: Named, names: JobMap) -> str:
    """Environments alone may have another name on the other side."""
    return names.environments.get(named.name, named.name) if named.collection == "environments" else named.name


def _map_names(kept: Snapshot, body: Mapping[str, Any], names: JobMap) -> dict[str, Any]:
    result = rewrite_asset(kept.kind, body, names)
    if result.unmapped:
        first = result.unmapped[0]
        raise Refused(f"{first.path}: {first.why}")
    return result.body


def _text(body: Mapping[str, Any], where: str, *path: str) -> str:
    value: Any = body
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not value:
        raise InvalidInput(where, ".".join(path), "a text", repr(value)[:100])
    return value
