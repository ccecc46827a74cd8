"""Hold the drills that plans schedule: one at a time, of pairs that are at rest, once in each span.

A drill is named by its span, so a worker that begins it again, or another one, finds it begun. Other stamps have
engines of their own: the leader alone holds them, and the report in the ledger, which they share, tells a new leader
that one was held.
"""

from __future__ import annotations

import asyncio

import msgspec

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError, PermanentError
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.acting import follows
from orchestrator.core.decision.full_drill import DrillAsk, DrillStep, carry_out
from orchestrator.core.decision.holds import blackout_end
from orchestrator.core.decision.state import PairState
from orchestrator.core.ledger_paths import drill_path
from orchestrator.core.plan.drills import DueDrill, find_due
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import UNDER_WAY, Engine, EngineError
from orchestrator.watch.process import Process
from orchestrator.workflows import calls
from orchestrator.workflows.messages import DrillKind, DrillOrder, drill_name, drill_order, drill_run_id

LOG = telemetry.logger("timers")

SCHEDULE = "the plan's schedule"
"""Who wants such a drill."""


async def hold_scheduled(process: Process, engine: Engine) -> None:
    """Begin at most one drill that is due. Never raises for what engine and ledger do: it is tried again soon."""
    now, memory = process.clock.now(), process.memory
    due = [(plan, each) for plan in process.plans.values() for each in find_due(plan.drills, now)]
    due = [(plan, each) for plan, each in due if _run_of(plan, each) not in memory.held_drills]
    if not due:
        return
    try:
        if memory.last_drill and await engine.status(memory.last_drill) in UNDER_WAY:
            return
        for plan, each in due:
            if await _hold(process, engine, plan, each):
                return
    except EngineError as fault:
        LOG.warning("scheduled drills wait: %s", fault)


async def _hold(process: Process, engine: Engine, plan: Plan, due: DueDrill) -> bool:
    """Begin one drill; False if it was held before, or may not begin now."""
    run, now = _run_of(plan, due), process.clock.now()
    try:
        state = await calls.pair_state(engine, plan.pair)
        world = await process.assembled()
        path = drill_path(plan.pair, drill_name(due.moment))
        report = await asyncio.to_thread(world.ledgers[plan.pair].get, path)
    except HubswitchError as fault:
        LOG.warning("%s: its scheduled drill waits: %s", plan.pair, fault)
        return False
    if report is not None or await engine.status(run) is not None:
        process.memory.held_drills.add(run)
        return False
    if follows(state) or why_not_at_rest(state) or blackout_end(now, plan.policy):
        return False
    reason = f"scheduled: {due.schedule.rule}"
    order = drill_order(plan, DrillKind(due.schedule.kind), reason, SCHEDULE, now, due.moment)
    if order.kind is DrillKind.DECISION:
        order = msgspec.structs.replace(order, state=state)
    elif order.kind is DrillKind.PARTIAL:
        order = msgspec.structs.replace(order, workload=due.schedule.workload)
    elif order.kind is DrillKind.FULL and state is not None:
        order = msgspec.structs.replace(order, epoch=state.epoch)
        try:
            foresee_full(state, order, plan.policy)
        except PermanentError as fault:
            LOG.info("%s: its scheduled full drill waits: %s", plan.pair, fault)
            return False
    await calls.drill(engine, order)
    process.memory.held_drills.add(run)
    process.memory.last_drill = run
    return True


def foresee_full(state: PairState, order: DrillOrder, policy: Policy) -> None:
    """Pass if a full drill would begin now, or wait for a second person.

    Raises:
        NotNow: it would not; says what is missing.
    """
    ask = DrillAsk(
        now=order.asked_at,
        do=DrillStep.THERE,
        drill=order.drill,
        by=order.by,
        reason=order.reason,
        epoch=order.epoch,
    )
    carry_out(state, ask, order.asked_at, policy)


def why_not_at_rest(state: PairState | None) -> str:
    """Why a pair is in no state to be practised with by jobs, for people; empty if it is."""
    if state is None:
        return "it has not been looked at yet"
    if state.phase is not Phase.STEADY:
        return f"it is {state.phase}"
    if state.run is not None:
        return f"{state.run} is under way"
    return state.trouble or ""


def _run_of(plan: Plan, due: DueDrill) -> str:
    return drill_run_id(plan.pair, drill_name(due.moment))
