"""Steps for batch endpoints and models of AI services against the simulated Azure, through the real clients."""

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
from orchestrator.core.plan.steps_models import ScaleAiDeployment, SetBatchDefault
from orchestrator.workflows.activities.steps import STEPS

FULL = SetBatchDefault(endpoint="nightly-scores", deployment="full")


def found(visit: Visit, place: str) -> dict[str, Any]:
    kept = visit.bench.azure.call(partial(visit.bench.azure.resources.get, place))
    assert kept is not None
    return dict(kept)


def model(visit: Visit, side: Role = Role.SECONDARY, **changes: Any) -> ScaleAiDeployment:
    hub = visit.plan.side(side)
    account = f"{hub.group_id}/providers/Microsoft.CognitiveServices/accounts/aoai-{hub.region}"
    usual: dict[str, Any] = {"account": account, "deployment": "gpt-4o", "capacity": 120}
    return ScaleAiDeployment(**(usual | changes))


def used(visit: Visit, side: Role = Role.SECONDARY) -> float:
    hub = visit.plan.side(side)
    place = f"/subscriptions/{hub.subscription}/providers/Microsoft.CognitiveServices/locations/{hub.region}/usages"
    return float(found(visit, f"{place}/OpenAI.GlobalStandard.gpt-4o")["currentValue"])


def writes(visit: Visit) -> list[tuple[str, str]]:
    entries = visit.bench.azure.log.entries()
    kinds = ("batchEndpoints", "CognitiveServices")
    changed = (e for e in entries if e.method != "GET" and any(kind in e.path for kind in kinds))
    return [(e.method, e.path.rpartition("/")[2]) for e in changed]


def default(visit: Visit, side: Role = Role.SECONDARY) -> str:
    endpoint = found(visit, f"{visit.plan.side(side).project_id}/batchEndpoints/nightly-scores")
    return str(endpoint["properties"]["defaults"]["deploymentName"])


def test_a_model_is_scaled_once_and_awaited_and_given_back(bench: Bench) -> None:
    """The quota of its region is taken, and free again afterwards; the kind of capacity stays."""
    visit = bench.visit()
    run, sent, before, step = claimed(visit), len(writes(visit)), used(visit), model(visit)
    carry_until_done(visit, run, step)  # on a busy machine the first look may find it done; a test below waits
    assert found(visit, step.resource_id)["sku"] == {"name": "GlobalStandard", "capacity": 120}
    assert used(visit) == before + 70
    carry(visit, run, step)
    assert writes(visit)[sent:] == [("PATCH", "gpt-4o")]
    carry_until_done(visit, run, msgspec.structs.replace(step, capacity=50))
    assert (found(visit, step.resource_id)["sku"]["capacity"], used(visit)) == (50, before)


def test_more_capacity_than_the_quota_has_is_refused_with_the_services_reason(bench: Bench) -> None:
    """Nothing changes."""
    visit = bench.visit()
    step = model(visit, capacity=5000)
    with pytest.raises(Refused, match=r"InsufficientQuota: 4950 more of the quota"):
        carry(visit, claimed(visit), step)
    assert found(visit, step.resource_id)["sku"]["capacity"] == 50


def test_a_model_that_is_not_there_or_has_no_capacity_is_told_of(bench: Bench) -> None:
    """Nothing is sent."""
    visit = bench.visit()
    run, sent = claimed(visit), len(writes(visit))
    with pytest.raises(NotFound, match="absent"):
        carry(visit, run, model(visit, deployment="absent"))
    step = model(visit)
    kept = visit.bench.azure.resources.get(step.resource_id)
    assert kept is not None
    sku = kept.pop("sku")
    try:
        with pytest.raises(Refused, match="shows no capacity"):
            carry(visit, run, step)
    finally:
        kept["sku"] = sku
    assert len(writes(visit)) == sent


