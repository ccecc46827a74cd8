"""The secondary becomes the primary for good: what the stores have to say of it, in an order that may be cut short.

===  =========================================  =================================================================
 n   write                                      cut short after it
===  =========================================  =================================================================
 1   job records name their projects            the old arrangement; nothing has changed its meaning
 2   ``<pair>/exchanges/e<epoch>.json``         the old arrangement; a note that nobody reads before write 3
 3   the epoch record: next epoch, same hub     the pair holds under the old plan, and says that the plan is another
 4   the pointer: that epoch, the same hub      the same
 5   the plan's file                            the new arrangement, as soon as the app has that file
===  =========================================  =================================================================

From 3 on the command may be given again and goes on where it stopped; the app finishes 4 itself if it has the new plan.
Every write is conditional. Runs are fenced by 3 as by any other switch: none can claim the epoch, or act under the
old one.

Job records are not rewritten. Each names the project that its side meant, and reads as the plan of the reader has it
(``orchestrator.adapters.stores.ledger``). But nothing may be under way: a submission, a job that waits to be moved, an
old run that was not settled. These rest on what the last run decided, and no run holds the new epoch.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import NamedTuple

import msgspec

from orchestrator.core.base.codec import SCHEMA, Moment, Value, decode, encode
from orchestrator.core.base.errors import Conflict, HubswitchError, NotNow
from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import EpochRecord, describe_other_hub, is_place, place_of, pointer_for
from orchestrator.core.evidence.audit_chain import AuditKind, AuditNote
from orchestrator.core.jobs.record import JobStatus, JobSummary
from orchestrator.core.ledger_paths import exchange_path, summary_path
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities import audit_log
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.activities.epoch import why_fenced, why_other_hub
from orchestrator.workflows.activities.settle_jobs import is_open

NAMED = 3
"""Jobs that a refusal names."""


class Exchanged(Value, kw_only=True):
    """What is kept of an exchange, written ahead of it."""

    schema: int = SCHEMA
    pair: str
    epoch: int
    at: Moment
    by: str
    reason: str
    before: str
    """Digest of the plan that is exchanged."""

    after: str
    """Digest of what it becomes."""


class ExchangeStage(StrEnum):
    """How far an exchange of a plan has come."""

    BEFORE = "before"
    """Nothing is written; everything that has to be so is so."""

    BEGUN = "begun"
    """The epoch record says so; the pointer or the file may not."""

    DONE = "done"
    """The last thing that happened to this pair is that its sides changed places, and the plan is the new one."""


class Standing(NamedTuple):
    """What was found."""

    stage: ExchangeStage
    record: Versioned[EpochRecord]


def examine(world: World, plan: Plan, exchanged: Plan) -> Standing:
    """Whether a plan's sides may change places now, or have begun to. Reads only.

    Args:
        world: the ports, for the plan as its file has it.
        plan: that plan.
        exchanged: what is to become of it.

    Raises:
        NotNow: they may not; says why, and what to do.
        HubswitchError: a store cannot be read.
    """
    found = world.epochs[plan.pair].read(plan.pair)
    if found is None:
        raise NotNow(f"{plan.pair} has no epoch record: the app has to look at it first")
    record = found.value
    if record.place is None:
        raise NotNow(
            f"the epoch record of {plan.pair} does not say which hub it means: an app of this version has to look at "
            "the pair once, and to find that plan and pointer agree"
        )
    if is_place(plan.side(record.active), record.place):
        if record.sides_since and record.sides_since == record.epoch:
            return Standing(ExchangeStage.DONE, found)
        _must_be_at_rest(world, plan, record)
        return Standing(ExchangeStage.BEFORE, found)
    other = describe_other_hub(exchanged, record.active, record.place, f"the epoch record of epoch {record.epoch}")
    if other or not _is_begun(world, plan, exchanged, record):
        raise NotNow(str(why_other_hub(record, plan)))
    return Standing(ExchangeStage.BEGUN, found)


def begin(world: World, plan: Plan, exchanged: Plan, standing: Standing, by: str, reason: str) -> EpochRecord:
    """Writes 1 to 3; the epoch record in force afterwards.

    Raises:
        NotNow: somebody has written the epoch record since ``examine``; nothing has changed.
    """
    world.ledgers[plan.pair].name_projects(plan.pair)
    before, now = standing.record.value, world.clock.now()
    record = EpochRecord(
        epoch=before.epoch + 1,
        active=Role.PRIMARY,
        run=None,
        since=now,
        why=f"{by} exchanged primary and secondary: {reason}",
        place=place_of(exchanged.primary),
        sides_since=before.epoch + 1,
    )
    _note(world, plan, exchanged, record, by, reason)
    try:
        world.epochs[plan.pair].replace(plan.pair, record, standing.record.etag)
    except Conflict as fault:
        raise NotNow(f"somebody has switched {plan.pair} meanwhile; nothing was exchanged") from fault
    return record


def note_exchange(world: World, pair: str, record: EpochRecord, by: str, reason: str) -> str:
    """Note in the pair's audit log who exchanged the sides, once for each epoch; why that cannot be done, if so.

    Nothing depends on it: it comes after the exchange, and a log that is away or broken must not keep a person.
    """
    note = AuditNote(
        pair=pair,
        id=f"exchange-e{record.epoch}",
        at=record.since,
        kind=AuditKind.ORDER,
        who=by,
        why="primary and secondary exchanged, without the app",
        details={"do": "exchange", "reason": reason, "epoch": record.epoch},
    )
    try:
        audit_log.append(world.ledgers[pair], pair, [note])
    except HubswitchError as fault:
        return str(fault)
    return ""


def publish(world: World, exchanged: Plan, record: EpochRecord) -> None:
    """Write 4, unless it has been done, or a newer epoch has been published since."""
    while_it_conflicts(lambda: _publish(world, exchanged, record))


def _publish(world: World, exchanged: Plan, record: EpochRecord) -> None:
    store = world.pointers[exchanged.pair]
    seen = store.snapshot(exchanged.pair)
    value = pointer_for(exchanged, record)
    if seen.value and is_place(exchanged.side(record.active), seen.value) and not value.endpoint:
        value = msgspec.structs.replace(value, endpoint=seen.value.endpoint)  # the plan names none; the hub is the same
    if seen.value == value or seen.highest_epoch > record.epoch:
        return
    store.publish(exchanged.pair, value, seen)


def _must_be_at_rest(world: World, plan: Plan, record: EpochRecord) -> None:
    if record.active is Role.PRIMARY:
        raise NotNow(
            f"the primary of {plan.pair} is active: what becomes the primary for good is the secondary while it is "
            "active; order a failover first"
        )
    ledger = world.ledgers[plan.pair]
    if record.run and ledger.get(summary_path(plan.pair, record.run)) is None:
        raise NotNow(f"{record.run} is under way: it has left no summary; wait for its end")
    seen = world.pointers[plan.pair].snapshot(plan.pair)
    fenced = why_fenced(seen, record, plan)
    if fenced:
        raise NotNow(fenced)
    if seen.value is None or seen.value.epoch != record.epoch:
        shown = f"epoch {seen.value.epoch}" if seen.value else "nothing"
        raise NotNow(
            f"the pointer of {plan.pair} shows {shown}, the epoch record says {record.epoch}: they have to agree first"
        )
    unsettled = [job for job in ledger.summaries(plan.pair) if _is_unsettled(job)]
    if unsettled:
        told = join_words(f"{job.name} ({_describe(job)})" for job in unsettled[:NAMED])
        more = f" and {len(unsettled) - NAMED} more" if len(unsettled) > NAMED else ""
        raise NotNow(
            f"not every job is settled: {told}{more}; see hubswitch jobs list --why, and retry, skip or wait for each"
        )


def _is_unsettled(job: JobSummary) -> bool:
    return job.status in {JobStatus.SUBMITTING, JobStatus.WAITING} or is_open(job)


def _describe(job: JobSummary) -> str:
    return "its old run was not accounted for" if is_open(job) else str(job.status)


def _is_begun(world: World, plan: Plan, exchanged: Plan, record: EpochRecord) -> bool:
    """Whether it was this plan whose sides were exchanged: its sides alone may have been, by hand, and no names."""
    kept = world.ledgers[plan.pair].get(exchange_path(plan.pair, record.sides_since)) if record.sides_since else None
    if kept is None:
        return False
    note = decode(kept, Exchanged, exchange_path(plan.pair, record.sides_since))
    return (note.before, note.after) == (digest_of(plan), digest_of(exchanged))


def _note(world: World, plan: Plan, exchanged: Plan, record: EpochRecord, by: str, reason: str) -> None:
    """Whatever an attempt has left there that came to nothing is written over."""
    ledger, path = world.ledgers[plan.pair], exchange_path(plan.pair, record.epoch)
    note = Exchanged(
        pair=plan.pair,
        epoch=record.epoch,
        at=record.since,
        by=by,
        reason=reason,
        before=digest_of(plan),
        after=digest_of(exchanged),
    )

    def write() -> None:
        found = ledger.page(path)
        ledger.write_page(path, encode(note), found.etag if found else None)

    while_it_conflicts(write)


def digest_of(plan: Plan) -> str:
    """A short name for what a plan says, comments and order aside."""
    return hashlib.sha256(msgspec.json.encode(plan, order="deterministic")).hexdigest()[:32]
