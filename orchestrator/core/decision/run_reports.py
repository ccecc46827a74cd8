"""What a run says it did, and what others have done. A report of another run, or of a past one, changes nothing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import truncate
from orchestrator.core.base.vocabulary import NoticeName, Phase, Role
from orchestrator.core.decision.exchanged_sides import forget_sides
from orchestrator.core.decision.proposals import close_proposal
from orchestrator.core.decision.state import Decision, PairState, Tell, change_phase
from orchestrator.core.decision.transitions import ABORTED, Trigger
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.policy import Policy


class What(StrEnum):
    """What a run reports."""

    SWITCHED = "switched"
    """The pointer is published under this run's epoch."""

    SUPERSEDED = "superseded"
    """Somebody else holds a newer epoch; ``epoch`` and ``active`` are what they made of it."""

    RESUBMITTED = "resubmitted"
    """All jobs are dealt with."""

    FAILED = "failed"
    """The run has ended without having done what it was for; ``epoch`` and ``active`` are what is in force."""

    ABORTED = "aborted"
    """A person aborted the run before it had claimed its epoch; ``epoch`` and ``active`` are as before it."""


class Report(Value, kw_only=True):
    run: str
    epoch: int
    what: What
    active: Role
    why: str = ""


def report(state: PairState, report: Report, now: datetime, policy: Policy) -> Decision:  # noqa: ARG001
    """What follows from a run's report."""
    now = max(now, state.last_now)
    if report.run != state.run or not _fits(state, report):
        why = f"{report.what} of {report.run} under epoch {report.epoch} is out of date and changes nothing"
        return Decision(state=state, rule="stale-report", why=why)
    if report.what is What.SWITCHED:
        return _note_switch(state, report, now)
    if report.what is What.RESUBMITTED:
        after = change_phase(state, Trigger.RESUBMITTED, now, "settled", report.why, run=None, target=None)
        return Decision(
            state=after, orders=(Tell(name=NoticeName.SETTLED, why=after.why),), rule=after.rule, why=after.why
        )
    if report.what is What.ABORTED:
        return _note_abort(state, report, now)
    if report.epoch > state.epoch or (report.what is What.SUPERSEDED and report.epoch == state.epoch):
        return _note_superseded(state, report.epoch, report.active, now, report.why)
    return _note_failure(state, report, now)


def take_over(state: PairState, record: EpochRecord, now: datetime) -> Decision:
    """What follows from the epoch record as it was read. Ours is left alone, and so is a run under way.

    The cooldown counts from the record's own time, so that a stamp that learns of a switch late holds no longer than
    the one that made it. What was known of a side before the sides changed places is not about that side any more.
    """
    if state.run is not None:
        return Decision(state=state, rule=state.rule, why=state.why)
    state = forget_sides(state, record.sides_since)
    if record.epoch <= state.epoch:
        return Decision(state=state, rule=state.rule, why=state.why)
    who = f"full drill {record.drill}" if record.drill else record.run or "somebody"
    switched = f"{who} has switched to the {record.active} under epoch {record.epoch}"
    exchanged = f"under epoch {record.epoch} the hub that is active is the {record.active}"
    why = f"{exchanged if record.sides_since == record.epoch else switched}: {record.why}"
    after = _note_superseded(state, record.epoch, record.active, max(now, state.last_now), why, drill=record.drill)
    since = min(record.since, after.state.last_now)
    return msgspec.structs.replace(after, state=msgspec.structs.replace(after.state, switched_at=since))


def _fits(state: PairState, report: Report) -> bool:
    """Whether a report of the run under way can be true in this phase. That the run has ended always can."""
    if report.what is What.SWITCHED:
        moving = state.phase in {Phase.SWITCHING, Phase.RETURNING}
        return moving and report.epoch == state.epoch + 1 and report.active is state.target
    if report.what is What.RESUBMITTED:
        return state.phase is Phase.RESUBMITTING and report.epoch == state.epoch
    if report.what is What.ABORTED:
        return state.phase is not Phase.RESUBMITTING and report.epoch == state.epoch and report.active is state.active
    return True


def _note_switch(state: PairState, report: Report, now: datetime) -> Decision:
    after = change_phase(
        state,
        Trigger.SWITCHED,
        now,
        "switched",
        report.why,
        active=report.active,
        epoch=report.epoch,
        switched_at=now,
        switched_why=truncate(report.why),
        acknowledged=False,
        attempts=0,
        failed_at=None,
        suspects=(),
        last_now=now,
    )
    return Decision(state=after, rule=after.rule, why=after.why)


def _note_superseded(
    state: PairState, epoch: int, active: Role, now: datetime, why: str, *, drill: str = ""
) -> Decision:
    """The pair as others have switched it. ``drill``: the full drill that did; whoever holds it tells people itself."""
    state = close_proposal(state, now, f"was overtaken by the switch of epoch {epoch}")
    after = change_phase(
        state,
        Trigger.SUPERSEDED,
        now,
        "superseded",
        why,
        active=active,
        epoch=epoch,
        run=None,
        run_drill=drill,
        target=None,
        switched_at=now,
        switched_why=truncate(why),
        acknowledged=False,
        attempts=0,
        failed_at=None,
        suspects=(),
        last_now=now,
    )
    told = () if drill else (Tell(name=NoticeName.SUPERSEDED, why=after.why),)
    return Decision(state=after, orders=told, rule=after.rule, why=after.why)


def _note_abort(state: PairState, report: Report, now: datetime) -> Decision:
    """The pair is in the phase from which the run was begun.

    The next run for this epoch has an id of its own, for this one's may claim nothing any more. A run that the rule
    began was due: its like waits as after a failure, so that people can say what they want instead.
    """
    before = state.run_from or (Phase.SETTLED if state.phase is Phase.RETURNING else Phase.SUSPECT)
    failed_at = state.failed_at if state.run_ordered else now
    changes = {"run": None, "target": None, "attempts": state.attempts + 1, "failed_at": failed_at, "last_now": now}
    after = change_phase(state, ABORTED[before], now, "run-aborted", report.why, **changes)
    return Decision(
        state=after, orders=(Tell(name=NoticeName.RUN_ABORTED, why=after.why),), rule=after.rule, why=after.why
    )


def _note_failure(state: PairState, report: Report, now: datetime) -> Decision:
    """Before the pointer has moved, the pair is where it was and may try again; after it, jobs are left over."""
    changes: dict[str, Any] = {"run": None, "target": None, "last_now": now}
    if state.phase is not Phase.RESUBMITTING:
        changes |= {"attempts": state.attempts + 1, "failed_at": now}
    after = change_phase(state, Trigger.RUN_FAILED, now, "run-failed", report.why, **changes)
    return Decision(
        state=after, orders=(Tell(name=NoticeName.RUN_FAILED, why=after.why),), rule=after.rule, why=after.why
    )
