"""What is kept for auditors: the evidence of a run, and the audit log. Nothing waits for either for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import from_message, to_message
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.workflows import names
from orchestrator.workflows.messages import AuditOrder, EvidenceOrder, NoticeOrder, StopOrder, Tidings
from orchestrator.workflows.orchestrators.retry import Steps, insist, tell, utc_now, waiting_status

EVIDENCE_TRIES = 8
"""Attempts to store a run's evidence. What was not stored is made when somebody asks for it."""

STOP_TRIES = 20
"""Attempts to end a run whose target turned bad."""

AUDIT_TRIES = 16

AUDIT_PAUSE, AUDIT_LONGEST = timedelta(seconds=5), timedelta(minutes=30)
"""With these an entry is tried for about four hours: an account that is away for longer is trouble of its own."""


def make_evidence(ctx: OrchestrationContext, order: EvidenceOrder, beat: timedelta, longest: timedelta) -> Steps[None]:
    """Store the evidence of a run that has ended; tell people, and go on, if that cannot be done."""
    try:
        yield from insist(ctx, names.MAKE_EVIDENCE, to_message(order), beat=beat, longest=longest, tries=EVIDENCE_TRIES)
    except TaskFailedError as failed:
        why = f"the evidence of {order.run} was not stored, and is made when it is asked for: {failed.details.message}"
        yield from _tell(ctx, order.pair, f"{order.run}-evidence", why, beat, longest)
        ctx.set_custom_status(waiting_status("", utc_now(ctx).isoformat(), why))


def stop_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """Let a run claim nothing any more. Input: ``StopOrder``; output: why it was too late, empty if it was not.

    Gives up after some tries: a claim is a write of the same record, and waits for the same store.
    """
    order = from_message(given, StopOrder, ctx.instance_id)
    return (yield from insist(ctx, names.WITHDRAW_RUN, given, beat=order.beat, longest=order.longest, tries=STOP_TRIES))


def press_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """Let a planned switch end its drain. Input: ``StopOrder``; output: why it was too late, empty if it was not.

    The run reads the wish at its next look. The event makes that look at once, and does no harm if it gets lost.
    """
    order = from_message(given, StopOrder, ctx.instance_id)
    said = yield from insist(
        ctx, names.TURN_UNGRACEFUL, given, beat=order.beat, longest=order.longest, tries=STOP_TRIES
    )
    ctx.send_event(order.run, names.TRY_NOW)
    return said


def audit_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator around some entries of the audit log. Input: ``AuditOrder``. Gives up after some hours."""
    order = from_message(given, AuditOrder, ctx.instance_id)
    try:
        yield from insist(ctx, names.WRITE_AUDIT, given, beat=AUDIT_PAUSE, longest=AUDIT_LONGEST, tries=AUDIT_TRIES)
    except TaskFailedError as failed:
        first = order.notes[0]
        why = f"the audit log lacks {first.id} ({first.why}), for it could not be written: {failed.details.message}"
        yield from _tell(ctx, order.pair, ctx.instance_id, why, AUDIT_PAUSE, AUDIT_LONGEST)
        return f"not written: {failed.details.message}"
    return "written"


def notice_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator around messages of Service Health. Input: ``NoticeOrder``. Gives up after some hours."""
    order = from_message(given, NoticeOrder, ctx.instance_id)
    try:
        yield from insist(ctx, names.KEEP_NOTICES, given, beat=AUDIT_PAUSE, longest=AUDIT_LONGEST, tries=AUDIT_TRIES)
    except TaskFailedError as failed:
        first = order.notices[0]
        why = f"no run has Service Health's {first.tracking} ({first.title}) attached: {failed.details.message}"
        yield from _tell(ctx, order.pair, ctx.instance_id, why, AUDIT_PAUSE, AUDIT_LONGEST)
        return f"not kept: {failed.details.message}"
    return "kept"


def _tell(
    ctx: OrchestrationContext, pair: str, name: str, why: str, beat: timedelta, longest: timedelta
) -> Steps[None]:
    tidings = Tidings(pair=pair, id=f"{name}-not-kept", name=NoticeName.RECORD_NOT_KEPT, at=utc_now(ctx), why=why)
    yield from tell(ctx, tidings, beat, longest)
