"""What becomes of jobs when a side that is well is left: on the way back, and on a planned failover."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit, order_of
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
    until_status,
)
from waiting import until

from orchestrator.core.base.errors import NotNow, OrderExpired
from orchestrator.core.base.vocabulary import LeftJob, Role
from orchestrator.core.decision.state import StartRun
from orchestrator.core.jobs import next_move
from orchestrator.core.jobs.record import JobEventKind, JobStatus
from orchestrator.watch.reconcile import find_left
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.activities.epoch import claim_epoch
from orchestrator.workflows.activities.wishes import turn_ungraceful
from orchestrator.workflows.messages import RunKind, RunOrder, Wish, order_again, order_from

SECONDARY = Role.SECONDARY
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _visit(bench: Bench, **jobs: Any) -> Visit:
    """A pair without jobs of its own, whose plan says what becomes of those that run."""
    visit = bench.visit()
    for name in records(visit):
        changed(visit, name, status=JobStatus.FINISHED, azure_status="Completed")
    plan = msgspec.structs.replace(visit.plan, jobs=msgspec.structs.replace(visit.plan.jobs, **jobs))
    visit.plan = plan
    visit.world = visit.world._replace(plans={plan.pair: plan})
    return visit


def _there(visit: Visit) -> None:
    """The secondary is active."""
    claimed(visit)


def _running(visit: Visit, mark: str = "train", **properties: Any) -> str:
    """A job that runs in the secondary."""
    name = submitted(visit, mark, SECONDARY, **properties)
    until_status(visit, name, "Running")
    return name


def _leave_running(bench: Bench, **jobs: Any) -> tuple[Visit, str, RunOrder]:
    """A job that runs in the secondary, and the order by whose epoch that side is left."""
    visit = _visit(bench, **jobs)
    _there(visit)
    job = _running(visit)
    return visit, job, claimed(visit, 2)


def _jobs_of(visit: Visit) -> dict[str, str]:
    """Every job of the pair that a hub has, with its status."""
    ours = [job for job in visit.bench.azure.truth.jobs() if job.name.startswith(f"{visit.pair}-")]
    return {job.name: job.status for job in ours}


@contextmanager
def _slow_queue(bench: Bench) -> Iterator[None]:
    """Jobs that are submitted meanwhile stand in their queue."""
    speed = bench.azure.kernel.speed
    bench.azure.kernel.speed = 0.0001
    try:
        yield
    finally:
        bench.azure.kernel.speed = speed


@contextmanager
def _outage(bench: Bench, region: str) -> Iterator[None]:
    """A region's management plane answers 503 meanwhile."""
    bench.azure.faults.set(region, "control", "5xx", status=503)
    try:
        yield
    finally:
        bench.azure.faults.clear(region, "control")


@contextmanager
def _dead(bench: Bench, region: str) -> Iterator[None]:
    """Nothing of a region answers meanwhile."""
    for surface in ("control", "hub", "jobs"):
        bench.azure.faults.set(region, surface, "5xx", status=503)
    try:
        yield
    finally:
        bench.azure.faults.clear(region)


def test_a_job_that_runs_stays_until_it_ends(bench: Bench) -> None:
    """By default no work is thrown away; its end is noted, although its side is not active any more."""
    visit, job, order = _leave_running(bench)
    report = moved(visit, order)
    assert (report.staying, report.resubmitted, report.pending) == (1, 0, 0)
    stays = record(visit, job)
    assert (stays.status, stays.epoch, stays.retry_at) == (JobStatus.RUNNING, 2, None)
    assert stays.reason == "it runs in the secondary and stays there until it ends"
    assert moved(visit, order).staying == 1
    assert record(visit, job).history == stays.history
    assert not list(find_left(visit.world, visit.plan, SECONDARY))
    visit.world.jobs.cancel(visit.plan.secondary, job)
    until_status(visit, job, "Canceled")
    for capture in find_left(visit.world, visit.plan, SECONDARY):
        capture_jobs(visit.world, capture)
    assert (record(visit, job).status, record(visit, job).azure_status) == (JobStatus.FINISHED, "Canceled")
    assert _jobs_of(visit) == {job: "Canceled"}


