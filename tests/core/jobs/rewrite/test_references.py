"""References to the old workspace, in every spelling, become references to the new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import JobMap, Workspace, map_from, rewrite

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]

SPELLINGS = {
    "ARM id": "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}/{tail}",
    "ARM id without its first slash": (
        "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}/{tail}"
    ),
    "azureml: before an ARM id": (
        "azureml:/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}/{tail}"
    ),
    "azureml:// before an ARM id": (
        "azureml://subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}/{tail}"
    ),
    "azureml:/// before an ARM id": (
        "azureml:///subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}/{tail}"
    ),
    "long URI": "azureml://subscriptions/{s}/resourcegroups/{g}/workspaces/{w}/{tail}",
    "URL of Resource Manager": (
        "https://management.azure.com/subscriptions/{s}/resourceGroups/{g}"
        "/providers/Microsoft.MachineLearningServices/workspaces/{w}/{tail}"
    ),
}
TAILS = {
    "computes/gpu": "computes/gpu-south",
    "computes/serverless": "computes/serverless",
    "datastores/lake": "datastores/lake_south",
    "datastores/lake/paths/a b/ml-north/": "datastores/lake_south/paths/a b/ml-north/",
    "environments/train/versions/12": "environments/train-south/versions/12",
    "environments/train/labels/latest": "environments/train-south/labels/latest",
    "environments/train:12": "environments/train-south:12",
    "Computes/gpu": "Computes/gpu-south",
    "environments/CliV2AnonymousEnvironment/versions/0f": "environments/CliV2AnonymousEnvironment/versions/0f",
    "codes/0f0e/versions/1": "codes/0f0e/versions/1",
    "components/azureml_anonymous/versions/0a": "components/azureml_anonymous/versions/0a",
    "components/prep/versions/1.0.2": "components/prep/versions/1.0.2",
    "data/rows/versions/3": "data/rows/versions/3",
    "data/rows/labels/latest": "data/rows/labels/latest",
    "models/net/versions/7": "models/net/versions/7",
    "onlineEndpoints/score": "onlineEndpoints/score-south",
    "onlineEndpoints/score/deployments/blue": "onlineEndpoints/score-south/deployments/blue",
    "batchEndpoints/score": "batchEndpoints/score-south",
    "serverlessEndpoints/score": "serverlessEndpoints/score-south",
    "connections/search": "connections/search",
    "schedules/nightly": "schedules/nightly",
    "": "",
}
TABLES: dict[str, Any] = {
    "computes": {"gpu": "gpu-south"},
    "datastores": {"lake": "lake_south"},
    "environments": {"train": "train-south"},
    "endpoints": {"score": "score-south"},
}


def spelt(spelling: str, workspace: Workspace, tail: str) -> str:
    """A reference in one of the spellings."""
    parts = {"s": workspace.subscription, "g": workspace.resource_group, "w": workspace.workspace}
    return SPELLINGS[spelling].format(**parts, tail=tail)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_kind_in_every_spelling_moves_to_the_new_workspace(
    spelling: str, tail: str, make_map: MakeMap, command: MakeJob
) -> None:
    """Only subscription, group, workspace and mapped names change; the rest keeps every letter."""
    job_map = make_map(**TABLES)
    result = rewrite(command(environmentVariables={"X": spelt(spelling, job_map.from_, tail)}), job_map)
    assert result.body["properties"]["environmentVariables"]["X"] == spelt(spelling, job_map.to, TAILS[tail])
    assert result.unmapped == ()


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase, str.title])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_letters_may_be_of_any_case(
    spelling: str,
    change: Callable[[str], str],
    make_map: MakeMap,
    command: MakeJob,
) -> None:
    """Fixed words and the three names of the workspace are compared without regard to case."""
    job_map = make_map(**TABLES)
    value = change(spelt(spelling, job_map.from_, "computes/")) + "gpu"
    result = rewrite(command(computeId=value), job_map)
    expected = spelt(spelling, job_map.to, "computes/gpu-south")
    assert result.body["properties"]["computeId"].casefold() == expected.casefold()
    assert result.unmapped == ()


@pytest.mark.parametrize(
    ("part", "other"),
    [("subscription", "cccc"), ("resource_group", "rg-nort"), ("workspace", "ml-north-2"), ("workspace", "ml")],
)
def test_a_third_workspace_stays_and_is_kept(
    part: str, other: str, make_map: MakeMap, command: MakeJob, old: Workspace
) -> None:
    """All three names must agree; a longer or shorter name is another workspace."""
    third = Workspace(**{**{n: getattr(old, n) for n in ("subscription", "resource_group", "workspace")}, part: other})
    body = command(inputs={"d": {"uri": spelt("long URI", third, "datastores/d/paths/x")}})
    result = rewrite(body, make_map(same_names=True))
    assert result.body == body
    assert [stayed.path for stayed in result.kept] == ["/properties/inputs/d/uri"]


def test_what_lies_in_the_new_workspace_already_stays_and_is_needed_there(
    make_map: MakeMap, command: MakeJob, new: Workspace
) -> None:
    """A table is for names of the old workspace: it does not touch these."""
    body = command(computeId=f"{new.id}/computes/gpu", codeId=f"{new.id}/codes/c/versions/1")
    result = rewrite(body, make_map(**TABLES))
    assert (result.body, result.unmapped, len(result.needs)) == (body, (), 1)
    assert [kept.path for kept in result.kept] == ["/properties/computeId", "/properties/codeId"]


@pytest.mark.parametrize("provider", ["Microsoft.OperationalInsights", "Microsoft.Synapse", "Microsoft.Databricks"])
def test_a_workspace_of_another_service_is_another_resource(
    provider: str, make_map: MakeMap, command: MakeJob, old: Workspace
) -> None:
    """Even if it has the same name in the same group."""
    body = command(environmentVariables={"X": old.id.replace("Microsoft.MachineLearningServices", provider)})
    result = rewrite(body, make_map(same_names=True))
    assert (result.body, result.unmapped, len(result.kept)) == (body, (), 1)


@pytest.mark.parametrize(
    "value",
    [
        "azureml://jobs/calm_sea/outputs/model/paths/",
        "azureml://jobs/calm_sea/outputs/artifacts/paths/model",
        "runs:/calm_sea/model",
        "AzureML://Jobs/calm_sea/outputs/model",
        "azureml://locations/northregion/workspaces/0f0e0d/models/net/versions/3",
        "azureml://artifacts/ExperimentRun/dcid.calm_sea/model",
    ],
)
def test_what_only_the_old_side_has_is_unmapped(value: str, make_map: MakeMap, command: MakeJob) -> None:
    """Outputs of runs, and spellings that no map can place, stop the job even where all names are the same."""
    body = command(inputs={"d": {"jobInputType": "uri_folder", "uri": value}})
    result = rewrite(body, make_map(same_names=True))
    assert [(missed.path, missed.value) for missed in result.unmapped] == [("/properties/inputs/d/uri", value)]
    assert result.body == body


@pytest.mark.parametrize("tail", ["jobs/calm_sea", "jobs/calm_sea/outputs/x", "experiments/e/runs/r", "gadgets/x"])
def test_runs_and_unknown_kinds_in_the_old_workspace_are_unmapped(
    tail: str, make_map: MakeMap, command: MakeJob, old: Workspace
) -> None:
    """A kind of thing that the tables do not know is never passed through."""
    result = rewrite(command(codeId=spelt("ARM id", old, tail)), make_map(same_names=True))
    assert [missed.path for missed in result.unmapped] == ["/properties/codeId"]


@pytest.mark.parametrize(
    "value",
    [
        "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
        "azureml://registries/azureml-meta/models/Llama/versions/2",
        "${{parent.inputs.data}}",
        "${{parent.jobs.prep.outputs.rows}}",
        "azureml://datastores/${{default_datastore}}/paths/${{name}}/lake",
        "azureml://jobs/${{name}}/outputs/x",
        "azureml:rows:3",
        "./local/folder",
        "https://example.org/rows.csv",
        "models:/net/3",
        "gpu",
        "lake",
        "",
    ],
)
def test_what_belongs_to_no_workspace_keeps_every_letter(value: str, make_map: MakeMap, command: MakeJob) -> None:
    """Registries, bindings, literals, short asset names and public data are left alone, without a report."""
    body = command(inputs={"d": {"jobInputType": "uri_folder", "uri": value}})
    result = rewrite(body, make_map(**TABLES))
    assert (result.body, result.rewritten, result.kept, result.unmapped) == (body, (), (), ())


def test_several_references_in_one_command_are_all_rewritten(
    make_map: MakeMap, command: MakeJob, old: Workspace, new: Workspace
) -> None:
    """References inside a text are found between quotes, commas and brackets."""
    text = "a '{0}' \"{1}\", ({2}); x={0}. azureml://datastores/lake/paths/y"

    def filled(workspace: Workspace, suffix: str, store: str) -> str:
        parts = [
            spelt("ARM id", workspace, f"computes/gpu{suffix}"),
            spelt("long URI", workspace, f"datastores/{store}/p"),
        ]
        return text.format(*parts, spelt("ARM id", workspace, "")[:-1]).replace(
            "datastores/lake/", f"datastores/{store}/"
        )

    result = rewrite(command(command=filled(old, "", "lake")), make_map(**TABLES))
    assert result.body["properties"]["command"] == filled(new, "-south", "lake_south")


def test_a_text_with_one_unknown_reference_stays_whole(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """A value is rewritten whole or not at all."""
    value = f"{spelt('ARM id', old, 'computes/gpu')} {spelt('ARM id', old, 'computes/unknown')}"
    result = rewrite(command(command=value), make_map(**TABLES))
    assert result.body["properties"]["command"] == value
    assert [missed.path for missed in result.unmapped] == ["/properties/command"]


def test_a_pointer_escapes_slashes_and_tildes(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """Paths in the report are JSON pointers."""
    body = command(environmentVariables={"a/b~c": spelt("ARM id", old, "computes/gpu")})
    result = rewrite(body, make_map(**TABLES))
    assert [change.path for change in result.rewritten] == ["/properties/environmentVariables/a~1b~0c"]


def test_the_body_that_was_given_stays_as_it_is(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """Rewriting makes a new body."""
    body = command(computeId=spelt("ARM id", old, "computes/gpu"), tags={"a": ["b"]})
    before = str(body)
    rewrite(body, make_map(**TABLES))
    assert str(body) == before


def test_needs_name_each_asset_once_by_the_id_it_has_there(
    make_map: MakeMap, command: MakeJob, old: Workspace, new: Workspace
) -> None:
    """However it was spelt, a need is an ARM id in the new workspace."""
    body = command(
        environmentId=spelt("azureml: before an ARM id", old, "environments/train/versions/3"),
        codeId=spelt("ARM id", old, "codes/c/versions/1"),
        inputs={
            "a": {"uri": spelt("long URI", old, "data/rows/versions/2")},
            "b": {"uri": spelt("ARM id", old, "data/rows/versions/2")},
            "m": {"uri": spelt("ARM id", old, "models/net/labels/best")},
        },
    )
    needs = rewrite(body, make_map(**TABLES)).needs
    assert {(need.kind, need.id.removeprefix(new.id)) for need in needs} == {
        ("environment", "/environments/train-south/versions/3"),
        ("code", "/codes/c/versions/1"),
        ("data", "/data/rows/versions/2"),
        ("model", "/models/net/labels/best"),
    }
    assert len(needs) == 4


def test_a_need_is_one_need_however_it_was_cased(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """And it is spelt as Azure spells it."""
    inputs = {"a": {"uri": f"{old.id}/Models/net/Versions/1"}, "b": {"uri": f"{old.id}/models/NET/versions/1"}}
    job_map = make_map()
    needs = rewrite(command(inputs=inputs), job_map).needs
    assert [(need.kind, need.id) for need in needs] == [("model", f"{job_map.to.id}/models/net/versions/1")]


def test_a_map_may_spell_the_workspace_in_any_case(command: MakeJob, old: Workspace) -> None:
    """Portals shout; a note about the bare name appears all the same."""
    shouted = {name: getattr(old, name).upper() for name in old.__struct_fields__}
    job_map = map_from({"from": shouted, "to": {**shouted, "workspace": "ML-SOUTH"}, "same_names": True}, "m")
    result = rewrite(command(computeId=f"{old.id}/computes/gpu", description="in ml-north"), job_map)
    assert result.body["properties"]["computeId"] == f"{job_map.to.id}/computes/gpu"
    assert any("ml-north" in note for note in result.notes)


def test_a_datastore_uri_without_a_name_stays(make_map: MakeMap, command: MakeJob) -> None:
    """There is nothing to map."""
    body = command(inputs={"d": {"uri": "azureml://datastores"}})
    assert rewrite(body, make_map()).body == body
