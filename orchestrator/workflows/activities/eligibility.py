"""Which jobs are left alone because of what they are, or of the jobs that they belong to or read from."""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.base.vocabulary import JobPolicy
from orchestrator.core.jobs import tags
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.jobs.record_changes import LEFT_ALONE
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import World
from orchestrator.workflows.activities.outcome import Fate, Left
from orchestrator.workflows.messages import RunOrder

LONGEST_LINE = 64
"""Successors that are followed from one job: one per epoch."""

AS_USER = "it runs as its user, whom no managed identity can stand in for; its owner must submit it"


class Producers:
    """What other records say about one job."""

    def __init__(self, world: World, plan: Plan, run: RunOrder) -> None:
        self._plan = plan
        self._run = run
        self._ledger = world.ledgers[plan.pair]

    def check(self, record: JobRecord, now: datetime) -> None:
        """Return if a job is to be submitted by itself.

        Raises:
            Left: it is not, and why.
        """
        if record.policy is JobPolicy.NEVER:
            raise Left(Fate.SKIPPED, record.reason if record.reason.startswith(LEFT_ALONE) else "its policy is never")
        if record.schedule:
            raise Left(Fate.SKIPPED, f"it is a run of the schedule {record.schedule}, whose next run is its own")
        if record.deadline and now > record.deadline:
            raise Left(Fate.SKIPPED, f"its deadline {record.deadline:%Y-%m-%d %H:%M:%SZ} has passed")
        self._check_parent(record)
        if record.identity == "user" or tags.runs_as_user(record.body):
            raise Left(Fate.WAITING, AS_USER, is_owners=True)

    def _check_parent(self, record: JobRecord) -> None:
        """A part goes with its whole. A name like a trial's counts only if the ledger knows that sweep."""
        if record.parent:
            if self._record(record.parent) is None:
                raise Left(Fate.WAITING, f"it is a part of {record.parent}, which is not in the ledger")
            raise Left(Fate.SKIPPED, f"it is a part of {record.parent}, which is dealt with as a whole")
        sweep = tags.sweep_of(record.name) if record.name == record.root else ""
        whole = self._record(sweep) if sweep else None
        kind = (whole.body.get("properties") or {}).get("jobType") if whole else None
        if str(kind).casefold() == "sweep":
            raise Left(Fate.SKIPPED, f"it is a trial of {sweep}, which is dealt with as a whole")

    def continued(self, record: JobRecord, again_at: datetime) -> dict[str, str]:
        """Jobs whose outputs this one reads -> jobs of the target that have made them again.

        Raises:
            Left: one of them has to be waited for.
            TemporaryError: one of them is about to be submitted.
        """
        found = {}
        for name in record.lineage:
            head = self._head(name)
            if head is None:
                continue
            if head.status is JobStatus.RUNNING and head.hub is not self._run.target:
                raise TemporaryError(f"it needs the output of {name}, which goes before it")
            if head.status is not JobStatus.FINISHED:
                raise Left(Fate.WAITING, _because_of(name, head), again_at)
            if head.hub is not self._run.target or head.name == name:
                continue
            if head.azure_status.casefold() != "completed":
                raise Left(Fate.WAITING, f"it needs the output of {name}; {head.name} ended as {head.azure_status}")
            found[name] = head.name
        return found

    def _head(self, name: str) -> JobRecord | None:
        """The record at which the line of a job has arrived."""
        record = self._record(name)
        for _ in range(LONGEST_LINE):
            if record is None or record.successor is None:
                break
            record = self._record(record.successor) or record
        return record

    def _record(self, name: str) -> JobRecord | None:
        found = self._ledger.read(self._plan.pair, name)
        return found.value if found else None


def _because_of(name: str, head: JobRecord) -> str:
    if head.status is JobStatus.RUNNING:
        return f"it needs the output of {name} and waits until {head.name} has completed in the {head.hub}"
    return f"it needs the output of {name}, which is {head.status}: {head.reason}"
