"""What the subscription holds before anybody does anything: hubs, projects, clusters, datastores, a few assets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from orchestrator.simulator.arm.dependencies import SHARED_GROUP, own_principal
from orchestrator.simulator.arm.resources import Resources, stamp, system_data
from orchestrator.simulator.estate import Estate, Site
from orchestrator.simulator.services import TENANT

SHARED_ACCOUNT = "sttraining"
"""The account with the training data, attached to both projects of a pair and replicated by its owner.

It is not served. Its host is of a domain that nobody can own, so that nobody asks a real account of that name.
"""

BLOB_CONTAINER = "azureml-blobstore"
SHARE, SHARE_STORE = "code-391ff5ac", "workspaceworkingdirectory"
"""The file share of notebooks, and its datastore."""

ENVIRONMENT = "train-env"
SAMPLE_DATA = {"iris/rows.csv": b"5.1,3.5,setosa\n", "rows/part-0.csv": b"1,2\n"}
"""What every project's own container holds, by path: the owners of the data keep a copy on both sides."""

DATA = "iris"
MODEL = "iris-classifier"
_WHO = "local-azure"
_SHOWN: dict[str, Any] = {
    "imageBuildCompute": None,
    "allowRoleAssignmentOnRG": True,
    "softDeleteEnabled": False,
    "storageHnsEnabled": False,
    "linkedModelInventoryArmId": None,
    "privateLinkCount": 0,
    "sdkTelemetryAppInsightsKey": "00000000-0000-0000-0000-00000000a115",
    "enableDataIsolation": False,
}
"""What a workspace without special settings shows, as recorded in 2026 by cloud-custodian's tests."""

_NETWORK = {
    "changeableIsolationModes": ["AllowInternetOutbound", "AllowOnlyApprovedOutbound"],
    "isolationMode": "Disabled",
    "enableNetworkMonitor": False,
    "enableFirewallLog": False,
}


def workspace_guid(workspace_id: str) -> str:
    """The workspace's own id, as it stands in FQDNs and in ``azureml://locations`` URIs."""
    return str(uuid5(NAMESPACE_URL, workspace_id.lower()))


def seed(resources: Resources, estate: Estate, apis: Mapping[str, str], now: datetime, *, private: bool) -> None:
    """Put the estate into an empty store. ``apis`` are each region's own; ``private``: workspaces have private link."""
    access = {"publicNetworkAccess": "Disabled" if private else "Enabled"}
    for site in estate.sites:
        _group(resources, site)
        hub = _workspace(site, site.hub, "Hub", apis[site.region], now)
        hub["properties"] |= access | {"associatedWorkspaces": [site.project_id]}
        resources.put(site.hub_id, hub)
        project = _workspace(site, site.project, "Project", apis[site.region], now)
        project["properties"] |= access | {"hubResourceId": site.hub_id}
        resources.put(site.project_id, project)
        _computes(resources, site, now)
        _datastores(resources, site, now)
        _assets(resources, site, now)


def _group(resources: Resources, site: Site) -> None:
    body = {"location": site.region, "tags": {}, "properties": {"provisioningState": "Succeeded"}}
    kept = resources.put(
        f"{site.group_id}/providers/Microsoft.Resources/resourceGroups/{site.resource_group}", dict(body)
    )
    kept |= {"id": site.group_id, "type": "Microsoft.Resources/resourceGroups"}


def _workspace(site: Site, name: str, kind: str, api: str, now: datetime) -> dict[str, Any]:
    workspace_id = f"{site.group_id}/providers/Microsoft.MachineLearningServices/workspaces/{name}"
    providers = f"{site.group_id}/providers"
    return {
        "location": site.region,
        "kind": kind,
        "etag": None,
        "tags": {},
        "identity": {
            "type": "SystemAssigned",
            "principalId": own_principal(workspace_id),
            "tenantId": TENANT,
        },
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "friendlyName": name,
            "description": "",
            "workspaceId": workspace_guid(workspace_id),
            "provisioningState": "Succeeded",
            "discoveryUrl": f"{api}/discovery",
            "mlFlowTrackingUri": f"azureml://{site.region}.api.azureml.ms/mlflow/v1.0{workspace_id}",
            "storageAccount": f"{providers}/Microsoft.Storage/storageAccounts/{site.storage}",
            "keyVault": f"{providers}/Microsoft.KeyVault/vaults/{site.keyvault}",
            "containerRegistry": f"{providers}/Microsoft.ContainerRegistry/registries/{site.acr}",
            "applicationInsights": f"{providers}/Microsoft.Insights/components/appi-{site.hub}",
            "publicNetworkAccess": "Enabled",
            "systemDatastoresAuthMode": "Identity",
            "hbiWorkspace": False,
            "v1LegacyMode": False,
            "tenantId": TENANT,
            **_SHOWN,
            "creationTime": stamp(now),
            "managedNetwork": dict(_NETWORK),
            "notebookInfo": {
                "resourceId": workspace_guid(workspace_id).replace("-", ""),
                "fqdn": f"ml-{name}-{site.region}-{workspace_guid(workspace_id)}.{site.region}.notebooks.azure.net",
                "isPrivateLinkEnabled": False,
                "notebookPreparationError": None,
            },
        },
        "systemData": system_data(now, _WHO),
    }


