"""Moving one job: what is left alone, what is put to the other side, and what its record says afterwards.

A job's fate is written into its ledger record under the ETag that was read. Between the PUT of the new job and
that write the process may die: the new job's name follows from the old one and the epoch, so the repeated PUT
meets the same job and the record is written then.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

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
from orchestrator.core.jobs import checkpoint, tags
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs import tags as policy
from orchestrator.core.jobs.azure_status import status_of
from orchestrator.core.jobs.record import (
    Asset,
    Attempt,
    JobEvent,
    JobRecord,
    JobStatus,
    OldRun,
    is_interrupted,
    successor_name,
)
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities.assets import BUSY, AssetCopier, AssetMissing, versions_of
from orchestrator.workflows.activities.checkpoints import Checkpoints
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.activities.eligibility import Producers
from orchestrator.workflows.activities.notify import tell
from orchestrator.workflows.activities.outcome import Fate, Left
from orchestrator.workflows.activities.source_run import Halting, ends_for_us
from orchestrator.workflows.messages import RunOrder, Tidings

LOG = logging.getLogger("hubswitch.jobs")

LONGEST_RETRY = timedelta(days=1)
NOTABLE = frozenset({JobStatus.WAITING, JobStatus.REFUSED})
"""What may be tried again."""


class Sent(StrEnum):
    """How a try at a job is meant."""

    FIRST = "first"
    """More tries follow soon."""

    LAST = "last"
    """What cannot be done now waits."""

    AGAIN = "again"
    """The job has waited; as with the last try, what cannot be done goes on waiting."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job in this step."""

    fate: Fate
    why: str = ""
    retry_after: timedelta | None = None
    given_up: bool = False


