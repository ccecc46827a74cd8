"""The watch looks at pairs that are due, and one pair's fault is no other pair's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from azure.durable_functions import DurableFunctionsClient
from live import until
from watched_pairs import WatchedPairs, watched_pairs

from orchestrator import ports
from orchestrator.adapters.health.probe_requests import Audience
from orchestrator.core.base.codec import encode, to_builtins
from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.state import PairState, StartRun
from orchestrator.local.simulated_plan import plan_of
from orchestrator.local.workload import User
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import estate_of
from orchestrator.simulator.identity import PROBE
from orchestrator.triggers.engine import DurableEngine
from orchestrator.triggers.http_health import ReadinessAnswer
from orchestrator.watch import reconcile, replicate, watch
from orchestrator.workflows import calls, names
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.messages import CaptureOrder, order_from

PAIRS = ("demo", "mirror")


class Watched(WatchedPairs):
    def watch(self) -> int:
        """One tick of the timer; how many pairs were looked at, once the entities have taken it in."""
        looked_at = self.ask(lambda client: watch.watch(self.deployment, DurableEngine(client)))
        until(self.engine.idle, "rest")
        return looked_at

    def state(self, pair: str) -> PairState | None:
        return self.ask(lambda client: calls.pair_state(DurableEngine(client), pair))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    azure = LocalAzure(seed=5, speed=60, estate=estate_of(pairs=PAIRS), canaries=False)
    slow = {
        "probe_interval": timedelta(minutes=10),
        "suspect_interval": timedelta(minutes=2),
        "evidence_lifetime": timedelta(hours=1),
    }
    with watched_pairs(Watched, azure, PAIRS, tmp_path, **slow) as watched:
        yield watched


def test_a_pair_is_looked_at_when_it_is_due_and_not_before(watched: Watched) -> None:
    """Two ticks in a row: the first looks at both pairs, the second at none."""
    assert [watched.watch(), watched.watch()] == [2, 0]
    looks = [state.looked_at for pair in PAIRS if (state := watched.state(pair))]
    assert None not in looks
    assert len(looks) == 2


def test_a_pair_whose_state_cannot_be_read_is_left_alone_and_the_other_is_not(watched: Watched) -> None:
    """No look, no write, no entity operation for it; the other one is watched as ever."""
    watched.watch()
    watched.store("demo", "{broken")
    watched.store("mirror", None)
    assert watched.watch() == 1
    assert watched.state("mirror") is not None
    assert watched.engine._entities["@pair@demo"].serialized_state == "{broken"


def test_an_entity_without_a_state_is_a_pair_that_was_never_looked_at(watched: Watched) -> None:
    """An operation that was refused leaves one behind; it must not lock the pair for ever."""
    watched.watch()
    watched.store("demo", None)
    assert watched.state("demo") is None
    watched.watch()
    assert watched.state("demo") is not None


def test_what_goes_wrong_with_one_pair_is_raised_only_after_the_others_were_looked_at(watched: Watched) -> None:
    """The host shows the invocation as failed; the other pair has been seen all the same."""
    plans = dict(watched.deployment.plans)
    hub = msgspec.structs.replace(plans["demo"].primary, api="https://not a host")
    watched.deployment.plans = plans | {"demo": msgspec.structs.replace(plans["demo"], primary=hub, pair="nobody")}
    with pytest.raises(KeyError):
        watched.watch()
    until(watched.engine.idle, "rest")
    assert watched.state("mirror") is not None


def test_a_store_that_is_away_stops_no_look(watched: Watched) -> None:
    """The pair hears of its trouble, in the words of the store's failure."""
    watched.azure.faults.set(None, "ledger", "5xx", status=503)
    assert watched.watch() == 2
    assert [bool(state.trouble) for pair in PAIRS if (state := watched.state(pair))] == [True, True]


