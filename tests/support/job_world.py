"""A small world in which jobs are played: two hubs, a ledger, and the steps that carry out moves, with kills in them.

The books are kept apart from the code under test: what each hub has accepted is written down where it happens, and
``judge`` compares it with the ledger by rules of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from job_books import facts_of, marks

from orchestrator.core.base.vocabulary import AbsentInput, JobPolicy, LeftJob, Role, Twin
from orchestrator.core.jobs import next_move as decider
from orchestrator.core.jobs import record_changes as changes
from orchestrator.core.jobs.azure_status import has_ended
from orchestrator.core.jobs.next_move import (
    Answer,
    CaptureFacts,
    JobAction,
    JobFact,
    JobMove,
    OldRunAnswer,
    OldRunFacts,
    Producer,
    RunFacts,
    Submission,
    Try,
    Whole,
)
from orchestrator.core.jobs.record import Attempt, JobRecord, JobStatus, OldRun, is_interrupted, successor_name
from orchestrator.core.jobs.record_changes import Acting
from orchestrator.core.plan.schema import Hub, LedgerAccount, Plan, Pointer


def _hub(region: str) -> Hub:
    return Hub(
        region=region,
        subscription="s",
        resource_group=region,
        hub=region,
        project=region,
        api=f"https://{region}.api.azureml.ms",
    )


PLAN = Plan(
    schema=1,
    pair="a",
    primary=_hub("north"),
    secondary=_hub("south"),
    pointer=Pointer(endpoint="https://x.azconfig.io"),
    ledger=LedgerAccount(account="https://l.blob.core.windows.net"),
)

OUTCOMES = {
    JobStatus.RESUBMITTED,
    JobStatus.SKIPPED,
    JobStatus.WAITING,
    JobStatus.REFUSED,
    JobStatus.FINISHED,
    JobStatus.NOT_SUBMITTED,
}


ABSENT = "nothing lies at rows"
"""What the facts say of an input that is absent."""


class Line(StrEnum):
    """What becomes of a submission on its way, or of the process that sends it."""

    GOOD = "good"
    CALL_LOST = "call lost"
    ANSWER_LOST = "answer lost"
    THROTTLED = "throttled"
    REFUSED = "refused"
    KILLED_AFTER_PUT = "killed after put"
    KILLED_AFTER_SUCCESSOR = "killed after the successor's record"
    KILLED_BEFORE_CANCEL = "killed before the cancellation"


KILLS = {Line.KILLED_AFTER_PUT, Line.KILLED_AFTER_SUCCESSOR, Line.KILLED_BEFORE_CANCEL}


class Killed(Exception):
    """The process died at this point."""


class Later(Exception):
    """Something passing; the step is to be tried again."""


@dataclass
class Run:
    """A run on its way: who acts, on which jobs, and since when the hub was in doubt."""

    epoch: int
    source: Role
    ordered: bool
    doubted_since: datetime
    graceful: bool = False
    stays_until: datetime | None = None
    manifest: set[str] = field(default_factory=set)


@dataclass
class JobWorld:
    """Everything there is."""

    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    active: Role = Role.PRIMARY
    epoch: int = 0
    run: Run | None = None
    ledger: dict[str, JobRecord] = field(default_factory=dict)
    hubs: dict[Role, dict[str, dict[str, Any]]] = field(default_factory=lambda: {role: {} for role in Role})
    silent: set[Role] = field(default_factory=set)
    doubted: dict[Role, datetime] = field(default_factory=dict)
    continued: dict[str, list[str]] = field(default_factory=dict)
    """Successors that hubs have accepted, by the name of the job that each continues."""

    absent_input: AbsentInput = AbsentInput.WAIT
    """What the plan wants of jobs whose input is absent."""

    left_job: LeftJob = LeftJob.FINISH
    """What the plan wants of jobs that run on a side that is left although it is well."""

    planned: Run | None = None
    """The last switch, if it was a planned one."""

    lacking: set[tuple[Role, str]] = field(default_factory=set)
    """Inputs that are known to be absent: the side, and the root of the job that reads them."""

    trouble: list[str] = field(default_factory=list)
    """What went wrong, by the rules of the books."""

    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    # --- the ledger: every write is checked by rules of its own ---------------------------------------------------

    def write(self, after: JobRecord) -> None:
        before = self.ledger.get(after.name)
        if before is not None:
            self.trouble += [f"forbidden: {after.name}: {said}" for said in forbidden(before, after)]
            self.trouble += [
                f"forbidden: {after.name}: the submission {attempt} is there, and forgotten"
                for attempt in set(before.unsure) - set(after.unsure)
                if after.status is not JobStatus.RESUBMITTED
                and successor_name(after.root, attempt.epoch) in self.hubs[attempt.side]
            ]
        self.ledger[after.name] = after

    # --- the hubs -------------------------------------------------------------------------------------------------

    def status(self, side: Role, name: str) -> str:
        job = self.hubs[side].get(name)
        return job["properties"]["status"] if job else ""

    def set_status(self, side: Role, name: str, status: str) -> None:
        job = self.hubs[side][name]
        self.hubs[side][name] = {**job, "properties": {**job["properties"], "status": status}}

    def put(self, side: Role, name: str, job: dict[str, Any], continues: str = "") -> dict[str, Any]:
        """A second PUT of a name is the same job."""
        if name not in self.hubs[side]:
            self.hubs[side][name] = job
            if continues:
                self.continued.setdefault(continues, []).append(name)
        return self.hubs[side][name]

    # --- a job comes into being -----------------------------------------------------------------------------------

    def submit(self, name: str, policy: JobPolicy, dies_at: int) -> None:
        """Through hubswitch: written ahead, put, completed. Its program may die before the second or third."""
        if name in self.ledger or name in self.hubs[Role.PRIMARY] or name in self.hubs[Role.SECONDARY]:
            return
        side = self.active
        body = {"properties": {"jobType": "Command", "tags": {"hubswitch.policy": policy.value}}}
        self.write(changes.write_ahead(PLAN, side, name=name, body=body, api_version="v", now=self.now, by="a program"))
        if dies_at == 0 or side in self.silent:
            return
        self.put(side, name, {"properties": {**body["properties"], "status": "Running"}})
        if dies_at > 1:
            self.see(side, name, "")

    # --- an event or a list shows a job ---------------------------------------------------------------------------

    def see(self, side: Role, name: str, told: str) -> None:
        record = self.ledger.get(name)
        facts = CaptureFacts(now=self.now, side=side, told=told)
        move = decider.next_move(record, facts)
        if move.do is JobAction.ASK:
            silent = side in self.silent
            job = None if silent else self.hubs[side].get(name)
            facts = msgspec.structs.replace(facts, asked=True, silent=silent, job=job)
            move = decider.next_move(record, facts)
        if move.do is JobAction.CAPTURE and facts.job:
            self.count("captured")
            self.write(changes.capture(PLAN, side, name=name, job=facts.job, api_version="v", now=self.now))
        elif record and move.do is JobAction.SETTLE and facts.job:
            self.count("settled")
            self.write(changes.settle(PLAN, record, facts.job, self.now))
        elif record and move.do is JobAction.CLOSE:
            self.count("never arrived")
            self.write(changes.close_unsubmitted(record, move.why, self.now))
        elif record and move.do is JobAction.FINISH:
            self.count("finished")
            self.write(changes.finish(record, move.azure_status, self.now))

    # --- a run ----------------------------------------------------------------------------------------------------

    def switch(self, ordered: bool, *, graceful: bool = False) -> None:
        """A run claims the next epoch. None begins while another is under way."""
        if self.run:
            return
        source = self.active
        since = datetime.max.replace(tzinfo=UTC) if graceful else self.doubted.get(source, self.now)
        self.epoch, self.active = self.epoch + 1, source.other
        self.run = Run(self.epoch, source, ordered, since, graceful, self.now + timedelta(hours=4))
        self.planned = self.run if graceful else None
        self.count(f"switch {self.epoch}")
        if graceful:
            self.count("planned switches")

    def interrupted(self, run: Run) -> set[str]:
        return {
            name
            for name, record in self.ledger.items()
            if record.hub is run.source and is_interrupted(record, run.doubted_since)
        }

    def step(self, line: Line) -> None:
        """One try at every job of the run's round."""
        if self.run is None:
            return
        self.run.manifest |= choose(self.interrupted(self.run))
        for name in sorted(self.run.manifest):
            self.act(name, self.run, Try.FIRST, line)

    def end_run(self, line: Line = Line.GOOD) -> None:
        """The last tries, until a round finds nothing. A run that was killed on the way is resumed over a good line."""
        run = self.run
        if run is None:
            return
        for now in (line, line, Line.GOOD if line in KILLS else line):
            run.manifest |= choose(self.interrupted(run))
            for name in sorted(run.manifest):
                self.act(name, run, Try.LAST, now)
        self.run = None
        self.count("runs ended")
        for name in sorted(self.interrupted(run) - run.manifest):
            self.trouble.append(f"lost: {name} was interrupted and no run has dealt with it")
        for name in sorted(run.manifest):
            record = self.ledger[name]
            if run.graceful and record.status in changes.OPEN and not record.stop_asked and record.epoch == run.epoch:
                self.count("stays")
                if not record.reason:
                    self.trouble.append(f"untold: {name} stays without a reason")
            elif record.status not in OUTCOMES:
                self.trouble.append(f"lost: {name} is {record.status} after the run of epoch {run.epoch}")
            elif not record.reason:
                self.trouble.append(f"untold: {name} is {record.status} without a reason")

    def retry_due(self, line: Line) -> None:
        """After a run: jobs that wait and whose time, or whose epoch, has come."""
        if self.run or not self.epoch:
            return
        for name, record in sorted(self.ledger.items()):
            is_time = record.retry_at is not None and record.retry_at <= self.now
            left = self.planned is not None and record.status in changes.OPEN and record.hub is not self.active
            if (left and is_time) or (record.status in changes.TRIED_AGAIN and (is_time or record.epoch < self.epoch)):
                run = Run(self.epoch, record.hub, ordered=False, doubted_since=self.now)
                if self.planned:
                    run.graceful, run.stays_until = True, self.planned.stays_until
                    run.doubted_since = self.planned.doubted_since
                self.count("looked at again" if left else "tried again")
                self.act(name, run, Try.AGAIN, line, target=self.active)

    def act(self, name: str, run: Run, which: Try, line: Line, target: Role | None = None) -> None:
        """Gather facts about one job and carry out what they lead to."""
        record = self.ledger[name]
        to = target or run.source.other
        facts = facts_of(
            self.now,
            run.epoch,
            run.source,
            to,
            ordered=run.ordered,
            graceful=run.graceful,
            left_job=self.left_job,
            stays_until=run.stays_until,
            which=which,
            doubted_since=run.doubted_since,
            absent_input=self.absent_input,
        )
        try:
            self._carry_out(record, facts, line)
        except Killed:
            self.count("kills")
        except Later as fault:
            relapsed = run.graceful and to in self.silent and which is Try.FIRST
            facts = msgspec.structs.replace(facts, fault=str(fault), which=Try.LAST if relapsed else which)
            move = decider.next_move(self.ledger[name], facts)
            if move.do is JobAction.STAY:
                self.count("stays for want of an answer")
                acting = Acting(run.epoch, self.now)
                self.write(changes.stay(self.ledger[name], move.why, acting, move.retry_at, tried=move.given_up))
            if move.do is JobAction.GIVE_UP and move.retry_at:
                self.count("given up")
                acting = Acting(run.epoch, self.now)
                self.write(changes.give_up(self.ledger[name], move.why, acting, move.retry_at))

    def _carry_out(self, record: JobRecord, facts: RunFacts, line: Line) -> None:
        while (move := decider.next_move(record, facts)).do in {JobAction.ASK, JobAction.SUBMIT}:
            more = (
                {"answer": self._put(record, facts, line)}
                if move.do is JobAction.SUBMIT
                else self._ask(record, facts, move)
            )
            facts = msgspec.structs.replace(facts, **more)
        acting = Acting(facts.epoch, self.now)
        if move.do is JobAction.STAND_BACK:
            self.trouble.append(f"stale: the run that holds the epoch was sent away from {record.name}")
        elif move.do is JobAction.TRY_LATER:
            raise Later(move.why)
        elif move.do is JobAction.STOP:
            if not record.stop_asked:
                self.write(changes.ask_to_stop(record, "it goes on elsewhere", acting))
            if line is Line.KILLED_BEFORE_CANCEL:
                raise Killed
            if move.cancel:
                self.count("stopped")
                self.set_status(*move.cancel, "Canceled")
            raise Later(move.why)
        elif move.do in {JobAction.RESUBMIT, JobAction.ADOPT} and move.attempt:
            self._continue(record, move, move.attempt, facts, line)
        elif move.do is JobAction.STAY:
            self.write(changes.stay(record, move.why, acting, move.retry_at, tried=move.given_up))
        elif move.do is JobAction.SKIP:
            self.write(changes.skip(record, move.why, acting))
        elif move.do is JobAction.WAIT:
            if move.why == ABSENT:
                self.count("waited for an input")
            self.write(changes.wait(record, move.why, acting, move.retry_at))
        elif move.do is JobAction.REFUSE:
            self.write(changes.refuse(record, move.why, acting))
        elif move.do is JobAction.FINISH:
            self.write(changes.finish_unmoved(record, move.azure_status, move.why, acting))

    def _ask(self, record: JobRecord, facts: RunFacts, move: JobMove) -> dict[str, Any]:
        if move.ask is JobFact.SUBMISSION and move.attempt:
            if move.attempt.side in self.silent:
                raise Later("it cannot be looked for now")
            job = self.hubs[move.attempt.side].get(successor_name(record.root, move.attempt.epoch))
            return {"submissions": (*facts.submissions, Submission(attempt=move.attempt, job=job))}
        if move.ask is JobFact.OLD_RUN:
            silent = record.hub in self.silent
            answer = OldRunAnswer(fault="503") if silent else OldRunAnswer(status=self.status(record.hub, record.name))
            return {"old_run": answer}
        simple: dict[JobFact | None, dict[str, Any]] = {
            JobFact.WHOLE: {"whole": Whole(known=False)},
            JobFact.PRODUCER: {"producers": (*facts.producers, Producer(name=move.producer, head=None))},
            JobFact.BODY: {"unmapped": ""},
            JobFact.INPUTS: {"absent": ABSENT if (facts.target, record.root) in self.lacking else ""},
            JobFact.QUOTA: {"lacking": ""},
            JobFact.ASSETS: {"assets_made": True},
            JobFact.TARGET: {"target_answers": facts.target not in self.silent},
            JobFact.HUB_ANSWERS: {"hub_answers": record.hub not in self.silent},
        }
        return simple[move.ask]

    def _put(self, record: JobRecord, facts: RunFacts, line: Line) -> Answer:
        self.write(changes.mark_unsure(record, Attempt(side=facts.target, epoch=facts.epoch)))
        if line is Line.THROTTLED:
            self.write(record)
            raise Later("429")
        if facts.target in self.silent or line is Line.CALL_LOST:
            raise Later("no answer")
        if line is Line.REFUSED:
            return Answer(refusal="no such compute")
        name = successor_name(record.root, facts.epoch)
        if self.absent_input is AbsentInput.WAIT and (facts.target, record.root) in self.lacking:
            self.trouble.append(f"blind: {record.name} was submitted to the {facts.target}, which lacks its input")
        old = self.status(record.hub, record.name)
        if facts.graceful and name not in self.hubs[facts.target] and old and not has_ended(old):
            self.trouble.append(f"at once: {record.name} was {old} when {name} was submitted")
        job = self.put(facts.target, name, marks(record.root, facts.epoch), record.name)
        if line is Line.ANSWER_LOST:
            raise Later("no answer")
        if line is Line.KILLED_AFTER_PUT:
            raise Killed
        return Answer(job=job)

    def _continue(self, record: JobRecord, move: JobMove, attempt: Attempt, facts: RunFacts, line: Line) -> None:
        self.count("adopted" if move.do is JobAction.ADOPT else "resubmitted")
        name, acting = successor_name(record.root, attempt.epoch), Acting(facts.epoch, self.now)
        job = self.hubs[attempt.side][name]
        if name not in self.ledger:
            self.write(changes.begin_successor(record, name, attempt, acting, closure=(), answer=job))
        if line is Line.KILLED_AFTER_SUCCESSOR:
            raise Killed
        if move.do is JobAction.RESUBMIT and (attempt.side, record.root) in self.lacking and ABSENT not in move.why:
            self.trouble.append(f"untold: {record.name} was resubmitted, and that its input is absent is not said")
        if ABSENT in move.why:
            self.count("told of an absent input")
        self.write(changes.resubmit(record, name, attempt.side, f"submitted as {name}; {move.why}", acting))

    # --- old runs -------------------------------------------------------------------------------------------------

    def settle_old_runs(self, twin: Twin) -> None:
        if self.run or not self.epoch:
            return
        for name, record in sorted(self.ledger.items()):
            is_open = record.status is JobStatus.RESUBMITTED and record.old_run in {OldRun.UNKNOWN, OldRun.STOPPING}
            if is_open and record.hub not in self.silent:
                self._settle_old_run(
                    record, OldRunFacts(epoch=self.epoch, status=self.status(record.hub, name), twin=twin)
                )

    def _settle_old_run(self, record: JobRecord, facts: OldRunFacts) -> None:
        while (move := decider.next_move(record, facts)).do is JobAction.ASK:
            successor = self.ledger.get(record.successor or "")
            if move.ask is JobFact.SUCCESSOR:
                facts = msgspec.structs.replace(facts, successor_read=True, successor=successor)
            elif successor and successor.hub in self.silent:
                return
            else:
                job = self.hubs[successor.hub].get(successor.name) if successor else None
                facts = msgspec.structs.replace(facts, job_read=True, job=job)
        if move.do is JobAction.STAND_BACK:
            self.trouble.append(f"stale: the epoch that is held was sent away from {record.name}")
        if move.do is not JobAction.NOTE_OLD_RUN:
            return
        if move.old_run is not record.old_run:
            self.write(changes.note_old_run(record, move.old_run, move.why, Acting(self.epoch, self.now)))
        if move.cancel and move.cancel[0] not in self.silent and not has_ended(self.status(*move.cancel)):
            self.count("zombies stopped")
            self.set_status(*move.cancel, "Canceled")

    # --- the judge ------------------------------------------------------------------------------------------------

    def judge(self) -> list[str]:
        """Everything that contradicts S5 at this moment."""
        found = list(self.trouble)
        for name, successors in self.continued.items():
            if len(successors) > 1:
                found.append(f"twice: {name} was submitted as {' and '.join(successors)}")
        for name, record in self.ledger.items():
            if record.status is JobStatus.RESUBMITTED:
                if self.continued.get(name) != [record.successor]:
                    found.append(f"lost: {name} was resubmitted by its record only")
                elif record.successor not in self.ledger:
                    found.append(f"lost: the successor of {name} has no record")
        return found


def choose(interrupted: set[str]) -> set[str]:
    """The jobs of a round: all that were interrupted. Apart, so that a loss can be planted here."""
    return interrupted


def forbidden(before: JobRecord, after: JobRecord) -> list[str]:
    """What a write must never do, in rules that are not taken from the table."""
    said = []
    if before.status is JobStatus.RESUBMITTED and after.status is not JobStatus.RESUBMITTED:
        said.append(f"it was resubmitted and is {after.status} now")
    if before.successor is not None and after.successor != before.successor:
        said.append("its successor was exchanged")
    if after.status is JobStatus.RUNNING and before.status not in {
        JobStatus.RUNNING,
        JobStatus.SUBMITTING,
        JobStatus.NOT_SUBMITTED,
    }:
        said.append(f"it was {before.status} and runs again under the same name")
    if after.epoch < before.epoch:
        said.append("its epoch went back")
    if after.history[: len(before.history)] != before.history:
        said.append("a line of its history is gone")
    if before.stop_asked and not after.stop_asked:
        said.append("it is forgotten that its end was asked for")
    return said
