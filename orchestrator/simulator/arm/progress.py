"""Changes of resources that take a while: ``provisioningState`` is Updating until they are over.

How long a change takes, and that a second one meanwhile is refused with 409, is not documented.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.simulator.arm.resources import Resource, Resources
from orchestrator.simulator.services import AzureError, Kernel

CHANGE_TAKES = timedelta(seconds=30)
"""Of simulated work: a bench's speed divides it. In Azure it is minutes."""


class Progress:
    """The changes that are under way.

    Args:
        kernel: time, and how fast simulated work goes.
        resources: where what is changed is kept.
    """

    def __init__(self, kernel: Kernel, resources: Resources) -> None:
        self._kernel = kernel
        self._resources = resources
        self._until: dict[str, datetime] = {}
        """Id of what is being changed, in lower case -> when that is over."""

    def finish(self) -> None:
        """End every change whose time is over."""
        now = self._kernel.now()
        for place in [place for place, until in self._until.items() if until <= now]:
            del self._until[place]
            found = self._resources.get(place)
            if found is not None and found["properties"].get("provisioningState") == "Updating":
                found["properties"]["provisioningState"] = "Succeeded"

    def begin(self, found: Resource) -> Resource:
        """Show a resource as being changed."""
        found["properties"]["provisioningState"] = "Updating"
        self._until[found["id"].lower()] = self._kernel.now() + CHANGE_TAKES / self._kernel.speed
        return found

    def refuse_another(self, found: Resource) -> None:
        """Refuse to change what is being changed.

        Raises:
            AzureError: 409.
        """
        if found["properties"].get("provisioningState") == "Updating":
            raise AzureError(409, "Conflict", f"'{found['name']}' is being updated.")
