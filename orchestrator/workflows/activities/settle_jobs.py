"""After a switch: jobs that wait are tried again, and runs that were left behind are accounted for.

Everything here is done for the epoch that is in force, on whichever side is active, and may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.state import PairState
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.jobs.listing import in_order
from orchestrator.core.jobs.next_move import Try
from orchestrator.core.jobs.record import JobStatus, JobSummary, OldRun
from orchestrator.core.jobs.record_changes import OPEN as UNDER_WAY
from orchestrator.core.jobs.record_changes import TRIED_AGAIN
from orchestrator.core.ledger_paths import summary_path
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import World
from orchestrator.tracing import in_this_context
from orchestrator.workflows.activities.epoch import read_held_epoch
from orchestrator.workflows.activities.move_job import Mover
from orchestrator.workflows.activities.old_runs import OldRuns
from orchestrator.workflows.activities.resubmit_jobs import WORKERS, tally
from orchestrator.workflows.messages import (
    AfterOrder,
    AfterReport,
    BatchReport,
    RunOrder,
    leaves_gracefully,
    order_again,
    with_wishes,
)

OPEN = frozenset({OldRun.UNKNOWN, OldRun.STOPPING})
"""What is not known yet of an old run."""


def order_after(world: World, plan: Plan, state: PairState) -> RunOrder | None:
    """The order to see to what the last switch left behind; None if it is not over, or nothing is left."""
    if state.run is not None or not state.epoch:
        return None
    found = world.epochs[plan.pair].read(plan.pair)
    record = found.value if found else None
    if record is None or record.run is None or record.epoch != state.epoch:
        return None
    ledger = world.ledgers[plan.pair]
    if ledger.get(summary_path(plan.pair, record.run)) is None:
        return None
    now = world.clock.now()
    if not any(_is_due(job, record, now) or is_open(job) for job in ledger.summaries(plan.pair)):
        return None
    return order_again(record, plan, now)


def settle_jobs(world: World, order: AfterOrder) -> AfterReport:
    """Try a batch of the jobs that wait, and settle a batch of old runs.

    Raises:
        EpochFenced: another run holds the epoch; nothing was done after that was seen.
    """
    record = read_held_epoch(world, order.run)
    run = with_wishes(order.run, record)
    plan, now = world.plans[order.run.pair], world.clock.now()
    jobs = list(world.ledgers[plan.pair].summaries(plan.pair))
    due = [job for job in jobs if _is_due(job, record, now)]
    left = [job for job in jobs if is_open(job)]
    retried = _retry_due(world, plan, run, due)
    settled = OldRuns(world, plan, run).settle(left) if left else AfterReport()
    return msgspec.structs.replace(settled, jobs=retried, more=settled.more or len(due) > plan.jobs.batch)


def _retry_due(world: World, plan: Plan, run: RunOrder, due: Sequence[JobSummary]) -> BatchReport:
    """What became of a batch of jobs that waited, each from its own hub to the active one."""
    if not due:
        return BatchReport()
    hubs = {job.name: job.hub for job in due}
    movers = {role: Mover(world, plan, from_hub(run, role), Try.AGAIN) for role in set(hubs.values())}
    batch = in_order(due)[: plan.jobs.batch]
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return tally(list(pool.map(in_this_context(lambda name: movers[hubs[name]].move(name)), batch)))


def from_hub(run: RunOrder, hub: Role) -> RunOrder:
    """The order of a run, for a job that was submitted on a given side."""
    return msgspec.structs.replace(run, source=hub)


def _is_due(job: JobSummary, record: EpochRecord, now: datetime) -> bool:
    """Whether a waiting job is to be tried: its time has come, or another side than when it was left may take it.

    One that stays on a side that was left although it is well is looked at when its deadline has come, and each time
    once a person waits no longer.
    """
    if job.status in UNDER_WAY and job.hub is not record.active and leaves_gracefully(record):
        if record.ungraceful:
            return True
        return job.retry_at is not None and job.retry_at <= now
    if job.status not in TRIED_AGAIN:
        return False
    return job.epoch < record.epoch or (job.retry_at is not None and job.retry_at <= now)


def is_open(job: JobSummary) -> bool:
    """Whether it is not known yet what became of the run that a resubmitted job left behind."""
    return job.status is JobStatus.RESUBMITTED and job.old_run in OPEN
