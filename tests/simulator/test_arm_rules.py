"""What the strict Resource Manager refuses in a body, and what it lets through."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from local_azure_client import Client, command_job

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site

TRAINING = {"jobInputType": "uri_folder", "uri": ""}


def put(client: Client, site: Site, body: Any, name: str = "job-1", **options: str) -> requests.Response:
    return client.arm("PUT", f"{site.project_id}/jobs/{name}", body, **options)


def refused(answer: requests.Response) -> str:
    """The message of a refusal, which must be the caller's fault."""
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "UserError"
    return str(answer.json()["error"]["message"])


def with_uri(site: Site, uri: str) -> dict[str, Any]:
    return command_job(site, inputs={"data": {"jobInputType": "uri_folder", "uri": uri}})


def long_uri(site: Site) -> str:
    return (
        f"azureml://subscriptions/{site.subscription}/resourcegroups/{site.resource_group}"
        f"/workspaces/{site.project}/datastores/workspaceblobstore/paths/x"
    )


@pytest.mark.parametrize(
    ("field", "tail"),
    [
        ("environmentId", "/environments/train-env/versions/1"),
        ("codeId", "/codes/5f0f0f0f/versions/1"),
        ("computeId", "/computes/cpu-cluster"),
    ],
)
def test_ids_of_the_other_workspace_are_refused(
    client: Client, primary: Site, secondary: Site, field: str, tail: str
) -> None:
    """A body that was merely copied across never goes through."""
    body = command_job(secondary, **{field: primary.project_id + tail})
    message = refused(put(client, secondary, body))
    assert message.startswith(f"properties.{field}: ")
    assert "belongs to workspace 'proj-eastus2'" in message


@pytest.mark.parametrize("spelt", ["azureml:{id}", "azureml:/{id}", "{upper}"])
def test_every_spelling_of_a_foreign_id_is_seen(client: Client, primary: Site, secondary: Site, spelt: str) -> None:
    """Prefixes and casing hide nothing."""
    there = f"{primary.project_id}/environments/train-env/versions/1"
    body = command_job(secondary, environmentId=spelt.format(id=there, upper=there.upper()))
    assert refused(put(client, secondary, body)).startswith("properties.environmentId: ")


def test_the_hub_is_another_workspace_than_its_project(client: Client, primary: Site) -> None:
    """Assets of the hub are not assets of the project."""
    body = command_job(primary, environmentId=f"{primary.hub_id}/environments/train-env/versions/1")
    assert "belongs to workspace 'hub-eastus2'" in refused(put(client, primary, body))


def test_long_datastore_uris_of_another_workspace_are_refused(client: Client, primary: Site, secondary: Site) -> None:
    """Deep in the inputs too, with the place in the message."""
    message = refused(put(client, secondary, with_uri(secondary, long_uri(primary))))
    assert message.startswith("properties.inputs.data.uri: ")


