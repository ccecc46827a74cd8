"""Properties of every rewriting, over bodies with references in random places, spellings and casings."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs.rewrite import JobMap, Workspace, closure, leaks, map_from, rewrite, without_read_only

OLD = Workspace(subscription="aaaa1111-0000-4000-8000-000000000001", resource_group="rg-(north)", workspace="ml-north")
NEW = Workspace(subscription="bbbb2222-0000-4000-8000-000000000002", resource_group="rg-south", workspace="ml-south")
NAMES = ("gpu", "cpu-1", "lake", "Train_env", "x.y")
TABLE = {name: f"{name}-south" for name in NAMES}
SIDES = {
    "from": {**{n: getattr(OLD, n) for n in OLD.__struct_fields__}},
    "to": {n: getattr(NEW, n) for n in NEW.__struct_fields__},
}
MAP = map_from(
    {
        **SIDES,
        "computes": TABLE,
        "datastores": TABLE,
        "environments": TABLE,
        "endpoints": {**TABLE, "north.api.azureml.ms": "south.api.azureml.ms"},
        "storage_accounts": {"stnorth": "stsouth"},
        "registries": {"crnorth": "crsouth", "contoso": "contososouth"},
        "identities": {"11111111-aaaa-4aaa-8aaa-111111111111": "22222222-bbbb-4bbb-8bbb-222222222222"},
    },
    "map",
)
BACK = map_from(
    {
        "from": SIDES["to"],
        "to": SIDES["from"],
        **{
            name: {new: old for old, new in getattr(MAP, name).items()}
            for name in (
                "computes",
                "datastores",
                "environments",
                "endpoints",
                "storage_accounts",
                "registries",
                "identities",
            )
        },
    },
    "map",
)
WORKSPACE = re.compile(
    rf"subscriptions/{re.escape(OLD.subscription)}/resourcegroups/{re.escape(OLD.resource_group)}/"
    rf"(?:providers/[^/]*/)?workspaces/{OLD.workspace}(?![\w-])",
    re.IGNORECASE,
)

names = st.sampled_from(NAMES)
prefixes = st.sampled_from(
    [
        "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}/",
        "azureml:/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}/",
        "azureml://subscriptions/{s}/resourcegroups/{g}/workspaces/{w}/",
        "azureml://subscriptions/{s}/resourcegroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}/",
    ]
).map(lambda text: text.format(s=OLD.subscription, g=OLD.resource_group, w=OLD.workspace))
tails = st.one_of(
    names.map("computes/{}".format),
    names.map("datastores/{}".format),
    st.tuples(names, st.text(max_size=12)).map(lambda drawn: f"datastores/{drawn[0]}/paths/{drawn[1]}"),
    st.tuples(names, st.integers(0, 99)).map(lambda drawn: f"environments/{drawn[0]}/versions/{drawn[1]}"),
    st.tuples(names, names).map(lambda drawn: f"onlineEndpoints/{drawn[0]}/deployments/{drawn[1]}"),
    st.sampled_from(["codes", "components", "data", "models"]).map("{}/thing/versions/1.2".format),
    st.just("data/rows/labels/latest"),
    st.just("connections/search"),
    st.just("computes/serverless"),
)
long_references = st.tuples(prefixes, tails).map("".join)
other_references = st.one_of(
    names.map("azureml://datastores/{}/paths/a b/c".format),
    st.sampled_from(
        [
            "https://stnorth.blob.core.windows.net/c/x.csv",
            "abfss://c@stnorth.dfs.core.windows.net/x",
            "crnorth.azurecr.io/base:3",
            "azureml://registries/contoso/models/net/versions/1",
            "https://north.api.azureml.ms/history",
        ]
    ),
)
inert = st.one_of(
    st.text(max_size=20).filter(lambda text: "/" not in text and "." not in text and "@" not in text),
    st.sampled_from(
        [
            "azureml://registries/azureml/environments/e/labels/latest",
            "${{parent.inputs.x}}",
            "https://example.org/a",
            "gpu",
        ]
    ),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
references = st.one_of(long_references, other_references)
values = st.one_of(references, inert)
keys = st.text(min_size=1, max_size=8).filter(lambda key: key.casefold() not in {"tracking", "studio"})
variables = st.dictionaries(keys, values, max_size=4)
inputs = st.dictionaries(
    keys.filter(lambda key: "compute" not in key.casefold()),
    st.fixed_dictionaries({"jobInputType": st.just("uri_folder"), "uri": values}),
    max_size=3,
)
compute_slots = st.one_of(
    st.tuples(prefixes, names.map("computes/{}".format)).map("".join),
    names,
    names.map("azureml:{}".format),
    st.sampled_from(["serverless", "azureml:serverless", "", "${{parent.inputs.where}}"]),
)
steps = st.fixed_dictionaries(
    {"type": st.just("command"), "computeId": compute_slots, "componentId": references},
    optional={"inputs": inputs, "environment_variables": variables, "environment": names.map("azureml:{}:3".format)},
)
nested = st.recursive(
    steps,
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("pipeline"), "jobs": st.dictionaries(keys, inner, max_size=3)}
    ),
    max_leaves=6,
)
bodies = st.fixed_dictionaries(
    {
        "properties": st.fixed_dictionaries(
            {"jobType": st.sampled_from(["Command", "Pipeline", "Sweep", "AutoML", "Spark", "FineTuning", "Later"])},
            optional={
                "computeId": compute_slots,
                "inputs": inputs,
                "environmentVariables": variables,
                "jobs": st.dictionaries(keys, nested, max_size=3),
                "trial": st.fixed_dictionaries(
                    {"codeId": references, "environmentId": names.map("azureml:{}@l".format)}
                ),
                "taskDetails": st.fixed_dictionaries({"trainingData": st.fixed_dictionaries({"uri": references})}),
                "settings": st.fixed_dictionaries({"default_compute": compute_slots, "default_datastore": names}),
                "command": st.lists(st.one_of(references, st.just("--x")), max_size=4).map(" ".join),
                "tags": st.dictionaries(keys, st.one_of(references, st.text(max_size=9)), max_size=3),
            },
        )
    }
)


def cased(body: dict[str, Any], seed: int) -> dict[str, Any]:
    """The body with the parts of every workspace's id that may be of any case in a random one."""

    def redrawn(found: re.Match[str]) -> str:
        return "".join(c.upper() if seed >> n % 32 & 1 else c.lower() for n, c in enumerate(found[0]))

    return json.loads(WORKSPACE.sub(redrawn, json.dumps(body))) if WORKSPACE.search(json.dumps(body)) else body


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def differences(before: Any, after: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        assert list(before) == list(after)
        below = [(key.replace("~", "~0").replace("/", "~1"), before[key], after[key]) for key in before]
    elif isinstance(before, list) and isinstance(after, list):
        assert len(before) == len(after)
        below = [(str(n), a, b) for n, (a, b) in enumerate(zip(before, after, strict=True))]
    else:
        return {} if before == after and type(before) is type(after) else {path: (before, after)}
    return {at: pair for key, a, b in below for at, pair in differences(a, b, f"{path}/{key}").items()}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(bodies, st.integers(0, 2**32))
def test_nothing_of_the_old_side_is_left(body: dict[str, Any], seed: int) -> None:
    """Every name is in the map: nothing is unmapped, and no string names the old workspace, account or registry."""
    result = rewrite(cased(body, seed), MAP)
    assert result.unmapped == ()
    assert list(leaks(result.body, MAP)) == []
    for text in strings(result.body):
        assert not WORKSPACE.search(text)
        assert not re.search(r"stnorth\.|crnorth\.|registries/contoso/|north\.api", text)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(bodies)
def test_there_and_back_is_the_identity(body: dict[str, Any]) -> None:
    """The map can be turned round, and so can the rewriting."""
    assert rewrite(rewrite(body, MAP).body, BACK).body == body


@settings(max_examples=100, deadline=None, derandomize=True)
@given(bodies, st.integers(0, 2**32))
def test_twice_is_once(body: dict[str, Any], seed: int) -> None:
    """What lies in the new workspace stays there."""
    once = rewrite(cased(body, seed), MAP).body
    assert rewrite(once, MAP).body == once


@settings(max_examples=150, deadline=None, derandomize=True)
@given(bodies, st.booleans())
def test_the_report_is_exactly_what_changed(body: dict[str, Any], known: bool) -> None:
    """Whole values at their pointers, as they were and as they are; an unmapped value is as it was."""
    before = copy.deepcopy(body)
    result = rewrite(body, MAP if known else _knowing_nothing())
    changed = differences(before, result.body)
    assert {change.path: (change.from_, change.to) for change in result.rewritten} == changed
    assert not changed.keys() & {missed.path for missed in result.unmapped}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(bodies)
def test_what_the_map_does_not_know_is_never_passed_through(body: dict[str, Any]) -> None:
    """With empty tables every place that names the old workspace still is reported, if it is no text for people."""
    result = rewrite(body, _knowing_nothing())
    reported = {missed.path for missed in result.unmapped} | {kept.path for kept in result.kept}
    assert {leak.path for leak in leaks(result.body, _knowing_nothing())} <= reported


@settings(max_examples=100, deadline=None, derandomize=True)
@given(bodies)
def test_everything_needed_is_in_the_closure(body: dict[str, Any]) -> None:
    """What a rewritten body names by id is what the closure names in the old workspace, moved over."""
    needs = {need.id.casefold() for need in rewrite(body, MAP).needs}
    assets = {spelt for kind, spelt in closure(body, OLD) if f"{OLD.id}/" in spelt}
    moved = {rewrite(_naming(spelt), MAP).body["properties"]["codeId"].casefold() for spelt in assets}
    assert needs <= moved


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), references),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=20,
)
field_names = st.sampled_from(
    ["inputs", "outputs", "jobs", "settings", "identity", "services", "tags", "properties", "computeId", "environment"]
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(st.one_of(field_names, st.text()), json_values, max_size=6))
def test_no_json_makes_it_stumble(fields: dict[str, Any]) -> None:
    """Whatever stands in a field: a rewriting, or one refusal."""
    body = {"properties": {**fields, "jobType": "Command"}}
    rewrite(body, MAP)
    without_read_only(body)
    try:
        rewrite({"properties": fields}, MAP)
    except InvalidInput as fault:
        assert fault.field == "properties.jobType"  # noqa: PT017


def _knowing_nothing() -> JobMap:
    return map_from(SIDES, "map")


def _naming(spelt: str) -> dict[str, Any]:
    return {"properties": {"jobType": "Command", "codeId": spelt}}
