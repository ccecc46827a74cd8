// What both hubs share: the vault, which Azure fails over by itself, and the registry, which is replicated.
param vaultName string
param registryName string
param location string
param tags object

@description('Regions of the hubs. Each gets a replica of the registry, unless it is the registry\'s own.')
param regions array

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: vaultName
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    softDeleteRetentionInDays: 7
  }
}

// Replicas need Premium.
resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: registryName
  location: location
  tags: tags
  sku: { name: 'Premium' }
  properties: {
    adminUserEnabled: false
  }
}

resource replicas 'Microsoft.ContainerRegistry/registries/replications@2023-07-01' = [for region in filter(regions, one => one != location): {
  parent: registry
  name: region
  location: region
  tags: tags
  properties: {}
}]

output vaultId string = vault.id
output registryId string = registry.id
