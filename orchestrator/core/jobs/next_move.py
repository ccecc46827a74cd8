"""What is to be done about one job now: ``next_move(record, facts) -> JobMove``. Pure; activities carry it out.

There are three occasions, each with its own facts: a run that moves jobs away from a side (``RunFacts``), an event or a
list that shows a job (``CaptureFacts``), and the old run that a resubmitted job left behind (``OldRunFacts``).

Facts cost calls, so they are gathered one after another: a move ``ask`` names the fact that is needed next. Whoever
carries it out adds that fact and asks again, with the same record and the same time.

Danger: once the target has accepted a submission, the result must be ``resubmit``. So the answer is checked first,
before every reason not to submit, and neither record nor time are read anew once a decision has begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.text import format_time
from orchestrator.core.base.vocabulary import AbsentInput, JobPolicy, LeftJob, Role, Twin
from orchestrator.core.jobs import tags
from orchestrator.core.jobs.azure_status import has_begun, has_ended, is_ours, status_of
from orchestrator.core.jobs.record import (
    Attempt,
    JobRecord,
    JobStatus,
    OldRun,
    fell_with_its_region,
    is_interrupted,
    successor_name,
)
from orchestrator.core.jobs.record_changes import OPEN, TRIED_AGAIN, UNSETTLED, describe_wish, is_overdue

LONGEST_RETRY = timedelta(days=1)
"""The longest pause between two tries at a job that was given up for a time. The pause doubles up to it."""

STOP_PAUSE = timedelta(minutes=1)
"""Pause before a job that was stopped after a planned switch is looked at again, ``STOP_LOOKS`` times."""

STOP_LOOKS = 10

AS_USER = "it runs as its user, whom no managed identity can stand in for; its owner must submit it"


class JobOutcome(StrEnum):
    """What became of one job in a step of a run. Each but the last is an outcome of the ledger."""

    RESUBMITTED = "resubmitted"
    SKIPPED = "skipped"
    WAITING = "waiting"
    REFUSED = "refused"
    FINISHED = "finished"
    STAYING = "staying"
    """It goes on in the hub that the run has left: that is well."""

    PENDING = "pending"


class Try(StrEnum):
    """Which try at a job this is."""

    FIRST = "first"
    """More tries follow soon."""

    LAST = "last"
    """What cannot be done now waits."""

    AGAIN = "again"
    """The job has waited; as with the last try, what cannot be done goes on waiting."""


class JobAction(StrEnum):
    """What is to be done."""

    ASK = "ask"
    """Look up the fact that ``ask`` names, then decide again."""

    NOTHING = "nothing"
    STAND_BACK = "stand_back"
    """A newer epoch has acted on the job: this run must stop."""

    SUBMIT = "submit"
    """Put the successor; its answer is the next fact."""

    RESUBMIT = "resubmit"
    """The successor was accepted: write its record, then the job's."""

    ADOPT = "adopt"
    """The same for the submission of an earlier epoch, ``attempt``."""

    SKIP = "skip"
    WAIT = "wait"
    REFUSE = "refuse"
    FINISH = "finish"
    STOP = "stop"
    """Note that its end is asked for, unless that is noted; cancel it, unless it is being cancelled; then try later."""

    STAY = "stay"
    """Leave it where it goes on."""

    TRY_LATER = "try_later"
    GIVE_UP = "give_up"
    """Wait, and count the try."""

    CAPTURE = "capture"
    SETTLE = "settle"
    CLOSE = "close"
    """The job never arrived in its hub."""

    COMPLETE = "complete"
    """Keep and make what it lacks."""

    NOTE_OLD_RUN = "note_old_run"


