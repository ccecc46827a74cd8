"""What is to be done about one job, case by case: with its reason, and with whom it names.

That both deciders agree about *what* is done with any job of a run is in ``test_second_job_decider.py``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from job_books import facts_of, marks
from job_records import AT, job

from orchestrator.core.base.vocabulary import AbsentInput, JobPolicy, Role, Twin
from orchestrator.core.jobs.next_move import (
    Answer,
    CaptureFacts,
    JobAction,
    JobFact,
    JobMove,
    JobOutcome,
    OldRunAnswer,
    OldRunFacts,
    Producer,
    RunFacts,
    Submission,
    Try,
    Whole,
    find_remade,
    is_successor,
    lacks_assets,
    next_move,
    whole_of,
)
from orchestrator.core.jobs.record import Attempt, JobRecord, JobStatus, OldRun

PRIMARY, SECONDARY = Role.PRIMARY, Role.SECONDARY
RETRY = timedelta(minutes=10)


def run_of(**facts: Any) -> RunFacts:
    """A run at epoch 2 that moves jobs to the secondary, with everything looked up and nothing in the way."""
    known: dict[str, Any] = {
        "whole": Whole(known=False),
        "unmapped": "",
        "absent": "",
        "lacking": "",
        "assets_made": True,
        "old_run": OldRunAnswer(),
    }
    return facts_of(AT, facts.pop("epoch", 2), PRIMARY, facts.pop("target", SECONDARY), **known | facts)


# --- a run moves jobs ---------------------------------------------------------------------------------------------


def test_nothing_is_decided_about_a_record_that_is_gone() -> None:
    """It counts as finished."""
    found = next_move(None, run_of())
    assert (found.do, found.outcome, found.why) == (JobAction.NOTHING, JobOutcome.FINISHED, "its record is gone")


def test_a_job_with_nothing_in_its_way_is_submitted() -> None:
    """The answer is the next fact; its owner has nothing to do."""
    found = next_move(job(), run_of())
    assert found == JobMove(do=JobAction.SUBMIT)
    assert (found.needs_owner, found.given_up, found.cancel) == (False, False, None)


@pytest.mark.parametrize(
    ("status", "outcome", "given_up"),
    [
        (JobStatus.SKIPPED, JobOutcome.SKIPPED, False),
        (JobStatus.REFUSED, JobOutcome.REFUSED, False),
        (JobStatus.RESUBMITTED, JobOutcome.RESUBMITTED, False),
        (JobStatus.WAITING, JobOutcome.WAITING, True),
    ],
)
def test_what_this_step_has_decided_before_is_said_again(
    status: JobStatus, outcome: JobOutcome, *, given_up: bool
) -> None:
    """An interrupted step counts what it did before; only a job that waits was given up."""
    record = job(status, epoch=2, reason="because", tries=1)
    expected = JobMove(do=JobAction.NOTHING, outcome=outcome, why="because", given_up=given_up)
    assert next_move(record, run_of()) == expected


def test_a_job_that_waits_for_somebody_was_not_given_up() -> None:
    """No try at it has failed."""
    assert not next_move(job(JobStatus.WAITING, epoch=2, reason="its owner", tries=0), run_of()).given_up


def test_what_an_earlier_epoch_has_decided_is_left_as_it_is() -> None:
    """It counts as finished, whatever it was."""
    found = next_move(job(JobStatus.SKIPPED, epoch=1, reason="no"), run_of())
    assert (found.outcome, found.why) == (JobOutcome.FINISHED, "it was skipped in epoch 1")


def test_a_try_at_what_waits_leaves_alone_what_runs() -> None:
    """Somebody has moved it meanwhile."""
    found = next_move(job(JobStatus.RUNNING), run_of(which=Try.AGAIN))
    assert (found.do, found.outcome, found.why) == (JobAction.NOTHING, JobOutcome.FINISHED, "it is running")


@pytest.mark.parametrize(("tries", "minutes"), [(0, 10), (1, 20), (3, 80), (7, 1280), (8, 1440), (40, 1440)])
def test_the_pause_doubles_up_to_a_day(tries: int, minutes: int) -> None:
    """From the first pause that the policy names."""
    found = next_move(job(tries=tries), run_of(fault="503", which=Try.LAST))
    assert (found.do, found.retry_at) == (JobAction.GIVE_UP, AT + timedelta(minutes=minutes))
    assert (found.why, found.given_up) == ("given up for a time: 503", True)


def test_a_first_try_that_failed_is_repeated_soon() -> None:
    """With what went wrong."""
    assert next_move(job(), run_of(fault="503")) == JobMove(do=JobAction.TRY_LATER, why="503")


def test_unusable_input_waits_for_a_person() -> None:
    """No time is set for another try."""
    assert next_move(job(), run_of(broken="no checkpoint")) == JobMove(do=JobAction.WAIT, why="no checkpoint")


def test_a_refusal_is_told_in_the_words_of_azure() -> None:
    """With the side that refused."""
    found = next_move(job(), run_of(answer=Answer(refusal="no such compute")))
    assert found == JobMove(do=JobAction.REFUSE, why="the secondary refused it: no such compute")


def test_an_accepted_submission_is_noted_with_its_place() -> None:
    """Side and epoch of the attempt, and which input was absent."""
    found = next_move(job(), run_of(answer=Answer(job=marks("train", 2)), absent="rows is absent"))
    assert found.do is JobAction.RESUBMIT
    assert (found.attempt, found.why) == (Attempt(side=SECONDARY, epoch=2), "rows is absent")


def test_a_stranger_under_the_successors_name_is_no_successor() -> None:
    """The reason names it."""
    found = next_move(job(), run_of(answer=Answer(job=marks("other", 2))))
    assert found.do is JobAction.WAIT
    assert found.why == "a job named train-e2 that is not its successor exists in the secondary"


def test_each_doubtful_submission_is_asked_after() -> None:
    """The first is known to have gone nowhere, the second is next."""
    first, second = Attempt(side=SECONDARY, epoch=1), Attempt(side=SECONDARY, epoch=2)
    record = job(unsure=(first, second))
    assert next_move(record, run_of()) == JobMove(do=JobAction.ASK, ask=JobFact.SUBMISSION, attempt=first)
    nowhere = Submission(attempt=first, job=None)
    found = next_move(record, run_of(submissions=(nowhere,)))
    assert found == JobMove(do=JobAction.ASK, ask=JobFact.SUBMISSION, attempt=second)
    there = Submission(attempt=second, job=marks("train", 2))
    found = next_move(record, run_of(submissions=(nowhere, there)))
    assert found == JobMove(do=JobAction.ADOPT, attempt=second)


def test_a_submission_of_another_line_is_not_adopted() -> None:
    """Nor one of another epoch."""
    attempt = Attempt(side=SECONDARY, epoch=1)
    for shown in (marks("other", 1), marks("train", 2)):
        submissions = (Submission(attempt=attempt, job=shown),)
        assert next_move(job(unsure=(attempt,)), run_of(submissions=submissions)).do is JobAction.SUBMIT


def test_a_deadline_counts_to_its_second() -> None:
    """At the deadline it is not over, and before it even less."""
    assert next_move(job(deadline=AT), run_of()).do is JobAction.SUBMIT
    assert next_move(job(deadline=AT + timedelta(hours=1)), run_of()).do is JobAction.SUBMIT
    found = next_move(job(deadline=AT - timedelta(seconds=1)), run_of())
    assert found == JobMove(do=JobAction.SKIP, why="its deadline 2026-03-01 11:59:59Z has passed")


@pytest.mark.parametrize(
    ("fields", "whole", "do", "why"),
    [
        ({"parent": "pipe"}, None, JobAction.ASK, ""),
        ({"parent": "pipe"}, Whole(known=False), JobAction.WAIT, "it is a part of pipe, which is not in the ledger"),
        ({"parent": "pipe"}, Whole(known=True), JobAction.SKIP, "it is a part of pipe, which is dealt with as a whole"),
        ({"name": "s_3", "root": "s_3"}, None, JobAction.ASK, ""),
        (
            {"name": "s_3", "root": "s_3"},
            Whole(known=True, is_sweep=True),
            JobAction.SKIP,
            "it is a trial of s, which is dealt with as a whole",
        ),
        ({"name": "s_3", "root": "s_3"}, Whole(known=True), JobAction.SUBMIT, ""),
        ({"name": "s_3", "root": "s_3"}, Whole(known=False), JobAction.SUBMIT, ""),
        ({"name": "s_3-e1", "root": "s_3"}, None, JobAction.SUBMIT, ""),
        ({"name": "s_3", "root": "s"}, None, JobAction.SUBMIT, ""),
    ],
)
def test_a_part_goes_with_its_whole(fields: dict[str, Any], whole: Whole | None, do: JobAction, why: str) -> None:
    """A name like a trial's counts only for the first of its line, and only if the ledger knows that sweep."""
    found = next_move(job(**fields), run_of(whole=whole))
    assert (found.do, found.why) == (do, why)


