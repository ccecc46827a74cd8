"""The fates of jobs, and how a step says that a job is left where it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class Fate(StrEnum):
    """What became of one job in a step. Each but the last is an outcome of the ledger."""

    RESUBMITTED = "resubmitted"
    SKIPPED = "skipped"
    WAITING = "waiting"
    REFUSED = "refused"
    FINISHED = "finished"
    PENDING = "pending"


class Left(Exception):
    """This job has come to an outcome; the message says why.

    Args:
        fate: which one.
        why: the sentence that people read.
        retry_at: from when it is to be tried again; None if that would lead to the same.
        azure: Azure ML's word for the end of a job that has finished.
        is_owners: the job's owner has to act.
    """

    def __init__(
        self,
        fate: Fate,
        why: str,
        retry_at: datetime | None = None,
        *,
        azure: str = "",
        is_owners: bool = False,
    ) -> None:
        super().__init__(why)
        self.fate = fate
        self.why = why
        self.retry_at = retry_at
        self.azure = azure
        self.is_owners = is_owners
