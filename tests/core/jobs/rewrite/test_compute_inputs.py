"""A compute may be named by an input; the input changes, the bindings do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import JobMap, Workspace, rewrite

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]

COMPUTES = {"gpu": "gpu-south"}


def literal(value: str) -> dict[str, str]:
    return {"jobInputType": "literal", "value": value}


def test_an_input_that_a_step_takes_its_compute_from_is_mapped(make_map: MakeMap, pipeline: MakeJob) -> None:
    """Only the literal changes, and only once."""
    steps = {name: {"computeId": "${{parent.inputs.where}}"} for name in ("a", "b")}
    result = rewrite(pipeline(steps, inputs={"where": literal("gpu")}), make_map(computes=COMPUTES))
    assert [(change.path, change.to) for change in result.rewritten] == [
        ("/properties/inputs/where/value", "gpu-south")
    ]


def test_a_chain_of_bindings_is_followed_to_the_literal(make_map: MakeMap, pipeline: MakeJob) -> None:
    """Through nested pipelines, step by step outwards."""
    inner = {"compute": "${{parent.inputs.c}}"}
    middle = {"type": "pipeline", "inputs": {"c": literal("${{ parent.inputs.b }}")}, "jobs": {"leaf": inner}}
    outer = {"type": "pipeline", "inputs": {"b": "${{parent.inputs.a}}"}, "jobs": {"middle": middle}}
    body = pipeline({"outer": outer}, inputs={"a": literal("gpu"), "z": literal("gpu")})
    changed = [change.path for change in rewrite(body, make_map(computes=COMPUTES)).rewritten]
    assert changed == ["/properties/inputs/a/value"]


def test_a_literal_halfway_is_the_one_that_changes(make_map: MakeMap, pipeline: MakeJob) -> None:
    """An input of the outer pipeline with the same name is another input."""
    step = {"type": "pipeline", "inputs": {"c": literal("gpu")}, "jobs": {"leaf": {"compute": "${{parent.inputs.c}}"}}}
    body = pipeline({"outer": step}, inputs={"c": literal("gpu")})
    changed = [change.path for change in rewrite(body, make_map(computes=COMPUTES)).rewritten]
    assert changed == ["/properties/jobs/outer/inputs/c/value"]


def test_the_default_compute_of_a_pipeline_may_be_bound_too(make_map: MakeMap, pipeline: MakeJob) -> None:
    """Settings count like a step."""
    body = pipeline({}, settings={"default_compute": "${{parent.inputs.c}}"}, inputs={"c": literal("gpu")})
    assert rewrite(body, make_map(computes=COMPUTES)).body["properties"]["inputs"]["c"]["value"] == "gpu-south"


def test_a_bound_input_that_is_not_listed_is_unmapped(make_map: MakeMap, pipeline: MakeJob) -> None:
    """Bound to a compute's place it is the name of a compute, and the map must know it."""
    body = pipeline({"a": {"computeId": "${{parent.inputs.where}}"}}, inputs={"where": literal("other")})
    missed = rewrite(body, make_map(computes=COMPUTES)).unmapped
    assert [(stayed.path, stayed.value) for stayed in missed] == [("/properties/inputs/where/value", "other")]


def test_an_inline_component_asks_for_the_inputs_of_its_step(make_map: MakeMap, pipeline: MakeJob) -> None:
    """A component given inside the step binds a compute to its own input; the step fills that input."""
    spec = {
        "type": "pipeline",
        "inputs": {"where": {"type": "string", "default": "gpu"}},
        "jobs": {"leaf": {"compute": "${{parent.inputs.where}}"}},
    }
    body = pipeline({"a": {"component": spec, "inputs": {"where": literal("gpu")}}})
    changed = {change.path for change in rewrite(body, make_map(computes=COMPUTES)).rewritten}
    assert changed == {
        "/properties/jobs/a/inputs/where/value",
        "/properties/jobs/a/component/inputs/where/default",
    }


def test_a_snapshot_shows_which_inputs_of_a_component_name_computes(
    make_map: MakeMap, pipeline: MakeJob, old: Workspace
) -> None:
    """With the component's body at hand, a literal handed to it is known to be a compute."""
    component = f"{old.id}/components/azureml_anonymous/versions/1"
    spec = {"jobs": {"leaf": {"compute": "${{parent.inputs.where}}"}}, "inputs": {"where": {"type": "string"}}}
    assets = {component: {"body": {"properties": {"componentSpec": spec}}}}
    body = pipeline({"a": {"componentId": component, "inputs": {"where": literal("${{parent.inputs.x}}")}}})
    body["properties"]["inputs"] = {"x": literal("gpu")}
    with_snapshot = rewrite(body, make_map(computes=COMPUTES), assets).body["properties"]["inputs"]["x"]["value"]
    without = rewrite(body, make_map(computes=COMPUTES)).body["properties"]["inputs"]["x"]["value"]
    assert (with_snapshot, without) == ("gpu-south", "gpu")


def test_a_component_that_contains_itself_ends(make_map: MakeMap, pipeline: MakeJob, old: Workspace) -> None:
    """A snapshot that goes in circles is read once."""
    component = f"{old.id}/components/loop/versions/1"
    spec = {"jobs": {"again": {"componentId": component, "inputs": {"where": "${{parent.inputs.where}}"}}}}
    assets = {component: {"body": {"properties": {"componentSpec": spec}}}}
    result = rewrite(pipeline({"a": {"componentId": component}}), make_map(), assets)
    assert len(result.needs) == 1


