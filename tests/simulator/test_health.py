"""Resource Health and Service Health follow the regions' faults, late, and refuse what Azure refuses."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from local_azure_client import Client, ClientMaker, eventually

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.health import impact_on

VERSION = {"api-version": "2025-05-01"}
HOURS = 1e7
"""Seconds, before a speed of a thousand divides them."""

PROVIDER = "providers/Microsoft.ResourceHealth"


@pytest.fixture
def board(azure: LocalAzure) -> LocalAzure:
    """A simulated Azure that knows at once how it is."""
    azure.health.resource_delay = azure.health.notice_delay = 0.0
    return azure


def listed(client: Client, path: str, status: int = 200) -> list[dict[str, Any]]:
    answer = client.arm("GET", path, **VERSION)
    assert answer.status_code == status, answer.text
    return list(answer.json().get("value", []))


def states(client: Client, site: Site) -> dict[str, str]:
    found = listed(client, f"{site.group_id}/{PROVIDER}/availabilityStatuses")
    return {each["id"].split("/")[8]: each["properties"]["availabilityState"] for each in found}


def events(client: Client, site: Site) -> list[dict[str, Any]]:
    found = listed(client, f"/subscriptions/{site.subscription}/{PROVIDER}/events")
    return [each["properties"] | {"name": each["name"]} for each in found]


def test_a_well_groups_resources_are_available_and_registries_have_no_status(client: Client, primary: Site) -> None:
    """Storage, vault and logs; neither the registry nor Azure ML's workspaces."""
    assert states(client, primary) == {
        primary.storage: "Available",
        primary.keyvault: "Available",
        f"log-hub-{primary.region}": "Available",
    }


def test_a_dead_surface_makes_its_resource_unavailable_by_the_platforms_doing(
    board: LocalAzure, client: Client, primary: Site, secondary: Site
) -> None:
    """Only there, only that resource, and until it is back."""
    board.faults.set(primary.region, "storage", "5xx")
    found = listed(client, f"{primary.group_id}/{PROVIDER}/availabilityStatuses")
    ill = [each["properties"] for each in found if each["properties"]["availabilityState"] != "Available"]
    assert [(each["availabilityState"], each["context"]) for each in ill] == [("Unavailable", "Platform Initiated")]
    assert set(states(client, secondary).values()) == {"Available"}
    board.faults.clear(primary.region, "storage")
    assert set(states(client, primary).values()) == {"Available"}


@pytest.mark.parametrize("kind", ["429", "401", "403", "slow", "flaky"])
def test_what_leaves_a_resource_in_doubt_is_not_seen(
    board: LocalAzure, client: Client, primary: Site, kind: str
) -> None:
    """As Resource Health sees nothing of a caller's lost rights."""
    board.faults.set(primary.region, "storage", kind)
    assert set(states(client, primary).values()) == {"Available"}


def test_trouble_of_the_observers_own_network_is_seen_by_nobody_else(
    board: LocalAzure, client: Client, primary: Site
) -> None:
    """What looks dead from there is well for Azure."""
    board.faults.set(None, "observer", "refuse")
    board.faults.set(primary.region, "storage", "refuse")
    assert set(states(client, primary).values()) == {"Available"}
    assert events(client, primary) == []


def test_both_services_are_late(azure: LocalAzure, client: Client, primary: Site) -> None:
    """Minutes for resources, far longer for notices; a fault of this moment is not known yet."""
    azure.health.resource_delay = azure.health.notice_delay = HOURS
    azure.faults.set(primary.region, "storage", "5xx")
    assert set(states(client, primary).values()) == {"Available"}
    assert events(client, primary) == []
    azure.health.resource_delay = 0.0
    assert states(client, primary)[primary.storage] == "Unavailable"
    assert events(client, primary) == []


def test_an_incident_names_region_and_services_and_is_resolved_at_its_end(
    board: LocalAzure, client: Client, primary: Site
) -> None:
    """One incident for all that is dead at the same time, under one tracking id."""
    board.faults.set(primary.region, "storage", "5xx")
    board.faults.set(primary.region, "hub", "5xx")
    (active,) = events(client, primary)
    impact = {each["impactedService"]: each["impactedRegions"][0]["impactedRegion"] for each in active["impact"]}
    assert impact == {"Azure Machine Learning": "East US 2", "Storage": "East US 2"}
    assert (active["status"], active["eventType"], active["eventLevel"]) == ("Active", "ServiceIssue", "Error")
    board.faults.clear(primary.region)
    (resolved,) = events(client, primary)
    assert (resolved["name"], resolved["status"]) == (active["name"], "Resolved")
    board.faults.set(primary.region, "hub", "5xx")
    eventually(lambda: [each["status"] for each in events(client, primary)] == ["Active", "Resolved"])
    assert len({each["name"] for each in events(client, primary)}) == 2


