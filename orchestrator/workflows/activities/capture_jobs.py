"""Taking jobs into the ledger while their hub answers: from events, and from a reconciling list.

After an outage it is too late: the region that is down cannot say what ran in it.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec

from orchestrator.core.base.errors import Conflict, HubswitchError, NotFound, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs import tags
from orchestrator.core.jobs.azure_status import has_ended, is_ours, status_of
from orchestrator.core.jobs.record import JobEvent, JobRecord, JobStatus, line_of
from orchestrator.core.jobs.record_changes import (
    UNSETTLED,
    is_overdue,
    needs_of,
    not_submitted,
    settled_record,
    wishes_in,
)
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities.assets import AssetCopier, replicated
from orchestrator.workflows.activities.source_run import ends_for_us
from orchestrator.workflows.messages import CaptureOrder, CaptureReport

LOG = logging.getLogger("hubswitch.jobs")

LONGEST = timedelta(minutes=4)
"""Time after which an activity begins no further job: less than half of ``functionTimeout`` in ``host.json``."""

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


class Taker:
    """Takes single jobs of one side into the ledger."""

    def __init__(self, world: World, plan: Plan, side: Role) -> None:
        self._world = world
        self._plan = plan
        self._side = side
        self._ledger = world.ledgers[plan.pair]
        self._assets = AssetCopier(world, plan, side)

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
        settled = settled_record(self._plan, record, job, self._world.clock.now())
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
        parent=tags.parent_of(job),
        schedule=tags.schedule_of(job),
    )


def _job_type(job: dict[str, Any]) -> str:
    found = (job.get("properties") or {}).get("jobType")
    return found.casefold() if isinstance(found, str) else ""
