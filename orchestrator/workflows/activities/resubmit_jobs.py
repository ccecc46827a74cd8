"""The step `move_jobs`: list what is to move, move it, each job once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.jobs.listing import in_order
from orchestrator.core.jobs.next_move import JobOutcome, Try
from orchestrator.core.jobs.record import Manifest, is_interrupted
from orchestrator.core.ledger_paths import runs_folder
from orchestrator.ports import World
from orchestrator.tracing import in_this_context
from orchestrator.workflows.activities.epoch import read_held_epoch
from orchestrator.workflows.activities.move_job import Mover
from orchestrator.workflows.activities.outcome import Settled
from orchestrator.workflows.messages import BatchOrder, BatchReport, RoundOrder, RoundPlan, RunOrder, with_wishes

WORKERS = 8
"""Jobs of one batch under way at once. Resource Manager's bucket, not this, bounds the rate."""


def list_jobs(world: World, order: RoundOrder) -> RoundPlan:
    """Fix which jobs a round moves, and in which order: priority, then who needs whose output, then age.

    The list is kept once per run and round, so a repeated step plans the same batches.
    """
    read_held_epoch(world, order.run)
    path = manifest_path(order.run, order.round)
    ledger = world.ledgers[order.run.pair]
    kept = ledger.get(path)
    if kept is None:
        jobs = _find_interrupted(world, order)
        if not jobs:
            return RoundPlan(jobs=0, batches=0)
        ledger.put_once(path, encode(Manifest(run=order.run.run, batch=order.round, jobs=jobs)))
    count, size = len(_manifest(world, order.run, order.round).jobs), world.plans[order.run.pair].jobs.batch
    return RoundPlan(jobs=count, batches=-(-count // size), size=size)


def _find_interrupted(world: World, order: RoundOrder) -> tuple[str, ...]:
    """Jobs that the outage took and that no earlier round of this run has dealt with."""
    before = {name for number in range(order.round) for name in _manifest(world, order.run, number).jobs}
    found = [
        summary
        for summary in world.ledgers[order.run.pair].summaries(order.run.pair)
        if summary.hub is order.run.source
        and summary.name not in before
        and is_interrupted(summary, order.run.interrupted_since)
    ]
    return in_order(found)


def _manifest(world: World, run: RunOrder, number: int) -> Manifest:
    path = manifest_path(run, number)
    kept = world.ledgers[run.pair].get(path)
    if kept is None:
        raise TemporaryError(f"{path} is not there yet")
    return read_record(kept, Manifest, path)


def resubmit_jobs(world: World, order: BatchOrder) -> BatchReport:
    """Move the jobs of one batch; what is left over is counted as pending.

    Raises:
        EpochFenced: this run does not hold its epoch any more; nothing was submitted after that was seen.
    """
    run = with_wishes(order.run, read_held_epoch(world, order.run))
    plan = world.plans[run.pair]
    size = order.size or plan.jobs.batch
    jobs = _manifest(world, order.run, order.round).jobs[order.batch * size :][:size]
    mover = Mover(world, plan, run, Try.LAST if order.last else Try.FIRST)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return tally(list(pool.map(in_this_context(mover.move), jobs)))


def manifest_path(run: RunOrder, number: int) -> str:
    return f"{runs_folder(run.pair)}{run.run}/round-{number}.json"


def tally(settled: list[Settled]) -> BatchReport:
    """Count outcomes; of those pending the longest wait and one reason are kept."""
    count = Counter(each.outcome for each in settled)
    pending = [each for each in settled if each.outcome is JobOutcome.PENDING]
    waits = [each.retry_after for each in pending if each.retry_after]
    return BatchReport(
        resubmitted=count[JobOutcome.RESUBMITTED],
        skipped=count[JobOutcome.SKIPPED],
        waiting=count[JobOutcome.WAITING],
        refused=count[JobOutcome.REFUSED],
        given_up=sum(1 for each in settled if each.given_up),
        finished=count[JobOutcome.FINISHED],
        staying=count[JobOutcome.STAYING],
        pending=len(pending),
        retry_after=max(waits) if waits else None,
        why=pending[0].why if pending else "",
    )
