"""One line per job, whatever overtakes what: events, lost answers, changed plans, errors that nobody expected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import (
    LONG,
    changed,
    claimed,
    moved,
    moved_until_done,
    record,
    records,
    settled,
    submitted,
    truth,
    until_status,
)

from orchestrator.core.base.errors import Throttled
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs.record import JobRecord, JobStatus, OldRun
from orchestrator.local.workload import User
from orchestrator.submit.journal import Submissions
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.activities.resubmit_jobs import list_jobs, resubmit_jobs
from orchestrator.workflows.messages import BatchOrder, CaptureOrder, RoundOrder


def told(visit: Visit, side: Role, name: str, word: str) -> None:
    """Azure ML's event about a job arrives."""
    capture_jobs(visit.world, CaptureOrder(pair=visit.pair, side=side, jobs=(name,), told=word))


@contextmanager
def faulty(visit: Visit, fault: str, method: str | None = "PUT", **more: Any) -> Iterator[None]:
    """Submissions to the secondary meet a fault; or all calls, without a method."""
    region = visit.plan.secondary.region
    visit.bench.azure.faults.set(region, "control", fault, method=method, **more)
    try:
        yield
    finally:
        visit.bench.azure.faults.clear(region, "control")


def test_the_event_of_our_own_cancellation_ends_no_job(bench: Bench) -> None:
    """S5: a job that an ordered failover stops in a well hub goes on in the other, whoever notes its end first."""
    visit = bench.visit()
    job = submitted(visit, "stopped")
    until_status(visit, job, "Running")
    order = claimed(visit, ordered=True)
    assert moved(visit, order).pending
    until_status(visit, job, "Canceled")
    told(visit, Role.PRIMARY, job, "Canceled")
    moved_until_done(visit, order)
    assert (record(visit, job).status, record(visit, job).successor) == (JobStatus.RESUBMITTED, f"{job}-e1")


def test_an_end_that_was_asked_for_and_noted_by_somebody_else_moves_the_job_all_the_same(bench: Bench) -> None:
    """S5: an older version of the app has written it down as finished."""
    visit = bench.visit()
    job = submitted(visit, "noted")
    until_status(visit, job, "Running")
    order = claimed(visit, ordered=True)
    assert moved(visit, order).pending
    until_status(visit, job, "Canceled")
    changed(visit, job, status=JobStatus.FINISHED, azure_status="Canceled", ended_at=visit.world.clock.now())
    moved_until_done(visit, order)
    assert record(visit, job).successor == f"{job}-e1"


def test_an_event_about_a_successor_before_its_record_continues_the_line(bench: Bench) -> None:
    """S5: the ledger was throttled between the submission and the record; the old run is stopped all the same."""
    visit = bench.visit()
    job = submitted(visit, "early")
    until_status(visit, job, "Running")
    order = claimed(visit)
    with breaking(visit, f"{job}-e1", Throttled("too many requests", retry_after=timedelta(seconds=1))):
        assert moved(visit, order).pending
    told(visit, Role.SECONDARY, f"{job}-e1", "Running")
    assert (record(visit, f"{job}-e1").root, record(visit, f"{job}-e1").epoch) == (job, 1)
    moved_until_done(visit, order)
    settled(visit, order)
    until_status(visit, job, "Canceled")
    settled(visit, order)
    assert record(visit, job).old_run is OldRun.STOPPED


class Breaking:
    """A ledger that fails when one record is to be made."""

    def __init__(self, ledger: Any, name: str, fault: BaseException) -> None:
        self._ledger = ledger
        self._name = name
        self._fault = fault

    def __getattr__(self, method: str) -> Any:
        return getattr(self._ledger, method)

    def create(self, record: JobRecord) -> Any:
        if record.name == self._name:
            raise self._fault
        return self._ledger.create(record)


@contextmanager
def breaking(visit: Visit, name: str, fault: BaseException) -> Iterator[None]:
    """Within the block the record of one name cannot be made."""
    well = visit.world
    visit.world = well._replace(ledgers={visit.pair: Breaking(well.ledgers[visit.pair], name, fault)})
    try:
        yield
    finally:
        visit.world = well


def test_a_submission_whose_answer_was_lost_is_looked_for_though_the_last_try_was_throttled(bench: Bench) -> None:
    """S5: in the next epoch it is found, and not submitted under another name."""
    visit = bench.visit()
    job = submitted(visit, "unsure")
    order = claimed(visit)
    with faulty(visit, "lost-answer"):
        assert moved(visit, order).pending
    with faulty(visit, "429", method=None, retry_after=0):
        moved(visit, order, last=True)
    assert record(visit, job).status is JobStatus.WAITING
    settled(visit, claimed(visit, 2))
    assert record(visit, job).successor == f"{job}-e1"
    assert truth(visit, f"{job}-e2") is None


