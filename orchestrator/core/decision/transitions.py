"""What may follow what: one table of ``(phase, trigger) -> phase``. Everything that is not in it raises.

Each row carries the sentence that an operator reads. The diagram in the docs is printed from here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.base.errors import PermanentError
from orchestrator.core.base.vocabulary import Phase


class Trigger(StrEnum):
    """What can move a pair from one phase to another."""

    EVIDENCE_BAD = "evidence_bad"
    EVIDENCE_CLEAR = "evidence_clear"
    RULE_MET = "rule_met"
    RULE_LOST = "rule_lost"
    APPROVAL_NEEDED = "approval_needed"
    APPROVED = "approved"
    REJECTED = "rejected"
    APPROVAL_EXPIRED = "approval_expired"
    FAILOVER_ORDERED = "failover_ordered"
    FAILBACK_BEGUN = "failback_begun"
    SWITCHED = "switched"
    RESUBMITTED = "resubmitted"
    RUN_FAILED = "run_failed"
    ABORTED_FROM_STEADY = "aborted_from_steady"
    ABORTED_FROM_SUSPECT = "aborted_from_suspect"
    ABORTED_FROM_SETTLED = "aborted_from_settled"
    SUPERSEDED = "superseded"
    ACKNOWLEDGED = "acknowledged"
    COOLDOWN_OVER = "cooldown_over"


class Row(NamedTuple):
    phase: Phase
    trigger: Trigger
    to: Phase
    sentence: str


class NoSuchTransition(PermanentError):
    """The table has no row for this phase and trigger: a defect, never a state of the world."""


_SUPERSEDED = "Somebody else has switched this pair under a newer epoch; what they did is taken over."
_ORDERED = "A person ordered the failover."
_RETURN = "The way back begins: the old side has been well for long enough, or a person insisted."

_ABORTED = "The run was aborted before it had claimed its epoch; the pair is as it was."

ABORTED = {
    Phase.STEADY: Trigger.ABORTED_FROM_STEADY,
    Phase.SUSPECT: Trigger.ABORTED_FROM_SUSPECT,
    Phase.AWAITING_APPROVAL: Trigger.ABORTED_FROM_SUSPECT,
    Phase.SETTLED: Trigger.ABORTED_FROM_SETTLED,
}
"""Phase in which a run was begun -> what leads back to it. A proposal that was answered is not open again."""

ROWS: tuple[Row, ...] = (
    Row(
        Phase.STEADY,
        Trigger.EVIDENCE_BAD,
        Phase.SUSPECT,
        "Something about the active side is bad; it is looked at more often.",
    ),
    Row(Phase.STEADY, Trigger.FAILOVER_ORDERED, Phase.SWITCHING, _ORDERED),
    Row(Phase.STEADY, Trigger.FAILBACK_BEGUN, Phase.RETURNING, _RETURN),
    Row(Phase.STEADY, Trigger.SUPERSEDED, Phase.SETTLED, _SUPERSEDED),
    Row(Phase.SUSPECT, Trigger.EVIDENCE_CLEAR, Phase.STEADY, "What was bad has been seen well again."),
    Row(
        Phase.SUSPECT,
        Trigger.RULE_MET,
        Phase.SWITCHING,
        "Enough evidence for long enough and nothing holds: the pair fails over.",
    ),
    Row(
        Phase.SUSPECT,
        Trigger.APPROVAL_NEEDED,
        Phase.AWAITING_APPROVAL,
        "The failover is proposed; a person has to approve it.",
    ),
    Row(Phase.SUSPECT, Trigger.FAILOVER_ORDERED, Phase.SWITCHING, _ORDERED),
    Row(Phase.SUSPECT, Trigger.FAILBACK_BEGUN, Phase.RETURNING, _RETURN),
    Row(Phase.SUSPECT, Trigger.SUPERSEDED, Phase.SETTLED, _SUPERSEDED),
    Row(
        Phase.AWAITING_APPROVAL,
        Trigger.APPROVED,
        Phase.SWITCHING,
        "The proposal was approved while the evidence stood.",
    ),
    Row(
        Phase.AWAITING_APPROVAL,
        Trigger.RULE_MET,
        Phase.SWITCHING,
        "The mode no longer asks for approval and the evidence stands.",
    ),
    Row(
        Phase.AWAITING_APPROVAL,
        Trigger.REJECTED,
        Phase.SUSPECT,
        "The proposal was rejected; the pair stays where it is.",
    ),
    Row(
        Phase.AWAITING_APPROVAL,
        Trigger.APPROVAL_EXPIRED,
        Phase.SUSPECT,
        "Nobody answered in time; the evidence is judged anew.",
    ),
    Row(
        Phase.AWAITING_APPROVAL,
        Trigger.RULE_LOST,
        Phase.SUSPECT,
        "The evidence no longer suffices; the proposal is withdrawn.",
    ),
    Row(
        Phase.AWAITING_APPROVAL,
        Trigger.EVIDENCE_CLEAR,
        Phase.STEADY,
        "What was bad has been seen well again; the proposal is withdrawn.",
    ),
    Row(Phase.AWAITING_APPROVAL, Trigger.FAILOVER_ORDERED, Phase.SWITCHING, _ORDERED),
    Row(Phase.AWAITING_APPROVAL, Trigger.FAILBACK_BEGUN, Phase.RETURNING, _RETURN),
    Row(Phase.AWAITING_APPROVAL, Trigger.SUPERSEDED, Phase.SETTLED, _SUPERSEDED),
    Row(Phase.SWITCHING, Trigger.SWITCHED, Phase.RESUBMITTING, "The pointer is published; interrupted jobs follow."),
    Row(
        Phase.SWITCHING,
        Trigger.RUN_FAILED,
        Phase.SUSPECT,
        "The run ended before the pointer moved; the pair is still where it was.",
    ),
    Row(Phase.SWITCHING, Trigger.ABORTED_FROM_STEADY, Phase.STEADY, _ABORTED),
    Row(Phase.SWITCHING, Trigger.ABORTED_FROM_SUSPECT, Phase.SUSPECT, _ABORTED),
    Row(Phase.SWITCHING, Trigger.ABORTED_FROM_SETTLED, Phase.SETTLED, _ABORTED),
    Row(Phase.SWITCHING, Trigger.SUPERSEDED, Phase.SETTLED, _SUPERSEDED),
    Row(
        Phase.RESUBMITTING,
        Trigger.RESUBMITTED,
        Phase.SETTLED,
        "Every job is resubmitted, finished, skipped or waiting with a reason.",
    ),
    Row(
        Phase.RESUBMITTING,
        Trigger.RUN_FAILED,
        Phase.SETTLED,
        "The pointer has moved, but the run ended before all jobs were dealt with.",
    ),
    Row(Phase.RESUBMITTING, Trigger.SUPERSEDED, Phase.SETTLED, _SUPERSEDED),
    Row(
        Phase.SETTLED,
        Trigger.ACKNOWLEDGED,
        Phase.STEADY,
        "A person has seen the switch; the side that is active now is protected from here on.",
    ),
    Row(
        Phase.SETTLED,
        Trigger.COOLDOWN_OVER,
        Phase.STEADY,
        "The cooldown is over; the side that is active now is protected from here on.",
    ),
    Row(Phase.SETTLED, Trigger.FAILBACK_BEGUN, Phase.RETURNING, _RETURN),
    Row(Phase.SETTLED, Trigger.FAILOVER_ORDERED, Phase.SWITCHING, _ORDERED),
    Row(Phase.SETTLED, Trigger.SUPERSEDED, Phase.SETTLED, _SUPERSEDED),
    Row(Phase.RETURNING, Trigger.SWITCHED, Phase.RESUBMITTING, "The pointer is back; jobs of the other side follow."),
    Row(
        Phase.RETURNING,
        Trigger.RUN_FAILED,
        Phase.SETTLED,
        "The way back ended before the pointer moved; the pair is still where it was.",
    ),
    Row(Phase.RETURNING, Trigger.ABORTED_FROM_STEADY, Phase.STEADY, _ABORTED),
    Row(Phase.RETURNING, Trigger.ABORTED_FROM_SUSPECT, Phase.SUSPECT, _ABORTED),
    Row(Phase.RETURNING, Trigger.ABORTED_FROM_SETTLED, Phase.SETTLED, _ABORTED),
    Row(Phase.RETURNING, Trigger.SUPERSEDED, Phase.SETTLED, _SUPERSEDED),
)

TABLE: dict[tuple[Phase, Trigger], Row] = {(row.phase, row.trigger): row for row in ROWS}


def next_phase(phase: Phase, trigger: Trigger) -> Phase:
    """The phase that follows.

    Raises:
        NoSuchTransition: the table does not have this row.
    """
    row = TABLE.get((phase, trigger))
    if row is None:
        raise NoSuchTransition(f"nothing follows {trigger} in phase {phase}")
    return row.to


def as_mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.STEADY}"]
    lines += [f"    {row.phase} --> {row.to}: {row.trigger}" for row in ROWS]
    return "\n".join(lines) + "\n"
