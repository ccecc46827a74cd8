"""What is done after a switch: jobs that waited, old runs, and failovers that a person orders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import (
    changed,
    claimed,
    moved,
    moved_until_done,
    record,
    records,
    settled,
    status,
    submitted,
    truth,
    until_status,
)

from orchestrator.core.base.errors import EpochFenced
from orchestrator.core.base.vocabulary import Role, Twin
from orchestrator.core.jobs.record import JobStatus, OldRun
from orchestrator.workflows.activities import old_runs


def _with_plan(visit: Visit, **jobs: Any) -> None:
    """Let the visit's world work by another plan for jobs."""
    plan = msgspec.structs.replace(visit.plan, jobs=msgspec.structs.replace(visit.plan.jobs, **jobs))
    visit.plan = plan
    visit.world = visit.world._replace(plans={plan.pair: plan})


@pytest.mark.parametrize(("code", "name"), [(403, "Forbidden"), (503, "5xx"), (409, "busy")])
def test_what_is_neither_taken_nor_refused_waits_after_its_patience_and_is_tried_again(
    bench: Bench, code: int, name: str
) -> None:
    """The last try closes the job with its reason and a time; it is moved when that has come, once."""
    visit = bench.visit()
    order = claimed(visit)
    job = f"{visit.pair}-plain-primary"
    azure, region = bench.azure, visit.plan.secondary.region
    azure.faults.set(region, "control", "5xx", status=code, method="PUT")
    try:
        assert moved(visit, order).pending == 2, name
        report = moved(visit, order, last=True)
    finally:
        azure.faults.clear(region, "control")
    assert (report.pending, report.waiting, report.given_up) == (0, 2, 2)
    waits = record(visit, job)
    assert (waits.status, waits.tries) == (JobStatus.WAITING, 1)
    assert str(code) in waits.reason
    assert waits.retry_at is not None
    assert settled(visit, order).jobs.resubmitted == 0
    for each in (job, f"{visit.pair}-coded-primary"):
        changed(visit, each, retry_at=visit.world.clock.now())
    assert settled(visit, order).jobs.resubmitted == 2
    assert settled(visit, order).jobs.resubmitted == 0
    assert record(visit, job).successor == f"{job}-e1"


def test_a_submission_whose_answer_was_lost_is_found_again_in_a_later_epoch(bench: Bench) -> None:
    """Accepted, but we never heard: the job is not submitted a second time under another name."""
    visit = bench.visit()
    job = f"{visit.pair}-plain-primary"
    moved(visit, claimed(visit))
    ledger = visit.world.ledgers[visit.pair]
    found = ledger.read(visit.pair, job)
    assert found is not None
    unsure = type(found.value.unsure)([msgspec.convert({"side": "secondary", "epoch": 1}, _attempt())])
    changed(visit, job, status=JobStatus.WAITING, successor=None, unsure=unsure, retry_at=visit.world.clock.now())
    order = claimed(visit, 2)
    assert settled(visit, order).jobs.resubmitted == 1
    assert record(visit, job).successor == f"{job}-e1"
    assert truth(visit, f"{job}-e2") is None


def _attempt() -> type:
    from orchestrator.core.jobs.record import Attempt

    return Attempt


def test_a_job_that_waited_goes_to_its_own_hub_when_that_is_active_again(bench: Bench) -> None:
    """What the other side could not take is submitted at home in the next epoch, once its old run has ended."""
    visit = bench.visit()
    ill = submitted(visit, "unmapped", tags={"local.duration": "10", "local.outcome": "Failed"})
    runs = submitted(visit, "runs-on")
    done = submitted(visit, "done", tags={"local.duration": "10", "local.outcome": "Completed"})
    until_status(visit, ill, "Failed")
    until_status(visit, done, "Completed")
    order = claimed(visit)
    for name in (ill, runs, done):
        changed(visit, name, status=JobStatus.WAITING, reason="not mapped", epoch=1)
    assert settled(visit, order).jobs == type(settled(visit, order).jobs)()
    back = claimed(visit, 2)
    settled(visit, back)
    assert record(visit, ill).successor == f"{ill}-e2"
    sent = truth(visit, f"{ill}-e2")
    assert sent is not None
    assert sent.region == visit.plan.primary.region
    assert (record(visit, done).status, record(visit, done).azure_status) == (JobStatus.FINISHED, "Completed")
    assert "still Running" in record(visit, runs).reason
    assert truth(visit, f"{runs}-e2") is None


