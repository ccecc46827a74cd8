"""S5, S6, S7 on the way back: a failback with jobs, killed at any checkpoint, or run twice at once, ends the same."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from crash_harness import Bench, Outcome, Visit, met, order_of, running, start, wait_until_idle
from job_stories import status, submitted, until_status
from killing import Killer, ReplacedWorker, is_certain
from places import compare, each

from orchestrator.core.base.vocabulary import LeftJob, Role
from orchestrator.local.simulated_plan import plan_of
from orchestrator.workflows.activities.epoch import claim_epoch, publish_pointer

PLACES = "failback"

WISHES = {"home": "move", "stays": "finish", "later": "deadline"}
"""Jobs that run in the secondary, and what their tags want."""

TRIES = 2
"""Tries at the batch in every run: the first asks for the end of a job's run, and a later one submits the job."""

type Ended = tuple[Outcome, dict[str, str]]
"""What is there afterwards, and how each job stands in its hub."""


def _there(bench: Bench) -> Visit:
    """A pair whose secondary is active and runs jobs."""
    jobs = msgspec.structs.replace(plan_of(bench.azure).jobs, failback=LeftJob.MOVE)
    visit = bench.visit(jobs=jobs)
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    publish_pointer(visit.world, order)
    for mark, wish in WISHES.items():
        name = submitted(visit, mark, Role.SECONDARY, tags={"hubswitch.failback": wish})
        until_status(visit, name, "Running")
    return visit


def _ended(visit: Visit, outcome: Outcome) -> Ended:
    return outcome, {mark: status(visit, f"{visit.pair}-{mark}") for mark in WISHES}


def run(bench: Bench, killer: Killer) -> tuple[Ended, bool]:
    """What a failback ends with, and whether its first worker was killed."""
    visit = _there(bench)
    with running(killer) as (engine, client), ReplacedWorker(visit, engine, killer) as workers:
        start(client, order_of(visit, 2))
        killed = workers.wait_until_idle("the end of the failback")
        return _ended(visit, visit.outcome(client)), killed


@pytest.fixture(scope="module")
def undisturbed(both_well: Bench) -> Ended:
    """What comes of a failback whose worker lives."""
    ended, killed = run(both_well, Killer(None, stored=True))
    assert not killed
    return ended


def test_an_undisturbed_failback_brings_home_what_is_to_come_home(both_well: Bench, undisturbed: Ended) -> None:
    """Every checkpoint is visited by tests of its own, and each of them compares with a failback that went well."""
    outcome, stand = undisturbed
    assert outcome.epoch == (2, "primary", "failback-pair-e2")
    assert {pointer[:2] for pointer in outcome.pointers} == {(2, "primary")}
    assert stand == {"home": "Canceled", "stays": "Running", "later": "Running"}
    assert outcome.submitted == ("pair-home", "pair-home-e2", "pair-later", "pair-stays")
    assert {name: outcome.jobs[f"pair-{name}"][0] for name in WISHES} == {
        "home": "resubmitted",
        "stays": "running",
        "later": "running",
    }

    def record() -> list[str]:
        calm = Killer(None, stored=True)
        assert run(both_well, calm) == (undisturbed, False)
        return calm.seen

    assert compare(PLACES, record, _always) > 0


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@each(PLACES)
def test_a_worker_killed_on_the_way_back_changes_nothing_in_the_end(
    both_well: Bench, undisturbed: Ended, place: str, record_property: Callable[[str, object], None], stored: bool
) -> None:
    """S5, S6: no job is stopped and forgotten, and none runs in both hubs."""
    ended, killed = met(lambda at: run(both_well, Killer(at, stored=stored)), place)
    moment = "just after" if stored else "just before"
    record_property(
        "visited" if killed else "missed", f"checkpoints of a failback {moment} which the worker was killed"
    )
    assert ended == undisturbed
    assert killed or not _always(place)


def test_two_orchestrators_that_go_back_at_once_bring_each_job_home_once(both_well: Bench, undisturbed: Ended) -> None:
    """S7: the same run in two engines; the record's ETag and the successor's name make them meet."""
    visit = _there(both_well)
    order = order_of(visit, 2)
    with running() as (here, one), running() as (there, two):
        workers = [visit.worker(here), visit.worker(there)]
        try:
            for client in (one, two):
                start(client, order)
            for engine, worker in zip((here, there), workers, strict=True):
                wait_until_idle(engine, "the end of both runs", worker)
            outcome, stand = _ended(visit, visit.outcome(one))
        finally:
            for worker in workers:
                worker.end()
    assert (outcome.epoch, outcome.jobs, outcome.submitted, stand) == (
        undisturbed[0].epoch,
        undisturbed[0].jobs,
        undisturbed[0].submitted,
        undisturbed[1],
    )


def _always(place: str) -> bool:
    """Whether every run comes by this checkpoint. How often a batch is tried until a stop is confirmed is chance."""
    where, _, number = place.partition("#")
    return is_certain(place) and ("-r0-b0" not in where or int(number) <= TRIES)
