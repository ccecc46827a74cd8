"""Runs that were left behind: stopped where they run on beside their successors, accounted for where they ended.

Only the run of a record that has a successor, which its hub accepted, is ever stopped; never the last of a line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from orchestrator.core.base.errors import Conflict, EpochFenced, HubswitchError, InvalidInput, NotFound
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.azure_status import has_ended, status_of
from orchestrator.core.jobs.next_move import JobAction, JobFact, JobMove, OldRunFacts, next_move
from orchestrator.core.jobs.record import JobRecord, JobSummary, OldRun
from orchestrator.core.jobs.record_changes import Acting, note_old_run
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import rotate
from orchestrator.ports import Versioned, World
from orchestrator.workflows.messages import AfterReport, RunOrder

BATCH = 200
"""Old runs that are changed in one step."""


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
                    count[self._settle_one(job.name, statuses[job.name])] += 1
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

    def _settle_one(self, name: str, status: str) -> OldRun:
        found = self._ledger.read(self._plan.pair, name)
        if found is None:
            return OldRun.UNKNOWN
        record = found.value
        facts = OldRunFacts(epoch=self._run.epoch, status=status, twin=self._plan.jobs.twin)
        while (move := next_move(record, facts)).do is JobAction.ASK:
            facts = self._gather(move, record, facts)
        if move.do is JobAction.STAND_BACK:
            raise EpochFenced(move.why)
        if move.do is not JobAction.NOTE_OLD_RUN:
            return OldRun.UNKNOWN
        stop_first = move.old_run is OldRun.COMPLETED
        if stop_first:
            self._stop(move)
        try:
            self._note(found, move)
        except Conflict:
            return OldRun.UNKNOWN
        if not stop_first:
            self._stop(move)
        return move.old_run

    def _gather(self, move: JobMove, record: JobRecord, facts: OldRunFacts) -> OldRunFacts:
        """The facts with the one that a move asks for."""
        if move.ask is JobFact.SUCCESSOR:
            return msgspec.structs.replace(facts, successor_read=True, successor=self._successor(record))
        if move.ask is JobFact.SUCCESSOR_JOB and facts.successor:
            return msgspec.structs.replace(facts, job_read=True, job=self._job(facts.successor))
        raise AssertionError(f"of an old run {move.ask} cannot be looked up")

    def _stop(self, move: JobMove) -> None:
        """An old run's end is asked for again while it runs; a twin's only until its old run is noted as completed."""
        if move.cancel:
            side, job = move.cancel
            self._world.jobs.cancel(self._plan.side(side), job)

    def _successor(self, record: JobRecord) -> JobRecord | None:
        if record.successor is None or record.successor == record.name:
            return None
        try:
            found = self._ledger.read(self._plan.pair, record.successor)
        except InvalidInput:
            return None
        return found.value if found else None

    def _job(self, successor: JobRecord) -> dict[str, Any] | None:
        try:
            return self._world.jobs.get(self._plan.side(successor.hub), successor.name)
        except NotFound:
            return None

    def _note(self, found: Versioned[JobRecord], move: JobMove) -> None:
        """Write what was found, once."""
        if found.value.old_run is move.old_run:
            return
        acting = Acting(self._run.epoch, self._world.clock.now())
        self._ledger.replace(note_old_run(found.value, move.old_run, move.why, acting), found.etag)


def _is_news(job: JobSummary, status: str) -> bool:
    """Whether there is something to do: not while an end that was asked for is under way."""
    return job.old_run is OldRun.UNKNOWN or not status or has_ended(status) or status.casefold() != "cancelrequested"
