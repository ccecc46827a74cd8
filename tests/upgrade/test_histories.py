"""Runs that an earlier version began are ended by this one: every recorded history is replayed, turn by turn.

`make histories` records them anew. Do that when a change of replayed code is meant to break runs in flight, and say so
in the changelog: such a run fails on replay, and is begun again from its record.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from histories import FOLDER, History, kept, replay, turns_of

from orchestrator.triggers.registration import ORCHESTRATORS

FILES = sorted(FOLDER.glob("*/*.json"))

MADE = ("taskScheduled", "subOrchestrationInstanceCreated")
"""Events by which a run schedules something that has a name."""


@pytest.fixture(params=FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def history(request: pytest.FixtureRequest) -> History:
    file: Path = request.param
    return kept(file)


def test_every_turn_of_an_earlier_version_is_followed(history: History) -> None:
    """After each turn the run goes on as it did; after the last it has ended as it did."""
    turns = turns_of(history)
    ends = [event.executionCompleted for event in history.events if event.HasField("executionCompleted")]
    before: list[object] = []
    for number, turn in enumerate(turns):
        ended = replay(history.instance, before, turn)
        is_last = number == len(turns) - 1
        assert ended is None or (is_last and ended.status == "ORCHESTRATION_STATUS_COMPLETED"), ended
        before.extend(turn)
    assert [end.orchestrationStatus for end in ends] == [1]  # ORCHESTRATION_STATUS_COMPLETED
    assert ended is not None


def test_a_run_that_did_something_else_is_noticed(history: History) -> None:
    """What the recorded run had scheduled under another name is no history of this code."""
    changed = [event.__deepcopy__() for event in history.events]
    made = [getattr(event, field) for event in changed for field in MADE if event.HasField(field)]
    made[0].name = "something_else"
    turns = turns_of(History(history.instance, tuple(changed)))
    ends = [replay(history.instance, [e for turn in turns[:n] for e in turn], turn) for n, turn in enumerate(turns)]
    assert any(ended is not None and "something_else" in ended.why for ended in ends)


def test_the_main_ways_are_recorded() -> None:
    """A failover, a failback, their jobs, a drill, and what runs beside them."""
    recorded = {kept(file).name for file in FILES}
    assert {"switch_run-failover", "switch_run-failback"} <= {file.stem for file in FILES}
    assert recorded <= set(ORCHESTRATORS)
    assert len(recorded) > len(ORCHESTRATORS) // 2
