"""Bodies of the steps for online endpoints: the size of a deployment, and the traffic of an endpoint.

Each reads what is there, changes it only if it differs, and believes only what it reads afterwards: Azure ML takes a
change and carries it out within minutes (``provisioningState``, learn.microsoft.com,
rest/api/azureml/online-endpoints).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from orchestrator.core.base.errors import Refused, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.plan.step_base import StepSide
from orchestrator.core.plan.steps_standby import ScaleDeployment, SetTraffic
from orchestrator.ports import World
from orchestrator.workflows.messages import StepOrder

ENDPOINT_VERSION = "2024-10-01"
"""The newest stable version of online endpoints whose types were read (Azure/bicep-types-az)."""

SUCCEEDED = "Succeeded"
BROKEN = frozenset({"Failed", "Canceled"})
"""States of a change that nobody goes on with: it has to be asked for again."""

WRITABLE = ("authMode", "compute", "description", "mirrorTraffic", "properties", "publicNetworkAccess")
"""Properties of an online endpoint that are sent again with its traffic. The others are read-only, or the keys."""


def scale_deployment(world: World, order: StepOrder, step: ScaleDeployment) -> None:
    """Set a deployment's number of instances, and return when the service shows it.

    Raises:
        Refused: it scales by itself, has no number of instances, or the service does not take the number, such as for
            want of quota.
        TemporaryError: the service does not show the number yet.
    """
    hub = _side(world.plans[order.pair], order.target, step.side)
    place = deployment_id(hub, step.endpoint, step.deployment)
    count, state = _size(world, place, step)
    if _must_change(count == step.instances, state):
        sku = {"name": "Default", "capacity": step.instances}
        world.resources.patch(hub, place, ENDPOINT_VERSION, {"sku": sku})
        count, state = _size(world, place, step)
    if count != step.instances or state != SUCCEEDED:
        raise TemporaryError(f"{_named(step)} is {state} with {count} instances; {step.instances} are asked for")


def preview_scale_deployment(world: World, plan: Plan, target: Role, step: ScaleDeployment) -> str:
    """Whether the deployment is there and can be scaled, and what would be changed. Quota is seen at the change only.

    Raises:
        Refused: it scales by itself, or has no number of instances.
    """
    count, state = _size(world, deployment_id(_side(plan, target, step.side), step.endpoint, step.deployment), step)
    if state in BROKEN:
        raise Refused(f"{_named(step)} is {state} with {count} instances")
    if count == step.instances:
        return f"{_named(step)} has {count} instances already"
    return f"{_named(step)} would have {step.instances} instances instead of {count}"


def set_traffic(world: World, order: StepOrder, step: SetTraffic) -> None:
    """Set an endpoint's traffic, and return when the service shows it.

    An endpoint can be changed as a whole only: PATCH takes tags and identity, and no properties
    (learn.microsoft.com, rest/api/azureml/online-endpoints/update). So what was read is put again with other traffic.

    Raises:
        NotFound: the endpoint, or a deployment that is named, is not there.
        TemporaryError: a deployment has not succeeded, or the service does not show the traffic yet.
    """
    hub = _side(world.plans[order.pair], order.target, step.side)
    place = endpoint_id(hub, step.endpoint)
    endpoint = world.resources.get(place, ENDPOINT_VERSION)
    state = _state(endpoint)
    is_there = _traffic(endpoint) == _with_shares(step.traffic)
    if is_there and state == SUCCEEDED:
        return
    _check_deployments(world, hub, step)
    if _must_change(is_there, state):
        world.resources.put(hub, place, ENDPOINT_VERSION, _with_traffic(endpoint, step.traffic))
        endpoint = world.resources.get(place, ENDPOINT_VERSION)
        state = _state(endpoint)
    if _traffic(endpoint) != _with_shares(step.traffic) or state != SUCCEEDED:
        shown = _spell(_traffic(endpoint))
        raise TemporaryError(f"{step.endpoint} is {state} with {shown}; {_spell(step.traffic)} is asked for")


def preview_set_traffic(world: World, plan: Plan, target: Role, step: SetTraffic) -> str:
    """Whether endpoint and deployments are there and well, and what would be changed.

    Raises:
        NotFound: the endpoint, or a deployment that is named, is not there.
        TemporaryError: a deployment that is to answer requests has not succeeded.
    """
    hub = _side(plan, target, step.side)
    now = _traffic(world.resources.get(endpoint_id(hub, step.endpoint), ENDPOINT_VERSION))
    _check_deployments(world, hub, step)
    if now == _with_shares(step.traffic):
        return f"{step.endpoint} has {_spell(now)} already"
    return f"{step.endpoint} would have {_spell(step.traffic)} instead of {_spell(now)}"


def endpoint_id(hub: Hub, endpoint: str) -> str:
    """ARM id of an online endpoint of a side's project."""
    return f"{hub.project_id}/onlineEndpoints/{quote(endpoint, safe='')}"


