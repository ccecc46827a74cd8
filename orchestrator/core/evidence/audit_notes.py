"""What of a decision, a run or a drill goes into the audit log."""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.state import Decision, JournalEntry, PairState
from orchestrator.core.evidence.audit_chain import AuditKind, AuditNote

COMPLETED = "completed"
"""Word of the summary of a run that has done what it was for."""


def notes_of(before: PairState, decision: Decision, now: datetime, command: Command | None) -> tuple[AuditNote, ...]:
    """What is noted of a decision: the order that it answers, and the change of phase or epoch; nothing for most.

    A switch that others made is taken over in one decision, and may leave the phase as it was.
    """
    after = decision.state
    order = (order_note(before.pair, command, now, decision.why),) if command is not None else ()
    changed = before.phase is not after.phase or before.epoch != after.epoch
    change = (_change_note(before, after, now),) if changed else ()
    return (*order, *change)


def order_note(pair: str, command: Command, now: datetime, why: str) -> AuditNote:
    """What a person wanted, and what came of it."""
    return AuditNote(
        pair=pair,
        id=f"{command.do}-{_stamp(now)}",
        at=now,
        kind=AuditKind.ORDER,
        who=command.by,
        why=why,
        details={
            "do": command.do.value,
            "reason": command.reason,
            "force": command.force,
            "proposal": command.proposal,
            "epoch": command.epoch,
        },
    )


def drill_note(pair: str, run: str, kind: str, who: str, reason: str, now: datetime) -> AuditNote:
    """A drill that a person wanted."""
    why = f"{kind} drill asked for"
    return _asked(pair, f"order-{run}", who, reason, now, why, do="drill", drill=kind, run=run)


def recovery_note(pair: str, run: str, who: str, reason: str, now: datetime, what: str) -> AuditNote:
    """A recovery that a person wanted. One that has failed may be wanted again."""
    return _asked(pair, f"recover-{_stamp(now)}", who, reason, now, what, do="recover", run=run)


def wish_note(pair: str, run: str, do: str, who: str, reason: str, now: datetime, why: str) -> AuditNote:
    """What a person wanted of a run that is under way, such as its next try at once, and what came of it."""
    return _asked(pair, f"{do}-{run}-{_stamp(now)}", who, reason, now, why, do=do, run=run)


def channel_test_note(pair: str, who: str, reason: str, now: datetime, why: str) -> AuditNote:
    """Test notices that a person wanted, and what came of them."""
    return _asked(pair, f"test_notices-{_stamp(now)}", who, reason, now, why, do="test_notices")


def _asked(pair: str, id_: str, who: str, reason: str, now: datetime, why: str, **details: str) -> AuditNote:
    return AuditNote(
        pair=pair, id=id_, at=now, kind=AuditKind.ORDER, who=who, why=why, details={**details, "reason": reason}
    )


def end_note(pair: str, run: str, at: datetime, who: str, why: str, **details: str | int | bool | None) -> AuditNote:
    """The end of a run or drill. One that was stopped may be begun again, and end a second time."""
    outcome = details.get("outcome", COMPLETED)
    return AuditNote(
        pair=pair,
        id=f"ended-{run}" if outcome == COMPLETED else f"ended-{run}-{outcome}",
        at=at,
        kind=AuditKind.RUN_ENDED,
        who=who,
        why=why,
        details={"run": run, **details},
    )


def final_note(
    pair: str, run: str, at: datetime, who: str, reason: str, **details: str | int | bool | None
) -> AuditNote:
    """What a person attests of a run. With the hash of the evidence: it cannot be changed afterwards unseen."""
    return AuditNote(
        pair=pair,
        id=f"finalised-{run}",
        at=at,
        kind=AuditKind.FINALISED,
        who=who,
        why=reason,
        details={"run": run, **details},
    )


def _change_note(before: PairState, after: PairState, now: datetime) -> AuditNote:
    was, made = before.phase, _find_change(before, after)
    return AuditNote(
        pair=after.pair,
        id=f"{was}-{after.phase}-{_stamp(now)}",
        at=now,
        kind=AuditKind.SWITCH if after.epoch != before.epoch else AuditKind.PHASE,
        who="",
        why=made.why if made else after.why,
        details={
            "was": was.value,
            "phase": after.phase.value,
            "rule": made.rule if made else after.rule,
            "active": after.active.value,
            "epoch": after.epoch,
            "run": after.run,
        },
    )


def _find_change(before: PairState, after: PairState) -> JournalEntry | None:
    """What was written when the phase became what it is. The same look may have been judged after that."""
    return next((each for each in after.journal if each not in before.journal and each.phase is after.phase), None)


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S%f}"