class Mover:
    """Moves single jobs of one run from its source to its target.

    Source and target are one and the same for a job that waited for its own hub to become active again.
    """

    def __init__(self, world: World, plan: Plan, run: RunOrder, sent: Sent = Sent.FIRST) -> None:
        self._world = world
        self._plan = plan
        self._run = run
        self._sent = sent
        self._ledger = world.ledgers[plan.pair]
        self._is_home = run.source is run.target
        self._map = rewriting.job_map(plan, run.source)
        self._assets = AssetCopier(world, plan, run.source)
        self._halting = Halting(world, plan, run, again=sent is Sent.AGAIN)
        self._producers = Producers(world, plan, run)
        self._checkpoints = Checkpoints(world, plan, run.target)

    def move(self, name: str) -> Outcome:
        """Move one job, or find that it has been moved, may not be, or cannot be now."""
        try:
            return while_it_conflicts(lambda: self._move(name))
        except (TemporaryError, Forbidden) as fault:
            return self._later(name, fault)
        except InvalidInput as fault:
            return Outcome(Fate.WAITING, f"its record cannot be read: {fault}")
        except HubswitchError:
            raise
        except Exception as fault:  # one job must not keep all others, and the pair, from an end
            LOG.exception("%s could not be moved", name)
            return self._later(name, TemporaryError(f"{type(fault).__name__}: {fault}"))

    def _move(self, name: str) -> Outcome:
        found = self._ledger.read(self._plan.pair, name)
        if found is None:
            return Outcome(Fate.FINISHED, f"{name}: its record is gone")
        record = found.value
        if record.epoch > self._run.epoch:
            raise EpochFenced(f"{name} was acted on in epoch {record.epoch}, this run is at {self._run.epoch}")
        decided = self._decided(record)
        if decided:
            return decided
        try:
            return self._moved(found)
        except Left as left:
            return self._close(found, left)
        except (InvalidInput, AssetMissing) as fault:
            return self._close(found, Left(Fate.WAITING, str(fault)))

    def _moved(self, found: Versioned[JobRecord]) -> Outcome:
        record = found.value
        now = self._world.clock.now()
        self._producers.check(record, now)
        adopted = self._adopted(found)
        if adopted:
            return adopted
        continued = self._producers.continued(record, now + self._plan.jobs.retry)
        body = self._body_for(record, continued)
        closure = record.closure if self._is_home else self._assets.ensure(record.closure)
        self._halting.halt(found)
        name = successor_name(record.root, self._run.epoch)
        answer = self._put(name, body, found)
        if not is_successor(answer, record, self._run.epoch):
            strange = f"a job named {name} that is not its successor exists in the {self._run.target}"
            raise Left(Fate.WAITING, strange)
        return self._continued(found, name, closure, answer, sent=body)

    def _decided(self, record: JobRecord) -> Outcome | None:
        """What was decided about a job before: by an interrupted try of this step, or by the job's own end."""
        if self._sent is Sent.AGAIN:
            return None if record.status in NOTABLE else _outcome_of(record)
        if is_interrupted(record, self._run.doubted_since):
            return None
        if record.status is JobStatus.FINISHED and ends_for_us(record, record.azure_status):
            return None
        if record.status is JobStatus.FINISHED:
            return Outcome(Fate.FINISHED, "it ended before it could be moved")
        if record.epoch != self._run.epoch:
            return Outcome(Fate.FINISHED, f"it was {record.status} in epoch {record.epoch}")
        return _outcome_of(record)

    def _body_for(self, record: JobRecord, continued: dict[str, str]) -> dict[str, Any]:
        """The job as the target will accept it."""
        submitted = rewriting.pin_versions(record.body, self._map.from_, versions_of(record.closure))
        body = checkpoint.with_checkpoint(rewriting.without_read_only(submitted))
        if not self._is_home:
            rewrite = rewriting.rewrite(body, self._map)
            body, unmapped = checkpoint.with_outputs_of(rewrite, continued)
            if unmapped:
                more = f" and {len(unmapped) - 1} more" if len(unmapped) > 1 else ""
                raise Left(Fate.WAITING, f"{unmapped[0].path} names {unmapped[0].value}: {unmapped[0].why}{more}")
        return policy.stamped(body, source=record.root, epoch=self._run.epoch, run=self._run.run)

    def _put(self, name: str, body: dict[str, Any], found: Versioned[JobRecord]) -> dict[str, Any]:
        try:
            return self._world.jobs.put(self._plan.side(self._run.target), name, body, found.value.api_version)
        except Throttled:
            raise
        except TemporaryError:
            self._note_unsure(found)
            raise
        except Refused as fault:
            if fault.status in BUSY:
                raise TemporaryError(str(fault)) from fault
            raise Left(Fate.REFUSED, f"the {self._run.target} refused it: {fault}") from fault
        except NotFound as fault:
            raise Left(Fate.REFUSED, f"the {self._run.target} refused it: {fault}") from fault

    def _note_unsure(self, found: Versioned[JobRecord]) -> None:
        """Write down that a submission may have been accepted: whoever acts on the job later has to look for it."""
        record, attempt = found.value, Attempt(side=self._run.target, epoch=self._run.epoch)
        if attempt in record.unsure:
            return
        try:
            self._ledger.replace(msgspec.structs.replace(record, unsure=(*record.unsure, attempt)), found.etag)
        except HubswitchError as fault:
            LOG.warning("%s: that its submission is unsure could not be noted: %s", record.name, fault)

    def _adopted(self, found: Versioned[JobRecord]) -> Outcome | None:
        """A submission of an earlier epoch that was accepted after all, although its answer did not arrive."""
        record = found.value
        for attempt in record.unsure:
            if (attempt.side, attempt.epoch) == (self._run.target, self._run.epoch):
                continue
            name = successor_name(record.root, attempt.epoch)
            try:
                answer = self._world.jobs.get(self._plan.side(attempt.side), name)
            except NotFound:
                continue
            if is_successor(answer, record, attempt.epoch):
                return self._continued(found, name, record.closure, answer, attempt=attempt)
        return None

    def _continued(
        self,
        found: Versioned[JobRecord],
        name: str,
        closure: tuple[Asset, ...],
        answer: dict[str, Any],
        *,
        attempt: Attempt | None = None,
        sent: dict[str, Any] | None = None,
    ) -> Outcome:
        """Write the successor's record, then that of the job which it continues.

        Between the two people's note is made of the checkpoints that ``sent`` names, which may take a while.
        """
        made = attempt or Attempt(side=self._run.target, epoch=self._run.epoch)
        record, now = found.value, self._world.clock.now()
        asked = self._successor(record, name, made, now)
        successor = msgspec.structs.replace(asked, closure=closure, body=answer, azure_status=status_of(answer))
        try:
            self._ledger.create(successor)
        except Conflict:
            LOG.debug("%s has a record already", name)
        note = self._checkpoints.told(sent, now) if sent else ""
        done = Left(Fate.RESUBMITTED, f"submitted to the {made.side} as {name}{note and '; '}{note}")
        over = record.ended_at is not None or made.side is record.hub
        return self._close(found, done, successor=name, old_run=OldRun.ENDED if over else OldRun.UNKNOWN)

    def _successor(self, record: JobRecord, name: str, made: Attempt, now: datetime) -> JobRecord:
        """The record of a job that continues another's line, as it was asked for."""
        return JobRecord(
            pair=record.pair,
            name=name,
            root=record.root,
            hub=made.side,
            status=JobStatus.RUNNING,
            policy=record.policy,
            priority=record.priority,
            api_version=record.api_version,
            body=record.body,
            azure_status="",
            captured_at=now,
            epoch=self._run.epoch,
            history=(JobEvent(at=now, what="submitted", why=f"continues {record.root}", epoch=made.epoch),),
            lineage=record.lineage,
            deadline=record.deadline,
            identity=record.identity,
        )

    def _later(self, name: str, fault: TemporaryError | Forbidden) -> Outcome:
        """A job that could be done neither way: pending, or, at the last try, waiting to be tried again."""
        why = f"{name}: {fault}"
        pending = Outcome(Fate.PENDING, why, fault.retry_after if isinstance(fault, TemporaryError) else None)
        if self._sent is Sent.FIRST:
            return pending
        try:
            return while_it_conflicts(lambda: self._given_up(name, fault))
        except (TemporaryError, Forbidden):
            return pending

    def _given_up(self, name: str, fault: TemporaryError | Forbidden) -> Outcome:
        found = self._ledger.read(self._plan.pair, name)
        if found is None or found.value.epoch > self._run.epoch:
            return Outcome(Fate.FINISHED, f"{name}: somebody else has dealt with it")
        decided = self._decided(found.value)
        if decided:
            return decided
        record = found.value
        attempt = Attempt(side=self._run.target, epoch=self._run.epoch)
        unsure = record.unsure if attempt in record.unsure else (*record.unsure, attempt)
        pause = min(self._plan.jobs.retry * 2 ** min(record.tries, 16), LONGEST_RETRY)
        retry_at = self._world.clock.now() + pause
        left = Left(Fate.WAITING, f"given up for a time: {fault}", retry_at)
        self._close(found, left, tries=record.tries + 1, unsure=unsure)
        return Outcome(Fate.WAITING, left.why, given_up=True)

    def _close(self, found: Versioned[JobRecord], left: Left, **changes: Any) -> Outcome:
        record, now = found.value, self._world.clock.now()
        status = JobStatus(left.fate.value)
        line = JobEvent(at=now, what=left.fate.value, why=left.why, epoch=self._run.epoch)
        is_news = (record.status, record.reason) != (status, left.why)
        if status is JobStatus.FINISHED:
            changes |= {"azure_status": left.azure or record.azure_status, "ended_at": now}
        closed = msgspec.structs.replace(
            record,
            status=status,
            epoch=self._run.epoch,
            reason=left.why,
            retry_at=left.retry_at,
            history=(*record.history, line) if is_news else record.history,
            **changes,
        )
        self._ledger.replace(closed, found.etag)
        if left.is_owners and is_news:
            self._tell_owner(record, left.why, now)
        return Outcome(left.fate, left.why)

    def _tell_owner(self, record: JobRecord, why: str, now: datetime) -> None:
        """Tell the owner once an epoch; the job waits all the same if nobody can be told."""
        owner = tags.owner_of(record.body) or "its owner"
        tidings = Tidings(
            pair=self._plan.pair,
            id=f"{record.pair}-{record.name}-needs-owner-e{self._run.epoch}",
            name=NoticeName.JOB_NEEDS_OWNER,
            at=now,
            why=f"{record.name} of {owner}: {why}",
        )
        try:
            tell(self._world, tidings)
        except HubswitchError as fault:
            LOG.warning("nobody was told that %s waits for its owner: %s", record.name, fault)


def is_successor(answer: dict[str, Any], record: JobRecord, epoch: int) -> bool:
    """Whether a job that a hub shows continues a record's line in an epoch, by its tags."""
    tags = (answer.get("properties") or {}).get("tags") or {}
    return (tags.get("hubswitch.source"), tags.get("hubswitch.epoch")) == (record.root, str(epoch))


def _outcome_of(record: JobRecord) -> Outcome:
    """The outcome that a record shows. One that runs, or is about to, is not this run's business."""
    try:
        fate = Fate(record.status.value)
    except ValueError:
        return Outcome(Fate.FINISHED, f"it is {record.status}")
    return Outcome(fate, record.reason, given_up=fate is Fate.WAITING and record.tries > 0)
