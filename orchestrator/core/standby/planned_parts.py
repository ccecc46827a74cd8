"""What a plan says of each thing of its secondary: how it is called in an inventory, its tier, and its size. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.standby import DEFAULT_TIERS, PartTier, StandbyPart
from orchestrator.core.plan.step_base import StepSide
from orchestrator.core.plan.steps import steps_in
from orchestrator.core.plan.steps_models import AI_DEPLOYMENT
from orchestrator.core.plan.steps_standby import DeployTemplate
from orchestrator.core.standby.inventory import as_list, dig, name_of

WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
_DEPLOYMENT = re.compile(r"/(?:onlineEndpoints|batchEndpoints|accounts)/([^/]+)/deployments/([^/]+)/?$", re.IGNORECASE)


class Size(NamedTuple):
    """How much of a thing there is."""

    path: str
    """Where the inventory's element says it."""

    unit: str
    full: int
    """While work runs in the secondary."""

    idle: int
    """While work runs in the primary, of what is not hot."""


class PlannedPart(NamedTuple):
    """One thing that the plan's section ``standby`` names."""

    key: str
    """Key of the inventory under which it stands."""

    parts: tuple[str, ...]
    """Its name; of a deployment behind its endpoint's."""

    tier: PartTier
    kind: str
    """Its full type in Azure."""

    size: Size | None = None
    traffic: Mapping[str, int] | None = None
    """Of an online endpoint, what a failover sets."""

    default: str = ""
    """Of a batch endpoint, the deployment that a failover makes its default one."""

    account: str = ""
    """ARM id of the account that it lies in. Only accounts that connections name are in an inventory."""

    is_implied: bool = False
    """The plan names only what lies in it."""

    @property
    def name(self) -> str:
        return "/".join(self.parts)

    def wanted(self) -> int | None:
        """What of it there should be now; None if that is not a number."""
        if self.size is None:
            return None
        return self.size.full if self.tier is PartTier.HOT else self.size.idle


def planned_parts(plan: Plan) -> tuple[PlannedPart, ...]:
    """Everything that the section names, in its order."""
    standby = plan.standby
    named = {each.name.casefold() for each in standby.endpoints}
    serving = (*_computes(plan), *_deployments(plan), *_implied_endpoints(plan, named))
    return (*serving, *_batch_endpoints(plan), *_ai_deployments(plan), *_schedules(plan))


def _tier(plan: Plan, part: StandbyPart | None = None) -> PartTier:
    return (part.tier if part else None) or DEFAULT_TIERS[plan.tier]


def _computes(plan: Plan) -> Iterator[PlannedPart]:
    path = "properties.properties.scaleSettings.minNodeCount"
    for each in plan.standby.clusters:
        size = Size(path, "nodes at least", each.min_nodes, each.idle_nodes)
        yield PlannedPart("computes", (each.name,), _tier(plan, each), f"{WORKSPACES}/computes", size)


def _deployments(plan: Plan) -> Iterator[PlannedPart]:
    kind = f"{WORKSPACES}/onlineEndpoints"
    for part in plan.standby.deployments:
        size = Size("sku.capacity", "instances", part.instances, part.idle_instances)
        parts = (part.endpoint, part.deployment)
        yield PlannedPart("online_deployments", parts, _tier(plan, part), f"{kind}/deployments", size)
    for each in plan.standby.endpoints:
        yield PlannedPart("online_endpoints", (each.name,), _tier(plan, each), kind, traffic=each.traffic)


def _implied_endpoints(plan: Plan, named: set[str]) -> Iterator[PlannedPart]:
    """Endpoints of cold deployments that the plan does not name themselves: a template makes both."""
    for part in plan.standby.deployments:
        if _tier(plan, part) is PartTier.COLD and part.endpoint.casefold() not in named:
            named.add(part.endpoint.casefold())
            kind = f"{WORKSPACES}/onlineEndpoints"
            yield PlannedPart("online_endpoints", (part.endpoint,), PartTier.COLD, kind, is_implied=True)


def _batch_endpoints(plan: Plan) -> Iterator[PlannedPart]:
    """Endpoints, and of each the deployment that is to be its default one: both have to be there."""
    kind = f"{WORKSPACES}/batchEndpoints"
    for each in plan.standby.batch_endpoints:
        tier = _tier(plan, each)
        yield PlannedPart("batch_endpoints", (each.name,), tier, kind, default=each.deployment)
        yield PlannedPart("batch_deployments", (each.name, each.deployment), tier, f"{kind}/deployments")


def _ai_deployments(plan: Plan) -> Iterator[PlannedPart]:
    for each in plan.standby.ai_deployments:
        size = Size("sku.capacity", "units of capacity", each.capacity, each.idle_capacity)
        parts = (each.account.rpartition("/")[2], each.deployment)
        yield PlannedPart("openai_deployments", parts, _tier(plan, each), AI_DEPLOYMENT, size, account=each.account)


def _schedules(plan: Plan) -> Iterator[PlannedPart]:
    """Schedules have the plan's own tier. What is cold of them is made by a template, disabled."""
    for name in plan.standby.schedules:
        yield PlannedPart("schedules", (name,), _tier(plan), f"{WORKSPACES}/schedules")


class DeployedTemplate(NamedTuple):
    """A template that a run deploys."""

    name: str
    parameters: Mapping[str, Any]


def templates_into(plan: Plan, direction: str, side: Role) -> tuple[DeployedTemplate, ...]:
    """What a ``failover`` or ``failback`` deploys into a side's group: by the section, or by the plan's own steps."""
    target = Role.PRIMARY if direction == "failback" else Role.SECONDARY
    wanted = StepSide.TARGET if side is target else StepSide.SOURCE
    return tuple(
        DeployedTemplate(step.template, step.parameters)
        for _, step in steps_in(plan.workflow.direction(direction))
        if isinstance(step, DeployTemplate) and step.side is wanted
    )


def with_full_names(inventories: tuple[dict[str, Any], ...]) -> None:
    """Name deployments by endpoint and deployment in all inventories, if there are several endpoints.

    An inventory with one endpoint names them by the deployment alone: those of another endpoint would be its twins.
    """
    listed = [as_list(each.get("online_endpoints")) for each in inventories]
    names = {name_of(each) for endpoints in listed for each in endpoints if isinstance(each, Mapping)}
    if len(names) <= 1:
        return
    for inventory in inventories:
        found = inventory.get("online_deployments")
        if isinstance(found, list):
            inventory["online_deployments"] = [
                {**each, "name": full_name(each, inventory)} if isinstance(each, Mapping) else each for each in found
            ]


def full_name(deployment: Mapping[str, Any], inventory: Mapping[str, Any]) -> str:
    """``endpoint/deployment``."""
    name = name_of(deployment)
    place = _DEPLOYMENT.search(str(dig(deployment, "id") or ""))
    if place:
        return f"{place[1]}/{place[2]}"
    endpoints = [each for each in as_list(inventory.get("online_endpoints")) if isinstance(each, Mapping)]
    return f"{name_of(endpoints[0])}/{name}" if name and "/" not in name and len(endpoints) == 1 else name
