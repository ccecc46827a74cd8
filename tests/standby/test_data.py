"""Data are not replicated; what jobs read and whether it is there is told, with sizes and times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit

from orchestrator.adapters.assembly import inventory
from orchestrator.adapters.hub import inventory as hub_inventory
from orchestrator.cli.main import status_of
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.data_report import Amount, DataItem, DataReport, DataState, compare
from orchestrator.core.ledger_paths import copy_path
from orchestrator.core.plan.data_copies import DataCopy, DataPlan
from orchestrator.core.plan.schema import Plan
from orchestrator.local.simulated_plan import yaml_of
from orchestrator.local.workload import User
from orchestrator.standby.data import data_report
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.messages import CaptureOrder

STORE = "azureml-blobstore"


@pytest.fixture
def visit(bench: Bench) -> Visit:
    return bench.visit()


def read(bench: Bench, visit: Visit, *uris: str) -> str:
    """Submit a job that reads these places, and capture it; its name."""
    project, name = visit.plan.primary.project_id, f"{visit.pair}-reader"
    inputs = {f"in_{n}": {"jobInputType": "uri_folder", "uri": uri} for n, uri in enumerate(uris)}
    body = {
        "jobType": "Command",
        "command": "x",
        "computeId": f"{project}/computes/cpu-cluster",
        "environmentId": f"{project}/environments/train-env/versions/1",
        "inputs": inputs,
        "tags": {"local.duration": "36000"},
    }
    User(bench.azure).submit(visit.plan.primary, name, body)
    capture_jobs(visit.world, CaptureOrder(pair=visit.pair, side=Role.PRIMARY, jobs=(name,)))
    return name


def stored(bench: Bench, region: str, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        bench.azure.call(lambda path=path, data=data: bench.azure.blobs[region].put(STORE, path, data))


def items(bench: Bench, visit: Visit, plan: Plan | None = None) -> dict[str, DataItem]:
    report = data_report(visit.world, inventory(bench.settings), plan or visit.plan, Role.PRIMARY)
    return {item.name: item for item in report.items}


def short(visit: Visit, path: str) -> str:
    return f"azureml://datastores/workspaceblobstore/paths/{visit.pair}/{path}"


def test_data_in_the_primary_s_own_storage_are_told_with_size_and_remedy(bench: Bench, visit: Visit) -> None:
    """The short URI would resolve to the other account, without a word; that is said."""
    stored(bench, visit.plan.primary.region, {f"{visit.pair}/rows/a.csv": b"12345", f"{visit.pair}/rows/b.csv": b"678"})
    name = read(bench, visit, short(visit, "rows/"))
    item = items(bench, visit)[f"workspaceblobstore/{visit.pair}/rows"]
    assert (item.state, item.resolves_silently, item.jobs) == (DataState.MISSING, True, (name,))
    assert item.source is not None
    assert (item.source.size, item.source.files) == (8, 2)
    assert "object replication from sthubeastus2/azureml-blobstore to sthubwestus3/azureml-blobstore" in item.remedy


def test_a_copy_is_told_with_what_it_has_and_when_it_was_last_written(bench: Bench, visit: Visit) -> None:
    """As much as here is a copy; less is behind."""
    here, there = visit.plan.primary.region, visit.plan.secondary.region
    stored(bench, here, {f"{visit.pair}/{name}/a": b"123" for name in ("good", "less")})
    stored(bench, there, {f"{visit.pair}/good/a": b"123", f"{visit.pair}/less/a": b"1"})
    read(bench, visit, short(visit, "good"), short(visit, "less"))
    found = items(bench, visit)
    good, less = (found[f"workspaceblobstore/{visit.pair}/{name}"] for name in ("good", "less"))
    assert (good.state, less.state) == (DataState.COPIED, DataState.BEHIND)
    assert less.copy is not None
    assert (less.copy.size, less.copy.files, less.copy.newest is not None) == (1, 1, True)


@pytest.mark.parametrize("there", [True, False])
def test_data_that_lack_where_the_jobs_run_are_absent(bench: Bench, visit: Visit, there: bool) -> None:
    """A job reads nothing there, whatever the other side has; that is no copy, and the remedy names the direction."""
    if there:
        stored(bench, visit.plan.secondary.region, {f"{visit.pair}/gone/a b": b"123"})
    read(bench, visit, short(visit, "gone"))
    item = items(bench, visit)[f"workspaceblobstore/{visit.pair}/gone"]
    assert (item.state, item.source and item.source.files) == (DataState.ABSENT, 0)
    assert ("a copy from sthubwestus3/" in item.remedy) is there
    assert "sthubeastus2" in item.why


@pytest.mark.parametrize(
    ("source", "copy", "expected"),
    [
        ((10, 2, 5), (10, 2, 5), DataState.COPIED),
        ((10, 2, 5), (12, 3, 9), DataState.COPIED),
        ((10, 2, 5), (10, 2, 4), DataState.BEHIND),
        ((10, 2, 5), (9, 2, 9), DataState.BEHIND),
        ((10, 2, 5), (10, 1, 9), DataState.BEHIND),
        ((10, 2, 5), (0, 0, None), DataState.MISSING),
        ((0, 0, None), (0, 0, None), DataState.COPIED),
    ],
)
def test_a_copy_is_whole_if_it_is_as_much_and_no_older(
    source: tuple[int, int, int | None], copy: tuple[int, int, int | None], expected: DataState
) -> None:
    """Bytes, files, and the hour of the newest of them."""

    def amount(given: tuple[int, int, int | None]) -> Amount:
        size, files, hour = given
        newest = None if hour is None else datetime(2026, 3, 1, hour, tzinfo=UTC)
        return Amount(size=size, files=files, newest=newest)

    assert compare(amount(source), amount(copy)) is expected


def test_a_container_that_both_sides_read_needs_no_copy(bench: Bench, visit: Visit) -> None:
    """The datastores of both projects lead to one account."""
    read(bench, visit, "azureml://datastores/training-data/paths/iris/")
    assert items(bench, visit)["training-data/iris"].state is DataState.SHARED


def test_data_behind_a_registered_asset_are_found_through_it(bench: Bench, visit: Visit) -> None:
    """The job names the asset, the asset the place."""
    user, path = User(bench.azure), f"/data/{visit.pair}-rows/versions/1"
    properties = {"dataType": "uri_folder", "dataUri": short(visit, "registered/")}
    user._put(visit.plan.primary, path, properties, "2023-04-01-preview")
    read(bench, visit, visit.plan.primary.project_id + path)
    item = items(bench, visit)[f"workspaceblobstore/{visit.pair}/registered"]
    assert item.named_by == (visit.plan.primary.project_id + path,)


def test_a_datastore_that_the_map_does_not_know_is_told(bench: Bench, visit: Visit) -> None:
    """Neither listed nor of the same name: where the data would be is anybody's guess."""
    read(bench, visit, short(visit, "x"))
    strict = msgspec.structs.replace(visit.plan, jobs=msgspec.structs.replace(visit.plan.jobs, same_names=False))
    item = items(bench, visit, strict)[f"workspaceblobstore/{visit.pair}/x"]
    assert (item.state, item.remedy) == (
        DataState.UNKNOWN,
        "name workspaceblobstore in the plan, under jobs.datastores",
    )


