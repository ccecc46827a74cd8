"""Endpoints, deployments, schedules and templates of the simulated Azure: what it takes, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from local_azure_client import Client, eventually

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site

CRON = {"triggerType": "Cron", "expression": "0 3 * * *"}
ACTION = {"actionType": "CreateJob", "jobDefinition": {"jobType": "Command"}}


def endpoint_of(site: Site, **changes: Any) -> dict[str, Any]:
    properties = {"authMode": "AADToken", "traffic": {"blue": 100}, **changes}
    return {"location": site.region, "identity": {"type": "SystemAssigned"}, "properties": properties}


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"sku": {}},
        {"sku": {"capacity": 0}},
        {"sku": {"capacity": "2"}},
        {"sku": {"capacity": True}},
        {"sku": {"capacity": 2}, "properties": {}},
    ],
)
def test_a_patch_of_a_deployment_takes_a_number_of_instances_alone(client: Client, primary: Site, body: Any) -> None:
    """Nothing changes."""
    place = f"{primary.project_id}/onlineEndpoints/score/deployments/blue"
    before = client.arm("GET", place).json()
    assert client.arm("PATCH", place, body).status_code == 400
    assert client.arm("GET", place).json() == before


def test_what_is_being_changed_is_not_changed_again(client: Client, azure: LocalAzure, primary: Site) -> None:
    """409, and 404 for what is not there."""
    place = f"{primary.project_id}/onlineEndpoints/score/deployments/blue"
    taken = client.arm("PATCH", place, {"sku": {"capacity": 3}})
    assert (taken.status_code, taken.json()["properties"]["provisioningState"]) == (200, "Updating")
    eventually(lambda: client.arm("GET", place).json()["properties"]["provisioningState"] == "Succeeded")
    found = azure.call(lambda: azure.resources.get(place))
    assert found is not None
    azure.call(lambda: found["properties"].update(provisioningState="Updating"))
    assert client.arm("PATCH", place, {"sku": {"capacity": 2}}).status_code == 409
    assert client.arm("PATCH", f"{place}-absent", {"sku": {"capacity": 2}}).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"authMode": None},
        {"scoringUri": "https://x"},
        {"provisioningState": "Succeeded"},
        {"traffic": {"blue": 50}},
        {"traffic": {"blue": 150, "red": -50}},
        {"traffic": {"red": 100}},
        {"traffic": ["blue"]},
    ],
)
def test_an_endpoint_is_put_without_what_is_read_only_and_with_traffic_that_adds_up(
    client: Client, primary: Site, changes: dict[str, Any]
) -> None:
    """The refusal names the field."""
    answer = client.arm("PUT", f"{primary.project_id}/onlineEndpoints/score", endpoint_of(primary, **changes))
    assert answer.status_code == 400
    assert f"properties.{next(iter(changes))}" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"trigger": CRON}, "properties.action"),
        ({"action": ACTION}, "properties.trigger"),
        ({"action": {"actionType": "CreateJob"}, "trigger": CRON}, "properties.action"),
        ({"action": ACTION, "trigger": CRON, "isEnabled": "no"}, "properties.isEnabled"),
        ({"action": ACTION, "trigger": CRON, "provisioningState": "Succeeded"}, "properties.provisioningState"),
    ],
)
def test_a_schedule_is_put_as_a_whole(client: Client, primary: Site, properties: Any, field: str) -> None:
    """The refusal names the field, and the schedule stays on."""
    place = f"{primary.project_id}/schedules/nightly"
    answer = client.arm("PUT", place, {"properties": properties})
    assert answer.status_code == 400
    assert field in answer.json()["error"]["message"]
    assert client.arm("GET", place).json()["properties"]["isEnabled"] is True


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"mode": "Complete"}, "InvalidRequestContent"),
        ({"mode": "Incremental", "template": {}}, "InvalidTemplate"),
        ({"parameters": {"odd": {"value": 1}}}, "InvalidTemplate"),
        ({"parameters": {"name": 1}}, "InvalidTemplate"),
        ({"parameters": {"name": {"value": "one/segment-too-many"}}}, "InvalidTemplate"),
    ],
)
def test_a_template_that_cannot_be_deployed_is_refused(
    client: Client, primary: Site, properties: dict[str, Any], code: str
) -> None:
    """And no deployment is there."""
    resource = {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "x", "name": "[parameters('name')]"}
    template = {"$schema": "s", "contentVersion": "1", "parameters": {"name": {}}, "resources": [resource]}
    place = f"{primary.group_id}/providers/Microsoft.Resources/deployments/one"
    body = {"properties": {"mode": "Incremental", "template": template, **properties}}
    answer = client.arm("PUT", place, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert client.arm("GET", place).status_code == 404
    assert client.arm("PUT", place.replace("/one", f"/{'n' * 65}"), body).json()["error"]["code"].startswith("Invalid")
