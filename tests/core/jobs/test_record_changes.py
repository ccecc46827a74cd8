"""The table of a job's record: whole, reachable, refusing what is not in it, and obeyed by every function."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import msgspec
import pytest
from job_records import AT, job

from orchestrator.core.base.errors import NotNow, PermanentError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs import record_changes as changes
from orchestrator.core.jobs.record import Attempt, JobEventKind, JobRecord, JobStatus, OldRun
from orchestrator.core.jobs.record_changes import ROWS, TABLE, Acting, IllegalChange, as_mermaid, next_status

RUN = Acting(epoch=4, now=AT + timedelta(minutes=5))
ATTEMPT = Attempt(side=Role.SECONDARY, epoch=4)


@pytest.mark.parametrize(("status", "event"), list(product([None, *JobStatus], JobEventKind)))
def test_every_cell_of_the_table_is_a_row_or_is_refused(status: JobStatus | None, event: JobEventKind) -> None:
    """An event leads to the status of its row; a cell without a row raises an error that is never tried again."""
    row = TABLE.get((status, event))
    if row is None:
        with pytest.raises(IllegalChange, match=f"'{event}' for a job that is {status or 'not recorded'}") as caught:
            next_status(status, event)
        assert isinstance(caught.value, PermanentError)
    else:
        assert next_status(status, event) is row.to


def test_no_cell_has_two_rows() -> None:
    """What follows is never ambiguous."""
    assert len(TABLE) == len(ROWS)


def test_every_status_can_be_reached_from_no_record_at_all() -> None:
    """No status is an island."""
    reached: set[JobStatus | None] = {None}
    while more := {row.to for row in ROWS if row.status in reached} - reached:
        reached |= more
    assert reached == {None, *JobStatus}


def test_nothing_leaves_a_job_that_was_resubmitted() -> None:
    """Its line goes on under the successor's name: whatever is found out of the old run, it is never moved again."""
    assert {row.to for row in ROWS if row.status is JobStatus.RESUBMITTED} == {JobStatus.RESUBMITTED}


def test_every_event_is_used_but_the_one_of_older_records() -> None:
    """A word that changes nothing is no word of this language."""
    assert {row.event for row in ROWS} == set(JobEventKind) - {JobEventKind.NOTED}


def test_every_row_has_a_sentence_for_the_operator() -> None:
    """Each row says what happened, as a sentence."""
    assert [row for row in ROWS if not row.sentence.endswith(".")] == []


def test_the_diagram_shows_every_row() -> None:
    """What the docs show is the table."""
    lines = as_mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> submitting: submitting"]
    drawn = {
        (ends.strip(), event)
        for line in lines[1:]
        for ends, events in [line.split(": ")]
        for event in events.split(", ")
    }
    assert drawn == {(f"{row.status or '[*]'} --> {row.to}", row.event.value) for row in ROWS}


FUNCTIONS: dict[JobEventKind, Callable[[JobRecord], JobRecord]] = {
    JobEventKind.NOT_SUBMITTED: lambda record: changes.close_unsubmitted(record, "no quota", AT),
    JobEventKind.FINISHED: lambda record: changes.finish_unmoved(record, "Completed", "it ended", RUN),
    JobEventKind.RESUBMITTED: lambda record: changes.resubmit(record, "train-e4", Role.SECONDARY, "moved", RUN),
    JobEventKind.SKIPPED: lambda record: changes.skip(record, "its policy is never", RUN),
    JobEventKind.WAITING: lambda record: changes.wait(record, "not mapped", RUN),
    JobEventKind.REFUSED: lambda record: changes.refuse(record, "no such cluster", RUN),
    JobEventKind.UNSURE: lambda record: changes.mark_unsure(record, ATTEMPT),
    JobEventKind.OLD_RUN_GONE: lambda record: changes.note_old_run(record, OldRun.GONE, "gone", RUN),
    JobEventKind.COMPLETED: lambda record: changes.note_assets(record, "kept", AT),
    JobEventKind.INCOMPLETE: lambda record: changes.note_assets(_incomplete(record), "no blob", AT),
}


