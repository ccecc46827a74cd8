"""S5 beside a partial drill: whenever its worker is killed, its jobs run on untouched and no copy is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crash_harness import Bench, met, patiently, running, until_seen
from job_stories import claimed, records, status, submitted, until_status
from killing import Killer, ReplacedWorker
from waiting import until

from orchestrator.core.base.codec import decode, to_builtins
from orchestrator.core.ledger_paths import drill_path
from orchestrator.core.plan.drills import PartialDrill
from orchestrator.workflows import names
from orchestrator.workflows.messages import DrillKind, DrillOrder, DrillReport

DRILL = "20260301t120000000000"
MARKS = ("one", "two")
BEAT = timedelta(milliseconds=50)
PLACES = [f"activity of drill#{number}" for number in range(1, 7)]
"""To begin, to look at least once, to clear away, and to keep report, count and evidence."""


def run(bench: Bench, killer: Killer) -> tuple[dict[str, Any], bool]:
    """What a drill leaves behind, and whether its first worker was killed."""
    visit = bench.visit(partial_drill=PartialDrill(until="running"))
    jobs = [submitted(visit, mark, tags={"hubswitch.workload": "nightly"}) for mark in MARKS]
    for job in jobs:
        until_status(visit, job, "Running")
    before = records(visit)
    order = DrillOrder(
        pair=visit.pair,
        kind=DrillKind.PARTIAL,
        drill=DRILL,
        reason="practice",
        asked_at=datetime.now(UTC),
        beat=BEAT,
        longest=BEAT,
        workload="nightly",
    )
    with running(killer) as (engine, client), ReplacedWorker(visit, engine, killer) as workers:
        client.schedule_new_orchestration(names.DRILL_RUN, input=to_builtins(order), instance_id=f"drill-{visit.pair}")
        killed = workers.wait_until_idle("the end of the drill")
    copies = [job for job in bench.azure.truth.jobs() if job.tags.get("hubswitch.drill.of") in jobs]
    until(lambda: all(status(visit, copy.name) == "Canceled" for copy in copies), "the end of the copies")
    path = drill_path(visit.pair, DRILL)
    report = decode(patiently(lambda: visit.world.ledgers[visit.pair].get(path)) or b"", DrillReport, path)
    found = {
        "outcome": report.outcome,
        "copies": sorted(copy.name.removeprefix(visit.pair) for copy in copies),
        "jobs": [status(visit, job) for job in jobs],
        "untouched": records(visit) == before,
    }
    return found, killed


EXPECTED = {
    "outcome": "succeeded",
    "copies": [f"-{mark}-d{DRILL}" for mark in MARKS],
    "jobs": ["Running", "Running"],
    "untouched": True,
}


def test_an_undisturbed_drill_passes_every_place_at_which_others_are_disturbed(both_well: Bench) -> None:
    """So that no place is one that never comes."""
    calm = Killer(None, stored=True)
    assert run(both_well, calm) == (EXPECTED, False)
    assert set(PLACES) <= set(calm.seen)


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_in_a_drill_leaves_jobs_as_they_were_and_no_copy(
    both_well: Bench, place: str, stored: bool
) -> None:
    """Each job has had one copy, which has ended, and the drill has the outcome that it has anyway."""
    found, killed = met(lambda at: run(both_well, Killer(at, stored=stored)), place)
    assert killed
    assert found == EXPECTED


def test_a_canary_drill_ends_as_promoted_when_the_pair_switches(both_well: Bench) -> None:
    """It is over at its next look, and does not count as one that went well."""
    visit = both_well.visit()
    order = DrillOrder(
        pair=visit.pair,
        kind=DrillKind.CANARY,
        drill=f"{visit.pair}-c",
        reason="practice",
        asked_at=datetime.now(UTC),
        beat=BEAT,
        longest=BEAT,
    )
    claimed(visit)
    with running() as (engine, client):
        worker = visit.worker(engine)
        try:
            client.schedule_new_orchestration(
                names.DRILL_RUN, input=to_builtins(order), instance_id=f"drill-{visit.pair}"
            )
            until_seen(engine.idle, "the end of the drill", engine, worker)
        finally:
            worker.end()
    path = drill_path(visit.pair, order.drill)
    report = decode(patiently(lambda: visit.world.ledgers[visit.pair].get(path)) or b"", DrillReport, path)
    assert (report.ok, report.outcome) == (False, "promoted")
