"""Moving one job: the facts about it are gathered, and what ``next_move`` decides is carried out.

A job's outcome is written into its ledger record under the ETag that was read. Before the PUT of the new job the
attempt is noted there, because the process may die between the PUT and that write, and another epoch may act on the
job next: it looks for the attempt under its name, and adopts what is there. In its own epoch the repeated PUT meets
the same job, or is refused because that one exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from orchestrator import telemetry, tracing
from orchestrator.core.base.errors import (
    Conflict,
    EpochFenced,
    Forbidden,
    HubswitchError,
    InvalidInput,
    NotFound,
    Refused,
    TemporaryError,
    Throttled,
)
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.jobs import checkpoint, record_changes, tags
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs.next_move import (
    Answer,
    JobAction,
    JobFact,
    JobMove,
    JobOutcome,
    RunFacts,
    Submission,
    Try,
    find_remade,
    next_move,
)
from orchestrator.core.jobs.record import Asset, Attempt, JobRecord, successor_name
from orchestrator.core.jobs.record_changes import Acting, IllegalChange
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Versioned, World
from orchestrator.tracing import RunSubject
from orchestrator.workflows.activities.absent_inputs import AbsentInputs
from orchestrator.workflows.activities.assets import BUSY, AssetCopier, AssetMissing, versions_of
from orchestrator.workflows.activities.checkpoints import Checkpoints
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.activities.notify import tell
from orchestrator.workflows.activities.outcome import Settled
from orchestrator.workflows.activities.related_jobs import RelatedJobs
from orchestrator.workflows.activities.source_run import SourceRun
from orchestrator.workflows.activities.target_quota import TargetQuota
from orchestrator.workflows.messages import RunOrder, Tidings

LOG = telemetry.logger("jobs")

OUTCOMES = {
    JobAction.SKIP: JobOutcome.SKIPPED,
    JobAction.WAIT: JobOutcome.WAITING,
    JobAction.REFUSE: JobOutcome.REFUSED,
    JobAction.FINISH: JobOutcome.FINISHED,
    JobAction.STAY: JobOutcome.STAYING,
    JobAction.GIVE_UP: JobOutcome.WAITING,
}
"""What is reported of a job that stays where it is."""


@dataclass
class Prepared:
    """What is sent to the target for one job, once it is made."""

    closure: tuple[Asset, ...]
    """The assets that the successor needs, by their ids in the target."""

    body: dict[str, Any] = field(default_factory=dict)


class Mover:
    """Moves single jobs of one run from its source to its target.

    Source and target are one and the same for a job that waited for its own hub to become active again.
    """

    def __init__(self, world: World, plan: Plan, run: RunOrder, which: Try = Try.FIRST) -> None:
        self._world = world
        self._plan = plan
        self._run = run
        self._which = which
        self._ledger = world.ledgers[plan.pair]
        self._map = rewriting.job_map(plan, run.source)
        self._assets = AssetCopier(world, plan, run.source)
        self._source_run = SourceRun(world, plan)
        self._related = RelatedJobs(world, plan)
        self._checkpoints = Checkpoints(world, plan, run.target)
        self._inputs = AbsentInputs(world, plan, run.source, run.target)
        self._quota = TargetQuota(world, plan, run.target)

    def move(self, name: str) -> Settled:
        """Move one job, or find that it has been moved, may not be, or cannot be now."""
        run = self._run
        with tracing.span(tracing.JOB, RunSubject(run.pair, run.run, run.epoch, run.target), job=name) as recording:
            settled = self._try(name)
            recording.note(outcome=settled.outcome.value)
        return settled

    def _try(self, name: str) -> Settled:
        try:
            return while_it_conflicts(lambda: self._move(name))
        except (TemporaryError, Forbidden) as fault:
            return self._put_off(name, fault)
        except InvalidInput as fault:
            return Settled(JobOutcome.WAITING, f"its record cannot be read: {fault}")
        except IllegalChange as fault:
            LOG.exception("%s could not be moved", name)
            return self._put_off(name, TemporaryError(f"{type(fault).__name__}: {fault}"))
        except HubswitchError:
            raise
        except Exception as fault:  # one job must not keep all others, and the pair, from an end
            LOG.exception("%s could not be moved", name)
            return self._put_off(name, TemporaryError(f"{type(fault).__name__}: {fault}"))

    def _move(self, name: str) -> Settled:
        found = self._ledger.read(self._plan.pair, name)
        if found is None:
            return Settled(JobOutcome.FINISHED, f"{name}: its record is gone")
        return self._carry_out(found, self._first_facts())

    def _put_off(self, name: str, fault: TemporaryError | Forbidden) -> Settled:
        """A job that could be done neither way: pending, or, at the last try, waiting to be tried again."""
        why = f"{name}: {fault}"
        pending = Settled(JobOutcome.PENDING, why, fault.retry_after if isinstance(fault, TemporaryError) else None)
        if self._which is Try.FIRST and not self._has_relapsed():
            return pending
        try:
            return while_it_conflicts(lambda: self._give_up(name, str(fault)))
        except (TemporaryError, Forbidden):
            return pending

    def _give_up(self, name: str, fault: str) -> Settled:
        found = self._ledger.read(self._plan.pair, name)
        if found is None:
            return Settled(JobOutcome.FINISHED, f"{name}: somebody else has dealt with it")
        which = Try.LAST if self._which is Try.FIRST else self._which
        return self._carry_out(found, msgspec.structs.replace(self._first_facts(), fault=fault, which=which))

    def _has_relapsed(self) -> bool:
        """Whether the side that a planned switch goes to has ceased to answer: its run does not wait for that side."""
        try:
            return self._run.is_graceful and not self._target_answers()
        except Throttled:
            return False

    def _target_answers(self) -> bool:
        """Whether the target's management plane answers. One that is busy does.

        Raises:
            Throttled: it asks us to wait.
        """
        try:
            self._world.jobs.reachable(self._plan.side(self._run.target))
        except Throttled:
            raise
        except HubswitchError:
            return False
        return True

    def _first_facts(self) -> RunFacts:
        return RunFacts(
            now=self._world.clock.now(),
            epoch=self._run.epoch,
            source=self._run.source,
            target=self._run.target,
            ordered=self._run.ordered,
            graceful=self._run.is_graceful,
            ungraceful=self._run.ungraceful_since is not None,
            left_job=self._plan.jobs.failback,
            stays_until=self._run.decided_at + self._plan.jobs.failback_deadline,
            doubted_since=self._run.interrupted_since,
            which=self._which,
            retry=self._plan.jobs.retry,
            absent_input=self._plan.jobs.absent_input,
        )

    def _carry_out(self, found: Versioned[JobRecord], facts: RunFacts) -> Settled:
        """Gather facts until they suffice, and do what they lead to."""
        prepared = Prepared(found.value.closure)
        while True:
            move = next_move(found.value, facts)
            try:
                if move.do is JobAction.ASK:
                    facts = self._gather(move, found.value, facts, prepared)
                elif move.do is JobAction.SUBMIT:
                    answer, found = self._put(prepared.body, found)
                    facts = msgspec.structs.replace(facts, answer=answer)
                else:
                    return self._act(move, found, facts, prepared)
            except (InvalidInput, AssetMissing) as fault:
                if facts.broken:
                    raise
                facts = msgspec.structs.replace(facts, broken=str(fault))

    def _gather(self, move: JobMove, record: JobRecord, facts: RunFacts, prepared: Prepared) -> RunFacts:
        """The facts with the one that a move asks for."""
        more: dict[str, Any]
        if move.ask is JobFact.WHOLE:
            more = {"whole": self._related.find_whole(record)}
        elif move.ask is JobFact.SUBMISSION and move.attempt:
            more = {"submissions": (*facts.submissions, self._look_for(record, move.attempt))}
        elif move.ask is JobFact.PRODUCER:
            more = {"producers": (*facts.producers, self._related.find_producer(move.producer))}
        elif move.ask is JobFact.BODY:
            prepared.body, unmapped = self._make_body(record, find_remade(facts))
            more = {"unmapped": unmapped}
        elif move.ask is JobFact.INPUTS:
            more = {"absent": self._inputs.find(record, prepared.body)}
        elif move.ask is JobFact.QUOTA:
            more = {"lacking": self._quota.find(prepared.body)}
        elif move.ask is JobFact.ASSETS:
            prepared.closure = self._make_assets(record.closure)
            more = {"assets_made": True}
        elif move.ask is JobFact.OLD_RUN:
            more = {"old_run": self._source_run.ask(record)}
        elif move.ask is JobFact.HUB_ANSWERS:
            more = {"hub_answers": self._source_run.hub_answers(record.hub)}
        elif move.ask is JobFact.TARGET:
            more = {"target_answers": self._target_answers()}
        else:
            raise AssertionError(f"a run cannot look up {move.ask}")
        return msgspec.structs.replace(facts, **more)

    def _make_assets(self, closure: tuple[Asset, ...]) -> tuple[Asset, ...]:
        """The assets in the target. From a source that is well they are taken now, if nobody has kept them.

        A successor's assets were made for it from what was kept of the side that it came from, and not kept themselves.

        Raises:
            AssetMissing: one cannot be had, or the target refuses it.
        """
        if self._run.is_graceful and self._run.source is not self._run.target:
            try:
                closure = self._assets.keep(closure)
            except (Refused, NotFound) as fault:
                raise AssetMissing(f"an asset of it cannot be taken from the {self._run.source}: {fault}") from fault
        return self._assets.ensure(closure)

    def _act(self, move: JobMove, found: Versioned[JobRecord], facts: RunFacts, prepared: Prepared) -> Settled:
        if move.do is JobAction.NOTHING:
            return Settled(move.outcome or JobOutcome.FINISHED, move.why, given_up=move.given_up)
        if move.do is JobAction.STAND_BACK:
            raise EpochFenced(move.why)
        if move.do is JobAction.STOP:
            self._source_run.stop(found, move, self._run.target, self._run.epoch)
            raise TemporaryError(move.why)
        if move.do is JobAction.TRY_LATER:
            raise TemporaryError(move.why, retry_after=move.retry_after)
        if move.do is JobAction.RESUBMIT and facts.answer and facts.answer.job:
            return self._continue(move, found, facts.answer.job, prepared)
        if move.do is JobAction.ADOPT:
            job = next(each.job for each in facts.submissions if each.attempt == move.attempt)
            return self._continue(move, found, job or {}, Prepared(found.value.closure))
        return self._close(move, found)

    def _make_body(self, record: JobRecord, continued: dict[str, str]) -> tuple[dict[str, Any], str]:
        """The job as the target will accept it, and what of it the map does not know."""
        submitted = rewriting.pin_versions(record.body, self._map.from_, versions_of(record.closure))
        body = checkpoint.with_checkpoint(rewriting.without_read_only(submitted))
        if self._run.source is not self._run.target:
            rewrite = rewriting.rewrite(body, self._map)
            body, unmapped = checkpoint.with_outputs_of(rewrite, continued)
            if unmapped:
                more = f" and {len(unmapped) - 1} more" if len(unmapped) > 1 else ""
                return {}, f"{unmapped[0].path} names {unmapped[0].value}: {unmapped[0].why}{more}"
        return tags.add_origin_tags(body, source=record.root, epoch=self._run.epoch, run=self._run.run), ""

    def _put(self, body: dict[str, Any], found: Versioned[JobRecord]) -> tuple[Answer, Versioned[JobRecord]]:
        """Submit the successor; what the target says to it, and the record as it was, under the ETag that it has now.

        Danger: the attempt is written down first. A definite answer takes the note back, with the next write or here;
        a job must not wait later for a dead hub to deny what it never took.

        Raises:
            TemporaryError: it was not taken, or no answer came; in the second case the note stands.
        """
        record, attempt = found.value, Attempt(side=self._run.target, epoch=self._run.epoch)
        noted = record_changes.mark_unsure(record, attempt)
        if noted != record:
            found = Versioned(record, self._ledger.replace(noted, found.etag))
        name, hub = successor_name(record.root, attempt.epoch), self._plan.side(attempt.side)
        try:
            return Answer(job=self._world.jobs.put(hub, name, body, record.api_version)), found
        except (Throttled, Forbidden):
            self._take_note_back(found, noted)
            raise
        except NotFound as fault:
            return Answer(refusal=str(fault)), found
        except Refused as fault:
            # A second PUT of a name is refused if the service takes its body for a changed one.
            standing = self._look_for(record, attempt).job
            if standing is not None:
                return Answer(job=standing), found
            if fault.status in BUSY:
                self._take_note_back(found, noted)
                raise TemporaryError(str(fault)) from fault
            return Answer(refusal=str(fault)), found

    def _take_note_back(self, found: Versioned[JobRecord], noted: JobRecord) -> None:
        """The record as it was before an attempt that was surely not taken; a note too many does no harm."""
        if noted == found.value:
            return
        try:
            self._ledger.replace(found.value, found.etag)
        except HubswitchError as fault:
            LOG.warning("%s: that its submission was not taken could not be noted: %s", noted.name, fault)

    def _look_for(self, record: JobRecord, attempt: Attempt) -> Submission:
        """What a hub shows of a submission whose answer did not arrive."""
        try:
            job = self._world.jobs.get(self._plan.side(attempt.side), successor_name(record.root, attempt.epoch))
        except NotFound:
            job = None
        return Submission(attempt=attempt, job=job)

    def _continue(self, move: JobMove, found: Versioned[JobRecord], job: dict[str, Any], prepared: Prepared) -> Settled:
        """Write the successor's record, then that of the job which it continues.

        Danger: in this order. A record that says ``resubmitted`` without a successor in the ledger is a lost job.
        Between the two, people's note is made of the checkpoints that the body names, which may take a while.
        """
        record, attempt = found.value, move.attempt or Attempt(side=self._run.target, epoch=self._run.epoch)
        name, acting = successor_name(record.root, attempt.epoch), self._acting()
        successor = record_changes.begin_successor(record, name, attempt, acting, closure=prepared.closure, answer=job)
        try:
            self._ledger.create(successor)
        except Conflict:
            LOG.debug("%s has a record already", name)
        note = self._checkpoints.told(prepared.body, acting.now) if prepared.body else ""
        why = "; ".join(filter(None, (f"submitted to the {attempt.side} as {name}", move.why, note)))
        if move.do is JobAction.ADOPT:
            closed = record_changes.adopt(record, name, attempt, why, self._acting())
        else:
            closed = record_changes.resubmit(record, name, attempt.side, why, self._acting())
        self._ledger.replace(closed, found.etag)
        return Settled(JobOutcome.RESUBMITTED, why)

    def _close(self, move: JobMove, found: Versioned[JobRecord]) -> Settled:
        """Write down that a job stays where it is, and tell its owner if that is news and the owner's to mend."""
        record, acting = found.value, self._acting()
        if move.do is JobAction.SKIP:
            closed = record_changes.skip(record, move.why, acting)
        elif move.do is JobAction.WAIT:
            closed = record_changes.wait(record, move.why, acting, move.retry_at)
        elif move.do is JobAction.STAY:
            closed = record_changes.stay(record, move.why, acting, move.retry_at, tried=move.given_up)
        elif move.do is JobAction.REFUSE:
            closed = record_changes.refuse(record, move.why, acting)
        elif move.do is JobAction.FINISH:
            closed = record_changes.finish_unmoved(record, move.azure_status, move.why, acting)
        elif move.do is JobAction.GIVE_UP and move.retry_at:
            closed = record_changes.give_up(record, move.why, acting, move.retry_at)
        else:
            raise AssertionError(f"a run cannot carry out {move.do}")
        self._ledger.replace(closed, found.etag)
        if move.needs_owner and len(closed.history) > len(record.history):
            self._tell_owner(record, move.why)
        return Settled(OUTCOMES[move.do], move.why, given_up=move.given_up)

    def _acting(self) -> Acting:
        return Acting(self._run.epoch, self._world.clock.now())

    def _tell_owner(self, record: JobRecord, why: str) -> None:
        """Tell the owner once an epoch; the job waits all the same if nobody can be told."""
        owner = tags.owner_of(record.body) or "its owner"
        tidings = Tidings(
            pair=self._plan.pair,
            id=f"{record.pair}-{record.name}-needs-owner-e{self._run.epoch}",
            name=NoticeName.JOB_NEEDS_OWNER,
            at=self._world.clock.now(),
            why=f"{record.name} of {owner}: {why}",
        )
        try:
            tell(self._world, tidings)
        except HubswitchError as fault:
            LOG.warning("nobody was told that %s waits for its owner: %s", record.name, fault)
