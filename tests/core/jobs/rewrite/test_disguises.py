"""The old workspace in disguise: every type of job, every place, every way to hide its name."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any
from urllib.parse import quote, unquote

import pytest

from orchestrator.core.jobs.rewrite import JobMap, Workspace, map_from, rewrite
from orchestrator.core.jobs.rewrite.json_pointer import put_at, value_at

OLD = Workspace(subscription="aaaa1111-0000-4000-8000-000000000001", resource_group="rg-north", workspace="ml-north")
NEW = Workspace(subscription="bbbb2222-0000-4000-8000-000000000002", resource_group="rg-south", workspace="ml-south")
MAP = JobMap(from_=OLD, to=NEW, same_names=True)
BACK = JobMap(from_=NEW, to=OLD, same_names=True)
LONG = f"azureml://subscriptions/{OLD.subscription}/resourcegroups/{OLD.resource_group}/workspaces/{OLD.workspace}"
WORKSPACE = re.compile(r"workspaces[/\\]+ml-north(?![\w-])", re.IGNORECASE)

CLEAR = {
    "id": "{id}{rest}",
    "prefixed": "azureml:{id}{rest}",
    "two slashes": "azureml:/{id}{rest}",
    "three slashes": "azureml://{id}{rest}",
    "long": "{long}{rest}",
    "upper": "{ID}{rest}",
    "lower": "{lower}{rest}",
    "trailing": "{id}{rest}/",
    "in quotes": '"{id}{rest}"',
    "in a sentence": "take {id}{rest}, please",
    "twice": "{id}{rest},{long}{rest}",
}
"""Spellings that are rewritten: nothing may be left to report."""

HIDDEN = {
    "encoded": lambda spelt: quote(spelt, safe=""),
    "encoded twice": lambda spelt: quote(quote(spelt, safe=""), safe=""),
    "one letter encoded": lambda spelt: spelt.replace("ml-north", "ml%2Dnorth"),
    "doubled slashes": lambda spelt: spelt.replace("/", "//"),
    "backslashes": lambda spelt: spelt.replace("/", "\\"),
    "JSON": lambda spelt: json.dumps({"id": spelt}),
}
"""Spellings of the id that nobody should use: rewritten or reported, never passed on."""

STEP = {"type": "command", "componentId": "c", "computeId": "c", "inputs": {"d": {"uri": "c"}}, "outputs": {}}
BODIES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "Command": (
        {"command": "x", "inputs": {"d": {"uri": "c", "jobInputType": "uri_folder"}}, "outputs": {"o": {"uri": "c"}}},
        ("/inputs/d/uri", "/outputs/o/uri", "/command"),
    ),
    "Sweep": ({"trial": {"codeId": "c", "environmentId": "c"}}, ("/trial/codeId", "/trial/environmentId")),
    "Pipeline": (
        {
            "jobs": {
                "a": STEP,
                "p": {"type": "parallel", "task": {"code": "c", "environment": "c"}},
                "n": {"component": {"jobs": {"deep": STEP}}},
                "x": {"type": "automl", "training_data": {"uri": "c"}},
            },
            "settings": {"default_compute": "c", "default_datastore": "c"},
        },
        (
            "/jobs/a/componentId",
            "/jobs/a/computeId",
            "/jobs/a/inputs/d/uri",
            "/jobs/p/task/code",
            "/jobs/n/component/jobs/deep/componentId",
            "/jobs/x/training_data/uri",
            "/settings/default_compute",
            "/settings/default_datastore",
        ),
    ),
    "AutoML": ({"taskDetails": {"trainingData": {"uri": "c"}}, "computeId": "c"}, ("/taskDetails/trainingData/uri",)),
    "Spark": ({"codeId": "c", "conf": {"k": "c"}, "jars": ["c"], "args": "c"}, ("/codeId", "/conf/k", "/jars/0")),
    "FineTuning": (
        {"fineTuningDetails": {"model": {"uri": "c"}, "trainingData": {"uri": "c"}}},
        ("/fineTuningDetails/model/uri", "/fineTuningDetails/trainingData/uri"),
    ),
}
REST = {
    "computeId": "/computes/gpu",
    "default_compute": "/computes/gpu",
    "default_datastore": "/datastores/lake",
    "codeId": "/codes/c/versions/1",
    "code": "/codes/c/versions/1",
    "environmentId": "/environments/e/versions/2",
    "environment": "/environments/e/versions/2",
    "componentId": "/components/p/versions/3",
}

PLACES = [
    pytest.param(kind, f"/properties{pointer}", id=f"{kind}{pointer}")
    for kind, (_, pointers) in BODIES.items()
    for pointer in pointers
]


def body_with(kind: str, pointer: str, text: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps({"properties": {"jobType": kind, **BODIES[kind][0]}}))
    for other in ("/properties" + each for each in BODIES[kind][1]):
        put_at(made, other, "${{parent.inputs.x}}")
    put_at(made, pointer, text)
    return made


def spelt(template: str, pointer: str) -> str:
    rest = REST.get(pointer.rpartition("/")[2], "/data/rows/versions/4")
    given = {"id": OLD.id, "ID": OLD.id.upper(), "lower": OLD.id.lower(), "long": LONG, "rest": rest}
    return template.format(**given)


def is_named(text: str) -> bool:
    return any(WORKSPACE.search(seen) for seen in itertools.accumulate([text] * 3, lambda seen, _: unquote(seen)))


@pytest.mark.parametrize(("kind", "pointer"), PLACES)
def test_a_clear_spelling_is_rewritten_wherever_it_stands(kind: str, pointer: str) -> None:
    """Nothing unmapped, nothing left, twice is once, and there and back is the identity but for casing."""
    for name, template in CLEAR.items():
        body = body_with(kind, pointer, spelt(template, pointer))
        result = rewrite(body, MAP)
        new = value_at(result.body, pointer)
        assert (name, result.unmapped, is_named(new)) == (name, (), False)
        assert rewrite(result.body, MAP).body == result.body
        back = value_at(rewrite(result.body, BACK).body, pointer)
        assert back.casefold() == value_at(body, pointer).casefold()


@pytest.mark.parametrize(("kind", "pointer"), PLACES)
def test_a_hidden_spelling_is_rewritten_or_reported(kind: str, pointer: str) -> None:
    """The closing scan sees through encodings and slashes; what it finds stays as it was, and is unmapped."""
    for name, hide in HIDDEN.items():
        body = body_with(kind, pointer, hide(spelt("{id}{rest}", pointer)))
        result = rewrite(body, MAP)
        reported = {left.path for left in result.unmapped}
        assert (name, is_named(value_at(result.body, pointer))) == (name, pointer in reported)


@pytest.mark.parametrize("same_names", [True, False])
def test_a_workspace_whose_name_only_begins_so_is_another(same_names: bool) -> None:
    """``ml-north-2`` is not ``ml-north``."""
    sides = {"from": {name: getattr(OLD, name) for name in OLD.__struct_fields__}}
    sides |= {"to": {name: getattr(NEW, name) for name in NEW.__struct_fields__}}
    text = f"{OLD.id}-2/data/rows/versions/1"
    body = body_with("Command", "/properties/inputs/d/uri", text)
    result = rewrite(body, map_from({**sides, "same_names": same_names}, "map"))
    assert value_at(result.body, "/properties/inputs/d/uri") == text