class JobFact(StrEnum):
    """What a decision may need to know besides the record."""

    WHOLE = "whole"
    """The pipeline or sweep that the job is a part of."""

    SUBMISSION = "submission"
    """What the hub of ``attempt`` shows under the successor's name of that epoch."""

    PRODUCER = "producer"
    """The newest successor of the job ``producer``, whose output this one reads."""

    BODY = "body"
    """The body as the target will accept it."""

    INPUTS = "inputs"
    """Which inputs of that body are known to be absent in the target."""

    QUOTA = "quota"
    """Which quota of cores of the target the body needs more of than others leave."""

    ASSETS = "assets"
    """The job's assets, made in the target."""

    OLD_RUN = "old_run"
    """Azure ML's word for the run that is left."""

    HUB_ANSWERS = "hub_answers"
    """Whether the management plane of the hub that is left answers at all."""

    TARGET = "target"
    """Whether the management plane of the target answers, before a run is stopped for it."""

    JOB = "job"
    """The job as its hub shows it."""

    SUCCESSOR = "successor"
    """The record of the successor."""

    SUCCESSOR_JOB = "successor_job"
    """The successor as its hub shows it."""


class Whole(Value, kw_only=True):
    """What the ledger has of the job that another one is, or may be, a part of."""

    known: bool
    is_sweep: bool = False


class Submission(Value, kw_only=True):
    """What a hub shows under the name of an earlier submission; None: it does not know that name."""

    attempt: Attempt
    job: dict[str, Any] | None


class Producer(Value, kw_only=True):
    """A job whose output is read, and the record of its newest successor; None: the ledger does not have it."""

    name: str
    head: JobRecord | None


class OldRunAnswer(Value, kw_only=True):
    """What the hub that is left says of the old run."""

    status: str = ""
    """Azure ML's word; empty: it does not know the job, or it did not answer."""

    fault: str = ""
    """Why it could not be asked."""

    retry_after: timedelta | None = None


class Answer(Value, kw_only=True):
    """What the target says to a submission."""

    job: dict[str, Any] | None = None
    refusal: str = ""
    """Its words, if it refused."""


class RunFacts(Value, kw_only=True):
    """What is known when a run acts on a job. A fact that is None has not been looked up."""

    now: datetime
    epoch: int
    source: Role
    target: Role
    """The same as ``source`` for a job that waited for its own hub to become active again."""

    ordered: bool = False
    """A person ordered the switch: the hub that is left may be well."""

    graceful: bool = False
    """The hub that is left is well: nothing of it is taken for interrupted, and nothing is submitted elsewhere before
    its run there is known to be over. ``left_job`` says what becomes of a job that runs."""

    ungraceful: bool = False
    """Of such a switch: a person wants what runs there to be moved at once, as by a failover that is ordered."""

    left_job: LeftJob = LeftJob.FINISH
    """What the plan wants of a job that runs in a hub that is left although it is well; a tag of the job may differ."""

    stays_until: datetime | None = None
    """When a job is moved that was to stay until a deadline."""

    doubted_since: datetime
    which: Try = Try.FIRST
    retry: timedelta
    """Pause before the first new try of a job that waits."""

    whole: Whole | None = None
    submissions: tuple[Submission, ...] = ()
    producers: tuple[Producer, ...] = ()
    unmapped: str | None = None
    """What of the body the map does not know; empty: nothing."""

    absent: str | None = None
    """Which inputs are absent in the target; empty: none is known to be. What cannot be asked is not absent."""

    absent_input: AbsentInput = AbsentInput.WAIT
    """What the plan wants of a job whose input is absent."""

    lacking: str | None = None
    """Which quota the target lacks for the job; empty: none, as far as is known."""

    assets_made: bool = False
    old_run: OldRunAnswer | None = None
    hub_answers: bool | None = None
    target_answers: bool | None = None
    answer: Answer | None = None
    broken: str = ""
    """Why input of the job, or an asset of it, is unusable."""

    fault: str = ""
    """Why the last try failed; something passing."""


class CaptureFacts(Value, kw_only=True):
    """What is known when an event or a list shows a job."""

    now: datetime
    side: Role
    told: str = ""
    """Azure ML's word in the event; empty if no event told of the job."""

    asked: bool = False
    job: dict[str, Any] | None = None
    """As its hub shows it. None after asking: the hub does not know it, or did not answer."""

    silent: bool = False
    """The hub did not answer."""


