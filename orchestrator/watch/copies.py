"""The timer's part of copying ahead: fairly among the pairs, bounded, and only while a pair is at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.data_copies import CopyTask, tasks_of
from orchestrator.ports import Engine
from orchestrator.watch.copy_pass import Allowance, Copier
from orchestrator.watch.process import Process
from orchestrator.watch.states import is_quiet, readable_states
from orchestrator.watch.tick import TickBounds, raise_first, run_tick
from orchestrator.workflows import calls

LOG = telemetry.logger("copies")

TICK = timedelta(seconds=50)
"""A tick is over after this: the next one comes after a minute."""

BEGINS = timedelta(seconds=30)
"""Part of a tick in which batches begin."""

PAIRS_AT_ONCE = 4


async def copy_ahead(process: Process, engine: Engine) -> int:
    """Copy what is due of every pair that is at rest; how many copies are in trouble.

    A copy that fails is told where its pair is looked at, and in the log. It stops nothing else.
    """
    wanted = {pair: tasks for pair, plan in process.plans.items() if (tasks := tasks_of(plan.data))}
    if not wanted:
        return 0
    states = await readable_states(process, engine)
    active = {pair: role for pair in wanted if (role := _active(states.get(pair))) is not None}
    troubled: list[str] = []

    async def turn(pair: str) -> None:
        process.memory.copies.note(pair, process.clock.now())
        for why in await _copy_pair(process, engine, pair, active[pair], wanted[pair]):
            troubled.append(pair)
            LOG.warning("%s: data are not copied ahead: %s", pair, why)

    slot = TickBounds(TICK, TICK - BEGINS, PAIRS_AT_ONCE)
    ended = await run_tick(process.memory.copies.order(dict.fromkeys(active)), turn, slot)
    raise_first(ended, "copying data of")
    return len(troubled)


async def _copy_pair(process: Process, engine: Engine, pair: str, source: Role, tasks: Sequence[CopyTask]) -> list[str]:
    """Batches of one pair, until nothing is due or the time is over; what keeps copies from going on.

    Danger: the pair may be paused or switched at any time. Its state is read before each batch.
    """
    world = await process.assembled()
    copier, troubles = Copier(world, process.plans[pair], source, process.memory.holder), list[str]()
    loop = asyncio.get_running_loop()
    until = loop.time() + BEGINS.total_seconds()
    first = int(process.clock.now().timestamp() // 60) % len(tasks)  # each is the first now and then
    for task in (*tasks[first:], *tasks[:first]):
        allowance, goes_on = Allowance(task.blobs, task.size), True
        while goes_on and loop.time() < until:
            if _active((await calls.pair_states(engine, [pair]))[pair]) is not source:
                return troubles
            try:
                goes_on, why = await asyncio.to_thread(copier.batch, task, allowance)
            except HubswitchError as fault:
                goes_on, why = False, str(fault)
            troubles += [f"{task.name}: {why}"] if why else []
    return troubles


def _active(state: PairState | HubswitchError | None) -> Role | None:
    """The side from which a pair's data are copied; None while it is paused, or a run is under way."""
    if not isinstance(state, PairState) or not is_quiet(state) or state.paused or state.paused_all:
        return None
    return state.active
