"""What cannot be a name is unmapped, or noted where the map lets names be the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import rewrite
from orchestrator.core.jobs.rewrite.name_map import JobMap, Workspace

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]

MARKED = ["<your cluster>", "<cluster>", "<a, b (c)>"]
BROKEN = ["my cluster", "a,b", "a(b)", "{cluster}", "[cluster]", "a>b", "a|b", "a;b"]


@pytest.mark.parametrize("name", [*MARKED, *BROKEN])
@pytest.mark.parametrize("kind", ["computes", "datastores", "environments", "components", "data", "models", "codes"])
def test_an_id_with_what_is_no_name_is_unmapped(
    kind: str, name: str, make_map: MakeMap, command: MakeJob, old: Workspace
) -> None:
    """In an input and in a field of its own; nothing is needed under such a name, and the value stays."""
    versions = "/versions/2" if kind in {"environments", "components", "data", "models", "codes"} else ""
    text = f"{old.id}/{kind}/{name}{versions}"
    field = {"computes": "computeId", "datastores": "datastoreId", "environments": "environmentId"}.get(kind, "codeId")
    for fields, pointer in (
        ({field: text}, f"/properties/{field}"),
        ({"inputs": {"d": {"uri": text}}}, "/properties/inputs/d/uri"),
    ):
        result = rewrite(command(**fields), make_map())
        assert ([missed.path for missed in result.unmapped], result.needs) == ([pointer], ())
        assert result.body == command(**fields)


@pytest.mark.parametrize(
    "text",
    [
        "azureml:<your data>:1",
        "azureml:my data@latest",
        "azureml://datastores/<store>/paths/a",
        "azureml://datastores/my store/paths/a",
        "azureml://jobs/<run>/outputs/o",
        "azureml://registries/<registry>/data/d/versions/1",
        "azureml://registries/my registry/data/d/versions/1",
    ],
)
@pytest.mark.parametrize("same_names", [True, False])
def test_a_short_name_that_is_none_is_never_moved_in_silence(
    text: str, same_names: bool, make_map: MakeMap, command: MakeJob
) -> None:
    """It is unmapped. Noted are a registry's, which needs no entry, and a datastore's where names are the same."""
    result = rewrite(command(inputs={"d": {"uri": text}}), make_map(same_names=same_names))
    told = [missed.path for missed in result.unmapped] + [n for n in result.notes if "nobody has filled in" in n]
    assert len(told) == 1
    assert bool(result.unmapped) or (same_names and "/<store>/" in text) or "/<registry>/" in text


def test_with_same_names_a_placeholder_for_a_compute_is_noted(
    make_map: MakeMap, command: MakeJob, old: Workspace
) -> None:
    """The map's word counts, as for every name; an entry of the table counts first."""
    body = command(computeId=f"{old.id}/computes/<your cluster>")
    result = rewrite(body, make_map(same_names=True))
    assert (result.unmapped, ["nobody has filled in" in note for note in result.notes]) == ((), [True])
    listed = rewrite(body, make_map(computes={"<your cluster>": "gpu-south"}))
    assert listed.body["properties"]["computeId"].endswith("/ml-south/computes/gpu-south")


@pytest.mark.parametrize("text", ["{id}/models/m/versions/1 --out x", "python a.py < {id}/data/d/versions/1 > out"])
def test_a_command_goes_on_after_an_id(text: str, make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """What follows a blank there is the command's."""
    result = rewrite(command(command=text.format(id=old.id)), make_map())
    assert (result.unmapped, len(result.needs)) == ((), 1)


@pytest.mark.parametrize("rest", ["/computes", "/computes/", "/computes/ "])
def test_an_empty_name_is_none(rest: str, make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """Where one name is asked for; a command may well list the computes of a workspace."""
    result = rewrite(command(computeId=old.id + rest), make_map(same_names=True))
    assert [missed.path for missed in result.unmapped] == ["/properties/computeId"]
    listed = rewrite(command(command=f"curl https://management.azure.com{old.id}{rest}"), make_map(same_names=True))
    assert listed.unmapped == ()
