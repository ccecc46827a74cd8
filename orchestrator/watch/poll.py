"""The timer that polls: what Azure says about its own health, fetched instead of waited for.

It has nothing to do with the looks, so that a poll that hangs delays none. What it brings goes to the pair's entity
like a delivery, with what could not be learnt. What Service Health lists about incidents is kept for the reports of
runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from orchestrator import telemetry
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState
from orchestrator.core.evidence.incident import notice_of
from orchestrator.core.plan.schema import Plan
from orchestrator.core.recording import Heard
from orchestrator.core.schedule import is_poll_due, is_poll_early, poll_urgency
from orchestrator.core.signals.facts import Fact
from orchestrator.ports import Engine, EngineError
from orchestrator.watch.process import Process
from orchestrator.watch.tick import TickBounds, log_faults, run_tick
from orchestrator.workflows import calls
from orchestrator.workflows.messages import NoticeOrder

LOG = telemetry.logger("polling")

AT_ONCE = 16
"""Pairs asked for together. Each poll holds a handful of connections."""

LONGEST = timedelta(minutes=4)
"""A tick is over after this: less than half of ``functionTimeout`` in ``host.json``, which would end it anywhere."""

PER_TICK = 100
"""Pairs polled by one tick: two hundred reads of Resource Manager in half a minute, of the 250 and 25 a second that it
grants one identity in one subscription. A thousand pairs take their turns within five minutes."""

MESSAGES_AT_ONCE = 50
"""Messages about incidents that one run is given to keep; the others are the next poll's."""


async def poll(process: Process, engine: Engine) -> int:
    """Poll the pairs that are due and hand over what was learnt; how many were polled.

    Suspect pairs come first, then those that have waited longest. A pair that was never looked at, or whose state
    cannot be read, is left alone. One that fails does not stop the others; what it raised is raised at the end, so
    that the host shows this invocation as failed.
    """
    world = await process.assembled()
    states: dict[str, PairState] = {}

    async def read_state(pair: str) -> None:
        state = await _due(process, engine, process.plans[pair])
        if state is not None:
            states[pair] = state

    async def poll_pair(pair: str) -> None:
        plan, now = process.plans[pair], process.clock.now()
        process.memory.polled[pair] = now
        found = await world.polls.poll(plan, now)
        after = process.clock.now()
        await calls.observe(engine, pair, Observed(now=after, signals=found.signals, polled=found.kept(after)))
        if found.signals:
            await process.record(plan, Heard(pair=pair, now=after, signals=found.signals))
        await _keep_messages(process, engine, plan, found.messages)

    slot = TickBounds(LONGEST, process.settings.poll_timeout, AT_ONCE)
    read = await run_tick(list(process.plans), read_state, slot)
    due = sorted(states, key=lambda pair: poll_urgency(states[pair]))[:PER_TICK]
    polled = await run_tick(due, poll_pair, slot)
    log_faults(read, "reading the state of")
    log_faults(polled, "polling for")
    for fault in (*read.faults.values(), *polled.faults.values()):
        raise fault
    return len(due)


async def _keep_messages(process: Process, engine: Engine, plan: Plan, messages: Iterable[Fact]) -> None:
    """Have kept what Service Health lists about incidents of the pair, each message once in the life of a process."""
    now, told = process.clock.now(), process.memory.told_of_incidents
    found = {each.id: each for fact in messages if (each := notice_of(fact, plan, now, polled=True))}
    known = told.get(plan.pair, frozenset())
    news = sorted((found[each] for each in found.keys() - known), key=lambda each: each.published_at)[:MESSAGES_AT_ONCE]
    if news:
        await calls.keep_notices(engine, NoticeOrder(pair=plan.pair, notices=tuple(news)))
    # What is listed no more need not be known.
    told[plan.pair] = known.intersection(found) | {each.id for each in news}


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
