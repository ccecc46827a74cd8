"""The timer copies ahead while a pair is at rest, and stops at once when it is paused or switched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit

from orchestrator.core.base.codec import encode
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.state import PairState, Pause, initial
from orchestrator.core.plan.data_copies import DataCopy, DataPlan
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.watch import copy_pass
from orchestrator.watch.copies import copy_ahead
from orchestrator.watch.memory import Memory

STORE = "azureml-blobstore"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def visit(bench: Bench) -> Visit:
    return bench.visit()


class OnePair:
    """A process with one pair, and an engine that knows its state."""

    def __init__(self, bench: Bench, visit: Visit, prefix: str) -> None:
        self.bench, self.visit, self.prefix = bench, visit, f"{prefix}/"
        copy = DataCopy(datastore="workspaceblobstore", prefix=self.prefix)
        self.plan = msgspec.structs.replace(visit.plan, data=DataPlan(copies=(copy,)))
        self.states: Callable[[int], PairState] = lambda _: initial(visit.pair, NOW)
        self.asked = 0
        self.process: Any = SimpleNamespace(
            plans={visit.pair: self.plan}, memory=Memory("one"), clock=visit.world.clock, assembled=self._assembled
        )

    async def _assembled(self) -> object:
        return self.visit.world

    async def entity_state(self, entity: str, key: str) -> str:
        del entity, key
        self.asked += 1
        return encode(self.states(self.asked)).decode()

    def tick(self) -> int:
        return asyncio.run(copy_ahead(self.process, self))  # type: ignore[arg-type]

    def write(self, *names: str) -> None:
        store = self.bench.azure.blobs[self.plan.primary.region]
        for name in names:
            self.bench.azure.call(lambda name=name: store.put(STORE, f"{self.prefix}{name}", b"1"))

    def copied(self) -> list[str]:
        store = self.bench.azure.blobs[self.plan.secondary.region]
        found = self.bench.azure.call(lambda: store.names(STORE, self.prefix))
        return [name.removeprefix(self.prefix) for name in found]

    def asked_of_storage(self, since: int) -> list[LoggedRequest]:
        return [each for each in self.bench.azure.log.entries()[since:] if each.service == "storage"]


@pytest.fixture
def one(bench: Bench, visit: Visit, request: pytest.FixtureRequest) -> OnePair:
    return OnePair(bench, visit, request.node.name)


def test_a_tick_copies_what_a_plan_names(one: OnePair) -> None:
    one.write("a", "b")
    assert one.tick() == 0
    assert one.copied() == ["a", "b"]


def test_a_plan_without_copies_asks_for_nothing(one: OnePair) -> None:
    one.process.plans = {one.visit.pair: one.visit.plan}
    assert (one.tick(), one.asked) == (0, 0)


PAUSED = Pause(by="ana", since=NOW, reason="a test")


@pytest.mark.parametrize(
    "change",
    [
        {"paused": PAUSED},
        {"paused_all": PAUSED},
        {"phase": Phase.SWITCHING},
        {"phase": Phase.RETURNING},
        {"phase": Phase.RESUBMITTING},
    ],
)
def test_a_pair_that_is_paused_or_switched_is_left_alone(one: OnePair, change: dict[str, Any]) -> None:
    one.write("a")
    before = len(one.bench.azure.log)
    one.states = lambda _: msgspec.structs.replace(initial(one.visit.pair, NOW), **change)
    one.tick()
    assert one.asked_of_storage(before) == []


def test_a_pause_stops_it_before_the_next_batch(one: OnePair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pair is paused while its first batch is under way."""
    monkeypatch.setattr("orchestrator.adapters.hub.blob_copies.PAGE", 1)
    one.write("a", "b", "c")
    quiet = initial(one.visit.pair, NOW)
    one.states = lambda asked: quiet if asked <= 2 else msgspec.structs.replace(quiet, paused=PAUSED)

    class Short(copy_pass.Copier):
        """One blob a batch."""

        def batch(self, task: Any, allowance: Any) -> Any:
            del allowance
            found = super().batch(task, copy_pass.Allowance(1, 1))
            return found._replace(goes_on=True)

    monkeypatch.setattr("orchestrator.watch.copies.Copier", Short)
    one.tick()
    assert (one.copied(), one.asked) == (["a"], 3)


def test_a_copy_in_trouble_is_counted_and_stops_nothing_else(one: OnePair) -> None:
    one.write("a")
    good = one.plan.data.copies[0]
    bad = DataCopy(datastore="nowhere")
    one.process.plans = {one.visit.pair: msgspec.structs.replace(one.plan, data=DataPlan(copies=(bad, good)))}
    assert one.tick() == 1
    assert one.copied() == ["a"]
