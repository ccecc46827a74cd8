"""Assets survive their hub: what is kept while it answers is enough to make them again on the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from asset_fixtures import API, FILES, Bound, files_of
from azure.core.credentials import TokenCredential

from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.hub import code_files
from orchestrator.adapters.hub.jobs import ArmJobs
from orchestrator.core.base.errors import InvalidInput, NotFound, Refused, UnknownShape
from orchestrator.core.jobs.asset_snapshot import KeptFile, Snapshot
from orchestrator.core.plan.schema import Jobs, Plan
from orchestrator.ports import AssetService, Shelf
from orchestrator.simulator.cloud import LocalAzure


def writes(azure: LocalAzure, since: datetime) -> int:
    entries = azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="control")
    return sum(entry.method in {"PUT", "POST"} for entry in entries)


def test_the_adapter_is_an_asset_service(assets: Bound, plan: Plan) -> None:
    """It fits the port; what is not there cannot be kept."""
    service: AssetService = assets.service
    with pytest.raises(NotFound):
        service.capture(plan.primary, f"{plan.primary.project_id}/codes/none/versions/1", assets.shelf)


def test_code_arrives_with_all_its_files(assets: Bound, azure: LocalAzure, plan: Plan, code: str) -> None:
    """Bytes, folders and empty files are the same, and lie in the target's own storage."""
    new = assets.recreate(plan.primary, plan.secondary, code, assets.capture(plan.primary, code))
    assert new == code.replace(plan.primary.project_id, plan.secondary.project_id)
    body = assets.service._manager.get(new, "2023-04-01")
    assert files_of(azure, plan.secondary.region, body["properties"]["codeUri"]) == FILES
    assert body["properties"]["properties"]["hash_sha256"].startswith("hash-")


def test_code_needs_nothing_of_the_side_that_is_down(assets: Bound, azure: LocalAzure, plan: Plan, code: str) -> None:
    """After the outage the snapshot is all there is."""
    kept = assets.capture(plan.primary, code)
    for surface in ("storage", "control", "hub", "jobs"):
        azure.faults.set(plan.primary.region, surface, "refuse" if surface != "control" else "5xx")
    assert assets.recreate(plan.primary, plan.secondary, code, kept)


def test_recreating_again_changes_nothing(assets: Bound, azure: LocalAzure, plan: Plan, code: str) -> None:
    """What is there is looked at, and no write is spent."""
    kept = assets.capture(plan.primary, code)
    first = assets.recreate(plan.primary, plan.secondary, code, kept)
    since = datetime.now(UTC)
    assert assets.recreate(plan.primary, plan.secondary, code, kept) == first
    assert writes(azure, since) == 0


class SlowShelf:
    """A shelf at which another worker overtakes: it makes the asset while this one reads the files."""

    def __init__(self, shelf: Shelf, meanwhile: Callable[[], object]) -> None:
        self._shelf = shelf
        self._meanwhile = meanwhile

    def keep(self, chunks: Iterator[bytes]) -> KeptFile:
        return self._shelf.keep(chunks)

    def chunks(self, sha256: str) -> Iterator[bytes]:
        self._meanwhile()
        return self._shelf.chunks(sha256)


def test_an_asset_that_another_worker_makes_meanwhile_is_the_asset(assets: Bound, plan: Plan, code: str) -> None:
    """The second PUT of a code is refused as a change of its path: nothing has to wait for that."""
    kept = assets.capture(plan.primary, code)
    overtaken = SlowShelf(assets.shelf, lambda: assets.recreate(plan.primary, plan.secondary, code, kept))
    new = assets.service.recreate(plan.primary, plan.secondary, code, kept, overtaken)
    assert new == code.replace(plan.primary.project_id, plan.secondary.project_id)