def test_a_datastore_that_the_standby_lacks_is_told(bench: Bench, visit: Visit) -> None:
    """The map names one that is not there."""
    read(bench, visit, short(visit, "y"))
    jobs = msgspec.structs.replace(visit.plan.jobs, datastores={"workspaceblobstore": "lake-west"})
    item = items(bench, visit, msgspec.structs.replace(visit.plan, jobs=jobs))[f"workspaceblobstore/{visit.pair}/y"]
    assert (item.state, item.why) == (DataState.UNKNOWN, "the secondary has no datastore lake-west")


def test_storage_that_cannot_be_read_is_told_and_not_guessed(bench: Bench, visit: Visit) -> None:
    """The other places are judged all the same."""
    stored(bench, visit.plan.primary.region, {f"{visit.pair}/z/a": b"1"})
    read(bench, visit, short(visit, "z"), "azureml://datastores/training-data/paths/iris/")
    bench.azure.faults.set(visit.plan.secondary.region, "storage", "5xx", status=503)
    try:
        found = items(bench, visit)
    finally:
        bench.azure.faults.clear(visit.plan.secondary.region, "storage")
    item = found[f"workspaceblobstore/{visit.pair}/z"]
    assert (item.state, item.source is not None, item.copy) == (DataState.UNREADABLE, True, None)
    assert found["training-data/iris"].state is DataState.SHARED


