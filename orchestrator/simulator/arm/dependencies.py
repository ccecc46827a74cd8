"""What hubs rest on besides Azure ML, as Resource Manager shows it: accounts, vaults, registries, roles, quotas.

Only what the readiness checks read is there, and it can only be read. Property names are those of Microsoft's types
(Azure/bicep-types-az) and of the examples in azure-rest-api-specs. Values are made up. What a person changes by hand in
Azure is changed here through the admin API.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from orchestrator.simulator.arm.models import OFFERED, QUOTA, seed_batch, seed_model
from orchestrator.simulator.arm.resources import PROVIDER, Resources
from orchestrator.simulator.arm.usages import usages
from orchestrator.simulator.estate import Estate, Site
from orchestrator.simulator.services import TENANT
from orchestrator.simulator.stores.search import INDEX

SHARED_GROUP = "rg-shared"
"""The resource group of what both sides of a pair use."""

STORE = "appcs-hubswitch"
SUCCEEDED = {"provisioningState": "Succeeded"}
READER_ROLE = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
BLOB_ROLE = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
"""Built-in roles Reader and Storage Blob Data Contributor (learn.microsoft.com, "Azure built-in roles")."""

PAIRED = {"eastus2": "centralus", "westus3": "eastus", "northeurope": "westeurope"}
"""Paired regions of the usual ones (learn.microsoft.com, "Azure region pairs")."""


def make_shared_id(estate: Estate, kind: str, name: str) -> str:
    """ARM id of something that both sides use."""
    return f"/subscriptions/{estate.subscription}/resourceGroups/{SHARED_GROUP}/providers/{kind}/{name}"


def seed_dependencies(
    resources: Resources,
    estate: Estate,
    shared_account: str,
    endpoints: tuple[str, ...],
    addresses: Mapping[str, str],
) -> None:
    """Put everything into the store.

    Args:
        resources: the store.
        estate: whose.
        shared_account: name of the account with the training data, in ``SHARED_GROUP``.
        endpoints: the App Configuration store's own, and those of its replicas.
        addresses: ``<region>.<surface>`` -> where each region's own account, vault and registry are served.
    """
    for region in (*estate.regions, estate.third):
        _location(resources, estate, region)
        place = f"/subscriptions/{estate.subscription}/providers/{PROVIDER}/locations/{region}/usages"
        for row in usages(estate.subscription):
            resources.put(f"{place}/{row['name']['value']}", row)
    _group(resources, estate)
    _make_shared_account(resources, estate, shared_account)
    _configuration(resources, estate, endpoints)
    for pair in estate.pairs:
        for site in (pair.primary, pair.secondary):
            _storage(resources, site, addresses[f"{site.region}.storage"])
            _vault_and_registry(resources, site, addresses)
            _make_monitoring(resources, site)
            _models_and_search(resources, site, addresses[f"{site.region}.search"])
            _make_serving(resources, site, is_primary=site is pair.primary)
            _roles(resources, site)


def _location(resources: Resources, estate: Estate, region: str) -> None:
    place = f"/subscriptions/{estate.subscription}/locations/{region}"
    paired = PAIRED.get(region)
    resources.put(
        place,
        {
            "type": "Region",
            "metadata": {
                "regionType": "Physical",
                "pairedRegion": [{"name": paired, "id": f"{place.rpartition('/')[0]}/{paired}"}] if paired else [],
            },
            "availabilityZoneMappings": [
                {"logicalZone": str(zone), "physicalZone": f"{region}-az{zone}"} for zone in (1, 2, 3)
            ],
        },
    )


def _group(resources: Resources, estate: Estate) -> None:
    place = f"/subscriptions/{estate.subscription}/resourceGroups/{SHARED_GROUP}"
    kept = resources.put(
        f"{place}/providers/Microsoft.Resources/resourceGroups/{SHARED_GROUP}",
        {"location": estate.third, "tags": {}, "properties": dict(SUCCEEDED)},
    )
    kept |= {"id": place, "type": "Microsoft.Resources/resourceGroups"}


def _make_shared_account(resources: Resources, estate: Estate, name: str) -> None:
    """Geo-redundant between the two regions. The last replication is always two minutes ago: see ``refresh``."""
    resources.put(
        make_shared_id(estate, "Microsoft.Storage/storageAccounts", name),
        {
            "location": estate.regions[0],
            "kind": "StorageV2",
            "sku": {"name": "Standard_RAGZRS", "tier": "Standard"},
            "properties": {
                **SUCCEEDED,
                "primaryLocation": estate.regions[0],
                "secondaryLocation": estate.regions[1],
                "statusOfPrimary": "available",
                "statusOfSecondary": "available",
                "allowSharedKeyAccess": False,
                "publicNetworkAccess": "Enabled",
                "geoReplicationStats": {"status": "Live", "lastSyncTime": None, "canFailover": True},
            },
        },
    )


def _configuration(resources: Resources, estate: Estate, endpoints: tuple[str, ...]) -> None:
    """The store's origin is in the third region, its replicas in the secondary's."""
    store = make_shared_id(estate, "Microsoft.AppConfiguration/configurationStores", STORE)
    resources.put(
        store,
        {
            "location": estate.third,
            "sku": {"name": "standard"},
            "properties": {
                **SUCCEEDED,
                "endpoint": endpoints[0],
                "disableLocalAuth": True,
                "enablePurgeProtection": True,
                "softDeleteRetentionInDays": 7,
                "publicNetworkAccess": "Enabled",
            },
        },
    )
    for number, endpoint in enumerate(endpoints[1:], 1):
        resources.put(
            f"{store}/replicas/replica{number}",
            {"location": estate.regions[1], "properties": {"endpoint": endpoint, **SUCCEEDED}},
        )


def _storage(resources: Resources, site: Site, address: str) -> None:
    resources.put(
        site.storage_id,
        {
            "location": site.region,
            "kind": "StorageV2",
            "sku": {"name": "Standard_ZRS", "tier": "Standard"},
            "properties": {
                **SUCCEEDED,
                "allowSharedKeyAccess": True,
                "minimumTlsVersion": "TLS1_2",
                "publicNetworkAccess": "Enabled",
                "isHnsEnabled": False,
                "primaryLocation": site.region,
                "statusOfPrimary": "available",
                "primaryEndpoints": {"blob": f"{address}/"},
            },
        },
    )
    kept = {"enabled": True, "days": 14}
    resources.put(
        f"{site.storage_id}/blobServices/default",
        {
            "properties": {
                "isVersioningEnabled": True,
                "changeFeed": {"enabled": True},
                "deleteRetentionPolicy": dict(kept),
                "containerDeleteRetentionPolicy": dict(kept),
            }
        },
    )


def _vault_and_registry(resources: Resources, site: Site, addresses: Mapping[str, str]) -> None:
    resources.put(
        site.keyvault_id,
        {
            "location": site.region,
            "properties": {
                **SUCCEEDED,
                "tenantId": TENANT,
                "vaultUri": f"{addresses[f'{site.region}.keyvault']}/",
                "sku": {"family": "A", "name": "standard"},
                "enableSoftDelete": True,
                "softDeleteRetentionInDays": 90,
                "enablePurgeProtection": True,
                "enableRbacAuthorization": True,
                "publicNetworkAccess": "Enabled",
            },
        },
    )
    registry = f"{site.group_id}/providers/Microsoft.ContainerRegistry/registries/{site.acr}"
    resources.put(
        registry,
        {
            "location": site.region,
            "sku": {"name": "Premium", "tier": "Premium"},
            "properties": {
                **SUCCEEDED,
                "loginServer": addresses[f"{site.region}.acr"].removeprefix("https://"),
                "zoneRedundancy": "Enabled",
                "adminUserEnabled": False,
            },
        },
    )
    resources.put(
        f"{registry}/replications/{site.region}",
        {
            "location": site.region,
            "properties": {
                **SUCCEEDED,
                "regionEndpointEnabled": True,
                "zoneRedundancy": "Enabled",
                "status": {"displayStatus": "Ready"},
            },
        },
    )


def _make_monitoring(resources: Resources, site: Site) -> None:
    resources.put(
        f"{site.group_id}/providers/Microsoft.Insights/components/appi-{site.hub}",
        {
            "location": site.region,
            "kind": "web",
            "properties": {
                **SUCCEEDED,
                "Application_Type": "web",
                "IngestionMode": "LogAnalytics",
                "WorkspaceResourceId": site.logs_id,
                "RetentionInDays": 90,
                "DisableLocalAuth": True,
                "publicNetworkAccessForIngestion": "Enabled",
            },
        },
    )
    resources.put(
        site.logs_id,
        {
            "location": site.region,
            "properties": {**SUCCEEDED, "retentionInDays": 90, "sku": {"name": "PerGB2018"}},
        },
    )
    categories = ("AmlComputeJobEvent", "AmlRunStatusChangedEvent")
    for workspace in (site.hub_id, site.project_id):
        resources.put(
            f"{workspace}/providers/Microsoft.Insights/diagnosticSettings/to-logs",
            {
                "type": "Microsoft.Insights/diagnosticSettings",
                "properties": {
                    "workspaceId": site.logs_id,
                    "logs": [{"category": category, "enabled": True} for category in categories],
                    "metrics": [{"category": "AllMetrics", "enabled": True}],
                },
            },
        )


def _models_and_search(resources: Resources, site: Site, address: str) -> None:
    account = f"{site.group_id}/providers/Microsoft.CognitiveServices/accounts/aoai-{site.region}"
    resources.put(account, {"location": site.region, "kind": "OpenAI", "properties": dict(SUCCEEDED)})
    seed_model(resources, account)
    resources.put(
        f"{account}/deployments/{OFFERED}",
        {
            "sku": {"name": "GlobalStandard", "capacity": 50},
            "properties": {
                **SUCCEEDED,
                "model": {"format": "OpenAI", "name": OFFERED, "version": "2024-11-20"},
                "versionUpgradeOption": "NoAutoUpgrade",
            },
        },
    )
    place = f"/subscriptions/{site.subscription}/providers/Microsoft.CognitiveServices/locations/{site.region}/usages"
    resources.put(
        f"{place}/{QUOTA}",
        {
            "name": {"value": QUOTA, "localizedValue": "Tokens Per Minute (thousands) - gpt-4o - GlobalStandard"},
            "currentValue": 50.0,
            "limit": 450.0,
            "unit": "Count",
        },
    )
    resources.put(
        site.search_id,
        {
            "location": site.region,
            "sku": {"name": "standard"},
            "properties": {
                "provisioningState": "succeeded",
                "status": "running",
                "replicaCount": 2,
                "partitionCount": 1,
                "publicNetworkAccess": "enabled",
                "endpoint": f"{address}/",
                "authOptions": {"aadOrApiKey": {"aadAuthFailureMode": "http403"}},
                "disableLocalAuth": False,
            },
        },
    )
    for connection, category, target, behind, more in (
        ("models", "AzureOpenAI", f"https://aoai-{site.region}.openai.azure.com/", account, {}),
        (
            "search",
            "CognitiveSearch",
            f"https://{site.search}.search.windows.net",
            site.search_id,
            {"IndexName": INDEX},
        ),
    ):
        resources.put(
            f"{site.hub_id}/connections/{connection}",
            {
                "properties": {
                    "category": category,
                    "group": "AzureAI",
                    "target": target,
                    "authType": "AAD",
                    "isSharedToAll": True,
                    "metadata": {"ApiType": "Azure", "ResourceId": behind, **more},
                }
            },
        )


def _make_serving(resources: Resources, site: Site, *, is_primary: bool) -> None:
    """An endpoint with one deployment, and a schedule that is on in the primary alone. Schedules submit nothing here.

    The endpoint is what Resource Manager shows; what is scored is answered by the region's own scoring endpoint.
    """
    seed_batch(resources, site.project_id, site.region)
    endpoint = f"{site.project_id}/onlineEndpoints/score"
    resources.put(
        endpoint,
        {
            "location": site.region,
            "identity": {"type": "SystemAssigned"},
            "properties": {
                **SUCCEEDED,
                "authMode": "AADToken",
                "publicNetworkAccess": "Enabled",
                "scoringUri": f"https://score.{site.region}.inference.ml.azure.com/score",
                "traffic": {"blue": 100},
            },
        },
    )
    resources.put(
        f"{endpoint}/deployments/blue",
        {
            "location": site.region,
            "sku": {"name": "Default", "capacity": 2},
            "properties": {
                **SUCCEEDED,
                "endpointComputeType": "Managed",
                "instanceType": "Standard_DS3_v2",
                "model": f"{site.project_id}/models/iris-classifier/versions/1",
                "environmentId": f"{site.project_id}/environments/train-env/versions/1",
                "egressPublicNetworkAccess": "Enabled",
            },
        },
    )
    resources.put(
        f"{site.project_id}/serverlessEndpoints/phi",
        {
            "location": site.region,
            "kind": "Model",
            "sku": {"name": "Consumption"},
            "properties": {
                **SUCCEEDED,
                "authMode": "Key",
                "modelSettings": {"modelId": "azureml://registries/azureml/models/Phi-4"},
                "contentSafety": {"contentSafetyStatus": "Enabled"},
                "inferenceEndpoint": {"uri": f"https://phi.{site.region}.models.ai.azure.com", "headers": {}},
                "endpointState": "Online",
            },
        },
    )
    resources.put(
        f"{site.project_id}/schedules/nightly",
        {
            "properties": {
                **SUCCEEDED,
                "displayName": "nightly",
                "isEnabled": is_primary,
                "trigger": {"triggerType": "Cron", "expression": "0 3 * * *", "timeZone": "UTC"},
                "action": {
                    "actionType": "CreateJob",
                    "jobDefinition": {
                        "jobType": "Command",
                        "command": "python nightly.py",
                        "environmentId": f"{site.project_id}/environments/train-env/versions/1",
                        "computeId": f"{site.project_id}/computes/cpu-cluster",
                    },
                },
            }
        },
    )


def _roles(resources: Resources, site: Site) -> None:
    """Both workspaces' own identities on the account, and a group of people on the project."""
    definitions = f"/subscriptions/{site.subscription}/providers/Microsoft.Authorization/roleDefinitions"
    people = str(uuid5(NAMESPACE_URL, "people"))
    held: Mapping[str, tuple[str, str, str]] = {
        "hub": (site.storage_id, BLOB_ROLE, own_principal(site.hub_id)),
        "project": (site.storage_id, BLOB_ROLE, own_principal(site.project_id)),
        "people": (site.project_id, READER_ROLE, people),
    }
    for who, (scope, role, principal) in held.items():
        name = str(uuid5(NAMESPACE_URL, f"{scope}/{who}"))
        resources.put(
            f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
            {
                "type": "Microsoft.Authorization/roleAssignments",
                "properties": {
                    "roleDefinitionId": f"{definitions}/{role}",
                    "principalId": principal,
                    "principalType": "Group" if who == "people" else "ServicePrincipal",
                    "scope": scope,
                },
            },
        )


def own_principal(workspace_id: str) -> str:
    """Object id of a workspace's system-assigned identity."""
    return str(uuid5(NAMESPACE_URL, f"{workspace_id}/identity"))


SYNCED = timedelta(minutes=2)
"""How old the last geo-replication always is, unless a time was put in."""


def with_statistics(account: dict[str, Any], synced_at: str, *, expanded: bool) -> dict[str, Any]:
    """An account as a GET shows it: the statistics of its replication only where ``$expand`` asks for them."""
    properties = dict(account["properties"])
    statistics = properties.pop("geoReplicationStats", None)
    if statistics is not None and expanded:
        properties["geoReplicationStats"] = {
            **statistics,
            "lastSyncTime": statistics.get("lastSyncTime") or synced_at,
        }
    return {**account, "properties": properties}
