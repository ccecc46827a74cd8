"""What may follow what in a job's record: one table of ``(status, event) -> status``. Everything else raises.

Each row carries the sentence that an operator reads; the diagram in the docs is printed from here. Below the table is
one function per event. They are the only code that changes a record's status, and all are pure.

A job's name is fixed before it is submitted. So whatever happens to the program that submits, the hub can be asked for
that name, and a second submission under it is the same job.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from orchestrator.core.base.errors import InvalidInput, NotNow, PermanentError
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs import tags
from orchestrator.core.jobs.azure_status import has_ended, status_of
from orchestrator.core.jobs.record import Asset, Attempt, JobEvent, JobEventKind, JobRecord, JobStatus, OldRun, line_of
from orchestrator.core.jobs.same_job import differing
from orchestrator.core.plan.schema import Plan

OPEN = frozenset({JobStatus.RUNNING, JobStatus.SUBMITTING})
"""States of a job that its hub has, or may have, and that is not known to have ended."""

UNSETTLED = frozenset({JobStatus.SUBMITTING, JobStatus.NOT_SUBMITTED})
"""States of a record that the job itself, once it is seen in its hub, overrules."""

TRIED_AGAIN = frozenset({JobStatus.WAITING, JobStatus.REFUSED})
"""What may be tried again after a run."""

MOVABLE = (JobStatus.RUNNING, JobStatus.SUBMITTING, JobStatus.FINISHED, JobStatus.WAITING, JobStatus.REFUSED)
"""What a run may act on. A finished job is among them if it fell with its region, was stopped by us, or is wanted
again (policy ``always``)."""

GRACE = timedelta(minutes=30)
"""How long a submission may be under way. azure-core tries a PUT four times and waits 300 s for each answer, so one
that began may still arrive after twenty minutes."""

NAMED = 3
"""Differing fields that a refusal names; the others are counted."""

NOT_KEPT = "its assets are not kept yet"


class IllegalChange(PermanentError):
    """The table has no row for this status and event: a defect, never a state of the world."""


class JobRow(NamedTuple):
    status: JobStatus | None
    """None: there is no record yet."""

    event: JobEventKind
    to: JobStatus
    sentence: str


_E, _S = JobEventKind, JobStatus

_SETTLED = "Its hub shows the job; the record is completed with what the hub has."
_RETRY = "A person wants it to be tried again; it goes at the next opportunity."
_LEAVE = "A person wants it to be left alone; it will not be moved."
_STAYS = "A run has left its hub, which is well; it stays and goes on there."
_ASSETS_MISSING = "Something that it needs could not be kept or made on the other side; it is tried again."
_ASSETS_KEPT = "Everything that it needs is kept now."

_BY_A_RUN: tuple[tuple[JobEventKind, JobStatus | None, str], ...] = (
    (_E.RESUBMITTED, _S.RESUBMITTED, "Another job continues it; a hub has accepted that one."),
    (_E.SKIPPED, _S.SKIPPED, "A run left it alone, because of what it is or because somebody wants that."),
    (_E.WAITING, _S.WAITING, "It cannot be submitted now; the reason says what it waits for."),
    (_E.REFUSED, _S.REFUSED, "The other hub understood it and said no."),
    (_E.FINISHED, _S.FINISHED, "It ended in Azure ML; nothing is submitted for it."),
    (_E.STOPPING, None, "Its end was asked for, so that it can go on in the other hub."),
    (
        _E.UNSURE,
        None,
        "It is being submitted; until the answer is there, whoever acts on it looks for that submission.",
    ),
)
"""What a run may do to a job that it acts on; None: the status stays."""

_TO_AN_OLD_RUN: tuple[tuple[JobEventKind, str], ...] = (
    (_E.STOPPING, "Its old run runs on beside its successor; its end was asked for."),
    (_E.OLD_RUN_ENDED, "Its old run has ended by itself."),
    (_E.OLD_RUN_STOPPED, "Its old run has ended, as was asked for."),
    (_E.OLD_RUN_COMPLETED, "Its old run completed after all; the plan says what becomes of the successor."),
    (_E.OLD_RUN_GONE, "Its hub does not know its old run any more."),
)

ROWS: tuple[JobRow, ...] = (
    JobRow(None, _E.SUBMITTING, _S.SUBMITTING, "It is written down ahead of its submission."),
    JobRow(None, _E.CAPTURED, _S.RUNNING, "It was seen in a hub for the first time, and runs there."),
    JobRow(None, _E.SUBMITTED, _S.RUNNING, "It continues another job, and its hub has accepted it."),
    JobRow(_S.SUBMITTING, _E.SUBMITTING, _S.SUBMITTING, "It is submitted once more under the same name."),
    JobRow(_S.NOT_SUBMITTED, _E.SUBMITTING, _S.SUBMITTING, "It is submitted once more under the same name."),
    JobRow(_S.SUBMITTING, _E.TAG_NOT_UNDERSTOOD, _S.SUBMITTING, "A tag of it is not understood; the default counts."),
    JobRow(_S.RUNNING, _E.TAG_NOT_UNDERSTOOD, _S.RUNNING, "A tag of it is not understood; the default counts."),
    JobRow(_S.SUBMITTING, _E.SUBMITTED, _S.RUNNING, _SETTLED),
    JobRow(_S.NOT_SUBMITTED, _E.SUBMITTED, _S.RUNNING, _SETTLED),
    JobRow(_S.SUBMITTING, _E.NOT_SUBMITTED, _S.NOT_SUBMITTED, "Its hub refused it, or it never arrived there."),
    JobRow(_S.RUNNING, _E.INCOMPLETE, _S.RUNNING, _ASSETS_MISSING),
    JobRow(_S.RUNNING, _E.COMPLETED, _S.RUNNING, _ASSETS_KEPT),
    *(JobRow(status, event, to or status, said) for status in MOVABLE for event, to, said in _BY_A_RUN),
    JobRow(_S.RUNNING, _E.STAYS, _S.RUNNING, _STAYS),
    JobRow(_S.SUBMITTING, _E.STAYS, _S.SUBMITTING, _STAYS),
    *(JobRow(_S.RESUBMITTED, event, _S.RESUBMITTED, said) for event, said in _TO_AN_OLD_RUN),
    JobRow(_S.RUNNING, _E.RETRY, _S.RUNNING, "It runs and was to be left alone; it is moved again if its hub is left."),
    *(
        JobRow(status, _E.RETRY, _S.WAITING, _RETRY)
        for status in (_S.SUBMITTING, _S.NOT_SUBMITTED, _S.FINISHED, _S.WAITING, _S.REFUSED, _S.SKIPPED)
    ),
    JobRow(_S.RUNNING, _E.SKIP, _S.RUNNING, _LEAVE),
    JobRow(_S.SUBMITTING, _E.SKIP, _S.SUBMITTING, _LEAVE),
    *(JobRow(status, _E.SKIP, _S.SKIPPED, _LEAVE) for status in (_S.NOT_SUBMITTED, _S.WAITING, _S.REFUSED)),
)

TABLE: dict[tuple[JobStatus | None, JobEventKind], JobRow] = {(row.status, row.event): row for row in ROWS}


def next_status(status: JobStatus | None, event: JobEventKind) -> JobStatus:
    """The status that follows; None stands for a job without a record.

    Raises:
        IllegalChange: the table does not have this row.
    """
    row = TABLE.get((status, event))
    if row is None:
        raise IllegalChange(f"nothing follows '{event}' for a job that is {status or 'not recorded'}")
    return row.to


def as_mermaid() -> str:
    """The table as a Mermaid state diagram, one arrow for all events that lead from one status to another."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in ROWS:
        arrows.setdefault((row.status.value if row.status else "[*]", row.to.value), []).append(row.event.value)
    lines = [f"    {status} --> {to}: {', '.join(events)}" for (status, to), events in arrows.items()]
    return "\n".join(["stateDiagram-v2", *lines]) + "\n"


