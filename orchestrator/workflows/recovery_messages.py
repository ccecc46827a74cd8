"""What the run that recovers deleted resources is told, and what it comes to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from orchestrator.core.base.codec import SCHEMA, Moment, Value
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import beat_of, longest_of
from orchestrator.core.standby.recovery import RecoveryItem, RecoveryProposal


class RecoverOrder(Value, kw_only=True):
    """Carry a proposal out."""

    pair: str
    run: str
    proposal: RecoveryProposal
    reason: str
    by: str
    asked_at: Moment
    beat: timedelta
    longest: timedelta


class RecoverStep(Value, kw_only=True):
    """One call of it."""

    pair: str
    item: RecoveryItem


class RecoverAnswer(Value, kw_only=True):
    """Where a resource stands."""

    state: Literal["there", "coming", "asked", "absent"]
    """It is there; it is there and not ready; it was asked for just now; it is neither there nor kept."""

    why: str = ""


class RecoveredResource(Value, kw_only=True):
    """What became of one resource."""

    name: str
    """Its ARM id."""

    outcome: Literal["done", "failed"]
    why: str
    began_at: Moment
    ended_at: Moment


class RecoveryReport(Value, kw_only=True):
    """The blob ``<pair>/recoveries/<run>.json``, and the output of the run."""

    schema: int = SCHEMA
    pair: str
    run: str
    proposal: str
    ok: bool
    outcome: Literal["completed", "failed"]
    why: str
    steps: tuple[RecoveredResource, ...]
    left: tuple[RecoveryItem, ...]
    """What needs a person, or cannot be recovered."""

    failover: str = ""
    by: str
    reason: str
    asked_at: Moment
    ended_at: Moment


RUN_PREFIX = "recover-"


def recover_run_id(pair: str, proposal: str) -> str:
    """Equal for the same proposal: whoever asks twice follows one run."""
    return f"{RUN_PREFIX}{pair}-{proposal}"


def recover_order(plan: Plan, proposal: RecoveryProposal, reason: str, by: str, now: datetime) -> RecoverOrder:
    """The order to carry a proposal out now."""
    return RecoverOrder(
        pair=plan.pair,
        run=recover_run_id(plan.pair, proposal.id),
        proposal=proposal,
        reason=reason,
        by=by,
        asked_at=now,
        beat=beat_of(plan.policy),
        longest=longest_of(plan.policy),
    )