def test_a_change_of_a_model_that_is_under_way_is_awaited_and_one_that_failed_is_asked_for_again(bench: Bench) -> None:
    """A failed change ends only with another."""
    visit = bench.visit()
    run, sent, step = claimed(visit), len(writes(visit)), model(visit, capacity=50)
    properties = found(visit, step.resource_id)["properties"]
    visit.bench.azure.call(partial(properties.update, provisioningState="Accepted"))
    with pytest.raises(TemporaryError, match="gpt-4o is Accepted with capacity 50; 50 is asked for"):
        carry(visit, run, step)
    assert len(writes(visit)) == sent
    visit.bench.azure.call(partial(properties.update, provisioningState="Failed"))
    with pytest.raises(Refused, match="gpt-4o is Failed"):
        preview(visit, step)
    carry_until_done(visit, run, step)
    assert writes(visit)[sent:] == [("PATCH", "gpt-4o")]


def test_a_batch_endpoint_s_default_is_set_once_and_nothing_else_of_it_changes(bench: Bench) -> None:
    """A PUT replaces an endpoint as a whole: what a person set of it is there afterwards."""
    visit = bench.visit()
    place = f"{visit.plan.secondary.project_id}/batchEndpoints/nightly-scores"
    properties = found(visit, place)["properties"]
    visit.bench.azure.call(partial(properties.update, description="scores", scoringUri="https://x"))
    run, sent = claimed(visit), len(writes(visit))
    try:
        carry_until_done(visit, run, FULL)
        assert (default(visit), default(visit, Role.PRIMARY)) == ("full", "light")
        after = found(visit, place)["properties"]
        assert (after["description"], after["scoringUri"], after["authMode"]) == ("scores", "https://x", "AADToken")
        carry(visit, run, FULL)
        assert writes(visit)[sent:] == [("PUT", "nightly-scores")]
    finally:
        carry_until_done(visit, run, msgspec.structs.replace(FULL, deployment="light"))


def test_a_batch_endpoint_of_the_side_that_is_left_is_set(bench: Bench) -> None:
    """As a way back gives back what the failover set."""
    visit = bench.visit()
    run, step = claimed(visit), msgspec.structs.replace(FULL, side=StepSide.SOURCE)
    carry_until_done(visit, run, step)
    assert (default(visit, Role.PRIMARY), default(visit)) == ("full", "light")
    carry_until_done(visit, run, msgspec.structs.replace(step, deployment="light"))


def test_a_deployment_that_is_not_there_or_has_not_succeeded_becomes_no_default(bench: Bench) -> None:
    """Nothing is sent."""
    visit = bench.visit()
    run, sent = claimed(visit), len(writes(visit))
    with pytest.raises(NotFound, match="absent"):
        carry(visit, run, msgspec.structs.replace(FULL, deployment="absent"))
    place = f"{visit.plan.secondary.project_id}/batchEndpoints/nightly-scores/deployments/full"
    properties = found(visit, place)["properties"]
    visit.bench.azure.call(partial(properties.update, provisioningState="Creating"))
    try:
        with pytest.raises(TemporaryError, match="nightly-scores/full is Creating"):
            carry(visit, run, FULL)
    finally:
        visit.bench.azure.call(partial(properties.update, provisioningState="Succeeded"))
    assert len(writes(visit)) == sent


def preview(visit: Visit, step: Any) -> str:
    asked = STEPS[step.kind].preview
    assert asked is not None
    return asked(visit.world, visit.plan, Role.SECONDARY, step)


def test_a_tabletop_drill_says_what_would_be_changed(bench: Bench) -> None:
    """And nothing is."""
    visit = bench.visit()
    sent = len(writes(visit))
    assert preview(visit, FULL) == "nightly-scores would have the default full instead of light"
    assert preview(visit, msgspec.structs.replace(FULL, deployment="light")).endswith("has the default light already")
    assert preview(visit, model(visit)) == "gpt-4o would have capacity 120 instead of 50"
    assert preview(visit, model(visit, capacity=50)) == "gpt-4o has capacity 50 already"
    assert len(writes(visit)) == sent