class OldRunFacts(Value, kw_only=True):
    """What is known of the run that a resubmitted job left behind."""

    epoch: int
    status: str
    """Azure ML's word; empty: its hub does not know it."""

    twin: Twin
    """What the plan wants if the old run has completed after all."""

    successor_read: bool = False
    successor: JobRecord | None = None
    job_read: bool = False
    job: dict[str, Any] | None = None
    """The successor as its hub shows it."""


type Facts = RunFacts | CaptureFacts | OldRunFacts


class JobMove(Value, kw_only=True):
    """What is to be done about a job, and why."""

    do: JobAction
    why: str = ""
    outcome: JobOutcome | None = None
    """What is counted for a move ``nothing`` of a run."""

    given_up: bool = False
    ask: JobFact | None = None
    attempt: Attempt | None = None
    producer: str = ""
    retry_at: datetime | None = None
    retry_after: timedelta | None = None
    azure_status: str = ""
    needs_owner: bool = False
    old_run: OldRun = OldRun.UNKNOWN
    cancel: tuple[Role, str] | None = None
    """A run to be cancelled, by side and name."""


def next_move(record: JobRecord | None, facts: Facts) -> JobMove:
    """What is to be done about a job.

    Args:
        record: as it was read from the ledger; None only when a job is seen that has none.
        facts: what is known so far.
    """
    if isinstance(facts, CaptureFacts):
        return _decide_capture(record, facts)
    if record is None:
        return JobMove(do=JobAction.NOTHING, outcome=JobOutcome.FINISHED, why="its record is gone")
    if isinstance(facts, OldRunFacts):
        return _decide_old_run(record, facts)
    return _decide_run(record, facts)


# --- a run moves jobs ---------------------------------------------------------------------------------------------


def _decide_run(record: JobRecord, facts: RunFacts) -> JobMove:
    move = _decide_moving(record, facts)
    goes_on = facts.graceful and _is_left_running(record) and (facts.old_run is None or facts.old_run.status)
    if goes_on and move.do in {JobAction.WAIT, JobAction.GIVE_UP}:
        why = f"it stays in the {record.hub}: {move.why}"
        return JobMove(
            do=JobAction.STAY,
            why=why,
            retry_at=move.retry_at,
            given_up=move.given_up,
            needs_owner=move.needs_owner,
        )
    return move


def _is_left_running(record: JobRecord) -> bool:
    """Whether a job goes on in its hub, as far as the ledger knows, and nobody of us has stopped it."""
    return record.status in OPEN and not record.stop_asked


def _decide_moving(record: JobRecord, facts: RunFacts) -> JobMove:
    if record.epoch > facts.epoch and facts.fault:
        return JobMove(
            do=JobAction.NOTHING, outcome=JobOutcome.FINISHED, why=f"{record.name}: somebody else has dealt with it"
        )
    if record.epoch > facts.epoch:
        why = f"{record.name} was acted on in epoch {record.epoch}, this run is at {facts.epoch}"
        return JobMove(do=JobAction.STAND_BACK, why=why)
    decided = _recall(record, facts)
    if decided:
        return decided
    if facts.fault:
        return _give_up(record, facts)
    if facts.broken:
        return JobMove(do=JobAction.WAIT, why=facts.broken)
    if facts.answer:
        return _read_answer(record, facts, facts.answer)
    return next(_moves(record, facts))


