"""The timer that polls: what Azure says about its own health, fetched instead of waited for.

It has nothing to do with the looks, so that a poll that hangs delays none. What it brings goes to the pair's entity
like a delivery, with what could not be learnt.
"""

from __future__ import annotations

import asyncio

from orchestrator import telemetry
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.schema import Plan
from orchestrator.core.recording import Heard
from orchestrator.core.schedule import is_poll_due, is_poll_early, poll_urgency
from orchestrator.ports import Engine, EngineError
from orchestrator.watch.process import Process
from orchestrator.workflows import calls
from orchestrator.workflows.messages import Observed

LOG = telemetry.logger("polling")

AT_ONCE = 16
"""Pairs asked for together. Each poll holds a handful of connections."""

PER_TICK = 100
"""Pairs polled by one tick: two hundred reads of Resource Manager in half a minute, of the 250 and 25 a second that it
grants one identity in one subscription. A thousand pairs take their turns within five minutes."""


async def poll(process: Process, engine: Engine) -> int:
    """Poll the pairs that are due and hand over what was learnt; how many were polled.

    Suspect pairs come first, then those that have waited longest. A pair that was never looked at, or whose state
    cannot be read, is left alone. One that fails does not stop the others; what it raised is raised at the end, so
    that the host shows this invocation as failed.
    """
    world = await process.assembled()
    limit = asyncio.Semaphore(AT_ONCE)

    async def asked(plan: Plan) -> PairState | None:
        async with limit:
            return await _due(process, engine, plan)

    async def polled(plan: Plan) -> None:
        async with limit:
            now = process.clock.now()
            process.memory.polled[plan.pair] = now
            found = await world.polls.poll(plan, now)
            after = process.clock.now()
            said = Observed(now=after, signals=found.signals, polled=found.kept(after))
            await calls.observe(engine, plan.pair, said)
            if found.signals:
                await process.record(plan, Heard(pair=plan.pair, now=after, signals=found.signals))

    plans = list(process.plans.values())
    states = await asyncio.gather(*(asked(plan) for plan in plans))
    due = [(plan, state) for plan, state in zip(plans, states, strict=True) if state is not None]
    turn = [plan for plan, _ in sorted(due, key=lambda each: poll_urgency(each[1]))[:PER_TICK]]
    found = await asyncio.gather(*(polled(plan) for plan in turn), return_exceptions=True)
    faults = [(plan, fault) for plan, fault in zip(turn, found, strict=True) if fault is not None]
    for plan, fault in faults:
        LOG.error("polling for %s failed: %s", plan.pair, fault)
    if faults:
        raise faults[0][1]
    return len(turn)


async def _due(process: Process, engine: Engine, plan: Plan) -> PairState | None:
    """The state of a pair that is to be polled now; None if it is not."""
    last, now = process.memory.polled.get(plan.pair), process.clock.now()
    if plan.polls.interval is None or (last and is_poll_early(plan, now, last)):
        return None
    try:
        state = await calls.pair_state(engine, plan.pair)
    except InvalidInput:
        return None
    except EngineError as fault:
        LOG.warning("%s is polled later: the engine did not tell its state: %s", plan.pair, fault)
        return None
    return state if state is not None and is_poll_due(state, plan, now, last) else None
