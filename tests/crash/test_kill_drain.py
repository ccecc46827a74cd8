"""S1, S5, S6 in a drain: wherever its worker is killed, the run waits on, switches once, and moves each job once."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from crash_harness import Bench, Outcome, met, order_of, running, start
from job_stories import status, submitted, until_status
from killing import Killer, ReplacedWorker

from orchestrator.core.base.vocabulary import LeftJob, Role
from orchestrator.local.simulated_plan import plan_of

DRAIN = timedelta(seconds=2)

PLACES = [
    *(f"orchestrator of failover#{number}" for number in range(1, 5)),
    *(f"activity of failover#{number}" for number in range(1, 4)),
]
"""The beginning, the first looks and the pauses between them: all of them are over before the drain is."""

WISHES = {"moves": "move", "stays": "finish"}
"""Jobs that run in the primary, and what their tags want. The drain waits for the second."""

type Ended = tuple[Outcome, dict[str, str]]
"""What is there afterwards, and how each job stands in its hub."""


def run(bench: Bench, killer: Killer) -> tuple[Ended, bool]:
    """What a planned failover that drains ends with, and whether its first worker was killed."""
    visit = bench.visit(jobs=msgspec.structs.replace(plan_of(bench.azure).jobs, failback=LeftJob.MOVE))
    for mark, wish in WISHES.items():
        name = submitted(visit, mark, Role.PRIMARY, tags={"hubswitch.failback": wish})
        until_status(visit, name, "Running")
    order = msgspec.structs.replace(order_of(visit, 1), graceful=True, drain=DRAIN)
    with running(killer) as (engine, client), ReplacedWorker(visit, engine, killer) as workers:
        start(client, order)
        killed = workers.wait_until_idle("the end of the run")
        stand = {mark: status(visit, f"{visit.pair}-{mark}") for mark in WISHES}
        return (visit.outcome(client), stand), killed


@pytest.fixture(scope="module")
def undisturbed(both_well: Bench) -> Ended:
    """What comes of a run whose worker lives."""
    ended, killed = run(both_well, Killer(None, stored=True))
    assert not killed
    return ended


def test_an_undisturbed_drain_passes_every_place_at_which_others_are_disturbed(
    both_well: Bench, undisturbed: Ended
) -> None:
    """And switches once, with one job moved and one that stays."""
    outcome, stand = undisturbed
    assert outcome.epoch == (1, "secondary", "failover-pair-e1")
    assert stand == {"moves": "Canceled", "stays": "Running"}
    calm = Killer(None, stored=True)
    assert run(both_well, calm) == (undisturbed, False)
    assert set(PLACES) <= set(calm.seen)


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_in_a_drain_changes_nothing_in_the_end(
    both_well: Bench, undisturbed: Ended, place: str, stored: bool
) -> None:
    """The drain keeps its bound, and the run its one claim."""
    ended, killed = met(lambda at: run(both_well, Killer(at, stored=stored)), place)
    assert killed
    assert ended == undisturbed
