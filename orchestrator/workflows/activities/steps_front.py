"""Bodies of the steps that switch what stands in front of both hubs.

Each reads first, of both sides, so that a name that is not there is told before anything is changed. It opens what
leads to the target, reads it again, and closes what leads to the source only when the service shows the first. Only
what differs is changed. That Microsoft.Network, Microsoft.Cdn and Microsoft.ApiManagement take a PATCH with the one
property is documented (learn.microsoft.com: rest/api/trafficmanager/endpoints/update,
rest/api/frontdoor/azurefrontdoorstandardpremium/afd-origins/update, rest/api/apimanagement/backend/update); none of it
was tried against real Azure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.core.base.errors import Refused, TemporaryError
from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps_front import FrontStep, SwitchApiManagement, SwitchFrontDoor, SwitchTrafficManager
from orchestrator.ports import ArmResources, World
from orchestrator.workflows.activities.epoch import read_held_epoch
from orchestrator.workflows.messages import StepOrder

TRAFFIC_MANAGER_VERSION = "2022-04-01"
FRONT_DOOR_VERSION = "2023-05-01"
API_MANAGEMENT_VERSION = "2024-05-01"

ENABLED, DISABLED = "Enabled", "Disabled"

IN_USE, ASIDE = 1, 2
"""Priorities of services of a backend pool: the lowest number is used first (API Management, "Backends")."""


class FrontPart(NamedTuple):
    """An endpoint or an origin."""

    name: str
    id: str
    state: str
    is_settled: bool
    """Whether the service has carried out the last change."""

    def is_as(self, state: str) -> bool:
        return self.state == state and self.is_settled


type ReadParts = Callable[[ArmResources, Any], Mapping[str, FrontPart]]
"""All parts that the step names, by name in lower case. Raises NotFound or Refused if one is not there."""


class Switchable(NamedTuple):
    """A kind of part that is enabled and disabled by one property."""

    read: ReadParts
    property: str
    version: str


def switch_traffic_manager(world: World, order: StepOrder, step: SwitchTrafficManager) -> None:
    """Enable the target's endpoints, then disable the source's.

    Raises:
        Refused: the profile is disabled or lacks an endpoint; nothing was changed.
        TemporaryError: the service does not show it yet.
    """
    _switch(world, order, step, ENDPOINTS)


def switch_front_door(world: World, order: StepOrder, step: SwitchFrontDoor) -> None:
    """Enable the target's origins, then disable the source's.

    Raises:
        NotFound: an origin is not there; nothing was changed.
        TemporaryError: the service does not show it yet.
    """
    _switch(world, order, step, ORIGINS)


def switch_api_management(world: World, order: StepOrder, step: SwitchApiManagement) -> None:
    """Give the target's services of a pool priority 1 and the source's priority 2, in one change.

    Raises:
        Refused: it is no pool, or lacks a service; nothing was changed.
        Conflict: somebody else changed the pool meanwhile.
        TemporaryError: the service does not show it yet.
    """
    services, etag = _services(world.resources, step)
    wanted = _with_priorities(services, step, order.target)
    if wanted == services:
        return
    read_held_epoch(world, order)
    # Without If-Match the service refuses the change; with the ETag no change of somebody else is lost.
    world.resources.change(step.pool, API_MANAGEMENT_VERSION, {"properties": {"pool": {"services": wanted}}}, etag)
    services, _ = _services(world.resources, step)
    if _with_priorities(services, step, order.target) != services:
        raise TemporaryError(f"{_name_of(step.pool)} does not show the new priorities of its services yet")


def preview_traffic_manager(world: World, _plan: Plan, target: Role, step: SwitchTrafficManager) -> str:
    """Which endpoints would be enabled and disabled. Raises what the step would."""
    return _preview(world.resources, step, target, ENDPOINTS)


def preview_front_door(world: World, _plan: Plan, target: Role, step: SwitchFrontDoor) -> str:
    """Which origins would be enabled and disabled. Raises what the step would."""
    return _preview(world.resources, step, target, ORIGINS)


def preview_api_management(world: World, _plan: Plan, target: Role, step: SwitchApiManagement) -> str:
    """Which services of the pool would be preferred. Raises what the step would."""
    services, _ = _services(world.resources, step)
    if _with_priorities(services, step, target) == services:
        return f"{_name_of(step.pool)} prefers {join_words(step.names(target))} already"
    return (
        f"{_name_of(step.pool)} would prefer {join_words(step.names(target))} to {join_words(step.names(target.other))}"
    )


def actions_of(resources: ArmResources, step: FrontStep) -> tuple[str, ...]:
    """What the executor needs at the step's resource. Raises what the step would, if something is not there."""
    if isinstance(step, SwitchApiManagement):
        _services(resources, step)
        changed: Iterable[str] = (step.resource_type,)
    else:
        parts = (ENDPOINTS if isinstance(step, SwitchTrafficManager) else ORIGINS).read(resources, step)
        # A custom role may name one type of endpoint only.
        changed = sorted({f"{step.resource_type}/{part.id.split('/')[-2]}" for part in parts.values()})
    return (f"{step.resource_type}/read", *(f"{kind}/write" for kind in changed))


