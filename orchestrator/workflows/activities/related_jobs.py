"""What other records of the ledger say about a job: the whole that it is a part of, the jobs whose output it reads."""

from __future__ import annotations

from orchestrator.core.jobs.next_move import Producer, Whole, whole_of
from orchestrator.core.jobs.record import JobRecord
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import World

LONGEST_LINE = 64
"""Successors that are followed from one job: one per epoch."""


class RelatedJobs:
    """Reads the records of jobs that one job depends on."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._plan = plan
        self._ledger = world.ledgers[plan.pair]

    def find_whole(self, record: JobRecord) -> Whole:
        """The pipeline or sweep that a job is, or may be, a part of."""
        whole = self._read(whole_of(record))
        kind = (whole.body.get("properties") or {}).get("jobType") if whole else None
        return Whole(known=whole is not None, is_sweep=str(kind).casefold() == "sweep")

    def find_producer(self, name: str) -> Producer:
        """The record at which the line of a job has arrived."""
        record = self._read(name)
        for _ in range(LONGEST_LINE):
            if record is None or record.successor is None:
                break
            record = self._read(record.successor) or record
        return Producer(name=name, head=record)

    def _read(self, name: str) -> JobRecord | None:
        found = self._ledger.read(self._plan.pair, name)
        return found.value if found else None
