"""What a person may ask for a job of the ledger: that it be moved after all, or be left alone.

The record is changed and nothing else. Whoever moves jobs reads it at the next opportunity.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import JobPolicy
from orchestrator.core.jobs.record import JobEvent, JobRecord, JobStatus
from orchestrator.core.jobs.record_changes import is_overdue

LEFT_ALONE = "left alone"
"""How the reason of a job begins that a person did not want to be moved."""

OPEN = frozenset({JobStatus.RUNNING, JobStatus.SUBMITTING})


def retried(record: JobRecord, by: str, reason: str, now: datetime) -> JobRecord:
    """The record of a job that is to be moved at the next opportunity, also against its policy.

    Raises:
        NotNow: it is somewhere already, or has ended well.
    """
    _must_not_be_elsewhere(record)
    if record.status is JobStatus.RUNNING and record.policy is JobPolicy.NEVER:
        return _protected_again(record, by, reason, now)
    if record.status is JobStatus.RUNNING or (record.status is JobStatus.SUBMITTING and not is_overdue(record, now)):
        raise NotNow(f"{record.name} is {record.status} in the {record.hub}; there is nothing to try again")
    if record.status is JobStatus.FINISHED and record.azure_status.casefold() == "completed":
        raise NotNow(f"{record.name} has completed; submit it anew to run it again")
    never = record.policy is JobPolicy.NEVER
    line = _line(record, "retry", f"asked by {by}: {reason}" + (" (its policy was never)" if never else ""), now)
    return msgspec.structs.replace(
        record,
        status=JobStatus.WAITING,
        policy=JobPolicy.IF_INTERRUPTED if never else record.policy,
        retry_at=now,
        reason=f"to be tried again, as {by} asked: {reason}",
        history=(*record.history, line),
    )


def _protected_again(record: JobRecord, by: str, reason: str, now: datetime) -> JobRecord:
    """A job that runs and was to be left alone: it is moved again if its hub is left."""
    said = f"it will be moved if its hub is left, as {by} asked: {reason}"
    return msgspec.structs.replace(
        record,
        policy=JobPolicy.IF_INTERRUPTED,
        reason=said,
        history=(*record.history, _line(record, "retry", said, now)),
    )


def skipped(record: JobRecord, by: str, reason: str, now: datetime) -> JobRecord:
    """The record of a job that is to be left alone. One that runs goes on, and will not be moved.

    Raises:
        NotNow: it has been moved, or has ended.
    """
    _must_not_be_elsewhere(record)
    if record.status in {JobStatus.FINISHED, JobStatus.SKIPPED}:
        raise NotNow(f"{record.name} is {record.status} already")
    said = f"asked by {by}: {reason}"
    line = _line(record, "skip", said, now)
    return msgspec.structs.replace(
        record,
        status=record.status if record.status in OPEN else JobStatus.SKIPPED,
        policy=JobPolicy.NEVER,
        retry_at=None,
        reason=f"{LEFT_ALONE}, {said}",
        history=(*record.history, line),
    )


def _must_not_be_elsewhere(record: JobRecord) -> None:
    if record.status is JobStatus.RESUBMITTED:
        raise NotNow(f"{record.name} continues as {record.successor}; name that one")


def _line(record: JobRecord, what: str, why: str, now: datetime) -> JobEvent:
    return JobEvent(at=now, what=what, why=why, epoch=record.epoch)