def test_a_plan_that_changes_the_size_of_batches_meanwhile_loses_no_job(bench: Bench) -> None:
    """S5: a round is cut as it was planned."""
    visit = bench.visit()
    for number in range(5):
        submitted(visit, f"many-{number}")
    order = claimed(visit)
    _with_batches(visit, 8)
    planned = list_jobs(visit.world, RoundOrder(run=order, round=0))
    _with_batches(visit, 3)
    for batch in range(planned.batches):
        resubmit_jobs(visit.world, BatchOrder(run=order, round=0, batch=batch, size=planned.size))
    assert [kept.name for kept in records(visit).values() if kept.status is JobStatus.RUNNING and not kept.epoch] == []


def _with_batches(visit: Visit, size: int) -> None:
    plan = msgspec.structs.replace(visit.plan, jobs=msgspec.structs.replace(visit.plan.jobs, batch=size))
    visit.world = visit.world._replace(plans={plan.pair: plan})


@pytest.mark.parametrize("ordered", [False, True])
def test_what_failed_with_its_hub_is_moved_whoever_wanted_the_switch(bench: Bench, ordered: bool) -> None:
    """A person who orders a failover does not want less than the rule would have done."""
    visit = bench.visit()
    job = submitted(visit, "ill", tags={"local.duration": "1", "local.outcome": "Failed"})
    until_status(visit, job, "Failed")
    told(visit, Role.PRIMARY, job, "Failed")
    moved_until_done(visit, claimed(visit, ordered=ordered, doubted_since=visit.world.clock.now() - timedelta(hours=1)))
    assert record(visit, job).status is JobStatus.RESUBMITTED


def test_a_job_that_was_written_down_ahead_keeps_all_that_its_body_says(bench: Bench) -> None:
    """Deadline, lineage, priority, policy and identity are those of a job that was captured."""
    visit = bench.visit()
    hub, producer = visit.plan.primary, submitted(visit, "producer")
    said = {
        "local.duration": LONG,
        "hubswitch.deadline": "2030-01-01T00:00:00Z",
        "hubswitch.priority": "3",
        "hubswitch.policy": "always",
    }
    properties = {
        "jobType": "Command",
        "command": "python train.py",
        "computeId": f"{hub.project_id}/computes/cpu-cluster",
        "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
        "inputs": {"x": {"jobInputType": "uri_folder", "uri": f"azureml://jobs/{producer}/outputs/model"}},
        "tags": said,
    }
    ahead, captured = f"{visit.pair}-ahead", f"{visit.pair}-captured"
    submissions = Submissions(visit.world, visit.plan, "somebody")
    submissions.ahead(Role.PRIMARY, ahead, {"properties": properties}, "2025-01-01-preview")
    submissions.accepted(Role.PRIMARY, ahead, User(bench.azure).submit(hub, ahead, properties))
    User(bench.azure).submit(hub, captured, properties)
    told(visit, Role.PRIMARY, captured, "Running")
    wishes = [
        (kept.policy, kept.priority, kept.deadline, kept.lineage, kept.identity)
        for kept in (record(visit, ahead), record(visit, captured))
    ]
    assert wishes[0] == wishes[1]
    assert wishes[0][0] is JobPolicy.ALWAYS
    assert wishes[0][2] is not None
    assert wishes[0][3] == (producer,)


def test_a_job_whose_inputs_name_no_job_at_all_is_captured_like_its_neighbours(bench: Bench) -> None:
    """What is no job's name is no reason to lose those behind it."""
    visit = bench.visit()
    hub, names = visit.plan.primary, tuple(f"{visit.pair}-{mark}" for mark in ("odd", "plain-one"))
    for name, variables in zip(names, ({"MODEL": "runs:/作業/model"}, {}), strict=True):
        properties = {
            "jobType": "Command",
            "command": "python train.py",
            "computeId": f"{hub.project_id}/computes/cpu-cluster",
            "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
            "environmentVariables": variables,
            "tags": {"local.duration": LONG},
        }
        User(bench.azure).submit(hub, name, properties)
    report = capture_jobs(visit.world, CaptureOrder(pair=visit.pair, side=Role.PRIMARY, jobs=names))
    assert (report.captured, report.failed) == (2, 0)
    assert set(names) <= set(records(visit))