def test_uris_by_workspace_guid_are_understood(client: Client, primary: Site, secondary: Site) -> None:
    """The form in which Azure ML gives assets back."""
    guid = client.arm("GET", primary.project_id).json()["properties"]["workspaceId"]
    uri = f"azureml://locations/eastus2/workspaces/{guid}/data/iris/versions/1"
    assert "belongs to workspace" in refused(put(client, secondary, with_uri(secondary, uri)))
    assert put(client, primary, with_uri(primary, uri)).status_code == 201


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"computeId": "{id}/computes/none"}, "computes 'none'"),
        ({"environmentId": "{id}/environments/train-env/versions/9"}, "environments 'train-env' version '9'"),
        ({"environmentId": "azureml:none:1"}, "environments 'none' version '1'"),
        ({"environmentId": "azureml:none@latest"}, "environments 'none'"),
        ({"codeId": "{id}/codes/none/versions/1"}, "codes 'none' version '1'"),
        ({"inputs": {"d": {"uri": "{id}/data/iris/versions/9"}}}, "data 'iris' version '9'"),
        ({"inputs": {"d": {"uri": "azureml:iris:9"}}}, "assets 'iris' version '9'"),
        ({"inputs": {"d": {"uri": "azureml://datastores/none/paths/x"}}}, "datastores 'none'"),
        ({"inputs": {"d": {"uri": "azureml://jobs/gone/outputs/model"}}}, "jobs 'gone'"),
        ({"resources": {"nodes": ["{id}/computes/none"]}}, "computes 'none'"),
    ],
)
def test_what_does_not_exist_in_the_workspace_is_refused(
    client: Client, primary: Site, change: dict[str, Any], named: str
) -> None:
    """Short and long names are looked up where the job is put."""

    def here(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: here(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [here(inner) for inner in value]
        return value.format(id=primary.project_id)

    message = refused(put(client, primary, command_job(primary, **here(change))))
    assert f"{named} does not exist in workspace 'proj-eastus2'" in message


@pytest.mark.parametrize(
    "change",
    [
        {"environmentId": "azureml:train-env:1"},
        {"environmentId": "azureml:train-env@latest"},
        {"environmentId": "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"},
        {"environmentId": "azureml:AzureML-sklearn-1.5@latest"},
        {"computeId": ""},
        {"inputs": {"d": {"uri": "azureml://datastores/training-data/paths/iris"}}},
        {"inputs": {"d": {"uri": "azureml:iris:1"}}},
        {"inputs": {"d": {"uri": "https://example.blob.core.windows.net/public/iris.csv"}}},
        {"inputs": {"d": {"uri": "azureml://datastores/${{default_datastore}}/paths/${{name}}"}}},
        {"services": {"editor": {"jobServiceType": "VSCode"}}},
        {"outputs": {"model": {"jobOutputType": "uri_folder"}}},
    ],
)
def test_what_every_workspace_understands_is_accepted(client: Client, primary: Site, change: dict[str, Any]) -> None:
    """Strict is not narrow: short forms, registries, bindings and public data go through."""
    assert put(client, primary, command_job(primary, **change)).status_code == 201


def test_serverless_compute_exists_everywhere(client: Client, primary: Site) -> None:
    """It is spelt as a compute and is none."""
    body = command_job(primary, computeId=f"{primary.project_id}/computes/serverless")
    assert put(client, primary, body).status_code == 201


def test_free_text_may_name_another_workspace(client: Client, primary: Site, secondary: Site) -> None:
    """A tag that says where a job came from is no reference."""
    body = command_job(
        secondary,
        tags={"hubswitch.source": primary.project_id},
        command=f"echo {primary.project_id}",
        environmentVariables={"CAME_FROM": primary.project_id},
        properties={"origin": primary.project_id},
    )
    assert put(client, secondary, body).status_code == 201


@pytest.mark.parametrize("field", ["id", "name", "type", "systemData"])
def test_read_only_fields_of_the_resource_are_refused(client: Client, primary: Site, field: str) -> None:
    """A GET body is not a PUT body."""
    body = command_job(primary) | {field: "x"}
    assert refused(put(client, primary, body)) == f"{field}: is read-only and cannot be set."


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"status": "Running"}, "properties.status"),
        ({"provisioningState": "Succeeded"}, "properties.provisioningState"),
        ({"services": {"Tracking": {"jobServiceType": "Tracking"}}}, "properties.services.Tracking"),
        ({"services": {"s": {"jobServiceType": "Studio"}}}, "properties.services.s"),
        ({"properties": {"ContentSnapshotId": "x"}}, "properties.properties.ContentSnapshotId"),
        ({"properties": {"_azureml.ClusterName": "x"}}, "properties.properties._azureml.ClusterName"),
        ({"properties": {"HD_x": "x"}}, "properties.properties.HD_x"),
        (
            {"outputs": {"default": {"uri": "azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.other"}}},
            "properties.outputs.default.uri",
        ),
    ],
)
def test_what_the_service_sets_cannot_be_sent(
    client: Client, primary: Site, change: dict[str, Any], field: str
) -> None:
    """Status, services, reserved properties and another run's outputs are not a caller's to give."""
    assert refused(put(client, primary, command_job(primary, **change))).startswith(f"{field}: ")


def test_the_answer_of_a_get_cannot_be_put(client: Client, primary: Site) -> None:
    """Whoever resubmits must have cleaned the body."""
    put(client, primary, command_job(primary))
    answer = client.arm("GET", f"{primary.project_id}/jobs/job-1").json()
    assert "read-only" in refused(put(client, primary, answer, "job-2"))


@pytest.mark.parametrize(
    ("properties", "missing"),
    [
        ({"jobType": "Command", "environmentId": "azureml:train-env:1"}, "properties.command"),
        ({"jobType": "Command", "command": "ls"}, "properties.environmentId"),
        ({"jobType": "Sweep", "trial": {"command": "ls"}}, "properties.trial.environmentId"),
        ({"jobType": "Pipeline"}, "properties.jobs"),
        ({"jobType": "AutoML"}, "properties.taskDetails"),
        ({"jobType": "AutoML", "taskDetails": {"taskType": "Forecasting"}}, "properties.taskDetails.trainingData"),
        ({"jobType": "Spark", "entry": {"file": "a.py"}}, "properties.codeId"),
        ({"jobType": "FineTuning", "fineTuningDetails": {"model": {"uri": "x"}}}, "fineTuningDetails.trainingData"),
        ({"jobType": "Magic"}, "properties.jobType"),
        ({}, "properties.jobType"),
    ],
)
def test_what_a_kind_of_job_needs_must_be_there(
    client: Client, primary: Site, properties: dict[str, Any], missing: str
) -> None:
    """Unknown kinds and missing fields are refused by name."""
    assert missing in refused(put(client, primary, {"properties": properties}))


