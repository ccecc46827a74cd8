"""What a job needs, down to the last code snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs.rewrite import JobMap, Workspace, closure, rewrite, rewrite_asset

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]


def component(spec: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "components", "body": {"properties": {"componentSpec": spec}}}


@pytest.fixture
def snapshot(old: Workspace) -> dict[str, Any]:
    """A pipeline component, the two components in it, and what these run."""
    leaf = {
        "code": f"azureml:{old.id}/codes/c/versions/1",
        "environment": f"azureml:{old.id}/environments/e/versions/2",
    }
    sweep = {"task": leaf, "inputs": {"data": {"default": f"{old.id}/data/rows/versions/4"}}}
    steps = {
        "a": {"componentId": f"{old.id}/components/azureml_anonymous/versions/leaf"},
        "b": {"component": f"azureml:{old.id}/components/azureml_anonymous/versions/task"},
    }
    return {
        f"{old.id}/components/azureml_anonymous/versions/whole": component({"type": "pipeline", "jobs": steps}),
        f"{old.id}/components/azureml_anonymous/versions/leaf": component(leaf),
        f"{old.id}/components/azureml_anonymous/versions/task": component(sweep),
        f"{old.id}/codes/c/versions/1": {"kind": "codes"},
        f"{old.id}/codes/unused/versions/1": {"kind": "codes"},
    }


def tails(found: tuple[tuple[str, str], ...], workspace: Workspace) -> list[tuple[str, str]]:
    return [(kind, spelt.removeprefix(f"{workspace.id}/")) for kind, spelt in found]


def test_the_closure_goes_through_components_to_what_they_run(
    pipeline: MakeJob, old: Workspace, snapshot: dict[str, Any]
) -> None:
    """Each once, and what is needed before what needs it."""
    body = pipeline({"s": {"componentId": f"{old.id}/components/azureml_anonymous/versions/whole"}})
    assert tails(closure(body, old, snapshot), old) == [
        ("code", "codes/c/versions/1"),
        ("environment", "environments/e/versions/2"),
        ("component", "components/azureml_anonymous/versions/leaf"),
        ("data", "data/rows/versions/4"),
        ("component", "components/azureml_anonymous/versions/task"),
        ("component", "components/azureml_anonymous/versions/whole"),
    ]


def test_the_needs_of_a_rewriting_are_the_same_closure_on_the_other_side(
    make_map: MakeMap, pipeline: MakeJob, old: Workspace, new: Workspace, snapshot: dict[str, Any]
) -> None:
    """With the names that the assets have there; without a snapshot, what the body itself names."""
    body = pipeline({"s": {"componentId": f"{old.id}/components/azureml_anonymous/versions/whole"}})
    job_map = make_map(environments={"e": "e-south"})
    with_snapshot = {need.id.removeprefix(new.id) for need in rewrite(body, job_map, snapshot).needs}
    without = {need.id.removeprefix(new.id) for need in rewrite(body, job_map).needs}
    assert without == {"/components/azureml_anonymous/versions/whole"}
    assert with_snapshot == {
        "/components/azureml_anonymous/versions/whole",
        "/components/azureml_anonymous/versions/leaf",
        "/components/azureml_anonymous/versions/task",
        "/codes/c/versions/1",
        "/environments/e-south/versions/2",
        "/data/rows/versions/4",
    }


def test_an_asset_behind_the_job_that_cannot_be_mapped_is_noted(
    make_map: MakeMap, pipeline: MakeJob, old: Workspace, snapshot: dict[str, Any]
) -> None:
    """It has no pointer in the body, so a note names it."""
    body = pipeline({"s": {"componentId": f"{old.id}/components/azureml_anonymous/versions/leaf"}})
    assert any("environments/e/versions/2" in note for note in rewrite(body, make_map(), snapshot).notes)


def test_an_asset_is_one_asset_however_it_was_cased(
    pipeline: MakeJob, old: Workspace, snapshot: dict[str, Any]
) -> None:
    """In a job as in a snapshot."""
    component = f"{old.id}/Components/AzureML_Anonymous/Versions/LEAF"
    body = pipeline({"a": {"componentId": component}, "b": {"componentId": component.lower()}})
    assert [kind for kind, _ in closure(body, old, snapshot)] == ["code", "environment", "component"]


def test_ids_of_a_snapshot_are_compared_without_regard_to_case_and_spelling(
    pipeline: MakeJob, old: Workspace, snapshot: dict[str, Any]
) -> None:
    """A long URI names the same component as an ARM id."""
    long = f"azureml://SUBSCRIPTIONS/{old.subscription}/resourcegroups/{old.resource_group.upper()}/workspaces"
    body = pipeline({"s": {"componentId": f"{long}/{old.workspace}/components/azureml_anonymous/versions/leaf"}})
    assert len(closure(body, old, snapshot)) == 3


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"environmentId": "azureml:train:3"}, [("environment", "environments/train/versions/3")]),
        ({"environmentId": "azureml:train@latest"}, [("environment", "environments/train/labels/latest")]),
        ({"environmentId": "azureml:AzureML-sklearn-1.5@latest"}, []),
        (
            {"inputs": {"d": {"jobInputType": "uri_folder", "uri": "azureml:rows:2"}}},
            [("data", "data/rows/versions/2")],
        ),
        (
            {"inputs": {"m": {"jobInputType": "MLflow_model", "uri": "azureml:net:2"}}},
            [("model", "models/net/versions/2")],
        ),
        ({"inputs": {"n": {"jobInputType": "literal", "value": "azureml:net:2"}}}, []),
        ({"outputs": {"d": {"uri": "{id}/data/out/versions/1"}}}, []),
        ({"tags": {"d": "{id}/data/out/versions/1"}, "description": "{id}/data/out/versions/1"}, []),
        ({"command": "load {id}/models/net/versions/1"}, [("model", "models/net/versions/1")]),
        ({"inputs": {"tags": {"uri": "{id}/data/rows/versions/1"}}}, [("data", "data/rows/versions/1")]),
        ({"environmentId": "azureml://registries/azureml/environments/e/versions/1"}, []),
        ({"inputs": {"d": {"uri": "/subscriptions/s/resourceGroups/g/workspaces/w/data/rows/versions/1"}}}, []),
    ],
)
def test_a_job_needs_what_it_names(
    fields: dict[str, Any], expected: list[tuple[str, str]], command: MakeJob, old: Workspace
) -> None:
    """By id or short name. Registries, other workspaces, outputs, texts and curated environments are not needed."""

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        return value.replace("{id}", old.id) if isinstance(value, str) else value

    assert tails(closure(filled(command(**fields)), old), old) == expected


def test_a_component_is_rewritten_for_recreation(make_map: MakeMap, old: Workspace, new: Workspace) -> None:
    """Code, environment, steps, computes and defaults, as in a job."""
    spec = {
        "code": f"azureml:{old.id}/codes/c/versions/1",
        "environment": "azureml:e:2",
        "inputs": {"where": {"type": "string", "default": "gpu"}},
        "jobs": {
            "a": {"component": f"azureml:{old.id}/components/x/versions/1", "compute": "${{parent.inputs.where}}"}
        },
    }
    body = {"id": "x", "properties": {"componentSpec": spec, "isAnonymous": True}}
    result = rewrite_asset("component", body, make_map(computes={"gpu": "gpu-south"}, environments={"e": "e-south"}))
    assert result.unmapped == ()
    assert result.body == {
        "properties": {
            "isAnonymous": True,
            "componentSpec": {
                "code": f"azureml:{new.id}/codes/c/versions/1",
                "environment": "azureml:e-south:2",
                "inputs": {"where": {"type": "string", "default": "gpu-south"}},
                "jobs": {
                    "a": {
                        "component": f"azureml:{new.id}/components/x/versions/1",
                        "compute": "${{parent.inputs.where}}",
                    }
                },
            },
        }
    }


@pytest.mark.parametrize(
    ("kind", "properties", "path"),
    [
        ("environment", {"image": "crnorth.azurecr.io/a:1"}, "/properties/image"),
        ("model", {"modelUri": "azureml://jobs/calm_sea/outputs/model"}, "/properties/modelUri"),
        ("data", {"dataUri": "azureml://datastores/other/paths/x"}, "/properties/dataUri"),
    ],
)
def test_an_asset_that_the_map_does_not_cover_is_unmapped(
    kind: str, properties: dict[str, Any], path: str, make_map: MakeMap
) -> None:
    """Assets follow the same rules as jobs."""
    assert [missed.path for missed in rewrite_asset(kind, {"properties": properties}, make_map()).unmapped] == [path]


@pytest.mark.parametrize(("kind", "body"), [("job", {"properties": {}}), ("data", {}), ("data", {"properties": 3})])
def test_what_is_no_asset_is_refused(kind: str, body: dict[str, Any], make_map: MakeMap) -> None:
    """By kind, and by its properties."""
    with pytest.raises(InvalidInput):
        rewrite_asset(kind, body, make_map())
