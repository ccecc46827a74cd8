"""The table of a job's record: whole, reachable, refusing what is not in it, and obeyed by every function."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import msgspec
import pytest
from job_records import AT, job
from job_world import PLAN

from orchestrator.core.base.errors import NotNow, PermanentError
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs import record_changes as changes
from orchestrator.core.jobs.record import Attempt, JobEventKind, JobRecord, JobStatus, OldRun
from orchestrator.core.jobs.record_changes import ROWS, TABLE, Acting, IllegalChange, as_mermaid, next_status

RUN = Acting(epoch=4, now=AT + timedelta(minutes=5))
ATTEMPT = Attempt(side=Role.SECONDARY, epoch=4)
_S = JobStatus


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


# --- what each function writes ------------------------------------------------------------------------------------


def shown(status: str = "Running", **tags: str) -> dict[str, Any]:
    return {"properties": {"jobType": "Command", "status": status, "tags": tags}}


def write(**tags: str) -> JobRecord:
    made = {"name": "train", "body": shown(**tags), "api_version": "v", "now": AT, "by": "submit"}
    return changes.write_ahead(PLAN, Role.SECONDARY, **made)  # type: ignore[arg-type]


def test_a_job_is_written_down_ahead_of_its_submission() -> None:
    """Under its own line, with what its tags want, and nothing of it kept yet."""
    found = write(**{"hubswitch.policy": "always", "hubswitch.priority": "7"})
    assert (found.name, found.root, found.hub, found.status) == ("train", "train", Role.SECONDARY, _S.SUBMITTING)
    assert (found.policy, found.priority, found.captured_at) == (JobPolicy.ALWAYS, 7, AT)
    assert (found.incomplete, found.azure_status) == (changes.NOT_KEPT, "")
    (line,) = found.history
    assert (line.what, line.why, line.epoch) == (JobEventKind.SUBMITTING, "by submit, to the secondary", 0)


def test_a_tag_that_is_not_understood_leaves_the_default_and_says_so() -> None:
    """For a job that is submitted, and for one that is seen."""
    tags = {"hubswitch.policy": "sometimes", "hubswitch.priority": "7"}
    captured = changes.capture(PLAN, Role.PRIMARY, name="train", job=shown(**tags), api_version="v", now=AT)
    for found in (write(**tags), captured):
        assert (found.policy, found.priority) == (JobPolicy.IF_INTERRUPTED, 0)
        assert found.history[-1].what is JobEventKind.TAG_NOT_UNDERSTOOD
        assert "hubswitch.policy" in found.history[-1].why


def test_a_job_that_is_seen_is_captured_in_its_line() -> None:
    """A successor that is seen before its record is written belongs to the job that it continues."""
    tags = {"hubswitch.source": "train", "hubswitch.epoch": "2"}
    found = changes.capture(PLAN, Role.SECONDARY, name="train-e2", job=shown(**tags), api_version="v", now=AT)
    assert (found.root, found.epoch, found.status, found.azure_status) == ("train", 2, _S.RUNNING, "Running")
    (line,) = found.history
    assert (line.what, line.why, line.epoch) == (JobEventKind.CAPTURED, "Running in the secondary", 2)


@pytest.mark.parametrize("status", ["Running", "Failed"])
def test_a_job_that_its_hub_shows_is_settled(status: str) -> None:
    """With the hub's body; one that has ended meanwhile is finished at once."""
    before = job(_S.SUBMITTING, ended_at=AT, reason="x", azure_status="")
    found = changes.settle(PLAN, before, shown(status), RUN.now)
    assert (found.azure_status, found.body, found.captured_at) == (status, shown(status), AT)
    assert (found.incomplete, found.history[-1].why) == (changes.NOT_KEPT, f"{status} in the primary")
    ended = (_S.FINISHED, RUN.now, "it ended in Azure ML as Failed")
    assert (found.status, found.ended_at, found.reason) == (ended if status == "Failed" else (_S.RUNNING, None, ""))


def test_an_end_is_noted_with_its_time_and_its_word() -> None:
    """As an event told it, and as a run found it."""
    told = changes.finish(job(), "Failed", RUN.now)
    assert (told.status, told.azure_status, told.ended_at) == (_S.FINISHED, "Failed", RUN.now)
    assert (told.reason, told.history[-1].why) == ("it ended in Azure ML as Failed", "Failed")
    found = changes.finish_unmoved(job(), "Canceled", "it ended", RUN)
    assert (found.azure_status, found.ended_at, found.epoch) == ("Canceled", RUN.now, 4)
    assert changes.finish_unmoved(job(), "", "it ended", RUN).azure_status == "Running"


@pytest.mark.parametrize(
    ("fields", "side", "old_run"),
    [
        ({}, Role.SECONDARY, OldRun.UNKNOWN),
        ({}, Role.PRIMARY, OldRun.ENDED),
        ({"ended_at": AT}, Role.SECONDARY, OldRun.ENDED),
    ],
)
def test_a_resubmitted_job_says_whether_its_old_run_is_over(fields: Any, side: Role, old_run: OldRun) -> None:
    """It is if its end was noted, or if its own hub has taken the successor."""
    found = changes.resubmit(job(**fields), "train-e4", side, "moved", RUN)
    assert (found.successor, found.old_run, found.epoch, found.reason) == ("train-e4", old_run, 4, "moved")
    adopted = changes.adopt(job(**fields), "train-e3", Attempt(side=side, epoch=3), "moved", RUN)
    assert (adopted.successor, adopted.old_run, adopted.epoch) == ("train-e3", old_run, 4)


