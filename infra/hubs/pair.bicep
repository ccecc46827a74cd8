// A pair of hubs for people who have none yet: `createHubs` of main.bicep. Its shape is what Microsoft recommends for
// failover of Azure Machine Learning: two hubs with projects, storage and Application Insights of their own, one vault and
// one geo-replicated registry for both. Everything is called as the plan calls it.
//
// Each group lies in the region of what is in it. What both share lies in the app's region, so that the loss of neither
// hub's region takes it away: after a failover by Microsoft a vault is read-only.
targetScope = 'subscription'

@description('Region of vault and registry.')
param location string
param tags object

@description('region, resourceGroup, hub, project, storage.')
param primary object

@description('The same of the other side.')
param secondary object

@description('resourceGroup, vault, registry.')
param shared object

@description('Size of the machines of each project\'s cluster. Both regions need quota for it.')
param machineSize string

resource sharedGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: shared.resourceGroup
  location: location
  tags: tags
}

resource primaryGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: primary.resourceGroup
  location: primary.region
  tags: tags
}

resource secondaryGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: secondary.resourceGroup
  location: secondary.region
  tags: tags
}

module sharedParts 'shared.bicep' = {
  name: 'hubs-shared'
  scope: sharedGroup
  params: {
    vaultName: shared.vault
    registryName: shared.registry
    location: location
    tags: tags
    regions: [primary.region, secondary.region]
  }
}

module primaryHub 'hub.bicep' = {
  name: 'hubs-primary'
  scope: primaryGroup
  params: {
    side: primary
    tags: tags
    vaultId: sharedParts.outputs.vaultId
    registryId: sharedParts.outputs.registryId
    machineSize: machineSize
  }
}

module secondaryHub 'hub.bicep' = {
  name: 'hubs-secondary'
  scope: secondaryGroup
  params: {
    side: secondary
    tags: tags
    vaultId: sharedParts.outputs.vaultId
    registryId: sharedParts.outputs.registryId
    machineSize: machineSize
  }
}

module pulls 'registry_pull.bicep' = {
  name: 'hubs-pulls'
  scope: sharedGroup
  params: {
    registry: shared.registry
    primaryJobsPrincipalId: primaryHub.outputs.jobsPrincipalId
    secondaryJobsPrincipalId: secondaryHub.outputs.jobsPrincipalId
  }
}

output primaryProjectId string = primaryHub.outputs.projectId
output primaryLogsId string = primaryHub.outputs.logsId
output primaryLogsGuid string = primaryHub.outputs.logsGuid
output secondaryProjectId string = secondaryHub.outputs.projectId
output secondaryLogsId string = secondaryHub.outputs.logsId
output secondaryLogsGuid string = secondaryHub.outputs.logsGuid
output vaultId string = sharedParts.outputs.vaultId
output registryId string = sharedParts.outputs.registryId
