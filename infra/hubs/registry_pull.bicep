// Clusters of both projects pull the images of their jobs with identities of their own.
param registry string
param primaryJobsPrincipalId string
param secondaryJobsPrincipalId string

var roles = loadJsonContent('../roles.json')

resource registryItself 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registry
}

resource primaryPulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registryItself
  name: guid(registryItself.id, primaryJobsPrincipalId, roles.acrPull)
  properties: {
    principalId: primaryJobsPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
  }
}

resource secondaryPulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registryItself
  name: guid(registryItself.id, secondaryJobsPrincipalId, roles.acrPull)
  properties: {
    principalId: secondaryJobsPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
  }
}
