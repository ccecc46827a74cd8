"""Phase A's steps: claim the epoch, publish the pointer, look whether it arrived.

Nothing here calls Resource Manager or the hub that is left. Each body is idempotent by (pair, epoch, run): a
repeated order finds its own work done and says so.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import msgspec

from orchestrator.core.base.errors import Conflict, EpochFenced, HubswitchError, OrderExpired, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import (
    EpochRecord,
    PointerValue,
    TurnedUngraceful,
    describe_other_hub,
    place_of,
    pointer_for,
)
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import PointerSnapshot, Versioned, World
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.activities.wishes import find_press, must_not_be_aborted
from orchestrator.workflows.messages import ReplicaCheck, RunOrder, Verification

REPAIR_AFTER = 30
"""Suspect intervals after which a pointer that is behind its epoch record is not being published by a run any more,
if the pair's entity has not heard that the run is past that."""


def claim_epoch(world: World, order: RunOrder) -> EpochRecord:
    """Make this run the holder of its epoch; the record in force.

    Raises:
        EpochFenced: the record shows another history than the one that the order was decided on.
        OrderExpired: not claimed yet, and the evidence behind the order has died.
        RunAborted: a person aborted this run before it had claimed anything.
    """
    return while_it_conflicts(lambda: _claim(world, order))


def publish_pointer(world: World, order: RunOrder) -> PointerValue:
    """Point clients at the side that this run's epoch record names; the value in force.

    The keys are read *before* the fence is checked and written only over what was read. A run that has been
    overtaken is therefore stopped by the fence, or by the ETags of what its successor wrote. The endpoint that was
    written is read back: an acknowledged write that is not there is written again by the next try.

    Raises:
        EpochFenced: this run does not hold its epoch any more.
        TemporaryError: the store acknowledged the pointer and does not show it.
    """
    return while_it_conflicts(lambda: _publish(world, order))


def verify_pointer(world: World, order: RunOrder) -> Verification:
    """Ask every replica that the plan names (the endpoint itself if it names none) what it shows now."""
    plan = world.plans[order.pair]
    asked = plan.pointer.replicas or (plan.pointer.endpoint,)
    return Verification(replicas=tuple(_ask_replica(world, order, endpoint) for endpoint in asked))


def read_held_epoch(world: World, order: RunOrder) -> EpochRecord:
    """The epoch record, if this run holds it.

    Raises:
        EpochFenced: it shows another epoch or another run.
    """
    found = world.epochs[order.pair].read(order.pair)
    if found is None:
        raise EpochFenced(f"{order.pair} has no epoch record; {order.run} holds nothing")
    if (found.value.epoch, found.value.run) != (order.epoch, order.run):
        holder = found.value.run or "nobody"
        raise EpochFenced(f"{order.pair} is at epoch {found.value.epoch} of {holder}, not {order.epoch} of {order.run}")
    _must_mean_the_plan(world, found.value, order.pair)
    return found.value


def read_epoch(world: World, pair: str) -> EpochRecord:
    """The epoch record of a pair.

    Raises:
        TemporaryError: there is none, or it cannot be read now.
    """
    found = world.epochs[pair].read(pair)
    if found is None:
        raise TemporaryError(f"{pair} has no epoch record")
    return found.value


def ensure_pair(world: World, plan: Plan, now: datetime) -> EpochRecord:
    """The epoch record of a pair, begun at epoch 0 with the primary if there is none, and its pointer published.

    So a pointer is there before the first outage, and comes back if its store was emptied. A run that may still be
    publishing is left to do so itself.
    """
    record = begin_pair(world, plan, now)
    repair_pointer(world, plan, record, now)
    return record


def begin_pair(world: World, plan: Plan, now: datetime) -> EpochRecord:
    """The epoch record of a pair, begun at epoch 0 with the primary if there is none."""
    return while_it_conflicts(lambda: _begin(world, plan, now))


def repair_pointer(
    world: World, plan: Plan, record: EpochRecord, now: datetime, published: int | None = None
) -> str | None:
    """Publish the pointer if it is behind its epoch record and no run may be publishing it.

    Args:
        world: the ports.
        plan: the pair's.
        record: the epoch record in force.
        now: the present.
        published: the epoch whose run has reported that it published the pointer; None if none has.

    Returns:
        Why no run could ever publish over it: it is ahead of the record, names the other side, or names a hub that
        is not the one of the plan. None if it agrees.
    """
    pointers = world.pointers[plan.pair]
    seen = pointers.snapshot(plan.pair)
    fenced = why_fenced(seen, record, plan)
    if fenced:
        # A run may have claimed and published between the two readings: only a record that stays the same contradicts.
        return fenced if read_epoch(world, plan.pair) == record else None
    if record.place is None and seen.value is not None and seen.value.epoch == record.epoch:
        _note_place(world, plan, record)
    plan = world.plans.get(plan.pair, plan)
    is_overtaken = seen.value is not None and seen.value.epoch < record.epoch
    is_behind = is_overtaken or seen.value is None or not seen.value.endpoint
    if not is_overtaken and plan.side(record.active).api is None:
        return None  # a look has not found out yet where that side answers; one of the next publishes
    may_publish = record.run is not None and record.epoch != published
    if is_behind and (not may_publish or now - record.since > REPAIR_AFTER * plan.policy.suspect_interval):
        with suppress(Conflict, EpochFenced):
            pointers.publish(plan.pair, pointer_for(plan, record), seen)
    return None