@pytest.mark.parametrize("place", ["https://account.blob.core.windows.net", "wasbs://@account.blob.core.windows.net/x"])
def test_checkpoints_at_no_place_keep_nobody_from_an_end(bench: Bench, place: str) -> None:
    """Tags are people's, and people make mistakes."""
    visit = bench.visit()
    job = submitted(visit, "checkpointed", tags={"hubswitch.checkpoint": place})
    moved_until_done(visit, claimed(visit))
    assert record(visit, job).status is JobStatus.RESUBMITTED


def test_an_error_that_nobody_expected_is_that_of_one_job_only(bench: Bench) -> None:
    """L2: it is tried like one that is answered badly, and waits in the end; the others go on."""
    visit = bench.visit()
    poison, other = submitted(visit, "poison"), submitted(visit, "other")
    visit.world = visit.world._replace(jobs=Failing(visit.world.jobs, f"{poison}-e1"))
    order = claimed(visit)
    report = moved(visit, order)
    assert (report.pending, record(visit, other).status) == (1, JobStatus.RESUBMITTED)
    moved(visit, order, last=True)
    assert record(visit, poison).status is JobStatus.WAITING
    assert "ZeroDivisionError" in record(visit, poison).reason


class Failing:
    """A service of jobs with a defect of ours in it."""

    def __init__(self, jobs: Any, name: str) -> None:
        self._jobs = jobs
        self._name = name

    def __getattr__(self, method: str) -> Any:
        return getattr(self._jobs, method)

    def put(self, hub: Any, name: str, body: Any, api_version: str) -> Any:
        if name == self._name:
            raise ZeroDivisionError
        return self._jobs.put(hub, name, body, api_version)


class Killed(BaseException):
    """The process dies at this point."""


def test_a_retry_that_was_killed_after_its_submission_is_found_in_the_next_epoch(bench: Bench) -> None:
    """S5: nothing repeats the step in its own epoch, for the pair has gone home meanwhile."""
    visit = bench.visit()
    ill = submitted(visit, "killed", tags={"local.duration": "1", "local.outcome": "Failed"})
    until_status(visit, ill, "Failed")
    order = claimed(visit)
    changed(visit, ill, status=JobStatus.WAITING, reason="not mapped", epoch=1, retry_at=visit.world.clock.now())
    with breaking(visit, f"{ill}-e1", Killed()), pytest.raises(Killed):
        settled(visit, order)
    assert truth(visit, f"{ill}-e1") is not None
    settled(visit, claimed(visit, 2))
    assert record(visit, ill).successor == f"{ill}-e1"
    assert truth(visit, f"{ill}-e2") is None


@pytest.mark.parametrize("status", [400, 403, 409, 429])
def test_what_was_surely_not_taken_is_not_looked_for_later(bench: Bench, status: int) -> None:
    """A definite answer leaves no doubt: a job must not wait for a dead hub to deny what it never took."""
    visit = bench.visit()
    job = submitted(visit, "not-taken")
    order = claimed(visit)
    with faulty(visit, "5xx", status=status):
        moved(visit, order, last=True)
    assert record(visit, job).status in {JobStatus.REFUSED, JobStatus.WAITING}
    assert record(visit, job).unsure == ()


@pytest.mark.parametrize("last", [False, True])
def test_lost_answers_and_a_service_that_refuses_every_second_put_refuse_nothing_that_runs(
    bench: Bench, last: bool
) -> None:
    """S5: the second PUT meets the first one's job, which is adopted, not refused."""
    visit = bench.visit()
    job = submitted(visit, f"second-put-{last}")
    order = claimed(visit)
    bench.azure.kernel.refuses_second_puts = True
    try:
        with faulty(visit, "lost-answer"):
            assert moved(visit, order, last=last).resubmitted == 0
        if not last:
            moved_until_done(visit, order)
        changed(visit, job, retry_at=visit.world.clock.now())
        settled(visit, order)
    finally:
        bench.azure.kernel.refuses_second_puts = False
    assert (record(visit, job).status, record(visit, job).successor) == (JobStatus.RESUBMITTED, f"{job}-e1")


@pytest.mark.parametrize("fault", ["5xx", "lost-answer"])
def test_a_success_without_the_job_is_no_submission(bench: Bench, fault: str) -> None:
    """S5: a gateway answers 200 with nothing to the submission, whether the job was taken or not; it is looked for."""
    visit = bench.visit()
    job = submitted(visit, f"hollow-{fault}")
    order = claimed(visit)
    with faulty(visit, fault, **({"status": 200} if fault == "5xx" else {})):
        assert moved(visit, order).resubmitted == 0
    moved_until_done(visit, order)
    assert (record(visit, job).status, record(visit, job).successor) == (JobStatus.RESUBMITTED, f"{job}-e1")
    assert truth(visit, f"{job}-e1")