def test_a_zombie_is_cancelled_once_its_successor_was_accepted(bench: Bench) -> None:
    """And only then; the ledger tells the story, and a second look changes nothing."""
    visit = bench.visit()
    zombie = submitted(visit, "zombie")
    order = claimed(visit)
    moved(visit, order)
    until_status(visit, zombie, "Running")
    assert settled(visit, order).stopping == 1
    until_status(visit, zombie, "Canceled")
    settled(visit, order)
    after = record(visit, zombie)
    assert after.old_run is OldRun.STOPPED
    assert [line.what for line in after.history][-2:] == ["stopping", "old run stopped"]
    assert status(visit, f"{zombie}-e1") not in {"CancelRequested", "Canceled"}
    before = records(visit)
    settled(visit, order)
    assert records(visit) == before


def test_an_old_run_is_left_alone_while_its_successor_is_not_there_or_has_failed(bench: Bench) -> None:
    """The last of a line is never stopped."""
    visit = bench.visit()
    ill = submitted(visit, "ill", tags={"local.duration": "0.1", "local.outcome": "Failed"})
    lost = submitted(visit, "lost")
    order = claimed(visit)
    moved(visit, order)
    changed(visit, lost, successor="nobody-e1")
    until_status(visit, f"{ill}-e1", "Failed")
    settled(visit, order)
    assert status(visit, lost) not in {"CancelRequested", "Canceled"}
    assert record(visit, lost).old_run is OldRun.UNKNOWN


@pytest.mark.parametrize("twin", list(Twin))
def test_an_old_run_that_completed_after_all_keeps_or_ends_its_twin_as_the_plan_says(bench: Bench, twin: Twin) -> None:
    """The work was done twice over; the plan knows which result counts."""
    visit = bench.visit()
    _with_plan(visit, twin=twin)
    job = submitted(visit, "twice", tags={"local.duration": "2000", "local.outcome": "Completed"})
    order = claimed(visit)
    moved(visit, order)
    until_status(visit, job, "Completed")
    changed(visit, f"{job}-e1")
    settled(visit, order)
    after = record(visit, job)
    assert after.old_run is OldRun.COMPLETED
    assert ("is kept" in after.reason + after.history[-1].why) == (twin is Twin.KEEP)


def test_a_stale_run_neither_retries_nor_stops_anything(bench: Bench) -> None:
    """S8 after the switch."""
    visit = bench.visit()
    zombie = submitted(visit, "zombie")
    order = claimed(visit)
    moved(visit, order)
    claimed(visit, 2)
    with pytest.raises(EpochFenced):
        settled(visit, order)
    assert status(visit, zombie) != "CancelRequested"


def test_an_ordered_failover_stops_a_job_before_it_submits_it_again(bench: Bench) -> None:
    """The hub that is left is well: the job must not run in both."""
    visit = bench.visit()
    job = submitted(visit, "runs")
    done = submitted(visit, "done", tags={"local.duration": "1", "local.outcome": "Completed"})
    until_status(visit, job, "Running")
    until_status(visit, done, "Completed")
    order = claimed(visit, ordered=True)
    report = moved_until_done(visit, order)
    old, new = truth(visit, job), truth(visit, f"{job}-e1")
    assert old is not None
    assert new is not None
    assert old.status == "Canceled"
    assert old.statuses[-1][0] <= new.statuses[0][0]
    assert record(visit, done).status is JobStatus.FINISHED
    assert truth(visit, f"{done}-e1") is None
    assert report.finished == 1
    assert record(visit, job).history[-2].what == "stopping"


