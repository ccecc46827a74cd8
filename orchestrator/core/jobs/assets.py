"""A snapshot of asset versions by ARM id: what is behind the components that a job names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.jobs.kinds import KINDS
from orchestrator.core.jobs.rewrite.references import Reference, references


class AssetId(NamedTuple):
    """An asset version in a workspace, without regard to case or spelling."""

    workspace: tuple[str, str, str]
    kind: str
    name: str
    by: str
    version: str


def asset_id(reference: Reference) -> AssetId | None:
    """The asset that a reference names, or None if it names none."""
    kind = reference.part("kind").casefold() if reference.is_workspace else ""
    if not kind or not KINDS.get(kind, KINDS["connections"]).need:
        return None
    place = [reference.part(part).casefold() for part in ("subscription", "group", "name")]
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


class Assets:
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
