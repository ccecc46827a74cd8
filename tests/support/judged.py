"""Judging what a run left behind: records of the ledger against what really happened in both hubs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.simulator.job_lifecycle import TrueJob

OUTCOMES = frozenset(
    {JobStatus.RESUBMITTED, JobStatus.SKIPPED, JobStatus.WAITING, JobStatus.REFUSED, JobStatus.FINISHED}
)


def complaints(records: Mapping[str, JobRecord], jobs: Iterable[TrueJob], left: Role = Role.PRIMARY) -> list[str]:
    """Everything that contradicts "every job of the ledger ends in exactly one outcome", as sentences.

    Args:
        records: all records of a pair.
        jobs: what really happened, at least to the pair's jobs.
        left: the side from which jobs were moved. What was submitted there under a new name continues one of them.
    """
    everything = {job.name: job for job in jobs}
    continued: dict[str, list[str]] = {}
    for job in everything.values():
        if "hubswitch.source" in job.tags:
            continued.setdefault(job.tags["hubswitch.source"], []).append(job.name)
    found = []
    for record in records.values():
        if record.hub is not left or record.name != record.root:
            continue
        successors = sorted(continued.get(record.root, []))
        found += _of_one(record, successors, records)
    return found


def _of_one(record: JobRecord, successors: list[str], records: Mapping[str, JobRecord]) -> list[str]:
    if record.status not in OUTCOMES:
        return [f"lost: {record.name} is {record.status} and nobody has dealt with it"]
    if len(successors) > 1:
        return [f"twice: {record.name} was submitted as {' and '.join(successors)}"]
    if record.status is not JobStatus.RESUBMITTED:
        return [f"twice: {record.name} is {record.status}, yet {successors[0]} was submitted"] if successors else []
    if not successors:
        return [f"lost: {record.name} was resubmitted by its record only"]
    if record.successor != successors[0] or record.successor not in records:
        return [f"lost: {record.name} is continued by {successors[0]}, which its record does not lead to"]
    return [] if record.reason else [f"untold: {record.name} has no reason"]
