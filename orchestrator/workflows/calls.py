"""Calls to the durable roles from outside: signals to a pair's entity, its state, and the start of orchestrations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime

from orchestrator.core.base.codec import to_message
from orchestrator.core.base.errors import HubswitchError, InvalidInput, TemporaryError
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.run_reports import Report
from orchestrator.core.decision.state import PairState, read_state
from orchestrator.core.evidence.audit_chain import AuditNote
from orchestrator.core.evidence.audit_notes import drill_note, recovery_note
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import beat_of
from orchestrator.core.signals.unread import Batch, UnreadLog, read_log
from orchestrator.ports import UNDER_WAY, Engine, EngineError
from orchestrator.workflows import names
from orchestrator.workflows.group_messages import GroupOrder
from orchestrator.workflows.messages import (
    AfterOrder,
    AuditOrder,
    CaptureOrder,
    CaptureRun,
    Commanded,
    DrillOrder,
    NoticeOrder,
    ReportOrder,
    RunOrder,
    drill_run_id,
)
from orchestrator.workflows.recovery_messages import RecoverOrder

LOG = logging.getLogger("hubswitch.calls")

AT_ONCE = 64
"""Entities asked or signalled together: all pairs in a fraction of a tick, and no burst that an engine would refuse."""


async def pair_state(engine: Engine, pair: str) -> PairState | None:
    """The stored state of a pair; None before its first look, also if an operation has left an entity without one.

    Raises:
        InvalidInput: it cannot be read.
    """
    stored = await engine.entity_state(names.PAIR_ENTITY, pair)
    return read_state(stored, f"state of {pair}") if stored else None


async def pair_states(engine: Engine, pairs: Iterable[str]) -> dict[str, PairState | HubswitchError | None]:
    """What ``pair_state`` says of many pairs, asked side by side; in place of a state that cannot be read, why.

    Raises:
        EngineError: the engine does not answer for a single one.
    """
    limit = asyncio.Semaphore(AT_ONCE)
    lost: list[EngineError] = []

    async def read(pair: str) -> PairState | HubswitchError | None:
        async with limit:
            try:
                return await pair_state(engine, pair)
            except InvalidInput as fault:
                return fault
            except EngineError as fault:
                lost.append(fault)
                return TemporaryError(f"the engine did not tell the state of {pair}: {fault}")

    names_of = list(pairs)
    found = dict(zip(names_of, await asyncio.gather(*(read(pair) for pair in names_of)), strict=True))
    if lost and len(lost) == len(names_of):
        raise lost[0]
    return found


async def observe(engine: Engine, pair: str, seen: Observed) -> None:
    await engine.signal(names.PAIR_ENTITY, pair, names.OBSERVE, to_message(seen))


async def count_unread(engine: Engine, batch: Batch) -> None:
    await engine.signal(names.DELIVERIES_ENTITY, names.DELIVERIES_KEY, names.COUNT, to_message(batch))


async def unread_log(engine: Engine) -> UnreadLog:
    """What could not be read of deliveries; nothing if what is stored cannot be read either."""
    stored = await engine.entity_state(names.DELIVERIES_ENTITY, names.DELIVERIES_KEY)
    try:
        return read_log(stored, "counted deliveries") if stored else UnreadLog()
    except InvalidInput:
        return UnreadLog()


async def command(engine: Engine, pair: str, order: Command, now: datetime) -> None:
    said = Commanded(now=now, command=order)
    await engine.signal(names.PAIR_ENTITY, pair, names.COMMAND, to_message(said))


async def capture(engine: Engine, plans: Mapping[str, Plan], orders: Iterable[CaptureOrder]) -> int:
    """Start a capture run per order, side by side; how many."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def start(order: CaptureOrder) -> None:
        run = CaptureRun(order=order, beat=beat_of(plans[order.pair].policy))
        async with limit:
            await engine.start(names.CAPTURE_RUN, to_message(run))

    return len(await asyncio.gather(*(start(order) for order in orders)))


async def report(engine: Engine, pair: str, found: Report, now: datetime) -> None:
    said = ReportOrder(now=now, report=found)
    await engine.signal(names.PAIR_ENTITY, pair, names.REPORT, to_message(said))


async def begin_again(engine: Engine, order: RunOrder) -> None:
    """Start a run under an id that the engine may remember as ended."""
    await engine.purge(order.run)
    await engine.start(names.SWITCH_RUN, to_message(order), order.run)


async def settle_jobs(engine: Engine, order: RunOrder) -> bool:
    """Start what is done after a switch, unless it is under way; whether it was started."""
    instance = f"after-{order.pair}-e{order.epoch}"
    if await engine.status(instance) in UNDER_WAY:
        return False
    await engine.purge(instance)
    given = to_message(AfterOrder(run=order))
    await engine.start(names.AFTER_RUN, given, instance)
    return True


async def audit(engine: Engine, note: AuditNote) -> None:
    """Have something written into a pair's audit log that its entity does not take in. Raises nothing: it is done."""
    order = AuditOrder(pair=note.pair, notes=(note,))
    try:
        await engine.start(names.AUDIT_RUN, to_message(order), order.instance)
    except EngineError as fault:
        LOG.warning("the audit log of %s lacks %s (%s): %s", note.pair, note.id, note.why, fault)


async def keep_notices(engine: Engine, order: NoticeOrder) -> None:
    """Have messages of Service Health kept for a pair. The same messages again start nothing."""
    if await engine.status(order.instance) is None:
        await engine.start(names.NOTICE_RUN, to_message(order), order.instance)


async def drill(engine: Engine, order: DrillOrder) -> str:
    """Start a drill, and note in the audit log who wanted it; the id of its run."""
    run = await engine.start(names.DRILL_RUN, to_message(order), drill_run_id(order.pair, order.drill))
    await audit(engine, drill_note(order.pair, run, order.kind, order.by, order.reason, order.asked_at))
    return run


async def switch_group(engine: Engine, order: GroupOrder) -> str:
    """Start the run of a group; its id. Each of its pairs notes the order in its audit log."""
    return await engine.start(names.GROUP_RUN, to_message(order), order.run)


async def recover(engine: Engine, order: RecoverOrder) -> str:
    """Start a recovery unless the same one is under way, and note in the audit log who wanted it; the id of its run."""
    if await engine.status(order.run) not in UNDER_WAY:
        await engine.purge(order.run)
        await engine.start(names.RECOVER_RUN, to_message(order), order.run)
    what = f"recovery asked for: {order.proposal.why}"
    await audit(engine, recovery_note(order.pair, order.run, order.by, order.reason, order.asked_at, what))
    return order.run
