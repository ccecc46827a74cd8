"""``hubswitch breakglass``: show and switch a pair while the app, its engine or Resource Manager are away.

It works on the stores themselves, with the plan and this machine's login.

Exit status: 0 done or shown, 1 not possible as things stand or not finished, 2 unusable input, 3 it could be done and
nobody has said ``--yes``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TextIO

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.base.text import count_of, format_time
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.signal import Signal
from orchestrator.ports import World
from orchestrator.standby.breakglass import (
    HandOrder,
    PairStores,
    move_by_hand,
    note_by_hand,
    order_by_hand,
    point_by_hand,
    read_stores,
    repair_by_hand,
)
from orchestrator.submit.api import Desk, desk
from orchestrator.workflows.messages import BatchReport, ReplicaCheck, RunKind, RunOrder

NEEDS_A_PERSON = 3


class HandOptions(NamedTuple):
    """What is wanted; each is an option of the command."""

    to: Role | None
    by: str
    reason: str
    bad_since: datetime | None = None
    patience: timedelta = timedelta(minutes=10)
    """How long jobs are tried that are neither taken nor refused."""

    yes: bool = False


class Switched(NamedTuple):
    """What was done."""

    lagging: tuple[ReplicaCheck, ...] = ()
    moved: BatchReport | None = None


def breakglass_command(file: Path, wanted: HandOptions, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """Show the pair; with ``to`` say what would be done, and with ``yes`` do it."""
    try:
        if wanted.to and not wanted.reason.strip():
            raise InvalidInput("--reason", "", "a reason, for the epoch record", "nothing")
        at = desk(file)
        if wanted.to is None:
            _show(read_stores(at.world, at.plan), _ask_sides(at.world, at.plan), as_json=as_json, out=out)
            return 0
        done = _switch(at, wanted, err) if wanted.yes else None
        stores = read_stores(at.world, at.plan)
    except HubswitchError as fault:
        print(" ".join(str(fault).split()), file=err)
        return 2 if isinstance(fault, InvalidInput) else 1
    _report(stores, done, wanted.to, as_json=as_json, out=out)
    if done is None:
        return NEEDS_A_PERSON
    return 1 if done.moved and done.moved.pending else 0


def since_from(said: str) -> datetime:
    """The moment that ``--bad-since`` names.

    Raises:
        InvalidInput: it is no RFC 3339 time with a zone.
    """
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidInput("--bad-since", "", "a time such as 2026-03-01T04:45:00Z", repr(said))
    return found


def _switch(at: Desk, wanted: HandOptions, err: TextIO) -> Switched:
    world, plan, target = at.world, at.plan, wanted.to or Role.PRIMARY
    by_hand = HandOrder(target, wanted.by, wanted.reason, wanted.bad_since)
    order = order_by_hand(world, plan, by_hand)
    if order is None:
        repair_by_hand(world, plan)
        return Switched()
    _must_be_writable(at, order)
    lagging = point_by_hand(world, plan, order)
    print(f"{plan.pair}: the pointer names the {target} under epoch {order.epoch}", file=err)
    unnoted = note_by_hand(world, order, by_hand)
    if unnoted:
        print(f"{plan.pair}: not noted in the audit log, give the command again for that: {unnoted}", file=err)
    if order.kind is not RunKind.FAILOVER:
        return Switched(lagging)
    until = world.clock.now() + wanted.patience
    return Switched(lagging, move_by_hand(world, order, until, lambda said: print(said, file=err)))


def _must_be_writable(at: Desk, order: RunOrder) -> None:
    """Whether the pointer can be written, before an epoch is claimed that nobody would follow. A claimed one goes on.

    Raises:
        HubswitchError: it cannot, by this login or at all.
    """
    from orchestrator.adapters.assembly import trials

    found = at.world.epochs[at.plan.pair].read(at.plan.pair)
    if found is None or found.value.epoch < order.epoch:
        trials(at.settings).write_pointer(at.plan)


def _ask_sides(world: World, plan: Plan) -> dict[str, str]:
    """Side and surface -> what a question from this machine found. Never raises."""

    async def ask() -> dict[str, str]:
        try:
            found = await world.probes.sweep(plan, world.clock.now())
        finally:
            await world.probes.aclose()
        return {_name_of(one): f"{one.observation}: {one.why}" for one in found if one.surface}

    return asyncio.run(ask())


def _name_of(signal: Signal) -> str:
    """``primary.hub``; ``observer`` and ``elsewhere`` are of no side."""
    return f"{signal.role}.{signal.surface}" if signal.role else str(signal.surface)


def _show(stores: PairStores, sides: dict[str, str], *, as_json: bool, out: TextIO) -> None:
    if as_json:
        print(json.dumps({**to_builtins(stores), "sides": sides}), file=out)
        return
    _print(_describe(stores), out)
    print("what this machine sees:", file=out)
    _print((f"  {name:<22} {said}" for name, said in sorted(sides.items())), out)
    other = stores.active.other
    print(f'to make the {other} active: --to {other} --reason "…"', file=out)


def _report(stores: PairStores, done: Switched | None, to: Role, *, as_json: bool, out: TextIO) -> None:
    if as_json:
        moved = to_builtins(done.moved) if done and done.moved else None
        lagging = [to_builtins(each) for each in done.lagging] if done else []
        said = {**to_builtins(stores), "done": done is not None, "moved": moved, "lagging": lagging}
        print(json.dumps(said), file=out)
        return
    _print(_describe(stores), out)
    if done is None:
        print(f"nothing was written; give --yes to make the {to} active", file=out)
        return
    _print((f"  {each.endpoint} does not show it yet: {each.why}" for each in done.lagging), out)
    if done.moved:
        _print(_describe_moved(done.moved), out)
    print("the app, when it is back, takes this over and finishes the run", file=out)


def _describe(stores: PairStores) -> Iterable[str]:
    record, pointer = stores.record, stores.pointer
    if record:
        ended = "has ended" if stores.run_has_ended else "has not ended"
        yield f"{stores.pair}: epoch {record.epoch}, the {record.active} is active since {format_time(record.since)}"
        yield f"  because {record.why}" + (f"; {record.run} {ended}" if record.run else "")
    else:
        yield f"{stores.pair}: no epoch record was read"
    if pointer:
        yield f"  the pointer of epoch {pointer.epoch} names {pointer.project} in {pointer.region}"
    for side, counts in stores.jobs.items():
        told = ", ".join(f"{n} {status}" for status, n in counts.items()) or "none"
        yield f"  jobs of the {side}: {told}"
    for each in stores.trouble:
        yield f"  not read: {each}"


def _describe_moved(moved: BatchReport) -> Iterable[str]:
    yield (
        f"  {count_of(moved.resubmitted, 'job', 'jobs')} resubmitted, {moved.skipped} skipped by policy, "
        f"{moved.waiting} waiting with a reason, {moved.refused} refused, {moved.finished} had finished before"
    )
    if moved.pending:
        yield f"  {moved.pending} are neither taken nor refused: {moved.why}; give the command again"


def _print(lines: Iterable[str], out: TextIO) -> None:
    for line in lines:
        print(line, file=out)