def _moves(record: JobRecord, facts: RunFacts) -> Iterator[JobMove]:
    """The reasons not to submit, in the order in which they count, each only if it stands; then the submission.

    Danger: what was submitted before comes first. No wish or deadline undoes a job that runs.
    """
    yield from _check_submissions(record, facts)
    yield from _check_wish(record, facts)
    yield from _check_whole(record, facts)
    yield from _check_leaving(record, facts)
    if record.identity == "user" or tags.runs_as_user(record.body):
        yield JobMove(do=JobAction.WAIT, why=AS_USER, needs_owner=True)
    yield from _check_producers(record, facts)
    if facts.unmapped is None:
        yield JobMove(do=JobAction.ASK, ask=JobFact.BODY)
    elif facts.unmapped:
        yield JobMove(do=JobAction.WAIT, why=facts.unmapped)
    yield from _check_inputs(facts)
    yield from _check_quota(facts)
    if facts.source is not facts.target and not facts.assets_made:
        yield JobMove(do=JobAction.ASK, ask=JobFact.ASSETS)
    if facts.which is Try.AGAIN or facts.ordered or facts.graceful:
        yield from _check_old_run(record, facts)
    yield JobMove(do=JobAction.SUBMIT)


def _recall(record: JobRecord, facts: RunFacts) -> JobMove | None:
    """What was decided about a job before: by an interrupted try of this step, or by the job's own end."""
    if facts.which is Try.AGAIN:
        left = facts.graceful and record.status in OPEN and record.hub is not facts.target
        return None if record.status in TRIED_AGAIN or left else _repeat_outcome(record)
    if is_interrupted(record, facts.doubted_since):
        return None
    if record.status is JobStatus.FINISHED and is_asked_end(record, record.azure_status):
        return None
    if record.status is JobStatus.FINISHED:
        return JobMove(do=JobAction.NOTHING, outcome=JobOutcome.FINISHED, why="it ended before it could be moved")
    if record.epoch != facts.epoch:
        why = f"it was {record.status} in epoch {record.epoch}"
        return JobMove(do=JobAction.NOTHING, outcome=JobOutcome.FINISHED, why=why)
    return _repeat_outcome(record)


def _repeat_outcome(record: JobRecord) -> JobMove:
    """The outcome that a record shows. A job that runs, or is about to, is not this run's business."""
    try:
        outcome = JobOutcome(record.status.value)
    except ValueError:
        return JobMove(do=JobAction.NOTHING, outcome=JobOutcome.FINISHED, why=f"it is {record.status}")
    given_up = outcome is JobOutcome.WAITING and record.tries > 0
    return JobMove(do=JobAction.NOTHING, outcome=outcome, why=record.reason, given_up=given_up)


def _give_up(record: JobRecord, facts: RunFacts) -> JobMove:
    if facts.which is Try.FIRST:
        return JobMove(do=JobAction.TRY_LATER, why=facts.fault)
    tries = record.tries
    if facts.graceful and facts.which is Try.AGAIN and record.stop_asked:
        tries -= STOP_LOOKS
    pause = min(facts.retry * 2 ** min(tries, 16), LONGEST_RETRY) if tries >= 0 else min(STOP_PAUSE, facts.retry)
    why = f"given up for a time: {facts.fault}"
    return JobMove(do=JobAction.GIVE_UP, why=why, retry_at=facts.now + pause, given_up=True)


def _read_answer(record: JobRecord, facts: RunFacts, answer: Answer) -> JobMove:
    if answer.job is None:
        return JobMove(do=JobAction.REFUSE, why=f"the {facts.target} refused it: {answer.refusal}")
    if not is_successor(answer.job, record, facts.epoch):
        name = successor_name(record.root, facts.epoch)
        return JobMove(
            do=JobAction.WAIT, why=f"a job named {name} that is not its successor exists in the {facts.target}"
        )
    attempt = Attempt(side=facts.target, epoch=facts.epoch)
    return JobMove(do=JobAction.RESUBMIT, attempt=attempt, why=facts.absent or "")


def _check_wish(record: JobRecord, facts: RunFacts) -> Iterator[JobMove]:
    if record.policy is JobPolicy.NEVER:
        yield JobMove(do=JobAction.SKIP, why=describe_wish(record) or "its policy is never")
    if record.schedule:
        yield JobMove(
            do=JobAction.SKIP, why=f"it is a run of the schedule {record.schedule}, whose next run is its own"
        )
    if record.deadline and facts.now > record.deadline:
        yield JobMove(do=JobAction.SKIP, why=f"its deadline {record.deadline:%Y-%m-%d %H:%M:%SZ} has passed")


