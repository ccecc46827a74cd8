"""A job whose input is absent where it would run waits or is told, by plan; what cannot be asked is not absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import changed, claimed, moved_until_done, record, settled, submitted, truth

from orchestrator.core.base.vocabulary import AbsentInput, Role
from orchestrator.core.jobs.record import Asset, JobRecord, JobStatus
from orchestrator.local.workload import User
from orchestrator.ports import ContainerPlace
from orchestrator.workflows.activities.assets import AssetCopier

STORE = "azureml-blobstore"


def reads(visit: Visit, uri: str, mark: str = "reader", **properties: Any) -> str:
    """A job of the primary that reads one place; its name."""
    inputs = {"rows": {"jobInputType": "uri_folder", "uri": uri, "mode": "ReadOnlyMount"}}
    return submitted(visit, mark, inputs=inputs, **properties)


def own(visit: Visit, path: str) -> str:
    """A place in the own storage of whichever hub runs the job."""
    return f"azureml://datastores/workspaceblobstore/paths/{visit.pair}/{path}"


def store(visit: Visit, side: Role, path: str) -> None:
    blobs = visit.bench.azure.blobs[visit.plan.side(side).region]
    visit.bench.azure.call(lambda: blobs.put(STORE, f"{visit.pair}/{path}", b"1,2"))


def gone_through(visit: Visit, name: str) -> JobRecord:
    """The record after a run that moves everything."""
    moved_until_done(visit, claimed(visit))
    return record(visit, name)


def test_a_job_whose_input_is_absent_waits_and_goes_when_it_is_there(bench: Bench) -> None:
    """The reason names the input and the place; nothing was submitted, nothing is lost, and the copy ends the wait."""
    visit = bench.visit()
    store(visit, Role.PRIMARY, "rows/a.csv")
    store(visit, Role.SECONDARY, "rows-of-somebody-else/a.csv")
    inputs = {"rows": {"jobInputType": "uri_folder", "uri": own(visit, "rows/")}}
    name = changed(visit, f"{visit.pair}-plain-primary", _with(inputs=inputs))
    order = claimed(visit)
    moved_until_done(visit, order)
    waits = record(visit, name)
    assert (waits.status, waits.retry_at is not None, truth(visit, f"{name}-e1")) == (JobStatus.WAITING, True, None)
    place = f"workspaceblobstore/{visit.pair}/rows"
    assert waits.reason.startswith(
        f"its input {place} (/properties/inputs/rows/uri) is absent: the secondary has nothing"
    )
    changed(visit, name, retry_at=visit.world.clock.now())
    assert settled(visit, order).jobs.waiting == 1
    store(visit, Role.SECONDARY, "rows/a.csv")
    changed(visit, name, retry_at=visit.world.clock.now())
    assert settled(visit, order).jobs.resubmitted == 1
    assert "absent" not in record(visit, name).reason


def test_a_plan_may_want_the_job_moved_and_told(bench: Bench) -> None:
    """The reason and the history say what it will not find."""
    usual = bench.visit().plan.jobs
    visit = bench.visit(jobs=msgspec.structs.replace(usual, absent_input=AbsentInput.TELL))
    after = gone_through(visit, reads(visit, own(visit, "gone")))
    assert after.status is JobStatus.RESUBMITTED
    assert f"; its input workspaceblobstore/{visit.pair}/gone " in after.reason
    assert after.history[-1].why == after.reason


@pytest.mark.parametrize("path", ["rows", "rows/", "rows/a.csv", "rows/*.csv", "rows/a%2Ecsv"])
def test_an_input_that_is_there_keeps_no_job(bench: Bench, path: str) -> None:
    """A folder, a file, a pattern, and a name that is encoded."""
    visit = bench.visit()
    store(visit, Role.SECONDARY, "rows/a.csv")
    after = gone_through(visit, reads(visit, own(visit, path)))
    assert (after.status, "absent" in after.reason) == (JobStatus.RESUBMITTED, False)


def test_a_datastore_that_the_other_side_lacks_makes_its_input_absent(bench: Bench) -> None:
    """And is asked for anew the next time, for somebody may have made it."""
    usual = bench.visit().plan.jobs
    visit = bench.visit(jobs=msgspec.structs.replace(usual, datastores={"lake": "lake-west"}))
    name = reads(visit, own(visit, "x"))
    inputs = {"rows": {"jobInputType": "uri_folder", "uri": "azureml://datastores/lake/paths/x"}}
    changed(visit, name, _with(inputs=inputs))
    waits = gone_through(visit, name)
    assert (waits.status, "no datastore lake-west" in waits.reason) == (JobStatus.WAITING, True)


def _with(**properties: Any) -> Callable[[JobRecord], JobRecord]:
    def change(job: JobRecord) -> JobRecord:
        return msgspec.structs.replace(job, body={**job.body, "properties": {**job.body["properties"], **properties}})

    return change


def test_what_a_data_asset_leads_to_is_looked_for_on_the_other_side(bench: Bench) -> None:
    """The job names the asset, the asset the place; the reason names both."""
    visit = bench.visit()
    asset = f"/data/{visit.pair}-rows/versions/1"
    spelt = visit.plan.primary.project_id + asset
    properties = {"dataType": "uri_folder", "dataUri": own(visit, "registered/")}
    User(bench.azure)._put(visit.plan.primary, asset, properties, "2023-04-01-preview")
    name = reads(visit, spelt)
    kept = AssetCopier(visit.world, visit.plan, Role.PRIMARY).keep([Asset(kind="data", id=spelt)])
    changed(visit, name, closure=kept)
    waits = gone_through(visit, name)
    assert waits.status is JobStatus.WAITING
    assert f"{visit.pair}/registered, of data/{visit.pair}-rows/versions/1" in waits.reason


def test_what_cannot_be_asked_is_not_absent(bench: Bench) -> None:
    """Storage that fails, and a container that may not be listed, hold no job back."""
    visit = bench.visit()
    changed(visit, f"{visit.pair}-coded-primary", closure=())
    name = reads(visit, own(visit, "rows"))
    region = visit.plan.secondary.region
    bench.azure.faults.set(region, "storage", "5xx", status=503)
    try:
        after = gone_through(visit, name)
    finally:
        bench.azure.faults.clear(region, "storage")
    assert (after.status, "absent" in after.reason) == (JobStatus.RESUBMITTED, False)


class Empty:
    """The real inventory, but for storage: every place is empty, and who asks is noted."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.asked: list[str] = []

    def holds(self, hub: Any, place: ContainerPlace, path: str) -> bool:
        del hub
        self.asked.append(f"{place.spelt}/{path}")
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_an_account_that_the_plan_does_not_map_is_not_asked(bench: Bench) -> None:
    """It is the same from both sides, and no job lets our token go to an account of its choice."""
    usual = bench.visit().plan.jobs
    visit = bench.visit(jobs=msgspec.structs.replace(usual, storage_accounts={"stlake": "stlakewest"}))
    inventory = Empty(visit.world.inventory)
    visit.world = visit.world._replace(inventory=inventory)
    spelt = "https://{}.blob.core.windows.net/raw/rows.csv"
    mapped = reads(visit, spelt.format("stlake"), "mapped")
    foreign = reads(visit, spelt.format("stsomebody"), "foreign")
    moved_until_done(visit, claimed(visit))
    assert [record(visit, name).status for name in (mapped, foreign)] == [JobStatus.WAITING, JobStatus.RESUBMITTED]
    assert inventory.asked == ["stlakewest.blob.core.windows.net/raw/rows.csv"]


def test_a_place_that_the_job_itself_writes_is_not_waited_for(bench: Bench) -> None:
    """A step may read what the step before it has written there."""
    visit = bench.visit()
    outputs = {"made": {"jobOutputType": "uri_folder", "uri": own(visit, "stage")}}
    after = gone_through(visit, reads(visit, own(visit, "stage/one/"), outputs=outputs))
    assert after.status is JobStatus.RESUBMITTED
