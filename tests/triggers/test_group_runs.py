"""Runs of recovery groups in ``GET runs``: as the engine knows them, beside the runs of pairs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.plan.groups import GroupMember, RecoveryGroup
from orchestrator.ports import EngineError, OrchestrationState
from orchestrator.triggers.group_runs import GroupRunLine, list_group_runs
from orchestrator.workflows import names
from orchestrator.workflows.group_messages import RUN_PREFIX, GroupReport
from orchestrator.workflows.messages import RunKind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST, SECOND = "group-pay-failover-20260301T110000000000", "group-pay-eu-failback-20260301T113000000000"


def group(name: str, *pairs: str) -> RecoveryGroup:
    return RecoveryGroup(schema=1, kind="group", name=name, pairs=tuple(GroupMember(pair=pair) for pair in pairs))


GROUPS = {each.name: each for each in (group("pay", "demo"), group("pay-eu", "demo", "home"))}


def report(run: str, name: str, kind: RunKind) -> Any:
    made = GroupReport(
        group=name,
        run=run,
        kind=kind,
        outcome="failed",
        why="0 of 1 pairs are where the failover leads; demo failed",
        steps=(),
        left=(),
        by="ana",
        reason="a drill",
        asked_at=NOW,
        ended_at=NOW,
    )
    return to_builtins(made)


def state(run: str, status: str, minutes: int, *, name: str = names.GROUP_RUN, **more: Any) -> OrchestrationState:
    at = NOW - timedelta(minutes=minutes)
    return OrchestrationState(run, name, status, more.get("waits_for"), more.get("output"), at, at)


class Engine:
    """What the engine knows; ``asked`` takes the prefixes."""

    def __init__(self, *known: OrchestrationState, fault: str = "") -> None:
        self.known, self.fault, self.asked = known, fault, list[tuple[str, datetime]]()

    async def started_since(self, prefix: str, since: datetime) -> list[OrchestrationState]:
        if self.fault:
            raise EngineError(self.fault)
        self.asked.append((prefix, since))
        return sorted(self.known, key=lambda each: each.created_at)


def listed(engine: Engine, *, pair: str | None = None, groups: Any = GROUPS, limit: int = 50) -> list[GroupRunLine]:
    return asyncio.run(list_group_runs(engine, groups, NOW, pair=pair, limit=limit))  # type: ignore[arg-type]


def test_a_run_that_has_ended_says_what_it_came_to() -> None:
    """Its output's outcome, not the engine's word: an orchestration can complete although a pair has failed."""
    (line,) = listed(Engine(state(FIRST, "completed", 60, output=report(FIRST, "pay", RunKind.FAILOVER))))
    assert line == GroupRunLine(
        id=FIRST,
        group="pay",
        kind="failover",
        outcome="failed",
        why="0 of 1 pairs are where the failover leads; demo failed",
        at=NOW - timedelta(minutes=60),
    )


def test_a_run_under_way_comes_first_with_the_pairs_that_it_waits_for() -> None:
    """As those of pairs do. A group whose name begins like another's is not taken for it."""
    waits = {"step": "demo, home", "since": "x", "why": ""}
    later = "group-pay-failover-20260301T115900000000"
    lines = listed(
        Engine(
            state(SECOND, "running", 30, waits_for=waits),
            state(FIRST, "completed", 60, output=report(FIRST, "pay", RunKind.FAILOVER)),
            state(later, "completed", 1, output=report(later, "pay", RunKind.FAILOVER)),
        )
    )
    assert [line.id for line in lines] == [SECOND, later, FIRST]
    assert (lines[0].group, lines[0].kind, lines[0].outcome) == ("pay-eu", "failback", "running")
    assert lines[0].why == "waits for demo, home"


@pytest.mark.parametrize(("output", "why"), [("it broke", "it broke"), (None, "terminated")])
def test_a_run_that_broke_has_failed(output: str | None, why: str) -> None:
    """With the engine's own words."""
    (line,) = listed(Engine(state(FIRST, "terminated", 60, output=output)))
    assert (line.outcome, line.why) == ("failed", why)


def test_the_orchestrations_of_its_pairs_are_no_runs_of_a_group() -> None:
    """They begin with the run's id, and have names of their own; nor is a run of a group that no file has."""
    others = (
        state(f"{FIRST}-demo-1a2b3c4d", "completed", 60, name=names.GROUP_PAIR_RUN),
        state("group-gone-failover-20260301T110000000000", "completed", 60),
        state(SECOND, "completed", 60, name=names.SWITCH_RUN),
    )
    assert listed(Engine(*others)) == []


def test_of_one_pair_are_the_runs_of_groups_that_name_it() -> None:
    """As many as are wanted."""
    known = (state(FIRST, "running", 60), state(SECOND, "running", 30))
    assert [line.group for line in listed(Engine(*known), pair="home")] == ["pay-eu"]
    assert [line.group for line in listed(Engine(*known), pair="demo")] == ["pay-eu", "pay"]
    assert len(listed(Engine(*known), limit=1)) == 1


def test_without_groups_the_engine_is_not_asked() -> None:
    """Most deployments have none; nobody of those is slower for it."""
    engine = Engine()
    assert listed(engine, groups={}) == listed(engine, pair="elsewhere") == []
    assert engine.asked == []
    listed(engine)
    ((prefix, since),) = engine.asked
    assert prefix == RUN_PREFIX
    assert NOW - since == timedelta(days=90)
