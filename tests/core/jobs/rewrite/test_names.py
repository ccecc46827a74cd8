"""Names without a workspace are names where a field says so, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import JobMap, rewrite

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]

COMPUTES = {"gpu": "gpu-south"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("gpu", "gpu-south"),
        ("azureml:gpu", "azureml:gpu-south"),
        ("GPU", "gpu-south"),
        ("AzureML:gpu", "AzureML:gpu-south"),
    ],
)
@pytest.mark.parametrize("field", ["computeId", "compute", "compute_id", "default_compute", "defaultCompute"])
def test_a_compute_by_name_is_mapped(
    field: str, value: str, expected: str, make_map: MakeMap, pipeline: MakeJob
) -> None:
    """In a compute's place a bare name is a compute's, in the body's own casing of fields."""
    result = rewrite(pipeline({"a": {field: value}}, settings={field: value}), make_map(computes=COMPUTES))
    properties = result.body["properties"]
    assert (properties["jobs"]["a"][field], properties["settings"][field]) == (expected, expected)


@pytest.mark.parametrize(
    "value", ["serverless", "azureml:serverless", "Serverless", "local", "", "${{parent.inputs.x}}"]
)
def test_what_names_no_cluster_stays(value: str, make_map: MakeMap, command: MakeJob) -> None:
    """Serverless needs no entry and heeds none."""
    body = command(computeId=value)
    result = rewrite(body, make_map(computes={"serverless": "wrong", "local": "wrong"}))
    assert (result.body, result.unmapped) == (body, ())


@pytest.mark.parametrize("value", ["other", "azureml:other", "two words", "not/a/name", "gpu-south"])
def test_a_compute_that_is_not_listed_is_unmapped(value: str, make_map: MakeMap, command: MakeJob) -> None:
    """An unknown name, or what is no name at all, keeps its value and is reported with it."""
    result = rewrite(command(computeId=value), make_map(computes=COMPUTES))
    assert [(missed.path, missed.value) for missed in result.unmapped] == [("/properties/computeId", value)]
    assert result.body["properties"]["computeId"] == value


def test_with_same_names_an_absent_name_maps_to_itself(make_map: MakeMap, command: MakeJob) -> None:
    """What is listed still counts first."""
    body = command(computeId="other", trial={"compute": "gpu"})
    result = rewrite(body, make_map(computes=COMPUTES, same_names=True))
    assert result.body["properties"]["computeId"] == "other"
    assert result.body["properties"]["trial"]["compute"] == "gpu-south"
    assert result.unmapped == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("azureml:train:3", "azureml:train-south:3"),
        ("azureml:train@latest", "azureml:train-south@latest"),
        ("azureml:train", "azureml:train-south"),
        ("train:3", "train-south:3"),
        ("azureml:CliV2AnonymousEnvironment:0f", "azureml:CliV2AnonymousEnvironment:0f"),
        (
            "azureml://registries/azureml/environments/e/versions/1",
            "azureml://registries/azureml/environments/e/versions/1",
        ),
    ],
)
@pytest.mark.parametrize("field", ["environmentId", "environment", "environment_id"])
def test_an_environment_by_short_name_is_mapped(
    field: str, value: str, expected: str, make_map: MakeMap, pipeline: MakeJob
) -> None:
    """Version and label stay behind the new name; anonymous environments and registries need no entry."""
    body = pipeline({"s": {field: value, "trial": {field: value}, "task": {field: value}}})
    step = rewrite(body, make_map(environments={"train": "train-south"})).body["properties"]["jobs"]["s"]
    assert [step[field], step["trial"][field], step["task"][field]] == [expected] * 3


