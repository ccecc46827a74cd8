"""Which data a body reads, however its place is spelt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import Workspace
from orchestrator.core.jobs.rewrite.data_uses import data_uses, input_uses

type MakeJob = Callable[..., dict[str, Any]]


def long(old: Workspace, rest: str) -> str:
    return f"azureml://subscriptions/{old.subscription}/resourcegroups/{old.resource_group}/workspaces/{old.workspace}{rest}"


@pytest.mark.parametrize(
    ("spelt", "expected"),
    [
        ("azureml://datastores/lake/paths/a/b.csv", ("lake", "", "a/b.csv", True)),
        ("AZUREML://Datastores/lake/paths/a/", ("lake", "", "a/", True)),
        ("{long}/datastores/lake/paths/a/", ("lake", "", "a/", False)),
        ("azureml:{id}/datastores/lake/paths/a", ("lake", "", "a", False)),
        ("https://stx.blob.core.windows.net/c/a/b?sv=1&sig=x", ("", "stx.blob.core.windows.net", "c/a/b", False)),
        ("abfss://fs@stx.dfs.core.windows.net/a/b", ("", "stx.dfs.core.windows.net", "fs/a/b", False)),
        ("wasbs://c@stx.blob.core.windows.net/a", ("", "stx.blob.core.windows.net", "c/a", False)),
    ],
)
def test_every_spelling_of_a_place_is_found(
    spelt: str, expected: tuple[str, str, str, bool], command: MakeJob, old: Workspace
) -> None:
    """With the datastore or the account, the path, and whether the workspace is left out."""
    text = spelt.format(id=old.id, long=long(old, ""))
    body = command(inputs={"d": {"jobInputType": "uri_folder", "uri": text}})
    assert [use[2:] for use in data_uses(body, old)] == [expected]
    assert [use.pointer for use in data_uses(body, old)] == ["/properties/inputs/d/uri"]


@pytest.mark.parametrize(
    "fields",
    [
        {"outputs": {"o": {"uri": "azureml://datastores/lake/paths/out/"}}},
        {"tags": {"from": "azureml://datastores/lake/paths/a"}},
        {"codeId": "https://stx.blob.core.windows.net/c/code"},
        {"inputs": {"d": {"uri": "azureml://registries/r/data/d/versions/1"}}},
        {"inputs": {"d": {"uri": "azureml://datastores/${{default_datastore}}/paths/x"}}},
        {"inputs": {"d": {"uri": "https://example.org/data.csv"}}},
    ],
)
def test_what_is_written_told_or_public_is_no_data_to_copy(
    fields: dict[str, Any], command: MakeJob, old: Workspace
) -> None:
    """Outputs are made anew, tags are text, code is replicated, registries and the web answer everywhere."""
    assert list(data_uses(command(**fields), old)) == []


PATH = "raw v2/a, b;(c)'d/ünï & more.csv"


@pytest.mark.parametrize("place", ["uri", "path", "value", "default"])
@pytest.mark.parametrize(
    ("spelt", "expected"),
    [
        ("azureml://datastores/lake/paths/{path}", ("lake", "", PATH)),
        ("{long}/datastores/lake/paths/{path}", ("lake", "", PATH)),
        ("azureml:{id}/datastores/lake/paths/{path}", ("lake", "", PATH)),
        ("abfss://fs@stx.dfs.core.windows.net/{path}", ("", "stx.dfs.core.windows.net", f"fs/{PATH}")),
        ("wasbs://fs@stx.blob.core.windows.net/{path}", ("", "stx.blob.core.windows.net", f"fs/{PATH}")),
        ("https://stx.blob.core.windows.net/c/{path}", ("", "stx.blob.core.windows.net", f"c/{PATH}")),
        (
            "https://stx.blob.core.windows.net/c/raw%20v2/%C3%BC%2C?sig=a%20b",
            ("", "stx.blob.core.windows.net", "c/raw v2/ü,"),
        ),
        ("https://stx.blob.core.windows.net/c/a b?sv=1 2", ("", "stx.blob.core.windows.net", "c/a b")),
    ],
)
def test_blanks_and_commas_belong_to_the_path(
    place: str, spelt: str, expected: tuple[str, str, str], command: MakeJob, old: Workspace
) -> None:
    """Where the value is one URI, all of it is looked up, not its first word; encoding is undone for the account."""
    text = spelt.format(id=old.id, long=long(old, ""), path=PATH)
    uses = list(data_uses(command(inputs={"d": {"jobInputType": "uri_folder", place: text}}), old))
    assert [(use.datastore, use.account, use.path) for use in uses] == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("azureml://datastores/lake/paths/a --out x", ["a"]),
        ("azureml://datastores/lake/paths/a azureml://datastores/lake/paths/b", ["a", "b"]),
        ("read azureml://datastores/lake/paths/a b", ["a"]),
        ("azureml://datastores/lake/paths/a && ls", ["a"]),
    ],
)
def test_a_text_goes_on_after_a_uri(text: str, expected: list[str], command: MakeJob, old: Workspace) -> None:
    """An option, another URI or words around it do not belong to the path."""
    uses = data_uses(command(inputs={"d": {"jobInputType": "literal", "value": text}}), old)
    assert [use.path for use in uses] == expected


def test_the_first_word_behind_a_uri_in_a_command_is_no_path(command: MakeJob, old: Workspace) -> None:
    """In a command blanks part words."""
    (use,) = data_uses(command(command="azureml://datastores/lake/paths/a b"), old)
    assert use.path == "a"


def test_data_deep_in_pipelines_and_automl_is_found(pipeline: MakeJob, old: Workspace) -> None:
    """In a step, a component inside a step, and the training data of a task; an input may be called ``code``."""
    uri = "azureml://datastores/lake/paths/{}"
    steps = {
        "a": {"inputs": {"code": {"uri": uri.format("a")}}},
        "b": {"component": {"inputs": {"x": {"default": uri.format("b")}}}},
        "c": {"taskDetails": {"trainingData": {"uri": uri.format("c")}}},
        "outputs": {"inputs": {"x": {"uri": uri.format("d")}}},
    }
    assert [use.path for use in data_uses(pipeline(steps), old)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "python x.py --to azureml://datastores/lake/paths/a"},
        {"environmentVariables": {"PATH_OF_ROWS": "azureml://datastores/lake/paths/a"}},
        {"environmentVariables": {"uri": "azureml://datastores/lake/paths/a"}},
        {"inputs": {"d": {"jobInputType": "literal", "value": "azureml://datastores/lake/paths/a"}}},
        {"inputs": {"d": {"uri": "azureml://datastores/lake/paths/${{name}}/a"}}},
        {
            "inputs": {"d": {"uri": "azureml://datastores/lake/paths/a/b/"}},
            "outputs": {"o": {"uri": "azureml://datastores/Lake/paths/a"}},
        },
        {
            "inputs": {"d": {"uri": "azureml://datastores/lake/paths/a/"}},
            "outputs": {"o": {"uri": "azureml://datastores/lake/paths/a/${{name}}/b"}},
        },
        {
            "inputs": {"d": {"uri": "azureml://datastores/lake/paths/a"}},
            "jobs": {"first": {"outputs": {"o": {"uri": "azureml://datastores/lake/paths/a"}}}},
        },
    ],
)
def test_what_may_be_written_to_need_not_be_there(fields: dict[str, Any], command: MakeJob, old: Workspace) -> None:
    """Texts, paths that are filled in later, and whatever the job or one of its steps writes itself."""
    assert list(input_uses(command(**fields), old)) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a/b.csv", "a/b.csv"), ("a/*/b.csv", "a"), ("a/part-*.csv", "a"), ("*.csv", ""), ("ab/", "ab/")],
)
def test_an_input_has_to_be_there(path: str, expected: str, command: MakeJob, old: Workspace) -> None:
    """Of a pattern the folder; an output beside it, whose name begins like it, is another place."""
    uri = "azureml://datastores/lake/paths/"
    body = command(inputs={"d": {"uri": uri + path}}, outputs={"o": {"uri": f"{uri}a/b.csv.out"}} if path else {})
    if expected in {"", "a"}:
        body["properties"]["outputs"] = {}
    assert [use.path for use in input_uses(body, old)] == [expected]


def test_a_data_asset_needs_its_place(old: Workspace) -> None:
    """Its URI has a field of its own."""
    body = {"properties": {"dataType": "uri_folder", "dataUri": "azureml://datastores/lake/paths/a"}}
    assert [use.path for use in input_uses(body, old)] == ["a"]
