// Role at one Log Analytics workspace that a plan names as logs.
param workspace string
param probePrincipalId string

var roles = loadJsonContent('../roles.json')

resource logs 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspace
}

resource probeQueries 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: logs
  name: guid(logs.id, probePrincipalId, roles.logAnalyticsReader)
  properties: {
    principalId: probePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.logAnalyticsReader)
  }
}