def whole_of(record: JobRecord) -> str:
    """The job that this one is a part of, or may be a trial of; empty if it stands for itself."""
    return record.parent or (tags.sweep_of(record.name) if record.name == record.root else "")


def _check_whole(record: JobRecord, facts: RunFacts) -> Iterator[JobMove]:
    """A part goes with its whole. A name like a trial's counts only if the ledger knows that sweep."""
    name = whole_of(record)
    if not name:
        return
    if facts.whole is None:
        yield JobMove(do=JobAction.ASK, ask=JobFact.WHOLE)
    elif record.parent and not facts.whole.known:
        yield JobMove(do=JobAction.WAIT, why=f"it is a part of {name}, which is not in the ledger")
    elif record.parent:
        yield JobMove(do=JobAction.SKIP, why=f"it is a part of {name}, which is dealt with as a whole")
    elif facts.whole.is_sweep:
        yield JobMove(do=JobAction.SKIP, why=f"it is a trial of {name}, which is dealt with as a whole")


def _check_submissions(record: JobRecord, facts: RunFacts) -> Iterator[JobMove]:
    """A submission may have been accepted, although its answer did not arrive."""
    seen = {submission.attempt: submission.job for submission in facts.submissions}
    for attempt in record.unsure:
        if attempt not in seen:
            yield JobMove(do=JobAction.ASK, ask=JobFact.SUBMISSION, attempt=attempt)
            return
        job = seen[attempt]
        if job is not None and is_successor(job, record, attempt.epoch):
            yield JobMove(do=JobAction.ADOPT, attempt=attempt)


def _check_producers(record: JobRecord, facts: RunFacts) -> Iterator[JobMove]:
    """A job whose input another job has yet to make again waits for it."""
    known = {producer.name: producer.head for producer in facts.producers}
    for name in record.lineage:
        if name not in known:
            yield JobMove(do=JobAction.ASK, ask=JobFact.PRODUCER, producer=name)
            return
        head = known[name]
        if head is None:
            continue
        stays = facts.graceful and head.epoch == facts.epoch and not head.stop_asked
        if head.status is JobStatus.RUNNING and head.hub is not facts.target and not stays:
            yield JobMove(do=JobAction.TRY_LATER, why=f"it needs the output of {name}, which goes before it")
        if head.status is not JobStatus.FINISHED:
            yield JobMove(do=JobAction.WAIT, why=_because_of(name, head), retry_at=facts.now + facts.retry)
        if head.hub is facts.target and head.name != name and head.azure_status.casefold() != "completed":
            why = f"it needs the output of {name}; {head.name} ended as {head.azure_status}"
            yield JobMove(do=JobAction.WAIT, why=why)


def _check_inputs(facts: RunFacts) -> Iterator[JobMove]:
    """A job that finds no input fails after it was counted as resubmitted: it waits, unless the plan wants it told."""
    if facts.absent is None:
        yield JobMove(do=JobAction.ASK, ask=JobFact.INPUTS)
    elif facts.absent and facts.absent_input is AbsentInput.WAIT:
        yield JobMove(do=JobAction.WAIT, why=facts.absent, retry_at=facts.now + facts.retry)


def _check_quota(facts: RunFacts) -> Iterator[JobMove]:
    """A job whose cluster cannot get its nodes would be accepted, and stand in the queue without an end."""
    if facts.lacking is None:
        yield JobMove(do=JobAction.ASK, ask=JobFact.QUOTA)
    elif facts.lacking:
        yield JobMove(do=JobAction.WAIT, why=facts.lacking, retry_at=facts.now + facts.retry)


def _because_of(name: str, head: JobRecord) -> str:
    if head.status is JobStatus.RUNNING:
        return f"it needs the output of {name} and waits until {head.name} has completed in the {head.hub}"
    return f"it needs the output of {name}, which is {head.status}: {head.reason}"


