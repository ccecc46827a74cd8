"""Reconciliation of what is there: ask Resource Manager for what plans name, and tell entities what was deleted.

Events tell the same within seconds where they arrive. Only a 404 counts, at two looks in a row, of something that was
seen before: an outage answers otherwise, and what cannot be asked is neither there nor gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta

from orchestrator import telemetry
from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import Conflict, HubswitchError, InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState
from orchestrator.core.ledger_paths import existence_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.ownership import named_by, signal_of
from orchestrator.core.signals.signal import Says, Signal
from orchestrator.core.standby.existence import EVERY, SOONER, Existence, compare_existence, untold
from orchestrator.core.standby.recovery import Found
from orchestrator.ports import Engine, EngineError, World
from orchestrator.watch.process import Process
from orchestrator.watch.readiness import want_looks
from orchestrator.watch.states import is_quiet, readable_states
from orchestrator.watch.tick import TickBounds, log_faults, run_tick
from orchestrator.workflows import calls

LOG = telemetry.logger("timers")

type Find = Callable[[World, Iterable[tuple[Role, str]]], Found]
"""Asks for resources by side and id."""

TICK = timedelta(seconds=20)
"""A tick is over after this; pairs that it has no time for come first in the next one."""

AT_ONCE = 2

GONE = "it was there, and Resource Manager has answered two looks that it is not (404): somebody deleted it"
BACK = "it was gone, and is there again"


async def look_for_gone(process: Process, engine: Engine, find: Find) -> None:
    """Look at the resources of pairs that are due. Never raises for what Azure, ledger or engine do."""
    now, memory = process.clock.now(), process.memory
    due = [pair for pair in process.plans if now >= memory.existence_due.get(pair, now)]
    if not due:
        return
    try:
        states = await readable_states(process, engine)
    except EngineError as fault:
        LOG.warning("nobody looked for what was deleted: %s", fault)
        return
    quiet = {pair: state for pair in due if (state := states.get(pair)) and is_quiet(state)}
    if not quiet:
        return
    world = await process.assembled()

    async def turn(pair: str) -> None:
        memory.existence_looks.note(pair, process.clock.now())
        memory.existence_due[pair] = process.clock.now() + EVERY
        await _look(process, engine, lambda: _compare(world, process.plans[pair], quiet[pair], find), pair)

    ended = await run_tick(
        memory.existence_looks.order(dict.fromkeys(quiet)), turn, TickBounds(TICK, TICK / 2, AT_ONCE)
    )
    log_faults(ended, "looking for what was deleted of")


type Compared = tuple[tuple[Signal, ...], bool]
"""What is to be told, and whether something was missed for the first time."""


async def _look(process: Process, engine: Engine, compare: Callable[[], Compared], pair: str) -> None:
    try:
        told, missed = await asyncio.get_running_loop().run_in_executor(process.memory.readiness_threads, compare)
    except HubswitchError as fault:
        LOG.warning("%s: nobody could look for what was deleted: %s", pair, fault)
        return
    if missed:
        process.memory.existence_due[pair] = process.clock.now() + SOONER
    if told:
        now = process.clock.now()
        await calls.observe(engine, pair, Observed(now=now, signals=told))
        await want_looks(process, frozenset({pair}), now, frozenset({pair}))


def _compare(world: World, plan: Plan, state: PairState, find: Find) -> Compared:
    """Ask, compare with what was seen before, and keep what was found."""
    ledger, path, now = world.ledgers[plan.pair], existence_path(plan.pair), world.clock.now()
    roles = {place: role for role in Role for place in named_by(plan, role)}
    found = find(world, [(role, place) for place, role in roles.items()])
    page = ledger.page(path)
    try:
        before = read_record(page.value, Existence, path) if page else Existence()
    except InvalidInput:
        before = Existence()
    change = compare_existence(before, found.there, [each.resource for each in found.missing], now)
    if change.after != before:
        try:
            ledger.write_page(path, encode(change.after), page.etag if page else None)
        except Conflict:
            return (), True  # another stamp has looked at the same time: it tells, or the next look does
    known = {(each.role, each.name.casefold()) for each in state.evidence.deletions.values()}
    gone = untold(change, known, roles)
    back = [place for place in change.back if (roles.get(place), place.rpartition("/")[2]) in known]
    told = [signal_of(plan, place, Says.DELETED, now, GONE) for place in gone]
    told += [signal_of(plan, place, Says.WRITTEN, now, BACK) for place in back]
    return tuple(signal for signal in told if signal is not None), bool(change.after.missed)
