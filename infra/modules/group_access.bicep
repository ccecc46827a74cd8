// Roles at one resource group that holds a hub or what a hub rests on: Resource Health is asked by group, and what was
// deleted there is recovered by a write of it, which Azure does not tell from any other write.
param probePrincipalId string
param executorPrincipalId string
param allowsRecovery bool

var roles = loadJsonContent('../roles.json')

resource probeReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, probePrincipalId, roles.reader)
  properties: {
    principalId: probePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.reader)
  }
}

resource recoveryRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (allowsRecovery) {
  name: guid(resourceGroup().id, 'hubswitch-recovery')
  properties: {
    roleName: 'hubswitch recovery ${uniqueString(resourceGroup().id)}'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: [
          'Microsoft.AppConfiguration/configurationStores/write'
          'Microsoft.CognitiveServices/accounts/write'
          'Microsoft.KeyVault/vaults/write'
          'Microsoft.OperationalInsights/workspaces/write'
          'Microsoft.Storage/storageAccounts/write'
        ]
      }
    ]
  }
}

resource executorRecovers 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (allowsRecovery) {
  name: guid(resourceGroup().id, executorPrincipalId, 'hubswitch-recovery')
  properties: {
    principalId: executorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: recoveryRole.id
  }
}