def test_the_whole_of_a_job() -> None:
    """What it says itself comes before what its name looks like."""
    assert whole_of(job(parent="pipe", name="s_3", root="s_3")) == "pipe"
    assert whole_of(job(name="s_3", root="s_3")) == "s"
    assert whole_of(job()) == ""


@pytest.mark.parametrize(
    "fields", [{"identity": "user"}, {"body": {"properties": {"identity": {"identityType": "UserIdentity"}}}}]
)
def test_a_job_that_runs_as_its_user_waits_for_its_owner(fields: dict[str, Any]) -> None:
    """Whether its record says so or its body."""
    found = next_move(job(**fields), run_of())
    assert (found.do, found.needs_owner) == (JobAction.WAIT, True)


@pytest.mark.parametrize(
    ("head", "move"),
    [
        (None, JobMove(do=JobAction.SUBMIT)),
        (
            job(JobStatus.RUNNING, name="prep"),
            JobMove(do=JobAction.TRY_LATER, why="it needs the output of prep, which goes before it"),
        ),
        (
            job(JobStatus.RUNNING, name="prep-e2", hub=SECONDARY),
            JobMove(
                do=JobAction.WAIT,
                why="it needs the output of prep and waits until prep-e2 has completed in the secondary",
                retry_at=AT + RETRY,
            ),
        ),
        (
            job(JobStatus.SKIPPED, name="prep", reason="policy"),
            JobMove(
                do=JobAction.WAIT, why="it needs the output of prep, which is skipped: policy", retry_at=AT + RETRY
            ),
        ),
        (
            job(JobStatus.FINISHED, name="prep-e2", hub=SECONDARY, azure_status="Failed"),
            JobMove(do=JobAction.WAIT, why="it needs the output of prep; prep-e2 ended as Failed"),
        ),
        (
            job(JobStatus.FINISHED, name="prep-e2", hub=SECONDARY, azure_status="Completed"),
            JobMove(do=JobAction.SUBMIT),
        ),
        (job(JobStatus.FINISHED, name="prep-e2", azure_status="Failed"), JobMove(do=JobAction.SUBMIT)),
        (job(JobStatus.FINISHED, name="prep", hub=SECONDARY, azure_status="Failed"), JobMove(do=JobAction.SUBMIT)),
    ],
)
def test_a_job_waits_for_whom_it_reads(head: JobRecord | None, move: JobMove) -> None:
    """Until that job's successor has completed in the target; what ended in its own hub has left what it left."""
    producers = (Producer(name="prep", head=head),)
    assert next_move(job(lineage=("prep",)), run_of(producers=producers)) == move


