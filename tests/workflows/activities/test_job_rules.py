"""Which jobs are submitted again, in which order, and what is said of the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import LONG, changed, claimed, moved, moved_until_done, record, settled, submitted, summaries, truth

from orchestrator.core.base.codec import read_record
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs.record import JobRecord, JobStatus, Manifest
from orchestrator.local.workload import User
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.activities.resubmit_jobs import list_jobs, manifest_path
from orchestrator.workflows.messages import CaptureOrder, RoundOrder


def _plain(visit: Visit) -> str:
    return f"{visit.pair}-plain-primary"


def _with_input(uri: str) -> Any:
    """A change that lets a job read something."""

    def change(job: JobRecord) -> JobRecord:
        inputs = {"x": {"jobInputType": "uri_folder", "uri": uri, "mode": "ReadOnlyMount"}}
        body = {**job.body, "properties": {**job.body["properties"], "inputs": inputs}}
        return msgspec.structs.replace(job, body=body)

    return change


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"policy": JobPolicy.NEVER}, "its policy is never"),
        (
            {"policy": JobPolicy.NEVER, "left_alone_by": "ana", "left_alone_why": "cheap"},
            "left alone, asked by ana: cheap",
        ),
        ({"schedule": "nightly"}, "the schedule nightly"),
        ({"parent": "whole"}, "a part of whole"),
    ],
)
def test_what_is_not_submitted_by_itself_is_skipped_and_says_why(
    bench: Bench, fields: dict[str, Any], said: str
) -> None:
    """The owner's policy, a schedule's own next run, the whole of which a job is a part."""
    visit = bench.visit()
    order = claimed(visit)
    whole = fields.get("parent")
    if whole:
        visit.record("plain", Role.PRIMARY, mark="whole")
        fields = {"parent": f"{visit.pair}-whole-primary"}
    name = changed(visit, _plain(visit), **fields)
    moved(visit, order)
    assert record(visit, name).status is JobStatus.SKIPPED
    assert said.replace("whole", f"{visit.pair}-whole" if whole else "whole") in record(visit, name).reason
    assert truth(visit, f"{name}-e1") is None


def test_a_part_whose_whole_is_unknown_waits(bench: Bench) -> None:
    """Nobody will submit the pipeline, so its step must not be forgotten with it."""
    visit = bench.visit()
    name = changed(visit, _plain(visit), parent="somebody-s-pipeline")
    moved(visit, claimed(visit))
    assert record(visit, name).status is JobStatus.WAITING
    assert "somebody-s-pipeline, which is not in the ledger" in record(visit, name).reason


def test_a_trial_goes_with_its_sweep(bench: Bench) -> None:
    """Azure ML numbers trials after their sweep; the ledger must know that sweep."""
    visit = bench.visit()
    ledger = visit.world.ledgers[visit.pair]
    sweep = record(visit, _plain(visit))
    body = {"properties": {**sweep.body["properties"], "jobType": "Sweep"}}
    ledger.create(msgspec.structs.replace(sweep, name="sweep", root="sweep", body=body))
    ledger.create(msgspec.structs.replace(sweep, name="sweep_3", root="sweep_3"))
    ledger.create(msgspec.structs.replace(sweep, name="other_3", root="other_3"))
    moved(visit, claimed(visit))
    assert record(visit, "sweep_3").status is JobStatus.SKIPPED
    assert record(visit, "other_3").status is JobStatus.RESUBMITTED


def test_a_job_whose_deadline_has_passed_is_skipped(bench: Bench) -> None:
    """Nobody wants its result any more."""
    visit = bench.visit()
    now = visit.world.clock.now()
    late = changed(visit, _plain(visit), deadline=now - timedelta(minutes=1))
    early = changed(visit, f"{visit.pair}-coded-primary", deadline=now + timedelta(hours=1))
    moved(visit, claimed(visit))
    assert "deadline" in record(visit, late).reason
    assert [record(visit, name).status for name in (late, early)] == [JobStatus.SKIPPED, JobStatus.RESUBMITTED]


@pytest.mark.parametrize(
    ("policy", "word", "after", "moves"),
    [
        (JobPolicy.ALWAYS, "Completed", 1, True),
        (JobPolicy.ALWAYS, "Completed", -1, False),
        (JobPolicy.ALWAYS, "Canceled", 1, False),
        (JobPolicy.IF_INTERRUPTED, "Completed", 1, False),
        (JobPolicy.IF_INTERRUPTED, "Failed", 1, True),
        (JobPolicy.NEVER, "Failed", 1, False),
    ],
)
def test_an_end_while_the_hub_was_in_doubt_counts_by_the_job_s_policy(
    bench: Bench, policy: JobPolicy, word: str, after: int, *, moves: bool
) -> None:
    """``always`` wants its results where they can be read; a cancelled job is wanted by nobody."""
    visit = bench.visit()
    order = claimed(visit)
    name = changed(
        visit,
        _plain(visit),
        policy=policy,
        status=JobStatus.FINISHED,
        azure_status=word,
        ended_at=order.doubted_since + timedelta(seconds=after),
    )
    moved(visit, order)
    assert (record(visit, name).status is JobStatus.RESUBMITTED) == moves


def test_a_producer_goes_before_who_reads_from_it_and_inherits_its_priority(bench: Bench) -> None:
    """Priority, then lineage, then age; the list is made from metadata alone."""
    visit = bench.visit()
    plain, coded = _plain(visit), f"{visit.pair}-coded-primary"
    visit.record("plain", Role.PRIMARY, mark="urgent")
    urgent = changed(visit, f"{visit.pair}-urgent-primary", priority=9, lineage=(coded,))
    order = claimed(visit)
    list_jobs(visit.world, RoundOrder(run=order, round=0))
    path = manifest_path(order, 0)
    manifest = read_record(visit.world.ledgers[visit.pair].get(path) or b"", Manifest, path)
    assert manifest.jobs[:3] == (coded, urgent, plain)
    assert summaries(visit)[urgent].lineage == (coded,)


def test_who_needs_a_job_s_output_waits_for_its_successor_and_then_reads_from_that(bench: Bench) -> None:
    """A dependant of a job that runs waits, of one that waits waits, and goes on when the output is there again."""
    visit = bench.visit()
    producer = submitted(visit, "producer")
    reader = changed(visit, _plain(visit), _with_input(f"azureml://jobs/{producer}/outputs/model"), lineage=(producer,))
    last = changed(
        visit, f"{visit.pair}-coded-primary", _with_input(f"azureml://jobs/{reader}/outputs/x"), lineage=(reader,)
    )
    order = claimed(visit)
    moved_until_done(visit, order)
    waits = record(visit, reader)
    assert waits.status is JobStatus.WAITING
    assert f"waits until {producer}-e1 has completed" in waits.reason
    assert waits.retry_at is not None
    assert f"{reader}, which is waiting" in record(visit, last).reason
    changed(visit, f"{producer}-e1", status=JobStatus.FINISHED, azure_status="Completed")
    changed(visit, reader, retry_at=visit.world.clock.now())
    assert settled(visit, order).jobs.resubmitted == 1
    sent = truth(visit, f"{reader}-e1")
    assert sent is not None
    uri = sent.submitted["properties"]["inputs"]["x"]["uri"]
    assert uri == f"azureml://jobs/{producer}-e1/outputs/model"


def test_an_asset_named_by_the_guid_of_its_workspace_is_captured_and_mapped(bench: Bench) -> None:
    """The plan knows both GUIDs; the record holds the asset by its ARM id."""
    visit = bench.visit()
    sides = [visit.plan.primary, visit.plan.secondary]
    here, there = (
        f"azureml://locations/{hub.region}/workspaces/{hub.project_guid}/data/iris/versions/1" for hub in sides
    )
    name = f"{visit.pair}-located"
    compute = f"{visit.plan.primary.project_id}/computes/cpu-cluster"
    inputs = {"x": {"jobInputType": "uri_folder", "uri": here}}
    body = {"jobType": "Command", "command": "x", "computeId": compute, "inputs": inputs}
    body |= {
        "environmentId": "azureml://registries/azureml/environments/train/versions/1",
        "tags": {"local.duration": LONG},
    }
    User(bench.azure).submit(visit.plan.primary, name, body)
    capture_jobs(visit.world, CaptureOrder(pair=visit.pair, side=Role.PRIMARY, jobs=(name,)))
    assert [asset.id for asset in record(visit, name).closure] == [
        f"{visit.plan.primary.project_id}/data/iris/versions/1"
    ]
    moved_until_done(visit, claimed(visit))
    sent = truth(visit, f"{name}-e1")
    assert sent is not None, record(visit, name).reason
    assert sent.submitted["properties"]["inputs"]["x"]["uri"] == there


def _datastore(visit: Visit, path: str) -> str:
    """A place in the primary's own storage, spelt as azure-ai-ml spells it."""
    where = visit.plan.primary.project_id.lstrip("/").replace("resourceGroups", "resourcegroups")
    where = f"azureml://{where.replace('/providers/Microsoft.MachineLearningServices', '')}"
    return f"{where}/datastores/workspaceblobstore/paths/{visit.pair}/{path}"


