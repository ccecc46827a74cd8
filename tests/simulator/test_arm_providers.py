"""What Resource Manager tells about things that are not Azure ML's, and what a person may do to them."""

from __future__ import annotations

import pytest
import requests
from local_azure_client import Client, ClientMaker
from waiting import until

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import SUBSCRIPTION, Site
from orchestrator.simulator.identity import PROBE, READER

STORAGE = {"api-version": "2026-04-01"}


def change(azure: LocalAzure, body: object) -> requests.Response:
    return requests.post(f"{azure.urls['admin']}/admin/resources", json=body, timeout=120)


def test_an_account_tells_of_its_replication_only_if_asked(client: Client) -> None:
    """The statistics are left out of an answer without ``$expand``."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shared"
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/sttraining"
    plain = client.arm("GET", path, **STORAGE).json()["properties"]
    full = client.arm("GET", path, **STORAGE, **{"$expand": "geoReplicationStats"}).json()["properties"]
    assert "geoReplicationStats" not in plain
    assert full["geoReplicationStats"]["lastSyncTime"] > "2026"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("{storage}", {"api-version": "1999-01-01"}, 400),
        ("{storage}", STORAGE | {"$top": "1"}, 400),
        ("{storage}x", STORAGE, 404),
        ("{group}/providers/Microsoft.Unknown/things/x", STORAGE, 404),
        ("{storage}/providers/Microsoft.Authorization/roleAssignments", {"api-version": "2022-04-01"}, 400),
        ("/subscriptions/{subscription}/providers/Microsoft.Storage/skus", STORAGE, 404),
    ],
)
def test_what_is_not_simulated_is_refused(
    client: Client, primary: Site, path: str, query: dict[str, str], status: int
) -> None:
    """Versions, filters, types and resources that do not exist."""
    spelt = path.format(storage=primary.storage_id, group=primary.group_id, subscription=SUBSCRIPTION)
    assert client.arm("GET", spelt, **query).status_code == status


def test_nothing_of_another_provider_can_be_written(user: Client, primary: Site) -> None:
    """A person's portal is the admin API."""
    assert user.arm("PUT", primary.storage_id, {}, **STORAGE).status_code == 405


def test_roles_are_listed_at_a_scope_and_above(client: Client, primary: Site) -> None:
    """Those of the project and not those of the account beside it."""
    path = f"{primary.project_id}/providers/Microsoft.Authorization/roleAssignments"
    answer = client.arm("GET", path, **{"api-version": "2022-04-01", "$filter": "atScope()"})
    found = answer.json()["value"]
    assert [each["properties"]["scope"] for each in found] == [primary.project_id]


def test_a_diagnosis_is_waited_for_by_whoever_may_ask(client_of: ClientMaker, primary: Site) -> None:
    """202 with a place, then 200; a permission of its own."""
    with LocalAzure(seed=2) as azure:
        reader = client_of(azure, READER)
        begun = reader.arm("POST", f"{primary.hub_id}/diagnose")
        assert begun.status_code == 202
        place = begun.headers["Location"]
        assert reader.arm("GET", place).status_code == 202
        done = until(lambda: (found := reader.arm("GET", place)).status_code == 200 and found, "the diagnosis")
        assert all(found == [] for found in done.json()["value"].values())
        assert client_of(azure, PROBE).arm("POST", f"{primary.hub_id}/diagnose").status_code == 403


def test_a_person_changes_and_deletes_and_the_subscription_tells_of_it(
    azure: LocalAzure, client: Client, primary: Site
) -> None:
    """A cluster's size, then the cluster; each with its event."""
    cluster = f"{primary.project_id}/computes/gpu-cluster"
    assert change(azure, {"set": {cluster: {"properties.properties.vmSize": "STANDARD_NC6"}}}).status_code == 200
    assert client.arm("GET", cluster).json()["properties"]["properties"]["vmSize"] == "STANDARD_NC6"
    assert change(azure, {"delete": [cluster]}).status_code == 200
    assert client.arm("GET", cluster).status_code == 404
    told = [(event.type, event.cloud["data"]["operationName"]) for event in azure.event_grid.emitted[-2:]]
    kind = "Microsoft.MachineLearningServices/workspaces/computes"
    assert told == [
        ("Microsoft.Resources.ResourceWriteSuccess", f"{kind}/write"),
        ("Microsoft.Resources.ResourceDeleteSuccess", f"{kind}/delete"),
    ]


def test_what_is_inside_goes_with_a_resource(azure: LocalAzure, client: Client, primary: Site) -> None:
    """An endpoint's deployments do not outlive it."""
    endpoint = f"{primary.project_id}/onlineEndpoints/score"
    assert change(azure, {"delete": [endpoint]}).status_code == 200
    assert client.arm("GET", f"{endpoint}/deployments/blue").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"set": {"/subscriptions/x": {"a": 1}}},
        {"delete": ["/subscriptions/x"]},
        {"paint": {}},
        [],
    ],
)
def test_a_change_that_cannot_be_made_is_refused(azure: LocalAzure, body: object) -> None:
    """With the reason, and nothing is changed."""
    answer = change(azure, body)
    assert (answer.status_code, "error" in answer.json()) == (400, True)


def test_an_answer_can_be_put_in_and_taken_out(azure: LocalAzure, client: Client, primary: Site) -> None:
    """For what Azure may also say."""
    said = {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "no"}}}
    change(azure, {"answers": {primary.hub_id: said}})
    assert client.arm("GET", primary.hub_id).status_code == 403
    change(azure, {"answers": {primary.hub_id: None}})
    assert client.arm("GET", primary.hub_id).json()["name"] == primary.hub
