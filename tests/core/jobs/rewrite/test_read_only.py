"""What Azure ML adds to a job does not go back out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs.rewrite import JobMap, asset_without_read_only, rewrite, without_read_only

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]


def as_read() -> dict[str, Any]:
    """A command job as GET answers it."""
    return {
        "id": "/subscriptions/s/x/jobs/calm_sea",
        "name": "calm_sea",
        "type": "Microsoft.MachineLearningServices/workspaces/jobs",
        "systemData": {"createdBy": "Ada"},
        "properties": {
            "jobType": "Command",
            "command": "python train.py",
            "status": "Running",
            "parameters": {"a": 1},
            "tags": {"team": "x", "_aml_system_ComputeTargetStatus": "{}"},
            "properties": {
                "team": "x",
                "_azureml.ComputeTargetType": "amlctrain",
                "ContentSnapshotId": "0f",
                "ProcessInfoFile": "p",
                "azureml.enable_distillation": "True",
                "azureml.git.branch": "main",
                "mlflow.source.git.commit": "0f",
            },
            "services": {
                "Tracking": {"jobServiceType": "Tracking", "endpoint": "azureml://north.api.azureml.ms/mlflow"},
                "Studio": {"jobServiceType": "Studio", "endpoint": "https://ml.azure.com/runs/calm_sea"},
                "lab": {"jobServiceType": "JupyterLab", "port": None, "status": "Running", "endpoint": None},
            },
            "outputs": {
                "default": {"jobOutputType": "uri_folder", "uri": "azureml://datastores/a/ExperimentRun/dcid.calm_sea"},
                "model": {"jobOutputType": "mlflow_model"},
            },
            "limits": {"timeout": "PT1H"},
            "environmentVariables": {"status": "x"},
        },
    }


def test_rewriting_takes_the_fields_of_the_contract_and_no_more(make_map: MakeMap) -> None:
    """Whoever scripts the command relies on the rest being there."""
    properties = rewrite(as_read(), make_map(same_names=True)).body["properties"]
    given = as_read()["properties"]
    assert properties["properties"] == given["properties"]
    assert (properties["tags"], properties["outputs"], properties["parameters"]) == (
        given["tags"],
        given["outputs"],
        given["parameters"],
    )
    assert list(properties["services"]) == ["lab"]


def test_the_envelope_and_the_status_go(make_map: MakeMap) -> None:
    """``id``, ``name``, ``type``, ``systemData`` and ``status`` are read-only."""
    body = rewrite(as_read(), make_map(same_names=True)).body
    assert list(body) == ["properties"]
    assert "status" not in body["properties"]


def test_a_service_that_the_user_asked_for_stays_without_its_state(make_map: MakeMap) -> None:
    """Its type and settings are the user's."""
    services = rewrite(as_read(), make_map(same_names=True)).body["properties"]["services"]
    assert services["lab"] == {"jobServiceType": "JupyterLab", "port": None, "endpoint": None}


def test_what_a_strict_service_refuses_goes_before_a_put() -> None:
    """Reserved properties and tags, parameters, and the output that the service itself made."""
    properties = without_read_only(as_read())["properties"]
    assert properties["tags"] == {"team": "x"}
    assert set(properties["properties"]) == {
        "team",
        "azureml.enable_distillation",
        "azureml.git.branch",
        "mlflow.source.git.commit",
    }
    assert list(properties["outputs"]) == ["model"]
    assert "parameters" not in properties


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("azureml://datastores/blob/paths/azureml/calm_sea/model/", {"jobOutputType": "uri_folder"}),
        ("azureml://datastores/art/paths/ExperimentRun/dcid.other/x", {"jobOutputType": "uri_folder"}),
        ("azureml://datastores/blob/paths/mine/", None),
        ("azureml://datastores/blob/paths/calm_sea_too/", None),
    ],
)
def test_an_output_loses_the_place_that_is_the_runs_own(uri: str, expected: Any) -> None:
    """The successor would write over its predecessor's results; a place that the user chose stays."""
    output = {"jobOutputType": "uri_folder", "uri": uri}
    body = {"name": "calm_sea", "properties": {"jobType": "Command", "outputs": {"m": output}}}
    assert without_read_only(body)["properties"]["outputs"]["m"] == (expected or output)


def test_a_system_service_goes_under_any_name() -> None:
    """What it is says its type."""
    services = {
        "a": {"jobServiceType": "Tracking"},
        "b": {"job_service_type": "studio"},
        "c": {"jobServiceType": "SSH"},
    }
    body = {"properties": {"jobType": "Command", "services": services}}
    assert list(without_read_only(body)["properties"]["services"]) == ["c"]


@pytest.mark.parametrize("field", ["services", "outputs", "tags", "properties"])
@pytest.mark.parametrize("value", [None, [], "x", {"a": None}, {"default": "x"}, {"a": {}}])
def test_odd_shapes_stay_as_they_are(field: str, value: Any) -> None:
    """Whoever reads them later says what is wrong."""
    body = {"properties": {"jobType": "Command", field: value}}
    assert without_read_only(body) == body


def test_what_the_user_wrote_stays() -> None:
    """Limits, variables, and outputs of one's own."""
    properties = without_read_only(as_read())["properties"]
    assert (properties["limits"], properties["environmentVariables"]) == ({"timeout": "PT1H"}, {"status": "x"})


