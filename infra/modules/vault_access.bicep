// Role at one vault: the names of its secrets are listed, none is read.
param vault string
param probePrincipalId string

var roles = loadJsonContent('../roles.json')

resource vaultItself 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vault
}

resource probeLists 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vaultItself
  name: guid(vaultItself.id, probePrincipalId, roles.keyVaultReader)
  properties: {
    principalId: probePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultReader)
  }
}
