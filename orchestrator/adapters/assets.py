"""Assets that jobs name: kept as JSON while their hub answers, recreated under the same name on the other side.

A snapshot is ``{"schema", "id", "kind", "version", "body", "files"}``: the ARM body as Azure gave it and, for code,
every file in base64. Recreating needs nothing of the side that is down.

An environment with a build context is kept, but not recreated: Resource Manager has no call that would take its files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from azure.core.credentials import TokenCredential

from orchestrator.adapters.arm import ResourceManager
from orchestrator.adapters.code_files import CodeFiles
from orchestrator.adapters.pacing import Pacer
from orchestrator.adapters.transport import BoundedTransport
from orchestrator.core.codec import Value, decode, encode
from orchestrator.core.errors import InvalidInput, NotFound, Refused, UnknownShape
from orchestrator.core.jobs import JobMap, Workspace, asset_without_read_only, job_map, rewrite_asset
from orchestrator.core.plan import Hub, Plan
from orchestrator.ports import side_of

SCHEMA = 1
CODE_VERSION = "2023-04-01"
HASH_VERSION = "202208"
FOLDER = "code"


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
    r"/(?P<by>versions|labels)/(?P<version>[^/]+)$",
    re.IGNORECASE,
)


class Snapshot(Value, kw_only=True):
    """What is kept of an asset."""

    schema: int = SCHEMA
    id: str
    kind: str
    version: str
    """The version itself, also where a label was asked for."""

    body: dict[str, Any]
    files: dict[str, bytes] = msgspec.field(default_factory=dict)


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
        credential: the executor again, to read code files.
        transport: the process's transport.
        plans: how names of one side read on the other; hubs of no plan keep all names.
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
        self._files = CodeFiles(credential, transport)
        self._plans = plans
        self._pacer_of = pacer_of

    def capture(self, hub: Hub, asset_id: str) -> bytes:
        """Everything needed to recreate the asset elsewhere.

        Raises:
            NotFound: there is no such asset, or its files are gone.
            InvalidInput: the id is no asset's of this hub's project.
        """
        named = _named(asset_id, hub)
        body = self._newest(hub, named) if named.is_label else self._version(hub, named)
        version = str(body.get("name") or named.version) if named.is_label else named.version
        kind = COLLECTIONS[named.collection].kind
        files = self._code(asset_id, body) if kind == "code" else {}
        return encode(Snapshot(id=asset_id, kind=kind, version=version, body=body, files=files))

    def recreate(self, source: Hub, target: Hub, asset_id: str, snapshot: bytes) -> str:
        """Make the asset exist in the target; its id there. What is there already stays as it is.

        Raises:
            Refused: it names something that the map does not know, or the service does not take it.
        """
        named = _named(asset_id, source)
        kept = read_snapshot(snapshot, asset_id)
        names = self._map(source, target)
        place = f"{target.project_id}/{named.collection}/{_renamed(named, names)}/versions/{kept.version}"
        api_version = COLLECTIONS[named.collection].api_version
        if self._exists(place, api_version):
            return place
        body = self._code_body(target, place, kept) if kept.kind == "code" else _mapped(kept, names)
        self._manager.write("PUT", place, api_version, body, pacer=self._pacer_of(target))
        return place

    def _version(self, hub: Hub, named: Named) -> dict[str, Any]:
        path = f"{hub.project_id}/{named.collection}/{named.name}/versions/{named.version}"
        return self._manager.get(path, COLLECTIONS[named.collection].api_version)

    def _newest(self, hub: Hub, named: Named) -> dict[str, Any]:
        if named.version.casefold() != "latest":
            raise Refused(f"the label {named.version} of {named.name} cannot be resolved; only latest can")
        path = f"{hub.project_id}/{named.collection}/{named.name}/versions"
        query = {"$orderBy": "createdtime desc", "$top": "1"}
        for page in self._manager.pages(path, COLLECTIONS[named.collection].api_version, **query):
            for body in page:
                return body
        raise NotFound(f"{path} has no version")

    def _code(self, asset_id: str, body: Mapping[str, Any]) -> dict[str, bytes]:
        files = self._files.read(_text(body, asset_id, "properties", "codeUri"))
        if not files:
            raise NotFound(f"{asset_id}: its folder is empty")
        return files

    def _exists(self, path: str, api_version: str) -> bool:
        try:
            self._manager.get(path, api_version)
        except NotFound:
            return False
        return True

    def _code_body(self, target: Hub, place: str, kept: Snapshot) -> dict[str, Any]:
        """The same code where the target wants it: files that it has under another name are not sent again."""
        body = asset_without_read_only(kept.body)
        properties = dict(body["properties"])
        content = (properties.get("properties") or {}).get("hash_sha256")
        uri = self._same_content(place, content) if content else None
        return {"properties": properties | {"codeUri": uri or self._uploaded(target, place, kept.files)}}

    def _same_content(self, place: str, content: str) -> str | None:
        path = place.rpartition("/")[0]
        query = {"hash": content, "hashVersion": HASH_VERSION}
        for page in self._manager.pages(path, CODE_VERSION, **query):
            for code in page:
                return _text(code, path, "properties", "codeUri")
        return None

    def _uploaded(self, target: Hub, place: str, files: Mapping[str, bytes]) -> str:
        answer = self._manager.write(
            "POST",
            f"{place}/startPendingUpload",
            CODE_VERSION,
            {"pendingUploadType": "TemporaryBlobReference"},
            pacer=self._pacer_of(target),
        )
        where = f"the upload for {place}"
        signed = _text(answer, where, "blobReferenceForConsumption", "credential", "sasUri")
        self._files.write(signed, FOLDER, files)
        return f"{_text(answer, where, 'blobReferenceForConsumption', 'blobUri').rstrip('/')}/{FOLDER}"

    def _map(self, source: Hub, target: Hub) -> JobMap:
        for plan in self._plans.values():
            role = side_of(plan, source.project_id)
            if role is not None and side_of(plan, target.project_id) is role.other:
                return job_map(plan, role)
        return JobMap(from_=_workspace(source), to=_workspace(target), same_names=True)


def read_snapshot(data: bytes, asset_id: str) -> Snapshot:
    """A snapshot, if it is this asset's and of a shape that is known."""
    where = f"the snapshot of {asset_id}"
    seen = decode(data, dict[str, Any], where)
    if seen.get("schema") != SCHEMA:
        raise UnknownShape(where, "schema", f"the number {SCHEMA}", repr(seen.get("schema")))
    snapshot = decode(data, Snapshot, where)
    if snapshot.id.casefold() != asset_id.casefold():
        raise InvalidInput(where, "id", asset_id, snapshot.id)
    return snapshot