def _switch(world: World, order: StepOrder, step: FrontStep, kind: Switchable) -> None:
    """Open what leads to the target, see it open, then close the rest.

    Danger: none of these changes has a condition. A run that is overtaken in between would close what a newer one has
    opened, so the epoch is looked at just before each of them.
    """
    resources, target = world.resources, order.target
    parts = kind.read(resources, step)
    for side, state in ((target, ENABLED), (target.other, DISABLED)):
        wrong = [part for part in _of_side(parts, step, side) if part.state != state]
        for part in wrong:
            read_held_epoch(world, order)
            resources.change(part.id, kind.version, {"properties": {kind.property: state}})
        if wrong:
            parts = kind.read(resources, step)
        late = [part.name for part in _of_side(parts, step, side) if not part.is_as(state)]
        if late:
            raise TemporaryError(f"{join_words(late)} of {_name_of(step.resource_id)}: not shown as {state} yet")


def _preview(resources: ArmResources, step: FrontStep, target: Role, kind: Switchable) -> str:
    parts = kind.read(resources, step)
    opened, closed = (
        [part.name for part in _of_side(parts, step, side) if part.state != state]
        for side, state in ((target, ENABLED), (target.other, DISABLED))
    )
    said = [f"{join_words(opened)} would be enabled"] if opened else []
    said += [f"{join_words(closed)} would be disabled"] if closed else []
    name = _name_of(step.resource_id)
    return f"of {name}, {', then '.join(said)}" if said else f"{name} leads to the {target} already"


def _of_side(parts: Mapping[str, FrontPart], step: FrontStep, side: Role) -> list[FrontPart]:
    return [parts[name.casefold()] for name in step.names(side)]


def _endpoints(resources: ArmResources, step: SwitchTrafficManager) -> dict[str, FrontPart]:
    """The profile shows all of its endpoints, each with its type in its id."""
    properties = _properties(resources.get(step.profile, TRAFFIC_MANAGER_VERSION))
    if properties.get("profileStatus") == DISABLED:
        raise Refused(f"{_name_of(step.profile)} is disabled: no endpoint of it answers")
    found: dict[str, FrontPart] = {}
    for endpoint in _objects(properties.get("endpoints")):
        place, name = str(endpoint.get("id")), str(endpoint.get("name"))
        wanted = name.casefold() in {each.casefold() for each in (*step.primary, *step.secondary)}
        if not wanted:
            continue
        if not place.casefold().startswith(f"{step.profile.casefold()}/"):
            raise Refused(f"{_name_of(step.profile)} shows an endpoint {name} that lies elsewhere: {place[:200]}")
        if name.casefold() in found:
            raise Refused(f"{_name_of(step.profile)} has more than one endpoint {name}")
        state = str(_properties(endpoint).get("endpointStatus"))
        found[name.casefold()] = FrontPart(name, place, state, is_settled=True)
    _must_have(found, step, "endpoint")
    return found


def _origins(resources: ArmResources, step: SwitchFrontDoor) -> dict[str, FrontPart]:
    found: dict[str, FrontPart] = {}
    for name in (*step.primary, *step.secondary):
        place = f"{step.origin_group}/origins/{name}"
        properties = _properties(resources.get(place, FRONT_DOOR_VERSION))
        is_settled = properties.get("provisioningState") == "Succeeded"
        found[name.casefold()] = FrontPart(name, place, str(properties.get("enabledState")), is_settled)
    return found


def _services(resources: ArmResources, step: SwitchApiManagement) -> tuple[list[dict[str, Any]], str]:
    """All services of the pool as the service shows them, and under which ETag."""
    pool, etag = resources.read(step.pool, API_MANAGEMENT_VERSION)
    properties = _properties(pool)
    inner = properties.get("pool")
    services = _objects(inner.get("services")) if isinstance(inner, dict) else []
    if not services:
        raise Refused(f"{_name_of(step.pool)} has no services: it is no backend pool")
    _must_have({_name_of(str(each.get("id"))).casefold() for each in services}, step, "service")
    return services, etag or "*"


def _with_priorities(services: Sequence[dict[str, Any]], step: FrontStep, target: Role) -> list[dict[str, Any]]:
    """The services with the priorities that they have when the target is active. Nothing else of them changes."""
    priorities = {
        name.casefold(): priority
        for side, priority in ((target, IN_USE), (target.other, ASIDE))
        for name in step.names(side)
    }
    names = [_name_of(str(each.get("id"))).casefold() for each in services]
    return [
        {**each, "priority": priorities[name]} if name in priorities else each
        for name, each in zip(names, services, strict=True)
    ]


def _must_have(found: Iterable[str], step: FrontStep, what: str) -> None:
    known = set(found)
    lacking = [name for name in (*step.primary, *step.secondary) if name.casefold() not in known]
    if lacking:
        raise Refused(f"{_name_of(step.resource_id)} has no {what} {join_words(lacking)}")


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    found = resource.get("properties")
    return found if isinstance(found, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _name_of(resource_id: str) -> str:
    return resource_id.rpartition("/")[2]


ENDPOINTS = Switchable(_endpoints, "endpointStatus", TRAFFIC_MANAGER_VERSION)
ORIGINS = Switchable(_origins, "enabledState", FRONT_DOOR_VERSION)
