"""Which jobs an outage has taken, and how the jobs of one line are named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from job_records import AT, job

from orchestrator.core.base.vocabulary import JobPolicy
from orchestrator.core.jobs.record import (
    JOB_NAME_LIMIT,
    JobStatus,
    fell_with_its_region,
    is_interrupted,
    is_job_name,
    line_of,
    successor_name,
)

BEFORE = AT - timedelta(microseconds=1)
ENDED = JobStatus.FINISHED


@pytest.mark.parametrize(
    ("status", "fields", "fell", "taken"),
    [
        (JobStatus.RUNNING, {}, False, True),
        (JobStatus.SUBMITTING, {}, False, True),
        (JobStatus.NOT_SUBMITTED, {}, False, False),
        (JobStatus.WAITING, {}, False, False),
        (JobStatus.SKIPPED, {"azure_status": "Failed", "ended_at": AT}, False, False),
        (JobStatus.RESUBMITTED, {"azure_status": "Failed", "ended_at": AT}, False, False),
        (ENDED, {"azure_status": "Failed", "ended_at": AT}, True, True),
        (ENDED, {"azure_status": "failed", "ended_at": AT}, True, True),
        (ENDED, {"azure_status": "Failed", "ended_at": BEFORE}, False, False),
        (ENDED, {"azure_status": "Failed"}, False, False),
        (ENDED, {"azure_status": "Canceled", "ended_at": AT, "policy": JobPolicy.ALWAYS}, False, False),
        (ENDED, {"azure_status": "Completed", "ended_at": AT}, False, False),
        (ENDED, {"azure_status": "Completed", "ended_at": AT, "policy": JobPolicy.ALWAYS}, False, True),
        (ENDED, {"azure_status": "Completed", "ended_at": BEFORE, "policy": JobPolicy.ALWAYS}, False, False),
        (ENDED, {"azure_status": "Completed", "policy": JobPolicy.ALWAYS}, False, False),
        (JobStatus.SKIPPED, {"azure_status": "Completed", "ended_at": AT, "policy": JobPolicy.ALWAYS}, False, False),
    ],
)
def test_an_outage_takes_what_ran_or_ended_while_its_hub_was_in_doubt(
    status: JobStatus, fields: dict[str, Any], *, fell: bool, taken: bool
) -> None:
    """A job that failed before is its own affair, and one that somebody cancelled stays cancelled."""
    record = job(status, **fields)
    assert (fell_with_its_region(record, AT), is_interrupted(record, AT)) == (fell, taken)


@pytest.mark.parametrize(
    ("name", "tags", "line"),
    [
        ("train-e2", {"hubswitch.source": "train", "hubswitch.epoch": "2"}, ("train", 2)),
        ("train-e2", {"hubswitch.source": "train", "hubswitch.epoch": 2}, ("train", 2)),
        ("train-e2", {"hubswitch.source": "train", "hubswitch.epoch": "3"}, ("train-e2", 0)),
        ("train-e2", {"hubswitch.source": "train", "hubswitch.epoch": "٢"}, ("train-e2", 0)),
        ("train-e2", {"hubswitch.source": 7, "hubswitch.epoch": "2"}, ("train-e2", 0)),
        ("train-e2", {"hubswitch.source": "train"}, ("train-e2", 0)),
        ("copy", {"hubswitch.source": "train", "hubswitch.epoch": "2"}, ("copy", 0)),
        ("train", None, ("train", 0)),
    ],
)
def test_a_successor_is_of_the_line_that_its_tags_and_its_name_tell(
    name: str, tags: Any, line: tuple[str, int]
) -> None:
    """Tags that somebody copied to another job say nothing."""
    assert line_of(name, {"properties": {"tags": tags}}) == line


def test_a_job_without_properties_is_its_own_line() -> None:
    """Whatever a hub shows."""
    assert line_of("train", {}) == line_of("train", {"properties": None}) == ("train", 0)


def test_a_successors_name_is_never_too_long() -> None:
    """The longest that fits is kept whole; a longer one ends with what tells its root from others."""
    whole = "r" * (JOB_NAME_LIMIT - len("-e12"))
    assert successor_name(whole, 12) == f"{whole}-e12"
    names = {successor_name(whole + end, 12) for end in "ab"}
    assert {len(name) for name in names} == {JOB_NAME_LIMIT}
    assert len(names) == 2
    assert all(name.startswith("r" * 200) and name.endswith("-e12") for name in names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", True), ("7-b_c.d", True), ("a" * 255, True), ("a" * 256, False), ("", False), ("-a", False), ("a/b", False)],
)
def test_a_jobs_name_is_one_path_segment(text: str, *, expected: bool) -> None:
    """As Azure ML accepts it."""
    assert is_job_name(text) is expected


def test_a_record_begins_without_priority_tries_or_missing_assets() -> None:
    """What nobody has said of a job is nothing."""
    record = job()
    assert (record.priority, record.tries, record.lacking, record.stop_asked, record.successor) == (
        0,
        0,
        0,
        False,
        None,
    )
