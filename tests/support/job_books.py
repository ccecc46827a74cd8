"""A deliberately dumb second decider for jobs: everything is known beforehand, and one list of questions is walked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from orchestrator.core.base.vocabulary import AbsentInput, JobPolicy, Role
from orchestrator.core.jobs.next_move import (
    Answer,
    JobAction,
    JobFact,
    JobMove,
    OldRunAnswer,
    Producer,
    RunFacts,
    Submission,
    Try,
    Whole,
    next_move,
)
from orchestrator.core.jobs.record import Attempt, JobRecord, JobStatus


@dataclass
class Known:
    """Everything that a run could look up about a job."""

    whole: Whole = field(default_factory=lambda: Whole(known=False))
    accepted: tuple[Attempt, ...] = ()
    """Submissions of earlier epochs that a hub shows."""

    heads: dict[str, JobRecord] = field(default_factory=dict)
    unmapped: str = ""
    absent: str = ""
    lacking: str = ""
    old_run: OldRunAnswer = field(default_factory=OldRunAnswer)
    hub_answers: bool = False
    target_answers: bool = True
    answer: Answer = field(default_factory=lambda: Answer(refusal="no such compute"))


def marks(root: str, epoch: int) -> dict[str, Any]:
    """A job as a hub shows it, with the tags of a successor."""
    return {"properties": {"status": "Running", "tags": {"hubswitch.source": root, "hubswitch.epoch": str(epoch)}}}


def decide(record: JobRecord, facts: RunFacts, known: Known) -> tuple[JobMove, RunFacts]:
    """What ``next_move`` comes to when every fact that it asks for is looked up."""
    for _ in range(50):
        move = next_move(record, facts)
        if move.do is not JobAction.ASK:
            if move.do is not JobAction.SUBMIT:
                return move, facts
            facts = msgspec.structs.replace(facts, answer=known.answer)
            continue
        facts = msgspec.structs.replace(facts, **look_up(record, facts, known, move))
    raise AssertionError(f"it never stops asking: {move}")


def look_up(record: JobRecord, facts: RunFacts, known: Known, move: JobMove) -> dict[str, Any]:
    """The fact that a move asks for, as a field of the facts."""
    if move.ask is JobFact.SUBMISSION and move.attempt:
        job = marks(record.root, move.attempt.epoch) if move.attempt in known.accepted else None
        return {"submissions": (*facts.submissions, Submission(attempt=move.attempt, job=job))}
    if move.ask is JobFact.PRODUCER:
        head = known.heads.get(move.producer)
        return {"producers": (*facts.producers, Producer(name=move.producer, head=head))}
    simple: dict[JobFact | None, dict[str, Any]] = {
        JobFact.WHOLE: {"whole": known.whole},
        JobFact.BODY: {"unmapped": known.unmapped},
        JobFact.INPUTS: {"absent": known.absent},
        JobFact.QUOTA: {"lacking": known.lacking},
        JobFact.ASSETS: {"assets_made": True},
        JobFact.OLD_RUN: {"old_run": known.old_run},
        JobFact.HUB_ANSWERS: {"hub_answers": known.hub_answers},
        JobFact.TARGET: {"target_answers": known.target_answers},
    }
    return simple[move.ask]


def expect(record: JobRecord, facts: RunFacts, known: Known) -> JobAction:  # noqa: C901 - dumb on purpose
    """What should be done with the job, by the words of the docs."""
    word = record.azure_status.lower()
    if record.epoch > facts.epoch:
        return JobAction.NOTHING if facts.fault else JobAction.STAND_BACK
    fell = record.status is JobStatus.FINISHED and record.ended_at is not None
    fell = fell and record.ended_at >= facts.doubted_since  # type: ignore[operator]
    mine = record.status in {JobStatus.RUNNING, JobStatus.SUBMITTING}
    mine = mine or (fell and word == "failed")
    mine = mine or (fell and word == "completed" and record.policy is JobPolicy.ALWAYS)
    mine = mine or (record.status is JobStatus.FINISHED and record.stop_asked and word in {"failed", "canceled"})
    under_way = record.status in {JobStatus.RUNNING, JobStatus.SUBMITTING}
    waited = record.status in {JobStatus.WAITING, JobStatus.REFUSED}
    left = facts.graceful and under_way and not record.stop_asked
    wait = JobAction.STAY if left else JobAction.WAIT
    if facts.which is Try.AGAIN:
        mine = waited or (facts.graceful and under_way and record.hub is not facts.target)
    if not mine:
        return JobAction.NOTHING
    if facts.fault and facts.which is not Try.FIRST:
        return JobAction.STAY if left else JobAction.GIVE_UP
    if facts.fault:
        return JobAction.TRY_LATER
    if [attempt for attempt in record.unsure if attempt in known.accepted]:
        return JobAction.ADOPT
    if record.policy is JobPolicy.NEVER or record.schedule:
        return JobAction.SKIP
    if record.deadline is not None and record.deadline < facts.now:
        return JobAction.SKIP
    if record.parent:
        return JobAction.SKIP if known.whole.known else wait
    if record.name == record.root and record.name.rpartition("_")[2].isdigit() and known.whole.is_sweep:
        return JobAction.SKIP
    if left:
        word = known.old_run.status
        if known.old_run.fault:
            return JobAction.TRY_LATER
        if word in {"Completed", "Failed", "Canceled"}:
            return JobAction.FINISH
        if word == "CancelRequested" or (not word and record.status is JobStatus.SUBMITTING):
            return JobAction.STAY
        if word == "Running" and _wants_to_stay(record, facts):
            return JobAction.STAY
        wait = JobAction.STAY if word else JobAction.WAIT
    if record.identity == "user":
        return wait
    for name in record.lineage:
        head = known.heads.get(name)
        if head is None:
            continue
        head_stays = facts.graceful and head.epoch == facts.epoch and not head.stop_asked
        if head.status is JobStatus.RUNNING and head.hub is not facts.target and not head_stays:
            return JobAction.TRY_LATER
        if head.status is not JobStatus.FINISHED:
            return wait
        if head.hub is facts.target and head.name != name and head.azure_status != "Completed":
            return wait
    if known.unmapped:
        return wait
    if known.absent and facts.absent_input == AbsentInput.WAIT:
        return wait
    if known.lacking:
        return wait
    if facts.which is Try.AGAIN or facts.ordered or facts.graceful:
        home, old = facts.source is facts.target, known.old_run
        if old.fault and (home or facts.graceful or (facts.ordered and known.hub_answers)):
            return JobAction.TRY_LATER
        if old.status in {"Completed", "Failed", "Canceled"}:
            stopped = record.stop_asked and old.status != "Completed"
            with_hub = old.status == "Failed" and (
                (facts.which is Try.AGAIN and waited)
                or (fell and word == "failed" and record.status is JobStatus.FINISHED)
            )
            if not stopped and not with_hub:
                return JobAction.FINISH
        elif old.status:
            stoppable = facts.ordered or (facts.graceful and (under_way or record.stop_asked))
            if not stoppable or home:
                return wait
            return JobAction.STAY if left and not known.target_answers else JobAction.STOP
    if known.answer.job is None:
        return JobAction.REFUSE
    tags = known.answer.job["properties"]["tags"]
    ours = tags == {"hubswitch.source": record.root, "hubswitch.epoch": str(facts.epoch)}
    return JobAction.RESUBMIT if ours else JobAction.WAIT


def _wants_to_stay(record: JobRecord, facts: RunFacts) -> bool:
    """Whether plan or tag leave a job that runs where it is; a tag that nobody understands does."""
    wish = record.body["properties"].get("tags", {}).get("hubswitch.failback", facts.left_job.value)
    until = facts.stays_until
    return wish not in {"move", "deadline"} or (wish == "deadline" and until is not None and facts.now < until)


def facts_of(now: datetime, epoch: int, source: Role, target: Role, **more: Any) -> RunFacts:
    """Facts of the usual run: nobody ordered it, and its hub has been in doubt for ten minutes."""
    usual: dict[str, Any] = {"doubted_since": now - timedelta(minutes=10), "retry": timedelta(minutes=10)}
    return RunFacts(now=now, epoch=epoch, source=source, target=target, **usual | more)
