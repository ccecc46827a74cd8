// Roles at one project, and its hub's lock. The custom roles are the project's own: none can be assigned elsewhere.
param project string
param hub string
param hasEndpoint bool
param hasLock bool
param scalesClusters bool
param changesEndpoints bool
param changesBatchEndpoints bool
param setsSchedules bool
param executorPrincipalId string
param probePrincipalId string

var roles = loadJsonContent('../roles.json')
var workspaces = 'Microsoft.MachineLearningServices/workspaces'
var mark = uniqueString(workspace.id)

resource workspace 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: project
}

resource hubItself 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: hub
}

// Nothing that deletes, no write of the workspace, no keys of it, no secrets of connections, no roles.
resource executorRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(workspace.id, 'hubswitch-executor')
  properties: {
    roleName: 'hubswitch executor ${project} ${mark}'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: union([
          '${workspaces}/read'
          '${workspaces}/jobs/read'
          '${workspaces}/jobs/write'
          '${workspaces}/jobs/cancel/action'
          '${workspaces}/codes/read'
          '${workspaces}/codes/write'
          '${workspaces}/codes/versions/read'
          '${workspaces}/codes/versions/write'
          '${workspaces}/codes/versions/startPendingUpload/action'
          '${workspaces}/environments/read'
          '${workspaces}/environments/write'
          '${workspaces}/environments/versions/read'
          '${workspaces}/environments/versions/write'
          '${workspaces}/components/read'
          '${workspaces}/components/write'
          '${workspaces}/components/versions/read'
          '${workspaces}/components/versions/write'
          '${workspaces}/data/read'
          '${workspaces}/data/write'
          '${workspaces}/data/versions/read'
          '${workspaces}/data/versions/write'
          '${workspaces}/models/read'
          '${workspaces}/models/write'
          '${workspaces}/models/versions/read'
          '${workspaces}/models/versions/write'
          '${workspaces}/datastores/read'
          '${workspaces}/datastores/listSecrets/action'
          '${workspaces}/computes/read'
          'Microsoft.Authorization/permissions/read'
        ], scalesClusters ? ['${workspaces}/computes/write'] : [], changesEndpoints ? [
          '${workspaces}/onlineEndpoints/read'
          '${workspaces}/onlineEndpoints/write'
          '${workspaces}/onlineEndpoints/deployments/read'
          '${workspaces}/onlineEndpoints/deployments/write'
        ] : [], changesBatchEndpoints ? [
          '${workspaces}/batchEndpoints/read'
          '${workspaces}/batchEndpoints/write'
          '${workspaces}/batchEndpoints/deployments/read'
        ] : [], setsSchedules ? [
          '${workspaces}/schedules/read'
          '${workspaces}/schedules/write'
        ] : [])
      }
    ]
  }
}

resource executorActs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, executorPrincipalId, executorRole.id)
  properties: {
    principalId: executorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: executorRole.id
  }
}

resource probeReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, probePrincipalId, roles.reader)
  properties: {
    principalId: probePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.reader)
  }
}

resource scorerRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (hasEndpoint) {
  name: guid(workspace.id, 'hubswitch-scorer')
  properties: {
    roleName: 'hubswitch scorer ${project} ${mark}'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [{ actions: ['${workspaces}/onlineEndpoints/score/action'] }]
  }
}

resource probeScores 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasEndpoint) {
  scope: workspace
  name: guid(workspace.id, probePrincipalId, 'hubswitch-scorer')
  properties: {
    principalId: probePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: scorerRole.id
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (hasLock) {
  scope: hubItself
  name: 'hubswitch-hub'
  properties: {
    level: 'CanNotDelete'
    notes: 'A hub of a pair that hubswitch watches: it cannot be recovered once it is deleted.'
  }
}