def test_each_producer_is_asked_after() -> None:
    """One after another, also after one that the ledger does not have."""
    producers = (Producer(name="prep", head=None),)
    found = next_move(job(lineage=("prep", "split")), run_of(producers=producers))
    assert found == JobMove(do=JobAction.ASK, ask=JobFact.PRODUCER, producer="split")


def test_only_what_the_target_has_made_again_is_read_from_there() -> None:
    """Not what still runs at home, nor a job of the target itself."""
    heads = {
        "prep": job(JobStatus.FINISHED, name="prep-e2", hub=SECONDARY),
        "split": job(name="split-e1"),
        "own": job(JobStatus.FINISHED, name="own", hub=SECONDARY),
        "lost": None,
        "late-e9": job(JobStatus.FINISHED, name="late-e10", hub=SECONDARY),
    }
    producers = tuple(Producer(name=name, head=head) for name, head in heads.items())
    assert find_remade(run_of(producers=producers)) == {"prep": "prep-e2", "late-e9": "late-e10"}


def test_what_the_map_does_not_know_waits_for_a_person() -> None:
    """A body that is not known yet is asked for."""
    assert next_move(job(), run_of(unmapped=None)) == JobMove(do=JobAction.ASK, ask=JobFact.BODY)
    assert next_move(job(), run_of(unmapped="/x names y")) == JobMove(do=JobAction.WAIT, why="/x names y")


