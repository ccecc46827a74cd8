"""What the caller may do with a resource: ``GET <id>/providers/Microsoft.Authorization/permissions``.

Documented: the path and the shape (Microsoft.Authorization 2022-04-01, permissions of a resource). Decided here: that
it takes the right to read, which roles there are, and that a role is one element however many assignments gave it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from orchestrator.simulator.arm.front import PERMISSION as FRONT
from orchestrator.simulator.arm.front import is_in_front

TAIL = "/providers/microsoft.authorization/permissions"

_ACTIONS = {
    "arm.read": ("*/read",),
    "arm.write": (
        "Microsoft.MachineLearningServices/workspaces/*/write",
        "Microsoft.MachineLearningServices/workspaces/*/action",
        "Microsoft.Resources/deployments/write",
        "Microsoft.CognitiveServices/accounts/deployments/write",
    ),
    FRONT: (
        "Microsoft.Network/trafficManagerProfiles/*/write",
        "Microsoft.Cdn/profiles/originGroups/origins/write",
        "Microsoft.ApiManagement/service/backends/write",
    ),
    "arm.delete": ("Microsoft.MachineLearningServices/workspaces/*/delete",),
}


def permissions_of(grants: Collection[str], place: str) -> dict[str, Any]:
    """The list at a resource, for what an identity was granted. A role for what stands in front is given there only."""
    names = sorted(name for name in _ACTIONS if name != FRONT or is_in_front(place))
    return _shape([_ACTIONS[name] for name in names if "*" in grants or name in grants])


def permissions_in(actions: Collection[str]) -> dict[str, Any]:
    """The list of one role with these actions; empty without any."""
    return _shape([actions] if actions else [])


def _shape(roles: Iterable[Collection[str]]) -> dict[str, Any]:
    return {
        "value": [
            {"actions": list(actions), "notActions": [], "dataActions": [], "notDataActions": []} for actions in roles
        ]
    }
