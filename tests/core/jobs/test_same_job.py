"""A second body under a name in use is the same job, or it is not, and then the fields are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite.name_map import Workspace
from orchestrator.core.jobs.same_job import differing

type MakeJob = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"displayName": "calm_owl", "tags": {"a": "1"}}, {"displayName": "brave_fox", "tags": {"a": "2"}}),
        ({"limits": None, "inputs": {}}, {"limits": {"jobLimitsType": "Command"}, "inputs": None}),
        ({"computeId": "azureml:{id}/computes/gpu"}, {"computeId": "{ID}/computes/gpu"}),
        ({"inputs": {"n": {"value": 3}}}, {"inputs": {"n": {"value": "3", "description": None}}}),
        ({"environmentId": "azureml:train@latest"}, {"environmentId": "azureml:train:7"}),
        ({"environmentId": "{id}/environments/e/labels/latest"}, {"environmentId": "{id}/environments/e/versions/7"}),
        (
            {"outputs": {"o": {"uri": None}}},
            {"outputs": {"o": {"uri": "azureml://datastores/d/paths/x"}, "default": {}}},
        ),
        ({"instance_count": 2}, {"instanceCount": 2, "queueSettings": {"jobTier": "Null"}}),
    ],
)
def test_what_the_service_adds_or_spells_otherwise_is_no_difference(
    sent: dict[str, Any], stored: dict[str, Any], command: MakeJob, old: Workspace
) -> None:
    """Texts for people, defaults, casing of ids, literals as texts, labels that became versions."""
    bodies = [_filled(command(**fields), old) for fields in (sent, stored)]
    assert differing(*bodies) == ()


@pytest.mark.parametrize(
    ("sent", "stored", "pointer"),
    [
        ({"command": "python a.py"}, {"command": "python b.py"}, "/properties/command"),
        ({"codeId": "{id}/codes/a/versions/1"}, {"codeId": "{id}/codes/b/versions/1"}, "/properties/codeId"),
        ({"computeId": "{id}/computes/a"}, {"computeId": "{id}/computes/b"}, "/properties/computeId"),
        ({"inputs": {"n": {"value": "3"}}}, {"inputs": {"n": {"value": "4"}}}, "/properties/inputs/n/value"),
        ({"inputs": {"n": {"value": "3"}}}, {"inputs": {}}, "/properties/inputs/n"),
        ({"inputs": {}}, {"inputs": {"n": {"value": "3"}}}, "/properties/inputs/n"),
        ({"inputs": {"tags": {"value": "3"}}}, {"inputs": {"tags": {"value": "4"}}}, "/properties/inputs/tags/value"),
        (
            {"environmentVariables": {"A": "1"}},
            {"environmentVariables": {"A": "2"}},
            "/properties/environmentVariables/A",
        ),
        ({"jobs": {"a": {"componentId": "x"}}}, {"jobs": {"b": {"componentId": "x"}}}, "/properties/jobs/a"),
        ({"environmentId": "azureml:train:6"}, {"environmentId": "azureml:train:7"}, "/properties/environmentId"),
        (
            {"resources": {"instanceCount": 2}},
            {"resources": {"instanceCount": 4}},
            "/properties/resources/instanceCount",
        ),
        (
            {"searchSpace": {"lr": ["choice", [1, 2]]}},
            {"searchSpace": {"lr": ["choice", [1]]}},
            "/properties/searchSpace/lr/1",
        ),
    ],
)
def test_another_job_is_told_by_its_fields(
    sent: dict[str, Any], stored: dict[str, Any], pointer: str, command: MakeJob, old: Workspace
) -> None:
    """The first pointer leads to what differs."""
    bodies = [_filled(command(**fields), old) for fields in (sent, stored)]
    assert differing(*bodies)[0] == pointer


def _filled(value: Any, old: Workspace) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, old) for key, item in value.items()}
    if isinstance(value, str):
        return value.replace("{id}", old.id).replace("{ID}", old.id.upper())
    return value