def test_a_fault_everywhere_is_an_incident_of_the_whole_world(board: LocalAzure, client: Client, primary: Site) -> None:
    """As when Entra ID or the management plane fail."""
    board.faults.set(None, "keyvault", "5xx")
    regions = {each["impact"][0]["impactedRegions"][0]["impactedRegion"] for each in events(client, primary)}
    assert regions == {"Global"}


def test_resource_manager_that_is_down_for_a_region_says_nothing_of_its_resources(
    board: LocalAzure, client: Client, primary: Site, secondary: Site
) -> None:
    """But the subscription's events are still listed; only a management plane that is down everywhere stops them."""
    board.faults.set(primary.region, "control", "5xx")
    listed(client, f"{primary.group_id}/{PROVIDER}/availabilityStatuses", 503)
    listed(client, f"{secondary.group_id}/{PROVIDER}/availabilityStatuses", 200)
    listed(client, f"/subscriptions/{primary.subscription}/{PROVIDER}/events", 200)
    board.faults.set(None, "control", "5xx")
    listed(client, f"/subscriptions/{primary.subscription}/{PROVIDER}/events", 503)


STATUSES = f"{{group}}/{PROVIDER}/availabilityStatuses"
REGISTRY = "{group}/providers/Microsoft.ContainerRegistry/registries/x"
SUBSCRIPTION = "/subscriptions/{subscription}"


@pytest.mark.parametrize(
    ("asked", "query", "status"),
    [
        (f"GET {STATUSES}", {"api-version": "2031-01-01"}, 400),
        (f"GET {STATUSES}", {**VERSION, "$expand": "recommendedactions"}, 400),
        (f"GET {STATUSES}", {**VERSION, "$skipToken": "x"}, 400),
        (f"PUT {STATUSES}", VERSION, 405),
        (f"GET {{group}}/{PROVIDER}/events", VERSION, 404),
        (f"GET {SUBSCRIPTION}/{PROVIDER}/nothing", VERSION, 404),
        (f"GET {REGISTRY}/{PROVIDER}/availabilityStatuses/current", VERSION, 404),
        (f"GET {SUBSCRIPTION}/resourceGroups/rg-none/{PROVIDER}/availabilityStatuses", VERSION, 404),
    ],
)
def test_what_azure_does_not_know_is_refused(
    client: Client, primary: Site, asked: str, query: dict[str, str], status: int
) -> None:
    """Versions, options, methods and places."""
    method, path = asked.format(group=primary.group_id, subscription=primary.subscription).split(" ")
    assert client.arm(method, path, **query).status_code == status


def test_the_status_of_one_resource_can_be_read(client: Client, primary: Site) -> None:
    """As a person would ask."""
    answer = client.arm("GET", f"{primary.storage_id}/{PROVIDER}/availabilityStatuses/current", **VERSION)
    assert answer.json()["properties"]["availabilityState"] == "Available"


def test_long_lists_come_in_pages(primary: Site, client_of: ClientMaker) -> None:
    """With a link to the next."""
    with LocalAzure(seed=3, page=2) as azure:
        client = client_of(azure, azure.user_client_id)
        first = client.arm("GET", f"{primary.group_id}/{PROVIDER}/availabilityStatuses", **VERSION).json()
        second = client.arm("GET", first["nextLink"]).json()
        assert [len(first["value"]), len(second["value"]), "nextLink" in second] == [2, 1, False]


def test_delays_statuses_and_events_are_set_over_the_admin_api(
    azure: LocalAzure, client: Client, primary: Site
) -> None:
    """For demos and for other processes; what makes no sense changes nothing."""

    def admin(body: dict[str, Any]) -> requests.Response:
        return requests.post(f"{azure.urls['admin']}/admin/health", json=body, timeout=60)

    event = {"status": "Active", "eventType": "ServiceIssue", "lastUpdateTime": "2026-03-01T12:00:00Z"}
    said = {
        "notice_delay": 7,
        "statuses": {primary.storage_id: {"state": "Degraded"}, primary.keyvault_id: {"state": None}},
        "events": {"TEST-001": {**event, "impact": impact_on(["Storage"], ["East US 2"])}},
    }
    assert admin(said).json()["notice_delay"] == 7
    assert states(client, primary) == {primary.storage: "Degraded", f"log-hub-{primary.region}": "Available"}
    assert [each["name"] for each in events(client, primary)] == ["TEST-001"]
    assert admin({"resource_dealy": 3}).status_code == 400
    assert admin({"moods": {primary.logs: "sad"}}).status_code == 400
