"""What the run of a recovery group is told, and what it comes to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from orchestrator.core.base.codec import SCHEMA, Moment, Value
from orchestrator.core.decision.given_orders import OrderAnswer
from orchestrator.core.plan.groups import GroupMember, RecoveryGroup
from orchestrator.core.plan.step_base import OnError
from orchestrator.workflows.messages import RunKind, StepReport


class GroupOrder(Value, kw_only=True):
    """Switch the pairs of a group. The group is as it was when the order was given."""

    group: str
    run: str
    kind: RunKind
    reason: str
    by: str
    graceful: bool = False
    pairs: tuple[GroupMember, ...]
    at_once: int | None
    on_error: OnError
    timeout: timedelta
    beat: timedelta
    """First pause between two looks at a pair."""

    longest: timedelta
    asked_at: Moment


class GroupPairOrder(Value, kw_only=True):
    """One pair of it."""

    group: str
    run: str
    pair: str
    kind: RunKind
    reason: str
    by: str
    graceful: bool
    timeout: timedelta
    beat: timedelta
    longest: timedelta
    answer: OrderAnswer | None = None
    """What the pair says of its order; None if it was not given."""


def pair_order_of(order: GroupOrder, member: GroupMember) -> GroupPairOrder:
    """What the run of a group orders of one of its pairs."""
    shared = {field: getattr(order, field) for field in GroupPairOrder.__struct_fields__ if hasattr(order, field)}
    return GroupPairOrder(**shared, pair=member.pair)


class GroupReport(Value, kw_only=True):
    """Output of the run of a group."""

    schema: int = SCHEMA
    group: str
    run: str
    kind: RunKind
    outcome: Literal["completed", "failed"]
    """``completed``: every pair is on the side that was wanted."""

    why: str
    steps: tuple[StepReport, ...]
    """One for each pair that was ordered, in the order in which they ended; its name is the pair's."""

    left: tuple[str, ...]
    """Pairs that were not ordered, because one before them failed."""

    by: str
    reason: str
    asked_at: Moment
    ended_at: Moment


RUN_PREFIX = "group-"

LONGEST_PAUSE = 6
"""Beats between two looks at a pair at the most."""


def group_run_prefix(group: str, kind: str) -> str:
    """With what the ids of a group's runs begin, in one direction."""
    return f"{RUN_PREFIX}{group}-{kind}-"


def group_order(
    group: RecoveryGroup, kind: RunKind, reason: str, by: str, now: datetime, *, graceful: bool, beat: timedelta
) -> GroupOrder:
    """The order to switch a group now."""
    return GroupOrder(
        group=group.name,
        run=f"{group_run_prefix(group.name, kind)}{now:%Y%m%dT%H%M%S%f}",
        kind=kind,
        reason=reason,
        by=by,
        graceful=graceful,
        pairs=group.pairs,
        at_once=group.at_once,
        on_error=group.on_error,
        timeout=group.timeout,
        beat=beat,
        longest=beat * LONGEST_PAUSE,
        asked_at=now,
    )