# --- a submission -------------------------------------------------------------------------------------------------


def write_ahead(
    plan: Plan, side: Role, *, name: str, body: Mapping[str, Any], api_version: str, now: datetime, by: str
) -> JobRecord:
    """The record of a job that is about to be put. A tag that cannot be understood leaves the default, and says so.

    Args:
        plan: the pair's.
        side: the hub to which it goes.
        name: of the job.
        body: as it will be sent.
        api_version: with which it will be sent.
        now: aware time.
        by: what submits, for the history.
    """
    wanted, fault = read_wishes(body, plan)
    record = JobRecord(
        pair=plan.pair,
        name=name,
        root=name,
        hub=side,
        status=next_status(None, JobEventKind.SUBMITTING),
        **wanted,
        api_version=api_version,
        body=dict(body),
        azure_status="",
        captured_at=now,
        closure=find_assets(plan, side, body),
        incomplete=NOT_KEPT,
        history=(JobEvent(at=now, what=JobEventKind.SUBMITTING, why=f"by {by}, to the {side}", epoch=0),),
    )
    return _change(record, JobEventKind.TAG_NOT_UNDERSTOOD, fault, now) if fault else record


def write_ahead_again(record: JobRecord, draft: JobRecord) -> JobRecord:
    """A record that nothing came of, replaced by the draft of another submission under its name."""
    status = next_status(record.status, JobEventKind.SUBMITTING)
    history = (*record.history, *draft.history)
    return msgspec.structs.replace(draft, status=status, history=history, stop_asked=record.stop_asked)