def test_a_job_that_has_not_begun_moves_at_once(bench: Bench) -> None:
    """It loses its place in a queue and no work; it is stopped first, and runs in one place."""
    visit = _visit(bench)
    _there(visit)
    with _slow_queue(bench):
        job = submitted(visit, "train", SECONDARY)
    order = claimed(visit, 2)
    assert moved(visit, order).pending == 1
    assert record(visit, job).stop_asked
    until_status(visit, job, "Canceled")
    assert moved_until_done(visit, order).resubmitted == 1
    assert record(visit, job).successor == f"{job}-e2"
    assert record(visit, f"{job}-e2").hub is Role.PRIMARY
    assert sorted(_jobs_of(visit)) == [job, f"{job}-e2"]


def test_a_plan_may_want_running_jobs_to_be_moved(bench: Bench) -> None:
    """Stopped there, its end confirmed, and submitted here: once, however often the step is repeated."""
    visit, job, order = _leave_running(bench, failback=LeftJob.MOVE)
    report = moved_until_done(visit, order)
    assert (report.resubmitted, report.staying) == (1, 0)
    assert moved(visit, order).resubmitted == 1
    assert _jobs_of(visit) | {f"{job}-e2": ""} == {job: "Canceled", f"{job}-e2": ""}
    kinds = [line.what for line in record(visit, job).history]
    assert kinds == [JobEventKind.STOPPING, JobEventKind.RESUBMITTED]
    assert settled(visit, order).settled == 1


def test_a_job_stays_until_its_deadline_and_is_moved_then(bench: Bench) -> None:
    """The deadline counts from the decision; after it the job is moved like any other, once."""
    visit, job, order = _leave_running(bench, failback=LeftJob.DEADLINE, failback_deadline=timedelta(hours=1))
    assert moved(visit, order).staying == 1
    assert record(visit, job).retry_at == order.decided_at + timedelta(hours=1)
    assert settled(visit, order).jobs.resubmitted == 0
    assert status(visit, job) == "Running"
    late = msgspec.structs.replace(order, decided_at=order.decided_at - timedelta(hours=1))
    changed(visit, job, retry_at=visit.world.clock.now())

    def is_home() -> bool:
        changed(visit, job, retry_at=visit.world.clock.now())
        return settled(visit, late).jobs.resubmitted == 1

    until(is_home, "the job at home")
    assert record(visit, job).successor == f"{job}-e2"
    assert settled(visit, late).jobs.resubmitted == 0
    assert sorted(_jobs_of(visit)) == [job, f"{job}-e2"]


def _press(visit: Visit, order: RunOrder) -> None:
    """A person waits no longer."""
    wish = Wish(by="ana", reason="the region closes", at=visit.world.clock.now())
    turn_ungraceful(visit.world, visit.pair, order.run, wish)