@pytest.mark.parametrize(("value", "expected"), [("gpu", "gpu-south"), ("azureml:gpu", "azureml:gpu-south")])
def test_an_input_called_compute_is_mapped_if_its_value_is_listed(
    value: str, expected: str, make_map: MakeMap, pipeline: MakeJob
) -> None:
    """Components of registries take computes in inputs called so."""
    body = pipeline({"a": {"inputs": {"compute_finetune": literal(value)}}}, inputs={"train_compute": value})
    properties = rewrite(body, make_map(computes=COMPUTES)).body["properties"]
    assert properties["jobs"]["a"]["inputs"]["compute_finetune"]["value"] == expected
    assert properties["inputs"]["train_compute"] == expected


@pytest.mark.parametrize(("value", "notes"), [("other", 1), ("True", 0), ("12", 0), ("serverless", 0)])
def test_an_input_called_compute_with_another_value_is_noted_if_it_looks_like_a_name(
    value: str, notes: int, make_map: MakeMap, pipeline: MakeJob
) -> None:
    """It may be a compute's name or not: no reason to stop."""
    body = pipeline({}, inputs={"compute_x": literal(value)})
    result = rewrite(body, make_map(computes=COMPUTES))
    assert (result.body, result.unmapped) == (body, ())
    assert sum("/properties/inputs/compute_x/value" in note for note in result.notes) == notes


STEP = {"type": "command", "componentId": "azureml://registries/r/components/a/versions/1"}


@pytest.mark.parametrize(
    "step",
    [
        {"type": "pipeline", "jobs": {"two": {"type": "pipeline", "jobs": {"x": STEP | {"computeId": "BOUND"}}}}},
        {"type": "pipeline", "settings": {"default_compute": "BOUND"}, "jobs": {"x": STEP}},
        {"type": "sweep", "trial": {"compute": "BOUND", "command": "x"}},
        {**STEP, "computeId": "azureml:/subscriptions/s/resourceGroups/g/workspaces/w/computes/BOUND"},
    ],
    ids=["levels that do not declare it", "settings of a step", "a trial", "the end of an id"],
)
def test_an_input_is_found_from_wherever_a_compute_is_bound_to_it(
    step: dict[str, Any], make_map: MakeMap, pipeline: MakeJob
) -> None:
    """What a step does not declare itself is an input of the pipeline around it."""
    bound = json.loads(json.dumps(step).replace("BOUND", "${{parent.inputs.where}}"))
    body = pipeline({"one": bound}, inputs={"where": literal("gpu")})
    assert rewrite(body, make_map(computes=COMPUTES)).body["properties"]["inputs"]["where"]["value"] == "gpu-south"


def test_an_input_of_a_group_may_name_a_compute(make_map: MakeMap, pipeline: MakeJob) -> None:
    """Its name has a dot in it."""
    body = pipeline({"a": {"computeId": "${{parent.inputs.grp.where}}"}}, inputs={"grp.where": literal("gpu")})
    changed = [change.path for change in rewrite(body, make_map(computes=COMPUTES)).rewritten]
    assert changed == ["/properties/inputs/grp.where/value"]


def test_an_input_of_a_component_is_no_input_of_the_pipeline_around_it(make_map: MakeMap, pipeline: MakeJob) -> None:
    """A step that leaves it to its default takes nothing from outside, whatever is called the same there."""
    component = {"type": "command", "compute": "${{inputs.where}}", "inputs": {"where": {"default": "gpu"}}}
    body = pipeline({"a": {"type": "command", "component": component}}, inputs={"where": literal("gpu")})
    changed = [change.path for change in rewrite(body, make_map(computes=COMPUTES)).rewritten]
    assert changed == ["/properties/jobs/a/component/inputs/where/default"]


@pytest.mark.parametrize(
    "spelt", ["azureml:${{parent.inputs.w}}", "azureml://${{ parent.inputs.w }}", "AzureML:${{parent.inputs.w}}"]
)
def test_a_binding_behind_a_prefix_is_one(make_map: MakeMap, pipeline: MakeJob, spelt: str) -> None:
    """Short names may be written with ``azureml:``, and what is bound to is one."""
    body = pipeline({"a": {"computeId": spelt}}, inputs={"w": literal("gpu")})
    assert rewrite(body, make_map(computes=COMPUTES)).body["properties"]["inputs"]["w"]["value"] == "gpu-south"


@pytest.mark.parametrize(
    ("kind", "branch"),
    [("parallel_for", "body"), ("do_while", "body"), ("if_else", "true_block"), ("if_else", "falseBlock")],
)
def test_a_step_inside_a_step_of_control_flow_is_one(
    make_map: MakeMap, pipeline: MakeJob, kind: str, branch: str
) -> None:
    """Its names are mapped or missed, and what it is bound to is followed."""
    step = {"type": "command", "computeId": "azureml:gpu"}
    bound = {"type": "command", "computeId": "${{parent.inputs.w}}"}
    body = pipeline(
        {
            "a": {"type": kind, branch: step},
            "b": {"type": kind, branch: bound},
            "c": {"type": kind, branch: "${{parent.jobs.a}}"},
        },
        inputs={"w": literal("gpu")},
    )
    result = rewrite(body, make_map(computes=COMPUTES))
    assert {change.path: change.to for change in result.rewritten} == {
        f"/properties/jobs/a/{branch}/computeId": "azureml:gpu-south",
        "/properties/inputs/w/value": "gpu-south",
    }
    missed = rewrite(
        pipeline({"a": {"type": kind, branch: {"computeId": "other"}}}), make_map(computes=COMPUTES)
    ).unmapped
    assert [stayed.path for stayed in missed] == [f"/properties/jobs/a/{branch}/computeId"]