def settle(plan: Plan, record: JobRecord, job: Mapping[str, Any], now: datetime) -> JobRecord:
    """A record once its hub has shown the job; what it needs is read again from there.

    It keeps the time at which it was first written. A job that has ended meanwhile is finished at once.
    """
    status = status_of(dict(job))
    shown = msgspec.structs.replace(
        record,
        closure=find_assets(plan, record.hub, job),
        incomplete=NOT_KEPT,
        body=dict(job),
        azure_status=status,
        ended_at=None,
        reason="",
    )
    settled = _change(shown, JobEventKind.SUBMITTED, f"{status} in the {record.hub}", now)
    if not has_ended(status):
        return settled
    return msgspec.structs.replace(
        settled,
        status=next_status(settled.status, JobEventKind.FINISHED),
        ended_at=now,
        reason=_describe_end(status),
    )


def close_unsubmitted(record: JobRecord, why: str, now: datetime) -> JobRecord:
    """The record of a job that no hub has taken."""
    return _change(record, JobEventKind.NOT_SUBMITTED, why, now, reason=why)


# --- a job in its hub ---------------------------------------------------------------------------------------------


def capture(plan: Plan, side: Role, *, name: str, job: Mapping[str, Any], api_version: str, now: datetime) -> JobRecord:
    """The first record of a job that a hub shows. A tag that cannot be understood leaves the default, and says so."""
    status, (root, epoch) = status_of(dict(job)), line_of(name, job)
    wanted, fault = read_wishes(job, plan)
    seen = JobEvent(at=now, what=JobEventKind.CAPTURED, why=f"{status} in the {side}", epoch=epoch)
    record = JobRecord(
        pair=plan.pair,
        name=name,
        root=root,
        hub=side,
        status=next_status(None, JobEventKind.CAPTURED),
        epoch=epoch,
        api_version=api_version,
        body=dict(job),
        azure_status=status,
        captured_at=now,
        closure=find_assets(plan, side, job),
        history=(seen,),
        **wanted,
        parent=tags.parent_of(job),
        schedule=tags.schedule_of(job),
    )
    return _change(record, JobEventKind.TAG_NOT_UNDERSTOOD, fault, now) if fault else record


def note_assets(record: JobRecord, why: str, now: datetime) -> JobRecord:
    """Note in the history whether everything that a job needs is kept now, as its field ``incomplete`` says."""
    event = JobEventKind.INCOMPLETE if record.incomplete else JobEventKind.COMPLETED
    return _change(record, event, why, now)


