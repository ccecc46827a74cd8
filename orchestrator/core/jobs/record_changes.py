"""A job's record around its submission: written ahead of it, completed by the answer, or closed without one.

The name is fixed first. So whatever happens to the program that submits, the hub can be asked for that name, and
a second submission under it is the same job. All functions are pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from orchestrator.core.base.errors import InvalidInput, NotNow
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs import tags
from orchestrator.core.jobs.azure_status import has_ended, status_of
from orchestrator.core.jobs.record import Asset, JobEvent, JobRecord, JobStatus
from orchestrator.core.plan.schema import Plan

LEFT_ALONE = "left alone"
"""How the reason of a job begins that a person did not want to be moved."""

OPEN = frozenset({JobStatus.RUNNING, JobStatus.SUBMITTING})


def retried(record: JobRecord, by: str, reason: str, now: datetime) -> JobRecord:
    """The record of a job that is to be moved at the next opportunity, also against its policy.

    Raises:
        NotNow: it is somewhere already, or has ended well.
    """
    _must_not_be_elsewhere(record)
    if record.status is JobStatus.RUNNING and record.policy is JobPolicy.NEVER:
        return _protected_again(record, by, reason, now)
    if record.status is JobStatus.RUNNING or (record.status is JobStatus.SUBMITTING and not is_overdue(record, now)):
        raise NotNow(f"{record.name} is {record.status} in the {record.hub}; there is nothing to try again")
    if record.status is JobStatus.FINISHED and record.azure_status.casefold() == "completed":
        raise NotNow(f"{record.name} has completed; submit it anew to run it again")
    never = record.policy is JobPolicy.NEVER
    line = _line(record, "retry", f"asked by {by}: {reason}" + (" (its policy was never)" if never else ""), now)
    return msgspec.structs.replace(
        record,
        status=JobStatus.WAITING,
        policy=JobPolicy.IF_INTERRUPTED if never else record.policy,
        retry_at=now,
        reason=f"to be tried again, as {by} asked: {reason}",
        history=(*record.history, line),
    )


def _protected_again(record: JobRecord, by: str, reason: str, now: datetime) -> JobRecord:
    """A job that runs and was to be left alone: it is moved again if its hub is left."""
    said = f"it will be moved if its hub is left, as {by} asked: {reason}"
    return msgspec.structs.replace(
        record,
        policy=JobPolicy.IF_INTERRUPTED,
        reason=said,
        history=(*record.history, _line(record, "retry", said, now)),
    )


def skipped(record: JobRecord, by: str, reason: str, now: datetime) -> JobRecord:
    """The record of a job that is to be left alone. One that runs goes on, and will not be moved.

    Raises:
        NotNow: it has been moved, or has ended.
    """
    _must_not_be_elsewhere(record)
    if record.status in {JobStatus.FINISHED, JobStatus.SKIPPED}:
        raise NotNow(f"{record.name} is {record.status} already")
    said = f"asked by {by}: {reason}"
    line = _line(record, "skip", said, now)
    return msgspec.structs.replace(
        record,
        status=record.status if record.status in OPEN else JobStatus.SKIPPED,
        policy=JobPolicy.NEVER,
        retry_at=None,
        reason=f"{LEFT_ALONE}, {said}",
        history=(*record.history, line),
    )


def _must_not_be_elsewhere(record: JobRecord) -> None:
    if record.status is JobStatus.RESUBMITTED:
        raise NotNow(f"{record.name} continues as {record.successor}; name that one")


GRACE = timedelta(minutes=30)
"""How long a submission may be under way. azure-core tries a PUT four times and waits 300 s for each answer, so one
that began may still arrive after twenty minutes."""

NOT_KEPT = "its assets are not kept yet"

UNSETTLED = frozenset({JobStatus.SUBMITTING, JobStatus.NOT_SUBMITTED})
"""States of a record that the job itself, once it is seen in its hub, overrules."""


def ahead(
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
    history = [JobEvent(at=now, what="submitting", why=f"by {by}, to the {side}", epoch=0)]
    wanted, fault = wishes_in(body, plan)
    if fault:
        history.append(JobEvent(at=now, what="tag not understood", why=fault, epoch=0))
    return JobRecord(
        pair=plan.pair,
        name=name,
        root=name,
        hub=side,
        status=JobStatus.SUBMITTING,
        **wanted,
        api_version=api_version,
        body=dict(body),
        azure_status="",
        captured_at=now,
        closure=needs_of(plan, side, body),
        incomplete=NOT_KEPT,
        history=tuple(history),
    )


def wishes_in(body: Mapping[str, Any], plan: Plan) -> tuple[dict[str, Any], str]:
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
    except InvalidInput as fault:
        return wanted, str(fault)
    return wanted, ""


def needs_of(plan: Plan, side: Role, body: Mapping[str, Any]) -> tuple[Asset, ...]:
    """The assets of the side's project that a body names."""
    hub = plan.side(side)
    here = rewriting.Workspace(subscription=hub.subscription, resource_group=hub.resource_group, workspace=hub.project)
    return tuple(Asset(kind=kind, id=asset_id) for kind, asset_id in rewriting.closure(body, here))


def accepted(record: JobRecord, job: Mapping[str, Any], now: datetime) -> JobRecord:
    """The record once its hub has shown the job. It keeps the time at which it was first written."""
    status = status_of(dict(job))
    ended = has_ended(status)
    return msgspec.structs.replace(
        record,
        status=JobStatus.FINISHED if ended else JobStatus.RUNNING,
        body=dict(job),
        azure_status=status,
        ended_at=now if ended else None,
        reason=f"it ended in Azure ML as {status}" if ended else "",
        history=(*record.history, _line(record, "submitted", f"{status} in the {record.hub}", now)),
    )


def not_submitted(record: JobRecord, why: str, now: datetime) -> JobRecord:
    """The record of a job that no hub has taken."""
    return msgspec.structs.replace(
        record,
        status=JobStatus.NOT_SUBMITTED,
        reason=why,
        history=(*record.history, _line(record, "not submitted", why, now)),
    )


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


def _line(record: JobRecord, what: str, why: str, now: datetime) -> JobEvent:
    return JobEvent(at=now, what=what, why=why, epoch=record.epoch)


def settled_record(plan: Plan, record: JobRecord, job: Mapping[str, Any], now: datetime) -> JobRecord:
    """A record whose job was seen in its hub; its needs are read again from what the hub shows."""
    whole = msgspec.structs.replace(record, closure=needs_of(plan, record.hub, job), incomplete=NOT_KEPT)
    return accepted(whole, job, now)