def test_an_absent_input_waits_unless_the_plan_wants_it_told() -> None:
    """With the time of the next try: data may arrive by itself."""
    assert next_move(job(), run_of(absent=None)) == JobMove(do=JobAction.ASK, ask=JobFact.INPUTS)
    found = next_move(job(), run_of(absent="rows is absent"))
    assert found == JobMove(do=JobAction.WAIT, why="rows is absent", retry_at=AT + RETRY)
    assert next_move(job(), run_of(absent="rows is absent", absent_input=AbsentInput.TELL)).do is JobAction.SUBMIT


def test_a_job_without_quota_waits_and_is_tried_again() -> None:
    """Before its assets are made: somebody may raise the quota, or free it."""
    assert next_move(job(), run_of(lacking=None)) == JobMove(do=JobAction.ASK, ask=JobFact.QUOTA)
    found = next_move(job(), run_of(lacking="it needs 44 cores", assets_made=False))
    assert found == JobMove(do=JobAction.WAIT, why="it needs 44 cores", retry_at=AT + RETRY)


def test_assets_are_made_for_another_side_only() -> None:
    """A job that goes on in its own hub has them."""
    assert next_move(job(), run_of(assets_made=False)) == JobMove(do=JobAction.ASK, ask=JobFact.ASSETS)
    assert next_move(job(), run_of(assets_made=False, target=PRIMARY)).do is JobAction.SUBMIT


def test_the_hub_of_an_outage_is_asked_nothing() -> None:
    """A person's order and a job that has waited are."""
    ask = JobMove(do=JobAction.ASK, ask=JobFact.OLD_RUN)
    assert next_move(job(), run_of(old_run=None)).do is JobAction.SUBMIT
    assert next_move(job(), run_of(old_run=None, ordered=True)) == ask
    assert next_move(job(JobStatus.WAITING), run_of(old_run=None, which=Try.AGAIN)) == ask


def test_a_hub_that_does_not_say_is_believed_well_only_if_it_answers() -> None:
    """A person ordered to leave it; where its management plane answers, the run is asked for again."""
    silent = OldRunAnswer(fault="503", retry_after=timedelta(seconds=7))
    ordered = run_of(ordered=True, old_run=silent)
    assert next_move(job(), ordered) == JobMove(do=JobAction.ASK, ask=JobFact.HUB_ANSWERS)
    later = JobMove(do=JobAction.TRY_LATER, why="503", retry_after=timedelta(seconds=7))
    assert next_move(job(), run_of(ordered=True, old_run=silent, hub_answers=True)) == later
    assert next_move(job(), run_of(ordered=True, old_run=silent, hub_answers=False)).do is JobAction.SUBMIT
    waited = job(JobStatus.WAITING)
    assert next_move(waited, run_of(which=Try.AGAIN, old_run=silent)).do is JobAction.SUBMIT
    assert next_move(waited, run_of(which=Try.AGAIN, old_run=silent, target=PRIMARY)) == later
    at_home = run_of(which=Try.AGAIN, old_run=silent, ordered=True, target=PRIMARY)
    assert next_move(waited, at_home) == later


@pytest.mark.parametrize(
    ("status", "cancel"),
    [
        ("Running", (PRIMARY, "train")),
        ("Analyzing", (PRIMARY, "train")),
        ("CancelRequested", None),
        ("cancelrequested", None),
    ],
)
def test_an_old_run_that_goes_on_is_stopped_once(status: str, cancel: tuple[Role, str] | None) -> None:
    """A run whose end is asked for already is not asked again."""
    found = next_move(job(), run_of(ordered=True, old_run=OldRunAnswer(status=status)))
    assert (found.do, found.cancel) == (JobAction.STOP, cancel)
    assert found.why == f"its end in the primary is not confirmed yet, it is {status} there"


def test_an_old_run_of_the_own_hub_is_waited_for() -> None:
    """Nobody ordered it to be left, so nobody stops it."""
    found = next_move(job(JobStatus.WAITING), run_of(which=Try.AGAIN, old_run=OldRunAnswer(status="Running")))
    assert found == JobMove(do=JobAction.WAIT, why="its old run is still Running in the primary", retry_at=AT + RETRY)


