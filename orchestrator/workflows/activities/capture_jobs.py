"""Taking jobs into the ledger while their hub answers: from events, and from a reconciling list.

After an outage it is too late: the region that is down cannot say what ran in it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from durabletask.task import OrchestrationContext

from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.errors import Conflict, HubswitchError, NotFound, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs import origin
from orchestrator.core.jobs.azure_status import has_ended, is_ours, status_of
from orchestrator.core.jobs.record import JobEvent, JobRecord, JobStatus, JobSummary, line_of
from orchestrator.core.jobs.record_changes import UNSETTLED, is_overdue, needs_of, not_submitted, wishes_in
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Versioned, World
from orchestrator.submit.journal import settled_record
from orchestrator.workflows import names
from orchestrator.workflows.activities.assets import Assets
from orchestrator.workflows.activities.limits import BUSY, LONGEST_TURN, TURNS, pause_after, turn
from orchestrator.workflows.activities.source_run import ends_for_us
from orchestrator.workflows.messages import CaptureOrder, CaptureReport, CaptureRun
from orchestrator.workflows.orchestrators.retry import Steps, insist
from orchestrator.workflows.replicas import replicated

LOG = logging.getLogger("hubswitch.jobs")

CHUNK = 25
"""Jobs per capture order."""

LONGEST = timedelta(minutes=4)
"""Time after which an activity begins no further job: less than half of ``functionTimeout`` in ``host.json``."""

TRIES = 4
"""Attempts at an order before the reconciling timer is left to find its jobs again."""

API_VERSIONS = {
    "command": "2025-01-01-preview",
    "pipeline": "2024-01-01-preview",
    "sweep": "2024-01-01-preview",
    "automl": "2024-01-01-preview",
    "finetuning": "2024-10-01-preview",
    "spark": "2023-04-01-preview",
}
"""What azure-ai-ml 1.35 uses to submit each type; a job is submitted again with the version that it came with."""

DEFAULT_API_VERSION = "2025-01-01-preview"


def capture_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator around one order. Input: ``CaptureRun``; output: ``CaptureReport``.

    What one activity leaves for want of time is the next one's order.
    """
    run = from_builtins(given, CaptureRun, ctx.instance_id)
    order, beat = run.order, run.beat
    total = CaptureReport()
    for number in range(TURNS):
        answer = yield from insist(
            ctx, names.CAPTURE_JOBS, to_builtins(order), beat=beat, longest=beat * 10, tries=TRIES
        )
        report = from_builtins(answer, CaptureReport, names.CAPTURE_JOBS)
        total = total.plus(report)
        if not report.left:
            return to_builtins(total)
        order = msgspec.structs.replace(order, jobs=report.left)
        if report.busy:
            yield turn(ctx, pause_after(number, beat, beat * LONGEST_TURN))
    return to_builtins(msgspec.structs.replace(total, left=order.jobs, why=total.why or BUSY))


def capture_jobs(world: World, order: CaptureOrder) -> CaptureReport:
    """Bring the ledger up to date about these jobs.

    One job that fails does not stop the others. After ``LONGEST`` no further one is begun: Azure ends a function that
    takes too long, and what it had done would be unknown.

    Raises:
        HubswitchError: nothing at all could be captured; the first reason.
    """
    taker = Taker(world, world.plans[order.pair], order.side)
    count = Counter[str]()
    first: HubswitchError | None = None
    until = world.clock.now() + LONGEST
    left: tuple[str, ...] = ()
    for number, name in enumerate(order.jobs):
        if number and world.clock.now() >= until:
            left = order.jobs[number:]
            break
        try:
            count[taker.take(name, order.told)] += 1
        except HubswitchError as fault:
            count["failed"] += 1
            first = first or fault
        except Exception as fault:
            LOG.exception("%s of %s could not be captured", name, order.pair)
            count["failed"] += 1
            first = first or TemporaryError(f"{name}: {type(fault).__name__}: {fault}")
    if first and count["failed"] == len(order.jobs):
        raise first
    return CaptureReport(
        captured=count["captured"],
        finished=count["finished"],
        known=count["known"],
        failed=count["failed"],
        why=str(first) if first else "",
        left=left,
    )