def _computes(resources: Resources, site: Site, now: datetime) -> None:
    for name, size in site.computes.items():
        resources.put(
            f"{site.project_id}/computes/{name}",
            {
                "location": site.region,
                "tags": {},
                "properties": {
                    "computeType": "AmlCompute",
                    "computeLocation": site.region,
                    "provisioningState": "Succeeded",
                    "createdOn": now.isoformat(),
                    "modifiedOn": now.isoformat(),
                    "isAttachedCompute": False,
                    "description": None,
                    "resourceId": None,
                    "provisioningErrors": None,
                    "provisioningWarnings": {},
                    "disableLocalAuth": True,
                    "properties": {
                        "osType": "Linux",
                        "vmSize": size,
                        "vmPriority": "Dedicated",
                        "enableNodePublicIp": True,
                        "scaleSettings": {
                            "minNodeCount": 0,
                            "maxNodeCount": 100,
                            "nodeIdleTimeBeforeScaleDown": "PT2M",
                        },
                        "allocationState": "Steady",
                        "currentNodeCount": 1,
                        "targetNodeCount": 1,
                    },
                },
            },
        )


def _datastores(resources: Resources, site: Site, now: datetime) -> None:
    stores = (
        ("workspaceblobstore", site.storage, BLOB_CONTAINER),
        ("workspaceartifactstore", site.storage, "azureml"),
        ("training-data", SHARED_ACCOUNT, "training"),
        (SHARE_STORE, site.storage, SHARE),
    )
    for name, account, container in stores:
        resources.put(
            f"{site.project_id}/datastores/{name}",
            {
                "properties": {
                    "datastoreType": "AzureFile" if name == SHARE_STORE else "AzureBlob",
                    "accountName": account,
                    "fileShareName" if name == SHARE_STORE else "containerName": container,
                    "subscriptionId": site.subscription,
                    "resourceGroup": SHARED_GROUP if account == SHARED_ACCOUNT else site.resource_group,
                    "intellectualProperty": None,
                    "endpoint": "storage.invalid" if account == SHARED_ACCOUNT else "core.windows.net",
                    "protocol": "https",
                    "credentials": {"credentialsType": "None" if account == SHARED_ACCOUNT else "AccountKey"},
                    "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
                    "isDefault": name == "workspaceblobstore",
                    "description": "",
                    "tags": {},
                    "properties": {},
                },
                "systemData": system_data(now, _WHO),
            },
        )


def _assets(resources: Resources, site: Site, now: datetime) -> None:
    assets: tuple[tuple[str, str, dict[str, Any], dict[str, Any]], ...] = (
        (
            "environments",
            ENVIRONMENT,
            {
                "image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
                "osType": "Linux",
                "environmentType": "UserCreated",
                "condaFile": "",
                "autoRebuild": "Disabled",
                "stage": "Development",
            },
            {},
        ),
        (
            "data",
            DATA,
            {"dataType": "uri_folder", "dataUri": "azureml://datastores/training-data/paths/iris/"},
            {"dataType": "uri_folder"},
        ),
        (
            "models",
            MODEL,
            {
                "modelType": "custom_model",
                "modelUri": "azureml://datastores/training-data/paths/models/iris/",
                "flavors": {},
                "jobName": None,
                "stage": "Development",
            },
            {},
        ),
    )
    common = {"isArchived": False, "tags": {}, "properties": {}}
    for kind, name, version, container in assets:
        place = f"{site.project_id}/{kind}/{name}"
        newest = {"latestVersion": "1", "nextVersion": "2"}
        resources.put(place, {"properties": common | container | newest, "systemData": system_data(now, _WHO)})
        resources.put(
            f"{place}/versions/1",
            {"properties": common | {"isAnonymous": False} | version, "systemData": system_data(now, _WHO)},
        )
