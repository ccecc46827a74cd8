"""What really became of every job, from the simulated Azure's truth and the ledger's blobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.core.jobs.azure_status import CANARY_TAG, DRILL_TAG
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.jobs.record_schema import read_job_record
from orchestrator.core.plan.schema import Plan
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import TrueJob

SOURCE = "hubswitch.source"

UNDECIDED = frozenset({JobStatus.RUNNING, JobStatus.SUBMITTING})
"""Statuses of a record that say nothing yet of what an outage has done to its job."""


@dataclass(frozen=True)
class Accounts:
    """Jobs of the primary and their successors, as they are."""

    interrupted: Mapping[str, TrueJob]
    """Jobs that the outage stopped."""

    running: int
    """Jobs that run in the primary, or ran there when it went down."""

    alive: int
    """Jobs that run in the primary now."""

    successors: Mapping[str, Sequence[TrueJob]]
    """By name of the job that they continue."""

    records: Mapping[str, JobRecord]

    @property
    def first_accepted(self) -> datetime | None:
        return min(self._times_accepted, default=None)

    @property
    def last_accepted(self) -> datetime | None:
        return max(self._times_accepted, default=None)

    @property
    def _times_accepted(self) -> list[datetime]:
        return [job.statuses[0][0] for jobs in self.successors.values() for job in jobs]

    def counts(self, *, is_over: bool = True) -> dict[str, int]:
        """Jobs by fate.

        Those that the other hub refused count as *waiting*, and so do, while a run is not over, those whose record
        does not say yet what becomes of them.

        *Lost* are those that stopped, were not continued, and have no record that says why. *Duplicated* are those
        that were continued twice, or although they had not stopped.
        """
        fates = Counter(self._fate(name, is_over=is_over) for name in self.interrupted)
        twice = sum(len(jobs) - 1 for jobs in self.successors.values())
        needless = sum(1 for name in self.successors if name not in self.interrupted)
        return {
            "running": self.running,
            "interrupted": len(self.interrupted),
            "resubmitted": fates["resubmitted"],
            "skipped": fates["skipped"],
            "waiting": fates["waiting"],
            "lost": fates["lost"],
            "duplicated": twice + needless,
        }

    def reasons(self, status: JobStatus) -> dict[str, int]:
        """Why jobs ended in a status, most frequent first."""
        found = Counter(record.reason for record in self.records.values() if record.status is status)
        return dict(found.most_common())

    def _fate(self, name: str, *, is_over: bool) -> str:
        if name in self.successors:
            return "resubmitted"
        record = self.records.get(name)
        if record and record.status in {JobStatus.SKIPPED, JobStatus.WAITING, JobStatus.REFUSED}:
            return "skipped" if record.status is JobStatus.SKIPPED else "waiting"
        return "waiting" if record and record.status in UNDECIDED and not is_over else "lost"


def audit_jobs(azure: LocalAzure, plan: Plan) -> Accounts:
    """The accounts of one pair now."""
    jobs = [job for job in azure.truth.jobs() if not {DRILL_TAG, CANARY_TAG} & job.tags.keys()]
    there = [job for job in jobs if job.region == plan.primary.region]
    stopped = {job.name: job for job in there if job.killed_at is not None}
    successors: dict[str, list[TrueJob]] = {}
    for job in jobs:
        if job.region == plan.secondary.region and SOURCE in job.tags:
            successors.setdefault(job.tags[SOURCE], []).append(job)
    running = [job for job in there if job.status == "Running"]
    return Accounts(
        interrupted=stopped,
        running=len(running),
        alive=sum(job.killed_at is None for job in running),
        successors=successors,
        records=_records(azure, plan) if stopped else {},
    )


def _records(azure: LocalAzure, plan: Plan) -> dict[str, JobRecord]:
    """Every job record that the ledger's account holds."""
    prefix = f"{plan.pair}/jobs/"

    def read() -> dict[str, bytes]:
        names = azure.ledger.names(plan.ledger.container, prefix)
        found = ((name, azure.ledger.get(plan.ledger.container, name)) for name in names)
        return {name: blob.data for name, blob in found if blob}

    records = [read_job_record(data, name) for name, data in azure.call(read).items()]
    return {record.name: record for record in records}
