"""The timer that looks at standbys: when a look is due, what hastens it, and that nobody waits for a slow one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from live import until
from watched_pairs import WatchedPairs, watched_pairs

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.standing import (
    EVER,
    EVERY,
    PAUSE,
    SKEW,
    SOONER,
    ReadinessStanding,
    WantedLook,
    add_wanted,
    find_believed,
    is_look_due,
)
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.parse import facts_from_text
from orchestrator.ports import World
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import estate_of
from orchestrator.standby.readiness import look_at_standby
from orchestrator.triggers.engine import DurableEngine
from orchestrator.watch import readiness, watch
from orchestrator.watch.intake import route
from orchestrator.watch.memory import GoingOn
from orchestrator.web.views import pair_view
from orchestrator.workflows import calls

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def standing(**changes: Any) -> ReadinessStanding:
    return ReadinessStanding(
        **({"at": NOW, "active": Role.PRIMARY, "ready": True, "score": 100, "due_at": NOW + EVERY} | changes)
    )


@pytest.mark.parametrize(
    ("found", "wanted", "active", "later", "due"),
    [
        (None, None, Role.PRIMARY, timedelta(), True),
        (standing(), None, Role.PRIMARY, EVERY - timedelta(seconds=1), False),
        (standing(), None, Role.PRIMARY, EVERY, True),
        (standing(), None, Role.SECONDARY, timedelta(seconds=1), True),
        (standing(), WantedLook(at=NOW), Role.PRIMARY, PAUSE, False),
        (standing(), WantedLook(at=NOW + timedelta(seconds=1)), Role.PRIMARY, PAUSE - timedelta(seconds=1), False),
        (standing(), WantedLook(at=NOW + timedelta(seconds=1)), Role.PRIMARY, PAUSE, True),
        (standing(), None, Role.PRIMARY, -SOONER - timedelta(seconds=1), True),
    ],
)
def test_when_a_look_is_due(
    found: ReadinessStanding | None, wanted: WantedLook | None, active: Role, later: timedelta, due: bool
) -> None:
    """Every half hour, after a switch, after a change that no look has seen, and if a clock went back."""
    assert is_look_due(found, wanted, active, NOW + later) is due


def test_a_plan_that_was_changed_brings_a_look() -> None:
    """By what it says; what was held against an older version's plan is looked at in its turn."""
    found = msgspec.structs.replace(standing(), plan="one")
    assert is_look_due(found, None, Role.PRIMARY, NOW + PAUSE, "other")
    assert not is_look_due(found, None, Role.PRIMARY, NOW, "other")
    assert not is_look_due(found, None, Role.PRIMARY, NOW + PAUSE, "one")
    assert not is_look_due(standing(), None, Role.PRIMARY, NOW + PAUSE, "other")


def test_what_a_look_may_believe_follows_from_the_last_one_and_from_what_was_told() -> None:
    """Nothing but assets, if it found the standby not ready or looked at the other side; nothing before a change."""
    told = WantedLook(at=NOW, gone=NOW - EVERY)
    assert find_believed(standing(), None, Role.PRIMARY) == (EVER, EVER)
    assert find_believed(standing(), told, Role.PRIMARY) == (NOW + SKEW, NOW - EVERY + SKEW)
    assert find_believed(standing(), WantedLook(at=NOW), Role.PRIMARY) == (NOW + SKEW, EVER)
    for last in (None, standing(ready=False), standing(active=Role.SECONDARY)):
        assert find_believed(last, told, Role.PRIMARY) == (None, NOW - EVERY + SKEW)


def test_a_write_after_a_deletion_leaves_the_deletion_told() -> None:
    """And the later of two deletions counts, in whichever order they come."""
    first, later = WantedLook(at=NOW, gone=NOW), WantedLook(at=NOW + SKEW, gone=NOW + SKEW)
    assert add_wanted(first, WantedLook(at=NOW + SKEW)) == WantedLook(at=NOW + SKEW, gone=NOW)
    assert add_wanted(first, later) == add_wanted(later, first) == later
    assert add_wanted(None, first) == first


def test_a_pair_is_looked_at_once_at_a_time_and_rests_after_a_failure() -> None:
    """Others are not kept by it, up to a number."""
    going = GoingOn()
    assert (going.begin("a"), going.begin("a"), going.begin("b")) == (True, False, True)
    assert going.rests("a", NOW)
    going.end("a", NOW + SOONER)
    assert (going.rests("a", NOW), going.rests("a", NOW + SOONER)) == (True, False)
    going.end("a", None)
    assert not going.rests("a", NOW)
    assert [going.begin(f"p{number}") for number in range(9)].count(True) == 7


