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
    old_run: OldRunAnswer = field(default_factory=OldRunAnswer)
    hub_answers: bool = False
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
        JobFact.ASSETS: {"assets_made": True},
        JobFact.OLD_RUN: {"old_run": known.old_run},
        JobFact.HUB_ANSWERS: {"hub_answers": known.hub_answers},
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
    if facts.which is Try.AGAIN:
        mine = record.status in {JobStatus.WAITING, JobStatus.REFUSED}
    if not mine:
        return JobAction.NOTHING
    if facts.fault:
        return JobAction.TRY_LATER if facts.which is Try.FIRST else JobAction.GIVE_UP
    if [attempt for attempt in record.unsure if attempt in known.accepted]:
        return JobAction.ADOPT
    if record.policy is JobPolicy.NEVER or record.schedule:
        return JobAction.SKIP
    if record.deadline is not None and record.deadline < facts.now:
        return JobAction.SKIP
    if record.parent:
        return JobAction.SKIP if known.whole.known else JobAction.WAIT
    if record.name == record.root and record.name.rpartition("_")[2].isdigit() and known.whole.is_sweep:
        return JobAction.SKIP
    if record.identity == "user":
        return JobAction.WAIT
    for name in record.lineage:
        head = known.heads.get(name)
        if head is None:
            continue
        if head.status is JobStatus.RUNNING and head.hub is not facts.target:
            return JobAction.TRY_LATER
        if head.status is not JobStatus.FINISHED:
            return JobAction.WAIT
        if head.hub is facts.target and head.name != name and head.azure_status != "Completed":
            return JobAction.WAIT
    if known.unmapped:
        return JobAction.WAIT
    if known.absent and facts.absent_input == AbsentInput.WAIT:
        return JobAction.WAIT
    if facts.which is Try.AGAIN or facts.ordered:
        home, old = facts.source is facts.target, known.old_run
        if old.fault and (home or (facts.ordered and known.hub_answers)):
            return JobAction.TRY_LATER
        if old.status in {"Completed", "Failed", "Canceled"}:
            stopped = record.stop_asked and old.status != "Completed"
            with_hub = old.status == "Failed" and (
                facts.which is Try.AGAIN or (fell and word == "failed" and record.status is JobStatus.FINISHED)
            )
            if not stopped and not with_hub:
                return JobAction.FINISH
        elif old.status:
            return JobAction.STOP if facts.ordered and not home else JobAction.WAIT
    if known.answer.job is None:
        return JobAction.REFUSE
    tags = known.answer.job["properties"]["tags"]
    ours = tags == {"hubswitch.source": record.root, "hubswitch.epoch": str(facts.epoch)}
    return JobAction.RESUBMIT if ours else JobAction.WAIT


def facts_of(now: datetime, epoch: int, source: Role, target: Role, **more: Any) -> RunFacts:
    """Facts of the usual run: nobody ordered it, and its hub has been in doubt for ten minutes."""
    usual: dict[str, Any] = {"doubted_since": now - timedelta(minutes=10), "retry": timedelta(minutes=10)}
    return RunFacts(now=now, epoch=epoch, source=source, target=target, **usual | more)
