"""Any resource by its id, as raw JSON: what steps of a plan read and change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.core.plan.schema import Hub
from orchestrator.ports import Versioned


class PacedResources:
    """``ArmResources`` through Resource Manager. Safe to share between threads.

    Args:
        manager: Resource Manager, as the executor.
        pacer_of: the share of writes in a hub's subscription, which the moving of jobs uses as well.
        pacer_in: the same by the subscription's id.
    """

    def __init__(
        self, manager: ResourceManager, pacer_of: Callable[[Hub], Pacer], pacer_in: Callable[[str], Pacer]
    ) -> None:
        self._manager = manager
        self._pacer_of = pacer_of
        self._pacer_in = pacer_in

    def get(self, resource_id: str, api_version: str) -> dict[str, Any]:
        """The resource. NotFound if there is none."""
        return self._manager.get(resource_id, api_version)

    def patch(self, hub: Hub, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        """Change what ``body`` names, when this process's share of writes allows it."""
        self._manager.write("PATCH", resource_id, api_version, body, pacer=self._pacer_of(hub))

    def put(self, hub: Hub, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        """Create or replace the resource, when this process's share of writes allows it."""
        self._manager.write("PUT", resource_id, api_version, body, pacer=self._pacer_of(hub))

    def read(self, resource_id: str, api_version: str) -> Versioned[dict[str, Any]]:
        """The resource with the ETag of the answer."""
        return Versioned(*self._manager.get_with_etag(resource_id, api_version))

    def list(self, place: str, api_version: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The elements of a list, all of its pages."""
        for page in self._manager.pages(place, api_version, **query):
            yield from page

    def change(self, resource_id: str, api_version: str, body: Mapping[str, Any], etag: str = "") -> None:
        """Change what ``body`` names, when this process's share of writes in the resource's subscription allows it."""
        headers = {"If-Match": etag} if etag else None
        pacer = self._pacer_in(resource_id.split("/")[2])
        self._manager.write("PATCH", resource_id, api_version, body, pacer=pacer, headers=headers)
