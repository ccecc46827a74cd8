// Roles at one storage account that jobs of a pair use.
param account string

@description('Whether folders of environments and models are written there with the executor\'s own token.')
param isWritten bool
param executorPrincipalId string
param probePrincipalId string

var roles = loadJsonContent('../roles.json')

resource storage 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: account
}

resource executorReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, executorPrincipalId, roles.storageBlobDataReader)
  properties: {
    principalId: executorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataReader)
  }
}

resource executorWrites 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (isWritten) {
  scope: storage
  name: guid(storage.id, executorPrincipalId, roles.storageBlobDataContributor)
  properties: {
    principalId: executorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
  }
}

resource probeReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, probePrincipalId, roles.storageBlobDataReader)
  properties: {
    principalId: probePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataReader)
  }
}
