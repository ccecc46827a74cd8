"""What the simulated Azure refuses of changes of what stands in front of the hubs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from local_azure_client import Client

from orchestrator.simulator.arm.front import FrontApi, seed_front
from orchestrator.simulator.arm.resources import Resources
from orchestrator.simulator.estate import SUBSCRIPTION
from orchestrator.simulator.services import AzureError

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shared/providers"
PROFILE = f"{GROUP}/Microsoft.Network/trafficManagerProfiles/tm-hubs"
ORIGIN = f"{GROUP}/Microsoft.Cdn/profiles/afd-hubs/originGroups/hubs/origins/westus3"
BACKENDS = f"{GROUP}/Microsoft.ApiManagement/service/apim-hubs/backends"
TM, CDN, APIM = ({"api-version": version} for version in ("2022-04-01", "2023-05-01", "2024-05-01"))


def test_an_endpoint_is_enabled_at_once_and_its_profile_shows_it(client: Client) -> None:
    """The profile lists its endpoints of every type."""
    body = {"properties": {"endpointStatus": "Enabled"}}
    assert client.arm("PATCH", f"{PROFILE}/externalEndpoints/westus3", body, **TM).status_code == 200
    shown = client.arm("GET", PROFILE, **TM).json()["properties"]["endpoints"]
    assert {each["name"]: each["properties"]["endpointStatus"] for each in shown} == {
        "eastus2": "Enabled",
        "westus3": "Enabled",
    }


def test_an_origin_shows_for_a_while_that_it_is_being_updated() -> None:
    """Another change meanwhile is refused. The clock is one that only this test moves."""
    resources, times = Resources(), [datetime(2026, 3, 1, tzinfo=UTC)]
    seed_front(resources, GROUP.rpartition("/")[0], ("eastus2", "westus3"))
    api = FrontApi(resources, lambda: times[-1], timedelta(seconds=2))

    def ask(method: str, body: Any = None) -> Any:
        answer = api.answer(make_mocked_request(method, f"{ORIGIN}?api-version=2023-05-01"), body)
        assert answer is not None
        return answer.status, json.loads(answer.body)["properties"]["provisioningState"]  # type: ignore[arg-type]

    body = {"properties": {"enabledState": "Enabled"}}
    assert ask("PATCH", body) == (202, "Updating")
    assert ask("GET") == (200, "Updating")
    with pytest.raises(AzureError, match="in progress"):
        ask("PATCH", body)
    times.append(times[-1] + timedelta(seconds=2))
    assert ask("GET") == (200, "Succeeded")


@pytest.mark.parametrize(
    ("path", "query", "body", "status"),
    [
        (PROFILE, TM, {"properties": {"profileStatus": "Disabled"}}, 405),
        (f"{PROFILE}/externalEndpoints/westus3", TM, {"properties": {"endpointStatus": "enabled"}}, 400),
        (f"{PROFILE}/externalEndpoints/westus3", TM, {"endpointStatus": "Enabled"}, 400),
        (f"{PROFILE}/externalEndpoints/nobody", TM, {"properties": {"endpointStatus": "Enabled"}}, 404),
        (f"{PROFILE}/externalEndpoints/westus3", CDN, {"properties": {"endpointStatus": "Enabled"}}, 400),
        (ORIGIN, CDN, {"properties": {"enabledState": "Enabled", "weight": 5}}, 400),
        (f"{BACKENDS}/hubs", APIM, {"properties": {"pool": {"services": []}}}, 400),
    ],
)
def test_what_cannot_be_meant_is_refused(
    client: Client, path: str, query: dict[str, str], body: dict[str, Any], status: int
) -> None:
    """Nothing changes."""
    assert client.arm("PATCH", path, body, **query).status_code == status


@pytest.mark.parametrize(
    ("service", "status"),
    [
        ({"id": f"{BACKENDS}/westus3", "priority": 100, "weight": 0}, 200),
        ({"id": f"{BACKENDS}/westus3", "priority": 101}, 400),
        ({"id": f"{BACKENDS}/westus3", "weight": -1}, 400),
        ({"id": f"{BACKENDS}/nobody", "priority": 1}, 400),
        ({"id": f"{BACKENDS}/hubs", "priority": 1}, 400),
        ("westus3", 400),
    ],
)
def test_services_of_a_pool_have_bounds(client: Client, service: Any, status: int) -> None:
    """And name backends that exist."""
    manager = client.azure.urls["resource-manager"]
    answer = client.send(
        "PATCH",
        f"{manager}{BACKENDS}/hubs",
        audience=manager,
        json={"properties": {"pool": {"services": [service]}}},
        params=APIM,
        headers={"If-Match": "*"},
    )
    assert answer.status_code == status, answer.text


def test_a_pool_that_has_changed_is_not_overwritten(client: Client) -> None:
    """412 for another ETag; 400 without any."""
    manager = client.azure.urls["resource-manager"]
    url, body = f"{manager}{BACKENDS}/hubs", {"properties": {"pool": {"services": [{"id": f"{BACKENDS}/eastus2"}]}}}
    etag = client.arm("GET", f"{BACKENDS}/hubs", **APIM).headers["ETag"]
    statuses = [
        client.send("PATCH", url, audience=manager, json=body, params=APIM, headers=headers).status_code
        for headers in ({}, {"If-Match": etag}, {"If-Match": etag})
    ]
    assert statuses == [400, 200, 412]
