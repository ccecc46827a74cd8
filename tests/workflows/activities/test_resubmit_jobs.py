"""What becomes of a job when its hub is left: moved once, or left with a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit, order_of

from orchestrator.core.base.codec import read_record
from orchestrator.core.base.errors import EpochFenced
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs.record import JobRecord, JobStatus, Manifest
from orchestrator.workflows.activities.epoch import claim_epoch
from orchestrator.workflows.activities.resubmit_jobs import list_jobs, manifest_path, resubmit_jobs
from orchestrator.workflows.messages import BatchOrder, BatchReport, RoundOrder, RunOrder

Change = Callable[[JobRecord], JobRecord]


def _claimed(visit: Visit) -> RunOrder:
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    return order


def _changed(visit: Visit, kind: str, change: Change) -> str:
    name = f"{visit.pair}-{kind}-primary"
    ledger = visit.world.ledgers[visit.pair]
    found = ledger.read(visit.pair, name)
    assert found is not None
    ledger.replace(change(found.value), found.etag)
    return name


def _with(properties: dict[str, Any]) -> Change:
    """A change that puts properties into the job's body."""

    def change(record: JobRecord) -> JobRecord:
        body = {**record.body, "properties": {**record.body["properties"], **properties}}
        return msgspec.structs.replace(record, body=body)

    return change


def _moved(visit: Visit, order: RunOrder, number: int = 0) -> BatchReport:
    list_jobs(visit.world, RoundOrder(run=order, round=number))
    return resubmit_jobs(visit.world, BatchOrder(run=order, round=number, batch=0))


def _record(visit: Visit, name: str) -> JobRecord:
    found = visit.world.ledgers[visit.pair].read(visit.pair, name)
    assert found is not None
    return found.value


def _puts(bench: Bench, visit: Visit) -> list[str]:
    """PUTs of this pair's jobs that Resource Manager has seen."""
    entries = bench.azure.log.entries()
    return [e.path for e in entries if e.service == "resource-manager" and e.method == "PUT" and visit.pair in e.path]


def test_a_job_that_names_what_the_map_does_not_know_waits_and_says_what(bench: Bench) -> None:
    """An unknown reference never goes through; the reason names its place."""
    visit = bench.visit()
    name = _changed(
        visit,
        "plain",
        _with({"inputs": {"x": {"jobInputType": "uri_folder", "uri": "azureml://jobs/other/outputs/y"}}}),
    )
    report = _moved(visit, _claimed(visit))
    assert (report.resubmitted, report.skipped, report.waiting) == (1, 1, 1)
    record = _record(visit, name)
    assert record.status is JobStatus.WAITING
    assert "/properties/inputs/x/uri" in record.reason
    assert not [path for path in _puts(bench, visit) if name in path]


def test_a_job_that_runs_as_its_user_waits_for_its_owner(bench: Bench) -> None:
    """No managed identity can stand in for a person; it is not tried."""
    visit = bench.visit()
    name = _changed(visit, "plain", _with({"identity": {"identityType": "UserIdentity"}}))
    _moved(visit, _claimed(visit))
    assert "its user" in _record(visit, name).reason
    assert not [path for path in _puts(bench, visit) if name in path]


def test_what_the_target_refuses_waits_with_the_service_s_own_words(bench: Bench) -> None:
    """A compute that is not there is the service's to refuse."""
    visit = bench.visit()
    compute = f"{visit.plan.primary.project_id}/computes/no-such-cluster"
    name = _changed(visit, "plain", _with({"computeId": compute}))
    _moved(visit, _claimed(visit))
    assert "the secondary refused it" in _record(visit, name).reason
    assert "no-such-cluster" in _record(visit, name).reason


def test_an_asset_that_was_never_kept_is_named(bench: Bench) -> None:
    """Without its code a job is not submitted to run empty."""
    visit = bench.visit()
    code = f"{visit.plan.primary.project_id}/codes/00000000-0000-4000-8000-000000000000/versions/1"

    def change(record: JobRecord) -> JobRecord:
        asset = type(bench.templates.closures["coded"][0])(kind="code", id=code)
        return msgspec.structs.replace(record, closure=(asset,))

    name = _changed(visit, "plain", change)
    _moved(visit, _claimed(visit))
    assert code in _record(visit, name).reason


def test_somebody_else_s_job_under_the_successor_s_name_is_not_taken_for_ours(bench: Bench) -> None:
    """A PUT of an existing name answers with the existing job; its tags say whose it is."""
    visit = bench.visit()
    order = _claimed(visit)
    name = f"{visit.pair}-plain-primary"
    stranger = {"properties": {**bench.templates.bodies["plain"]["properties"], "command": "python another.py"}}
    for field in ("status", "services", "outputs", "properties"):
        stranger["properties"].pop(field, None)
    target = visit.plan.secondary
    text = msgspec.json.encode(stranger).decode().replace(visit.plan.primary.project_id, target.project_id)
    visit.world.jobs.put(target, f"{name}-e1", msgspec.json.decode(text), "2025-01-01-preview")
    _moved(visit, order)
    assert "not its successor" in _record(visit, name).reason


