"""The ledger knows of a job while its hub can still say what it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit

from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.local.workload import User
from orchestrator.simulator.arm.calls import PAGE
from orchestrator.watch.reconcile import find_differing
from orchestrator.watch.replicate import replicate_pair
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.messages import CaptureOrder, CaptureReport


def _submitted(bench: Bench, visit: Visit, name: str, **properties: Any) -> str:
    project = visit.plan.primary.project_id
    common = {
        "jobType": "Command",
        "command": "python train.py",
        "experimentName": "capture",
        "computeId": f"{project}/computes/cpu-cluster",
        "environmentId": f"{project}/environments/train-env/versions/1",
        "tags": {"local.duration": "36000"},
    }
    full = f"{visit.pair}-{name}"
    User(bench.azure).submit(visit.plan.primary, full, common | properties)
    return full


def _taken(visit: Visit, *names: str, told: str = "") -> CaptureReport:
    return capture_jobs(visit.world, CaptureOrder(pair=visit.pair, side=Role.PRIMARY, jobs=names, told=told))


def _record(visit: Visit, name: str) -> JobRecord:
    found = visit.world.ledgers[visit.pair].read(visit.pair, name)
    assert found is not None
    return found.value


def test_a_running_job_is_kept_with_its_body_and_what_it_needs(bench: Bench) -> None:
    """Code and environment are in the ledger and on the other side before anything goes wrong."""
    visit = bench.visit()
    environment, code = (asset.id for asset in bench.templates.closures["coded"])
    name = _submitted(bench, visit, "with-code", codeId=code, environmentId=environment)
    assert _taken(visit, name).captured == 1
    record = _record(visit, name)
    assert (record.status, record.hub, record.root) == (JobStatus.RUNNING, Role.PRIMARY, name)
    assert {asset.kind for asset in record.closure} == {"code", "environment"}
    there = code.replace(visit.plan.primary.project_id, visit.plan.secondary.project_id)
    assert bench.azure.call(lambda: bench.azure.resources.get(there)) is not None
    assert record.history[-1].what == "captured"


def test_a_job_whose_files_lie_in_a_foreign_account_says_so(bench: Bench) -> None:
    """It is kept, with the account and what to do in its record; nothing is read there."""
    visit = bench.visit()
    environment = f"{visit.plan.primary.project_id}/environments/{visit.pair}/versions/1"
    build = {"contextUri": "https://ststranger.blob.core.windows.net/box/docker/", "dockerfilePath": "Dockerfile"}
    bench.azure.call(lambda: bench.azure.resources.put(environment, {"properties": {"build": build}}))
    name = _submitted(bench, visit, "foreign", environmentId=environment)
    assert _taken(visit, name).captured == 1
    incomplete = _record(visit, name).incomplete
    assert incomplete.startswith("ststranger is not one of the storage accounts of")
    assert "attach it to the project as a datastore" in incomplete


def test_taking_a_job_twice_changes_nothing(bench: Bench) -> None:
    """Events come at least once."""
    visit = bench.visit()
    name = _submitted(bench, visit, "twice")
    _taken(visit, name)
    before = _record(visit, name)
    assert _taken(visit, name).known == 1
    assert _record(visit, name) == before


def test_a_completed_job_is_noted_as_finished(bench: Bench) -> None:
    """It will not be run again."""
    visit = bench.visit()
    name = _submitted(bench, visit, "short")
    _taken(visit, name)
    bench.azure.call(lambda: _end(bench, visit, name, "Completed"))
    assert _taken(visit, name, told="Completed").finished == 1
    record = _record(visit, name)
    assert (record.status, record.azure_status) == (JobStatus.FINISHED, "Completed")
    assert record.ended_at is not None


@pytest.mark.parametrize(("told", "status"), [("Completed", JobStatus.FINISHED), ("Canceled", JobStatus.FINISHED)])
def test_an_end_is_believed_by_the_event_s_word_when_the_hub_cannot_be_asked(
    bench: Bench, told: str, status: JobStatus
) -> None:
    """A job that had completed just before the outage is not run twice."""
    visit = bench.visit()
    name = _submitted(bench, visit, f"word-{told.casefold()}")
    _taken(visit, name)
    region = visit.plan.primary.region
    bench.azure.faults.set(region, "control", "5xx", status=503)
    try:
        _taken(visit, name, told=told)
    finally:
        bench.azure.faults.clear(region, "control")
    assert _record(visit, name).status is status


def test_a_failure_is_not_believed_when_the_hub_cannot_be_asked(bench: Bench) -> None:
    """It may have failed with its hub, and then it is to be run again."""
    visit = bench.visit()
    name = _submitted(bench, visit, "fell")
    _taken(visit, name)
    region = visit.plan.primary.region
    bench.azure.faults.set(region, "control", "5xx", status=503)
    try:
        with pytest.raises(TemporaryError):
            _taken(visit, name, told="Failed")
    finally:
        bench.azure.faults.clear(region, "control")
    assert _record(visit, name).status is JobStatus.RUNNING


def test_tags_decide_policy_and_priority_and_a_tag_not_understood_is_told(bench: Bench) -> None:
    """A typo in a tag leaves the plan's default, visibly."""
    visit = bench.visit()
    wishes = {"hubswitch.policy": "never", "hubswitch.priority": "7", "local.duration": "36000"}
    good = _submitted(bench, visit, "good", tags=wishes)
    bad = _submitted(bench, visit, "bad", tags={"hubswitch.policy": "Sometimes", "local.duration": "36000"})
    _taken(visit, good, bad)
    assert (_record(visit, good).policy, _record(visit, good).priority) == (JobPolicy.NEVER, 7)
    assert _record(visit, bad).policy is JobPolicy.IF_INTERRUPTED
    assert "Sometimes" in _record(visit, bad).history[-1].why


