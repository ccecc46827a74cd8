"""What a person may ask for a job, and what makes no sense."""

from __future__ import annotations

from datetime import timedelta

import pytest
from job_records import AT, job

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import JobPolicy
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.jobs.record_changes import GRACE, leave, retry


@pytest.mark.parametrize(
    "record",
    [
        job(JobStatus.WAITING),
        job(JobStatus.SKIPPED, policy=JobPolicy.NEVER),
        job(JobStatus.NOT_SUBMITTED),
        job(JobStatus.FINISHED, azure_status="Failed"),
        job(JobStatus.FINISHED, azure_status="Canceled"),
        job(JobStatus.SUBMITTING, captured_at=AT - GRACE - timedelta(minutes=1)),
    ],
    ids=lambda record: f"{record.status} {record.azure_status}",
)
def test_what_is_nowhere_may_be_tried_again(record: JobRecord) -> None:
    """It waits, with the time from which it may go, and no policy stands against it."""
    found = retry(record, "ana", "mended", AT)
    assert (found.status, found.retry_at, found.policy) == (JobStatus.WAITING, AT, JobPolicy.IF_INTERRUPTED)
    assert found.history[-1].what == "retry"
    assert "ana" in found.history[-1].why


@pytest.mark.parametrize(
    "record",
    [
        job(JobStatus.RUNNING),
        job(JobStatus.SUBMITTING),
        job(JobStatus.FINISHED, azure_status="Completed"),
        job(JobStatus.RESUBMITTED, successor="train-e1"),
    ],
    ids=lambda record: record.status,
)
def test_what_is_somewhere_or_done_is_not_tried_again(record: JobRecord) -> None:
    """It would run twice."""
    with pytest.raises(NotNow):
        retry(record, "ana", "why not", AT)


def test_a_job_that_runs_goes_on_and_will_not_be_moved() -> None:
    """Its record stays open, so that its end is noted."""
    found = leave(job(JobStatus.RUNNING), "ana", "cheap to repeat", AT)
    assert (found.status, found.policy, found.retry_at) == (JobStatus.RUNNING, JobPolicy.NEVER, None)


def test_a_job_that_was_to_be_left_alone_can_be_protected_again() -> None:
    """Minds change while it runs; nothing is submitted for it."""
    left = leave(job(JobStatus.RUNNING), "ana", "cheap to repeat", AT)
    found = retry(left, "bob", "not so cheap", AT)
    assert (found.status, found.policy, found.retry_at) == (JobStatus.RUNNING, JobPolicy.IF_INTERRUPTED, None)
    assert [line.what for line in found.history][-2:] == ["skip", "retry"]
    assert "bob" in found.reason


def test_a_job_that_waits_is_closed() -> None:
    """Also one whose retry was asked for."""
    found = leave(job(JobStatus.WAITING, retry_at=AT), "ana", "too late", AT)
    assert (found.status, found.retry_at) == (JobStatus.SKIPPED, None)


@pytest.mark.parametrize("status", [JobStatus.FINISHED, JobStatus.SKIPPED, JobStatus.RESUBMITTED])
def test_what_is_over_cannot_be_leave(status: JobStatus) -> None:
    """The answer says how it stands."""
    with pytest.raises(NotNow):
        leave(job(status, successor="train-e1"), "ana", "no", AT)
