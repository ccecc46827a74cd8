"""Phase A's steps, each on the real stores."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from azure.appconfiguration import AzureAppConfigurationClient
from azure.identity import ManagedIdentityCredential
from crash_harness import Bench, Visit, order_of

from orchestrator.core.base.errors import EpochFenced, OrderExpired, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.observation import Observed
from orchestrator.core.epoch import EpochRecord, PointerValue, pointer_for
from orchestrator.core.plan.schema import Plan
from orchestrator.local.simulated_plan import plan_of
from orchestrator.watch.look import look
from orchestrator.watch.stamps import Surroundings
from orchestrator.workflows.activities.epoch import (
    claim_epoch,
    ensure_pair,
    publish_pointer,
    repair_pointer,
    verify_pointer,
)
from orchestrator.workflows.messages import order_again


def _record(visit: Visit) -> EpochRecord:
    found = visit.world.epochs[visit.pair].read(visit.pair)
    assert found is not None
    return found.value


def _pointer(visit: Visit) -> PointerValue | None:
    return visit.world.pointers[visit.pair].snapshot(visit.pair).value


def test_a_claim_is_written_once_and_found_again(bench: Bench) -> None:
    """S6: the same order claims the same epoch, with the time of the first claim."""
    visit = bench.visit()
    order = order_of(visit, 1)
    first = claim_epoch(visit.world, order)
    assert claim_epoch(visit.world, order) == first == _record(visit)
    assert (first.epoch, first.active, first.run) == (1, Role.SECONDARY, order.run)


def test_a_claim_for_a_drill_says_so_and_so_does_a_run_that_is_begun_again(bench: Bench) -> None:
    """Other stamps read it, and what is done from the record is done for the same drill."""
    visit = bench.visit()
    order = msgspec.structs.replace(order_of(visit, 1), drill="20260301t120000000000")
    claimed = claim_epoch(visit.world, order)
    assert claimed.drill == _record(visit).drill == order.drill
    assert order_again(claimed, visit.plan, order.decided_at).drill == order.drill


def test_a_claim_found_again_is_not_too_late(bench: Bench) -> None:
    """What is held is held: expiry concerns claims that have not been made."""
    visit = bench.visit()
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    late = msgspec.structs.replace(order, claim_by=order.decided_at - timedelta(hours=1))
    assert claim_epoch(visit.world, late).epoch == 1


def test_an_order_whose_time_has_passed_claims_nothing(bench: Bench) -> None:
    """The evidence behind it has died."""
    visit = bench.visit()
    late = msgspec.structs.replace(order_of(visit, 1), claim_by=order_of(visit, 1).decided_at - timedelta(hours=1))
    with pytest.raises(OrderExpired):
        claim_epoch(visit.world, late)
    assert _record(visit).epoch == 0


def test_an_order_from_the_side_that_is_not_active_claims_nothing(bench: Bench) -> None:
    """S1: the direction of an epoch follows from the record."""
    visit = bench.visit()
    order = order_of(visit, 1)
    wrong = msgspec.structs.replace(order, source=order.target, target=order.source)
    with pytest.raises(EpochFenced, match="active side"):
        claim_epoch(visit.world, wrong)
    assert _record(visit).epoch == 0


def test_only_the_holder_publishes(bench: Bench) -> None:
    """S2: a run that has claimed nothing writes nothing."""
    visit = bench.visit()
    with pytest.raises(EpochFenced):
        publish_pointer(visit.world, order_of(visit, 1))
    pointer = _pointer(visit)
    assert pointer is not None
    assert pointer.epoch == 0


def test_the_pointer_says_what_the_record_says_on_every_replica(bench: Bench) -> None:
    """Verified where clients read."""
    visit = bench.visit()
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    value = publish_pointer(visit.world, order)
    assert (value.epoch, value.active, value.project) == (1, Role.SECONDARY, visit.plan.secondary.project)
    verification = verify_pointer(visit.world, order)
    assert [replica.endpoint for replica in verification.replicas] == list(visit.plan.pointer.replicas)
    assert verification.lagging == ()


def test_a_lagging_and_a_silent_replica_are_told_apart(bench: Bench) -> None:
    """Each with its reason; neither stops the others from being asked."""
    visit = bench.visit()
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    assert verify_pointer(visit.world, order).lagging[0].why == "still shows epoch 0"
    bench.azure.configuration.lag = 5.0
    try:
        publish_pointer(visit.world, order)
        behind = verify_pointer(visit.world, order).lagging
    finally:
        bench.azure.configuration.lag = 0.0
    assert [replica.why for replica in behind] == ["still shows epoch 0"]
    bench.azure.faults.set(visit.plan.secondary.region, "appconfig", "5xx", status=503)
    try:
        silent = verify_pointer(visit.world, order).lagging
    finally:
        bench.azure.faults.clear(visit.plan.secondary.region, "appconfig")
    assert "503" in silent[0].why


def test_setting_up_a_pair_twice_changes_nothing(bench: Bench) -> None:
    """It is done at every look."""
    visit = bench.visit()
    before, pointer = _record(visit), _pointer(visit)
    ensure_pair(visit.world, visit.plan, visit.world.clock.now())
    assert (_record(visit), _pointer(visit)) == (before, pointer)


def test_a_pointer_that_its_store_has_lost_comes_back_from_the_record(bench: Bench) -> None:
    """The record is the truth; but a run that may still be publishing is not overtaken."""
    visit = bench.visit()
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    now = visit.world.clock.now()
    ensure_pair(visit.world, visit.plan, now)
    behind = _pointer(visit)
    assert behind is not None
    assert behind.epoch == 0
    ensure_pair(visit.world, visit.plan, now + timedelta(hours=1))
    repaired = _pointer(visit)
    assert repaired is not None
    assert (repaired.epoch, repaired.active, repaired.run) == (1, Role.SECONDARY, order.run)


def test_an_acknowledged_pointer_that_is_not_there_is_written_again(bench: Bench) -> None:
    """A run does not go on with a pointer that nobody can read."""
    visit = bench.visit()
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    bench.azure.configuration.loses_writes = True
    try:
        with pytest.raises(TemporaryError, match="acknowledged the pointer of epoch 1 and still shows epoch 0"):
            publish_pointer(visit.world, order)
    finally:
        bench.azure.configuration.loses_writes = False
    assert publish_pointer(visit.world, order) == _pointer(visit)


def test_a_lost_pointer_comes_back_at_the_next_look_once_its_run_is_past_publishing(bench: Bench) -> None:
    """Nothing publishes it any more, so there is nothing to wait for."""
    visit = bench.visit()
    order = order_of(visit, 1)
    record = claim_epoch(visit.world, order)
    now = visit.world.clock.now()
    assert repair_pointer(visit.world, visit.plan, record, now, published=0) is None
    assert _pointer(visit).epoch == 0  # type: ignore[union-attr]
    assert repair_pointer(visit.world, visit.plan, record, now, published=1) is None
    assert _pointer(visit) == pointer_for(visit.plan, record)


DIFFERENCES = {
    "subscription": "11111111-2222-4333-8444-555555555555",
    "resource_group": "rg-another",
    "hub": "hub-another",
    "project": "another",
    "region": "uksouth",
}
"""What a plan may say of its primary, so that it means another hub."""


def _other(plan: Plan, field: str) -> Plan:
    """The same plan with another primary: by one field, or with its sides exchanged."""
    if field == "sides":
        return msgspec.structs.replace(plan, primary=plan.secondary, secondary=plan.primary)
    return msgspec.structs.replace(plan, primary=msgspec.structs.replace(plan.primary, **{field: DIFFERENCES[field]}))


def _look(visit: Visit, plan: Plan) -> Observed:
    async def look_once() -> Observed:
        try:
            return await look(visit.world, plan, Surroundings(visit.world, "test"), published=0)
        finally:
            await visit.world.probes.aclose()

    return asyncio.run(look_once())


@pytest.mark.parametrize("field", [*DIFFERENCES, "sides"])
def test_a_plan_that_means_another_hub_than_the_pointer_is_a_contradiction(bench: Bench, field: str) -> None:
    """A switch on it could go to the side that is down: it is told, and nothing is written."""
    visit = bench.visit()
    record, before, plan = _record(visit), _pointer(visit), visit.plan
    wrong = _other(plan, field)
    why = repair_pointer(visit.world, wrong, record, visit.world.clock.now(), published=0)
    assert why is not None
    assert why.startswith("the pointer of epoch 0")
    named = "project" if field == "sides" else field
    assert f"{named} {getattr(plan.primary, named)} (plan: {getattr(wrong.primary, named)})" in why
    assert _pointer(visit) == before
    assert repair_pointer(visit.world, plan, record, visit.world.clock.now(), published=0) is None


@pytest.mark.parametrize("field", [*DIFFERENCES, "sides"])
def test_a_plan_that_means_another_hub_than_the_epoch_record_holds(bench: Bench, field: str) -> None:
    """Even where the pointer was lost: nothing is published by such a plan, and nothing follows from the record."""
    visit = bench.visit()
    _lose_pointer(visit)
    wrong = _other(visit.plan, field)
    seen = _look(visit, wrong)
    named = "project" if field == "sides" else field
    assert seen.trouble is not None
    assert seen.trouble.startswith("the epoch record of epoch 0")
    assert f"{named} {getattr(visit.plan.primary, named)} (plan: {getattr(wrong.primary, named)})" in seen.trouble
    assert (seen.record, _pointer(visit)) == (None, None)
    good = _look(visit, visit.plan)
    assert (good.trouble, good.record) == (None, _record(visit))
    assert _pointer(visit) == pointer_for(visit.plan, _record(visit))


def test_a_run_whose_plan_has_changed_sides_meanwhile_publishes_nothing(bench: Bench) -> None:
    """It claimed for one hub, and would publish the other, the one that it leaves."""
    visit = bench.visit()
    order, before = order_of(visit, 1), _pointer(visit)
    claim_epoch(visit.world, order)
    wrong = visit.world._replace(plans={visit.pair: _other(visit.plan, "sides")})
    with pytest.raises(EpochFenced, match="exchanged"):
        publish_pointer(wrong, order)
    assert _pointer(visit) == before
    assert publish_pointer(visit.world, order).project == visit.plan.secondary.project


def test_a_run_whose_plan_does_not_mean_the_hub_of_the_record_claims_nothing(bench: Bench) -> None:
    """What it would leave, and what it would go to, are not what the evidence was about."""
    visit = bench.visit()
    wrong = visit.world._replace(plans={visit.pair: _other(visit.plan, "sides")})
    with pytest.raises(EpochFenced, match="exchanged"):
        claim_epoch(wrong, order_of(visit, 1))
    assert _record(visit).epoch == 0


def test_a_record_of_an_older_version_learns_its_hub_from_pointer_and_plan_that_agree(bench: Bench) -> None:
    """And from nothing else: a plan with its sides exchanged teaches it nothing."""
    visit = bench.visit()
    store = visit.world.epochs[visit.pair]
    found = store.read(visit.pair)
    assert found is not None
    store.replace(visit.pair, msgspec.structs.replace(found.value, place=None), found.etag)
    assert _look(visit, _other(visit.plan, "sides")).is_fenced
    assert _record(visit).place is None
    assert _look(visit, visit.plan).trouble is None
    assert _record(visit) == found.value


def _lose_pointer(visit: Visit) -> None:
    """Its store was emptied by somebody."""
    azure, endpoint = visit.bench.azure, visit.plan.pointer.endpoint
    credential = ManagedIdentityCredential(client_id=azure.environment()["HUBSWITCH_EXECUTOR_CLIENT_ID"])
    with AzureAppConfigurationClient(endpoint, credential, connection_verify=str(azure.ca_bundle)) as client:
        for setting in client.list_configuration_settings(key_filter=f"hubswitch:{visit.pair}:*"):
            client.delete_configuration_setting(setting.key)
    assert _pointer(visit) is None


def _visit_without_addresses(bench: Bench) -> Visit:
    """A pair whose plan does not say where its hubs answer; no look has found it out."""
    plan = plan_of(bench.azure)
    return bench.visit(**{role.value: msgspec.structs.replace(plan.side(role), api=None) for role in Role})


def _find_addresses(visit: Visit) -> None:
    async def sweep() -> None:
        await visit.world.probes.sweep(visit.plan, visit.world.clock.now())
        await visit.world.probes.aclose()

    asyncio.run(sweep())


def test_the_first_pointer_waits_until_it_is_known_where_the_hub_answers(bench: Bench) -> None:
    """Nobody follows it yet, and the look that finds it out is under way."""
    visit = _visit_without_addresses(bench)
    record, now = _record(visit), visit.world.clock.now()
    assert _pointer(visit) is None
    _find_addresses(visit)
    assert repair_pointer(visit.world, visit.plan, record, now) is None
    shown = _pointer(visit)
    assert shown is not None
    assert shown.endpoint == bench.azure.urls[f"{visit.plan.primary.region}.api"]


def test_a_switch_does_not_wait_for_an_address_and_asks_resource_manager_for_none(bench: Bench) -> None:
    """The pointer names the side without it; a later look adds what it has found out."""
    visit = _visit_without_addresses(bench)
    order, before = order_of(visit, 1), len(bench.azure.log)
    record = claim_epoch(visit.world, order)
    published = publish_pointer(visit.world, order)
    assert (published.epoch, published.active, published.endpoint) == (1, Role.SECONDARY, "")
    assert "control" not in {entry.surface for entry in bench.azure.log.entries()[before:]}
    now = visit.world.clock.now()
    assert repair_pointer(visit.world, visit.plan, record, now, published=1) is None
    assert _pointer(visit) == published
    _find_addresses(visit)
    assert repair_pointer(visit.world, visit.plan, record, now, published=1) is None
    shown = _pointer(visit)
    assert shown is not None
    assert (shown.epoch, shown.endpoint) == (1, bench.azure.urls[f"{visit.plan.secondary.region}.api"])