def finish(record: JobRecord, azure_status: str, now: datetime) -> JobRecord:
    """The record of a job whose end its hub or an event told."""
    return _change(
        record,
        JobEventKind.FINISHED,
        azure_status,
        now,
        azure_status=azure_status,
        ended_at=now,
        reason=_describe_end(azure_status),
    )


# --- what a run does ----------------------------------------------------------------------------------------------


class Acting(NamedTuple):
    """Who changes a record, and when: the epoch of the run, and an aware time."""

    epoch: int
    now: datetime


def resubmit(record: JobRecord, name: str, side: Role, why: str, acting: Acting) -> JobRecord:
    """The record of a job that is continued on a side under another name.

    Its old run is known to be over if its end was noted, or if its own hub has taken the successor.
    """
    over = record.ended_at is not None or side is record.hub
    old_run = OldRun.ENDED if over else OldRun.UNKNOWN
    return _close(record, JobEventKind.RESUBMITTED, why, acting, successor=name, old_run=old_run)


def adopt(record: JobRecord, name: str, attempt: Attempt, why: str, acting: Acting) -> JobRecord:
    """The record of a job that an earlier submission continues, although its answer never came."""
    return resubmit(record, name, attempt.side, why, acting)


def begin_successor(
    record: JobRecord,
    name: str,
    attempt: Attempt,
    acting: Acting,
    *,
    closure: tuple[Asset, ...],
    answer: dict[str, Any],
) -> JobRecord:
    """The record of the job that continues another one's line, as its hub shows it."""
    line = JobEvent(at=acting.now, what=JobEventKind.SUBMITTED, why=f"continues {record.root}", epoch=attempt.epoch)
    return JobRecord(
        pair=record.pair,
        name=name,
        root=record.root,
        hub=attempt.side,
        status=next_status(None, JobEventKind.SUBMITTED),
        policy=record.policy,
        priority=record.priority,
        api_version=record.api_version,
        body=answer,
        azure_status=status_of(answer),
        captured_at=acting.now,
        closure=closure,
        epoch=acting.epoch,
        history=(line,),
        lineage=record.lineage,
        deadline=record.deadline,
        identity=record.identity,
    )


def skip(record: JobRecord, why: str, acting: Acting) -> JobRecord:
    """The record of a job that a run leaves alone."""
    return _close(record, JobEventKind.SKIPPED, why, acting)


def wait(record: JobRecord, why: str, acting: Acting, retry_at: datetime | None = None) -> JobRecord:
    """The record of a job that waits; ``retry_at``: from when it is to be tried again, None for a new epoch only."""
    return _close(record, JobEventKind.WAITING, why, acting, retry_at=retry_at)


def give_up(record: JobRecord, why: str, acting: Acting, retry_at: datetime) -> JobRecord:
    """The record of a job that waits because nobody took or refused it."""
    return _close(record, JobEventKind.WAITING, why, acting, tries=record.tries + 1, retry_at=retry_at)


def refuse(record: JobRecord, why: str, acting: Acting) -> JobRecord:
    """The record of a job that the other hub does not take."""
    return _close(record, JobEventKind.REFUSED, why, acting)


def stay(record: JobRecord, why: str, acting: Acting, retry_at: datetime | None, *, tried: bool = False) -> JobRecord:
    """The record of a job that goes on in the hub that a run has left.

    Args:
        record: as it was read.
        why: it is not moved now.
        acting: who says so.
        retry_at: from when it is to be looked at anew; None: it stays until it ends.
        tried: it was to be moved, and could not be.
    """
    tries = record.tries + 1 if tried else record.tries
    return _close(record, JobEventKind.STAYS, why, acting, tries=tries, retry_at=retry_at)


def finish_unmoved(record: JobRecord, azure_status: str, why: str, acting: Acting) -> JobRecord:
    """The record of a job of which a run finds that it has ended by itself."""
    azure = azure_status or record.azure_status
    return _close(record, JobEventKind.FINISHED, why, acting, azure_status=azure, ended_at=acting.now)


