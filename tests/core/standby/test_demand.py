"""What jobs need of a standby, from their bodies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.standby.demand import MOST_NODES, nodes_of, registries_of

HUB = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


def job(**properties: Any) -> dict[str, Any]:
    return {"properties": {"jobType": "Command", "computeId": f"{HUB}/computes/gpu"} | properties}


@pytest.mark.parametrize(
    ("body", "nodes"),
    [
        (job(), {"gpu": 1}),
        (job(resources={"instanceCount": 4}), {"gpu": 4}),
        (job(resources={"instance_count": "3"}), {"gpu": 3}),
        (job(computeId="azureml:cpu"), {"cpu": 1}),
        (job(computeId=f"{HUB}/computes/serverless"), {}),
        (job(computeId=None), {}),
        (job(computeId="${{parent.inputs.where}}"), {}),
        (job(resources={"instanceCount": -5}), {"gpu": 1}),
        (job(resources={"instanceCount": 10**30}), {"gpu": 1}),
        (job(resources={"instanceCount": MOST_NODES}, limits={"maxConcurrentTrials": 9}), {"gpu": MOST_NODES}),
        (job(trial={"resources": {"instanceCount": 2}}, limits={"maxConcurrentTrials": 5}), {"gpu": 10}),
        (
            job(
                computeId=None,
                settings={"default_compute": f"{HUB}/computes/cpu"},
                jobs={
                    "a": {"resources": {"instanceCount": 2}},
                    "b": {"resources": {"instanceCount": 7}, "computeId": f"{HUB}/computes/gpu"},
                    "c": {"resources": {"instanceCount": 5}},
                    "d": "no step",
                },
            ),
            {"cpu": 5, "gpu": 7},
        ),
        ({}, {}),
        ({"properties": 5}, {}),
    ],
)
def test_nodes_of_one_job(body: dict[str, Any], nodes: dict[str, int]) -> None:
    """Instances, trials at once, and of a pipeline the largest step on each cluster."""
    assert nodes_of([body]) == nodes


def test_jobs_add_up() -> None:
    """All of them would have to run at once."""
    assert nodes_of([job(), job(resources={"instanceCount": 2}), job(computeId="cpu")]) == {"gpu": 3, "cpu": 1}


def test_registries_are_found_wherever_a_body_names_them() -> None:
    """In lower case, each once."""
    body = b'{"environmentId": "azureml://registries/Contoso/environments/e/versions/1", "x": "azureml://registries/azureml/"}'
    assert registries_of([body, body]) == {"contoso", "azureml"}


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.dictionaries(
            st.sampled_from(
                ["properties", "jobs", "settings", "computeId", "resources", "limits", "instanceCount", "a"]
            ),
            inner,
        ),
    )
)
def test_no_body_is_too_strange(body: Any) -> None:
    """Bodies are what somebody sent once."""
    nodes_of([{"properties": body}])
