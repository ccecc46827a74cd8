"""A label means another version tomorrow; what ran is what is run again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import Workspace, pin_versions

type MakeJob = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("spelt", "expected"),
    [
        ("azureml:train@latest", "azureml:train:7"),
        ("AZUREML:train@latest", "AZUREML:train:7"),
        ("{old}/environments/train/labels/latest", "{old}/environments/train/versions/7"),
        ("azureml:{old}/environments/Train/Labels/latest", "azureml:{old}/environments/Train/versions/7"),
        ("azureml:train:3", "azureml:train:3"),
        ("azureml:other@latest", "azureml:other@latest"),
        (
            "azureml://registries/azureml/environments/train/labels/latest",
            "azureml://registries/azureml/environments/train/labels/latest",
        ),
    ],
)
def test_a_label_becomes_the_version_that_it_meant_in_every_spelling(
    spelt: str, expected: str, command: MakeJob, old: Workspace
) -> None:
    """Only labels that were resolved, and only of this workspace."""
    body = command(environmentId=spelt.format(old=old.id))
    versions = {f"{old.id}/environments/train/labels/latest": "7"}
    assert pin_versions(body, old, versions)["properties"]["environmentId"] == expected.format(old=old.id)


def test_a_name_alone_is_of_the_kind_that_its_place_says(command: MakeJob, old: Workspace) -> None:
    """The same short name is an environment in one place, data in another, and text in a third."""
    given = {"rows": {"jobInputType": "uri_file", "uri": "azureml:train@latest"}}
    body = command(environmentId="azureml:train@latest", inputs=given, tags={"said": "azureml:train@latest"})
    before = copy.deepcopy(body)
    new = pin_versions(body, old, {f"{old.id}/data/train/labels/latest": "4"})["properties"]
    assert new["inputs"]["rows"]["uri"] == "azureml:train:4"
    assert (new["environmentId"], new["tags"]["said"]) == ("azureml:train@latest", "azureml:train@latest")
    assert body == before


def test_steps_of_pipelines_in_components_are_reached(pipeline: MakeJob, old: Workspace) -> None:
    """Down to a component inside a step."""
    inline = {"task": {"environment": f"azureml:{old.id}/environments/e/labels/prod"}}
    body = pipeline({"a": {"component": inline, "componentId": "azureml:c@latest"}})
    known = {f"{old.id}/environments/e/labels/prod": "2", f"{old.id}/components/c/labels/latest": "5"}
    step = pin_versions(body, old, known)["properties"]["jobs"]["a"]
    assert step["component"]["task"]["environment"] == f"azureml:{old.id}/environments/e/versions/2"
    assert step["componentId"] == "azureml:c:5"