def test_a_named_environment_without_an_entry_is_unmapped(make_map: MakeMap, command: MakeJob) -> None:
    """By short name as by id."""
    result = rewrite(command(environmentId="azureml:other@latest"), make_map())
    assert [missed.path for missed in result.unmapped] == ["/properties/environmentId"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("azureml://datastores/lake/paths/x", "azureml://datastores/lake_south/paths/x"),
        ("azureml://datastores/lake", "azureml://datastores/lake_south"),
        ("AzureML://Datastores/lake/paths/lake", "AzureML://Datastores/lake_south/paths/lake"),
    ],
)
def test_a_datastore_by_short_uri_is_mapped_wherever_it_stands(
    value: str, expected: str, make_map: MakeMap, command: MakeJob
) -> None:
    """The path behind it keeps every letter, even where it holds the same name."""
    body = command(inputs={"d": {"uri": value}}, environmentVariables={"CACHE": value}, command=f"ls '{value}'")
    properties = rewrite(body, make_map(datastores={"lake": "lake_south"})).body["properties"]
    seen = properties["inputs"]["d"]["uri"], properties["environmentVariables"]["CACHE"], properties["command"]
    assert seen == (expected, expected, f"ls '{expected}'")


@pytest.mark.parametrize("value", ["lake", "azureml:lake"])
def test_a_default_datastore_by_name_is_mapped(value: str, make_map: MakeMap, pipeline: MakeJob) -> None:
    """In a datastore's place a bare name is a datastore's."""
    body = pipeline({}, settings={"default_datastore": value})
    result = rewrite(body, make_map(datastores={"lake": "lake_south"}))
    assert result.body["properties"]["settings"]["default_datastore"] == value.replace("lake", "lake_south")


def test_a_short_uri_of_an_input_is_noted_because_it_resolves_elsewhere(make_map: MakeMap, command: MakeJob) -> None:
    """The same text means the other workspace's own store: the data must be there."""
    uri = "azureml://datastores/lake/paths/x"
    body = command(inputs={"d": {"uri": uri}}, outputs={"o": {"uri": uri}})
    notes = rewrite(body, make_map(same_names=True)).notes
    assert [("/properties/inputs/d/uri" in note, "/properties/outputs" in note) for note in notes] == [(True, False)]


@pytest.mark.parametrize(
    "fields",
    [
        {"resources": {"instanceType": "gpu", "properties": {"compute": "gpu"}}},
        {"searchSpace": {"compute": ["choice", [["gpu", "cpu"]]]}},
        {"environmentVariables": {"compute": "gpu", "environment": "train", "AOAI": "gpu"}},
        {"conf": {"compute": "gpu", "default_datastore": "lake"}},
        {
            "taskDetails": {
                "targetColumnName": "gpu",
                "featurizationSettings": {"columnNameAndTypes": {"compute": "gpu"}},
            }
        },
        {"outputs": {"compute": {"jobOutputType": "uri_folder", "assetName": "gpu"}}},
        {"tags": {"compute": "gpu"}, "description": "gpu", "displayName": "gpu", "experimentName": "gpu"},
        {"command": "train --on gpu"},
        {
            "limits": {"timeout": "PT1H"},
            "distribution": {"distributionType": "Mpi"},
            "queueSettings": {"jobTier": "Spot"},
        },
        {"notificationSetting": {"emails": ["a@example.org"], "emailOn": ["JobFailed"]}},
    ],
)
def test_a_name_elsewhere_is_a_text(fields: dict[str, Any], make_map: MakeMap, command: MakeJob) -> None:
    """Keys that people choose, sizes, columns and texts are not computes, however they are spelt."""
    body = command(**fields)
    assert (
        rewrite(body, make_map(computes=COMPUTES, environments={"train": "x"}, datastores={"lake": "y"})).body == body
    )


def test_an_input_is_called_compute_in_any_case(make_map: MakeMap, command: MakeJob) -> None:
    """People write ``GPUCompute``."""
    body = command(inputs={"GPUCompute": {"jobInputType": "literal", "value": "gpu"}})
    assert rewrite(body, make_map(computes=COMPUTES)).body["properties"]["inputs"]["GPUCompute"]["value"] == "gpu-south"


def test_numbers_and_nulls_stay_what_they_are(make_map: MakeMap, command: MakeJob) -> None:
    """Nothing but strings is read."""
    body = command(computeId=None, searchSpace={"lr": ["choice", [[1e-05, 12345678901234567890, True, None]]]})
    assert rewrite(body, make_map()).body == body
