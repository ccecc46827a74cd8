// What `azd up` makes, all of it in one resource group of its own, or two. Nothing here may deploy into another group:
// `azd down` deletes every resource group in which its deployment has a resource (Azure/azure-dev#2916), and that would
// be the hubs'. What hubs need from us is in access.bicep and deliveries.bicep, which the hooks of azure.yaml deploy.
targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of the azd environment; part of the names of the group and of what is in it.')
param environmentName string

@minLength(1)
@description('Region of everything here: best a third one, else the secondary\'s, never a primary\'s.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Object id of whoever deploys, who may then read the ledger. Empty: nobody.')
param principalId string = ''

@description('What principalId is.')
@allowed(['User', 'ServicePrincipal', 'Group'])
param principalType string = 'User'

@minLength(1)
@description('Plan file, or folder of plans, as a path in this repository: the app setting HUBSWITCH_PLANS.')
param plans string

@minLength(1)
@description('What the plans name, as scripts/azd_hook.py reads it: JSON in base64, because azd puts texts into JSON as they are.')
param estate string

@description('Whether a deleted App Configuration store keeps its name until its retention is over. Off for trials: azd down --purge.')
param purgeProtection bool = false

@description('Whether ledger account and App Configuration store have a lock against deletion. Off for trials: azd down.')
param deleteLocks bool = false

@description('Whether the plan of the app is zone-redundant, in regions that have zones. Each always-ready group has two instances then.')
param zoneRedundant bool = false

@description('Whether ledger, host storage and App Configuration are reached through private endpoints alone. The app itself stays public: Event Grid delivers to public addresses only.')
param privateNetworking bool = false

@description('Address range of the app\'s network if privateNetworking is true, a /24 or larger.')
param networkPrefix string = '10.87.0.0/24'

@description('Address range of the network of a second app if privateNetworking is true, a /24 or larger.')
param secondNetworkPrefix string = '10.87.1.0/24'

@description('Region of a second app that watches the same pairs and takes over when the first one is silent. Empty: none.')
param secondStamp string = ''

@description('Whether the hubs that the plan names are made, too, for people who have none. azd down removes them then.')
param createHubs bool = false

@description('Size of machines of the clusters in these hubs.')
param machineSize string = 'Standard_DS3_v2'

@description('Client id of a registration in Entra ID with the app roles Reader, Operator and Approver: people sign in with it. Empty: keys alone.')
param signInClientId string = ''

@secure()
@description('Further app settings, such as secrets that plans name: a JSON object in base64. Empty: none.')
param extraSettings string = ''

var abbreviations = loadJsonContent('abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var named = base64ToJson(estate)

// An app in a primary's region goes down with what it watches. The preprovision hook says so earlier, and in better words.
var region = contains(named.primaryRegions, location) ? fail('location: a region that no pair has as its primary\'s was expected') : location

// Neither may the second app; and beside the first one it would go down with it.
var hasSecond = !empty(secondStamp)
var taken = union(named.primaryRegions, [location])
var secondRegion = contains(taken, secondStamp) ? fail('secondStamp: a region that no pair has as its primary\'s, and other than location, was expected') : secondStamp
var isSecondPrivate = hasSecond && privateNetworking

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${abbreviations.resourceGroup}${environmentName}'
  location: region
  tags: tags
}

module executor 'modules/identity.bicep' = {
  name: 'executor'
  scope: group
  params: {
    name: '${abbreviations.identity}executor-${token}'
    location: region
    tags: tags
  }
}

module probe 'modules/identity.bicep' = {
  name: 'probe'
  scope: group
  params: {
    name: '${abbreviations.identity}probe-${token}'
    location: region
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: '${abbreviations.logAnalytics}${token}'
    insightsName: '${abbreviations.applicationInsights}${token}'
    location: region
    tags: tags
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: region
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module hostStorage 'modules/host_storage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    name: '${abbreviations.storage}host${token}'
    location: region
    tags: tags
    isPrivate: privateNetworking
  }
}