def find_remade(facts: RunFacts) -> dict[str, str]:
    """Jobs whose outputs are read -> the jobs of the target that have made them again."""
    heads = {producer.name: producer.head for producer in facts.producers if producer.head}
    return {name: head.name for name, head in heads.items() if head.hub is facts.target and head.name != name}


def _check_leaving(record: JobRecord, facts: RunFacts) -> Iterator[JobMove]:
    """A job of a hub that is left although it is well: what has ended there has ended, and what runs may stay."""
    old = facts.old_run
    if not facts.graceful or not _is_left_running(record):
        return
    if old is None:
        yield JobMove(do=JobAction.ASK, ask=JobFact.OLD_RUN)
    elif old.fault:
        if not facts.ungraceful:
            yield JobMove(do=JobAction.TRY_LATER, why=old.fault, retry_after=old.retry_after)
    elif not old.status and record.status is JobStatus.SUBMITTING:
        why = f"whether the {record.hub} has it is not known yet"
        yield JobMove(do=JobAction.STAY, why=why, retry_at=facts.now + facts.retry)
    elif has_ended(old.status):
        if not (facts.ungraceful and _may_follow(record, facts, old.status)):
            why = f"it ended in the {record.hub} as {old.status}"
            yield JobMove(do=JobAction.FINISH, why=why, azure_status=old.status)
    elif old.status.casefold() == "cancelrequested":
        yield JobMove(do=JobAction.STAY, why=f"somebody is cancelling it in the {record.hub}")
    elif old.status and has_begun(old.status) and not facts.ungraceful:
        yield from _check_running(record, facts)


def _check_running(record: JobRecord, facts: RunFacts) -> Iterator[JobMove]:
    """Whether a job that runs is to stay. A tag that is not understood throws no work away."""
    try:
        wish, fault = tags.left_job_of(record.body, facts.left_job), ""
    except InvalidInput as unknown:
        wish, fault = LeftJob.FINISH, f"; {unknown}"
    if wish is LeftJob.FINISH:
        why = f"it runs in the {record.hub} and stays there until it ends{fault}"
        yield JobMove(do=JobAction.STAY, why=why)
    elif wish is LeftJob.DEADLINE and facts.stays_until and facts.now < facts.stays_until:
        why = f"it runs in the {record.hub} and stays there until it ends, or until {format_time(facts.stays_until)}"
        yield JobMove(do=JobAction.STAY, why=why, retry_at=facts.stays_until)


def _check_old_run(record: JobRecord, facts: RunFacts) -> Iterator[JobMove]:
    """The old run must be over where that can be known, so that the job does not run in two hubs.

    An outage's first run asks nothing: the hub that is left does not answer, and its jobs have stopped. Asked are
    the hub that a person orders to be left, which may be well, and the hub of a job that has waited. A hub that is
    left because it is well is asked until it answers, or until a person waits no longer, and nothing is stopped there
    while the target does not answer.
    """
    old, is_home = facts.old_run, facts.source is facts.target
    if old is None:
        yield JobMove(do=JobAction.ASK, ask=JobFact.OLD_RUN)
        return
    is_pressed = facts.ordered or facts.ungraceful
    if old.fault and not is_home and is_pressed and facts.hub_answers is None:
        yield JobMove(do=JobAction.ASK, ask=JobFact.HUB_ANSWERS)
    is_patient = facts.graceful and not facts.ungraceful
    if old.fault and (is_home or is_patient or (is_pressed and facts.hub_answers)):
        yield JobMove(do=JobAction.TRY_LATER, why=old.fault, retry_after=old.retry_after)
    if not old.status:
        return
    if has_ended(old.status):
        if not _may_follow(record, facts, old.status):
            why = f"it ended in the {record.hub} as {old.status}"
            yield JobMove(do=JobAction.FINISH, why=why, azure_status=old.status)
    elif _is_to_be_stopped(record, facts) and not is_home:
        yield from _check_target(record, facts)
        cancel = None if old.status.casefold() == "cancelrequested" else (record.hub, record.name)
        why = f"its end in the {record.hub} is not confirmed yet, it is {old.status} there"
        yield JobMove(do=JobAction.STOP, why=why, cancel=cancel)
    else:
        why = f"its old run is still {old.status} in the {record.hub}"
        yield JobMove(do=JobAction.WAIT, why=why, retry_at=facts.now + facts.retry)