def _went_on(visit: Visit, place: str) -> JobRecord:
    """The record of a job that declares its checkpoints to be at a place, after it was moved."""
    name = submitted(visit, "checkpointed", tags={"hubswitch.checkpoint": place})
    moved_until_done(visit, claimed(visit))
    kept = record(visit, name)
    assert kept.status is JobStatus.RESUBMITTED, kept.reason
    return kept


def _written(visit: Visit, side: Role) -> None:
    """Write a checkpoint into the own storage of one side."""
    azure = visit.bench.azure
    blobs = azure.blobs[visit.plan.side(side).region]
    azure.call(lambda: blobs.put("azureml-blobstore", f"{visit.pair}/checkpoints/step-4", b"weights"))


def test_a_declared_checkpoint_goes_along_as_a_variable_of_the_other_side(bench: Bench) -> None:
    """The job finds the place of its checkpoints, mapped, under one name."""
    visit = bench.visit()
    kept = _went_on(visit, _datastore(visit, "checkpoints"))
    sent = truth(visit, f"{kept.name}-e1")
    assert sent is not None
    place = sent.submitted["properties"]["environmentVariables"]["HUBSWITCH_CHECKPOINT"]
    assert visit.plan.secondary.project in place
    assert visit.plan.primary.project not in place


def test_the_record_says_how_old_the_checkpoints_are_that_a_job_finds(bench: Bench) -> None:
    """Those on the side where it goes on, in the reason and in the history."""
    visit = bench.visit()
    _written(visit, Role.SECONDARY)
    kept = _went_on(visit, _datastore(visit, "checkpoints"))
    assert "; its newest checkpoint in the secondary is" in kept.reason
    assert kept.reason.endswith(" s old")
    assert kept.history[-1].why == kept.reason


