"""Whether a job could run: Azure ML takes a job whose code has no files, and it fails when it is prepared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.simulator.arm.calls import ArmCall, BlobAccount
from orchestrator.simulator.arm.references import references
from orchestrator.simulator.arm.resources import Resources


class Upkeep:
    """Looks after the files behind the codes that a job needs, its components' included.

    Args:
        resources: where assets are kept.
        storage: each region's own storage account, with its URL.
    """

    def __init__(self, resources: Resources, storage: Mapping[str, tuple[str, BlobAccount]]) -> None:
        self._resources = resources
        self._storage = storage

    def lacks(self, call: ArmCall) -> str | None:
        """What a job that was put lacks to run, or None."""
        url, blobs = self._storage[call.region]
        for code in self._codes(call.body, call.workspace_id, set()):
            container, _, folder = str(code["properties"]["codeUri"]).removeprefix(f"{url}/").partition("/")
            if not blobs.names(container, folder):
                return f"the code {code['id']} has no files"
        return None

    def _codes(self, body: Any, workspace: str, seen: set[str]) -> Iterator[dict[str, Any]]:
        for reference in references(body):
            found = self._resources.get(f"{workspace}/{reference.kind}/{reference.name}/versions/{reference.version}")
            if found is None or found["id"] in seen:
                continue
            seen.add(found["id"])
            if reference.kind == "codes":
                yield found
            elif reference.kind == "components":
                yield from self._codes(found, workspace, seen)