def _is_to_be_stopped(record: JobRecord, facts: RunFacts) -> bool:
    return facts.ordered or (facts.graceful and (record.status in OPEN or record.stop_asked))


def _check_target(record: JobRecord, facts: RunFacts) -> Iterator[JobMove]:
    """Danger: a job that is stopped for a side that has fallen ill again runs nowhere. It stays where it is well."""
    if not facts.graceful or record.stop_asked:
        return
    if facts.target_answers is None:
        yield JobMove(do=JobAction.ASK, ask=JobFact.TARGET)
    elif not facts.target_answers:
        why = f"it stays in the {record.hub}, for the {facts.target} does not answer now"
        yield JobMove(do=JobAction.STAY, why=why, retry_at=facts.now + facts.retry, given_up=True)


def _may_follow(record: JobRecord, facts: RunFacts, status: str) -> bool:
    """Whether a job may be submitted again although its old run has ended: we stopped it, or it failed with its hub.

    One that completed, or that somebody cancelled, is not submitted again.
    """
    if is_asked_end(record, status):
        return True
    again = facts.which is Try.AGAIN and record.status in TRIED_AGAIN
    return status.casefold() == "failed" and (again or fell_with_its_region(record, facts.doubted_since))


def is_asked_end(record: JobRecord, status: str) -> bool:
    """Whether an end in Azure ML's words is the one that we asked for: the job is to go on elsewhere."""
    return record.stop_asked and has_ended(status) and status.casefold() != "completed"


def is_successor(job: dict[str, Any], record: JobRecord, epoch: int) -> bool:
    """Whether a job that a hub shows continues a record's line in an epoch, by its tags."""
    found = (job.get("properties") or {}).get("tags") or {}
    return (found.get(tags.SOURCE_TAG), found.get(tags.EPOCH_TAG)) == (record.root, str(epoch))


# --- a job is seen ------------------------------------------------------------------------------------------------


def _decide_capture(record: JobRecord | None, facts: CaptureFacts) -> JobMove:
    """A job that ran by the event's word and is in the ledger needs no question.

    One that completed by the event's word is believed when its hub cannot be asked; one that failed is not, for it may
    have failed with its hub.
    """
    if record and record.status in UNSETTLED and record.hub is facts.side:
        return _decide_settling(record, facts)
    if not facts.asked:
        is_known = record and facts.told and not has_ended(facts.told) and not record.incomplete
        return JobMove(do=JobAction.NOTHING) if is_known else JobMove(do=JobAction.ASK, ask=JobFact.JOB)
    if facts.silent:
        believed = has_ended(facts.told) and facts.told.casefold() != "failed"
        return _finish(record, facts.told) if believed else JobMove(do=JobAction.TRY_LATER)
    if facts.job is None or is_ours(facts.job) or (record and record.hub is not facts.side):
        return JobMove(do=JobAction.NOTHING)
    if has_ended(status_of(facts.job)):
        return _finish(record, status_of(facts.job))
    if record is None:
        return JobMove(do=JobAction.CAPTURE)
    return JobMove(do=JobAction.COMPLETE if lacks_assets(record) else JobAction.NOTHING)


def _decide_settling(record: JobRecord, facts: CaptureFacts) -> JobMove:
    """Of a job that was written down ahead; one that may still arrive is left alone."""
    if not facts.asked:
        return JobMove(do=JobAction.ASK, ask=JobFact.JOB)
    if facts.silent:
        return JobMove(do=JobAction.TRY_LATER)
    if facts.job is not None:
        return JobMove(do=JobAction.SETTLE)
    if record.status is JobStatus.SUBMITTING and is_overdue(record, facts.now):
        return JobMove(do=JobAction.CLOSE, why=f"it never arrived in the {record.hub}")
    return JobMove(do=JobAction.NOTHING)