@pytest.mark.parametrize(
    ("fields", "status", "do"),
    [
        ({}, "Failed", JobAction.FINISH),
        ({}, "Canceled", JobAction.FINISH),
        ({}, "Completed", JobAction.FINISH),
        ({"stop_asked": True}, "Failed", JobAction.SUBMIT),
        ({"stop_asked": True}, "Canceled", JobAction.SUBMIT),
        ({"stop_asked": True}, "Completed", JobAction.FINISH),
    ],
)
def test_only_an_end_that_we_asked_for_is_followed(fields: dict[str, Any], status: str, do: JobAction) -> None:
    """What completed, or what somebody cancelled, is not submitted again."""
    found = next_move(job(**fields), run_of(ordered=True, old_run=OldRunAnswer(status=status)))
    assert found.do is do
    if do is JobAction.FINISH:
        assert (found.azure_status, found.why) == (status, f"it ended in the primary as {status}")


@pytest.mark.parametrize(("status", "do"), [("Failed", JobAction.SUBMIT), ("Canceled", JobAction.FINISH)])
def test_a_job_that_has_waited_follows_a_run_that_failed(status: str, do: JobAction) -> None:
    """It failed with its hub; one that somebody cancelled stays cancelled."""
    facts = run_of(which=Try.AGAIN, old_run=OldRunAnswer(status=status))
    assert next_move(job(JobStatus.WAITING), facts).do is do


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (marks("train", 2), True),
        (marks("train", 3), False),
        (marks("other", 2), False),
        ({}, False),
        ({"properties": None}, False),
        ({"properties": {"tags": None}}, False),
    ],
)
def test_a_successor_is_known_by_both_its_tags(shown: dict[str, Any], *, expected: bool) -> None:
    """A job without any is a stranger."""
    assert is_successor(shown, job(), 2) is expected


# --- a job is seen ------------------------------------------------------------------------------------------------


def shown_as(status: str, **tags: str) -> dict[str, Any]:
    return {"name": "train", "properties": {"status": status, "jobType": "Command", "tags": tags}}


def seen(record: JobRecord | None, **facts: Any) -> JobMove:
    return next_move(record, CaptureFacts(**{"now": AT, "side": PRIMARY} | facts))


ASK_JOB = JobMove(do=JobAction.ASK, ask=JobFact.JOB)
NOTHING = JobMove(do=JobAction.NOTHING)
LATER = JobMove(do=JobAction.TRY_LATER)


@pytest.mark.parametrize(
    ("record", "told", "move"),
    [
        (job(), "Running", NOTHING),
        (job(incomplete="no snapshot yet"), "Running", ASK_JOB),
        (job(), "", ASK_JOB),
        (job(), "Completed", ASK_JOB),
        (None, "Running", ASK_JOB),
        (job(JobStatus.SUBMITTING), "Running", ASK_JOB),
        (job(JobStatus.SUBMITTING, hub=SECONDARY), "Running", NOTHING),
    ],
)
def test_a_known_job_that_runs_costs_no_question(record: JobRecord | None, told: str, move: JobMove) -> None:
    """Any other is looked at."""
    assert seen(record, told=told) == move


@pytest.mark.parametrize(
    ("told", "move"),
    [
        ("Completed", JobMove(do=JobAction.FINISH, azure_status="Completed")),
        ("Canceled", JobMove(do=JobAction.FINISH, azure_status="Canceled")),
        ("Failed", LATER),
        ("Running", LATER),
        ("", LATER),
    ],
)
def test_a_hub_that_is_silent_is_asked_again_where_the_word_of_the_event_is_not_enough(
    told: str, move: JobMove
) -> None:
    """A job that failed may have failed with its hub."""
    assert seen(job(), told=told, asked=True, silent=True) == move


