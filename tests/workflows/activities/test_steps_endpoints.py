"""Steps for online endpoints against the simulated Azure, through the real clients."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest
from carried_steps import carry, carry_until_done
from crash_harness import Bench, Visit
from job_stories import claimed

from orchestrator.core.base.errors import NotFound, Refused, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.step_base import StepSide
from orchestrator.core.plan.steps_standby import ScaleDeployment, SetTraffic
from orchestrator.workflows.activities.steps import STEPS

PEAK = ScaleDeployment(endpoint="score", deployment="blue", instances=4)


def at(visit: Visit, tail: str, side: Role = Role.SECONDARY) -> dict[str, Any]:
    place = f"{visit.plan.side(side).project_id}/onlineEndpoints/{tail}"
    found = visit.bench.azure.call(partial(visit.bench.azure.resources.get, place))
    assert found is not None
    return dict(found)


def change(visit: Visit, tail: str, **properties: Any) -> None:
    visit.bench.azure.call(partial(at(visit, tail)["properties"].update, properties))


def writes(visit: Visit) -> list[tuple[str, str]]:
    entries = visit.bench.azure.log.entries()
    return [(e.method, e.path.rpartition("/")[2]) for e in entries if "onlineEndpoints" in e.path and e.method != "GET"]


def add_deployment(visit: Visit, name: str, state: str = "Succeeded") -> None:
    blue = at(visit, "score/deployments/blue")
    place = blue["id"].replace("/blue", f"/{name}")
    body = {"location": blue["location"], "sku": dict(blue["sku"])}
    properties = {**blue["properties"], "provisioningState": state}
    visit.bench.azure.call(partial(visit.bench.azure.resources.put, place, {**body, "properties": properties}))


def test_a_deployment_is_scaled_once_and_awaited(bench: Bench) -> None:
    """The service takes the number, shows it as under way, and the step is over when it has succeeded."""
    visit = bench.visit()
    run, sent = claimed(visit), len(writes(visit))
    try:
        carry_until_done(visit, run, PEAK)
        assert at(visit, "score/deployments/blue")["sku"]["capacity"] == 4
        assert at(visit, "score/deployments/blue")["properties"]["provisioningState"] == "Succeeded"
        assert at(visit, "score/deployments/blue", Role.PRIMARY)["sku"]["capacity"] == 2
        carry(visit, run, PEAK)
        assert writes(visit)[sent:] == [("PATCH", "blue")]
    finally:
        carry_until_done(visit, run, msgspec.structs.replace(PEAK, instances=2))


def test_a_deployment_of_the_side_that_is_left_is_scaled(bench: Bench) -> None:
    """As a way back gives up what the failover took."""
    visit = bench.visit()
    run, step = claimed(visit), msgspec.structs.replace(PEAK, instances=1, side=StepSide.SOURCE)
    carry_until_done(visit, run, step)
    assert at(visit, "score/deployments/blue", Role.PRIMARY)["sku"]["capacity"] == 1
    assert at(visit, "score/deployments/blue")["sku"]["capacity"] == 2
    carry_until_done(visit, run, msgspec.structs.replace(step, instances=2))


def test_more_instances_than_the_quota_has_are_refused_with_the_services_reason(bench: Bench) -> None:
    """Nothing changes; the reason says how much is needed and how much is left."""
    visit = bench.visit()
    with pytest.raises(Refused, match=r"OutOfQuota: .* cores are needed"):
        carry(visit, claimed(visit), msgspec.structs.replace(PEAK, instances=60))
    assert at(visit, "score/deployments/blue")["sku"]["capacity"] == 2


def test_a_deployment_that_is_not_there_or_scales_by_itself_is_told_of(bench: Bench) -> None:
    """Nothing is sent."""
    visit = bench.visit()
    run, sent = claimed(visit), len(writes(visit))
    with pytest.raises(NotFound, match="green"):
        carry(visit, run, msgspec.structs.replace(PEAK, deployment="green"))
    change(visit, "score/deployments/blue", scaleSettings={"scaleType": "TargetUtilization"})
    try:
        with pytest.raises(Refused, match=r"score/blue scales by itself \(TargetUtilization\)"):
            carry(visit, run, PEAK)
    finally:
        change(visit, "score/deployments/blue", scaleSettings={"scaleType": "Default"})
    assert len(writes(visit)) == sent


def test_a_change_that_is_under_way_is_awaited_and_one_that_failed_is_asked_for_again(bench: Bench) -> None:
    """The service refuses a second change meanwhile; a failed one ends only with another."""
    visit = bench.visit()
    run, sent = claimed(visit), len(writes(visit))
    change(visit, "score/deployments/blue", provisioningState="Updating")
    with pytest.raises(TemporaryError, match="score/blue is Updating with 2 instances; 4 are asked for"):
        carry(visit, run, PEAK)
    assert len(writes(visit)) == sent
    change(visit, "score/deployments/blue", provisioningState="Failed")
    carry_until_done(visit, run, msgspec.structs.replace(PEAK, instances=2))
    assert writes(visit)[sent:] == [("PATCH", "blue")]


def test_traffic_is_set_once_and_nothing_else_of_the_endpoint_changes(bench: Bench) -> None:
    """A PUT replaces an endpoint as a whole: what a person set of it is there afterwards."""
    visit = bench.visit()
    run = claimed(visit)
    add_deployment(visit, "green")
    before, sent = at(visit, "score"), len(writes(visit))
    step = SetTraffic(endpoint="score", traffic={"blue": 0, "green": 100})
    try:
        carry_until_done(visit, run, step)
        carry(visit, run, step)
        after = at(visit, "score")
        assert after["properties"] == {**before["properties"], "traffic": {"blue": 0, "green": 100}}
        assert {**after, "properties": 0} == {**before, "properties": 0}
        assert writes(visit)[sent:] == [("PUT", "score")]
    finally:
        carry_until_done(visit, run, SetTraffic(endpoint="score", traffic={"blue": 100}))


def test_traffic_waits_for_a_deployment_that_has_not_succeeded(bench: Bench) -> None:
    """Requests to it would fail. What is not there at all is told of."""
    visit = bench.visit()
    run, sent = claimed(visit), len(writes(visit))
    add_deployment(visit, "slow", "Creating")
    with pytest.raises(TemporaryError, match="score/slow is Creating: it cannot answer 50 %"):
        carry(visit, run, SetTraffic(endpoint="score", traffic={"blue": 50, "slow": 50}))
    with pytest.raises(NotFound, match="absent"):
        carry(visit, run, SetTraffic(endpoint="score", traffic={"blue": 50, "absent": 50}))
    assert len(writes(visit)) == sent


def test_a_tabletop_says_what_would_be_changed_and_changes_nothing(bench: Bench) -> None:
    """And what is there already."""
    visit = bench.visit()
    sent = len(writes(visit))

    def preview(step: Any) -> str:
        ask = STEPS[step.kind].preview
        assert ask is not None
        return ask(visit.world, visit.plan, Role.SECONDARY, step)

    assert preview(PEAK) == "score/blue would have 4 instances instead of 2"
    assert preview(msgspec.structs.replace(PEAK, instances=2)) == "score/blue has 2 instances already"
    assert preview(SetTraffic(endpoint="score", traffic={"blue": 100})) == "score has blue 100 % already"
    none = SetTraffic(endpoint="score", traffic={})
    assert preview(none) == "score would have no traffic instead of blue 100 %"
    assert len(writes(visit)) == sent
