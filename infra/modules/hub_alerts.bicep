// Activity-log alerts about one hub: Service Health of its region, Resource Health of its group, deletions in its group.
// They stand in the hub's own group, because an activity log is one subscription's.
param project string

@description('The region as Service Health spells it, such as East US 2.')
param regionName string
param actionGroupId string

var abbreviations = loadJsonContent('../abbreviations.json')

// Services are not filtered here: their names change, and the app judges by the list of its plans.
resource serviceHealth 'Microsoft.Insights/activityLogAlerts@2026-01-01' = {
  name: '${abbreviations.alertRule}hubswitch-${project}-service-health'
  location: 'Global'
  properties: {
    enabled: true
    scopes: [subscription().id]
    condition: {
      allOf: [
        { field: 'category', equals: 'ServiceHealth' }
        { field: 'properties.impactedServices[*].ImpactedRegions[*].RegionName', containsAny: [regionName, 'Global'] }
      ]
    }
    actions: { actionGroups: [{ actionGroupId: actionGroupId }] }
  }
}

resource resourceHealth 'Microsoft.Insights/activityLogAlerts@2026-01-01' = {
  name: '${abbreviations.alertRule}hubswitch-${project}-resource-health'
  location: 'Global'
  properties: {
    enabled: true
    scopes: [subscription().id]
    condition: {
      allOf: [
        { field: 'category', equals: 'ResourceHealth' }
        { field: 'resourceGroup', equals: resourceGroup().name }
      ]
    }
    actions: { actionGroups: [{ actionGroupId: actionGroupId }] }
  }
}

resource deletions 'Microsoft.Insights/activityLogAlerts@2026-01-01' = {
  name: '${abbreviations.alertRule}hubswitch-${project}-deletions'
  location: 'Global'
  properties: {
    enabled: true
    scopes: [subscription().id]
    condition: {
      allOf: [
        { field: 'category', equals: 'Administrative' }
        { field: 'resourceGroup', equals: resourceGroup().name }
        {
          anyOf: [
            { field: 'operationName', equals: 'Microsoft.MachineLearningServices/workspaces/delete' }
            { field: 'operationName', equals: 'Microsoft.Storage/storageAccounts/delete' }
            { field: 'operationName', equals: 'Microsoft.KeyVault/vaults/delete' }
            { field: 'operationName', equals: 'Microsoft.ContainerRegistry/registries/delete' }
            { field: 'operationName', equals: 'Microsoft.Resources/subscriptions/resourceGroups/delete' }
          ]
        }
      ]
    }
    actions: { actionGroups: [{ actionGroupId: actionGroupId }] }
  }
}
