"""Inventories of a small pair for tests of readiness: what Azure would answer about each side."""

from __future__ import annotations

from typing import Any

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000aa"
SIDES = {"ne": ("northeurope", "p-ne"), "we": ("westeurope", "p-we")}


def group(side: str) -> str:
    return f"{SUBSCRIPTION}/resourceGroups/rg-{side}"


def resource(side: str, kind: str, name: str) -> str:
    return f"{group(side)}/providers/{kind}/{name}"


def project(side: str) -> str:
    return resource(side, "Microsoft.MachineLearningServices/workspaces", f"proj-{side}")


def twin_map() -> dict[str, Any]:
    """The file for ``--map``."""
    kinds = {
        "Microsoft.MachineLearningServices/workspaces": ["hub", "proj"],
        "Microsoft.Storage/storageAccounts": ["store"],
        "Microsoft.KeyVault/vaults": ["vault"],
        "Microsoft.Insights/components": ["insights"],
        "Microsoft.OperationalInsights/workspaces": ["logs"],
        "Microsoft.CognitiveServices/accounts": ["models"],
        "Microsoft.Search/searchServices": ["search"],
        "Microsoft.ManagedIdentity/userAssignedIdentities": ["id"],
    }
    ids = {
        resource("ne", kind, f"{name}-ne"): resource("we", kind, f"{name}-we")
        for kind, names in kinds.items()
        for name in names
    }
    return {
        "ids": ids | {group("ne"): group("we")},
        "principals": {"p-ne": "p-we"},
        "regions": {"northeurope": "westeurope"},
        "names": "same",
        "shared": ["images", "lake", "settings"],
        "rpo_target": "PT15M",
        "needed": {"cpu": {"nodes": 4, "vcpus_per_node": 4}},
    }