@pytest.mark.parametrize("body", [None, [], {}, {"properties": []}, "text"])
def test_a_body_that_is_no_resource_is_refused(client: Client, primary: Site, body: Any) -> None:
    """Whatever its shape, the answer is a refusal and not a failure."""
    assert refused(put(client, primary, body)) == "properties: an object was expected."


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"inputs": ["x"]}, "properties.inputs"),
        ({"tags": {"a": 1}}, "properties.tags.a"),
        ({"tags": {"local.duration": "soon"}}, "properties.tags.local.duration"),
        ({"tags": {"local.outcome": "Maybe"}}, "properties.tags.local.outcome"),
    ],
)
def test_wrong_shapes_inside_are_refused(client: Client, primary: Site, change: dict[str, Any], field: str) -> None:
    """With the field in the message."""
    assert refused(put(client, primary, command_job(primary, **change))).startswith(f"{field}: ")


@pytest.mark.parametrize("name", ["-x", "a b", "x" * 257])
def test_names_that_are_none_are_refused(client: Client, primary: Site, name: str) -> None:
    """Run ids have at most 256 characters."""
    assert refused(put(client, primary, command_job(primary), name)).startswith("name: ")


def test_all_kinds_of_jobs_are_accepted_when_well_formed(client: Client, primary: Site) -> None:
    """Command, sweep, pipeline, AutoML, Spark and fine-tuning."""
    environment = "azureml:train-env:1"
    data = {"jobInputType": "mltable", "uri": "azureml:iris:1"}
    code = f"{primary.project_id}/codes/c/versions/1"
    client.azure.call(lambda: client.azure.resources.put(code, {"properties": {"codeUri": "x"}}))
    kinds: dict[str, dict[str, Any]] = {
        "Command": {"command": "ls", "environmentId": environment},
        "Sweep": {
            "trial": {"command": "ls", "environmentId": environment, "codeId": code},
            "objective": {"goal": "minimize", "primaryMetric": "loss"},
            "searchSpace": {"lr": ["choice", [[0.1]]]},
            "samplingAlgorithm": {"samplingAlgorithmType": "Random"},
        },
        "Pipeline": {"jobs": {"train": {"type": "command", "componentId": "azureml://registries/r/components/c"}}},
        "AutoML": {"taskDetails": {"taskType": "Classification", "trainingData": data}},
        "Spark": {"codeId": code, "entry": {"sparkJobEntryType": "SparkJobPythonEntry", "file": "a.py"}},
        "FineTuning": {
            "fineTuningDetails": {"model": {"uri": "azureml://registries/r/models/m"}, "trainingData": data}
        },
    }
    statuses = {
        kind: put(client, primary, {"properties": {"jobType": kind, **properties}}, f"job-{kind}").status_code
        for kind, properties in kinds.items()
    }
    assert statuses == dict.fromkeys(kinds, 201)


def test_nodes_of_a_pipeline_are_looked_into(client: Client, primary: Site, secondary: Site) -> None:
    """The path leads to the node."""
    node = {"type": "command", "componentId": f"{primary.project_id}/components/azureml_anonymous/versions/1"}
    body = {"properties": {"jobType": "Pipeline", "jobs": {"train": node}}}
    assert refused(put(client, secondary, body)).startswith("properties.jobs.train.componentId: ")


def test_a_job_that_runs_as_its_user_needs_that_user(azure: LocalAzure, client: Client, primary: Site) -> None:
    """A managed identity cannot submit it; a person's token beside the call can."""
    manager = azure.urls["resource-manager"]
    url = f"{manager}{primary.project_id}/jobs/personal?api-version=2025-01-01-preview"
    body = command_job(primary, identity={"identityType": "UserIdentity"})
    assert "needs the token of a user" in refused(client.send("PUT", url, audience=manager, json=body))
    ours, _ = azure.kernel.token(client.client_id, "https://ml.azure.com")
    theirs, _ = azure.kernel.token(azure.user_client_id, "https://ml.azure.com")
    for token, status in ((ours, 400), (theirs, 201)):
        headers = {"x-azureml-token": f"Bearer {token}"}
        assert client.send("PUT", url, audience=manager, json=body, headers=headers).status_code == status
