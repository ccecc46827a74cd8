// Role at one subscription: Service Health, and what readiness reads there (quota, stores, what was deleted), no more.
targetScope = 'subscription'

param probePrincipalId string

resource healthRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, 'hubswitch-health')
  properties: {
    roleName: 'hubswitch health ${uniqueString(subscription().id)}'
    type: 'CustomRole'
    assignableScopes: [subscription().id]
    permissions: [
      {
        actions: [
          'Microsoft.ResourceHealth/events/read'
          'Microsoft.Resources/subscriptions/read'
          'Microsoft.Resources/subscriptions/locations/read'
          // With a star: Azure refuses a role that names an action of which it does not know, and one is a guess.
          'Microsoft.MachineLearningServices/locations/*/read'
          'Microsoft.CognitiveServices/locations/usages/read'
          'Microsoft.AppConfiguration/configurationStores/read'
          'Microsoft.AppConfiguration/configurationStores/replicas/read'
          'Microsoft.AppConfiguration/deletedConfigurationStores/read'
          'Microsoft.CognitiveServices/deletedAccounts/read'
          'Microsoft.KeyVault/deletedVaults/read'
          'Microsoft.OperationalInsights/deletedWorkspaces/read'
          'Microsoft.Storage/deletedAccounts/read'
        ]
      }
    ]
  }
}

resource probeReadsHealth 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, probePrincipalId, 'hubswitch-health')
  properties: {
    principalId: probePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: healthRole.id
  }
}
