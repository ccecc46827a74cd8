"""One look at the drain of a planned failover: which jobs of its source does it still wait for?

It reads, and changes nothing. The ledger says which jobs to ask about, the source which of them run.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from orchestrator.core.base.errors import EpochFenced, Forbidden, InvalidInput, NotFound, TemporaryError
from orchestrator.core.base.vocabulary import LeftJob
from orchestrator.core.jobs.azure_status import has_begun, has_ended, status_of
from orchestrator.core.jobs.record import JobStatus
from orchestrator.core.jobs.tags import left_job_of, parents_of
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import World
from orchestrator.tracing import in_this_context
from orchestrator.workflows.activities.wishes import find_press, must_not_be_aborted
from orchestrator.workflows.messages import DrainOrder, DrainReport, RunOrder

ASKED = 100
"""Jobs that are asked about together. If none of them is waited for, the next ones follow in the same look."""

WORKERS = 8
"""Jobs asked about at once."""


def look_at_drain(world: World, order: DrainOrder) -> DrainReport:
    """How many jobs the run still waits for.

    Waited for are jobs that were in the ledger when the switch was ordered, have begun in the source, and may finish
    there. Work that is submitted later goes to the source, too, and would keep the drain from ending.

    Raises:
        RunAborted: somebody aborted the run.
        EpochFenced: somebody else has switched since the run was ordered.
        TemporaryError: the epoch record or the ledger cannot be read now.
    """
    run = order.run
    found = world.epochs[run.pair].read(run.pair)
    if found is None:
        raise TemporaryError(f"{run.pair} has no epoch record")
    must_not_be_aborted(found.value, run.run)
    if found.value.epoch != run.epoch - 1:
        # Danger: another stamp's failover may have the same id. Its claim must not pass for this run's own.
        holder = found.value.run or "nobody"
        raise EpochFenced(
            f"{run.pair} is at epoch {found.value.epoch} of {holder}; {run.run}, which drains, cannot follow"
        )
    wish = find_press(found.value, run.run)
    if wish:
        return DrainReport(ended=f"{wish.by} ended the drain: {wish.reason}")
    return _count_running(world, world.plans[run.pair], run)


def _count_running(world: World, plan: Plan, run: RunOrder) -> DrainReport:
    jobs = [
        (summary.captured_at, summary.name)
        for summary in world.ledgers[plan.pair].summaries(plan.pair)
        if summary.hub is run.source and summary.status is JobStatus.RUNNING and summary.captured_at <= run.decided_at
    ]
    names = [name for _, name in sorted(jobs)]
    for start in range(0, len(names), ASKED):
        waited, why = _ask(world, plan, run, names[start : start + ASKED])
        if waited:
            return DrainReport(running=waited, is_least=start + ASKED < len(names), why=why)
    return DrainReport()


def _ask(world: World, plan: Plan, run: RunOrder, names: Sequence[str]) -> tuple[int, str]:
    """How many of the jobs are waited for, and why one of them is that is not known to run."""
    hub, now = plan.side(run.source), world.clock.now()

    def ask(name: str) -> tuple[bool, str]:
        try:
            return _may_finish(world.jobs.get(hub, name), plan, run, now), ""
        except NotFound:
            return False, ""
        except (TemporaryError, Forbidden) as fault:
            return True, f"{name}: {fault}"

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        answers = list(pool.map(in_this_context(ask), names))
    return sum(waited for waited, _ in answers), next((why for _, why in answers if why), "")


def _may_finish(job: dict[str, Any], plan: Plan, run: RunOrder, now: datetime) -> bool:
    """Whether a job has begun, has not ended, and is not to be moved at once by the plan or its tag.

    A step or a trial goes with the job that it is a part of.
    """
    status = status_of(job)
    if has_ended(status) or not has_begun(status) or parents_of(job):
        return False
    try:
        wish = left_job_of(job, plan.jobs.failback)
    except InvalidInput:
        return True
    if wish is LeftJob.DEADLINE:
        return now < run.decided_at + plan.jobs.failback_deadline
    return wish is LeftJob.FINISH