@pytest.mark.parametrize(
    ("record", "shown", "move"),
    [
        (None, shown_as("Running"), JobMove(do=JobAction.CAPTURE)),
        (None, shown_as("Completed"), NOTHING),
        (None, None, NOTHING),
        (None, shown_as("Running", **{"hubswitch.drill": "d1"}), NOTHING),
        (job(), None, NOTHING),
        (job(), shown_as("Running"), NOTHING),
        (job(incomplete="no snapshot yet"), shown_as("Running"), JobMove(do=JobAction.COMPLETE)),
        (job(JobStatus.FINISHED, incomplete="no snapshot yet"), shown_as("Running"), NOTHING),
        (job(hub=SECONDARY, incomplete="no snapshot yet"), shown_as("Running"), NOTHING),
        (job(hub=SECONDARY), shown_as("Completed"), NOTHING),
        (job(), shown_as("Completed"), JobMove(do=JobAction.FINISH, azure_status="Completed")),
        (job(), shown_as("Failed"), JobMove(do=JobAction.FINISH, azure_status="Failed")),
        (job(stop_asked=True), shown_as("Canceled"), NOTHING),
        (job(stop_asked=True), shown_as("Completed"), JobMove(do=JobAction.FINISH, azure_status="Completed")),
        (job(JobStatus.SKIPPED), shown_as("Completed"), NOTHING),
    ],
)
def test_what_a_hub_shows_is_captured_completed_or_ended(
    record: JobRecord | None, shown: dict[str, Any] | None, move: JobMove
) -> None:
    """A job of the other side, a canary of ours, and an end that we asked for are left as they are."""
    assert seen(record, asked=True, job=shown) == move


@pytest.mark.parametrize(
    ("hours", "facts", "move"),
    [
        (0, {}, ASK_JOB),
        (0, {"asked": True, "silent": True}, LATER),
        (0, {"asked": True, "job": shown_as("Running")}, JobMove(do=JobAction.SETTLE)),
        (0, {"asked": True}, NOTHING),
        (48, {"asked": True}, JobMove(do=JobAction.CLOSE, why="it never arrived in the primary")),
    ],
)
def test_a_job_that_was_written_down_ahead_is_settled(hours: int, facts: dict[str, Any], move: JobMove) -> None:
    """It may still arrive, until it is overdue."""
    assert seen(job(JobStatus.SUBMITTING, captured_at=AT - timedelta(hours=hours)), **facts) == move


def test_what_never_arrived_is_closed_once() -> None:
    """One that was closed is settled if it is there after all, and else left."""
    record = job(JobStatus.NOT_SUBMITTED, captured_at=AT - timedelta(hours=48))
    assert seen(record, asked=True) == NOTHING
    assert seen(record, asked=True, job=shown_as("Running")) == JobMove(do=JobAction.SETTLE)


def test_only_a_running_job_lacks_assets() -> None:
    """Of one that is over nothing is made any more."""
    assert lacks_assets(job(incomplete="no snapshot yet"))
    assert not lacks_assets(job())
    assert not lacks_assets(job(JobStatus.FINISHED, incomplete="no snapshot yet"))


# --- an old run ---------------------------------------------------------------------------------------------------

LEFT = job(JobStatus.RESUBMITTED, successor="train-e2", epoch=2)
SUCCESSOR = job(name="train-e2", hub=SECONDARY, epoch=2)


def left(status: str, record: JobRecord = LEFT, **facts: Any) -> JobMove:
    return next_move(record, OldRunFacts(**{"epoch": 2, "status": status, "twin": Twin.CANCEL} | facts))


def note(found: OldRun, why: str, cancel: tuple[Role, str] | None = None) -> JobMove:
    return JobMove(do=JobAction.NOTE_OLD_RUN, old_run=found, why=why, cancel=cancel)


def test_only_the_run_of_a_resubmitted_job_is_looked_at() -> None:
    """And only by the run of the epoch that acted on it last."""
    assert left("Running", record=job(epoch=2)) == NOTHING
    found = left("Running", epoch=1)
    assert found == JobMove(do=JobAction.STAND_BACK, why="train was acted on in epoch 2, this run is at 1")


@pytest.mark.parametrize(
    ("status", "stop_asked", "move"),
    [
        ("", False, note(OldRun.GONE, "the primary does not know it any more")),
        ("Failed", False, note(OldRun.ENDED, "its old run ended in the primary as Failed")),
        ("Canceled", True, note(OldRun.STOPPED, "its old run ended in the primary as Canceled")),
    ],
)
def test_how_an_old_run_ended_is_noted(status: str, *, stop_asked: bool, move: JobMove) -> None:
    """Whether we stopped it or not."""
    assert left(status, record=job(JobStatus.RESUBMITTED, epoch=2, stop_asked=stop_asked)) == move


