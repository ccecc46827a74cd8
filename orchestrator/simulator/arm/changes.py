"""What a person does to resources behind everybody's back: changes, deletions, and the events that tell of them.

Each is told to the subscription's system topic as ``Microsoft.Resources.ResourceWriteSuccess`` or
``ResourceDeleteSuccess`` (learn.microsoft.com, "Azure subscription as an Event Grid source"). A resource goes with
everything inside it; some kinds are kept for a while (``soft_delete``). How soon Event Grid tells of a change is not
documented: here at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from orchestrator.simulator.arm.resources import Resource, Resources, type_of
from orchestrator.simulator.arm.soft_delete import SoftDelete
from orchestrator.simulator.services import TENANT
from orchestrator.simulator.stores.eventgrid import EventGrid

PERSON = "ana@example.com"


class Changes:
    """Changes the store, and tells of it."""

    def __init__(self, resources: Resources, events: EventGrid, subscription: str, kept: SoftDelete) -> None:
        self._resources = resources
        self._kept = kept
        self._events = events
        self._subscription = subscription

    def put(self, resource_id: str, body: Mapping[str, Any]) -> Resource:
        """Create a resource, or put another in its place."""
        kept = self._resources.put(resource_id, dict(body))
        self._tell(resource_id, "Write")
        return kept

    def set(self, resource_id: str, values: Mapping[str, Any]) -> Resource:
        """Change properties by dotted path; null takes one away.

        Raises:
            ValueError: there is no such resource, or a path leads through something that is no object.
        """
        found = self._resources.get(resource_id)
        if found is None:
            raise ValueError(f"there is no resource {resource_id!r}")
        for path, value in values.items():
            _set(found, path, value)
        self._tell(resource_id, "Write")
        return found

    def delete(self, resource_id: str) -> None:
        """Take a resource away, with what is inside it.

        Raises:
            ValueError: there is no such resource.
        """
        found, inside = self._resources.get(resource_id), tuple(self._resources.under(f"{resource_id}/"))
        if found is None or not self._resources.drop(resource_id):
            raise ValueError(f"there is no resource {resource_id!r}")
        for each in inside:
            self._resources.drop(str(each["id"]))
        self._kept.keep(found, inside)
        self._tell(resource_id, "Delete")

    def purge(self, resource_id: str) -> None:
        """Let Azure keep a deleted resource no longer.

        Raises:
            ValueError: it keeps none of that id.
        """
        if not self._kept.purge(resource_id):
            raise ValueError(f"no deleted resource {resource_id!r} is kept")

    def tell_recovered(self, resource_id: str) -> None:
        """A deleted resource is there again."""
        self._tell(resource_id, "Write")

    def _tell(self, resource_id: str, verb: str) -> None:
        operation = f"{type_of(resource_id)}/{verb.lower()}"
        self._events.emit(
            f"/subscriptions/{self._subscription}",
            f"Microsoft.Resources.Resource{verb}Success",
            resource_id,
            {
                "authorization": {"scope": resource_id, "action": operation, "evidence": {"role": "Contributor"}},
                "claims": {"name": PERSON},
                "correlationId": str(uuid4()),
                "httpRequest": {"method": "DELETE" if verb == "Delete" else "PUT", "url": resource_id},
                "resourceProvider": operation.partition("/")[0],
                "resourceUri": resource_id,
                "operationName": operation,
                "status": "Succeeded",
                "subscriptionId": self._subscription,
                "tenantId": TENANT,
            },
        )


def _set(resource: Resource, path: str, value: Any) -> None:
    *way, last = path.split(".")
    inside: Any = resource
    for part in way:
        inside = inside.setdefault(part, {}) if isinstance(inside, dict) else None
    if not isinstance(inside, dict):
        raise ValueError(f"{path}: an object was expected on the way")  # noqa: TRY004 - it is input
    if value is None:
        inside.pop(last, None)
    else:
        inside[last] = value
