// One hub with one project, and what it does not share with the other side. No account key is used anywhere: the default
// datastores have no credentials, so HUBSWITCH_IDENTITY_BASED_DATASTORES has to be true.
param side object
param tags object
param vaultId string
param registryId string
param machineSize string

@description('Most nodes of the cluster. It has none while nothing runs.')
param mostNodes int = 2

var abbreviations = loadJsonContent('../abbreviations.json')
var roles = loadJsonContent('../roles.json')

resource storage 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: side.storage
  location: side.region
  tags: tags
  // Azure Machine Learning does not support a failover of its default storage, so no copy in another region helps.
  sku: { name: 'Standard_ZRS' }
  kind: 'StorageV2'
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: '${abbreviations.logAnalytics}${side.hub}'
  location: side.region
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
  }
}

// Jobs of the service write here with its key, so local authentication stays on.
resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${abbreviations.applicationInsights}${side.hub}'
  location: side.region
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
  }
}

resource hub 'Microsoft.MachineLearningServices/workspaces@2024-10-01-preview' = {
  name: side.hub
  location: side.region
  tags: tags
  kind: 'Hub'
  identity: { type: 'SystemAssigned' }
  properties: {
    friendlyName: side.hub
    storageAccount: storage.id
    keyVault: vaultId
    containerRegistry: registryId
    applicationInsights: insights.id
    systemDatastoresAuthMode: 'Identity'
  }
}

resource project 'Microsoft.MachineLearningServices/workspaces@2024-10-01-preview' = {
  name: side.project
  location: side.region
  tags: tags
  kind: 'Project'
  identity: { type: 'SystemAssigned' }
  properties: {
    friendlyName: side.project
    hubResourceId: hub.id
    systemDatastoresAuthMode: 'Identity'
  }
}

resource jobs 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${abbreviations.identity}jobs-${side.project}'
  location: side.region
  tags: tags
}

resource jobsWrite 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, jobs.id, roles.storageBlobDataContributor)
  properties: {
    principalId: jobs.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
  }
}

// It has the same name on both sides, so that a moved job finds it. hubswitch reads clusters of the project. Whether the
// service wants them made at the hub instead has not been tried.
resource cluster 'Microsoft.MachineLearningServices/workspaces/computes@2024-10-01-preview' = {
  parent: project
  name: 'cpu-small'
  location: side.region
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${jobs.id}': {}
    }
  }
  properties: {
    computeType: 'AmlCompute'
    properties: {
      vmSize: machineSize
      vmPriority: 'Dedicated'
      remoteLoginPortPublicAccess: 'Disabled'
      scaleSettings: {
        minNodeCount: 0
        maxNodeCount: mostNodes
        nodeIdleTimeBeforeScaleDown: 'PT10M'
      }
    }
  }
}

// What polls of logs read, if the plan names the workspace as `logs`.
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: project
  name: 'service'
  location: side.region
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'AmlRunStatusChangedEvent', enabled: true }]
  }
}

output projectId string = project.id
output logsId string = workspace.id
output logsGuid string = workspace.properties.customerId
output jobsPrincipalId string = jobs.properties.principalId