def reconciled(
    world: World,
    plan: Plan,
    side: Role,
    heed: Callable[[Sequence[dict[str, Any]]], None] | None = None,
    until: datetime | None = None,
) -> Iterator[CaptureOrder]:
    """Orders for every job whose state in the hub and in the ledger differ.

    Args:
        world: the ports.
        plan: the pair's.
        side: whose jobs are listed.
        heed: called with each page's jobs that are not ours.
        until: no further page is read after it. The newest jobs come first in the list; of those in the ledger that
            were not met by then, some are asked for by name, others each time.
    """
    everything = {summary.name: summary for summary in world.ledgers[plan.pair].summaries(plan.pair)}
    yield from _under_way(plan, everything.values())
    ledger = {name: summary for name, summary in everything.items() if summary.hub is side}
    differing: list[str] = []
    met: set[str] = set()
    for page in world.jobs.pages(plan.side(side)):
        differing += [job["name"] for job in page if _differs(job, ledger)]
        met.update(job["name"] for job in page)
        if heed:
            heed(tuple(job for job in page if not is_ours(job)))
        if until and world.clock.now() >= until:
            differing += _some_not_met(ledger, met, world.clock.now())
            break
    yield from _in_chunks(plan, side, differing)


def _in_chunks(plan: Plan, side: Role, jobs: Sequence[str]) -> Iterator[CaptureOrder]:
    for start in range(0, len(jobs), CHUNK):
        yield CaptureOrder(pair=plan.pair, side=side, jobs=tuple(jobs[start : start + CHUNK]))


def _some_not_met(ledger: Mapping[str, JobSummary], met: Collection[str], now: datetime) -> list[str]:
    """A few of the jobs that run by the ledger's word and were not listed in time: other ones each minute."""
    unseen = sorted(name for name, known in ledger.items() if known.status is JobStatus.RUNNING and name not in met)
    return turned(unseen, CHUNK, now)


