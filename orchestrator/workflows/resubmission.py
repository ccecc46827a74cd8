"""Phase B's steps: wait for the target, list what is to move, move it, each job once.

A job's fate is written into its ledger record under the ETag that was read. Between the PUT of the new job and
that write the process may die: the new job's name follows from the old one and the epoch, so the repeated PUT
meets the same job and the record is written then.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import msgspec

from orchestrator.core import jobs as rewriting
from orchestrator.core.codec import encode
from orchestrator.core.errors import (
    Conflict,
    EpochFenced,
    Forbidden,
    InvalidInput,
    NotFound,
    Refused,
    TemporaryError,
)
from orchestrator.core.lifecycle import status_of
from orchestrator.core.plan import Plan
from orchestrator.core.records import (
    JobEvent,
    JobRecord,
    JobStatus,
    JobSummary,
    Manifest,
    fell_with_its_region,
    read_record,
    successor_name,
)
from orchestrator.core.vocabulary import JobPolicy
from orchestrator.ports import Versioned, World
from orchestrator.workflows.again import while_it_conflicts
from orchestrator.workflows.assets import AssetMissing, Assets, versions_of
from orchestrator.workflows.orders import BatchOrder, BatchReport, RoundOrder, RoundPlan, RunOrder
from orchestrator.workflows.switching import held_epoch

WORKERS = 8
"""Jobs of one batch under way at once. Resource Manager's bucket, not this, bounds the rate."""


class Fate(StrEnum):
    """What became of one job in this step."""

    RESUBMITTED = "resubmitted"
    SKIPPED = "skipped"
    WAITING = "waiting"
    FINISHED = "finished"
    PENDING = "pending"


@dataclass(frozen=True)
class Outcome:
    fate: Fate
    why: str = ""
    retry_after: timedelta | None = None


def await_standby(world: World, order: RunOrder) -> None:
    """Return if Resource Manager answers for the target; raise what it said otherwise."""
    held_epoch(world, order)
    world.jobs.reachable(world.plans[order.pair].side(order.target))


