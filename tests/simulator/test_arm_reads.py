"""What Resource Manager tells about hubs, projects and what is in them."""

from __future__ import annotations

import pytest
import requests
from local_azure_client import Client

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import SUBSCRIPTION, Site

PROVIDER = "Microsoft.MachineLearningServices"


def names(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [resource["name"] for resource in answer.json()["value"]]


def test_a_project_lies_under_its_hub(client: Client, primary: Site) -> None:
    """Kind, hub and region are as a reader of the real service would find them."""
    project = client.arm("GET", primary.project_id).json()
    assert (project["kind"], project["location"]) == ("Project", "eastus2")
    assert project["properties"]["hubResourceId"] == primary.hub_id


def test_ids_compare_without_regard_to_case(client: Client, primary: Site) -> None:
    """Resource Manager does not mind how an id is spelt."""
    assert client.arm("GET", primary.hub_id.upper()).json()["id"] == primary.hub_id


def test_workspaces_are_listed_by_group_and_kind(client: Client, primary: Site) -> None:
    """The filter that azure-ai-ml sends works."""
    place = f"{primary.group_id}/providers/{PROVIDER}/workspaces"
    assert names(client.arm("GET", place)) == ["hub-eastus2", "proj-eastus2"]
    assert names(client.arm("GET", place, kind="project")) == ["proj-eastus2"]


def test_all_workspaces_of_the_subscription_are_listed(client: Client) -> None:
    """One endpoint speaks for both regions."""
    found = names(client.arm("GET", f"/subscriptions/{SUBSCRIPTION}/providers/{PROVIDER}/workspaces"))
    assert found == ["hub-eastus2", "proj-eastus2", "hub-westus3", "proj-westus3"]


def test_a_project_has_its_clusters(client: Client, primary: Site) -> None:
    """Both clusters, with their size and state."""
    assert names(client.arm("GET", f"{primary.project_id}/computes")) == ["cpu-cluster", "gpu-cluster"]
    cluster = client.arm("GET", f"{primary.project_id}/computes/gpu-cluster").json()
    assert cluster["properties"]["provisioningState"] == "Succeeded"


def test_a_project_has_its_own_and_the_shared_datastore(client: Client, primary: Site, secondary: Site) -> None:
    """Training data are in one account for both sides, everything else is not."""
    stores: dict[str, set[str]] = {}
    for site in (primary, secondary):
        for store in client.arm("GET", f"{site.project_id}/datastores").json()["value"]:
            stores.setdefault(store["name"], set()).add(store["properties"]["accountName"])
    assert {name: len(accounts) for name, accounts in stores.items()} == {
        "workspaceblobstore": 2,
        "workspaceartifactstore": 2,
        "training-data": 1,
        "workspaceworkingdirectory": 2,
    }


def test_the_default_datastore_can_be_asked_for(client: Client, primary: Site) -> None:
    """As azure-ai-ml does before it uploads."""
    assert names(client.arm("GET", f"{primary.project_id}/datastores", isDefault="true")) == ["workspaceblobstore"]


def secrets(user: Client, primary: Site, name: str, body: object = None) -> requests.Response:
    return user.arm("POST", f"{primary.project_id}/datastores/{name}/listSecrets", body)


def test_secrets_of_a_datastore_are_its_key_or_a_signature(user: Client, primary: Site) -> None:
    """Without a body the account's key, as recorded; a SAS of the datastore's container where it may expire."""
    key = secrets(user, primary, "workspaceartifactstore").json()
    assert (key["secretsType"], len(key["key"])) == ("AccountKey", 88)
    sas = secrets(user, primary, "workspaceartifactstore", {"expirableSecret": True, "expireAfterHours": 1}).json()
    assert sas["secretsType"] == "Sas"
    assert "sig=" in sas["sasToken"]


def test_a_datastore_without_credentials_has_no_secrets(user: Client, primary: Site) -> None:
    """What is read with an identity has nothing to list."""
    store = user.arm("GET", f"{primary.project_id}/datastores/training-data").json()
    assert store["properties"]["credentials"] == {"credentialsType": "None"}
    assert secrets(user, primary, "training-data", {"expirableSecret": True}).status_code == 400


@pytest.mark.parametrize("kind", ["environments/train-env", "data/iris", "models/iris-classifier"])
def test_both_sides_have_version_one_of_what_is_registered(
    client: Client, primary: Site, secondary: Site, kind: str
) -> None:
    """What a job names by version exists on either side."""
    for site in (primary, secondary):
        assert names(client.arm("GET", f"{site.project_id}/{kind}/versions")) == ["1"]
        assert client.arm("GET", f"{site.project_id}/{kind}").json()["properties"]["latestVersion"] == "1"


def test_quota_and_sizes_are_told_by_region(client: Client) -> None:
    """Readiness asks for them."""
    place = f"/subscriptions/{SUBSCRIPTION}/providers/{PROVIDER}/locations/westus3"
    usages = client.arm("GET", f"{place}/usages").json()["value"]
    assert "Total Cluster Dedicated Regional vCPUs" in [usage["name"]["value"] for usage in usages]
    assert "STANDARD_DS3_V2" in names(client.arm("GET", f"{place}/vmSizes"))


def test_a_resource_group_tells_its_location(client: Client, secondary: Site) -> None:
    """Where a group's metadata is kept matters in an outage."""
    assert client.arm("GET", secondary.group_id).json()["location"] == "westus3"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/subscriptions/other/resourceGroups/rg-hub-eastus2", 404, "SubscriptionNotFound"),
        (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/none", 404, "ResourceGroupNotFound"),
        (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-hub-eastus2/providers/{PROVIDER}/workspaces/none",
            404,
            "ResourceNotFound",
        ),
        (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-hub-eastus2/providers/Microsoft.Web/sites/x",
            404,
            "InvalidResourceType",
        ),
        ("/nothing", 404, "InvalidRequestUri"),
    ],
)
def test_what_is_not_there_is_named(client: Client, path: str, status: int, code: str) -> None:
    """Each level of an id has its own refusal."""
    answer = client.arm("GET", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("tail", ["/computes/none", "/jobs/none", "/environments/none", "/codes/x/versions/1"])
def test_what_is_not_in_a_project_is_not_found(client: Client, primary: Site, tail: str) -> None:
    """In any collection."""
    answer = client.arm("GET", primary.project_id + tail)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")


def test_an_api_version_is_required(azure: LocalAzure, client: Client, primary: Site) -> None:
    """Forgotten or malformed, it is refused."""
    manager = azure.urls["resource-manager"]
    forgotten = client.send("GET", f"{manager}{primary.project_id}", audience=manager)
    assert (forgotten.status_code, forgotten.json()["error"]["code"]) == (400, "MissingApiVersionParameter")
    malformed = client.arm("GET", primary.project_id, **{"api-version": "newest"})
    assert (malformed.status_code, malformed.json()["error"]["code"]) == (400, "InvalidApiVersionParameter")


def test_workspaces_cannot_be_changed(user: Client, primary: Site) -> None:
    """The estate is fixed."""
    assert user.arm("PUT", primary.project_id, {"location": "eastus2"}).status_code == 405
    assert user.arm("DELETE", f"{primary.project_id}/computes/cpu-cluster").status_code == 405


def test_a_body_that_is_not_json_is_refused(azure: LocalAzure, client: Client, primary: Site) -> None:
    """With the words of Resource Manager."""
    manager = azure.urls["resource-manager"]
    url = f"{manager}{primary.project_id}/jobs/x?api-version=2024-10-01"
    answer = client.send("PUT", url, audience=manager, data=b"{")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")
