"""The check of the templates finds what a deployment would refuse: each case plants a mistake and has its message."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from bicepcheck.__main__ import findings_in, main
from bicepcheck.azure_types import FILE, AzureTypes
from bicepcheck.check import read_all
from bicepcheck.generate import document, used_types
from bicepcheck.grants import BUILT_IN, Grants
from orchestrator.adapters.permissions import CALLS, ML, Where, Who

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "bicep-types"


class Mistake(NamedTuple):
    """A change of a template's text, and what has to be told of it."""

    file: str
    there: str
    instead: str
    told: str


BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
ROLE = "    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobData"

MISTAKES = {
    "syntax": Mistake(
        "modules/ledger.bicep",
        "  kind: 'StorageV2'",
        "  kind 'StorageV2'",
        "modules/ledger.bicep:25:3: syntax: not understood: kind 'StorageV2'",
    ),
    "misspelt property": Mistake(
        "modules/ledger.bicep",
        "    allowSharedKeyAccess: false",
        "    allowSharedKeyAcces: false",
        "ledger.bicep:27:5: properties.allowSharedKeyAcces: no such property (did you mean allowSharedKeyAccess?)",
    ),
    "misspelt property deep inside": Mistake(
        "modules/app.bicep",
        "instanceMemoryMB: 2048",
        "instanceMemoryMb: 2048",
        "properties.functionAppConfig.scaleAndConcurrency.instanceMemoryMb: no such property",
    ),
    "misspelt property in an element": Mistake(
        "modules/app.bicep",
        "{ name: 'durable', instanceCount: ready }",
        "{ name: 'durable', instances: ready }",
        "alwaysReady[0].instances: no such property (did you mean instanceCount?)",
    ),
    "missing location": Mistake(
        "modules/scheduler.bicep",
        "  location: location\n",
        "",
        "scheduler.bicep:10:68: location: required, and not there",
    ),
    "missing required property": Mistake(
        "modules/scheduler.bicep",
        "    ipAllowlist: ipAllowlist\n",
        "",
        "properties.ipAllowlist: required, and not there",
    ),
    "read-only property": Mistake(
        "modules/scheduler.bicep",
        "    ipAllowlist: ipAllowlist\n",
        "    ipAllowlist: ipAllowlist\n    endpoint: name\n",
        "properties.endpoint: Azure sets this; a template may only read it",
    ),
    "unknown version": Mistake(
        "modules/notices.bicep",
        "Microsoft.EventGrid/topics@2025-02-15",
        "Microsoft.EventGrid/topics@2024-02-15",
        "no type Microsoft.EventGrid/topics@2024-02-15 is known; its known versions are 2025-02-15",
    ),
    "unknown type": Mistake(
        "modules/identity.bicep",
        "Microsoft.ManagedIdentity/userAssignedIdentities@",
        "Microsoft.ManagedIdentity/userAssignedIdentity@",
        "did you mean Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30?",
    ),
    "closed list of values": Mistake(
        "modules/app.bicep",
        "type: 'SystemAssigned, UserAssigned'",
        "type: 'SystemAssigned,UserAssigned'",
        "identity.type: expected one of ",
    ),
    "unknown value of an open list": Mistake(
        "modules/scheduler.bicep",
        "sku: { name: 'Consumption' }",
        "sku: { name: 'Consumtion' }",
        "sku.name: expected one of 'Consumption', 'Dedicated' (did you mean 'Consumption'?), got 'Consumtion'",
    ),
    "case of an object": Mistake(
        "modules/project_events.bicep",
        "endpointType: 'AzureFunction'",
        "endpointType: 'AzureFunctions'",
        "properties.destination.endpointType: expected one of AzureFunction, ",
    ),
    "text for a boolean": Mistake(
        "modules/ledger.bicep",
        "allowBlobPublicAccess: false",
        "allowBlobPublicAccess: 'false'",
        "properties.allowBlobPublicAccess: expected boolean, got string",
    ),
    "parameter of another type": Mistake(
        "modules/pointer.bicep",
        "param purgeProtection bool",
        "param purgeProtection string",
        "expected boolean, got string",
    ),
    "name that is not declared": Mistake(
        "modules/app_alerts.bicep",
        "scopes: [workspace.id]",
        "scopes: [workspaces.id]",
        "no workspaces is declared (did you mean workspace?)",
    ),
    "property that a resource has not": Mistake(
        "modules/scheduler.bicep",
        "scheduler.properties.endpoint",
        "scheduler.properties.endPoint",
        "scheduler.properties.endPoint: there is no endPoint (did you mean endpoint?)",
    ),
    "parameter that a module requires": Mistake(
        "main.bicep",
        "    taskHub: 'hubswitch'\n",
        "",
        "params: infra/modules/scheduler.bicep requires taskHub",
    ),
    "parameter that a module has not": Mistake(
        "main.bicep",
        "    replicas: named.replicas",
        "    replica: named.replicas",
        "infra/modules/pointer.bicep has no parameter replica (did you mean replicas?)",
    ),
    "output that a module has not": Mistake(
        "main.bicep",
        "scheduler.outputs.endpoint",
        "scheduler.outputs.endpoints",
        "scheduler.outputs.endpoints: there is no endpoints (did you mean endpoint?)",
    ),
    "module that is not there": Mistake(
        "main.bicep",
        "'modules/notices.bicep'",
        "'modules/notice.bicep'",
        "expected a template, got modules/notice.bicep",
    ),
    "module in the wrong scope": Mistake(
        "access.bicep",
        "scope: subscription(id)",
        "scope: resourceGroup(id, 'rg')",
        "scope: infra/modules/subscription_access.bicep is for a subscription, got resourceGroup",
    ),
    "parent of another type": Mistake(
        "modules/host_storage.bicep",
        "  parent: blobs\n  name: 'deployments'",
        "  parent: account\n  name: 'deployments'",
        "parent: expected a resource of type microsoft.storage/storageaccounts/blobservices",
    ),
    "scope of a role that does not exist": Mistake(
        "modules/vault_access.bicep",
        "  scope: vaultItself\n",
        "  scope: vaultHere\n",
        "scope: expected a resource of this template, got vaultHere",
    ),
    "role for an identity that does not exist": Mistake(
        "modules/notices.bicep",
        "    principalId: executorPrincipalId\n",
        "    principalId: workspaceId\n",
        "executorSends: principalId: no identity of these templates",
    ),
    "role that does not exist": Mistake(
        "modules/registry_access.bicep", "roles.acrPull", "roles.acrPul", "there is no acrPul (did you mean acrPull?)"
    ),
    "role for the wrong identity": Mistake(
        "main.bicep",
        "    executorPrincipalId: executor.outputs.principalId\n    personPrincipalId",
        "    executorPrincipalId: probe.outputs.principalId\n    personPrincipalId",
        f"the executor needs {BLOBS}/write at the ledger's account",
    ),
    "role that allows too little": Mistake(
        "modules/ledger.bicep",
        f"{ROLE}Contributor)",
        f"{ROLE}Reader)",
        f"the executor needs {BLOBS}/write at the ledger's account",
    ),
    "action that is missing in the custom role": Mistake(
        "modules/project_access.bicep",
        "          '${workspaces}/jobs/cancel/action'\n",
        "",
        "the executor needs Microsoft.MachineLearningServices/workspaces/jobs/cancel/action at both projects",
    ),
    "app setting that is missing": Mistake(
        "modules/app.bicep",
        "    HUBSWITCH_PROBE_CLIENT_ID: probeClientId\n",
        "",
        "app setting HUBSWITCH_PROBE_CLIENT_ID: it is read, and not set here",
    ),
    "app setting that nobody reads": Mistake(
        "modules/app.bicep",
        "HUBSWITCH_CREDENTIAL:",
        "HUBSWITCH_CREDENTIALS:",
        "app setting HUBSWITCH_CREDENTIALS: nobody reads it (did you mean HUBSWITCH_CREDENTIAL?)",
    ),
    "parameter that nobody uses": Mistake(
        "modules/identity.bicep", "  tags: tags\n", "", "identity.bicep:4:7: tags is declared and not used"
    ),
    "parameter of the file that the template has not": Mistake(
        "main.parameters.json", '"plans"', '"plan"', "main.parameters.json:9:1: infra/main.bicep has no parameter plan"
    ),
    "group of somebody else in what azd deploys": Mistake(
        "main.bicep",
        "  name: 'probe'\n  scope: group\n",
        "  name: 'probe'\n  scope: resourceGroup('rg-of-a-hub')\n",
        "probe: expected a resource group of this template as scope; azd down would delete another",
    ),
    "function that does not exist": Mistake(
        "main.bicep", "toLower(", "tolower(", "no function tolower is known (did you mean toLower?)"
    ),
    "decorator that does not exist": Mistake(
        "modules/app.bicep", "@secure()", "@secret()", "app.bicep:19:1: no decorator secret is known"
    ),
    "property that an existing resource has not": Mistake(
        "modules/project_events.bicep",
        "source: workspace.id",
        "source: workspace.ids",
        "there is no ids (did you mean id?)",
    ),
    "keys that are on": Mistake(
        "modules/ledger.bicep",
        "    allowSharedKeyAccess: false\n",
        "",
        "properties.allowSharedKeyAccess: expected false, got nothing: connections are by identity only",
    ),
    "ledger that forgets": Mistake(
        "modules/ledger.bicep", "isVersioningEnabled: true", "isVersioningEnabled: false", "expected true, got false"
    ),
    "nothing always ready": Mistake(
        "modules/app.bicep",
        "          { name: 'durable', instanceCount: ready }\n",
        "",
        "alwaysReady: expected an instance for durable",
    ),
    "lock of a whole group": Mistake(
        "modules/pointer.bicep",
        "  scope: store\n  name: 'hubswitch-pointer'",
        "  name: 'hubswitch-pointer'",
        "lock: expected a scope, or it is the whole group's",
    ),
    "role of a whole group": Mistake(
        "modules/vault_access.bicep", "  scope: vaultItself\n", "", "the probe needs Microsoft.KeyVault/vaults/secrets/"
    ),
    "role for an identity that is not found yet": Mistake(
        "modules/vault_access.bicep",
        "    principalType: 'ServicePrincipal'\n",
        "",
        "probeLists: expected principalType",
    ),
    "template of another scope": Mistake(
        "access.bicep", "targetScope = 'subscription'\n", "", "access.bicep:1:1: expected targetScope = 'subscription'"
    ),
    "private endpoint that nobody finds": Mistake(
        "modules/private_endpoint.bicep",
        "  parent: endpoint\n",
        "",
        "endpoint: expected a private DNS zone group, or its name leads to the public address",
    ),
    "private DNS zone that nobody asks": Mistake(
        "modules/private_zone.bicep",
        "  parent: zone\n",
        "",
        "zone: expected a link to a virtual network, or nobody asks this zone",
    ),
    "zone of another service": Mistake(
        "modules/private_access.bicep",
        "zoneId: queueZone.outputs.id",
        "zoneId: blobZone.outputs.id",
        "privateDnsZoneId: expected the zone privatelink.queue.… for queue, got privatelink.blob.",
    ),
    "group of another service": Mistake(
        "modules/private_access.bicep",
        "    serviceId: storeId\n",
        "    serviceId: ledgerId\n",
        "configurationStores is a group of microsoft.appconfiguration/configurationstores, got microsoft.storage/",
    ),
    "group that does not exist": Mistake(
        "modules/private_access.bicep",
        "groupId: 'configurationStores'",
        "groupId: 'configurationStore'",
        "groupIds: expected one of blob, queue, table, configurationStores, got configurationStore",
    ),
    "subnet that is delegated to nobody": Mistake(
        "modules/network.bicep",
        "'Microsoft.App/environments'",
        "'Microsoft.Web/serverFarms'",
        "network: expected a subnet that is delegated to Microsoft.App/environments, as Flex Consumption needs",
    ),
    "ledger that stays public": Mistake(
        "main.bicep",
        "    personType: principalType\n    isPrivate: privateNetworking\n",
        "    personType: principalType\n    isPrivate: 'yes'\n",
        "params.isPrivate: expected boolean, got string",
    ),
    "public network access that privacy does not close": Mistake(
        "modules/pointer.bicep",
        "isPrivate ? 'Disabled' : 'Enabled'",
        "'Enabled'",
        "properties.publicNetworkAccess: expected isPrivate ? 'Disabled' : 'Enabled', got 'Enabled'",
    ),
    "dead letters that are refused": Mistake(
        "modules/host_storage.bicep",
        "bypass: 'AzureServices'",
        "bypass: 'None'",
        "properties.networkAcls.bypass: expected 'AzureServices', got 'None'",
    ),
    "property that a hub has not": Mistake(
        "hubs/hub.bicep",
        "    keyVault: vaultId",
        "    keyvault: vaultId",
        "properties.keyvault: no such property (did you mean keyVault?)",
    ),
    "scale of a cluster that is misspelt": Mistake(
        "hubs/hub.bicep",
        "        maxNodeCount: mostNodes",
        "        maxNodes: mostNodes",
        "properties.properties.scaleSettings.maxNodeCount: required, and not there",
    ),
    "registry that cannot be replicated": Mistake(
        "hubs/shared.bicep", "name: 'Premium'", "name: 'Standard'", "sku.name: expected 'Premium', got 'Standard'"
    ),
    "replica of a registry without a place": Mistake(
        "hubs/shared.bicep", "  location: region\n", "", "location: required, and not there"
    ),
    "datastore with keys that the account refuses": Mistake(
        "hubs/hub.bicep",
        "    systemDatastoresAuthMode: 'Identity'\n",
        "",
        "properties.systemDatastoresAuthMode: expected 'Identity', got nothing",
    ),
    "hubs in a group that azd did not make": Mistake(
        "hubs/pair.bicep",
        "  name: 'hubs-primary'\n  scope: primaryGroup\n",
        "  name: 'hubs-primary'\n  scope: resourceGroup(primary.resourceGroup)\n",
        "primaryHub: expected a resource group of this template as scope; azd down would delete another",
    ),
    "module of a group without a scope": Mistake(
        "deliveries.bicep",
        "  name: 'hubswitch-actions'\n  scope: resourceGroup(resourceGroupName)\n",
        "  name: 'hubswitch-actions'\n",
        "scope: infra/modules/action_group.bicep is for a resourceGroup, got subscription",
    ),
    "role at a resource of another group": Mistake(
        "modules/vault_access.bicep",
        "existing = {\n  name: vault\n",
        "existing = {\n  name: vault\n  scope: resourceGroup('rg-of-the-vault')\n",
        "probeLists: vaultItself is in another scope; expected a module that is deployed there",
    ),
    "role assignment in a template of the subscription": Mistake(
        "modules/vault_access.bicep",
        "param vault string\n",
        "targetScope = 'subscription'\nparam vault string\n",
        "scope: infra/modules/vault_access.bicep is for a subscription, got resourceGroup",
    ),
    "name of a role assignment that is no GUID": Mistake(
        "modules/vault_access.bicep",
        "name: guid(vaultItself.id, probePrincipalId, roles.keyVaultReader)",
        "name: '${vault}-reader'",
        "probeLists: expected guid(…) as the name of a role assignment",
    ),
    "one assignment for two identities": Mistake(
        "modules/account_access.bicep",
        "guid(storage.id, probePrincipalId, roles.storageBlobDataReader)",
        "guid(storage.id, roles.storageBlobDataReader)",
        "probeReads: expected the identity in guid(…), or two identities get one assignment",
    ),
    "two resources of one name": Mistake(
        "modules/account_access.bicep",
        "guid(storage.id, probePrincipalId, roles.storageBlobDataReader)",
        "guid(storage.id, executorPrincipalId, roles.storageBlobDataReader)",
        "probeReads: executorReads has the same name at the same place",
    ),
    "two modules of one name": Mistake(
        "main.bicep",
        "  name: 'probe'\n",
        "  name: 'executor'\n",
        "probe: executor has the same name at the same place",
    ),
    "one name for everything in a loop": Mistake(
        "modules/pointer.bicep",
        "  name: replica.name\n",
        "  name: 'replica'\n",
        "copies: name: expected one for each replica of the loop, or all are made under one",
    ),
    "symbolic name that is taken": Mistake(
        "modules/host_storage.bicep",
        "resource deadLetters ",
        "resource deployments ",
        "host_storage.bicep:40:10: deployments is declared twice",
    ),
    "output that is declared twice": Mistake(
        "modules/identity.bicep",
        "output clientId string = identity.properties.clientId",
        "output id string = identity.properties.clientId",
        "output id is declared twice",
    ),
    "output of another type": Mistake(
        "modules/identity.bicep",
        "output id string = identity.id",
        "output id bool = identity.id",
        "id: expected boolean, got string",
    ),
    "parameter that is not declared": Mistake(
        "modules/identity.bicep",
        "param location string\n",
        "",
        "no location is declared",
    ),
    "variable that nobody uses": Mistake(
        "modules/host_access.bicep",
        "var roles = ",
        "var unused = 'x'\nvar roles = ",
        "host_access.bicep:8:5: unused is declared and not used",
    ),
    "circle of two resources": Mistake(
        "modules/ledger.bicep",
        "  parent: account\n  name: 'default'\n",
        "  parent: account\n  name: 'default'\n  dependsOn: [diagnostics]\n",
        "blobs: a circle, because it needs diagnostics and is needed by it",
    ),
    "resource that waits for itself": Mistake(
        "modules/scheduler.bicep",
        "  parent: scheduler\n",
        "  parent: scheduler\n  dependsOn: [hub]\n",
        "hub: a circle, because it needs hub and is needed by it",
    ),
    "circle through outputs of modules": Mistake(
        "main.bicep",
        "    taskHub: 'hubswitch'\n",
        "    taskHub: app.outputs.name\n",
        "scheduler: a circle, because it needs app and is needed by it",
    ),
    "circle of variables": Mistake(
        "modules/app.bicep",
        "var ready = zoneRedundant ? 2 : 1",
        "var ready = zoneRedundant ? 2 : least\nvar least = ready",
        "ready: a circle, because it needs least and is needed by it",
    ),
    "template that uses itself": Mistake(
        "modules/project_events.bicep",
        "'dead_letter_access.bicep'",
        "'project_events.bicep'",
        "deadLetterAccess: a circle of modules, because project_events.bicep leads back to this file",
    ),
    "dependency that is a text": Mistake(
        "modules/project_events.bicep",
        "dependsOn: [deadLetterAccess]",
        "dependsOn: ['deadLetterAccess']",
        "dependsOn: expected a resource or module of this template, got 'deadLetterAccess'",
    ),
    "dependency on a parameter": Mistake(
        "modules/project_events.bicep",
        "dependsOn: [deadLetterAccess]",
        "dependsOn: [actionGroupId]",
        "dependsOn: expected a resource or module of this template, got actionGroupId",
    ),
    "subnet of a second network that is not always there": Mistake(
        "main.bicep",
        "isSecondPrivate ? secondPrivateAccess.outputs.appSubnetId : ''",
        "secondPrivateAccess.outputs.appSubnetId",
        "secondPrivateAccess.outputs: secondPrivateAccess is made on a condition only; expected condition ? … : …",
    ),
    "second network without its address range": Mistake(
        "main.bicep",
        "    addressPrefix: secondNetworkPrefix\n",
        "",
        "addressPrefix",
    ),
    "output of a module that is not always there": Mistake(
        "main.bicep",
        "privateNetworking ? privateAccess.outputs.appSubnetId : ''",
        "privateAccess.outputs.appSubnetId",
        "privateAccess.outputs: privateAccess is made on a condition only; expected condition ? … : …",
    ),
    "keys in an output": Mistake(
        "modules/action_group.bicep",
        "output appId string = app.id",
        "output appId string = listKeys('${app.id}/host/default', '2025-03-01').functionKeys.default",
        "output appId: what listKeys gives would stand in the history of deployments",
    ),
    "secret parameter in an output": Mistake(
        "modules/app.bicep",
        "output name string = app.name",
        "output name string = '${app.name}${extraSettings}'",
        "output name: the secret extraSettings would stand in the history of deployments",
    ),
    "secret that becomes open on its way": Mistake(
        "modules/app.bicep",
        "@secure()\nparam extraSettings string",
        "param extraSettings string",
        "params.extraSettings: the secret extraSettings is handed to a parameter without @secure()",
    ),
    "secret in the template": Mistake(
        "main.bicep",
        "param extraSettings string = ''",
        "param extraSettings string = 'e30='",
        "extraSettings: a secret stands in the template; expected no default",
    ),
    "host of one cloud": Mistake(
        "modules/app.bicep",
        "HUBSWITCH_RESOURCE_MANAGER: environment().resourceManager",
        "HUBSWITCH_RESOURCE_MANAGER: 'https://management.azure.com'",
        "management.azure.com is the host of one cloud; expected what environment() has",
    ),
    "version of a module's type that is a preview": Mistake(
        "modules/ledger.bicep",
        "Microsoft.Storage/storageAccounts@2026-04-01' =",
        "Microsoft.Storage/storageAccounts@2026-04-01-preview' =",
        "no type Microsoft.Storage/storageAccounts@2026-04-01-preview is known; its known versions are 2026-04-01",
    ),
    "read-only property of a hub": Mistake(
        "hubs/hub.bicep",
        "    friendlyName: side.hub\n",
        "    friendlyName: side.hub\n    workspaceId: side.hub\n",
        "properties.workspaceId: Azure sets this; a template may only read it",
    ),
    "property that is given twice": Mistake(
        "modules/identity.bicep", "  tags: tags\n", "  tags: tags\n  tags: tags\n", "tags is given twice"
    ),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The templates in a repository of their own."""
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    shutil.copy(ROOT / "host.json", tmp_path / "host.json")
    return tmp_path


def test_the_templates_have_no_findings() -> None:
    """As ``make check`` looks at them."""
    assert [str(each) for each in findings_in(ROOT / "infra")] == []


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_planted_mistake_is_found(mistake: Mistake, copy: Path) -> None:
    """At its place, in words that say what was expected."""
    file = copy / "infra" / mistake.file
    text = file.read_text(encoding="utf-8")
    assert mistake.there in text
    file.write_text(text.replace(mistake.there, mistake.instead, 1), encoding="utf-8")
    found = [str(each) for each in findings_in(copy / "infra", copy)]
    assert [line for line in found if mistake.told in line], found


NEEDED = sorted({call.needs for call in CALLS if call.who is Who.EXECUTOR and call.where is Where.PROJECT})


@pytest.mark.parametrize("permission", NEEDED, ids=lambda permission: permission.rpartition("workspaces/")[2])
def test_each_permission_of_the_custom_role_is_missed_by_name(permission: str, copy: Path) -> None:
    """One less than the template grants, and the check says which, for whom and where."""
    file = copy / "infra" / "modules" / "project_access.bicep"
    text = file.read_text(encoding="utf-8")
    is_ours = permission.startswith(f"{ML}/")
    granted = f"'${{workspaces}}/{permission.removeprefix(ML + '/')}'" if is_ours else f"'{permission}'"
    assert granted in text
    file.write_text(text.replace(granted, "'none'", 1), encoding="utf-8")
    told = f"infra:1:1: the executor needs {permission} at both projects, and no role of infra/ grants it"
    assert [str(each) for each in findings_in(copy / "infra", copy)] == [told]


def test_at_least_eighty_mistakes_are_planted() -> None:
    """The check is worth as much as the mistakes that it was seen to find."""
    assert len(MISTAKES) >= 80


def test_every_grant_of_the_custom_role_is_needed_by_a_call_or_said_to_be_spare(copy: Path) -> None:
    """Least privilege, the other way round: what no call needs is not granted, but for a few reads and writes."""
    grants = Grants(read_all(copy / "infra", copy))
    role = next(grant.role for grant in grants.grants if grant.role.name == "executorRole")
    needed = {call.needs for call in CALLS}
    spare = {
        f"{ML}/{kind}/{verb}"
        for kind in ("codes", "environments", "components", "data", "models")
        for verb in ("read", "write")
    }
    assert set(role.actions) - needed - spare == set()


def test_every_role_that_is_named_is_described() -> None:
    """``infra/roles.json`` has the ids, ``bicepcheck/builtin_roles.toml`` what they allow."""
    named = json.loads((ROOT / "infra" / "roles.json").read_text(encoding="utf-8"))
    assert set(named) == set(BUILT_IN)


def test_every_type_of_the_templates_is_in_the_types_file_and_no_other() -> None:
    """Whoever adds a resource writes ``bicepcheck/types.toml`` anew."""
    types = AzureTypes()
    assert {name for name in used_types(ROOT / "infra") if types.resource(name) is None} == set()


@pytest.mark.skipif(not CORPUS.is_dir(), reason="Microsoft's types are not beside the repository")
def test_the_types_are_what_microsoft_says() -> None:
    """``python -m bicepcheck.generate FOLDER --write`` writes the file."""
    assert FILE.read_text(encoding="utf-8") == document(CORPUS)


def test_a_folder_without_templates_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was checked, and that is said."""
    assert main([str(tmp_path)]) == 1
    assert "0 templates" in capsys.readouterr().err