def test_the_command_tells_people_and_programs(
    bench: Bench, visit: Visit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3 as long as somebody has to copy something; the JSON is the report."""
    stored(bench, visit.plan.primary.region, {f"{visit.pair}/told/a": b"12345"})
    read(bench, visit, short(visit, "told"))
    file = tmp_path / "plan.yaml"
    file.write_text(yaml_of(visit.plan), encoding="utf-8")
    assert status_of(["jobs", "data", "--plan", str(file)]) == 3
    said = capsys.readouterr().out
    assert f"missing    workspaceblobstore/{visit.pair}/told" in said
    assert "here 5 B in 1 file, last written" in said
    assert "there nothing" in said
    assert status_of(["jobs", "data", "--plan", str(file), "--json"]) == 3
    report: Any = json.loads(capsys.readouterr().out)
    assert msgspec.convert(report, DataReport).running == report["running"]


def test_the_map_is_held_against_both_sides(
    bench: Bench, visit: Visit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Offline the plan is fine; online two clusters on the smaller one, and a name that is not there, are refused."""
    del bench
    file = tmp_path / "plan.yaml"
    file.write_text(yaml_of(visit.plan), encoding="utf-8")
    assert status_of(["plan", "check", str(file), "--online"]) == 0
    assert "online: every compute" in capsys.readouterr().out
    computes = {"gpu-cluster": "cpu-cluster", "cpu-cluster": "cpu-cluster", "old": "nowhere"}
    jobs = msgspec.structs.replace(visit.plan.jobs, computes=computes)
    file.write_text(yaml_of(msgspec.structs.replace(visit.plan, jobs=jobs)), encoding="utf-8")
    assert status_of(["plan", "check", str(file)]) == 0
    capsys.readouterr()
    assert status_of(["plan", "check", str(file), "--online"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("warning: ")]
    assert [line.split(": ")[1] for line in lines] == ["jobs.computes.gpu-cluster", "jobs.computes.old"]
    assert "at least 28 GB" in lines[0]
    assert status_of(["plan", "check", str(file), "--online", "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], [fault["field"] for fault in said["faults"]]) == (
        False,
        ["jobs.computes.gpu-cluster", "jobs.computes.old"],
    )
    assert all(fault["line"] > 1 for fault in said["faults"])


def test_a_model_that_is_kept_with_its_files_needs_nobody_to_copy_it(bench: Bench, visit: Visit) -> None:
    """Its place is not listed: the other side gets the files from the ledger."""
    stored(bench, visit.plan.primary.region, {f"{visit.pair}/model/MLmodel": b"flavors: {}\n"})
    place = f"{visit.plan.primary.project_id}/models/{visit.pair}/versions/1"
    model = {"modelType": "mlflow_model", "modelUri": short(visit, "model/"), "flavors": {}}
    bench.azure.call(lambda: bench.azure.resources.put(place, {"properties": model}))
    read(bench, visit, place)
    assert items(bench, visit) == {}
    there = place.replace(visit.plan.primary.project_id, visit.plan.secondary.project_id)
    found = bench.azure.call(lambda: bench.azure.resources.get(there))
    assert found is not None
    assert f"/workspaces/{visit.plan.secondary.project}/" in found["properties"]["modelUri"]


def test_an_index_file_that_names_the_old_side_is_told(bench: Bench, visit: Visit) -> None:
    """A copy is byte for byte: an MLTable or JSONL in it leads back to where nobody answers."""
    primary, secondary = visit.plan.primary, visit.plan.secondary
    project = (
        f"subscriptions/{primary.subscription}/resourcegroups/{primary.resource_group}/workspaces/{primary.project}"
    )
    old = f"azureml://{project}/datastores/workspaceblobstore/paths/x.csv"
    files = {
        f"{visit.pair}/table/MLTable": f"paths:\n  - file: {old}\n".encode(),
        f"{visit.pair}/table/rows.jsonl": f'{{"image_url": "{old}"}}\n'.encode(),
        f"{visit.pair}/table/own.jsonl": b'{"image_url": "./x.png"}\n',
        f"{visit.pair}/table/notes.txt": old.encode(),
    }
    for region in (primary.region, secondary.region):
        stored(bench, region, files)
    read(bench, visit, short(visit, "table"))
    item = items(bench, visit)[f"workspaceblobstore/{visit.pair}/table"]
    assert (item.state, item.needs_a_hand) == (DataState.COPIED, True)
    assert [each.partition(":")[0] for each in item.names_old] == [
        f"{visit.pair}/table/MLTable names the old workspace",
        f"{visit.pair}/table/rows.jsonl names the old workspace",
    ]


def test_a_long_index_file_is_read_from_its_beginning_and_told(
    bench: Bench, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not read is not called well."""
    monkeypatch.setattr(hub_inventory, "INDEX_BYTES", 10)
    monkeypatch.setattr(hub_inventory, "MOST_INDEX_FILES", 1)
    names = [f"{visit.pair}/many/{n}.jsonl" for n in range(3)]
    stored(bench, visit.plan.primary.region, dict.fromkeys(names, b'{"image_url": "./x.png"}\n'))
    read(bench, visit, short(visit, "many"))
    item = items(bench, visit)[f"workspaceblobstore/{visit.pair}/many"]
    assert [each.partition(" ")[0] for each in item.names_old] == names[:2]
    assert all("not read to its end" in each for each in item.names_old)


def test_a_side_that_cannot_be_asked_is_no_fault_of_the_plan(
    bench: Bench, visit: Visit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1 and a line that says so; what the plan does is printed all the same."""
    file = tmp_path / "plan.yaml"
    file.write_text(yaml_of(visit.plan), encoding="utf-8")
    bench.azure.faults.set(None, "control", "5xx")
    try:
        assert status_of(["plan", "check", str(file), "--online", "--json"]) == 1
    finally:
        bench.azure.faults.clear(None, "control")
    told = capsys.readouterr()
    assert "the two sides could not be asked" in told.err
    said = json.loads(told.out)
    assert (said["ok"], said["faults"], bool(said["steps"])) == (False, [], True)


def test_the_report_has_a_line_for_each_copy_that_the_plan_names(bench: Bench, visit: Visit) -> None:
    """Also for one that was never begun, and for one whose record nobody can read."""
    data = DataPlan(copies=(DataCopy(datastore="rows"), DataCopy(datastore="labels")))
    plan = msgspec.structs.replace(visit.plan, data=data)
    path = copy_path(visit.pair, data.copies[1].key, Role.PRIMARY)
    visit.world.ledgers[visit.pair].put_once(path, b"by hand")
    report = data_report(visit.world, inventory(bench.settings), plan, Role.PRIMARY)
    assert [(each.name, each.state) for each in report.copies] == [("rows", "waiting"), ("labels", "trouble")]