module ledger 'modules/ledger.bicep' = {
  name: 'ledger'
  scope: group
  params: {
    name: named.ledgerAccount
    location: region
    tags: tags
    hasLock: deleteLocks
    workspaceId: monitoring.outputs.workspaceId
    executorPrincipalId: executor.outputs.principalId
    personPrincipalId: principalId
    personType: principalType
    isPrivate: privateNetworking
  }
}

module pointer 'modules/pointer.bicep' = {
  name: 'pointer'
  scope: group
  params: {
    name: named.store
    location: region
    tags: tags
    replicas: named.replicas
    purgeProtection: purgeProtection
    isPrivate: privateNetworking
    hasLock: deleteLocks
    workspaceId: monitoring.outputs.workspaceId
    executorPrincipalId: executor.outputs.principalId
  }
}

module notices 'modules/notices.bicep' = if (!empty(named.topic)) {
  name: 'notices'
  scope: group
  params: {
    name: named.topic
    location: region
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    executorPrincipalId: executor.outputs.principalId
  }
}

module scheduler 'modules/scheduler.bicep' = {
  name: 'scheduler'
  scope: group
  params: {
    name: '${abbreviations.scheduler}${token}'
    location: region
    tags: tags
    taskHub: 'hubswitch'
  }
}

module privateAccess 'modules/private_access.bicep' = if (privateNetworking) {
  name: 'private-access'
  scope: group
  params: {
    networkName: '${abbreviations.virtualNetwork}${token}'
    endpointPrefix: '${abbreviations.privateEndpoint}${token}-'
    location: region
    tags: tags
    addressPrefix: networkPrefix
    ledgerId: ledger.outputs.id
    hostStorageId: hostStorage.outputs.id
    storeId: pointer.outputs.id
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: '${abbreviations.functionApp}${token}'
    planName: '${abbreviations.functionPlan}${token}'
    serviceName: 'orchestrator'
    location: region
    tags: tags
    zoneRedundant: zoneRedundant
    plans: plans
    storageName: hostStorage.outputs.name
    deploymentContainer: hostStorage.outputs.deploymentContainer
    schedulerEndpoint: scheduler.outputs.endpoint
    taskHub: scheduler.outputs.taskHub
    insightsConnection: monitoring.outputs.insightsConnection
    workspaceId: monitoring.outputs.workspaceId
    executorId: executor.outputs.id
    executorClientId: executor.outputs.clientId
    probeId: probe.outputs.id
    probeClientId: probe.outputs.clientId
    extraSettings: extraSettings
    signInClientId: signInClientId
    subnetId: privateNetworking ? privateAccess.outputs.appSubnetId : ''
  }
}

module hostAccess 'modules/host_access.bicep' = {
  name: 'host-access'
  scope: group
  params: {
    hostPrincipalId: app.outputs.principalId
    storageName: hostStorage.outputs.name
    schedulerName: scheduler.outputs.name
    taskHub: scheduler.outputs.taskHub
    insightsName: monitoring.outputs.insightsName
  }
}

// The second stamp has a host, an engine and a package of its own; ledger, store, topic and identities are shared, so that
// it needs no further role at the hubs. Its service is none of azure.yaml's: azd wants one resource for each of them, also
// where there is no second stamp, and so the postdeploy hook deploys the code.
module secondHostStorage 'modules/host_storage.bicep' = if (hasSecond) {
  name: 'second-host-storage'
  scope: group
  params: {
    name: '${abbreviations.storage}hst2${token}'
    location: secondRegion
    tags: tags
    isPrivate: privateNetworking
  }
}

// A network lies in one region, so the second stamp has one of its own, with endpoints of its own for the shared stores. Their names are in
// zones of its own: two endpoints of one service in one zone would be one name with two addresses, of which each network
// reaches one. A zone's name is unique in a group alone, hence the second group.
resource secondGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = if (isSecondPrivate) {
  name: '${abbreviations.resourceGroup}${environmentName}-second'
  location: secondRegion
  tags: tags
}

module secondPrivateAccess 'modules/private_access.bicep' = if (isSecondPrivate) {
  name: 'second-private-access'
  scope: secondGroup
  params: {
    networkName: '${abbreviations.virtualNetwork}${token}-2'
    endpointPrefix: '${abbreviations.privateEndpoint}${token}-2-'
    location: secondRegion
    tags: tags
    addressPrefix: secondNetworkPrefix
    ledgerId: ledger.outputs.id
    hostStorageId: secondHostStorage.outputs.id
    storeId: pointer.outputs.id
  }
}