def _finish(record: JobRecord | None, status: str) -> JobMove:
    if record is None or record.status is not JobStatus.RUNNING or is_asked_end(record, status):
        return JobMove(do=JobAction.NOTHING)
    return JobMove(do=JobAction.FINISH, azure_status=status)


def lacks_assets(record: JobRecord) -> bool:
    """Whether something that a running job needs has yet to be kept or made on the other side."""
    return bool(record.incomplete) and record.status is JobStatus.RUNNING


# --- an old run ---------------------------------------------------------------------------------------------------


def _decide_old_run(record: JobRecord, facts: OldRunFacts) -> JobMove:
    """Only the run of a job whose successor was accepted is ever stopped; never the last of a line."""
    if record.status is not JobStatus.RESUBMITTED:
        return JobMove(do=JobAction.NOTHING)
    if record.epoch > facts.epoch:
        why = f"{record.name} was acted on in epoch {record.epoch}, this run is at {facts.epoch}"
        return JobMove(do=JobAction.STAND_BACK, why=why)
    if not facts.status:
        return _note(OldRun.GONE, f"the {record.hub} does not know it any more")
    if facts.status.casefold() == "completed":
        return _decide_completed(record, facts)
    if has_ended(facts.status):
        became = OldRun.STOPPED if record.stop_asked else OldRun.ENDED
        return _note(became, f"its old run ended in the {record.hub} as {facts.status}")
    goes_on = _successor_goes_on(record, facts)
    if isinstance(goes_on, JobMove):
        return goes_on
    if not goes_on:
        return JobMove(do=JobAction.NOTHING, why="its successor does not run")
    cancel = None if facts.status.casefold() == "cancelrequested" else (record.hub, record.name)
    why = f"its old run was still {facts.status} in the {record.hub}, beside {record.successor}"
    return _note(OldRun.STOPPING, why, cancel)


def _note(found: OldRun, why: str, cancel: tuple[Role, str] | None = None) -> JobMove:
    return JobMove(do=JobAction.NOTE_OLD_RUN, old_run=found, why=why, cancel=cancel)


def _decide_completed(record: JobRecord, facts: OldRunFacts) -> JobMove:
    """The work was done after all. Unless it was known when the successor was submitted, the plan decides."""
    why = f"its old run completed in the {record.hub}"
    if record.ended_at is not None:
        return _note(OldRun.ENDED, why)
    if facts.twin is Twin.KEEP:
        return _note(OldRun.COMPLETED, f"{why}; {record.successor} is kept")
    if not facts.successor_read:
        return JobMove(do=JobAction.ASK, ask=JobFact.SUCCESSOR)
    twin = _twin(record, facts)
    if twin is None or twin.status is not JobStatus.RUNNING:
        return _note(OldRun.COMPLETED, f"{why}; {record.successor} had ended, too")
    return _note(OldRun.COMPLETED, f"{why}; {twin.name} is cancelled", (twin.hub, twin.name))


def _successor_goes_on(record: JobRecord, facts: OldRunFacts) -> bool | JobMove:
    """Whether the successor was accepted, by its hub's own word, and has not ended badly."""
    if not facts.successor_read:
        return JobMove(do=JobAction.ASK, ask=JobFact.SUCCESSOR)
    twin = _twin(record, facts)
    if twin is None:
        return False
    if twin.status is JobStatus.RESUBMITTED:
        return True
    if not facts.job_read:
        return JobMove(do=JobAction.ASK, ask=JobFact.SUCCESSOR_JOB)
    if facts.job is None:
        return False
    job = facts.job
    ours = any(is_successor(job, record, epoch) for epoch in range(1, facts.epoch + 1))
    return ours and status_of(job).casefold() not in {"failed", "canceled"}


def _twin(record: JobRecord, facts: OldRunFacts) -> JobRecord | None:
    """The successor's record, if it is one of this line in the other hub."""
    twin = facts.successor
    return twin if twin and twin.root == record.root and twin.hub is not record.hub else None
