"""Steps that switch what stands in front of the hubs, against the simulated Azure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import claimed

from orchestrator.core.base.errors import Conflict, EpochFenced, HubswitchError, NotFound, Refused, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.steps_front import FrontStep, SwitchApiManagement, SwitchFrontDoor, SwitchTrafficManager
from orchestrator.simulator.arm.dependencies import SHARED_GROUP
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES, STEPS
from orchestrator.workflows.activities.steps_front import actions_of
from orchestrator.workflows.messages import StepOrder

TYPES = {
    SwitchTrafficManager: ("Microsoft.Network/trafficManagerProfiles/tm-hubs", "profile"),
    SwitchFrontDoor: ("Microsoft.Cdn/profiles/afd-hubs/originGroups/hubs", "origin_group"),
    SwitchApiManagement: ("Microsoft.ApiManagement/service/apim-hubs/backends/hubs", "pool"),
}


class Front:
    """One kind's step in a visit, and what the simulated Azure shows of it."""

    def __init__(self, visit: Visit, shape: type[FrontStep]) -> None:
        self.visit = visit
        self.run = claimed(visit)
        below, field = TYPES[shape]
        self.id = f"/subscriptions/{visit.plan.primary.subscription}/resourceGroups/{SHARED_GROUP}/providers/{below}"
        here, there = visit.plan.primary.region, visit.plan.secondary.region
        self.step: Any = shape(**{field: self.id, "primary": (here,), "secondary": (there,)})

    def shown(self) -> tuple[Any, Any]:
        """State of what leads to the primary and to the secondary."""
        return (self._state(self.step.primary[0]), self._state(self.step.secondary[0]))

    def part(self, name: str) -> dict[str, Any]:
        below = {SwitchTrafficManager: f"/externalEndpoints/{name}", SwitchFrontDoor: f"/origins/{name}"}
        place = f"{self.id}{below.get(type(self.step), '')}"
        azure = self.visit.bench.azure
        found = azure.call(partial(azure.resources.get, place))
        assert found is not None
        return dict(found["properties"])

    def _state(self, name: str) -> Any:
        part = self.part(name)
        if isinstance(self.step, SwitchApiManagement):
            return next(each["priority"] for each in part["pool"]["services"] if each["id"].endswith(f"/{name}"))
        return part.get("endpointStatus") or part["enabledState"]


OPEN: Mapping[type[FrontStep], tuple[Any, Any]] = {
    SwitchTrafficManager: ("Enabled", "Disabled"),
    SwitchFrontDoor: ("Enabled", "Disabled"),
    SwitchApiManagement: (1, 2),
}


@pytest.fixture(params=TYPES, ids=lambda shape: shape.__name__)
def front(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Front]:
    """Open for the primary, whatever a test before it did."""
    made = Front(bench.visit(), request.param)
    patiently_carried(made, to=Role.PRIMARY)
    assert made.shown() == OPEN[request.param]
    yield made
    patiently_carried(made, to=Role.PRIMARY)


def order(front: Front, step: Any = None, to: Role = Role.SECONDARY) -> StepOrder:
    fields = msgspec.structs.asdict(front.run) | {"source": to.other, "target": to}
    return StepOrder(**fields, step=step or front.step)


def carried(front: Front, step: Any = None, to: Role = Role.SECONDARY) -> str:
    _, body = STEP_ACTIVITIES[front.step.kind]
    return body(front.visit.world, order(front, step, to))


def patiently_carried(front: Front, to: Role) -> int:
    """As the orchestrator does: again while the service does not show it. How often."""
    for tries in range(1, 500):
        try:
            carried(front, to=to)
        except TemporaryError:
            continue
        return tries
    raise AssertionError("it never ends")


def patches(front: Front) -> list[str]:
    return [entry.path for entry in front.visit.bench.azure.log.entries() if entry.method == "PATCH"]


def test_traffic_goes_to_the_target_and_back_and_nothing_is_sent_twice(front: Front) -> None:
    """The same step serves both directions; repeated, it finds everything done."""
    before = OPEN[type(front.step)]
    for to, shown in ((Role.SECONDARY, before[::-1]), (Role.PRIMARY, before)):
        patiently_carried(front, to)
        sent = len(patches(front))
        patiently_carried(front, to)
        assert front.shown() == shown
        assert len(patches(front)) == sent


def test_the_target_is_opened_before_the_source_is_closed(front: Front) -> None:
    """There is never none."""
    sent = len(patches(front))
    patiently_carried(front, Role.SECONDARY)
    there, here = front.step.secondary[0], front.step.primary[0]
    ends = [path.rpartition("/")[2] for path in patches(front)[sent:]]
    assert ends == (["hubs"] if isinstance(front.step, SwitchApiManagement) else [there, here])


