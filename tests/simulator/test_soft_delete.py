"""What Azure keeps of deleted resources: its name is taken, and it comes back as it was, in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from local_azure_client import Client, ClientMaker

from orchestrator.simulator.arm.resources import Resources
from orchestrator.simulator.arm.soft_delete import SoftDelete
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import SUBSCRIPTION, Site
from orchestrator.simulator.identity import EXECUTOR
from orchestrator.simulator.services import TENANT, AzureError

SKU = {"family": "A", "name": "standard"}
RECOVER = {"createMode": "recover", "tenantId": TENANT, "sku": SKU}


@pytest.fixture
def clouds() -> Iterator[LocalAzure]:
    with LocalAzure(seed=3) as azure:
        yield azure


def change(azure: LocalAzure, **body: Any) -> None:
    answer = requests.post(f"{azure.urls['admin']}/admin/resources", json=body, timeout=120)
    assert answer.status_code == 200, answer.text


def listed(client: Client, kind: str, version: str) -> list[dict[str, Any]]:
    path = f"/subscriptions/{SUBSCRIPTION}/providers/{kind}"
    found: list[dict[str, Any]] = client.arm("GET", path, **{"api-version": version}).json()["value"]
    return found


def ids(site: Site) -> dict[str, tuple[str, str, str]]:
    """Kind -> id, api-version, list of deleted ones."""
    providers = f"{site.group_id}/providers"
    store = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shared/providers/Microsoft.AppConfiguration"
    return {
        "vault": (site.keyvault_id, "2026-02-01", "Microsoft.KeyVault/deletedVaults"),
        "storage": (site.storage_id, "2026-04-01", "Microsoft.Storage/deletedAccounts"),
        "logs": (site.logs_id, "2026-03-01", "Microsoft.OperationalInsights/deletedWorkspaces"),
        "models": (
            f"{providers}/Microsoft.CognitiveServices/accounts/aoai-{site.region}",
            "2024-10-01",
            "Microsoft.CognitiveServices/deletedAccounts",
        ),
        "store": (
            f"{store}/configurationStores/appcs-hubswitch",
            "2024-06-01",
            "Microsoft.AppConfiguration/deletedConfigurationStores",
        ),
    }


def bodies(azure: LocalAzure, site: Site, client: Client) -> dict[str, dict[str, Any]]:
    (account,) = listed(client, "Microsoft.Storage/deletedAccounts", "2026-04-01") or [{"properties": {}}]
    created = {"deletedAccountCreationTime": account["properties"].get("creationTime")}
    return {
        "vault": {"location": site.region, "properties": RECOVER},
        "storage": {"location": site.region, "properties": created},
        "logs": {"location": site.region, "properties": {}},
        "models": {"location": site.region, "properties": {"restore": True}},
        "store": {
            "location": azure.estate.third,
            "sku": {"name": "standard"},
            "properties": {"createMode": "Recover"},
        },
    }


@pytest.mark.parametrize("kind", ["vault", "storage", "logs", "models", "store"])
def test_what_is_kept_is_listed_and_comes_back_as_it_was(clouds: LocalAzure, client_of: ClientMaker, kind: str) -> None:
    """Gone for readers, listed with its id, recovered with what was inside; and its event is told."""
    site = clouds.estate.pairs[0].primary
    client = client_of(clouds, EXECUTOR)
    place, version, deleted = ids(site)[kind]
    before = client.arm("GET", place, **{"api-version": version}).json()
    inside = len(list(clouds.resources.under(f"{place}/")))
    change(clouds, delete=[place])
    assert client.arm("GET", place, **{"api-version": version}).status_code == 404
    (entry,) = listed(client, deleted, version)
    assert place.lower() in {str(value).lower() for value in [entry["id"], *entry["properties"].values()]}
    answer = client.arm("PUT", place, bodies(clouds, site, client)[kind], **{"api-version": version})
    assert answer.status_code == (202 if kind == "storage" else 200)
    states = [client.arm("GET", place, **{"api-version": version}).json() for _ in range(2)]
    assert states[1] == before
    assert states[0]["properties"].get("provisioningState") == ("ResolvingDNS" if kind == "storage" else "Succeeded")
    assert listed(client, deleted, version) == []
    roles = 0 if kind != "vault" else inside - len(list(clouds.resources.under(f"{place}/")))
    assert len(list(clouds.resources.under(f"{place}/"))) == inside - roles
    assert clouds.event_grid.emitted[-1].type == "Microsoft.Resources.ResourceWriteSuccess"


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("vault", {"properties": {}}, 409, "ConflictError"),
        ("vault", {"properties": RECOVER | {"tenantId": "another"}}, 400, "BadRequest"),
        ("vault", {"properties": RECOVER, "location": "elsewhere"}, 409, "InvalidResourceLocation"),
        ("storage", {"properties": {"deletedAccountCreationTime": "2020"}}, 409, "StorageAccountAlreadyTaken"),
        ("models", {"properties": {}}, 409, "FlagMustBeSetForRestore"),
        ("store", {"properties": {}}, 409, "NameUnavailable"),
        ("store", {"properties": {"createMode": "Recover"}}, 400, "BadRequest"),
    ],
)
def test_a_name_that_is_kept_refuses_everything_but_its_recovery(
    clouds: LocalAzure, client_of: ClientMaker, kind: str, body: dict[str, Any], status: int, code: str
) -> None:
    """With the code of the service, as far as it is documented."""
    site = clouds.estate.pairs[0].primary
    client = client_of(clouds, EXECUTOR)
    place, version, _ = ids(site)[kind]
    change(clouds, delete=[place])
    region = clouds.estate.third if kind == "store" else site.region
    answer = client.arm("PUT", place, {"location": region, **body}, **{"api-version": version})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert client.arm("GET", place, **{"api-version": version}).status_code == 404


def test_a_vault_of_another_group_cannot_take_a_kept_name(clouds: LocalAzure, client_of: ClientMaker) -> None:
    """Names of vaults are global."""
    site = clouds.estate.pairs[0].primary
    change(clouds, delete=[site.keyvault_id])
    elsewhere = site.keyvault_id.replace(site.resource_group, "rg-shared")
    body = {"location": site.region, "properties": RECOVER}
    answer = client_of(clouds, EXECUTOR).arm("PUT", elsewhere, body, **{"api-version": "2026-02-01"})
    assert answer.status_code == 409


def test_what_was_purged_is_not_recovered(clouds: LocalAzure, client_of: ClientMaker) -> None:
    """404, and it stays away; what was not kept cannot be purged."""
    site = clouds.estate.pairs[0].primary
    client = client_of(clouds, EXECUTOR)
    change(clouds, delete=[site.keyvault_id])
    change(clouds, purge=[site.keyvault_id])
    body = {"location": site.region, "properties": RECOVER}
    assert client.arm("PUT", site.keyvault_id, body, **{"api-version": "2026-02-01"}).status_code == 404
    refused = requests.post(f"{clouds.urls['admin']}/admin/resources", json={"purge": [site.keyvault_id]}, timeout=120)
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        ("Microsoft.KeyVault/vaults", 90),
        ("Microsoft.Storage/storageAccounts", 14),
        ("Microsoft.OperationalInsights/workspaces", 14),
        ("Microsoft.CognitiveServices/accounts", 2),
        ("Microsoft.AppConfiguration/configurationStores", 7),
    ],
)
def test_after_its_time_nothing_is_kept(kind: str, days: float) -> None:
    """To the second."""
    now = [datetime(2026, 5, 4, tzinfo=UTC)]
    resources = Resources()
    kept = SoftDelete(resources, lambda: now[0])
    place = f"/subscriptions/s/resourceGroups/g/providers/{kind}/x"
    found = resources.put(place, {"location": "westus", "properties": {"tenantId": "t"}})
    resources.drop(place)
    kept.keep(found, ())
    now[0] += timedelta(days=days) - timedelta(seconds=1)
    kept.tick(place)
    assert len(list(resources.under("/subscriptions/s/providers/"))) == 1
    now[0] += timedelta(seconds=1)
    kept.tick(place)
    assert list(resources.under("/subscriptions/s/providers/")) == []
    with pytest.raises(AzureError) as refused:
        kept.put(place, {"location": "westus", "properties": {"createMode": "recover", "restore": True}})
    assert refused.value.status == 404


def test_a_vault_without_soft_delete_is_gone_at_once() -> None:
    """Older vaults may have it off."""
    resources = Resources()
    kept = SoftDelete(resources, lambda: datetime(2026, 5, 4, tzinfo=UTC))
    found = resources.put(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/x",
        {"location": "westus", "properties": {"enableSoftDelete": False}},
    )
    kept.keep(found, ())
    assert list(resources.under("/subscriptions/s/providers/")) == []
