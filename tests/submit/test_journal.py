"""A record is written ahead of a job, and whatever happens in between ends in exactly one outcome."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit, order_of

from orchestrator.core.base.errors import NotNow, Unreachable
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord, JobStatus, successor_name
from orchestrator.core.jobs.record_changes import GRACE
from orchestrator.local.workload import User
from orchestrator.ports import World
from orchestrator.submit.journal import Submissions, destination
from orchestrator.watch.reconcile import find_differing
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.activities.epoch import claim_epoch, publish_pointer
from orchestrator.workflows.activities.resubmit_jobs import list_jobs, resubmit_jobs
from orchestrator.workflows.messages import BatchOrder, BatchReport, CaptureOrder, CaptureReport, RoundOrder

VERSION = "2025-01-01-preview"


class Later:
    """The clock of somebody who looks after a while."""

    def __init__(self, world: World, by: timedelta) -> None:
        self._world = world
        self._by = by

    def now(self) -> datetime:
        return self._world.clock.now() + self._by


def _properties(visit: Visit, **more: Any) -> dict[str, Any]:
    project = visit.plan.primary.project_id
    return {
        "jobType": "Command",
        "command": "python train.py",
        "experimentName": "submission",
        "computeId": f"{project}/computes/cpu-cluster",
        "environmentId": f"{project}/environments/train-env/versions/1",
        "tags": {"local.duration": "36000", "hubswitch.priority": "4"},
    } | more


def _begun(visit: Visit, mark: str, **more: Any) -> str:
    """Everything up to the PUT, and then the program dies."""
    name = f"{visit.pair}-{mark}"
    body = {"properties": _properties(visit, **more)}
    Submissions(visit.world, visit.plan, "ana").ahead(Role.PRIMARY, name, body, VERSION)
    return name


def _put(bench: Bench, visit: Visit, name: str, **more: Any) -> dict[str, Any]:
    return User(bench.azure).submit(visit.plan.primary, name, _properties(visit, **more))


def _record(visit: Visit, name: str) -> JobRecord:
    found = visit.world.ledgers[visit.pair].read(visit.pair, name)
    assert found is not None
    return found.value


def _healed(visit: Visit, name: str, after: timedelta = timedelta()) -> CaptureReport:
    world = visit.world._replace(clock=Later(visit.world, after))
    return capture_jobs(world, CaptureOrder(pair=visit.pair, side=Role.PRIMARY, jobs=(name,)))


def _moved(visit: Visit) -> BatchReport:
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    list_jobs(visit.world, RoundOrder(run=order, round=0))
    return resubmit_jobs(visit.world, BatchOrder(run=order, round=0, batch=0))


def test_what_is_written_ahead_is_enough_to_submit_the_job_elsewhere(bench: Bench) -> None:
    """Body, api-version, priority and needs are there before the hub has seen anything."""
    visit = bench.visit()
    environment, code = (asset.id for asset in bench.templates.closures["coded"])
    record = _record(visit, _begun(visit, "ahead", codeId=code, environmentId=environment))
    assert record.status is JobStatus.SUBMITTING
    assert (record.api_version, record.priority, record.hub) == (VERSION, 4, Role.PRIMARY)
    assert {asset.id for asset in record.closure} == {code, environment}
    assert record.body["properties"]["command"] == "python train.py"
    assert (record.history[0].what, record.history[0].why) == ("submitting", "by ana, to the primary")


def test_a_job_that_arrived_although_its_program_died_is_completed(bench: Bench) -> None:
    """The reconciling timer finds the record and asks the hub for the name."""
    visit = bench.visit()
    environment, code = (asset.id for asset in bench.templates.closures["coded"])
    name = _begun(visit, "arrived", codeId=code, environmentId=environment)
    _put(bench, visit, name, codeId=code, environmentId=environment)
    orders = [order for order in find_differing(visit.world, visit.plan, Role.PRIMARY) if name in order.jobs]
    assert len(orders) == 1
    capture_jobs(visit.world, CaptureOrder(pair=visit.pair, side=Role.PRIMARY, jobs=(name,)))
    record = _record(visit, name)
    assert record.status is JobStatus.RUNNING
    assert record.body["name"] == name
    assert record.incomplete == ""


def test_a_job_that_may_still_arrive_is_left_alone(bench: Bench) -> None:
    """Its PUT may be under way."""
    visit = bench.visit()
    name = _begun(visit, "late")
    assert _healed(visit, name).known == 1
    assert _record(visit, name).status is JobStatus.SUBMITTING


def test_a_job_that_never_arrived_is_closed_after_the_grace(bench: Bench) -> None:
    """And comes to life again if it arrives after all."""
    visit = bench.visit()
    name = _begun(visit, "never")
    _healed(visit, name, GRACE + timedelta(minutes=1))
    record = _record(visit, name)
    assert record.status is JobStatus.NOT_SUBMITTED
    assert "never arrived" in record.reason
    _put(bench, visit, name)
    assert any(name in order.jobs for order in find_differing(visit.world, visit.plan, Role.PRIMARY))
    _healed(visit, name)
    assert _record(visit, name).status is JobStatus.RUNNING


@pytest.mark.parametrize("arrived", [False, True])
def test_a_run_moves_a_job_that_was_being_submitted_once(bench: Bench, arrived: bool) -> None:
    """Whether its hub had taken it or not: the name on the other side follows from the one that was written down."""
    visit = bench.visit()
    name = _begun(visit, "caught")
    if arrived:
        _put(bench, visit, name)
    before = len(bench.azure.truth.jobs())
    _moved(visit)
    record = _record(visit, name)
    assert (record.status, record.successor) == (JobStatus.RESUBMITTED, successor_name(name, 1))
    assert _record(visit, successor_name(name, 1)).status is JobStatus.RUNNING
    order = order_of(visit, 1)
    resubmit_jobs(visit.world, BatchOrder(run=order, round=0, batch=0))
    continued = [job for job in bench.azure.truth.jobs() if job.tags.get("hubswitch.source") == name]
    assert len(continued) == 1
    assert len(bench.azure.truth.jobs()) > before


def test_a_job_that_was_moved_is_not_completed_by_a_late_answer(bench: Bench) -> None:
    """Whoever submitted it learns that it runs twice, and under which name it goes on."""
    visit = bench.visit()
    name = _begun(visit, "slow")
    _moved(visit)
    with pytest.raises(NotNow, match=successor_name(name, 1)):
        Submissions(visit.world, visit.plan, "ana").accepted(Role.PRIMARY, name, _put(bench, visit, name))
    assert _record(visit, name).status is JobStatus.RESUBMITTED


def test_a_name_goes_to_one_hub_only(bench: Bench) -> None:
    """A second try in the other hub could run beside the first."""
    visit = bench.visit()
    name = _begun(visit, "twice")
    here = Submissions(visit.world, visit.plan, "ana")
    with pytest.raises(NotNow, match="job of the primary"):
        here.ahead(Role.SECONDARY, name, {"properties": _properties(visit)}, VERSION)
    here.ahead(Role.PRIMARY, name, {"properties": _properties(visit)}, VERSION)
    assert [line.what for line in _record(visit, name).history] == ["submitting", "submitting"]


def test_the_active_hub_is_read_from_a_replica_when_the_first_endpoint_is_away(bench: Bench) -> None:
    """People submit while the store's own region is down."""
    visit = bench.visit()
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    publish_pointer(visit.world, order)
    assert destination(visit.world, visit.plan)[:2] == (Role.SECONDARY, 1)
    bench.azure.faults.set(bench.azure.estate.third, "appconfig", "refuse")
    try:
        found = destination(visit.world, visit.plan)
    finally:
        bench.azure.faults.clear()
    assert (found.side, found.read_from) == (Role.SECONDARY, visit.plan.pointer.replicas[0])
    assert found.note


def test_no_endpoint_at_all_is_said(bench: Bench) -> None:
    """Nothing is guessed."""
    visit = bench.visit()
    nowhere = msgspec.structs.replace(visit.plan.pointer, endpoint="https://127.0.0.1:9", replicas=())
    with pytest.raises(Unreachable):
        destination(visit.world, msgspec.structs.replace(visit.plan, pointer=nowhere))
