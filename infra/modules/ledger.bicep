// The account of epoch record, job records and audit: the one place that decides who may act.
// Not geo-redundant on purpose: after an account failover the epoch record may be older than the truth.
param name string
param location string
param tags object
param hasLock bool
param workspaceId string
param executorPrincipalId string
param personPrincipalId string
param personType string

@description('Whether the account is reached through a private endpoint alone.')
param isPrivate bool

@description('Days for which deleted blobs and containers, and thus old versions, can be brought back.')
param retentionInDays int = 30

var roles = loadJsonContent('../roles.json')

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard_ZRS' }
  kind: 'StorageV2'
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    defaultToOAuthAuthentication: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: {
      enabled: true
      days: retentionInDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: retentionInDays
    }
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (hasLock) {
  scope: account
  name: 'hubswitch-ledger'
  properties: {
    level: 'CanNotDelete'
    notes: 'The ledger of hubswitch: without it no pair can be switched.'
  }
}

resource executorWrites 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, executorPrincipalId, roles.storageBlobDataContributor)
  properties: {
    principalId: executorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
  }
}

resource personReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(personPrincipalId)) {
  scope: account
  name: guid(account.id, personPrincipalId, roles.storageBlobDataReader)
  properties: {
    principalId: personPrincipalId
    principalType: personType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataReader)
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: blobs
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

output id string = account.id