def test_work_that_was_done_twice_is_the_plans_to_decide() -> None:
    """The successor is kept or cancelled; one that has ended is neither."""
    done = "its old run completed in the primary"
    known_before = job(JobStatus.RESUBMITTED, successor="train-e2", epoch=2, ended_at=AT)
    assert left("Completed", record=known_before) == note(OldRun.ENDED, done)
    assert left("completed", twin=Twin.KEEP) == note(OldRun.COMPLETED, f"{done}; train-e2 is kept")
    assert left("Completed") == JobMove(do=JobAction.ASK, ask=JobFact.SUCCESSOR)
    found = left("Completed", successor_read=True, successor=SUCCESSOR)
    assert found == note(OldRun.COMPLETED, f"{done}; train-e2 is cancelled", (SECONDARY, "train-e2"))


@pytest.mark.parametrize(
    "successor",
    [
        None,
        job(JobStatus.FINISHED, name="train-e2", hub=SECONDARY),
        job(name="train-e2", root="another", hub=SECONDARY),
        job(name="train-e2", root="a-root-before", hub=SECONDARY),
        job(name="train-e2", hub=PRIMARY),
    ],
)
def test_a_job_of_another_line_or_of_the_same_hub_is_never_cancelled(successor: JobRecord | None) -> None:
    """Nor one that has ended."""
    found = left("Completed", successor_read=True, successor=successor)
    why = "its old run completed in the primary; train-e2 had ended, too"
    assert found == note(OldRun.COMPLETED, why)


@pytest.mark.parametrize(
    ("status", "cancel"),
    [
        ("Running", (PRIMARY, "train")),
        ("Analyzing", (PRIMARY, "train")),
        ("CancelRequested", None),
        ("cancelrequested", None),
    ],
)
def test_an_old_run_is_stopped_beside_a_successor_that_goes_on(status: str, cancel: tuple[Role, str] | None) -> None:
    """Once."""
    found = left(status, successor_read=True, successor=SUCCESSOR, job_read=True, job=marks("train", 2))
    assert found == note(OldRun.STOPPING, f"its old run was still {status} in the primary, beside train-e2", cancel)


@pytest.mark.parametrize(
    ("facts", "do"),
    [
        ({}, JobAction.ASK),
        ({"successor_read": True}, JobAction.NOTHING),
        ({"successor_read": True, "successor": job(name="x", root="x", hub=SECONDARY)}, JobAction.NOTHING),
        ({"successor_read": True, "successor": SUCCESSOR}, JobAction.ASK),
        ({"successor_read": True, "successor": SUCCESSOR, "job_read": True}, JobAction.NOTHING),
        (
            {
                "successor_read": True,
                "successor": job(JobStatus.RESUBMITTED, name="train-e2", hub=SECONDARY),
            },
            JobAction.NOTE_OLD_RUN,
        ),
    ],
)
def test_the_last_run_of_a_line_is_never_stopped(facts: dict[str, Any], do: JobAction) -> None:
    """Its successor is there by its hub's own word, or has itself been followed by one."""
    assert left("Running", **facts).do is do


@pytest.mark.parametrize(
    ("epoch", "status", "do"),
    [
        (1, "Running", JobAction.NOTE_OLD_RUN),
        (2, "Completed", JobAction.NOTE_OLD_RUN),
        (2, "Failed", JobAction.NOTHING),
        (2, "canceled", JobAction.NOTHING),
        (3, "Running", JobAction.NOTHING),
        (0, "Running", JobAction.NOTHING),
    ],
)
def test_a_successor_goes_on_if_it_is_of_an_epoch_that_was(epoch: int, status: str, do: JobAction) -> None:
    """And has not ended badly."""
    shown = marks("train", epoch)
    shown["properties"]["status"] = status
    assert left("Running", successor_read=True, successor=SUCCESSOR, job_read=True, job=shown).do is do


def test_a_job_that_is_never_to_be_moved_is_skipped() -> None:
    """Whoever asked for it."""
    found = next_move(job(policy=JobPolicy.NEVER), run_of())
    assert (found.do, found.why) == (JobAction.SKIP, "its policy is never")
    found = next_move(job(schedule="nightly"), run_of())
    assert found.why == "it is a run of the schedule nightly, whose next run is its own"