def test_reconciling_leaves_out_pairs_that_are_unknown_unreadable_or_on_the_move(watched: Watched) -> None:
    """Nothing is listed for a pair before its first look, nor for one whose state cannot be read."""
    before = len(watched.azure.log)
    assert watched.ask(lambda client: reconcile.reconcile(watched.deployment, DurableEngine(client))) == 0
    assert len(watched.azure.log) == before
    watched.watch()
    watched.store("demo", "{broken")
    start = len(watched.azure.log)
    watched.ask(lambda client: reconcile.reconcile(watched.deployment, DurableEngine(client)))
    listed = [entry.path for entry in watched.azure.log.entries()[start:] if entry.path.endswith("/jobs")]
    assert listed == [f"{plan_of(watched.azure, 'mirror').primary.project_id}/jobs"]


def test_replication_tells_how_far_the_standby_is_behind(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """One line for each pair, its numbers as fields; a pair that is unknown or on the move is left alone."""
    assert watched.ask(lambda client: replicate.replicate(watched.deployment, DurableEngine(client))) == 0
    assert not watched.deployment.memory.lags
    watched.watch()
    user, hub = User(watched.azure), plan_of(watched.azure).primary
    user._put(hub, "/environments/private/versions/1", {"image": "private.azurecr.io/x:1"}, "2023-04-01-preview")
    environment = f"{hub.project_id}/environments/private/versions/1"
    user.submit(hub, "needy", {"jobType": "Command", "command": "x", "environmentId": environment})
    capture_jobs(watched.deployment.world, CaptureOrder(pair="demo", side=Role.PRIMARY, jobs=("needy",)))
    with caplog.at_level("INFO", logger="hubswitch"):
        assert watched.ask(lambda client: replicate.replicate(watched.deployment, DurableEngine(client))) == 1
    said = [record.hubswitch for record in caplog.records if hasattr(record, "hubswitch")]
    told = {fields["pair"]: fields for fields in said if fields.get("metric") == "replication"}
    assert {pair: (fields["jobs"], fields["assets"]) for pair, fields in told.items()} == {
        "demo": (1, 1),
        "mirror": (0, 0),
    }
    assert watched.deployment.memory.lags["demo", Role.PRIMARY][1].running == 1


def test_pairs_of_one_tick_ask_for_tokens_once(watched: Watched) -> None:
    """Two pairs, four audiences: four requests of the probe identity, not eight."""
    assert watched.watch() == 2
    asked = [e for e in watched.azure.log.entries() if e.surface == "identity" and PROBE in e.query]
    assert len(asked) == len(Audience)


def test_a_tick_that_is_too_short_leaves_no_pair_out_for_good(watched: Watched) -> None:
    """Only one pair is begun in a tick: the other comes first in the next.

    A slot that is too short for any pair on this machine is made longer.
    """
    watched.deployment.settings = msgspec.structs.replace(watched.deployment.settings, watch_slot=timedelta(seconds=3))
    watched.azure.faults.latency(1.6, "identity")
    with patched(watch, "AT_ONCE", 1):
        looked_at = [watched.watch()]
        while sum(looked_at) < 2 and len(looked_at) < 10:
            if not looked_at[-1]:
                longer = watched.deployment.settings.watch_slot * 2
                watched.deployment.settings = msgspec.structs.replace(watched.deployment.settings, watch_slot=longer)
            looked_at.append(watched.watch())
    assert looked_at[0] <= 1
    assert [bool(watched.state(pair)) for pair in PAIRS] == [True, True]


def test_reconciling_takes_turns(watched: Watched) -> None:
    """A slot in which one list is read reaches every pair in two."""
    watched.watch()
    watched.azure.faults.latency(0.6, "resource-manager")
    watched.deployment.settings = msgspec.structs.replace(
        watched.deployment.settings, reconcile_slot=timedelta(seconds=1)
    )
    before = len(watched.azure.log)
    with patched(reconcile, "LISTED_AT_ONCE", 1):
        for _ in range(2):
            watched.ask(lambda client: reconcile.reconcile(watched.deployment, DurableEngine(client)))
    listed = {entry.path for entry in watched.azure.log.entries()[before:] if entry.path.endswith("/jobs")}
    assert len(listed) == 2


def test_an_engine_that_loses_one_question_costs_one_pair_its_turn(watched: Watched) -> None:
    """A thousand others are looked at; only an engine that answers nothing ends the tick."""
    real = calls.pair_state

    async def lossy(engine: ports.Engine, pair: str) -> PairState | None:
        if pair == "demo":
            raise ports.EngineError("gone")
        return await real(engine, pair)

    with patched(calls, "pair_state", lossy):
        assert watched.watch() == 1
    assert watched.state("mirror") is not None
    alone = {"demo": watched.deployment.plans["demo"]}
    with (
        patched(watched.deployment, "plans", alone),
        patched(calls, "pair_state", lossy),
        pytest.raises(ports.EngineError),
    ):
        watched.watch()


def test_a_run_that_came_to_its_end_unheard_is_reported_again(watched: Watched) -> None:
    """L2: its reports were dropped while the state could not be read; the pair does not wait for it for ever."""
    watched.watch()
    world, plan = watched.deployment.world, watched.deployment.plans["demo"]
    before, now = watched.state("demo"), world.clock.now()
    assert before is not None
    start = StartRun(
        kind="failover", run="failover-demo-e1", epoch=1, source=Role.PRIMARY, target=Role.SECONDARY, why="a test"
    )
    order = to_builtins(order_from(start, plan, now))
    watched.store("demo", '{"schema": 1, "written_by": "a newer version"}')
    watched.ask(lambda c: c.schedule_new_orchestration(names.SWITCH_RUN, input=order, instance_id=start.run))
    until(watched.engine.idle, "the end of the run")
    long_ago = now - timedelta(days=1)
    switching = msgspec.structs.replace(
        before, phase=Phase.SWITCHING, phase_since=long_ago, run=start.run, target=Role.SECONDARY, looked_at=long_ago
    )
    found = world.epochs["demo"].read("demo")
    assert found is not None
    world.epochs["demo"].replace("demo", msgspec.structs.replace(found.value, since=long_ago), found.etag)
    for _ in range(2):  # the first look finds the summary, or already tells of it
        watched.store("demo", encode(switching).decode())
        watched.watch()
    after = watched.state("demo")
    assert after is not None
    assert (after.phase, after.active, after.epoch, after.run) == (Phase.SETTLED, Role.SECONDARY, 1, None)


def test_whoever_asks_for_readiness_again_and_again_costs_the_pointer_store_one_question(watched: Watched) -> None:
    """Nobody needs a key to ask, and App Configuration counts its requests. Both pairs share one store."""
    readiness = ReadinessAnswer(watched.deployment)
    before = len(watched.azure.log)
    now = watched.deployment.clock.now()
    clock = SimpleNamespace(now=lambda: now)  # an answer lasts for some seconds
    with patched(watched.deployment, "clock", clock):
        answers = [watched.ask(lambda client: readiness.ready(DurableEngine(client))) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    asked = [entry for entry in watched.azure.log.entries()[before:] if entry.surface == "appconfig"]
    assert len(asked) == 1


def test_a_crowd_that_asks_for_readiness_waits_for_one_reading(watched: Watched) -> None:
    """Two hundred callers at once, and some of them hang up: still one question."""
    readiness = ReadinessAnswer(watched.deployment)
    before = len(watched.azure.log)

    async def crowd(client: DurableFunctionsClient) -> list[int]:
        callers = [asyncio.create_task(readiness.ready(DurableEngine(client))) for _ in range(200)]
        await asyncio.sleep(0)
        for gone in callers[:50]:
            gone.cancel()
        answers = await asyncio.gather(*callers, return_exceptions=True)
        return [answer.status_code for answer in answers if not isinstance(answer, BaseException)]

    assert watched.ask(crowd) == [200] * 150
    asked = [entry for entry in watched.azure.log.entries()[before:] if entry.surface == "appconfig"]
    assert len(asked) == 1


@dataclass(frozen=True)
class Ahead:
    """The real clock, ahead by a while."""

    by: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


def test_looks_that_an_entity_does_not_take_in_are_told_past_it_once(watched: Watched) -> None:
    """The engine accepts every signal and loses it: nobody else could know."""

    async def lose(engine: ports.Engine, pair: str, seen: object) -> None:
        del engine, pair, seen

    def told() -> list[str]:
        notices = watched.azure.call(lambda: list(watched.azure.event_grid.published))
        return [one["subject"] for one in notices if one["type"] == "Hubswitch.LooksNotTakenIn"]

    assert watched.watch() == 2
    with patched(calls, "observe", lose):
        for hours in (1, 3, 5):
            with patched(watched.deployment, "clock", Ahead(timedelta(hours=hours))):
                watched.watch()
    assert sorted(told()) == ["demo", "mirror"]
    with patched(watched.deployment, "clock", Ahead(timedelta(hours=6))):
        watched.watch()
    watched.watch()
    assert not watched.deployment.memory.signalled


def test_a_pair_whose_looks_are_not_taken_in_is_not_ready(watched: Watched) -> None:
    """Whoever watches the app from outside hears of it; one that was never looked at has as long from the start."""

    def looks(readiness: ReadinessAnswer) -> tuple[int, dict[str, bool]]:
        answer = watched.ask(lambda client: readiness.ready(DurableEngine(client)))
        return answer.status_code, json.loads(answer.get_body())["looks"]

    readiness = ReadinessAnswer(watched.deployment)
    assert looks(readiness) == (200, {"demo": True, "mirror": True})
    with patched(watched.deployment, "clock", Ahead(timedelta(hours=1))):
        assert looks(readiness) == (503, {"demo": False, "mirror": False})
    watched.watch()
    watched.store("demo", "{broken")
    with patched(watched.deployment, "clock", Ahead(timedelta(minutes=30))):
        assert looks(readiness) == (503, {"demo": False, "mirror": True})


def test_an_engine_that_does_not_answer_is_not_ready(watched: Watched) -> None:
    """Nothing that is seen reaches a decision."""

    async def refuse(*_: object) -> None:
        raise ports.EngineError("refused")

    with patched(calls, "pair_states", refuse):
        answer = watched.ask(lambda client: ReadinessAnswer(watched.deployment).ready(DurableEngine(client)))
    assert (answer.status_code, json.loads(answer.get_body())["looks"]) == (503, {"demo": False, "mirror": False})


@pytest.mark.parametrize("hours", [13, -13])
def test_a_tick_by_a_clock_that_is_hours_off_is_told_and_the_next_right_one_decides_again(
    watched: Watched, hours: int
) -> None:
    """The entities hold, people hear of it once, and nothing waits for the time that the clock showed."""

    def told(name: str) -> list[str]:
        notices = watched.azure.call(lambda: list(watched.azure.event_grid.published))
        return sorted(one["subject"] for one in notices if one["type"] == f"Hubswitch.{name}")

    deployment, wrong = watched.deployment, Ahead(timedelta(hours=hours))
    assert watched.watch() == 2
    for state in map(watched.state, PAIRS):
        assert state is not None
        watched.store(state.pair, encode(msgspec.structs.replace(state, looked_at=None)).decode())
    right = deployment.world
    with patched(deployment, "clock", wrong), patched(deployment, "_world", right._replace(clock=wrong)):
        watched.watch()
    held = watched.state("demo")
    assert held is not None
    assert (held.rule, told("TroubleBegan")) == ("hold.clock", ["demo", "mirror"])
    watched.watch()
    after = watched.state("demo")
    assert after is not None
    assert (after.rule, after.trouble, told("TroubleOver")) == ("quiet", None, ["demo", "mirror"])


@contextmanager
def patched(module: object, name: str, value: object) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)