def test_a_successor_inherits_what_its_owner_wants() -> None:
    """And is a record of the epoch that writes it, captured now."""
    before = job(policy=JobPolicy.ALWAYS, priority=3, lineage=("prep",), deadline=AT, identity="managed")
    attempt = Attempt(side=Role.SECONDARY, epoch=3)
    found = changes.begin_successor(before, "train-e3", attempt, RUN, closure=(), answer=shown("Queued"))
    assert (found.root, found.hub, found.status, found.epoch) == ("train", Role.SECONDARY, _S.RUNNING, 4)
    assert (found.policy, found.priority, found.lineage) == (JobPolicy.ALWAYS, 3, ("prep",))
    assert (found.deadline, found.identity, found.azure_status) == (AT, "managed", "Queued")
    assert (found.captured_at, found.incomplete) == (RUN.now, "")
    (line,) = found.history
    assert (line.what, line.why, line.epoch) == (JobEventKind.SUBMITTED, "continues train", 3)


@pytest.mark.parametrize(
    ("found", "asked_before", "asked"),
    [(OldRun.STOPPING, False, True), (OldRun.ENDED, False, False), (OldRun.STOPPED, True, True)],
)
def test_what_is_found_of_an_old_run_is_noted(found: OldRun, *, asked_before: bool, asked: bool) -> None:
    """That its end was asked for is never forgotten."""
    record = job(_S.RESUBMITTED, stop_asked=asked_before)
    after = changes.note_old_run(record, found, "because", RUN)
    assert (after.old_run, after.stop_asked) == (found, asked)
    assert (after.history[-1].epoch, after.epoch) == (4, 1)


@pytest.mark.parametrize(("status", "found"), [(_S.RUNNING, OldRun.GONE), (_S.RESUBMITTED, OldRun.UNKNOWN)])
def test_only_a_resubmitted_job_has_an_old_run_to_note(status: JobStatus, found: OldRun) -> None:
    """And only what was found out is noted."""
    with pytest.raises(IllegalChange, match="its old run cannot be noted"):
        changes.note_old_run(job(status), found, "because", RUN)


def test_the_same_decision_in_other_words_is_another_line() -> None:
    """Only the same status for the same reason adds none; a decision ends the wait for the next try."""
    once = changes.wait(job(), "not mapped", RUN, retry_at=AT)
    again = changes.wait(once, "no quota", RUN)
    assert ([line.why for line in again.history], again.retry_at) == (["not mapped", "no quota"], None)
    refused = changes.refuse(once, "not mapped", RUN)
    assert [line.what for line in refused.history] == [JobEventKind.WAITING, JobEventKind.REFUSED]


def test_a_submission_is_overdue_once_its_grace_is_over() -> None:
    """Until then it may still arrive, and nobody may try again."""
    record = job(_S.SUBMITTING)
    assert not changes.is_overdue(record, AT + changes.GRACE)
    assert changes.is_overdue(record, AT + changes.GRACE + timedelta(microseconds=1))
    with pytest.raises(NotNow, match="nothing to try again"):
        changes.retry(record, "ana", "why not", AT + changes.GRACE)


def test_a_wish_says_who_why_and_against_what() -> None:
    """In the history and as the reason."""
    found = changes.retry(job(_S.WAITING), "ana", "mended", AT)
    assert (found.reason, found.history[-1].why) == ("to be tried again, as ana asked: mended", "asked by ana: mended")
    never = changes.retry(job(_S.SKIPPED, policy=JobPolicy.NEVER), "ana", "mended", AT)
    assert never.history[-1].why == "asked by ana: mended (its policy was never)"
    running = changes.retry(job(policy=JobPolicy.NEVER), "ana", "dear", AT)
    assert running.reason == "it will be moved if its hub is left, as ana asked: dear"
    assert changes.retry(job(_S.WAITING, policy=JobPolicy.ALWAYS), "ana", "mended", AT).policy is JobPolicy.ALWAYS


@pytest.mark.parametrize(
    ("status", "side", "why"),
    [
        (_S.RUNNING, Role.PRIMARY, ""),
        (_S.RUNNING, Role.SECONDARY, "the ledger has train as a job of the primary (running)"),
        (_S.NOT_SUBMITTED, Role.SECONDARY, ""),
        (_S.NOT_SUBMITTED, Role.PRIMARY, ""),
        (_S.RESUBMITTED, Role.PRIMARY, "train was moved, and continues as train-e2"),
        (_S.RESUBMITTED, Role.SECONDARY, "the ledger has train as a job of the primary (resubmitted)"),
    ],
)
def test_a_name_belongs_to_one_job_in_one_hub(status: JobStatus, side: Role, why: str) -> None:
    """Only one that no hub has taken may go anywhere."""
    assert changes.why_not(job(status, successor="train-e2"), side) == why


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (1, "differs in /properties/p0; choose"),
        (3, "differs in /properties/p0, /properties/p1, /properties/p2; choose"),
        (4, "differs in /properties/p0, /properties/p1, /properties/p2 and 1 more; choose"),
    ],
)
def test_another_job_under_the_name_is_refused_with_the_fields(fields: int, named: str) -> None:
    """Not for a name that no hub has taken."""
    stored, sent = ({"properties": {f"p{number}": word for number in range(fields)}} for word in ("old", "new"))
    with pytest.raises(changes.NameInUse, match=re.escape(named)):
        changes.check_same(job(body=stored), sent)
    changes.check_same(job(body=stored), stored)
    changes.check_same(job(_S.NOT_SUBMITTED, body=stored), sent)