def _named(asset_id: str, hub: Hub) -> Named:
    match = _ID.match(asset_id)
    if not match or match["workspace"].casefold() != hub.project_id.casefold():
        raise InvalidInput("an asset", "id", f"the id of an asset version of {hub.project_id}", repr(asset_id)[:300])
    return Named(match["kind"].lower(), match["name"], match["version"], match["by"].lower() == "labels")


def _renamed(named: Named, names: JobMap) -> str:
    """Environments alone may have another name on the other side."""
    return names.environments.get(named.name, named.name) if named.collection == "environments" else named.name


def _mapped(kept: Snapshot, names: JobMap) -> dict[str, Any]:
    result = rewrite_asset(kept.kind, kept.body, names)
    if result.unmapped:
        first = result.unmapped[0]
        raise Refused(f"{kept.id}: {first.path}: {first.why}")
    build = result.body["properties"].get("build") or {}
    if urlsplit(str(build.get("contextUri") or "")).scheme in {"https", "azureml"}:
        raise Refused(f"{kept.id}: an environment that is built from a folder cannot be recreated; name an image")
    return result.body


def _workspace(hub: Hub) -> Workspace:
    return Workspace(subscription=hub.subscription, resource_group=hub.resource_group, workspace=hub.project)


def _text(body: Mapping[str, Any], where: str, *path: str) -> str:
    value: Any = body
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not value:
        raise InvalidInput(where, ".".join(path), "a text", repr(value)[:100])
    return value
