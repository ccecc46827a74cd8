"""The timer that watches: look at every pair that is due, and hand what was seen to its entity."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import msgspec

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.acting import follows, is_fit
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.schema import Plan
from orchestrator.core.recording import Looked
from orchestrator.core.schedule import sides_by_subscription
from orchestrator.core.standby.canary import with_canaries
from orchestrator.ports import Engine, World
from orchestrator.watch.canaries import Visit
from orchestrator.watch.leadership import Attendance
from orchestrator.watch.look import epoch_published, is_due, look, looks_at_pointer, share_moving, surfaces_to_skip
from orchestrator.watch.measure import measure_look, measure_states
from orchestrator.watch.memory import CANARY_THREADS, THREADS
from orchestrator.watch.process import Process
from orchestrator.watch.revive import revive
from orchestrator.watch.staleness import tell_untaken
from orchestrator.watch.stamps import Surroundings
from orchestrator.watch.states import is_quiet, readable_states
from orchestrator.watch.tick import TickBounds, count_unreached, log_faults, raise_first, run_tick
from orchestrator.workflows import calls

LOG = telemetry.logger("timers")

AT_ONCE = THREADS
"""Pairs looked at together. Each look holds a handful of connections."""

LOOKS_PART = 0.9
"""Part of the slot after which looks are given up: the tick must be over when the next one begins."""

CANARIES_PART = 0.6
"""The same for canaries, which nobody waits for."""


async def watch(process: Process, engine: Engine) -> int:
    """Look at every pair that is due and hand what was seen to its entity; how many were looked at.

    A pair whose stored state cannot be read is left alone. One that fails does not stop the others; what it raised
    is raised at the end, so that the host shows this invocation as failed. Those that the tick has no time for are
    looked at first in the next one.
    """
    states = await readable_states(process, engine)
    now = process.clock.now()
    measure_states(states, now)
    waiting = {p: s.looked_at if s else None for p, s in states.items() if is_due(s, process.plans[p], now)}
    world = await process.assembled()
    await tell_untaken(process, states)
    attendance = attend(process, world, states, now)
    looks = Looks(process, engine, world._replace(probes=world.probes.for_one_tick()), states, attendance)
    settings = process.settings
    slot = TickBounds(settings.watch_slot * LOOKS_PART, settings.probe_timeout + settings.connect_timeout, AT_ONCE)
    ended, *_ = await asyncio.gather(
        run_tick(process.memory.looks.order(waiting), looks.look_at, slot),
        _canaries(process, world, states, now),
        attendance.settle(slot.length),
    )
    if ended.unreached:
        LOG.warning("%d of %d pairs were not reached in time, %s first", *count_unreached(ended, waiting))
    raise_first(ended, "looking at")
    return len(ended.well)


class Looks:
    """What the looks of one tick share: the states as they were read, what the stamps share, and one set of tokens."""

    def __init__(
        self,
        process: Process,
        engine: Engine,
        world: World,
        states: Mapping[str, PairState | None],
        attendance: Attendance,
    ) -> None:
        self._process = process
        self._engine = engine
        self._world = world
        self._states = states
        self._sides = sides_by_subscription(process.plans.values())
        known = [state for state in states.values() if state]
        distinct = {plan.policy.mass_from: plan for plan in process.plans.values()}
        self._pointers = Counter(plan.pointer.endpoint for plan in process.plans.values())
        self._around = Surroundings(world, process.settings.stamp, attendance.leadership)
        self._moving = {number: share_moving(known, plan) for number, plan in distinct.items()}

    async def look_at(self, pair: str) -> None:
        """Look at one pair, hand over what was seen, and see after its run."""
        plan, state, now = self._process.plans[pair], self._states[pair], self._process.clock.now()
        self._process.memory.looks.note(pair, now)
        sides = max(self._sides[plan.side(role).subscription.casefold()] for role in Role)
        seen = await look(
            self._world,
            plan,
            self._around,
            self._moving[plan.policy.mass_from],
            without=surfaces_to_skip(state, plan, sides, now),
            with_pointer=looks_at_pointer(state, plan, self._pointers[plan.pointer.endpoint], now),
            published=epoch_published(state),
            threads=self._process.memory.threads,
        )
        canaries = self._process.memory.canaries
        signals = with_canaries(seen.signals, canaries.results(plan, now), canaries.remarks(plan, now))
        seen = msgspec.structs.replace(seen, signals=signals)
        await calls.observe(self._engine, plan.pair, seen)
        measure_look(plan.pair, seen, self._process.clock.now())
        self._process.memory.signalled.setdefault(plan.pair, seen.now)
        await asyncio.get_running_loop().run_in_executor(
            self._process.memory.threads, _record, self._process, plan, state, seen
        )
        await _tell_stamps(self._process, plan, state)
        await revive(self._process, self._engine, plan, state, seen)


def attend(process: Process, world: World, states: Mapping[str, PairState | None], now: datetime) -> Attendance:
    """Begin this pass over the leaders' records. It comes after the engine has answered: who has none cannot lead."""
    fit = {pair for pair, state in states.items() if is_fit(state, now, process.plans[pair].policy)}
    return Attendance(process.memory.leaders, world, fit, process.memory.threads)


async def _canaries(process: Process, world: World, states: Mapping[str, PairState | None], now: datetime) -> None:
    """Submit canaries and look at them, beside the looks: no look waits for Resource Manager.

    What they say is heard by the next look. One that is given up goes on in its thread, and is not begun a second time.
    """
    due = {
        f"{pair}/{side}": (pair, side)
        for pair in states
        for side in process.memory.canaries.due(process.plans[pair], now)
    }
    order = process.memory.canary_looks.order(dict.fromkeys(due))

    async def turn(name: str) -> None:
        pair, side = due[name]
        state = states[pair]
        process.memory.canary_looks.note(name, now)
        may_submit = state is not None and is_quiet(state)
        visit = Visit(world, process.plans[pair], side, now, may_submit, only_looks=follows(state))
        await asyncio.get_running_loop().run_in_executor(
            process.memory.canary_threads, process.memory.canaries.ask, visit
        )

    length = process.settings.watch_slot * CANARIES_PART
    ended = await run_tick(order, turn, TickBounds(length, length / 2, CANARY_THREADS))
    log_faults(ended, "the canary of")


def _record(process: Process, plan: Plan, state: PairState | None, seen: Observed) -> None:
    line = Looked(
        pair=plan.pair,
        now=seen.now,
        signals=seen.signals,
        trouble=seen.trouble,
        shared=seen.shared,
        pairs_moving=seen.pairs_moving,
        store_time=seen.store_time,
    )
    process.recorder.look(process.world.ledgers[plan.pair], plan, state, line)


async def _tell_stamps(process: Process, plan: Plan, state: PairState | None) -> None:
    """Let the other stamps know what this one saw at its last look. They do without if it cannot be told."""
    if state is None:
        return
    loop, tell = asyncio.get_running_loop(), process.memory.teller.tell
    try:
        await loop.run_in_executor(process.memory.threads, tell, process.world, plan, state)
    except HubswitchError as fault:
        LOG.warning("%s: the other stamps could not be told what is seen here: %s", plan.pair, fault)
