"""What people wish of a run, where it is decided: in the pair's epoch record.

An abort and the claim of an epoch are conditional writes of one record. Whichever is written first, the other finds it
when it reads again: a run that was aborted claims nothing, and an abort that comes after the claim is refused.
"""

from __future__ import annotations

import re

import msgspec

from orchestrator.core.base.errors import NotNow, RunAborted, TemporaryError
from orchestrator.core.base.text import format_time, truncate
from orchestrator.core.decision.run_start import RUN_END
from orchestrator.core.epoch import AbortedRun, EpochRecord, PressedRun, TurnedUngraceful
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.messages import StopOrder, Wish, leaves_gracefully

MOST_ABORTED = 20
"""Runs of one epoch that are kept as aborted, or as pressed: the oldest of more have ended long ago."""


def abort_run(world: World, pair: str, run: str, wish: Wish) -> EpochRecord:
    """Let a run claim nothing any more; the record that says so. Repeated, it changes nothing.

    Raises:
        NotNow: the run has claimed its epoch, or a newer one is in force; says what can be done instead.
        HubswitchError: the record cannot be read or written now, and nothing has changed.
    """
    return while_it_conflicts(lambda: _abort(world, pair, run, wish))


def withdraw_run(world: World, order: StopOrder) -> str:
    """The same for a run that the pair itself wants to end; why it was too late, empty if it was not.

    Raises:
        HubswitchError: the record cannot be read or written now.
    """
    try:
        abort_run(world, order.pair, order.run, order.wish)
    except NotNow as late:
        return str(late)
    return ""


def _abort(world: World, pair: str, run: str, wish: Wish) -> EpochRecord:
    store = world.epochs[pair]
    found = store.read(pair)
    if found is None:
        raise TemporaryError(f"{pair} has no epoch record")
    record = found.value
    epoch = _epoch_of(run)
    if record.epoch == epoch and record.run == run:
        raise NotNow(
            f"{run} has claimed epoch {epoch}, and the pointer moves to the {record.active}: too late to abort it; a "
            "step that fails can be skipped, and when the run is over, a failback or a failover goes back"
        )
    if record.epoch >= epoch:
        holder = record.run or "nobody"
        raise NotNow(f"{pair} is at epoch {record.epoch} of {holder}: {run} cannot switch any more, and ends by itself")
    if any(each.run == run for each in record.aborted):
        return record
    told = AbortedRun(run=run, by=truncate(wish.by, 80), reason=truncate(wish.reason), at=wish.at)
    aborted = msgspec.structs.replace(record, aborted=(*record.aborted, told)[-MOST_ABORTED:])
    store.replace(pair, aborted, found.etag)
    return aborted


def press_run(world: World, order: StopOrder) -> str:
    """``turn_ungraceful`` for a run whose source has failed; why nothing was changed, empty if it was.

    Raises:
        HubswitchError: the record cannot be read or written now.
    """
    try:
        turn_ungraceful(world, order.pair, order.run, order.wish, drains=True)
    except NotNow as fault:
        return str(fault)
    return ""


def turn_ungraceful(world: World, pair: str, run: str, wish: Wish, *, drains: bool = False) -> EpochRecord:
    """Let a planned switch wait for no job any more; the record that says so. Repeated, it changes nothing.

    What the run does next reads it, and so does what is done about jobs when the run is over.

    Args:
        world: the ports.
        pair: the run's.
        run: its id.
        wish: who wants it, why, and since when.
        drains: the caller knows that the run is a planned failover that drains. Before its claim the wish is kept
            for the claim, which takes it over.

    Raises:
        NotNow: the run does not hold the epoch and does not drain, or waits for no job; says what can be done instead.
        HubswitchError: the record cannot be read or written now, and nothing has changed.
    """
    return while_it_conflicts(lambda: _turn(world, pair, run, wish, drains=drains))


def _turn(world: World, pair: str, run: str, wish: Wish, *, drains: bool) -> EpochRecord:
    store = world.epochs[pair]
    found = store.read(pair)
    if found is None:
        raise TemporaryError(f"{pair} has no epoch record")
    record = found.value
    if record.run != run and drains and record.epoch == _epoch_of(run) - 1:
        return _press(world, pair, run, wish, found)
    if record.run != run:
        if record.epoch < _epoch_of(run):
            raise NotNow(f"{run} has not claimed its epoch yet; ask again when its pointer has moved, or abort it")
        holder = record.run or "nobody"
        raise NotNow(f"{pair} is at epoch {record.epoch} of {holder}: {run} has no say over jobs any more")
    if not leaves_gracefully(record):
        raise NotNow(f"{run} waits for no job: it is no failback, and no failover that was ordered as graceful")
    if record.ungraceful:
        return record
    told = TurnedUngraceful(by=truncate(wish.by, 80), reason=truncate(wish.reason), at=wish.at)
    turned = msgspec.structs.replace(record, ungraceful=told)
    store.replace(pair, turned, found.etag)
    return turned


def _press(world: World, pair: str, run: str, wish: Wish, found: Versioned[EpochRecord]) -> EpochRecord:
    """Keep the wish for the claim of a run that drains."""
    record = found.value
    if any(each.run == run for each in record.aborted):
        raise NotNow(f"{run} was aborted: it claims nothing any more and ends")
    if find_press(record, run):
        return record
    told = PressedRun(run=run, by=truncate(wish.by, 80), reason=truncate(wish.reason), at=wish.at)
    pressed = msgspec.structs.replace(record, pressed=(*record.pressed, told)[-MOST_ABORTED:])
    world.epochs[pair].replace(pair, pressed, found.etag)
    return pressed


def find_press(record: EpochRecord, run: str) -> PressedRun | None:
    """The wish that a run which has not claimed its epoch waits for no job any more."""
    return next((each for each in record.pressed if each.run == run), None)


def must_not_be_aborted(record: EpochRecord, run: str) -> None:
    """Pass if a person did not abort this run.

    Raises:
        RunAborted: somebody did; says who, when and why.
    """
    for each in record.aborted:
        if each.run == run:
            raise RunAborted(f"{run} was aborted by {each.by} at {format_time(each.at)}: {each.reason}")


def _epoch_of(run: str) -> int:
    found = re.search(rf"-{RUN_END}$", run)
    return int(found["epoch"]) if found else 0