def test_jobs_of_drills_are_not_taken(bench: Bench) -> None:
    """Nobody wants practice to be moved."""
    visit = bench.visit()
    name = _submitted(bench, visit, "canary", tags={"hubswitch.drill": "d1"})
    assert _taken(visit, name).known == 1
    assert visit.world.ledgers[visit.pair].read(visit.pair, name) is None


def test_an_asset_that_cannot_be_kept_does_not_cost_the_record(bench: Bench) -> None:
    """The job is known, its story says what is missing, and the next step of the replication makes it whole."""
    visit = bench.visit()
    name = _submitted(bench, visit, "incomplete")
    region = visit.plan.primary.region
    bench.azure.faults.set(region, "control", "5xx", status=503, path="/environments/")
    try:
        assert _taken(visit, name).captured == 1
    finally:
        bench.azure.faults.clear(region, "control")
    assert _record(visit, name).history[-1].what == "incomplete"
    assert replicate_pair(visit.world, visit.plan, Role.PRIMARY).completed == 1
    assert _record(visit, name).incomplete == ""
    assert name not in {job for order in find_differing(visit.world, visit.plan, Role.PRIMARY) for job in order.jobs}


def test_reconciling_finds_what_no_event_told(bench: Bench) -> None:
    """Events only hasten: the list of jobs is what correctness rests on."""
    visit = bench.visit()
    running, ended = _submitted(bench, visit, "quiet"), _submitted(bench, visit, "gone")
    _taken(visit, ended)
    bench.azure.call(lambda: _end(bench, visit, ended, "Completed"))
    wanted = {name for order in find_differing(visit.world, visit.plan, Role.PRIMARY) for name in order.jobs}
    assert {running, ended} <= wanted
    _taken(visit, running, ended)
    after = {name for order in find_differing(visit.world, visit.plan, Role.PRIMARY) for name in order.jobs}
    assert not {running, ended} & after


def test_a_list_that_is_too_long_gives_what_was_read_and_some_of_the_rest(bench: Bench) -> None:
    """The newest jobs come first; of those that run by the ledger's word and were not met, some are asked for."""
    visit = bench.visit()
    old = _submitted(bench, visit, "old")
    _taken(visit, old)
    for number in range(PAGE):
        _submitted(bench, visit, f"new-{number:03d}")
    before = len(bench.azure.log)
    given = find_differing(visit.world, visit.plan, Role.PRIMARY, until=visit.world.clock.now())
    wanted = {name for order in given for name in order.jobs}
    listed = [entry for entry in bench.azure.log.entries()[before:] if entry.path.endswith("/jobs")]
    assert len(listed) == 1
    assert {old, f"{visit.pair}-new-{PAGE - 1:03d}"} <= wanted


def _end(bench: Bench, visit: Visit, name: str, status: str) -> None:
    job = bench.azure.services.life.get(visit.plan.primary.project_id, name)
    assert job is not None
    bench.azure.services.life._turn(job, status)


def test_an_order_with_one_bad_name_does_the_others(bench: Bench) -> None:
    """One job that is not there does not stop the rest."""
    visit = bench.visit()
    name = _submitted(bench, visit, "there")
    report = _taken(visit, f"{visit.pair}-nowhere", name)
    assert (report.captured, report.known) == (1, 1)
    assert msgspec.to_builtins(report)["failed"] == 0


class Hurried:
    """A clock that is three minutes further each time it is read."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(minutes=3)
        return self._now


def test_an_activity_ends_in_time_and_says_what_it_has_left(bench: Bench) -> None:
    """Azure would end it in the middle of a job otherwise. One job is taken up whatever the time."""
    visit = bench.visit()
    names = tuple(_submitted(bench, visit, f"many-{number}") for number in range(4))
    world = visit.world._replace(clock=Hurried())
    left, taken = names, 0
    for _ in names:
        report = capture_jobs(world, CaptureOrder(pair=visit.pair, side=Role.PRIMARY, jobs=left))
        assert 0 < report.captured < len(names)
        left, taken = report.left, taken + report.captured
        if not left:
            break
    assert (left, taken) == ((), len(names))