def test_content_that_is_there_under_another_name_is_not_sent_again(
    *, assets: Bound, azure: LocalAzure, plan: Plan, code: str, put: Any, pair: str
) -> None:
    """The hash is asked for first: the second code costs one write instead of an upload."""
    assets.recreate(plan.primary, plan.secondary, code, assets.capture(plan.primary, code))
    body = {"codeUri": f"{plan.primary.storage}/{pair}/work", "properties": {"hash_sha256": f"hash-{pair}"}}
    twin = put("codes", f"{pair}-twin", body)
    kept, since = assets.capture(plan.primary, twin), datetime.now(UTC)
    new = assets.recreate(plan.primary, plan.secondary, twin, kept)
    assert writes(azure, since) == 1
    uri = assets.service._manager.get(new, "2023-04-01")["properties"]["codeUri"]
    assert files_of(azure, plan.secondary.region, uri) == FILES


def test_a_job_runs_on_the_other_side_with_what_was_recreated(
    *, assets: Bound, plan: Plan, code: str, put: Any, pair: str, executor: TokenCredential, pacer: Pacer
) -> None:
    """The strict service accepts a job that names recreated code, environment and data."""
    environment = put("environments", pair, {"image": "python:3.13"})
    data = put("data", pair, {"dataType": "uri_file", "dataUri": "azureml://datastores/training-data/paths/a.csv"})
    there = [
        assets.recreate(plan.primary, plan.secondary, asset, assets.capture(plan.primary, asset))
        for asset in (code, environment, data)
    ]
    body = {
        "properties": {
            "jobType": "Command",
            "command": "python train.py",
            "codeId": there[0],
            "environmentId": there[1],
            "computeId": f"{plan.secondary.project_id}/computes/cpu-cluster",
            "inputs": {"d": {"jobInputType": "uri_file", "uri": there[2]}},
        }
    }
    jobs = ArmJobs(assets.service._manager, executor, lambda _: pacer)
    assert jobs.put(plan.secondary, pair, body, "2025-01-01-preview")["name"] == pair


def test_an_environment_keeps_its_definition(assets: Bound, plan: Plan, put: Any, pair: str) -> None:
    """Image, conda file and tags are the same; read-only fields stay behind."""
    properties = {"image": "python:3.13", "condaFile": "name: x\n", "tags": {"a": "b"}, "isAnonymous": True}
    asset = put("environments", pair, properties)
    new = assets.recreate(plan.primary, plan.secondary, asset, assets.capture(plan.primary, asset))
    found = assets.service._manager.get(new, API)["properties"]
    assert {name: found[name] for name in properties} == properties


def test_an_environment_with_another_name_there_is_made_under_that_name(
    assets: Bound, plan: Plan, put: Any, pair: str
) -> None:
    """The plan's table of environments counts."""
    renaming = msgspec.structs.replace(plan, jobs=Jobs(environments={pair: f"{pair}-west"}))
    assets.service._plans = {"demo": renaming}
    asset = put("environments", pair, {"image": "python:3.13"})
    new = assets.recreate(plan.primary, plan.secondary, asset, assets.capture(plan.primary, asset))
    assert new == f"{plan.secondary.project_id}/environments/{pair}-west/versions/1"


def test_the_label_latest_is_kept_as_the_version_that_it_meant(assets: Bound, plan: Plan, put: Any, pair: str) -> None:
    """Later versions of the primary change nothing about what ran."""
    put("environments", pair, {"image": "python:3.13"})
    label = f"{plan.primary.project_id}/environments/{pair}/labels/latest"
    new = assets.recreate(plan.primary, plan.secondary, label, assets.capture(plan.primary, label))
    assert new == f"{plan.secondary.project_id}/environments/{pair}/versions/1"


def test_other_labels_are_refused(assets: Bound, plan: Plan) -> None:
    """Only the newest version can be found out."""
    with pytest.raises(Refused, match="production"):
        assets.capture(plan.primary, f"{plan.primary.project_id}/environments/train-env/labels/production")


