"""The orchestrator that brings deleted resources back, one after another, in the order of the proposal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import from_message, to_builtins, to_message
from orchestrator.core.standby.inventory import last_part
from orchestrator.core.standby.recovery import RecoveredBy, RecoveryItem
from orchestrator.workflows import names
from orchestrator.workflows.orchestrators.retry import Steps, insist, utc_now, waiting_status
from orchestrator.workflows.recovery_messages import (
    RecoverAnswer,
    RecoveredResource,
    RecoverOrder,
    RecoverStep,
    RecoveryReport,
)

LOOKS = 60
"""Looks at one resource before the run goes on without it. With a growing pause this is about half an hour."""

MOST_FAULTS = 12
"""Looks in a row that may fail: people mend roles meanwhile, and refusals pass."""

MOST_ABSENT = 6
"""Looks in a row at which something may be neither there nor kept: on its way it may be neither for a moment."""

FINISH_TRIES = 8
"""Attempts to keep the report."""


def recover_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator. Input: ``RecoverOrder``; output: ``RecoveryReport``; both as plain data.

    One resource that does not come back does not keep the next from being tried.
    """
    order = from_message(given, RecoverOrder, ctx.instance_id)
    steps: list[RecoveredResource] = []
    for item in order.proposal.calls:
        steps.append((yield from _recover(ctx, order, item, tuple(steps))))
    report = _report(order, tuple(steps), utc_now(ctx))
    try:
        yield from insist(
            ctx,
            names.FINISH_RECOVERY,
            to_message(report),
            beat=order.beat,
            longest=order.longest,
            tries=FINISH_TRIES,
        )
    except TaskFailedError as failed:
        why = f"{report.why}; this report was not kept: {failed.details.message}"
        report = msgspec.structs.replace(report, why=why)
    return to_builtins(report)


def _recover(
    ctx: OrchestrationContext, order: RecoverOrder, item: RecoveryItem, done: tuple[RecoveredResource, ...]
) -> Steps[RecoveredResource]:
    """Ask for one resource until it is there."""
    began, pause = utc_now(ctx), order.beat
    step = to_message(RecoverStep(pair=order.pair, item=item))
    shown = tuple({"name": last_part(each.name), "outcome": each.outcome, "why": each.why} for each in done)
    faults = absent = 0
    why = ""
    for _ in range(LOOKS):
        try:
            found = yield ctx.call_activity(names.RECOVER_RESOURCE, input=step)
        except TaskFailedError as failed:
            faults, why = faults + 1, failed.details.message
        else:
            answer = from_message(found, RecoverAnswer, names.RECOVER_RESOURCE)
            if answer.state == "there":
                return _outcome(item, "done", "it is there again", began, utc_now(ctx))
            faults, why = 0, answer.why
            absent = absent + 1 if answer.state == "absent" else 0
        if faults >= MOST_FAULTS or absent >= MOST_ABSENT:
            break
        ctx.set_custom_status(waiting_status(last_part(item.resource), began.isoformat(), why, shown))
        yield ctx.create_timer(pause)
        pause = min(pause * 2, order.longest)
    return _outcome(item, "failed", why, began, utc_now(ctx))


def _outcome(item: RecoveryItem, outcome: Any, why: str, began: datetime, ended: datetime) -> RecoveredResource:
    return RecoveredResource(name=item.resource, outcome=outcome, why=why, began_at=began, ended_at=ended)


def _report(order: RecoverOrder, steps: tuple[RecoveredResource, ...], now: datetime) -> RecoveryReport:
    failed = [step for step in steps if step.outcome == "failed"]
    left = tuple(item for item in order.proposal.items if item.how is not RecoveredBy.CALL)
    told = [f"{len(steps) - len(failed)} of {len(steps)} resources are there again"]
    told += [f"{last_part(step.name)}: {step.why}" for step in failed]
    told += [f"{last_part(item.resource)} was not tried: {item.why}" for item in left]
    return RecoveryReport(
        pair=order.pair,
        run=order.run,
        proposal=order.proposal.id,
        ok=not failed,
        outcome="failed" if failed else "completed",
        why="; ".join(told),
        steps=steps,
        left=left,
        failover=order.proposal.failover,
        by=order.by,
        reason=order.reason,
        asked_at=order.asked_at,
        ended_at=now,
    )