def test_an_ordered_failover_leaves_a_job_whose_end_cannot_be_confirmed(bench: Bench) -> None:
    """The hub answers but does not cancel: the job runs on there and waits, and is not submitted."""
    visit = bench.visit()
    job = submitted(visit, "stubborn")
    until_status(visit, job, "Running")
    order = claimed(visit, ordered=True)
    azure, region = bench.azure, visit.plan.primary.region
    azure.faults.set(region, "control", "5xx", status=500, method="POST")
    try:
        moved(visit, order)
        moved(visit, order, last=True)
    finally:
        azure.faults.clear(region, "control")
    waits = record(visit, job)
    assert waits.status is JobStatus.WAITING
    assert "500" in waits.reason
    assert truth(visit, f"{job}-e1") is None
    assert status(visit, job) == "Running"


def test_an_ordered_failover_away_from_a_dead_region_waits_for_nothing(bench: Bench) -> None:
    """Where the source's management plane is as dead as the source, jobs are moved as in any outage."""
    visit = bench.visit()
    job = submitted(visit, "dead")
    order = claimed(visit, ordered=True)
    azure, region = bench.azure, visit.plan.primary.region
    azure.faults.set(region, "control", "5xx", status=500)
    try:
        moved_until_done(visit, order)
    finally:
        azure.faults.clear(region, "control")
    assert record(visit, job).successor == f"{job}-e1"


def test_a_job_of_a_user_is_told_to_its_owner_once(bench: Bench) -> None:
    """Nobody's token stands in for a person's."""
    visit = bench.visit()
    told: list[Any] = []

    class Heard:
        def publish(self, topic: str, notices: Any) -> None:
            told.extend((topic, notice) for notice in notices)

    plan = msgspec.structs.replace(visit.plan, notices="https://topic.example")
    visit.world = visit.world._replace(notices=Heard(), plans={plan.pair: plan})
    job = f"{visit.pair}-plain-primary"
    changed(visit, job, identity="user")
    order = claimed(visit)
    moved(visit, order)
    moved(visit, order)
    changed(visit, job, retry_at=visit.world.clock.now() - timedelta(seconds=1))
    settled(visit, order)
    assert [notice.type for _, notice in told] == ["Hubswitch.JobNeedsOwner"]
    assert job in told[0][1].message.why
    assert record(visit, job).status is JobStatus.WAITING


def test_a_switch_back_moves_no_successor(bench: Bench) -> None:
    """What runs in the secondary ends there."""
    visit = bench.visit()
    job = f"{visit.pair}-plain-primary"
    moved(visit, claimed(visit))
    settled(visit, claimed(visit, 2))
    after = record(visit, f"{job}-e1")
    assert (after.hub, after.status) == (Role.SECONDARY, JobStatus.RUNNING)
    assert truth(visit, f"{job}-e2") is None


def test_old_runs_of_a_hub_that_was_built_anew_are_asked_for_a_batch_at_a_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many its list lacks, a step stays short; all of them are accounted for in the end."""
    visit = bench.visit()
    order = claimed(visit)
    moved_until_done(visit, order)
    settled(visit, order)
    monkeypatch.setattr(old_runs, "BATCH", 3)
    kept = msgspec.structs.replace(
        record(visit, submitted(visit, "kept")), status=JobStatus.RESUBMITTED, old_run=OldRun.UNKNOWN, epoch=1
    )
    ghosts = [f"{visit.pair}-ghost-{number}" for number in range(8)]
    for name in ghosts:
        visit.world.ledgers[visit.pair].create(msgspec.structs.replace(kept, name=name, root=name))
    reports = [settled(visit, order) for _ in range(3)]
    assert [report.settled for report in reports] == [3, 3, 2]
    assert [report.more for report in reports] == [True, True, False]
    assert {record(visit, name).old_run for name in ghosts} == {OldRun.GONE}
