"""What must exist in a workspace before a job can be put there, and what that needs in turn."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.jobs.rewrite.fields import FIELDS, PEOPLE_KEYED, FieldUse
from orchestrator.core.jobs.rewrite.json_pointer import child, fold_key, put_at, value_at
from orchestrator.core.jobs.rewrite.name_map import Workspace
from orchestrator.core.jobs.rewrite.references import KINDS, Reference, is_binding, references, short_name


class AssetId(NamedTuple):
    """An asset version in a workspace, without regard to case or spelling."""

    workspace: tuple[str, str, str]
    kind: str
    name: str
    by: str
    version: str


def asset_id(reference: Reference, workspace: Workspace | None = None) -> AssetId | None:
    """The asset that a reference names, or None if it names none. By GUID only those of ``workspace`` are known."""
    by_guid = workspace is not None and workspace.is_named_by(reference)
    kind = reference.part("kind").casefold() if reference.is_workspace or by_guid else ""
    if not kind or not KINDS.get(kind, KINDS["connections"]).need:
        return None
    place = [reference.part(part).casefold() for part in ("subscription", "group", "name")]
    place = list(workspace.folded()) if workspace is not None and by_guid else place
    return AssetId(
        workspace=(place[0], place[1], place[2]),
        kind=kind,
        name=reference.part("child").casefold(),
        by=reference.part("by").casefold(),
        version=reference.part("version").casefold(),
    )


def asset_ids(text: str) -> Iterator[tuple[AssetId, Reference]]:
    """The assets that a string names, with the places where it does."""
    if "/" in text:
        for reference in references(text):
            found = asset_id(reference)
            if found:
                yield found, reference


class AssetBodies:
    """Bodies of assets by id. Without a snapshot it knows none."""

    def __init__(self, snapshot: Mapping[str, Any] | None = None) -> None:
        self._bodies: dict[AssetId, dict[str, Any]] = {}
        self._answers: dict[AssetId, frozenset[str]] = {}
        for spelt, entry in (snapshot or {}).items():
            body = entry.get("body") if isinstance(entry, dict) else None
            for found, _ in asset_ids(spelt):
                self._bodies[found] = body if isinstance(body, dict) else {}

    def body(self, asset: AssetId) -> dict[str, Any]:
        """The ARM body of an asset; empty if there is none at hand."""
        return self._bodies.get(asset, {})

    def about(self, component: object, ask: Callable[[dict[str, Any]], frozenset[str]]) -> frozenset[str]:
        """What ``ask`` says of the specification of a component, by its id; asked once, empty if it is not at hand.

        A component that contains itself is asked nothing the second time.
        """
        for asset, _ in asset_ids(component) if isinstance(component, str) and self._bodies else ():
            if asset not in self._answers:
                self._answers[asset] = frozenset()
                self._answers[asset] = ask(specification(self.body(asset)))
            return self._answers[asset]
        return frozenset()


def specification(body: Mapping[str, Any]) -> dict[str, Any]:
    """The ``componentSpec`` of a component version's body; empty if there is none."""
    properties = body.get("properties")
    spec = properties.get("componentSpec") if isinstance(properties, dict) else None
    return spec if isinstance(spec, dict) else {}


def pin_versions(body: Mapping[str, Any], workspace: Workspace, versions: Mapping[str, str]) -> dict[str, Any]:
    """A copy of a job's or an asset's body that names versions where it named labels.

    Args:
        body: ARM JSON. It stays as it is.
        workspace: whose assets are meant.
        versions: ARM id with the label (``…/environments/e/labels/latest``) -> version. Others stay labels.
    """
    known = {spelt.casefold(): version for spelt, version in versions.items()}
    made = copy.deepcopy(dict(body))
    for place in Closure(workspace, AssetBodies()).places(body) if known else ():
        version = known.get(place.id.casefold())
        if version is not None:
            text = value_at(made, place.pointer)
            put_at(made, place.pointer, _with_version(text, place.id, version, workspace))
    return made


def _with_version(text: str, spelt: str, version: str, workspace: Workspace) -> str:
    if "/" not in text:
        short = short_name(text)
        return f"{short.lead}{short.name}:{version}" if short else text
    wanted = {asset_id(reference) for reference in references(spelt)}
    pieces, last = [], 0
    for reference in references(text):
        if asset_id(reference, workspace) in wanted and reference.part("by"):
            found = reference.found
            start, end = found.start(reference.group("by")), found.end(reference.group("version"))
            pieces += [text[last:start], f"versions/{version}"]
            last = end
    return "".join((*pieces, text[last:]))


SHORT_KINDS = {
    "environment": "environments",
    "environmentid": "environments",
    "component": "components",
    "componentid": "components",
    "code": "codes",
    "codeid": "codes",
}
"""Fields in which a short name is an asset's, and the kind of it."""

