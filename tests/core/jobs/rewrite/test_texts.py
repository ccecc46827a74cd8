"""Texts for people are no references: they never stop a job, and what stays in them is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import JobMap, Workspace, rewrite

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    "fields",
    [
        {"description": "runs in ml-north."},
        {"tags": {"team": "ml-north-platform"}},
        {"displayName": "ML-NORTH"},
        {"command": "echo ml-north"},
        {"environmentVariables": {"WORKSPACE": "ml-north"}},
        {"inputs": {"n": {"jobInputType": "literal", "value": "https://example.org/ml-north.csv"}}},
    ],
)
def test_the_bare_name_of_the_workspace_stays_and_a_note_says_where(
    fields: dict[str, Any], make_map: MakeMap, command: MakeJob
) -> None:
    """It may be anything; a person can look."""
    body = command(**fields)
    result = rewrite(body, make_map(same_names=True))
    assert (result.body, result.unmapped) == (body, ())
    assert any("ml-north" in note and "/properties/" in note for note in result.notes)


@pytest.mark.parametrize("text", ["xml-northern", "ml-north2", "html-north"])
def test_the_name_inside_another_word_is_not_noted(text: str, make_map: MakeMap, command: MakeJob) -> None:
    """A word is a word."""
    assert rewrite(command(description=text), make_map(same_names=True)).notes == ()


@pytest.mark.parametrize("field", ["description", "displayName", "experimentName"])
def test_a_reference_in_a_text_is_rewritten_if_the_map_knows_it(
    field: str, make_map: MakeMap, command: MakeJob, old: Workspace, new: Workspace
) -> None:
    """So that nothing points at the dead workspace; but nothing is needed because of a text."""
    result = rewrite(command(**{field: f"see {old.id}/data/rows/versions/2"}), make_map())
    assert result.body["properties"][field] == f"see {new.id}/data/rows/versions/2"
    assert result.needs == ()


@pytest.mark.parametrize("zone", ["tags", "properties"])
@pytest.mark.parametrize(
    "value",
    [
        "azureml://jobs/calm_sea/outputs/x",
        "azureml://datastores/lake/paths/x",
        "https://x.north.inference.ml.azure.com/",
    ],
)
def test_a_reference_in_a_text_that_the_map_does_not_know_is_kept(
    zone: str, value: str, make_map: MakeMap, command: MakeJob
) -> None:
    """A tag is no reason to stop a job."""
    body = command(**{zone: {"source": value}})
    result = rewrite(body, make_map())
    assert (result.body, result.unmapped) == (body, ())
    assert [stayed.path for stayed in result.kept] == [f"/properties/{zone}/source"]


def test_a_reference_in_a_command_that_the_map_does_not_know_is_unmapped(make_map: MakeMap, command: MakeJob) -> None:
    """A command will be run: what it names must be there."""
    result = rewrite(command(command="cat azureml://datastores/lake/paths/x"), make_map())
    assert [missed.path for missed in result.unmapped] == ["/properties/command"]


def test_properties_of_resources_are_no_texts(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """Only a job's own bag of properties is for people."""
    body = command(resources={"properties": {"cluster": f"{old.id}/computes/unknown"}})
    assert [m.path for m in rewrite(body, make_map()).unmapped] == ["/properties/resources/properties/cluster"]
