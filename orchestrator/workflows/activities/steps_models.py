"""Bodies of the steps for batch endpoints, and for models that AI services serve.

Each reads what is there, changes it only if it differs, and believes only what it reads afterwards: a change is carried
out later (``provisioningState``). None of it was tried against real Azure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from orchestrator.core.base.errors import Refused, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.plan.step_base import StepSide
from orchestrator.core.plan.steps_models import ScaleAiDeployment, SetBatchDefault
from orchestrator.ports import World
from orchestrator.workflows.activities.steps_endpoints import BROKEN, SUCCEEDED
from orchestrator.workflows.messages import StepOrder

AI_VERSION = "2024-10-01"
"""A stable version of Microsoft.CognitiveServices that has ``Deployments - Update`` with ``sku``
(learn.microsoft.com, rest/api/aiservices/accountmanagement/deployments)."""

BATCH_VERSION = "2024-10-01"
"""The version of Azure ML with which online endpoints are read, too."""

WRITABLE = ("authMode", "defaults", "description", "properties")
"""Properties of a batch endpoint that are sent again (``BatchEndpointProperties``). Others are read-only, or keys."""


def scale_ai_deployment(world: World, _: StepOrder, step: ScaleAiDeployment) -> None:
    """Set a deployment's capacity, and return when the service shows it.

    Raises:
        NotFound: the account or the deployment is not there.
        Refused: it has no capacity, or the service does not take the number, such as for want of quota.
        TemporaryError: the service does not show it yet.
    """
    sku, state = _read_sku(world, step)
    if state in BROKEN or (state == SUCCEEDED and sku["capacity"] != step.capacity):
        # The kind of capacity is sent again: it belongs to the number (``Sku.name`` is required).
        body = {"sku": {"name": sku.get("name"), "capacity": step.capacity}}
        world.resources.change(step.resource_id, AI_VERSION, body)
        sku, state = _read_sku(world, step)
    if sku["capacity"] != step.capacity or state != SUCCEEDED:
        shown = f"{step.deployment} is {state} with capacity {sku['capacity']}"
        raise TemporaryError(f"{shown}; {step.capacity} is asked for")


def preview_scale_ai_deployment(world: World, _plan: Plan, _target: Role, step: ScaleAiDeployment) -> str:
    """Whether the deployment is there, and what would be changed. Quota is seen at the change only.

    Raises:
        NotFound: the account or the deployment is not there.
        Refused: it has no capacity, or its last change failed.
    """
    sku, state = _read_sku(world, step)
    if state in BROKEN:
        raise Refused(f"{step.deployment} is {state} with capacity {sku['capacity']}")
    if sku["capacity"] == step.capacity:
        return f"{step.deployment} has capacity {step.capacity} already"
    return f"{step.deployment} would have capacity {step.capacity} instead of {sku['capacity']}"


def set_batch_default(world: World, order: StepOrder, step: SetBatchDefault) -> None:
    """Set a batch endpoint's default deployment, and return when the service shows it.

    What was read is put again with another default: PATCH takes tags and identity, and no properties
    (learn.microsoft.com, rest/api/azureml/batch-endpoints/update).

    Raises:
        NotFound: the endpoint or the deployment is not there.
        TemporaryError: the deployment has not succeeded, or the service does not show the default yet.
    """
    hub = _side(world.plans[order.pair], order.target, step.side)
    place = batch_endpoint_id(hub, step.endpoint)
    endpoint = world.resources.get(place, BATCH_VERSION)
    is_there, state = _default(endpoint) == step.deployment, _state(endpoint)
    if is_there and state == SUCCEEDED:
        return
    _check_deployment(world, hub, step)
    if state in BROKEN or (state == SUCCEEDED and not is_there):
        world.resources.put(hub, place, BATCH_VERSION, _with_default(endpoint, step.deployment))
        endpoint = world.resources.get(place, BATCH_VERSION)
    if _default(endpoint) != step.deployment or _state(endpoint) != SUCCEEDED:
        shown = f"{step.endpoint} is {_state(endpoint)} with the default {_default(endpoint) or 'of none'}"
        raise TemporaryError(f"{shown}; {step.deployment} is asked for")


def preview_set_batch_default(world: World, plan: Plan, target: Role, step: SetBatchDefault) -> str:
    """Whether endpoint and deployment are there and well, and what would be changed.

    Raises:
        NotFound: the endpoint or the deployment is not there.
        TemporaryError: the deployment has not succeeded.
    """
    hub = _side(plan, target, step.side)
    now = _default(world.resources.get(batch_endpoint_id(hub, step.endpoint), BATCH_VERSION))
    _check_deployment(world, hub, step)
    if now == step.deployment:
        return f"{step.endpoint} has the default {now} already"
    return f"{step.endpoint} would have the default {step.deployment} instead of {now or 'none'}"


def batch_endpoint_id(hub: Hub, endpoint: str) -> str:
    """ARM id of a batch endpoint of a side's project."""
    return f"{hub.project_id}/batchEndpoints/{quote(endpoint, safe='')}"


def _side(plan: Plan, target: Role, side: StepSide) -> Hub:
    return plan.side(target if side is StepSide.TARGET else target.other)


def _read_sku(world: World, step: ScaleAiDeployment) -> tuple[Mapping[str, Any], str]:
    """Sku with a number as its capacity, and provisioning state, as the service shows them now."""
    shown = world.resources.get(step.resource_id, AI_VERSION)
    sku = shown.get("sku")
    if not isinstance(sku, dict) or not isinstance(sku.get("capacity"), int):
        raise Refused(f"{step.deployment} shows no capacity (sku.capacity)")
    return sku, _state(shown)


def _check_deployment(world: World, hub: Hub, step: SetBatchDefault) -> None:
    place = f"{batch_endpoint_id(hub, step.endpoint)}/deployments/{quote(step.deployment, safe='')}"
    state = _state(world.resources.get(place, BATCH_VERSION))
    if state != SUCCEEDED:
        raise TemporaryError(f"{step.endpoint}/{step.deployment} is {state}: it cannot take jobs yet")


def _with_default(endpoint: Mapping[str, Any], deployment: str) -> dict[str, Any]:
    """The endpoint as it is sent again: what a client may set, with another default."""
    properties = {name: value for name, value in endpoint["properties"].items() if name in WRITABLE}
    body = {name: endpoint[name] for name in ("location", "tags", "kind", "sku") if endpoint.get(name) is not None}
    identity = endpoint.get("identity")
    if isinstance(identity, dict):
        assigned = identity.get("userAssignedIdentities")
        named: dict[str, Any] = {"userAssignedIdentities": {each: {} for each in assigned}} if assigned else {}
        body["identity"] = {"type": identity.get("type"), **named}
    defaults = properties.get("defaults")
    kept = defaults if isinstance(defaults, dict) else {}
    return {**body, "properties": {**properties, "defaults": {**kept, "deploymentName": deployment}}}


def _default(endpoint: Mapping[str, Any]) -> str | None:
    properties = endpoint.get("properties")
    defaults = properties.get("defaults") if isinstance(properties, dict) else None
    name = defaults.get("deploymentName") if isinstance(defaults, dict) else None
    return name if isinstance(name, str) else None


def _state(resource: Mapping[str, Any]) -> str:
    properties = resource.get("properties")
    return str(properties.get("provisioningState")) if isinstance(properties, dict) else "without a state"
