"""Bodies of steps against the simulated Azure, and the registry that binds them."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit, order_of
from job_stories import claimed

from orchestrator.core.base.errors import EpochFenced, NotFound, Refused, TemporaryError, Unreachable
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import skip_path
from orchestrator.core.plan.step_base import BaseStep, StepSide, kind_of
from orchestrator.core.plan.steps import SHAPES, AwaitStandby, ScaleCluster, WaitForUrl
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES, STEP_LIMITS, STEPS, skip_step
from orchestrator.workflows.messages import Milestones, RunOrder, SkipWish, StepOrder
from orchestrator.workflows.orchestrators.step_walk import WORKFLOWS

CLUSTER = "cpu-cluster"


def carried(visit: Visit, run: RunOrder, step: Any) -> str:
    """Carry out a step as the engine would have it; empty, or who skipped it."""
    order = StepOrder(**msgspec.structs.asdict(run), step=step)
    _, body = STEP_ACTIVITIES[step.kind]
    return body(visit.world, order)


def settings_of(visit: Visit, side: Role = Role.SECONDARY, name: str = CLUSTER) -> dict[str, Any]:
    place = f"{visit.plan.side(side).project_id}/computes/{name}"
    found = visit.bench.azure.call(partial(visit.bench.azure.resources.get, place))
    assert found is not None
    return dict(found["properties"]["properties"]["scaleSettings"])


def patches(visit: Visit) -> list[str]:
    return [entry.path for entry in visit.bench.azure.log.entries() if entry.method == "PATCH"]


def test_every_kind_has_a_shape_and_exactly_one_who_carries_it_out() -> None:
    """A body here, or a workflow beside the orchestrators; nothing without a shape."""
    assert {kind_of(shape): shape for shape in SHAPES} == {name: kind.shape for name, kind in STEPS.items()}
    for name, kind in STEPS.items():
        assert (kind.body is None) == (name in WORKFLOWS), name
        assert (kind.body is None) != (name in STEP_ACTIVITIES), name
    assert set(STEP_LIMITS) <= set(STEP_ACTIVITIES)


def test_a_milestone_of_a_kind_is_one_of_a_run() -> None:
    """Otherwise a run would break when it notes it."""
    fields = set(Milestones.__struct_fields__)
    assert {shape.milestone for shape in SHAPES if shape.milestone} <= fields


def test_only_the_step_that_a_person_skips_is_skipped_and_only_if_it_fails(bench: Bench) -> None:
    """The wish is for one step of one run; what succeeds was done."""
    visit = bench.visit()
    run = claimed(visit)
    ledger = visit.world.ledgers[visit.pair]
    gone = WaitForUrl(name="front-door", url="https://127.0.0.1:1/")
    other = WaitForUrl(name="other", url="https://127.0.0.1:1/")
    wish = SkipWish(step="front-door", by="ana", reason="it is gone", at=visit.world.clock.now())
    assert skip_step(ledger, visit.pair, run.run, wish)
    assert not skip_step(ledger, visit.pair, run.run, wish)
    assert carried(visit, run, gone) == "ana skipped it: it is gone"
    with pytest.raises(Unreachable):
        carried(visit, run, other)
    assert carried(visit, run, ScaleCluster(name="front-door", cluster=CLUSTER, min_nodes=0)) == ""
    ledger.put_once(skip_path(visit.pair, run.run, "other"), b"no wish at all")
    with pytest.raises(Unreachable):
        carried(visit, run, other)


@pytest.mark.parametrize("step", [AwaitStandby(), WaitForUrl(url="https://x"), ScaleCluster(cluster="c", min_nodes=1)])
def test_a_step_of_a_run_that_was_overtaken_does_nothing(bench: Bench, step: BaseStep) -> None:
    """S8: the epoch is checked before any body is called."""
    visit = bench.visit()
    with pytest.raises(EpochFenced):
        carried(visit, order_of(visit, 1), step)


def test_the_standby_is_awaited(bench: Bench) -> None:
    """It answers, or the reason is told."""
    visit = bench.visit()
    run = claimed(visit)
    carried(visit, run, AwaitStandby())
    region = visit.plan.secondary.region
    bench.azure.faults.set(region, "control", "5xx", status=500)
    try:
        with pytest.raises(TemporaryError, match="500"):
            carried(visit, run, AwaitStandby())
    finally:
        bench.azure.faults.clear(region, "control")


def test_an_order_of_an_older_version_awaits_the_standby(bench: Bench) -> None:
    """What the engine holds from before there were steps has no step in it."""
    visit = bench.visit()
    _, body = STEP_ACTIVITIES[kind_of(AwaitStandby)]
    body(visit.world, StepOrder(**msgspec.structs.asdict(claimed(visit))))


def test_a_url_is_awaited(bench: Bench) -> None:
    """2xx is well. Anything else, and silence, is said with the host."""
    visit = bench.visit()
    run, url = claimed(visit), visit.plan.references.observer[0]
    carried(visit, run, WaitForUrl(url=url))
    with pytest.raises(NotFound, match="404"):
        carried(visit, run, WaitForUrl(url=f"{url}not-there"))
    with pytest.raises(Unreachable):
        carried(visit, run, WaitForUrl(url="https://127.0.0.1:9/"))


def test_a_cluster_is_scaled_and_nothing_else_of_it_changes(bench: Bench) -> None:
    """Once: a repeated step finds it done."""
    visit = bench.visit()
    run, before, sent = claimed(visit), settings_of(visit), len(patches(visit))
    for _ in range(2):
        carried(visit, run, ScaleCluster(cluster=CLUSTER, min_nodes=3))
    assert settings_of(visit) == {**before, "minNodeCount": 3}
    assert settings_of(visit, Role.PRIMARY)["minNodeCount"] == 0
    assert len(patches(visit)) == sent + 1
    carried(visit, run, ScaleCluster(cluster=CLUSTER, min_nodes=0))
    assert settings_of(visit) == before


def test_a_cluster_of_the_side_that_is_left_is_scaled(bench: Bench) -> None:
    """As a way back gives up what the failover took."""
    visit = bench.visit()
    run = claimed(visit)
    carried(visit, run, ScaleCluster(cluster=CLUSTER, min_nodes=2, side=StepSide.SOURCE))
    assert settings_of(visit, Role.PRIMARY)["minNodeCount"] == 2
    assert settings_of(visit)["minNodeCount"] == 0
    carried(visit, run, ScaleCluster(cluster=CLUSTER, min_nodes=0, side=StepSide.SOURCE))


def test_a_cluster_that_is_not_there_or_too_small_is_told_of(bench: Bench) -> None:
    """The step fails with a sentence, and nothing is sent."""
    visit = bench.visit()
    run, sent = claimed(visit), len(patches(visit))
    with pytest.raises(NotFound, match="no-such"):
        carried(visit, run, ScaleCluster(cluster="no-such", min_nodes=1))
    with pytest.raises(Refused, match="at most 100 nodes"):
        carried(visit, run, ScaleCluster(cluster=CLUSTER, min_nodes=101))
    assert len(patches(visit)) == sent


class Slow:
    """``ArmResources`` of a service that takes a change and shows it later."""

    def __init__(self, *shown: tuple[int, str]) -> None:
        self.shown = list(shown)
        self.bodies: list[Any] = []

    def get(self, resource_id: str, api_version: str) -> dict[str, Any]:
        del resource_id, api_version
        least, state = self.shown.pop(0)
        settings = {"minNodeCount": least, "maxNodeCount": 8, "nodeIdleTimeBeforeScaleDown": "PT2M"}
        return {"properties": {"provisioningState": state, "properties": {"scaleSettings": settings}}}

    def patch(self, hub: Any, resource_id: str, api_version: str, body: Any) -> None:
        del hub, resource_id, api_version
        self.bodies.append(body)


def test_a_cluster_is_done_when_the_service_shows_it(bench: Bench) -> None:
    """Not when it took the order. The order is not given again meanwhile."""
    visit = bench.visit()
    run, step = claimed(visit), ScaleCluster(cluster=CLUSTER, min_nodes=4)
    slow = Slow((0, "Succeeded"), (4, "Updating"), (4, "Updating"), (4, "Succeeded"))
    visit.world = visit.world._replace(resources=slow)
    for _ in range(2):
        with pytest.raises(TemporaryError, match="is Updating with at least 4 nodes"):
            carried(visit, run, step)
    carried(visit, run, step)
    settings = {"minNodeCount": 4, "maxNodeCount": 8, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    assert slow.bodies == [{"properties": {"properties": {"scaleSettings": settings}}}]


@pytest.mark.parametrize("body", [{}, {"properties": None}, {"properties": {"properties": {"scaleSettings": 3}}}])
def test_a_compute_that_is_no_cluster_is_refused(bench: Bench, body: dict[str, Any]) -> None:
    """Whatever the service shows."""
    visit = bench.visit()

    class Odd(Slow):
        def get(self, resource_id: str, api_version: str) -> dict[str, Any]:
            del resource_id, api_version
            return body

    visit.world = visit.world._replace(resources=Odd())
    with pytest.raises(Refused, match="no scale settings"):
        carried(visit, claimed(visit), ScaleCluster(cluster=CLUSTER, min_nodes=1))
