"""Histories of two stamps with partitions between stamps, stores and regions: one holder for each epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest
from partitions import PLAN, TAKE_OVER_AFTER, TICK, EpochsOf, play
from stories import DEEP

from orchestrator.core.epoch import EpochRecord
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities.epoch import claim_epoch
from orchestrator.workflows.messages import RunOrder

BOUND = TAKE_OVER_AFTER + 2 * TICK
"""In which a killed leader is replaced: the span, the tick that saw it last, and the one that takes over."""

CHUNK = 25
MANY = 100


@pytest.mark.parametrize("first", range(0, 200 * DEEP, CHUNK))
def test_no_history_has_two_holders_of_an_epoch(first: int, record_property: Callable[[str, object], None]) -> None:
    """S1, S2, S7: whatever was cut, frozen or restarted, and whatever the clocks showed.

    One stamp at the most takes itself for the leader, the pointer never goes back and agrees with the record at the
    end, and a leader that is killed is replaced within the bound.
    """
    reached: Counter[str] = Counter()
    for seed in range(first, first + CHUNK):
        ended = play(seed)
        assert (seed, ended.faults, ended.disagreement) == (seed, [], None)
        assert ended.without_leader is not None, seed
        assert ended.without_leader <= BOUND, seed
        reached += ended.reached
    record_property("said", ", ".join(f"{name}: {count}" for name, count in sorted(reached.items())))
    assert reached["failover ordered by the rule"]
    assert reached["epochs"]
    assert reached["frozen in a write"]


class Unconditional:
    """The epoch records of a stamp whose claims are written without a condition."""

    def __init__(self, records: EpochsOf) -> None:
        self._records = records

    def read(self, pair: str) -> Versioned[EpochRecord] | None:
        return self._records.read(pair)

    def create(self, pair: str, record: EpochRecord) -> None:
        self._records.overwrite(pair, record)

    def replace(self, pair: str, record: EpochRecord, etag: str) -> None:  # noqa: ARG002 - that is the fault
        self._records.overwrite(pair, record)


class FaultyWorld:
    """The ports that a claim uses, with such records."""

    def __init__(self, world: World) -> None:
        self.clock, self.plans = world.clock, world.plans
        self.epochs = {PLAN.pair: Unconditional(cast("EpochsOf", world.epochs[PLAN.pair]))}


def claim_unconditionally(world: World, order: RunOrder) -> EpochRecord:
    return claim_epoch(cast("World", FaultyWorld(world)), order)


@pytest.mark.parametrize(
    "planted",
    [{"claim": claim_unconditionally}, {"claim": claim_unconditionally, "obeys": False}],
    ids=["a claim without a condition", "that, and leaders that nobody obeys"],
)
def test_a_claim_without_a_condition_is_found_out(planted: dict[str, Any]) -> None:
    """What the histories are worth: a leader's record alone does not keep two stamps apart."""
    found = next((ended.faults for ended in (play(seed, **planted) for seed in range(MANY)) if ended.faults), [])
    assert found
    assert "was claimed by" in found[0]


def test_two_stamps_that_obey_no_leader_are_kept_apart_by_the_record() -> None:
    """S7: the leader's record spares double work; what keeps two stamps apart is the claim."""
    for seed in range(CHUNK):
        ended = play(seed, obeys=False)
        assert (seed, ended.faults, ended.disagreement) == (seed, [], None)