def ask_to_stop(record: JobRecord, why: str, acting: Acting) -> JobRecord:
    """The record of a job whose run is about to be cancelled by us. Written before the cancelling."""
    return _change(record, JobEventKind.STOPPING, why, acting.now, epoch=acting.epoch, stop_asked=True)


def mark_unsure(record: JobRecord, attempt: Attempt) -> JobRecord:
    """Note, ahead of a submission, that it may be accepted; the same record if that is noted already."""
    status = next_status(record.status, JobEventKind.UNSURE)
    if attempt in record.unsure:
        return record
    return msgspec.structs.replace(record, status=status, unsure=(*record.unsure, attempt))


OLD_RUN_EVENTS: Mapping[OldRun, JobEventKind] = {
    OldRun.STOPPING: JobEventKind.STOPPING,
    OldRun.ENDED: JobEventKind.OLD_RUN_ENDED,
    OldRun.STOPPED: JobEventKind.OLD_RUN_STOPPED,
    OldRun.COMPLETED: JobEventKind.OLD_RUN_COMPLETED,
    OldRun.GONE: JobEventKind.OLD_RUN_GONE,
}


def note_old_run(record: JobRecord, found: OldRun, why: str, acting: Acting) -> JobRecord:
    """The record of a resubmitted job with what was found out about its old run.

    Raises:
        IllegalChange: it was not resubmitted, or nothing was found out.
    """
    event = OLD_RUN_EVENTS.get(found)
    if event is None or record.status is not JobStatus.RESUBMITTED:
        raise IllegalChange(f"{record.name} is {record.status}; its old run cannot be noted as '{found}'")
    asked = record.stop_asked or found is OldRun.STOPPING
    return _change(record, event, why, acting.now, epoch=acting.epoch, old_run=found, stop_asked=asked)


# --- what a person asks for ---------------------------------------------------------------------------------------


def retry(record: JobRecord, by: str, reason: str, now: datetime) -> JobRecord:
    """The record of a job that is to be moved at the next opportunity, also against its policy.

    Raises:
        NotNow: it is somewhere already, or has ended well.
    """
    _require_unmoved(record)
    never = record.policy is JobPolicy.NEVER
    changes: dict[str, Any] = {
        "policy": JobPolicy.IF_INTERRUPTED if never else record.policy,
        "left_alone_by": "",
        "left_alone_why": "",
    }
    if record.status is JobStatus.RUNNING and never:
        said = f"it will be moved if its hub is left, as {by} asked: {reason}"
        return _change(record, JobEventKind.RETRY, said, now, reason=said, **changes)
    if record.status is JobStatus.RUNNING or (record.status is JobStatus.SUBMITTING and not is_overdue(record, now)):
        raise NotNow(f"{record.name} is {record.status} in the {record.hub}; there is nothing to try again")
    if record.status is JobStatus.FINISHED and record.azure_status.casefold() == "completed":
        raise NotNow(f"{record.name} has completed; submit it anew to run it again")
    why = f"asked by {by}: {reason}" + (" (its policy was never)" if never else "")
    changes |= {"retry_at": now, "reason": f"to be tried again, as {by} asked: {reason}"}
    return _change(record, JobEventKind.RETRY, why, now, **changes)


def leave(record: JobRecord, by: str, reason: str, now: datetime) -> JobRecord:
    """The record of a job that is to be left alone. One that runs goes on, and will not be moved.

    Raises:
        NotNow: it has been moved, or has ended.
    """
    _require_unmoved(record)
    if record.status in {JobStatus.FINISHED, JobStatus.SKIPPED}:
        raise NotNow(f"{record.name} is {record.status} already")
    left = msgspec.structs.replace(
        record, policy=JobPolicy.NEVER, retry_at=None, left_alone_by=by, left_alone_why=reason
    )
    return _change(left, JobEventKind.SKIP, f"asked by {by}: {reason}", now, reason=describe_wish(left))


