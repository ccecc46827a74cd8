"""Which role is missing, as the command that gives it; and what a list of permissions allows. Pure.

Roles and scopes are those of docs/deploy.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import steps_in
from orchestrator.ports import PermissionSet

WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
ASSETS = ("codes", "environments", "components", "data", "models")
SUBMIT = (*(f"{WORKSPACES}/jobs/{verb}" for verb in ("write", "cancel/action")), f"{WORKSPACES}/computes/read")
"""What moving a job takes, besides reads of jobs, which are tried."""

COPY = (
    *(f"{WORKSPACES}/{kind}/versions/{verb}" for kind in ASSETS for verb in ("read", "write")),
    f"{WORKSPACES}/codes/versions/startPendingUpload/action",
    f"{WORKSPACES}/datastores/read",
    f"{WORKSPACES}/datastores/listSecrets/action",
)
"""What copying assets takes. Names as Azure's operations list has them; not compared with it."""

FRONT_ROLES = {
    "Microsoft.Network/trafficManagerProfiles": "Traffic Manager Contributor",
    "Microsoft.Cdn/profiles/originGroups": "CDN Profile Contributor",
    "Microsoft.ApiManagement/service/backends": "API Management Service Contributor",
}
"""Built-in roles that allow what steps change in front of the hubs (learn.microsoft.com, "Azure built-in roles")."""


def actions_of_copying(plan: Plan) -> tuple[str, ...]:
    """What assets, and the plan's own steps, take."""
    steps = (*steps_in(plan.workflow.failover), *steps_in(plan.workflow.failback))
    return tuple(dict.fromkeys((*COPY, *(f"{WORKSPACES}/{action}" for _, step in steps for action in step.actions))))


def find_missing(wanted: Iterable[str], held: Sequence[PermissionSet]) -> list[str]:
    """Those actions that none of the roles held allows. A role's exceptions take from that role alone."""
    return [action for action in wanted if not any(_allows(each, action) for each in held)]


def _allows(held: PermissionSet, action: str) -> bool:
    return any(_fits(rule, action) for rule in held.actions) and not any(_fits(r, action) for r in held.not_actions)


def _fits(rule: str, action: str) -> bool:
    """Whether an action, in any casing, is named by a rule in which ``*`` stands for any text."""
    pattern = ".*".join(re.escape(part) for part in rule.split("*"))
    return re.fullmatch(pattern, action, re.IGNORECASE) is not None


def grant(assignee: str, role: str, scope: str) -> str:
    """The command that gives a role."""
    return f'az role assignment create --assignee {assignee} --role "{role}" --scope {scope}'


def see_roles(assignee: str, resource_id: str) -> str:
    """The command that lets an identity see what its roles at a resource allow: Reader has that action."""
    return grant(assignee, "Reader", resource_id)


def scope_of(kind: str, url: str) -> str:
    """The scope of what answers at a URL. ``kind`` is its group of commands, such as ``storage account``."""
    return f"$(az {kind} show --name {name_in(url)} --query id --output tsv)"


def name_in(url: str) -> str:
    """The resource's own name: the first label of its host; the whole host where that is an address."""
    host = urlsplit(url).hostname or url
    try:
        ip_address(host)
    except ValueError:
        return host.partition(".")[0]
    return host
