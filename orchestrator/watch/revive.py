"""Runs that the engine lost: its history may go, the epoch record and the ledger stay.

A run that holds its epoch and has left no summary is begun again under its own id; every step finds what was done.
A run that the entity waits for and that ended before it held anything is reported as failed, so that the pair may
decide anew. One that ended well and was not heard is reported again. A stamp that follows begins nothing again: the run
may well go on in the leader's engine.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from orchestrator import telemetry
from orchestrator.core.decision.acting import follows
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.decision.state import PairState
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.ledger_paths import summary_path
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import UNDER_WAY, Engine
from orchestrator.watch.process import Process
from orchestrator.workflows import calls
from orchestrator.workflows.messages import order_again

LOG = telemetry.logger("timers")

PATIENCE = 30
"""Suspect intervals that a run may be unknown to the engine: another stamp's run, or one that is just starting."""


def needs_revival(record: EpochRecord, status: str | None, plan: Plan, now: datetime) -> bool:
    """Whether the run that holds the epoch, and has left no summary, has to be begun again.

    Args:
        record: the epoch record in force.
        status: the engine's word for that run's instance; None if it knows none.
        plan: the pair's plan, for its patience.
        now: the present.
    """
    return record.run is not None and status not in UNDER_WAY and _is_patient_no_more(record.since, plan, now)


def report_early_end(
    state: PairState, record: EpochRecord | None, status: str | None, plan: Plan, now: datetime
) -> Report | None:
    """What to tell the entity of a run that it waits for, that has ended, and that does not hold the epoch."""
    if state.run is None or status in UNDER_WAY or (record and record.run == state.run):
        return None
    if not _is_patient_no_more(state.phase_since, plan, now):
        return None
    why = f"{state.run} ended as {status or 'unknown to the engine'} before it had switched"
    return Report(run=state.run, what=What.FAILED, active=state.active, epoch=state.epoch, why=why)


def report_again(
    state: PairState, record: EpochRecord, status: str | None, plan: Plan, now: datetime
) -> tuple[Report, ...]:
    """What to tell the entity anew of a run that has come to its end, if what it reported itself was lost.

    A report is dropped while the stored state cannot be read, as during a deployment. Those that the entity has heard
    are stale, and change nothing.
    """
    is_lost = state.run is not None and state.run == record.run and status not in UNDER_WAY
    if not is_lost or not _is_patient_no_more(state.phase_since, plan, now):
        return ()
    why = f"{record.why} (told again: {record.run} had ended unheard)"
    steps = (What.SWITCHED, What.RESUBMITTED)
    return tuple(
        Report(run=record.run or "", what=what, active=record.active, epoch=record.epoch, why=why) for what in steps
    )


def _is_patient_no_more(since: datetime, plan: Plan, now: datetime) -> bool:
    return now - since > PATIENCE * plan.policy.suspect_interval


async def revive(process: Process, engine: Engine, plan: Plan, state: PairState | None, seen: Observed) -> None:
    """Begin the run again that holds the epoch, or report the one that never did, if the engine has lost it."""
    record, now = seen.record, process.clock.now()
    if record is None or seen.is_fenced:
        return
    if record.run and (plan.pair, record.run) not in process.memory.summarised:
        path = summary_path(plan.pair, record.run)
        summary = await asyncio.to_thread(process.world.ledgers[plan.pair].get, path)
        if summary is not None:
            process.memory.summarised.add((plan.pair, record.run))
        elif not follows(state) and needs_revival(record, await engine.status(record.run), plan, now):
            LOG.warning("%s: %s is begun again", plan.pair, record.run)
            await calls.begin_again(engine, order_again(record, plan, now))
    if state and (plan.pair, record.run) in process.memory.summarised and state.run == record.run:
        for unheard in report_again(state, record, await engine.status(record.run or ""), plan, now):
            await calls.report(engine, plan.pair, unheard, now)
    if state and state.run:
        report = report_early_end(state, record, await engine.status(state.run), plan, now)
        if report:
            await calls.report(engine, plan.pair, report, now)