def test_a_component_names_the_other_sides_assets(assets: Bound, plan: Plan, code: str, put: Any, pair: str) -> None:
    """References inside the specification are rewritten, in the spelling they had."""
    environment = put("environments", pair, {"image": "python:3.13"})
    spec = {"type": "command", "code": f"azureml:{code}", "environment": f"azureml:{environment}", "command": "x"}
    component = put("components", pair, {"componentSpec": spec})
    for asset in (code, environment, component):
        new = assets.recreate(plan.primary, plan.secondary, asset, assets.capture(plan.primary, asset))
    found = assets.service._manager.get(new, "2024-01-01-preview")["properties"]["componentSpec"]
    assert plan.primary.project_id not in str(found)
    assert found["code"] == f"azureml:{code}".replace(plan.primary.project_id, plan.secondary.project_id)


def test_data_and_models_point_to_the_other_sides_datastores(assets: Bound, plan: Plan, put: Any, pair: str) -> None:
    """Long datastore URIs change workspace; the path stays."""

    def uri(project: str) -> str:
        place = project.replace("providers/Microsoft.MachineLearningServices/", "").lstrip("/")
        return f"azureml://{place}/datastores/training-data/paths/x/"

    data = put("data", pair, {"dataType": "uri_folder", "dataUri": uri(plan.primary.project_id)})
    model = put("models", pair, {"modelType": "custom_model", "modelUri": uri(plan.primary.project_id)})
    for asset, field in ((data, "dataUri"), (model, "modelUri")):
        new = assets.recreate(plan.primary, plan.secondary, asset, assets.capture(plan.primary, asset))
        assert assets.service._manager.get(new, API)["properties"][field] == uri(plan.secondary.project_id)


def test_an_asset_that_names_the_unknown_is_refused(assets: Bound, plan: Plan, put: Any, pair: str) -> None:
    """What the map does not know never goes through."""
    asset = put("environments", pair, {"image": "private.azurecr.io/train:1"})
    kept = assets.capture(plan.primary, asset)
    with pytest.raises(Refused, match="image"):
        assets.recreate(plan.primary, plan.secondary, asset, kept)


@pytest.mark.parametrize("spelling", ["https", "short", "long"])
def test_an_environment_that_is_built_from_a_folder_is_recreated_with_the_folder(
    *, assets: Bound, azure: LocalAzure, plan: Plan, put: Any, pair: str, context: str, spelling: str
) -> None:
    """The files lie in the target's own default datastore, however the primary's URI is spelt."""
    path = context.partition("/azureml-blobstore/")[2]
    project = plan.primary.project_id.replace("providers/Microsoft.MachineLearningServices/", "").lstrip("/")
    uris = {
        "https": context,
        "short": f"azureml://datastores/workspaceblobstore/paths/{path}",
        "long": f"azureml://{project}/datastores/workspaceblobstore/paths/{path}",
    }
    build = {"contextUri": uris[spelling], "dockerfilePath": "Dockerfile"}
    asset = put("environments", pair, {"build": build})
    kept = assets.capture(plan.primary, asset)
    azure.faults.set(plan.primary.region, "storage", "refuse")
    new = assets.recreate(plan.primary, plan.secondary, asset, kept)
    found = assets.service._manager.get(new, API)["properties"]["build"]
    assert found["dockerfilePath"] == "Dockerfile"
    assert files_of(azure, plan.secondary.region, found["contextUri"].rstrip("/")) == {
        "Dockerfile": b"FROM python:3.13\n",
        "conda/env.yml": b"name: x\n",
    }


def test_a_build_context_in_a_repository_stays_where_it_is(assets: Bound, plan: Plan, put: Any, pair: str) -> None:
    """What is public is as good from the other side."""
    build = {"contextUri": "https://github.com/contoso/images.git#main:train", "dockerfilePath": "Dockerfile"}
    asset = put("environments", pair, {"build": build})
    new = assets.recreate(plan.primary, plan.secondary, asset, assets.capture(plan.primary, asset))
    assert assets.service._manager.get(new, API)["properties"]["build"] == build