def list_jobs(world: World, order: RoundOrder) -> RoundPlan:
    """Fix which jobs a round moves, and in which order: higher priority first, then the older capture.

    The list is kept once per run and round, so a repeated step plans the same batches.
    """
    held_epoch(world, order.run)
    path = manifest_path(order.run, order.round)
    ledger = world.ledgers[order.run.pair]
    kept = ledger.get(path)
    if kept is None:
        jobs = _interrupted(world, order)
        if not jobs:
            return RoundPlan(jobs=0, batches=0)
        ledger.put_once(path, encode(Manifest(run=order.run.run, batch=order.round, jobs=jobs)))
    count = len(_manifest(world, order.run, order.round).jobs)
    return RoundPlan(jobs=count, batches=-(-count // world.plans[order.run.pair].jobs.batch))


def _interrupted(world: World, order: RoundOrder) -> tuple[str, ...]:
    """Jobs that the outage took and that no earlier round of this run has dealt with."""
    before = {name for number in range(order.round) for name in _manifest(world, order.run, number).jobs}
    found = [
        summary
        for summary in world.ledgers[order.run.pair].summaries(order.run.pair)
        if summary.hub is order.run.source and summary.name not in before and _is_interrupted(summary, order.run)
    ]
    found.sort(key=lambda summary: (-summary.priority, summary.captured_at, summary.name))
    return tuple(summary.name for summary in found)


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
    held_epoch(world, order.run)
    plan = world.plans[order.run.pair]
    first = order.batch * plan.jobs.batch
    jobs = _manifest(world, order.run, order.round).jobs[first : first + plan.jobs.batch]
    mover = Mover(world, plan, order.run)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return tallied(list(pool.map(mover.move, jobs)))


def manifest_path(run: RunOrder, number: int) -> str:
    return f"{run.pair}/runs/{run.run}/round-{number}.json"


def tallied(outcomes: list[Outcome]) -> BatchReport:
    """Outcomes counted; of those pending the longest wait and one reason are kept."""
    count = {fate: sum(1 for outcome in outcomes if outcome.fate is fate) for fate in Fate}
    pending = [outcome for outcome in outcomes if outcome.fate is Fate.PENDING]
    waits = [outcome.retry_after for outcome in pending if outcome.retry_after]
    return BatchReport(
        resubmitted=count[Fate.RESUBMITTED],
        skipped=count[Fate.SKIPPED],
        waiting=count[Fate.WAITING],
        finished=count[Fate.FINISHED],
        pending=len(pending),
        retry_after=max(waits) if waits else None,
        why=pending[0].why if pending else "",
    )


class Mover:
    """Moves single jobs of one run from its source to its target."""

    def __init__(self, world: World, plan: Plan, run: RunOrder) -> None:
        self._world = world
        self._plan = plan
        self._run = run
        self._ledger = world.ledgers[plan.pair]
        self._map = rewriting.job_map(plan, run.source)
        self._assets = Assets(world, plan, run.source)

    def move(self, name: str) -> Outcome:
        """Move one job, or find that it has been moved, may not be, or cannot be now."""
        try:
            return while_it_conflicts(lambda: self._move(name))
        except TemporaryError as fault:
            return Outcome(Fate.PENDING, f"{name}: {fault}", fault.retry_after)
        except Forbidden as fault:
            return Outcome(Fate.PENDING, f"{name}: {fault}")
        except InvalidInput as fault:
            return Outcome(Fate.WAITING, f"its record cannot be read: {fault}")

    def _move(self, name: str) -> Outcome:
        found = self._ledger.read(self._plan.pair, name)
        if found is None:
            return Outcome(Fate.FINISHED, f"{name}: its record is gone")
        record = found.value
        if record.epoch > self._run.epoch:
            raise EpochFenced(f"{name} was acted on in epoch {record.epoch}, this run is at {self._run.epoch}")
        decided = _decided(record, self._run)
        if decided:
            return decided
        if record.policy is JobPolicy.NEVER:
            return self._close(found, Fate.SKIPPED, "its policy is never")
        return self._submit(found)

    def _submit(self, found: Versioned[JobRecord]) -> Outcome:
        record = found.value
        target = self._plan.side(self._run.target)
        name = successor_name(record.root, self._run.epoch)
        try:
            body = self._body_for(record)
            closure = self._assets.ensure(record.closure)
            answer = self._world.jobs.put(target, name, body, record.api_version)
        except (InvalidInput, AssetMissing, CannotMove) as fault:
            return self._close(found, Fate.WAITING, str(fault))
        except (Refused, NotFound) as fault:
            return self._close(found, Fate.WAITING, f"the {self._run.target} refused it: {fault}")
        strange = _not_ours(answer, record, self._run)
        if strange:
            return self._close(found, Fate.WAITING, strange)
        self._record_successor(msgspec.structs.replace(record, name=name, closure=closure), answer)
        return self._close(found, Fate.RESUBMITTED, f"submitted to the {self._run.target} as {name}", successor=name)

    def _body_for(self, record: JobRecord) -> dict[str, Any]:
        """The job as the target will accept it."""
        if rewriting.runs_as_user(record.body):
            raise CannotMove("it runs as its user, whom no managed identity can stand in for; its owner must submit it")
        submitted = rewriting.pinned(record.body, self._map.from_, versions_of(record.closure))
        rewrite = rewriting.rewrite(rewriting.without_read_only(submitted), self._map)
        if rewrite.unmapped:
            first = rewrite.unmapped[0]
            more = f" and {len(rewrite.unmapped) - 1} more" if len(rewrite.unmapped) > 1 else ""
            raise CannotMove(f"{first.path} names {first.value}: {first.why}{more}")
        return rewriting.stamped(rewrite.body, source=record.root, epoch=self._run.epoch, run=self._run.run)

    def _record_successor(self, draft: JobRecord, answer: dict[str, Any]) -> None:
        now = self._world.clock.now()
        line = JobEvent(at=now, what="submitted", why=f"continues {draft.root}", epoch=self._run.epoch)
        successor = msgspec.structs.replace(
            draft,
            hub=self._run.target,
            status=JobStatus.RUNNING,
            ended_at=None,
            incomplete="",
            retry_at=None,
            lacking=0,
            body=answer,
            azure_status=status_of(answer),
            captured_at=now,
            epoch=self._run.epoch,
            history=(line,),
        )
        try:
            self._ledger.create(successor)
        except Conflict:
            return

    def _close(self, found: Versioned[JobRecord], fate: Fate, why: str, successor: str | None = None) -> Outcome:
        line = JobEvent(at=self._world.clock.now(), what=fate.value, why=why, epoch=self._run.epoch)
        self._ledger.replace(
            msgspec.structs.replace(
                found.value,
                status=JobStatus(fate.value),
                epoch=self._run.epoch,
                successor=successor,
                reason=why,
                retry_at=None,
                history=(*found.value.history, line),
            ),
            found.etag,
        )
        return Outcome(fate, why)


class CannotMove(Exception):
    """This job cannot be submitted to the target as it is; the message says why."""


def _decided(record: JobRecord, run: RunOrder) -> Outcome | None:
    """What was decided about a job before: by an interrupted try of this step, or by the job's own end."""
    if _is_interrupted(record, run):
        return None
    if record.status is JobStatus.FINISHED:
        return Outcome(Fate.FINISHED, "it ended before it could be moved")
    if record.epoch != run.epoch:
        return Outcome(Fate.FINISHED, f"it was {record.status} in epoch {record.epoch}")
    return Outcome(Fate(record.status.value), record.reason)


def _is_interrupted(job: JobRecord | JobSummary, run: RunOrder) -> bool:
    """Whether the outage has taken this job: it ran, was being submitted, or failed while its hub was in doubt."""
    return job.status in {JobStatus.RUNNING, JobStatus.SUBMITTING} or fell_with_its_region(job, run.doubted_since)


def _not_ours(answer: dict[str, Any], record: JobRecord, run: RunOrder) -> str:
    """Why the job that answered the PUT is somebody else's under the same name; empty if it is ours."""
    tags = (answer.get("properties") or {}).get("tags") or {}
    if (tags.get("hubswitch.source"), tags.get("hubswitch.epoch")) == (record.root, str(run.epoch)):
        return ""
    return f"a job named {successor_name(record.root, run.epoch)} that is not its successor exists in the {run.target}"