def turned(names: Sequence[str], size: int, now: datetime) -> list[str]:
    """So many of the names, other ones each minute, so that none is kept from its turn by those before it."""
    if len(names) <= size:
        return list(names)
    first = int(now.timestamp() // 60) * size % len(names)
    return [*names[first:], *names[:first]][:size]


def _under_way(plan: Plan, summaries: Iterable[JobSummary]) -> Iterator[CaptureOrder]:
    """Orders for the submissions of both sides that nobody has reported an end of."""
    waiting: dict[Role, list[str]] = {role: [] for role in Role}
    for summary in summaries:
        if summary.status is JobStatus.SUBMITTING:
            waiting[summary.hub].append(summary.name)
    for role, found in waiting.items():
        yield from _in_chunks(plan, role, found)


class Taker:
    """Takes single jobs of one side into the ledger."""

    def __init__(self, world: World, plan: Plan, side: Role) -> None:
        self._world = world
        self._plan = plan
        self._side = side
        self._ledger = world.ledgers[plan.pair]
        self._assets = Assets(world, plan, side)

    def take(self, name: str, told: str = "") -> str:
        """``captured``, ``finished`` or ``known``.

        A job that ran by the event's word and is in the ledger needs no question. One that completed by the event's
        word is believed when its hub cannot be asked; one that failed is not, for it may have failed with its hub.
        """
        found = self._ledger.read(self._plan.pair, name)
        if found and found.value.status in UNSETTLED and found.value.hub is self._side:
            return self._settle(found)
        if found and told and not has_ended(told) and not found.value.incomplete:
            return "known"
        try:
            job = self._world.jobs.get(self._plan.side(self._side), name)
        except NotFound:
            return "known"
        except TemporaryError:
            if has_ended(told) and told.casefold() != "failed":
                return self._finish(found, told)
            raise
        if is_ours(job) or (found and found.value.hub is not self._side):
            return "known"
        if has_ended(status_of(job)):
            return self._finish(found, status_of(job))
        return self.complete(found) if found else self._capture(name, job)

    def _capture(self, name: str, job: dict[str, Any]) -> str:
        record = record_of(self._plan, self._side, name, job, self._world)
        record = replicated(self._assets, record)
        if record.incomplete:
            line = JobEvent(at=record.captured_at, what="incomplete", why=record.incomplete, epoch=record.epoch)
            record = msgspec.structs.replace(record, history=(*record.history, line))
        try:
            self._ledger.create(record)
        except Conflict:
            return "known"
        return "captured"

    def _settle(self, found: Versioned[JobRecord]) -> str:
        """Say of a job that was written down ahead what became of it; one that may still arrive is left alone."""
        record, now = found.value, self._world.clock.now()
        try:
            job = self._world.jobs.get(self._plan.side(self._side), record.name)
        except NotFound:
            if record.status is JobStatus.SUBMITTING and is_overdue(record, now):
                self._ledger.replace(not_submitted(record, f"it never arrived in the {record.hub}", now), found.etag)
                return "finished"
            return "known"
        settled = settled_record(self._world, self._plan, record, job)
        etag = self._ledger.replace(settled, found.etag)
        self.complete(Versioned(settled, etag))
        return "captured"

    def complete(self, found: Versioned[JobRecord]) -> str:
        """Keep and recreate what could not be when the job was captured; ``captured`` if nothing lacks any more."""
        record = found.value
        if not record.incomplete or record.status is not JobStatus.RUNNING:
            return "known"
        tried = replicated(self._assets, record)
        if not tried.incomplete:
            now = self._world.clock.now()
            line = JobEvent(at=now, what="completed", why="its assets are on the other side now", epoch=record.epoch)
            tried = msgspec.structs.replace(tried, history=(*record.history, line))
        if tried != record:
            self._ledger.replace(tried, found.etag)
        return "known" if tried.incomplete else "captured"

    def _finish(self, found: Versioned[JobRecord] | None, status: str) -> str:
        if found is None or found.value.status is not JobStatus.RUNNING or ends_for_us(found.value, status):
            return "known"
        now = self._world.clock.now()
        line = JobEvent(at=now, what="finished", why=status, epoch=found.value.epoch)
        ended = msgspec.structs.replace(
            found.value,
            status=JobStatus.FINISHED,
            azure_status=status,
            ended_at=now,
            reason=f"it ended in Azure ML as {status}",
            history=(*found.value.history, line),
        )
        self._ledger.replace(ended, found.etag)
        return "finished"


def record_of(plan: Plan, side: Role, name: str, job: dict[str, Any], world: World) -> JobRecord:
    """The first record of a job. A tag that cannot be understood leaves the plan's default, and says so."""
    now = world.clock.now()
    root, epoch = line_of(name, job)
    history = [JobEvent(at=now, what="captured", why=f"{status_of(job)} in the {side}", epoch=epoch)]
    wanted, fault = wishes_in(job, plan)
    if fault:
        history.append(JobEvent(at=now, what="tag not understood", why=fault, epoch=epoch))
    return JobRecord(
        pair=plan.pair,
        name=name,
        root=root,
        hub=side,
        status=JobStatus.RUNNING,
        epoch=epoch,
        api_version=API_VERSIONS.get(_job_type(job), DEFAULT_API_VERSION),
        body=job,
        azure_status=status_of(job),
        captured_at=now,
        closure=needs_of(plan, side, job),
        history=tuple(history),
        **wanted,
        parent=origin.parent_of(job),
        schedule=origin.schedule_of(job),
    )


def _differs(job: dict[str, Any], ledger: dict[str, JobSummary]) -> bool:
    """Whether a listed job needs a look: the ledger does not have it, or has missed its end."""
    known = ledger.get(job["name"])
    if is_ours(job):
        return False
    if known is not None and known.status is JobStatus.NOT_SUBMITTED:
        return True
    if has_ended(status_of(job)):
        return known is not None and known.status is JobStatus.RUNNING
    return known is None


def _job_type(job: dict[str, Any]) -> str:
    found = (job.get("properties") or {}).get("jobType")
    return found.casefold() if isinstance(found, str) else ""
