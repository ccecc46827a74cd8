"""The runs of recovery groups, as ``GET runs`` lists them: beside the runs of pairs, for they belong to no single one.

A group's run is in the engine alone: it has no epoch, no evidence and no ledger of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.plan.groups import RecoveryGroup
from orchestrator.ports import UNDER_WAY, Engine, OrchestrationState
from orchestrator.workflows import names
from orchestrator.workflows.group_messages import RUN_PREFIX

LOOK_BACK = timedelta(days=90)
"""Runs that were begun earlier are not listed: the engine would have to be searched for them at each call."""

_ID = re.compile(rf"^{RUN_PREFIX}(?P<group>.+)-(?P<kind>failover|failback)-\d{{8}}T\d{{12}}$")


class GroupRunLine(Value, kw_only=True):
    """One run of a recovery group, for people."""

    id: str
    """As ``GET runs/{id}`` takes it."""

    group: str
    kind: Literal["failover", "failback"]
    outcome: Literal["running", "completed", "failed"]
    """``completed``: every pair is where the run leads."""

    why: str
    """The pairs that are waited for, or what became of all of them."""

    at: Moment
    """When it was ordered."""


async def list_group_runs(
    engine: Engine, groups: Mapping[str, RecoveryGroup], now: datetime, *, pair: str | None = None, limit: int
) -> list[GroupRunLine]:
    """Runs of the groups that the plans' folder has: those under way first, then the newest.

    Args:
        engine: is not asked if there is no such group.
        groups: by name.
        now: only what was begun ``LOOK_BACK`` before it is listed.
        pair: of groups that name this pair alone.
        limit: how many at most.

    Raises:
        EngineError: the engine does not answer.
    """
    wanted = {
        name for name, group in groups.items() if pair is None or any(member.pair == pair for member in group.pairs)
    }
    if not wanted:
        return []
    found = await engine.started_since(RUN_PREFIX, now - LOOK_BACK)
    lines = [line for state in found if (line := _line_of(state)) and line.group in wanted]
    return sorted(lines, key=lambda line: (line.outcome == "running", line.at), reverse=True)[:limit]


def _line_of(state: OrchestrationState) -> GroupRunLine | None:
    """None if it is no run of a group, but one that such a run has begun."""
    said = _ID.match(state.id)
    if said is None or state.name != names.GROUP_RUN:
        return None
    outcome, why = _outcome_of(state)
    kind: Any = said["kind"]
    return GroupRunLine(id=state.id, group=said["group"], kind=kind, outcome=outcome, why=why, at=state.created_at)


def _outcome_of(state: OrchestrationState) -> tuple[Literal["running", "completed", "failed"], str]:
    if state.status in UNDER_WAY:
        waits = state.waits_for if isinstance(state.waits_for, Mapping) else {}
        return "running", f"waits for {waits['step']}" if waits.get("step") else ""
    output = state.output if isinstance(state.output, Mapping) else {}
    if state.status == "completed" and output.get("outcome") == "completed":
        return "completed", str(output.get("why", ""))
    return "failed", str(output.get("why") or state.output or state.status)