CURATED = "azureml-"
"""Environments of Microsoft's own, by short name: every workspace has them."""

_URI_FIELDS = frozenset({"uri", "path", "default"})

_TYPE_FIELDS = frozenset({"jobinputtype", "type"})

_MODEL_TYPES = frozenset({"mlflow_model", "custom_model", "triton_model"})


class AssetPlace(NamedTuple):
    """Where a body names an asset: the kind's word in paths, the ARM id, the JSON pointer of the string."""

    kind: str
    id: str
    pointer: str


def closure(
    body: Mapping[str, Any], workspace: Workspace, assets: Mapping[str, Any] | None = None
) -> tuple[tuple[str, str], ...]:
    """Assets of ``workspace`` that a job needs, as (kind, ARM id), each once, what is needed before what needs it.

    Named by id in any spelling or by short name (``azureml:name:version``). With a snapshot ``{ARM id: {"body"}}``
    the assets behind the assets are there too. Outputs and texts for people name nothing that is needed.
    """
    return tuple(Closure(workspace, AssetBodies(assets)).of(body))


class Closure:
    """Goes from a body to the assets that it names, and on to what these name."""

    def __init__(self, workspace: Workspace, assets: AssetBodies, *, short_names: bool = True) -> None:
        self._workspace = workspace
        self._assets = assets
        self._short_names = short_names

    def of(self, body: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(kind, ARM id) of everything that a body needs, what is needed before what needs it."""
        found: dict[str, tuple[str, str]] = {}
        self._collect(body, found, set())
        return list(found.values())

    def places(self, body: Mapping[str, Any]) -> Iterator[AssetPlace]:
        """Every place of a body that names an asset, in the order of the body."""
        return self._find_named_assets(body.get("properties"), "", "", "/properties")

    def _collect(self, body: Mapping[str, Any], found: dict[str, tuple[str, str]], seen: set[str]) -> None:
        for kind, spelt, _ in self.places(body):
            key = spelt.casefold()
            if key in seen:
                continue
            seen.add(key)
            for reference in references(spelt):
                asset = asset_id(reference)
                if asset:
                    self._collect(self._assets.body(asset), found, seen)
            found[key] = (KINDS[kind].need, spelt)

    def _find_named_assets(self, value: Any, field: str, port: str, path: str) -> Iterator[AssetPlace]:
        """The assets that a value names. ``port`` is the type of the input that it belongs to."""
        if isinstance(value, str):
            named = self._by_id(value) if "/" in value else self._by_name(value, field, port)
            yield from (AssetPlace(kind, spelt, path) for kind, spelt in named)
        elif isinstance(value, list):
            for n, item in enumerate(value):
                yield from self._find_named_assets(item, field, port, child(path, n))
        elif isinstance(value, dict):
            yield from self._inside(value, path)

    def _inside(self, value: dict[str, Any], path: str) -> Iterator[AssetPlace]:
        types = (item for key, item in value.items() if fold_key(key) in _TYPE_FIELDS and isinstance(item, str))
        port = next(types, "")
        for key, item in value.items():
            word, below = fold_key(key), child(path, key)
            if word in PEOPLE_KEYED and isinstance(item, dict):
                for name, inner in item.items():
                    yield from self._find_named_assets(inner, "", port, child(below, name))
            elif FIELDS.get(word) not in {FieldUse.TEXT, FieldUse.OUTPUTS}:
                yield from self._find_named_assets(item, word, port, below)

    def _by_id(self, text: str) -> Iterator[tuple[str, str]]:
        for reference in references(text):
            asset = asset_id(reference, self._workspace)
            if asset and asset.workspace == self._workspace.folded() and not is_binding(reference.part("child")):
                yield asset.kind, self._spelt(asset, reference)

    def _by_name(self, text: str, field: str, port: str) -> Iterator[tuple[str, str]]:
        if not self._short_names or not text.casefold().startswith("azureml:"):
            return
        kind = SHORT_KINDS.get(field, "")
        if not kind and port and field in _URI_FIELDS:
            kind = "models" if port.casefold() in _MODEL_TYPES else "data"
        short = short_name(text) if kind else None
        if short and short.tail and not (kind == "environments" and short.name.casefold().startswith(CURATED)):
            by = "labels" if short.tail.startswith("@") else "versions"
            yield kind, f"{self._workspace.id}/{kind}/{short.name}/{by}/{short.tail[1:]}"

    def _spelt(self, asset: AssetId, reference: Reference) -> str:
        version = f"/{asset.by}/{reference.part('version')}" if asset.by else ""
        return f"{self._workspace.id}/{KINDS[asset.kind].spelt}/{reference.part('child')}{version}"