def inventory(side: str) -> dict[str, Any]:
    """What was read of ``ne``, the primary, or ``we``."""
    region, principal = SIDES[side]
    registries = f"{SUBSCRIPTION}/resourceGroups/rg-both/providers/Microsoft.ContainerRegistry/registries"
    own = {
        "storageAccount": resource(side, "Microsoft.Storage/storageAccounts", f"store-{side}"),
        "keyVault": resource(side, "Microsoft.KeyVault/vaults", f"vault-{side}"),
        "applicationInsights": resource(side, "Microsoft.Insights/components", f"insights-{side}"),
        "containerRegistry": f"{registries}/images",
    }
    identity = resource(side, "Microsoft.ManagedIdentity/userAssignedIdentities", f"id-{side}")
    own_identity = {identity: {"principalId": f"{principal}-user"}}
    network = {"isolationMode": "AllowInternetOutbound", "status": {"status": "Active"}}

    def workspace(kind: str, name: str, **more: Any) -> dict[str, Any]:
        return {
            "id": resource(side, "Microsoft.MachineLearningServices/workspaces", name),
            "name": name,
            "kind": kind,
            "location": region,
            "identity": {
                "type": "SystemAssigned,UserAssigned",
                "principalId": principal,
                "userAssignedIdentities": own_identity,
            },
            "properties": {
                "provisioningState": "Succeeded",
                "publicNetworkAccess": "Enabled",
                "managedNetwork": network,
                "encryption": {
                    "status": "Enabled",
                    "keyVaultProperties": {
                        "keyVaultArmId": own["keyVault"],
                        "keyIdentifier": f"https://vault-{side}.vault.azure.net/keys/own/1",
                    },
                },
                **own,
                **more,
            },
        }

    def version(kind: str, name: str, number: str, **properties: Any) -> dict[str, Any]:
        return {"id": f"{project(side)}/{kind}/{name}/versions/{number}", "name": number, "properties": properties}

    def usage(name: str, used: int, limit: int) -> dict[str, Any]:
        return {"name": {"value": name, "localizedValue": name}, "currentValue": used, "limit": limit}

    ready = {"provisioningState": "Succeeded"}
    return {
        "_meta": {"tag": side, "region": region, "observedAt": "2026-05-01T12:00:00Z"},
        "hub": workspace("Hub", f"hub-{side}"),
        "projects": [
            workspace(
                "Project",
                f"proj-{side}",
                hubResourceId=resource(side, "Microsoft.MachineLearningServices/workspaces", f"hub-{side}"),
            )
        ],
        "diagnose": {"value": {"storageAccountResults": [], "dnsResolutionResults": []}},
        "resource_group": {"name": f"rg-{side}", "location": region},
        "locations": [
            {
                "name": name,
                "metadata": {"pairedRegion": [{"name": other}]},
                "availabilityZoneMappings": [{"logicalZone": "1"}],
            }
            for name, other in (("northeurope", "westeurope"), ("westeurope", "northeurope"))
        ],
        "computes": [
            {
                "name": "cpu",
                "location": region,
                "properties": {
                    **ready,
                    "computeType": "AmlCompute",
                    "computeLocation": region,
                    "properties": {
                        "vmSize": "Standard_D4s_v5",
                        "vmPriority": "Dedicated",
                        "osType": "Linux",
                        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4},
                    },
                },
            }
        ],
        "usages": [
            usage("standardDSv5Family Cluster Dedicated vCPUs", 0, 40),
            usage("Total Cluster Dedicated Regional vCPUs", 8, 100),
            usage("Clusters", 1, 500),
        ],
        "connections": [
            {
                "name": "models",
                "properties": {
                    "category": "AzureOpenAI",
                    "authType": "AAD",
                    "isSharedToAll": True,
                    "target": f"https://models-{side}.openai.azure.com/",
                    "metadata": {
                        "ApiType": "Azure",
                        "ResourceId": resource(side, "Microsoft.CognitiveServices/accounts", f"models-{side}"),
                    },
                },
            },
            {
                "name": "search",
                "properties": {
                    "category": "CognitiveSearch",
                    "authType": "AAD",
                    "isSharedToAll": True,
                    "target": f"https://search-{side}.search.windows.net",
                    "metadata": {
                        "IndexName": "policies",
                        "ResourceId": resource(side, "Microsoft.Search/searchServices", f"search-{side}"),
                    },
                },
            },
        ],
        "serverless_endpoints": [
            {
                "name": "phi",
                "properties": {
                    **ready,
                    "authMode": "Key",
                    "modelSettings": {"modelId": "azureml://registries/azureml/models/Phi-4"},
                    "contentSafety": {"contentSafetyStatus": "Enabled"},
                    "endpointState": "Online",
                },
            }
        ],
        "search_indexes": [
            {
                "name": "search/policies",
                "definition": {"name": "policies", "fields": []},
                "statistics": {"documentCount": 120, "storageSize": 4096},
            }
        ],
        "openai_deployments": [
            {
                "name": "chat",
                "sku": {"name": "Standard", "capacity": 30},
                "properties": {**ready, "model": {"format": "OpenAI", "name": "gpt", "version": "2"}},
            }
        ],
        "cognitive_usages": [usage("OpenAI.Standard.gpt", 30, 120)],
        "datastores": [
            {
                "name": "workspaceblobstore",
                "properties": {
                    "datastoreType": "AzureBlob",
                    "accountName": f"store-{side}",
                    "containerName": f"made-up-{side}",
                    "credentials": {"credentialsType": "None"},
                    "isDefault": True,
                },
            }
        ],
        "data_versions": [
            version("data", "flowers", "1", dataUri="azureml://datastores/lake/paths/flowers/", dataType="uri_folder")
        ],
        "environment_containers": [{"name": "train", "properties": {"latestVersion": "3"}}],
        "environment_versions": [
            version("environments", "train", "3", image="images.azurecr.io/train:3", osType="Linux")
        ],
        "model_versions": [version("models", "risk", "5", modelUri="azureml://registries/r/models/risk/versions/5")],
        "component_versions": [
            version(
                "components",
                "prep",
                "1",
                componentSpec={"command": "x", "environment": f"azureml:{project(side)}/environments/train/versions/3"},
            )
        ],
        "code_versions": [version("codes", "abc", "1", codeUri=f"https://store-{side}.blob.core.windows.net/code/abc")],
        "registry": {
            "name": "r",
            "properties": {"regionDetails": [{"location": "northeurope"}, {"location": "westeurope"}]},
        },
        "online_endpoints": [
            {
                "name": "score",
                "properties": {
                    **ready,
                    "authMode": "AADToken",
                    "publicNetworkAccess": "Enabled",
                    "traffic": {"blue": 100},
                },
            }
        ],
        "online_deployments": [
            {
                "name": "blue",
                "sku": {"name": "Default", "capacity": 2},
                "properties": {
                    **ready,
                    "instanceType": "Standard_DS3_v2",
                    "model": f"{project(side)}/models/risk/versions/5",
                },
            }
        ],
        "schedules": [
            {
                "name": "nightly",
                "properties": {
                    "isEnabled": side == "ne",
                    "trigger": {"triggerType": "Cron", "expression": "0 3 * * *"},
                },
            }
        ],
        "storage": {
            "name": f"store-{side}",
            "kind": "StorageV2",
            "location": region,
            "properties": {**ready, "allowSharedKeyAccess": False},
        },
        "shared_data_storage": {
            "name": "lake",
            "location": "northeurope",
            "sku": {"name": "Standard_RAGZRS"},
            "properties": {
                "secondaryLocation": "westeurope",
                "statusOfSecondary": "available",
                "geoReplicationStats": {"status": "Live", "canFailover": True, "lastSyncTime": "2026-05-01T11:55:00Z"},
            },
        },
        "object_replication_policies": [
            {
                "name": "p1",
                "properties": {
                    "enabledTime": "2026-01-01T00:00:00Z",
                    "sourceAccount": "store-ne",
                    "destinationAccount": "store-we",
                    "rules": [{"ruleId": "r1"}],
                },
            }
        ],
        "blob_service": {
            "properties": {
                "isVersioningEnabled": True,
                **{
                    name: {"enabled": True}
                    for name in ("changeFeed", "deleteRetentionPolicy", "containerDeleteRetentionPolicy")
                },
            }
        },
        "keyvault": {
            "name": f"vault-{side}",
            "location": region,
            "properties": {
                "enableSoftDelete": True,
                "enablePurgeProtection": True,
                "softDeleteRetentionInDays": 90,
                "enableRbacAuthorization": True,
            },
        },
        "acr": {"name": "images", "location": "northeurope", "sku": {"name": "Premium"}, "properties": dict(ready)},
        "acr_replications": [
            {
                "name": name,
                "location": name,
                "properties": {**ready, "regionEndpointEnabled": True, "status": {"displayStatus": "Ready"}},
            }
            for name in ("northeurope", "westeurope")
        ],
        "app_insights": {
            "name": f"insights-{side}",
            "location": region,
            "properties": {
                "WorkspaceResourceId": resource(side, "Microsoft.OperationalInsights/workspaces", f"logs-{side}")
            },
        },
        "log_analytics": {"name": f"logs-{side}", "location": region, "properties": {**ready, "retentionInDays": 30}},
        "diagnostic_settings": [
            {
                "name": "all",
                "properties": {
                    "workspaceId": resource(side, "Microsoft.OperationalInsights/workspaces", f"logs-{side}"),
                    "logs": [{"category": "AmlRunStatusChangedEvent", "enabled": True}],
                },
            }
        ],
        "role_assignments": [
            {
                "name": f"guid-{side}",
                "properties": {
                    "roleDefinitionId": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/reader",
                    "principalId": principal,
                    "scope": own["storageAccount"],
                },
            }
        ],
        "private_endpoints": [
            {
                "name": f"pe-{side}",
                "location": region,
                "properties": {
                    **ready,
                    "dnsZoneGroups": ["privatelink.api.azureml.ms"],
                    "privateLinkServiceConnections": [
                        {
                            "properties": {
                                "privateLinkServiceId": resource(
                                    side, "Microsoft.MachineLearningServices/workspaces", f"hub-{side}"
                                ),
                                "groupIds": ["amlworkspace"],
                                "privateLinkServiceConnectionState": {"status": "Approved"},
                            }
                        }
                    ],
                },
            }
        ],
        "private_dns_links": [
            {
                "name": f"zone/link-{name}",
                "properties": {
                    **ready,
                    "virtualNetwork": {"id": f"vnet-{name}"},
                    "virtualNetworkLinkState": "Completed",
                },
            }
            for name in SIDES
        ],
        "outbound_rules": [
            {"name": "out", "properties": {"type": "FQDN", "destination": "example.org", "status": "Active"}}
        ],
        "app_config": {
            "name": "settings",
            "sku": {"name": "standard"},
            "properties": {**ready, "enablePurgeProtection": True, "disableLocalAuth": True},
        },
        "app_config_replicas": [{"name": "second", "location": "westeurope", "properties": dict(ready)}],
        "search_service": None,
        "cosmos_account": {
            "name": "state",
            "properties": {
                "enableAutomaticFailover": True,
                "backupPolicy": {"type": "Continuous"},
                "locations": [{"locationName": "North Europe"}, {"locationName": "West Europe"}],
            },
        },
        "health_availability": {"properties": {"availabilityState": "Available"}},
        "health_events": [],
        "deleted": {"vaults": [], "storageAccounts": []},
    }
