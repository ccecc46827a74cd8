"""What became of the jobs of one run, from their records: as of the run's epoch, whatever happened to them since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from orchestrator.core.evidence.document import JobAccount, JobLine
from orchestrator.core.jobs.record import JobEvent, JobEventKind, JobRecord, JobStatus, OldRun, successor_name

LOST = "lost"
STAYING = "staying"
"""A job that goes on in a hub that was left while it was well: listed, and not one of those that were interrupted."""

_OUTCOMES: Mapping[JobEventKind, str] = {
    JobEventKind.RESUBMITTED: "resubmitted",
    JobEventKind.SKIPPED: "skipped",
    JobEventKind.WAITING: "waiting",
    JobEventKind.REFUSED: "refused",
    JobEventKind.FINISHED: "finished",
    JobEventKind.STAYS: STAYING,
}

_STATUSES: Mapping[JobStatus, JobEventKind] = {
    JobStatus.RESUBMITTED: JobEventKind.RESUBMITTED,
    JobStatus.SKIPPED: JobEventKind.SKIPPED,
    JobStatus.WAITING: JobEventKind.WAITING,
    JobStatus.REFUSED: JobEventKind.REFUSED,
    JobStatus.FINISHED: JobEventKind.FINISHED,
}


def account_jobs(names: Sequence[str], records: Mapping[str, JobRecord | str], epoch: int) -> JobAccount:
    """Each job of a run with its one outcome.

    Args:
        names: the jobs of the run's manifests, in order.
        records: their records by name; in place of one that cannot be read, why. One that is missing is lost.
        epoch: the run's.
    """
    lines = tuple(_line(name, records.get(name), epoch) for name in names)
    count = Counter(line.outcome for line in lines)
    successors = Counter(line.successor for line in lines if line.successor)
    shared = sum(times - 1 for times in successors.values())
    both = sum(1 for line in lines if line.successor and _find_completed_too(records[line.name]))
    return JobAccount(
        interrupted=len(lines) - count[STAYING],
        resubmitted=count["resubmitted"],
        skipped=count["skipped"],
        waiting=count["waiting"],
        refused=count["refused"],
        finished=count["finished"],
        lost=count[LOST],
        duplicated=shared + both,
        jobs=lines,
    )


def times_resubmitted(records: Mapping[str, JobRecord | str], epoch: int) -> list[datetime]:
    """When the successors of a run's jobs were accepted, as their records say."""
    return [
        event.at
        for record in records.values()
        if isinstance(record, JobRecord)
        for event in record.history
        if event.what is JobEventKind.RESUBMITTED and event.epoch == epoch
    ]


def _line(name: str, record: JobRecord | str | None, epoch: int) -> JobLine:
    if not isinstance(record, JobRecord):
        why = "the ledger has no record of it" if record is None else record
        return JobLine(name=name, outcome=LOST, successor=None, why=why)
    event = _last_outcome(record, epoch)
    if event is None:
        return JobLine(name=name, outcome=LOST, successor=None, why=f"its record says {record.status} and no outcome")
    moved = event.what is JobEventKind.RESUBMITTED
    current = record.epoch == epoch and record.successor
    successor = (record.successor if current else successor_name(record.root, epoch)) if moved else None
    return JobLine(name=name, outcome=_OUTCOMES[event.what], successor=successor, why=event.why)


def _last_outcome(record: JobRecord, epoch: int) -> JobEvent | None:
    """The outcome that held at the end of an epoch: a run that decides again for the same reason adds no line."""
    if record.epoch <= epoch and (kind := _STATUSES.get(record.status)):
        at = record.history[-1].at if record.history else record.captured_at
        return JobEvent(at=at, what=kind, why=record.reason, epoch=record.epoch)
    found = [event for event in record.history if event.what in _OUTCOMES and event.epoch <= epoch]
    if not found or (found[-1].what is JobEventKind.STAYS and record.epoch < epoch):
        return None  # that it stayed was decided by an earlier run: none of this epoch has said anything of it
    return found[-1]


def _find_completed_too(record: JobRecord | str) -> bool:
    return isinstance(record, JobRecord) and record.old_run is OldRun.COMPLETED