def _incomplete(record: JobRecord) -> JobRecord:
    return msgspec.structs.replace(record, incomplete="no blob")


@pytest.mark.parametrize(("status", "event"), list(product(JobStatus, FUNCTIONS)))
def test_a_function_follows_its_rows_and_raises_elsewhere(status: JobStatus, event: JobEventKind) -> None:
    """No function writes a status that the table does not give."""
    row = TABLE.get((status, event))
    if row is None:
        with pytest.raises(IllegalChange):
            FUNCTIONS[event](job(status))
    else:
        assert FUNCTIONS[event](job(status)).status is row.to


@pytest.mark.parametrize("status", list(JobStatus))
def test_an_end_is_asked_for_once_and_remembered_as_a_field(status: JobStatus) -> None:
    """Whoever sees the end later knows that it was ours, without reading a sentence."""
    if (status, JobEventKind.STOPPING) not in TABLE or status is JobStatus.RESUBMITTED:
        return
    found = changes.ask_to_stop(job(status), "it goes on elsewhere", RUN)
    assert (found.status, found.stop_asked, found.epoch) == (status, True, 1)
    assert (found.history[-1].what, found.history[-1].epoch) == (JobEventKind.STOPPING, 4)


def test_what_a_run_decides_again_for_the_same_reason_adds_no_line() -> None:
    """A job that waits for long keeps a short history; its epoch and time go on all the same."""
    once = changes.wait(job(JobStatus.RUNNING), "not mapped", RUN)
    again = changes.wait(once, "not mapped", Acting(5, AT), retry_at=AT)
    assert (len(once.history), len(again.history)) == (1, 1)
    assert (again.epoch, again.retry_at) == (5, AT)


def test_a_job_that_is_given_up_for_a_time_keeps_its_attempts_and_each_once() -> None:
    """S5: the attempt is looked for later; two tries in one epoch are one attempt."""
    once = changes.give_up(changes.mark_unsure(job(JobStatus.RUNNING), ATTEMPT), "503", RUN, AT)
    again = changes.give_up(changes.mark_unsure(once, ATTEMPT), "504", RUN, AT)
    assert (once.status, once.tries, once.unsure) == (JobStatus.WAITING, 1, (ATTEMPT,))
    assert (again.tries, again.unsure) == (2, (ATTEMPT,))


def test_who_left_a_job_alone_is_a_field_and_ends_with_a_retry() -> None:
    """The sentence for people is made from it."""
    left = changes.leave(job(JobStatus.RUNNING), "ana", "cheap: repeat it", AT)
    assert (left.left_alone_by, left.left_alone_why) == ("ana", "cheap: repeat it")
    assert changes.describe_wish(left) == left.reason == "left alone, asked by ana: cheap: repeat it"
    back = changes.retry(left, "bob", "not so cheap", AT)
    assert (back.left_alone_by, changes.describe_wish(back)) == ("", "")


def test_a_submission_under_the_same_name_keeps_the_story() -> None:
    """Also that an end was asked for."""
    stopped = changes.ask_to_stop(job(JobStatus.SUBMITTING), "it goes on elsewhere", RUN)
    found = changes.write_ahead_again(stopped, job(JobStatus.SUBMITTING, priority=3))
    assert (found.status, found.priority, found.stop_asked) == (JobStatus.SUBMITTING, 3, True)
    with pytest.raises(IllegalChange):
        changes.write_ahead_again(job(JobStatus.RESUBMITTED), job(JobStatus.SUBMITTING))


def test_a_moved_job_answers_a_person_and_not_with_a_defect() -> None:
    """NotNow is a sentence for people."""
    for wish in (changes.retry, changes.leave):
        with pytest.raises(NotNow, match="train-e1"):
            wish(job(JobStatus.RESUBMITTED, successor="train-e1"), "ana", "why not", AT)