def test_an_environment_whose_folder_is_gone_is_not_kept(
    *, assets: Bound, azure: LocalAzure, plan: Plan, put: Any, pair: str, context: str
) -> None:
    """It could be recreated, and never built."""
    asset = put("environments", pair, {"build": {"contextUri": context, "dockerfilePath": "Dockerfile"}})
    store = azure.blobs[plan.primary.region]
    folder = context.partition("/azureml-blobstore/")[2]
    container = store.create_container("azureml-blobstore")
    azure.call(lambda: [container.remove(name) for name in store.names("azureml-blobstore", folder)])
    with pytest.raises(NotFound, match="empty"):
        assets.capture(plan.primary, asset)


def test_code_whose_files_are_gone_is_not_kept(assets: Bound, plan: Plan, put: Any, pair: str) -> None:
    """An empty folder would make a job that starts and fails."""
    asset = put("codes", pair, {"codeUri": f"{plan.primary.storage}/{pair}/nothing"})
    with pytest.raises(NotFound):
        assets.capture(plan.primary, asset)


def test_code_larger_than_any_part_of_a_transfer_arrives_whole(
    assets: Bound, azure: LocalAzure, plan: Plan, put: Any, pair: str
) -> None:
    """It goes through in blocks, by way of the ledger; its bytes are the same."""
    large = b"0123456789abcdef" * (9 * 2**16 + 1)

    def upload() -> None:
        store = azure.blobs[plan.primary.region]
        store.create_container(pair)
        store.put(pair, "big/weights.bin", large)

    azure.call(upload)
    asset = put("codes", pair, {"codeUri": f"{plan.primary.storage}/{pair}/big"})
    new = assets.recreate(plan.primary, plan.secondary, asset, assets.capture(plan.primary, asset))
    uri = assets.service._manager.get(new, "2023-04-01")["properties"]["codeUri"]
    assert files_of(azure, plan.secondary.region, uri) == {"weights.bin": large}


def test_a_content_that_is_kept_is_not_written_to_the_ledger_again(
    assets: Bound, azure: LocalAzure, plan: Plan, code: str
) -> None:
    """Files are kept by their content, whatever names them."""
    assets.capture(plan.primary, code)
    since = datetime.now(UTC)
    assets.capture(plan.primary, code)
    entries = azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="ledger")
    assert [entry for entry in entries if entry.method == "PUT"] == []


def test_code_that_is_too_large_is_refused(
    assets: Bound, plan: Plan, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a bound, told with the size, before anything is read."""
    monkeypatch.setattr(code_files, "LARGEST", 100)
    with pytest.raises(Refused, match="more than 100"):
        assets.capture(plan.primary, code)


@pytest.mark.parametrize(
    "asset",
    ["", "azureml:x:1", "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"],
)
def test_ids_that_are_no_assets_are_refused(assets: Bound, plan: Plan, asset: str) -> None:
    """Nothing is guessed from half an id."""
    with pytest.raises(InvalidInput, match="id"):
        assets.capture(plan.primary, asset)


def test_an_id_of_another_workspace_is_refused(assets: Bound, plan: Plan) -> None:
    """The hub that is asked is the hub that is named."""
    with pytest.raises(InvalidInput, match="id"):
        assets.capture(plan.secondary, f"{plan.primary.project_id}/codes/x/versions/1")


ASSET = "{project}/environments/e/versions/1"


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"schema": 9}, UnknownShape), ({"id": "/other"}, InvalidInput), ({"body": 3}, InvalidInput)],
)
def test_a_snapshot_of_an_unknown_shape_is_named(
    assets: Bound, plan: Plan, change: dict[str, Any], expected: type[InvalidInput]
) -> None:
    """Kept bytes that are not this asset's are left as they are, by name."""
    asset = ASSET.format(project=plan.primary.project_id)
    good = msgspec.to_builtins(Snapshot(id=asset, kind="environment", version="1", body={"properties": {}}))
    with pytest.raises(expected, match="the snapshot of"):
        assets.recreate(plan.primary, plan.secondary, asset, msgspec.json.encode(good | change))
