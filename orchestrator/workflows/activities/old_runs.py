"""Runs that were left behind: stopped where they run on beside their successors, accounted for where they ended.

Only the run of a record that has a successor, which its hub accepted, is ever stopped; never the last of a line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from orchestrator.core.base.errors import Conflict, EpochFenced, HubswitchError, InvalidInput, NotFound
from orchestrator.core.base.vocabulary import Role, Twin
from orchestrator.core.jobs.azure_status import has_ended, status_of
from orchestrator.core.jobs.record import JobEvent, JobRecord, JobStatus, JobSummary, OldRun
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import rotate
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities.move_job import is_successor
from orchestrator.workflows.activities.source_run import ASKED, was_asked
from orchestrator.workflows.messages import AfterReport, RunOrder

BATCH = 200
"""Old runs that are changed in one step."""


class Change(NamedTuple):
    """What a look at an old run leads to."""

    to: OldRun
    why: str
    stop: tuple[Role, str] | None = None
    """A job to be stopped, by side and name."""


class OldRuns:
    """The old runs of one pair, under the epoch of one run."""

    def __init__(self, world: World, plan: Plan, run: RunOrder) -> None:
        self._world = world
        self._plan = plan
        self._run = run
        self._ledger = world.ledgers[plan.pair]

    def settle(self, jobs: Sequence[JobSummary]) -> AfterReport:
        """Settle what can be settled now. A hub that does not answer is asked another time."""
        count: Counter[OldRun] = Counter()
        why, more = "", False
        for side in Role:
            there = [job for job in jobs if job.hub is side]
            try:
                statuses = self._statuses(side, {job.name for job in there}) if there else {}
            except HubswitchError as fault:
                why = f"the {side} cannot be asked about {len(there)} old runs: {fault}"
                continue
            news = [job for job in there if job.name in statuses and _is_news(job, statuses[job.name])]
            more = more or len(news) > BATCH or len(statuses) < len(there)
            for job in news[:BATCH]:
                try:
                    count[self._settled(job.name, statuses[job.name])] += 1
                except EpochFenced:
                    raise
                except HubswitchError as fault:
                    why = f"{job.name}: {fault}"
        done = sum(number for became, number in count.items() if became not in {OldRun.UNKNOWN, OldRun.STOPPING})
        return AfterReport(stopping=count[OldRun.STOPPING], settled=done, more=more and done > 0, why=why)

    def _statuses(self, side: Role, wanted: set[str]) -> dict[str, str]:
        """Azure ML's words for jobs of a side, from its list; one by one for what the list lacks. Empty: not there.

        A hub that was built anew lacks them all. A batch of them is asked for in one step; the others have no status.
        """
        hub = self._plan.side(side)
        found: dict[str, str] = {}
        for page in self._world.jobs.pages(hub):
            found |= {job["name"]: status_of(job) for job in page if job["name"] in wanted}
            if len(found) == len(wanted):
                break
        for name in rotate(sorted(wanted - found.keys()), BATCH, self._world.clock.now()):
            try:
                found[name] = status_of(self._world.jobs.get(hub, name))
            except NotFound:
                found[name] = ""
        return found

    def _settled(self, name: str, status: str) -> OldRun:
        found = self._ledger.read(self._plan.pair, name)
        if found is None or found.value.status is not JobStatus.RESUBMITTED:
            return OldRun.UNKNOWN
        record = found.value
        if record.epoch > self._run.epoch:
            raise EpochFenced(f"{name} was acted on in epoch {record.epoch}, this run is at {self._run.epoch}")
        change = self._change(record, status)
        if change.to is OldRun.UNKNOWN:
            return change.to
        stop_first = change.to is OldRun.COMPLETED
        if stop_first:
            self._stop(change)
        try:
            self._note(found, change)
        except Conflict:
            return OldRun.UNKNOWN
        if not stop_first:
            self._stop(change)
        return change.to

    def _stop(self, change: Change) -> None:
        """An old run's end is asked for again while it runs; a twin's only until its old run is noted as completed."""
        if change.stop:
            side, job = change.stop
            self._world.jobs.cancel(self._plan.side(side), job)

    def _change(self, record: JobRecord, status: str) -> Change:
        if not status:
            return Change(OldRun.GONE, f"the {record.hub} does not know it any more")
        if status.casefold() == "completed":
            return self._completed(record)
        if has_ended(status):
            became = OldRun.STOPPED if was_asked(record) else OldRun.ENDED
            return Change(became, f"its old run ended in the {record.hub} as {status}")
        if not self._goes_on(record):
            return Change(OldRun.UNKNOWN, "its successor does not run")
        why = f"its old run was still {status} in the {record.hub}, beside {record.successor}"
        stop = None if status.casefold() == "cancelrequested" else (record.hub, record.name)
        return Change(OldRun.STOPPING, why, stop)

    def _completed(self, record: JobRecord) -> Change:
        """The work was done after all. Unless it was known when the successor was submitted, the plan decides."""
        why = f"its old run completed in the {record.hub}"
        if record.ended_at is not None:
            return Change(OldRun.ENDED, why)
        if self._plan.jobs.twin is Twin.KEEP:
            return Change(OldRun.COMPLETED, f"{why}; {record.successor} is kept")
        twin = self._successor(record)
        if twin is None or twin.status is not JobStatus.RUNNING:
            return Change(OldRun.COMPLETED, f"{why}; {record.successor} had ended, too")
        return Change(OldRun.COMPLETED, f"{why}; {twin.name} is cancelled", (twin.hub, twin.name))

    def _goes_on(self, record: JobRecord) -> bool:
        """Whether the successor was accepted, by its hub's own word, and has not ended badly."""
        twin = self._successor(record)
        if twin is None:
            return False
        if twin.status is JobStatus.RESUBMITTED:
            return True
        try:
            job = self._world.jobs.get(self._plan.side(twin.hub), twin.name)
        except NotFound:
            return False
        ours = any(is_successor(job, record, epoch) for epoch in range(1, self._run.epoch + 1))
        return ours and status_of(job).casefold() not in {"failed", "canceled"}

    def _successor(self, record: JobRecord) -> JobRecord | None:
        if record.successor is None or record.successor == record.name:
            return None
        try:
            found = self._ledger.read(self._plan.pair, record.successor)
        except InvalidInput:
            return None
        twin = found.value if found else None
        return twin if twin and twin.root == record.root and twin.hub is not record.hub else None

    def _note(self, found: Versioned[JobRecord], change: Change) -> None:
        """Write what was found, once."""
        record = found.value
        if record.old_run is change.to:
            return
        what = ASKED if change.to is OldRun.STOPPING else f"old run {change.to}"
        line = JobEvent(at=self._world.clock.now(), what=what, why=change.why, epoch=self._run.epoch)
        self._ledger.replace(
            msgspec.structs.replace(record, old_run=change.to, history=(*record.history, line)), found.etag
        )


def _is_news(job: JobSummary, status: str) -> bool:
    """Whether there is something to do: not while an end that was asked for is under way."""
    return job.old_run is OldRun.UNKNOWN or not status or has_ended(status) or status.casefold() != "cancelrequested"
