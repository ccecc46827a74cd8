"""Phase A's steps, each on the real stores."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from crash_harness import Bench, Visit, order_of

from orchestrator.core.base.errors import EpochFenced, OrderExpired, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import EpochRecord, PointerValue, pointer_for
from orchestrator.local.simulated_plan import plan_of
from orchestrator.workflows.activities.epoch import (
    claim_epoch,
    ensure_pair,
    publish_pointer,
    repair_pointer,
    verify_pointer,
)


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


@pytest.mark.parametrize("exchanged", [True, False], ids=["sides exchanged", "another project"])
def test_a_plan_that_means_another_hub_than_the_pointer_is_a_contradiction(bench: Bench, exchanged: bool) -> None:
    """A switch on it could go to the side that is down: it is told, and nothing is written."""
    visit = bench.visit()
    record, before, plan = _record(visit), _pointer(visit), visit.plan
    if exchanged:
        wrong = msgspec.structs.replace(plan, primary=plan.secondary, secondary=plan.primary)
    else:
        wrong = msgspec.structs.replace(plan, primary=msgspec.structs.replace(plan.primary, project="another"))
    why = repair_pointer(visit.world, wrong, record, visit.world.clock.now(), published=0)
    assert why is not None
    assert f"project {plan.primary.project} (plan: {wrong.primary.project})" in why
    assert _pointer(visit) == before
    assert repair_pointer(visit.world, plan, record, visit.world.clock.now(), published=0) is None


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
