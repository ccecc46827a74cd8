"""Deleted resources through Resource Manager: whether something is there, what is kept, and bringing it back.

Reads are the reader's and keep to its share; the calls that recover are the executor's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.deadline import deadline
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.hub.arm_sources import (
    INSIGHTS,
    KEPT,
    ML,
    RESOURCE_GROUPS,
    SUBSCRIPTIONS,
    VERSION_OF,
    is_arm_id,
)
from orchestrator.core.base.errors import HubswitchError, NotFound, Refused
from orchestrator.core.plan.schema import Hub
from orchestrator.core.standby.inventory import DENIED, dig, unreadable

LONGEST = timedelta(seconds=60)
"""After this long no more is read of what a hub names, or of what is kept in a subscription."""


LOOKS_PER_SECOND = 5.0
LOOK_BURST = 80
"""The share of reads in a subscription, beside that of inventories: one person's look at a pair is about 40 reads."""


class ArmDeletedResources:
    """``DeletedResources`` through Resource Manager. Safe to share between threads.

    Args:
        reader: Resource Manager, as the reader.
        reads: the share of reads in a subscription.
        executor: Resource Manager, as the executor.
        writes: the share of writes in a hub's subscription.
    """

    def __init__(
        self,
        reader: ResourceManager,
        reads: Callable[[str], Pacer],
        executor: ResourceManager,
        writes: Callable[[Hub], Pacer],
    ) -> None:
        self._reader = reader
        self._reads = reads
        self._executor = executor
        self._writes = writes

    def state(self, resource_id: str) -> str:
        """The provisioning state of what is there, in lower case; empty if it has none.

        Raises:
            NotFound: Resource Manager knows nothing of that id.
            Refused: a kind that is not known here, or no ARM id.
        """
        provider = resource_id.casefold().rpartition("/providers/")[2].partition("/")[0]
        if not is_arm_id(resource_id) or provider not in VERSION_OF:
            raise Refused(f"how {resource_id} is read is not known here")
        found = self._get(resource_id, VERSION_OF[provider])
        return str(dig(found, "properties.provisioningState") or "").casefold()

    def has_group(self, group_id: str) -> bool:
        """Whether a resource group is there."""
        try:
            self._get(group_id, RESOURCE_GROUPS)
        except NotFound:
            return False
        return True

    def known(self, hub: Hub) -> dict[str, Any]:
        """What the hub itself names: hub, app_insights, connections, without those that cannot be read."""
        found: dict[str, Any] = {}
        with deadline(LONGEST):
            self._try(found, "hub", lambda: self._get(hub.hub_id, ML))
            self._try(found, "connections", lambda: self._list(f"{hub.hub_id}/connections", ML, hub.subscription))
            insights = dig(found, "hub.properties.applicationInsights")
            if is_arm_id(insights):
                self._try(found, "app_insights", lambda: self._get(insights, INSIGHTS))
        return found

    def kept(self, subscription: str) -> dict[str, Any]:
        """The lists of deleted resources that are still kept; why, for one that cannot be read."""
        found: dict[str, Any] = {}
        with deadline(LONGEST):
            for key, (place, version) in KEPT.items():
                path = f"/subscriptions/{subscription}/providers/{place}"
                try:
                    found[key] = self._list(path, version, subscription)
                except HubswitchError as fault:
                    found[key] = unreadable(DENIED, str(fault))
        return found

    def tenant(self, subscription: str) -> str:
        """The id of a subscription's tenant; empty if the answer has none."""
        return str(self._get(f"/subscriptions/{subscription}", SUBSCRIPTIONS).get("tenantId") or "")

    def recover(self, hub: Hub, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        """Send the PUT that recovers a resource, when this process's share of writes allows it."""
        self._executor.ask_for(resource_id, api_version, body, pacer=self._writes(hub))

    def _get(self, path: str, version: str) -> dict[str, Any]:
        self._reads(path.split("/")[2]).wait_turn()
        return self._reader.get(path, version)

    def _list(self, path: str, version: str, subscription: str) -> list[dict[str, Any]]:
        pages = self._reader.paced_pages(path, version, self._reads(subscription).wait_turn, {})
        return [element for page in pages for element in page]

    @staticmethod
    def _try(found: dict[str, Any], key: str, ask: Callable[[], Any]) -> None:
        try:
            found[key] = ask()
        except HubswitchError:
            return
