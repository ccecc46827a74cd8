// Role at one container registry.
param registry string
param probePrincipalId string

var roles = loadJsonContent('../roles.json')

resource registryItself 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registry
}

resource probePulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registryItself
  name: guid(registryItself.id, probePrincipalId, roles.acrPull)
  properties: {
    principalId: probePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
  }
}
