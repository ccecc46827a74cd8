"""Runs that the engine lost: its history may go, the epoch record and the ledger stay.

A run that holds its epoch and has left no summary is begun again under its own id; every step finds what was done.
A run that the entity waits for and that ended before it held anything is reported as failed, so that the pair may
decide anew. One that ended well and was not heard is reported again. Pure.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.decision.state import PairState, StartRun
from orchestrator.core.jobs.record import EpochRecord
from orchestrator.core.plan.schema import Plan
from orchestrator.workflows.messages import RunKind, RunOrder
from orchestrator.workflows.orchestrators.switch import order_from

PATIENCE = 30
"""Suspect intervals that a run may be unknown to the engine: another stamp's run, or one that is just starting."""

UNDER_WAY = frozenset({"pending", "running", "suspended"})
"""The engine's words for an instance that still goes on."""


def needs_revival(record: EpochRecord, status: str | None, plan: Plan, now: datetime) -> bool:
    """Whether the run that holds the epoch, and has left no summary, has to be begun again.

    Args:
        record: the epoch record in force.
        status: the engine's word for that run's instance; None if it knows none.
        plan: the pair's plan, for its patience.
        now: the present.
    """
    return record.run is not None and status not in UNDER_WAY and _is_patient_no_more(record.since, plan, now)


def order_again(record: EpochRecord, plan: Plan, now: datetime) -> RunOrder:
    """The order of the run that holds the epoch, made from its record."""
    start = StartRun(
        kind="failback" if kind_of(record) is RunKind.FAILBACK else "failover",
        run=record.run or "",
        epoch=record.epoch,
        source=record.active.other,
        target=record.active,
        why=record.why,
    )
    order = order_from(start, plan, record.since, ordered=record.ordered)
    doubted = record.doubted_since or order.doubted_since
    return msgspec.structs.replace(order, claim_by=now, doubted_since=doubted)


def kind_of(record: EpochRecord) -> RunKind:
    """The kind of the run that holds the epoch, which its id begins with."""
    return RunKind((record.run or RunKind.FAILOVER).partition("-")[0])


def ended_early(
    state: PairState, record: EpochRecord | None, status: str | None, plan: Plan, now: datetime
) -> Report | None:
    """What to tell the entity of a run that it waits for, that has ended, and that does not hold the epoch."""
    if state.run is None or status in UNDER_WAY or (record and record.run == state.run):
        return None
    if not _is_patient_no_more(state.phase_since, plan, now):
        return None
    why = f"{state.run} ended as {status or 'unknown to the engine'} before it had switched"
    return Report(run=state.run, what=What.FAILED, active=state.active, epoch=state.epoch, why=why)


def reported_again(
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