class Overtaking:
    """``ArmResources`` in which a newer run claims the epoch when something is read for the n-th time."""

    def __init__(self, front: Front, number: int) -> None:
        self._front, self._inner, self._left = front, front.visit.world.resources, number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get(self, *given: Any) -> Any:
        return self._read(self._inner.get(*given))

    def list(self, *given: Any) -> Any:
        return self._read(list(self._inner.list(*given)))

    def read(self, *given: Any) -> Any:
        return self._read(self._inner.read(*given))

    def _read(self, found: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            self._front.run = claimed(self._front.visit, 2)
        return found


def test_a_run_that_is_overtaken_changes_nothing_more(front: Front) -> None:
    """S8: whenever it is, the next change is not made; a step has read everything once before its first change."""
    sent, run, world = len(patches(front)), front.run, front.visit.world
    given = order(front)
    front.visit.world = world._replace(resources=Overtaking(front, 1))  # type: ignore[arg-type]
    with pytest.raises(EpochFenced):
        STEP_ACTIVITIES[front.step.kind][1](front.visit.world, given)
    front.visit.world = world
    assert (front.run is run, len(patches(front))) == (False, sent)


def test_a_name_that_is_not_there_is_told_before_anything_is_changed(front: Front) -> None:
    """Also one of the side that is closed last."""
    sent = len(patches(front))
    for side in ("primary", "secondary"):
        wrong = msgspec.structs.replace(front.step, **{side: (*front.step.names(Role(side)), "nobody")})
        with pytest.raises((Refused, NotFound), match="nobody"):
            carried(front, wrong)
    assert len(patches(front)) == sent


def test_a_resource_that_is_not_there_is_told(front: Front) -> None:
    """With its name."""
    field = front.step.id_field
    wrong = msgspec.structs.replace(front.step, **{field: f"{front.id}-gone"})
    with pytest.raises(NotFound, match="hubs-gone"):
        carried(front, wrong)


def test_a_preview_says_what_would_change_and_changes_nothing(front: Front) -> None:
    """For a tabletop drill."""
    preview = STEPS[front.step.kind].preview
    assert preview is not None
    sent, here, there = len(patches(front)), front.step.primary[0], front.step.secondary[0]
    would = preview(front.visit.world, front.visit.plan, Role.SECONDARY, front.step)
    assert f"would prefer {there} to {here}" in would or would.endswith(
        f"{there} would be enabled, then {here} would be disabled"
    )
    assert "already" in preview(front.visit.world, front.visit.plan, Role.PRIMARY, front.step)
    assert len(patches(front)) == sent


def test_a_step_without_the_permission_says_so(front: Front) -> None:
    """And leaves the source open."""
    azure, executor = front.visit.bench.azure, "e0000000-0000-4000-8000-00000000e0ec"
    before = front.shown()
    azure.call(lambda: azure.kernel.revoke(executor, "front.write"))
    try:
        with pytest.raises(HubswitchError, match="403"):
            carried(front)
    finally:
        azure.call(lambda: azure.kernel.grant(executor, "front.write"))
    assert front.shown() == before


def test_the_permissions_that_it_takes_are_those_of_the_parts_that_it_changes(front: Front) -> None:
    """No more: a custom role may be as narrow."""
    below = {SwitchTrafficManager: "/externalEndpoints", SwitchFrontDoor: "/origins", SwitchApiManagement: ""}
    kind = front.step.resource_type
    assert actions_of(front.visit.world.resources, front.step) == (
        f"{kind}/read",
        f"{kind}{below[type(front.step)]}/write",
    )


def test_a_pool_that_somebody_changes_meanwhile_is_not_overwritten(bench: Bench) -> None:
    """Their change and ours both count in the end."""
    front = Front(bench.visit(), SwitchApiManagement)
    patiently_carried(front, Role.PRIMARY)
    world, azure = front.visit.world, bench.azure
    resources = world.resources

    def weigh(weight: int) -> None:
        found = azure.resources.get(front.id)
        assert found is not None
        services = [{**each, "weight": weight} for each in found["properties"]["pool"]["services"]]
        body.append({"properties": {"pool": {"services": services}}})

    body: list[Any] = []

    class Raced:
        """Somebody writes between our read and our write, once."""

        def read(self, resource_id: str, api_version: str) -> Any:
            found = resources.read(resource_id, api_version)
            if not body:
                azure.call(partial(weigh, 7))
                resources.change(resource_id, api_version, body[0], "*")
            return found

        def change(self, *given: Any) -> None:
            resources.change(*given)

    front.visit.world = world._replace(resources=Raced())  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        carried(front)
    carried(front)
    assert front.shown() == (2, 1)
    services = front.part("")["pool"]["services"]
    assert {each["weight"] for each in services} == {7}


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"profileStatus": "Disabled", "endpoints": []}, "is disabled"),
        ({"profileStatus": "Enabled", "endpoints": None}, "no endpoint"),
        ({"profileStatus": "Enabled", "endpoints": ["x", {"name": "east", "id": "/elsewhere/east"}]}, "lies elsewhere"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(bench: Bench, properties: dict[str, Any], why: str) -> None:
    """Whatever the service shows."""
    visit = bench.visit()
    step = SwitchTrafficManager(profile="/p", primary=("east",), secondary=("west",))

    class Odd:
        def get(self, resource_id: str, api_version: str) -> dict[str, Any]:
            del resource_id, api_version
            return {"properties": properties}

    world = visit.world._replace(resources=Odd())  # type: ignore[arg-type]
    preview = STEPS[step.kind].preview
    assert preview is not None
    with pytest.raises(Refused, match=why):
        preview(world, visit.plan, Role.SECONDARY, step)
