"""Any resource by its id, as raw JSON: what steps of a plan read and change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.core.plan.schema import Hub


class PacedResources:
    """``ArmResources`` through Resource Manager. Safe to share between threads.

    Args:
        manager: Resource Manager, as the executor.
        pacer_of: the share of writes in a hub's subscription, which the moving of jobs uses as well.
    """

    def __init__(self, manager: ResourceManager, pacer_of: Callable[[Hub], Pacer]) -> None:
        self._manager = manager
        self._pacer_of = pacer_of

    def get(self, resource_id: str, api_version: str) -> dict[str, Any]:
        """The resource. NotFound if there is none."""
        return self._manager.get(resource_id, api_version)

    def patch(self, hub: Hub, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        """Change what ``body`` names, when this process's share of writes allows it."""
        self._manager.write("PATCH", resource_id, api_version, body, pacer=self._pacer_of(hub))