def test_a_job_without_checkpoints_where_it_goes_on_is_said_to_start_anew(bench: Bench) -> None:
    """Nothing copies checkpoints, and what lies in the region that was left helps nobody."""
    visit = bench.visit()
    _written(visit, Role.PRIMARY)
    kept = _went_on(visit, _datastore(visit, "checkpoints"))
    assert "; it starts anew: no checkpoint is in the secondary at " in kept.reason


def test_checkpoints_that_cannot_be_read_keep_no_job_waiting(bench: Bench) -> None:
    """The job is submitted; that the age is not known is said."""
    visit = bench.visit()
    changed(visit, f"{visit.pair}-coded-primary", policy=JobPolicy.NEVER)  # its code would have to go there
    region = visit.plan.secondary.region
    bench.azure.faults.set(region, "storage", "5xx", status=503)
    try:
        kept = _went_on(visit, _datastore(visit, "checkpoints"))
    finally:
        bench.azure.faults.clear(region, "storage")
    assert "; how old its checkpoints are is not known: " in kept.reason


def test_a_checkpoint_outside_blob_storage_is_said_to_be_of_unknown_age(bench: Bench) -> None:
    """A job may keep its checkpoints wherever it likes."""
    kept = _went_on(bench.visit(), "s3://elsewhere/checkpoints")
    assert kept.reason.endswith("s3://elsewhere/checkpoints is no place in blob storage")