class Watched(WatchedPairs):
    """Two pairs; a look at standbys is one tick."""

    def tick(self, look: readiness.Look = look_at_standby) -> int:
        return self.ask(lambda client: readiness.look_at_standbys(self.deployment, DurableEngine(client), look))

    def watch(self) -> None:
        self.ask(lambda client: watch.watch(self.deployment, DurableEngine(client)))
        until(self.engine.idle, "rest")

    def state(self, pair: str) -> PairState:
        found = self.ask(lambda client: calls.pair_state(DurableEngine(client), pair))
        assert found is not None
        return found

    def view(self, pair: str) -> dict[str, Any]:
        return pair_view(self.deployment.plans[pair], self.state(pair), self.deployment.clock.now())


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    pairs = ("demo", "twin")
    azure = LocalAzure(seed=5, estate=estate_of(pairs=pairs), speed=100)
    folder: Path = tmp_path_factory.mktemp("plans")
    patient = {"probe_interval": timedelta(milliseconds=1), "suspect_interval": timedelta(milliseconds=1)}
    with watched_pairs(Watched, azure, pairs, folder, **patient) as made:
        made.watch()
        yield made


def test_pairs_are_looked_at_and_their_entities_hear_of_it(watched: Watched) -> None:
    """One tick looks at both, the next at none; what was found is in the pair's state after the next look of it."""
    assert watched.view("demo")["ready"] is None
    watched.tick()
    until(lambda: not watched.deployment.memory.readiness_going_on.rests("demo", NOW), "the end of the looks")
    until(lambda: not watched.deployment.memory.readiness_going_on.rests("twin", NOW), "the end of the looks")
    assert watched.tick() == 0
    watched.watch()
    assert [watched.view(pair)["ready"] for pair in ("demo", "twin")] == [True, True]


def test_a_pair_whose_plan_was_changed_is_looked_at_again(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the other one is not."""
    seen = list[str]()

    def look(_world: World, plan: Plan, active: Role) -> ReadinessStanding:
        seen.append(plan.pair)
        return standing(active=active)

    plan = watched.deployment.plans["demo"]
    other = msgspec.structs.replace(plan, targets=msgspec.structs.replace(plan.targets, rpo=timedelta(minutes=7)))
    monkeypatch.setattr("orchestrator.core.decision.standing.PAUSE", timedelta())
    monkeypatch.setattr(watched.deployment, "plans", {**watched.deployment.plans, "demo": other}, raising=False)
    watched.tick(look)
    until(lambda: not watched.deployment.memory.readiness_going_on.rests("demo", NOW), "the end of the look")
    assert seen == ["demo"]


def test_one_that_hangs_keeps_nobody(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tick ends, the other pair is looked at, and the pair is not looked at twice meanwhile."""
    monkeypatch.setattr(readiness, "TICK", timedelta(seconds=2))
    monkeypatch.setattr(readiness, "is_look_due", lambda *_: True)
    free, begun, ended = threading.Event(), list[str](), list[str]()

    def look(_world: World, plan: Plan, active: Role) -> ReadinessStanding:
        begun.append(plan.pair)
        if plan.pair == "demo":
            free.wait(600)
            ended.append(plan.pair)
        return standing(active=active)

    try:
        assert watched.tick(look) == 1
        watched.watch()
        assert watched.tick(look) == 1
        assert ended == []
    finally:
        free.set()
    until(lambda: not watched.deployment.memory.readiness_going_on.rests("demo", NOW), "its end")
    assert sorted(begun) == ["demo", "twin", "twin"]


def _change(verb: str, place: str) -> str:
    kind = "Microsoft.MachineLearningServices/workspaces" + ("/jobs" if "/jobs/" in place else "/computes")
    return f"""{{"id": "1", "topic": "/subscriptions/x", "subject": "{place}", "eventTime": "2026-03-01T00:00:00Z",
        "eventType": "Microsoft.Resources.Resource{verb}Success", "dataVersion": "2", "metadataVersion": "1",
        "data": {{"resourceUri": "{place}", "operationName": "{kind}/{verb.lower()}", "status": "Succeeded"}}}}"""


def test_what_was_changed_inside_a_pair_is_known_to_concern_it(watched: Watched) -> None:
    """A cluster that is deleted or written; not a job, nor somebody else's cluster."""
    project = watched.deployment.plans["twin"].secondary.project_id
    for verb, place, touched in (
        ("Delete", f"{project}/computes/gpu-cluster", {"twin"}),
        ("Write", f"{project}/computes/gpu-cluster", {"twin"}),
        ("Write", f"{project}/jobs/j1", set()),
        ("Delete", f"{project}x/computes/gpu-cluster", set()),
    ):
        found = route(watched.deployment.plans, facts_from_text(_change(verb, place)), NOW)
        assert (found.touched, found.signals) == (touched, {})
        assert found.deleted == (touched if verb == "Delete" else set())


def test_a_change_is_written_down_for_whoever_looks(watched: Watched) -> None:
    """And the pair is looked at again, once."""
    now = watched.deployment.clock.now()
    watched.ask(lambda _: readiness.want_looks(watched.deployment, frozenset({"twin"}), now))
    asked: list[str] = []

    def look(_world: World, plan: Plan, active: Role) -> ReadinessStanding:
        asked.append(plan.pair)
        return standing(active=active)

    def looked() -> bool:
        watched.tick(look)
        return bool(asked)

    until(looked, "a look at the pair that was changed", pause=1.0)
    assert asked == ["twin"]