def test_a_job_that_failed_while_its_hub_was_in_doubt_is_moved(bench: Bench) -> None:
    """It fell with its region; one that failed before did so by itself."""
    visit = bench.visit()
    order = _claimed(visit)

    def failed(at: timedelta) -> Change:
        ended = order.doubted_since + at
        return lambda record: msgspec.structs.replace(
            record, status=JobStatus.FINISHED, azure_status="Failed", ended_at=ended
        )

    fell = _changed(visit, "plain", failed(timedelta(seconds=1)))
    own = _changed(visit, "coded", failed(-timedelta(seconds=1)))
    _moved(visit, order)
    assert _record(visit, fell).status is JobStatus.RESUBMITTED
    assert _record(visit, own).status is JobStatus.FINISHED


def test_a_broken_record_does_not_stop_the_others(bench: Bench) -> None:
    """It is counted as waiting, left as it is, and not tried for ever."""
    visit = bench.visit()
    order = _claimed(visit)
    container, path = visit.plan.ledger.container, f"{visit.pair}/jobs/{visit.pair}-plain-primary.json"
    azure = bench.azure
    blob = azure.call(lambda: azure.ledger.get(container, path))
    assert blob is not None
    azure.call(lambda: azure.ledger.put(container, path, b'{"schema": 99}', blob.metadata))
    report = _moved(visit, order)
    assert (report.resubmitted, report.skipped, report.waiting, report.pending) == (1, 1, 1, 0)
    assert list_jobs(visit.world, RoundOrder(run=order, round=1)).jobs == 0
    kept = azure.call(lambda: azure.ledger.get(container, path))
    assert kept is not None
    assert kept.data == b'{"schema": 99}'


def test_a_job_recorded_late_comes_in_the_next_round(bench: Bench) -> None:
    """Nothing that is recorded while a run is under way is lost."""
    visit = bench.visit()
    order = _claimed(visit)
    _moved(visit, order)
    visit.record("plain", Role.PRIMARY, mark="late")
    report = _moved(visit, order, number=1)
    assert report.resubmitted == 1
    assert _record(visit, f"{visit.pair}-late-primary").status is JobStatus.RESUBMITTED


def test_jobs_of_higher_priority_go_first_and_older_ones_before_younger(bench: Bench) -> None:
    """The order is fixed once per round."""
    visit = bench.visit()
    order = _claimed(visit)
    urgent = _changed(visit, "never", lambda record: msgspec.structs.replace(record, priority=9))
    list_jobs(visit.world, RoundOrder(run=order, round=0))
    path = manifest_path(order, 0)
    manifest = read_record(visit.world.ledgers[visit.pair].get(path) or b"", Manifest, path)
    assert manifest.jobs == (urgent, f"{visit.pair}-plain-primary", f"{visit.pair}-coded-primary")


def test_repeating_a_batch_changes_nothing_and_says_the_same(bench: Bench) -> None:
    """S5, S6: an activity that ran may run again."""
    visit = bench.visit()
    order = _claimed(visit)
    first = _moved(visit, order)
    puts = len(_puts(bench, visit))
    assert _moved(visit, order) == first
    assert len(_puts(bench, visit)) == puts


def test_a_stale_run_submits_nothing(bench: Bench) -> None:
    """S8: another run holds the epoch; the step stops before the first job."""
    visit = bench.visit()
    stale = _claimed(visit)
    list_jobs(visit.world, RoundOrder(run=stale, round=0))
    claim_epoch(visit.world, order_of(visit, 2))
    with pytest.raises(EpochFenced):
        resubmit_jobs(visit.world, BatchOrder(run=stale, round=0, batch=0))
    with pytest.raises(EpochFenced):
        list_jobs(visit.world, RoundOrder(run=stale, round=1))
    assert _puts(bench, visit) == []


def test_a_job_of_policy_never_is_skipped_and_says_so(bench: Bench) -> None:
    """Its owner decided; the ledger keeps the reason."""
    visit = bench.visit()
    _moved(visit, _claimed(visit))
    record = _record(visit, f"{visit.pair}-never-primary")
    assert (record.policy, record.status, record.reason) == (JobPolicy.NEVER, JobStatus.SKIPPED, "its policy is never")


def test_a_throttled_management_plane_leaves_jobs_pending_with_its_own_wait(bench: Bench) -> None:
    """Nothing is given up, and the service's Retry-After is what is waited for.

    Last in this file: what is written for the next twenty seconds waits, in the whole process.
    """
    visit = bench.visit()
    order = _claimed(visit)
    bench.azure.faults.set(visit.plan.secondary.region, "control", "429", retry_after=20)
    try:
        report = _moved(visit, order)
    finally:
        bench.azure.faults.clear(visit.plan.secondary.region, "control")
    assert (report.resubmitted, report.pending) == (0, 2)
    assert report.retry_after is not None
    assert report.retry_after > timedelta(seconds=10)