@pytest.mark.parametrize("stays", [LeftJob.FINISH, LeftJob.DEADLINE])
def test_a_job_that_stays_is_moved_when_a_person_waits_no_longer(
    bench: Bench, stays: LeftJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what looks after jobs when the run is over: stopped, its end confirmed, and submitted once."""
    monkeypatch.setattr(next_move, "STOP_PAUSE", timedelta(seconds=1))
    visit, job, order = _leave_running(bench, failback=stays)
    assert moved(visit, order).staying == 1
    assert settled(visit, order).jobs.resubmitted == 0
    _press(visit, order)
    until(lambda: settled(visit, order).jobs.resubmitted == 1, "the job at home")
    assert record(visit, job).successor == f"{job}-e2"
    assert settled(visit, order).jobs.resubmitted == 0
    assert _jobs_of(visit) | {f"{job}-e2": ""} == {job: "Canceled", f"{job}-e2": ""}


@pytest.mark.parametrize("word", ["finish", "deadline"])
def test_a_run_under_way_hears_that_a_person_waits_no_longer(bench: Bench, word: str) -> None:
    """Whatever plan and tag say; a repeated step finds it moved."""
    visit = _visit(bench)
    _there(visit)
    job = _running(visit, tags={"hubswitch.failback": word})
    order = claimed(visit, 2)
    _press(visit, order)
    assert moved_until_done(visit, order).resubmitted == 1
    assert moved(visit, order).resubmitted == 1
    assert _jobs_of(visit) | {f"{job}-e2": ""} == {job: "Canceled", f"{job}-e2": ""}


def test_a_hub_that_has_died_meanwhile_is_not_waited_for(bench: Bench) -> None:
    """A planned switch asks it until it answers; pressed, it does as a failover does, once."""
    visit, job, order = _leave_running(bench)
    with _dead(bench, visit.plan.secondary.region):
        assert moved(visit, order).pending == 1
        _press(visit, order)
        assert moved_until_done(visit, order).resubmitted == 1
    assert record(visit, job).successor == f"{job}-e2"


def test_only_the_run_that_left_a_side_that_was_well_turns_ungraceful(bench: Bench) -> None:
    """A failover waits for no job; one that does not hold the epoch has no say. Nothing is written."""
    visit = _visit(bench)
    first = claimed(visit)
    with pytest.raises(NotNow, match="waits for no job"):
        _press(visit, first)
    with pytest.raises(NotNow, match="has not claimed its epoch yet"):
        _press(visit, msgspec.structs.replace(first, run=f"failback-{visit.pair}-e2"))
    second = claimed(visit, 2)
    with pytest.raises(NotNow, match="no say over jobs"):
        _press(visit, first)
    found = visit.world.epochs[visit.pair].read(visit.pair)
    assert found is not None
    assert found.value.ungraceful is None
    _press(visit, second)
    before = visit.world.epochs[visit.pair].read(visit.pair)
    _press(visit, second)
    assert visit.world.epochs[visit.pair].read(visit.pair) == before


@pytest.mark.parametrize(("word", "staying"), [("finish", 1), ("move", 0), ("deadline", 1), ("soon", 1)])
def test_a_tag_of_a_job_outdoes_the_plan(bench: Bench, word: str, staying: int) -> None:
    """One that nobody understands throws no work away, and its reason says so."""
    visit = _visit(bench, failback=LeftJob.FINISH if word == "move" else LeftJob.MOVE)
    _there(visit)
    job = _running(visit, tags={"hubswitch.failback": word})
    order = claimed(visit, 2)
    assert moved_until_done(visit, order).staying == staying
    assert ("finish or move or deadline" in record(visit, job).reason) == (word == "soon")
    assert bool(record(visit, job).retry_at) == (word == "deadline")


@pytest.mark.parametrize("word", ["Failed", "Completed"])
def test_a_job_that_ended_in_a_side_that_is_well_has_ended(bench: Bench, word: str) -> None:
    """Its failure is its own, also if the ledger learns of it in the minutes around the switch."""
    visit = _visit(bench, failback=LeftJob.MOVE)
    _there(visit)
    tags = {"local.duration": "0.1", "local.outcome": word, "hubswitch.policy": "always"}
    seen, unseen = (submitted(visit, mark, SECONDARY, tags=tags) for mark in ("seen", "unseen"))
    for job in (seen, unseen):
        until_status(visit, job, word)
    now = visit.world.clock.now()
    changed(visit, seen, status=JobStatus.FINISHED, azure_status=word, ended_at=now + timedelta(minutes=1))
    order = claimed(visit, 2)
    assert moved(visit, order).finished == 1
    assert record(visit, unseen).azure_status == word
    assert sorted(_jobs_of(visit)) == [seen, unseen]


@pytest.mark.parametrize("wish", list(LeftJob))
def test_jobs_of_an_outage_come_home_and_go_again(bench: Bench, wish: LeftJob) -> None:
    """S5 over three switches: a successor may be moved a second and a third time, each time to one new job."""
    visit = _visit(bench, failback=wish, failback_deadline=timedelta(0))
    job = submitted(visit, "train")
    until_status(visit, job, "Running")
    visit.world.jobs.cancel(visit.plan.primary, job)
    until_status(visit, job, "Canceled")
    changed(visit, job, lambda found: found, azure_status="Running")
    assert moved(visit, claimed(visit, 1)).resubmitted == 1
    until_status(visit, f"{job}-e1", "Running")
    back = claimed(visit, 2)
    report = moved_until_done(visit, back)
    assert (report.staying, report.resubmitted) == ((1, 0) if wish is LeftJob.FINISH else (0, 1))
    head = f"{job}-e1" if wish is LeftJob.FINISH else f"{job}-e2"
    if wish is not LeftJob.FINISH:
        until_status(visit, head, "Running")
        again = claimed(visit, 3, graceful=True)
        assert moved_until_done(visit, again).resubmitted == 1
        head = f"{job}-e3"
    until_status(visit, head, "Running")
    assert [name for name, word in _jobs_of(visit).items() if word == "Running"] == [head]
    spans = sorted(
        ((run.since, run.until) for each in bench.azure.truth.jobs() if each.name.startswith(job) for run in each.runs),
        key=lambda span: span[0],
    )
    assert all(until and until <= since for (_, until), (since, _) in pairwise(spans)), "two of its runs at once"


def test_what_a_successor_needs_is_taken_from_where_it_runs(bench: Bench) -> None:
    """Nobody kept the assets that a failover had made for it; they are read while its hub answers."""
    visit = bench.visit()
    job = f"{visit.pair}-coded-primary"
    assert moved(visit, claimed(visit, 1)).resubmitted == 2
    until_status(visit, f"{job}-e1", "Running")
    jobs = msgspec.structs.replace(visit.plan.jobs, failback=LeftJob.MOVE)
    visit.plan = msgspec.structs.replace(visit.plan, jobs=jobs)
    visit.world = visit.world._replace(plans={visit.pair: visit.plan})
    assert moved_until_done(visit, claimed(visit, 2)).resubmitted == 2
    home = visit.plan.primary.project_id.casefold()
    assert {asset.id.casefold().startswith(home) for asset in record(visit, f"{job}-e2").closure} == {True}


def test_a_relapse_of_the_target_leaves_the_jobs_where_they_are_well(bench: Bench) -> None:
    """Nothing is stopped for a side that does not answer, and the run does not wait for it; later it is tried again."""
    visit, job, order = _leave_running(bench, failback=LeftJob.MOVE)
    with _outage(bench, visit.plan.primary.region):
        report = moved(visit, order)
    assert (report.staying, report.pending) == (1, 0)
    stays = record(visit, job)
    assert (stays.status, stays.stop_asked) == (JobStatus.RUNNING, False)
    assert stays.retry_at is not None
    assert "the primary" in stays.reason
    assert status(visit, job) == "Running"

    def is_home() -> bool:
        changed(visit, job, retry_at=visit.world.clock.now())
        return settled(visit, order).jobs.resubmitted == 1

    until(is_home, "the job at home")
    assert sorted(_jobs_of(visit)) == [job, f"{job}-e2"]


def test_a_relapse_after_the_stop_leaves_the_job_waiting_with_a_reason(bench: Bench) -> None:
    """It was stopped and nobody takes it: the run ends all the same; when the side is back it is submitted, once."""
    visit, job, order = _leave_running(bench, failback=LeftJob.MOVE)
    assert moved(visit, order).pending == 1
    until_status(visit, job, "Canceled")
    with _outage(bench, visit.plan.primary.region):
        report = moved(visit, order)
    assert (report.waiting, report.pending) == (1, 0)
    assert record(visit, job).status is JobStatus.WAITING
    changed(visit, job, retry_at=visit.world.clock.now())
    assert settled(visit, order).jobs.resubmitted == 1
    assert sorted(_jobs_of(visit)) == [job, f"{job}-e2"]


def test_nothing_is_submitted_before_the_left_side_has_said_that_the_run_is_over(bench: Bench) -> None:
    """A hub that was well and does not answer now may run its jobs: they stay, however long it takes."""
    visit, job, order = _leave_running(bench, failback=LeftJob.MOVE)
    with _outage(bench, visit.plan.secondary.region):
        assert moved(visit, order).pending == 1
        assert moved(visit, order, last=True).staying == 1
        changed(visit, job, retry_at=visit.world.clock.now())
        assert settled(visit, order).jobs.staying == 1
    assert _jobs_of(visit) == {job: "Running"}
    assert record(visit, job).status is JobStatus.RUNNING


def test_a_job_that_cannot_be_moved_stays_and_is_told_why(bench: Bench) -> None:
    """It is not stopped for a body that the primary would not take."""
    visit = _visit(bench, failback=LeftJob.MOVE)
    _there(visit)
    names = {"inputs": {"x": {"jobInputType": "uri_folder", "uri": "azureml://datastores/nowhere/paths/x"}}}
    job = _running(visit)
    body = record(visit, job).body
    changed(visit, job, body={**body, "properties": {**body["properties"], **names}})
    order = claimed(visit, 2)
    report = moved_until_done(visit, order)
    assert (report.staying, report.resubmitted) == (1, 0)
    assert record(visit, job).reason.startswith("it stays in the secondary: ")
    assert _jobs_of(visit) == {job: "Running"}


def test_somebody_elses_cancellation_is_not_taken_for_ours(bench: Bench) -> None:
    """A job that its owner stops on the way is finished, not submitted again."""
    visit = _visit(bench, failback=LeftJob.MOVE)
    _there(visit)
    with _slow_queue(bench):
        job = submitted(visit, "train", SECONDARY)
        visit.world.jobs.cancel(visit.plan.secondary, job)
        order = claimed(visit, 2)
        assert moved(visit, order).staying == 1
    assert not record(visit, job).stop_asked
    assert _jobs_of(visit) == {job: "CancelRequested"}


def test_an_order_that_dies_before_the_pointer_moves_leaves_all_as_it_was(bench: Bench) -> None:
    """No job is touched before phase A is over."""
    visit = _visit(bench, failback=LeftJob.MOVE)
    _there(visit)
    job = _running(visit)
    before = record(visit, job)
    order = order_of(visit, 2)
    expired = msgspec.structs.replace(order, claim_by=visit.world.clock.now() - timedelta(seconds=1))
    with pytest.raises(OrderExpired):
        claim_epoch(visit.world, expired)
    assert record(visit, job) == before
    assert _jobs_of(visit) == {job: "Running"}
    found = visit.world.epochs[visit.pair].read(visit.pair)
    assert found is not None
    assert (found.value.epoch, found.value.active) == (1, SECONDARY)


def test_a_failback_that_is_begun_again_is_still_a_planned_one() -> None:
    """Its record of an older version has no word for it: the kind says it."""
    kinds = {RunKind.FAILOVER: False, RunKind.FAILBACK: True}
    for kind, graceful in kinds.items():
        fields: dict[str, Any] = dict.fromkeys(("decided_at", "doubted_since", "claim_by"), _NOW)
        pauses: dict[str, Any] = dict.fromkeys(("beat", "longest"), timedelta(seconds=1))
        run = RunOrder(
            pair="a", kind=kind, run="r", epoch=1, source=SECONDARY, target=Role.PRIMARY, why="", **fields, **pauses
        )
        assert run.is_graceful is graceful
        assert (run.interrupted_since > _NOW) is graceful


def test_a_graceful_failover_that_is_begun_again_from_its_record_is_still_graceful(bench: Bench) -> None:
    """What was claimed says so; nothing is taken for interrupted by a second life of the run."""
    visit = _visit(bench)
    start = StartRun(
        kind="failover",
        run=f"failover-{visit.pair}-e1",
        epoch=1,
        source=Role.PRIMARY,
        target=SECONDARY,
        why="patch day",
        graceful=True,
    )
    order = order_from(start, visit.plan, visit.world.clock.now(), ordered=True)
    assert (order.graceful, order.ordered) == (True, False)
    again = order_again(claim_epoch(visit.world, order), visit.plan, visit.world.clock.now())
    assert (again.graceful, again.ordered, again.run) == (True, False, order.run)
