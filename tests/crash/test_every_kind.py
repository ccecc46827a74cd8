"""Every type of job through an outage: captured, lost with its region, accepted elsewhere, and run to its end there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from outage import COPIES, KILLS, outage_bench, suffered

from orchestrator.core.jobs.record import JobStatus, OldRun

ACCOUNTED = {"Canceled": {OldRun.STOPPED}, "Completed": {OldRun.COMPLETED, OldRun.ENDED}}
"""What the ledger has to say of a zombie, by how it ended."""

SEEDS = range(int(os.environ.get("HUBSWITCH_SEEDS", "3")))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_job_of_every_type_survives_its_region_once(tmp_path: Path, seed: int) -> None:
    """Lost 0, twice 0: with a worker that is killed, a throttled management plane, and zombies that come back."""
    with outage_bench(tmp_path, seed) as bench:
        after = suffered(bench, seed)
    assert after.complaints == []
    assert after.throttled
    assert after.killed == KILLS
    successors = after.successors()
    assert set(successors) == after.submitted
    assert len(successors) >= 7 * COPIES
    assert {job.status for job in successors.values()} == {"Completed"}
    assert {job.lacks for job in successors.values()} == {None}
    assert after.zombies()
    for zombie in after.zombies():
        # On a slow machine one may come to a good end before its successor is there to stop it for.
        assert after.records[zombie.name].old_run in ACCOUNTED[zombie.status], zombie.name
    moved = [record for record in after.records.values() if record.status is JobStatus.RESUBMITTED]
    assert len(moved) == len(after.submitted)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_job_of_every_type_survives_though_no_put_is_answered_and_no_second_one_is_taken(
    tmp_path: Path, seed: int
) -> None:
    """Lost 0, twice 0, and nothing is called refused that runs."""
    with outage_bench(tmp_path, seed) as bench:
        after = suffered(bench, seed, lossy=True)
    assert after.complaints == []
    successors = after.successors()
    assert set(successors) == after.submitted
    assert {job.status for job in successors.values()} == {"Completed"}
    assert {record.status for record in after.records.values()} & {JobStatus.REFUSED, JobStatus.WAITING} == set()