def deployment_id(hub: Hub, endpoint: str, deployment: str) -> str:
    """ARM id of a deployment behind it."""
    return f"{endpoint_id(hub, endpoint)}/deployments/{quote(deployment, safe='')}"


def _side(plan: Plan, target: Role, side: StepSide) -> Hub:
    return plan.side(target if side is StepSide.TARGET else target.other)


def _must_change(is_there: bool, state: str) -> bool:
    """Whether a change is to be asked for: not while one is under way, which Azure ML would refuse with 409."""
    return state in BROKEN or (state == SUCCEEDED and not is_there)


def _size(world: World, place: str, step: ScaleDeployment) -> tuple[int, str]:
    """Instances and provisioning state of a deployment, as the service shows them now."""
    shown = world.resources.get(place, ENDPOINT_VERSION)
    properties, sku = shown.get("properties"), shown.get("sku")
    scaling = properties.get("scaleSettings") if isinstance(properties, dict) else None
    kind = str(scaling.get("scaleType")) if isinstance(scaling, dict) else "Default"
    if kind.casefold() != "default":
        raise Refused(f"{_named(step)} scales by itself ({kind}): its number of instances cannot be set")
    count = sku.get("capacity") if isinstance(sku, dict) else None
    if not isinstance(count, int):
        raise Refused(f"{_named(step)} shows no number of instances (sku.capacity)")
    return count, _state(shown)


def _check_deployments(world: World, hub: Hub, step: SetTraffic) -> None:
    for name, share in step.traffic.items():
        state = _state(world.resources.get(deployment_id(hub, step.endpoint, name), ENDPOINT_VERSION))
        if share and state != SUCCEEDED:
            raise TemporaryError(f"{step.endpoint}/{name} is {state}: it cannot answer {share} % of the requests yet")


def _with_traffic(endpoint: Mapping[str, Any], traffic: Mapping[str, int]) -> dict[str, Any]:
    """The endpoint as it is sent again: what a client may set, with the traffic replaced."""
    properties = {name: value for name, value in endpoint["properties"].items() if name in WRITABLE}
    body = {name: endpoint[name] for name in ("location", "tags", "kind", "sku") if endpoint.get(name) is not None}
    identity = endpoint.get("identity")
    if isinstance(identity, dict):
        body["identity"] = _without_read_only(identity)
    return {**body, "properties": {**properties, "traffic": dict(traffic)}}


def _without_read_only(identity: Mapping[str, Any]) -> dict[str, Any]:
    """A managed identity as it is sent: its kind, and the ids of the user-assigned ones alone."""
    assigned = identity.get("userAssignedIdentities")
    sent: dict[str, Any] = {"type": identity.get("type")}
    return {**sent, "userAssignedIdentities": {each: {} for each in assigned}} if assigned else sent


def _traffic(endpoint: Mapping[str, Any]) -> dict[str, int]:
    properties = endpoint.get("properties")
    traffic = properties.get("traffic") if isinstance(properties, dict) else None
    return _with_shares(traffic) if isinstance(traffic, dict) else {}


def _with_shares(traffic: Mapping[str, int]) -> dict[str, int]:
    """Deployments with requests: one without any is like one that is not named."""
    return {name: share for name, share in traffic.items() if share}


def _state(resource: Mapping[str, Any]) -> str:
    properties = resource.get("properties")
    return str(properties.get("provisioningState")) if isinstance(properties, dict) else "without a state"


def _spell(traffic: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {share} %" for name, share in sorted(traffic.items()) if share) or "no traffic"


def _named(step: ScaleDeployment) -> str:
    return f"{step.endpoint}/{step.deployment}"