module secondScheduler 'modules/scheduler.bicep' = if (hasSecond) {
  name: 'second-scheduler'
  scope: group
  params: {
    name: '${abbreviations.scheduler}${token}-2'
    location: secondRegion
    tags: tags
    taskHub: 'hubswitch'
  }
}

module secondApp 'modules/app.bicep' = if (hasSecond) {
  name: 'second-app'
  scope: group
  params: {
    name: '${abbreviations.functionApp}${token}-2'
    planName: '${abbreviations.functionPlan}${token}-2'
    serviceName: 'orchestrator-second'
    location: secondRegion
    tags: tags
    zoneRedundant: zoneRedundant
    plans: plans
    storageName: secondHostStorage.outputs.name
    deploymentContainer: secondHostStorage.outputs.deploymentContainer
    schedulerEndpoint: secondScheduler.outputs.endpoint
    taskHub: secondScheduler.outputs.taskHub
    insightsConnection: monitoring.outputs.insightsConnection
    workspaceId: monitoring.outputs.workspaceId
    executorId: executor.outputs.id
    executorClientId: executor.outputs.clientId
    probeId: probe.outputs.id
    probeClientId: probe.outputs.clientId
    extraSettings: extraSettings
    signInClientId: signInClientId
    subnetId: isSecondPrivate ? secondPrivateAccess.outputs.appSubnetId : ''
  }
}

module secondHostAccess 'modules/host_access.bicep' = if (hasSecond) {
  name: 'second-host-access'
  scope: group
  params: {
    hostPrincipalId: secondApp.outputs.principalId
    storageName: secondHostStorage.outputs.name
    schedulerName: secondScheduler.outputs.name
    taskHub: secondScheduler.outputs.taskHub
    insightsName: monitoring.outputs.insightsName
  }
}

module hubs 'hubs/pair.bicep' = if (createHubs) {
  name: 'hubs-${token}'
  params: {
    location: region
    tags: tags
    primary: named.newHubs.primary
    secondary: named.newHubs.secondary
    shared: named.newHubs.shared
    machineSize: machineSize
  }
}

output AZURE_LOCATION string = region
output AZURE_RESOURCE_GROUP string = group.name
output HUBSWITCH_APP string = app.outputs.name
output HUBSWITCH_URL string = app.outputs.url
output HUBSWITCH_SECOND_APP string = hasSecond ? secondApp.outputs.name : ''
output HUBSWITCH_SECOND_URL string = hasSecond ? secondApp.outputs.url : ''
output HUBSWITCH_WORKSPACE string = monitoring.outputs.workspaceName
output HUBSWITCH_HOST_STORAGE string = hostStorage.outputs.name
output HUBSWITCH_DEAD_LETTERS string = hostStorage.outputs.deadLetterContainer
output HUBSWITCH_EXECUTOR_PRINCIPAL string = executor.outputs.principalId
output HUBSWITCH_PROBE_PRINCIPAL string = probe.outputs.principalId
output HUBSWITCH_PRIMARY_PROJECT string = createHubs ? hubs.outputs.primaryProjectId : ''
output HUBSWITCH_PRIMARY_LOGS string = createHubs ? hubs.outputs.primaryLogsId : ''
output HUBSWITCH_PRIMARY_LOGS_GUID string = createHubs ? hubs.outputs.primaryLogsGuid : ''
output HUBSWITCH_SECONDARY_PROJECT string = createHubs ? hubs.outputs.secondaryProjectId : ''
output HUBSWITCH_SECONDARY_LOGS string = createHubs ? hubs.outputs.secondaryLogsId : ''
output HUBSWITCH_SECONDARY_LOGS_GUID string = createHubs ? hubs.outputs.secondaryLogsGuid : ''
output HUBSWITCH_SHARED_VAULT string = createHubs ? hubs.outputs.vaultId : ''
output HUBSWITCH_SHARED_REGISTRY string = createHubs ? hubs.outputs.registryId : ''
