"""Models whose files lie in the old hub's own storage are recreated with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asset_fixtures import API, Bound, files_of

from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.hub import code_files
from orchestrator.core.base.errors import NotFound, Refused
from orchestrator.core.plan.schema import Plan
from orchestrator.simulator.cloud import LocalAzure

FILES = {"MLmodel": b"flavors: {}\n", "data/model.pkl": bytes(range(200))}

type Register = Callable[[str], str]


@pytest.fixture
def upload(azure: LocalAzure, plan: Plan) -> Callable[[str, str], None]:
    """``upload(container, folder)`` puts the files into the primary's own account."""

    def make(container: str, folder: str) -> None:
        store = azure.blobs[plan.primary.region]

        def put() -> None:
            store.create_container(container)
            for path, data in FILES.items():
                store.put(container, f"{folder}/{path}", data)

        azure.call(put)

    return make


@pytest.fixture
def register(azure: LocalAzure, plan: Plan, pair: str) -> Register:
    """``register(uri)`` makes a model of the primary, as the service shows one from a run; its id."""

    def make(uri: str) -> str:
        place = f"{plan.primary.project_id}/models/{pair}/versions/1"
        properties = {"modelUri": uri, "modelType": "mlflow_model", "flavors": {}, "jobName": pair, "tags": {"a": "b"}}
        azure.call(lambda: azure.resources.put(place, {"properties": properties}))
        return place

    return make


@pytest.fixture
def run(assets: Bound, plan: Plan, pacer: Pacer, pair: str) -> Callable[[dict[str, Any]], None]:
    """``run(outputs)`` submits a job with those outputs to the primary."""

    def make(outputs: dict[str, Any]) -> None:
        body = {
            "jobType": "Command",
            "command": "python train.py",
            "environmentId": f"{plan.primary.project_id}/environments/train-env/versions/1",
            "computeId": f"{plan.primary.project_id}/computes/cpu-cluster",
            "outputs": outputs,
        }
        place = f"{plan.primary.project_id}/jobs/{pair}"
        assets.service._manager.write("PUT", place, "2025-01-01-preview", {"properties": body}, pacer=pacer)

    return make


@pytest.fixture
def arrived(azure: LocalAzure, assets: Bound, plan: Plan) -> Callable[[str], tuple[str, dict[str, bytes]]]:
    """Recreate a model while the primary is down: its new URI, and the files behind it."""

    def make(model: str) -> tuple[str, dict[str, bytes]]:
        kept = assets.capture(plan.primary, model)
        for surface in ("storage", "hub", "jobs"):
            azure.faults.set(plan.primary.region, surface, "refuse")
        new = assets.recreate(plan.primary, plan.secondary, model, kept)
        uri = assets.service._manager.get(new, API)["properties"]["modelUri"]
        path = uri.partition("/datastores/workspaceblobstore/paths/")[2]
        base = f"{plan.secondary.storage}/azureml-blobstore"
        return uri, files_of(azure, plan.secondary.region, f"{base}/{path.rstrip('/')}")

    return make


@pytest.mark.parametrize("spelling", ["azureml://jobs/{run}/outputs/artifacts/paths/model/", "runs:/{run}/model"])
def test_a_model_from_a_run_s_artifacts_arrives_with_its_files(
    *, register: Register, upload: Any, arrived: Any, plan: Plan, pair: str, spelling: str
) -> None:
    """They lie in the default datastore of the other side; nothing names the old run."""
    upload("azureml", f"ExperimentRun/dcid.{pair}/model")
    uri, files = arrived(register(spelling.format(run=pair)))
    assert files == FILES
    assert f"/workspaces/{plan.secondary.project}/datastores/" in uri
    assert pair not in uri


@pytest.mark.parametrize("told", ["", "azureml://datastores/workspaceblobstore/paths/{run}/own/"])
def test_a_model_from_a_named_output_is_found_where_the_run_wrote_it(
    *, run: Callable[[dict[str, Any]], None], register: Register, upload: Any, arrived: Any, pair: str, told: str
) -> None:
    """The run says where, or the documented default counts."""
    upload("azureml-blobstore", f"{pair}/own/best" if told else f"azureml/{pair}/trained/best")
    output = {"jobOutputType": "uri_folder"} | ({"uri": told.format(run=pair)} if told else {})
    run({"trained": output})
    _, files = arrived(register(f"azureml://jobs/{pair}/outputs/trained/paths/best"))
    assert files == FILES


@pytest.mark.parametrize("spelling", ["short", "long", "https"])
def test_a_model_in_the_hub_s_own_storage_arrives_with_its_files(
    *, register: Register, upload: Any, arrived: Any, plan: Plan, pair: str, spelling: str
) -> None:
    """A datastore of the same name is there on the other side, and empty."""
    upload("azureml-blobstore", f"{pair}/model")
    project = f"subscriptions/{plan.primary.subscription}/resourcegroups/{plan.primary.resource_group}"
    uris = {
        "short": f"azureml://datastores/workspaceblobstore/paths/{pair}/model",
        "long": f"azureml://{project}/workspaces/{plan.primary.project}/datastores/workspaceblobstore/paths/{pair}/model/",
        "https": f"{plan.primary.storage}/azureml-blobstore/{pair}/model",
    }
    _, files = arrived(register(uris[spelling]))
    assert files == FILES


def test_a_model_that_is_one_file_stays_one_file(
    register: Register, upload: Any, arrived: Any, azure: LocalAzure, plan: Plan, pair: str
) -> None:
    """Its URI ends with its name, not with a folder."""
    upload("azureml-blobstore", f"{pair}/model")
    uri, _ = arrived(register(f"azureml://datastores/workspaceblobstore/paths/{pair}/model/MLmodel"))
    path = uri.partition("/paths/")[2]
    assert path.endswith("/MLmodel")
    there = azure.call(lambda: azure.blobs[plan.secondary.region].get("azureml-blobstore", path))
    assert there is not None
    assert there.data == FILES["MLmodel"]


def test_a_model_in_an_attached_account_stays_where_it_is(assets: Bound, plan: Plan, register: Register) -> None:
    """Its owner replicates it; the plan's map names its datastore."""
    model = register("azureml://datastores/training-data/paths/models/x/")
    kept = assets.capture(plan.primary, model)
    assert b'"files":{}' in kept


def test_a_model_whose_files_are_gone_is_told(assets: Bound, plan: Plan, register: Register, pair: str) -> None:
    """It could be recreated, and never loaded."""
    with pytest.raises(NotFound, match="reading the file"):
        assets.capture(plan.primary, register(f"azureml://datastores/workspaceblobstore/paths/{pair}/none"))


def test_a_model_that_is_too_large_is_told_with_its_size(
    *, assets: Bound, plan: Plan, register: Register, upload: Any, pair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is kept."""
    upload("azureml-blobstore", f"{pair}/model")
    monkeypatch.setattr(code_files, "LARGEST", 100)
    with pytest.raises(Refused, match="212 bytes; more than 100"):
        assets.capture(plan.primary, register(f"azureml://datastores/workspaceblobstore/paths/{pair}/model"))