def _note_place(world: World, plan: Plan, record: EpochRecord) -> None:
    """Write the hub into a record of a version that did not, once the pointer has said that the plan means that hub."""
    found = world.epochs[plan.pair].read(plan.pair)
    if found and found.value == record:
        with suppress(Conflict):
            named = msgspec.structs.replace(record, place=place_of(plan.side(record.active)))
            world.epochs[plan.pair].replace(plan.pair, named, found.etag)


def _begin(world: World, plan: Plan, now: datetime) -> EpochRecord:
    store = world.epochs[plan.pair]
    found = store.read(plan.pair)
    if found:
        return found.value
    first = EpochRecord(
        epoch=0,
        active=Role.PRIMARY,
        run=None,
        since=now,
        why="the pair was set up",
        place=place_of(plan.primary),
    )
    store.create(plan.pair, first)
    return first


def _claim(world: World, order: RunOrder) -> EpochRecord:
    store = world.epochs[order.pair]
    found = store.read(order.pair)
    if found and (found.value.epoch, found.value.run) == (order.epoch, order.run):
        return found.value
    if found:
        must_not_be_aborted(found.value, order.run)
    _must_follow(found, order)
    if found:
        _must_mean_the_plan(world, found.value, order.pair)
    now = world.clock.now()
    if now > order.claim_by:
        raise OrderExpired(
            f"{order.run} was decided at {order.decided_at:%H:%M:%S} and could not claim epoch {order.epoch} "
            f"by {order.claim_by:%H:%M:%S}"
        )
    record = EpochRecord(
        epoch=order.epoch,
        active=order.target,
        run=order.run,
        since=now,
        why=order.why,
        doubted_since=order.doubted_since,
        ordered=order.ordered,
        graceful=order.graceful,
        drill=order.drill,
        ungraceful=_take_over_wish(found.value, order) if found else None,
        place=place_of(world.plans[order.pair].side(order.target)),
        sides_since=found.value.sides_since if found else 0,
    )
    if found:
        store.replace(order.pair, record, found.etag)
    else:
        store.create(order.pair, record)
    return record


def _take_over_wish(record: EpochRecord, order: RunOrder) -> TurnedUngraceful | None:
    """The wish that this planned switch waits for no job, if it was written before the claim."""
    wish = find_press(record, order.run) if order.graceful else None
    return TurnedUngraceful(by=wish.by, reason=wish.reason, at=wish.at) if wish else None


def _publish(world: World, order: RunOrder) -> PointerValue:
    store = world.pointers[order.pair]
    seen = store.snapshot(order.pair)
    value = pointer_for(world.plans[order.pair], read_held_epoch(world, order))
    if seen.value and seen.value.epoch > value.epoch:
        raise EpochFenced(f"the pointer of {order.pair} is at epoch {seen.value.epoch}, this run at {order.epoch}")
    store.publish(order.pair, value, seen)
    _must_show(store.snapshot(order.pair), value, order)
    return value


def _must_show(shown: PointerSnapshot, value: PointerValue, order: RunOrder) -> None:
    if shown.value == value:
        return
    if shown.value and shown.value.epoch > value.epoch:
        raise EpochFenced(f"the pointer of {order.pair} is at epoch {shown.value.epoch}, this run at {order.epoch}")
    there = f"still shows epoch {shown.value.epoch}" if shown.value else "shows no pointer"
    raise TemporaryError(f"the store acknowledged the pointer of epoch {value.epoch} and {there}; it is written again")


def why_fenced(seen: PointerSnapshot, record: EpochRecord, plan: Plan) -> str | None:
    """Why no run of this plan could publish over a pointer: it contradicts epoch record or plan. None if one could."""
    shown = seen.value
    if seen.highest_epoch > record.epoch:
        return f"the pointer is at epoch {seen.highest_epoch}, ahead of the epoch record, which says {record.epoch}"
    if shown and shown.epoch == record.epoch and shown.active is not record.active:
        return f"the pointer of epoch {shown.epoch} names the {shown.active}, the epoch record the {record.active}"
    return describe_other_hub(plan, shown.active, shown, f"the pointer of epoch {shown.epoch}") if shown else None


def why_other_hub(record: EpochRecord, plan: Plan) -> str | None:
    """Why the plan does not mean the hub that the epoch record names; None if it does."""
    return describe_other_hub(plan, record.active, record.place, f"the epoch record of epoch {record.epoch}")


def _must_mean_the_plan(world: World, record: EpochRecord, pair: str) -> None:
    why = why_other_hub(record, world.plans[pair])
    if why:
        raise EpochFenced(why)


def _must_follow(found: Versioned[EpochRecord] | None, order: RunOrder) -> None:
    epoch = found.value.epoch if found else 0
    active = found.value.active if found else Role.PRIMARY
    if epoch != order.epoch - 1:
        raise EpochFenced(f"{order.pair} is at epoch {epoch}; epoch {order.epoch} of {order.run} cannot follow")
    if active is not order.source:
        raise EpochFenced(f"the active side of {order.pair} is the {active}, not the {order.source}")


def _ask_replica(world: World, order: RunOrder, endpoint: str) -> ReplicaCheck:
    try:
        value = world.pointers[order.pair].read_from(order.pair, endpoint)
    except HubswitchError as fault:
        return ReplicaCheck(endpoint=endpoint, confirmed=False, why=str(fault))
    if value is None:
        return ReplicaCheck(endpoint=endpoint, confirmed=False, why="shows no pointer yet")
    if value.epoch < order.epoch:
        return ReplicaCheck(endpoint=endpoint, confirmed=False, why=f"still shows epoch {value.epoch}")
    return ReplicaCheck(endpoint=endpoint, confirmed=True)