def test_what_a_get_shows_as_not_set_is_not_sent() -> None:
    """null, and the tier that is called Null: a service that takes them literally would run another job."""
    unset = {"componentId": None, "identity": None, "notificationSetting": None, "distribution": None, "codeId": None}
    added = {"limits": {"timeout": None, "jobLimitsType": "Command"}, "queueSettings": {"jobTier": "Null"}}
    added["resources"] = {"instanceCount": 1, "instanceType": None, "properties": None, "shmSize": "2g"}
    job = without_read_only({"properties": {"jobType": "Command", "command": "x", **unset, **added}})["properties"]
    assert job == {
        "jobType": "Command",
        "command": "x",
        "limits": {"jobLimitsType": "Command"},
        "resources": {"instanceCount": 1, "shmSize": "2g"},
    }


def test_a_tier_that_somebody_chose_is_sent_again() -> None:
    """It costs money, or saves some."""
    job = {"jobType": "Command", "queueSettings": {"jobTier": "Spot"}}
    assert without_read_only({"properties": job}) == {"properties": job}


def test_the_trial_of_a_sweep_is_read_like_a_job() -> None:
    """It is a command within a job."""
    trial = {"command": "x", "codeId": None, "distribution": None, "resources": {"instanceCount": 2, "shmSize": None}}
    job = without_read_only({"properties": {"jobType": "Sweep", "trial": trial}})["properties"]
    assert job["trial"] == {"command": "x", "resources": {"instanceCount": 2}}


def test_inputs_keep_their_mode_and_values_and_lose_an_empty_description() -> None:
    """A literal that is null is somebody's value."""
    inputs = {
        "rows": {"jobInputType": "uri_folder", "uri": "azureml:rows:1", "mode": "Download", "description": None},
        "none": {"jobInputType": "literal", "value": None},
    }
    given = without_read_only({"properties": {"jobType": "Command", "inputs": inputs}})["properties"]["inputs"]
    assert given["rows"] == {"jobInputType": "uri_folder", "uri": "azureml:rows:1", "mode": "Download"}
    assert given["none"] == inputs["none"]


def test_the_times_of_the_run_are_not_sent() -> None:
    """The successor has its own."""
    bag = {"StartTimeUtc": "2031-01-01 10:00:00", "EndTimeUtc": "2031-01-01 11:00:00", "team": "x"}
    job = without_read_only({"properties": {"jobType": "Command", "properties": bag}})["properties"]
    assert job["properties"] == {"team": "x"}


def test_an_asset_loses_the_run_that_made_it() -> None:
    """There is no such run in the other hub."""
    bag = {"azureml.labels": "latest", "azureml.parentRunId": "calm_sea", "mlflow.run_id": "r", "owner": "Ada"}
    properties = {"modelUri": "azureml:x", "jobName": "calm_sea", "stage": "Production", "properties": bag}
    assert asset_without_read_only({"properties": properties}) == {
        "properties": {"modelUri": "azureml:x", "stage": "Production", "properties": {"owner": "Ada"}}
    }


def test_an_environment_without_conda_is_sent_without_conda() -> None:
    """A GET shows an empty text for it."""
    properties = {"image": "i", "condaFile": "", "description": None, "autoRebuild": "Disabled"}
    expected = {"properties": {"image": "i", "autoRebuild": "Disabled"}}
    assert asset_without_read_only({"properties": properties}) == expected


def test_taking_the_fields_twice_is_taking_them_once() -> None:
    """And the argument stays as it was."""
    body = as_read()
    once = without_read_only(body)
    assert without_read_only(once) == once
    assert body == as_read()


def test_the_status_of_a_step_is_not_read_only(make_map: MakeMap, pipeline: MakeJob) -> None:
    """Below a pipeline, ``id``, ``name`` and ``status`` are the user's."""
    body = pipeline({"a": {"id": "x", "name": "a", "status": "y", "type": "command"}})
    assert rewrite(body, make_map()).body == body


def test_an_asset_loses_what_the_service_added() -> None:
    """So that it can be put elsewhere."""
    body = {
        "id": "x",
        "name": "3",
        "systemData": {},
        "properties": {"image": "i", "environmentType": "UserCreated", "provisioningState": "Succeeded"},
    }
    assert asset_without_read_only(body) == {"properties": {"image": "i"}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ("x", ""),
        (None, ""),
        ({}, "properties"),
        ({"properties": []}, "properties"),
        ({"properties": {}}, "properties.jobType"),
        ({"properties": {"jobType": 3}}, "properties.jobType"),
        ({"properties": {"jobType": ""}}, "properties.jobType"),
    ],
)
def test_what_is_no_job_is_refused(body: Any, field: str, make_map: MakeMap) -> None:
    """With the field, and what was expected there."""
    with pytest.raises(InvalidInput) as refused:
        rewrite(body, make_map())
    assert refused.value.field == field


def test_a_body_that_is_nested_too_deep_is_refused(make_map: MakeMap) -> None:
    """In one line, not by running out of stack."""
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InvalidInput):
        rewrite({"properties": {"jobType": "Command", "inputs": {"a": {"value": deep}}}}, make_map())