def describe_wish(record: JobRecord) -> str:
    """Who wants a job to be left alone, and why, as a sentence for people; empty if nobody does."""
    return f"left alone, asked by {record.left_alone_by}: {record.left_alone_why}" if record.left_alone_by else ""


def _require_unmoved(record: JobRecord) -> None:
    if record.status is JobStatus.RESUBMITTED:
        raise NotNow(f"{record.name} continues as {record.successor}; name that one")


# --- what the functions above and their callers ask of a record ---------------------------------------------------


def is_overdue(record: JobRecord, now: datetime) -> bool:
    """Whether its submission can no longer be under way."""
    return now - record.captured_at > GRACE


def why_not(record: JobRecord, side: Role) -> str:
    """Why a job may not be put under the name of this record; empty if it may.

    A name belongs to one job in one hub: a job that goes under it to the other hub could run twice.
    """
    if record.hub is not side and record.status is not JobStatus.NOT_SUBMITTED:
        return f"the ledger has {record.name} as a job of the {record.hub} ({record.status})"
    if record.status is JobStatus.RESUBMITTED:
        return f"{record.name} was moved, and continues as {record.successor}"
    return ""


class NameInUse(NotNow):
    """Another job stands under the name: one hub takes it for the first, and whoever submitted it never learns."""


def check_same(record: JobRecord, body: Mapping[str, Any]) -> None:
    """Let a second submission be the same job as the first.

    Raises:
        NameInUse: the body differs from the record's; names the fields.
    """
    found = differing(body, record.body) if record.status is not JobStatus.NOT_SUBMITTED else ()
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        what = f"{', '.join(found[:NAMED])}{more}"
        raise NameInUse(f"{record.name} is the name of another job, which differs in {what}; choose another name")


def read_wishes(body: Mapping[str, Any], plan: Plan) -> tuple[dict[str, Any], str]:
    """What a job's own body says about being moved, as fields of its record; and which tag of it is not understood.

    A tag that is not understood leaves the plan's default for itself and those behind it.
    """
    wanted: dict[str, Any] = {
        "policy": JobPolicy(plan.jobs.policy),
        "lineage": tags.lineage_of(body),
        "identity": tags.identity_of(body),
    }
    try:
        wanted["policy"] = JobPolicy(tags.policy_of(body, plan.jobs.policy))
        wanted["priority"] = tags.priority_of(body)
        wanted["deadline"] = tags.deadline_of(body)
        tags.left_job_of(body, plan.jobs.failback)
    except InvalidInput as fault:
        return wanted, str(fault)
    return wanted, ""


def find_assets(plan: Plan, side: Role, body: Mapping[str, Any]) -> tuple[Asset, ...]:
    """The assets of the side's project that a body names."""
    hub = plan.side(side)
    here = rewriting.workspace_of(hub)
    return tuple(Asset(kind=kind, id=asset_id) for kind, asset_id in rewriting.closure(body, here))


def _describe_end(azure_status: str) -> str:
    return f"it ended in Azure ML as {azure_status}"


def _change(
    record: JobRecord, event: JobEventKind, why: str, now: datetime, *, epoch: int | None = None, **fields: Any
) -> JobRecord:
    """The record after an event, by the table, with a line in its history."""
    line = JobEvent(at=now, what=event, why=why, epoch=record.epoch if epoch is None else epoch)
    status = next_status(record.status, event)
    return msgspec.structs.replace(record, status=status, history=(*record.history, line), **fields)


def _close(record: JobRecord, event: JobEventKind, why: str, acting: Acting, **fields: Any) -> JobRecord:
    """The record with a run's decision. What is decided again for the same reason adds no line to the history."""
    changes = {"epoch": acting.epoch, "reason": why, "retry_at": None, **fields}
    status = next_status(record.status, event)
    if (record.status, record.reason) == (status, why):
        return msgspec.structs.replace(record, **changes)
    return _change(msgspec.structs.replace(record, **changes), event, why, acting.now)
