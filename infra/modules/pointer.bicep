// The App Configuration store that tells clients where to go, with its replicas.
param name string
param location string
param tags object
param hasLock bool
param purgeProtection bool
param workspaceId string
param executorPrincipalId string

@description('Whether the store is reached through a private endpoint alone. Clients then need one of their own.')
param isPrivate bool

@description('Each with name and location. The name is part of the replica\'s endpoint, which the plan names.')
param replicas array

var roles = loadJsonContent('../roles.json')

resource store 'Microsoft.AppConfiguration/configurationStores@2024-06-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'standard' }
  properties: {
    disableLocalAuth: true
    enablePurgeProtection: purgeProtection
    softDeleteRetentionInDays: 7
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    // With 'Local' Resource Manager reads key-values by access keys, which are off.
    dataPlaneProxy: { authenticationMode: 'Pass-through' }
  }
}

// A store takes one change at a time.
@batchSize(1)
resource copies 'Microsoft.AppConfiguration/configurationStores/replicas@2024-06-01' = [for replica in replicas: {
  parent: store
  name: replica.name
  location: replica.location
}]

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (hasLock) {
  scope: store
  name: 'hubswitch-pointer'
  properties: {
    level: 'CanNotDelete'
    notes: 'The pointer of hubswitch: clients read from it where to go.'
  }
  dependsOn: [copies]
}

resource executorWrites 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: store
  name: guid(store.id, executorPrincipalId, roles.appConfigurationDataOwner)
  properties: {
    principalId: executorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.appConfigurationDataOwner)
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: store
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'HttpRequest', enabled: true }
      { category: 'Audit', enabled: true }
    ]
  }
}

output id string = store.id
