// The function app on Flex Consumption. Connections are by identity only: there is no key and no connection string with one.
param name string
param planName string
param location string
param tags object
param zoneRedundant bool
param plans string
param storageName string
param deploymentContainer string
param schedulerEndpoint string
param taskHub string
param insightsConnection string
param workspaceId string
param executorId string
param executorClientId string
param probeId string
param probeClientId string

@secure()
param extraSettings string

@description('Service of azure.yaml whose code azd deploys to this app. Of a name that is no service, the hook deploys it.')
param serviceName string

@description('Most instances that the platform may start.')
param maximumInstances int = 40

@description('Client id of the registration in Entra ID with which people sign in. Empty: authentication is left as it is.')
param signInClientId string = ''

@description('Subnet through which the app reaches out. Empty: none.')
param subnetId string = ''

// Without an always-ready instance nothing is looked at until an instance has started.
var ready = zoneRedundant ? 2 : 1

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: {
    type: 'SystemAssigned, UserAssigned'
    userAssignedIdentities: {
      '${executorId}': {}
      '${probeId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deploymentContainer
          authentication: { type: 'SystemAssignedIdentity' }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: maximumInstances
        alwaysReady: [
          { name: 'durable', instanceCount: ready }
          { name: 'http', instanceCount: ready }
        ]
      }
    }
  }
}

// People sign in with Entra ID. Whoever has not signed in is let through to the app, which answers 401 itself: machines have
// keys on every route, and Return401 would refuse them. The excluded paths are those that nobody signs in for: health, and
// what Event Grid and action groups deliver, handshakes among it. Without a client secret the browser gets an ID token.
resource authentication 'Microsoft.Web/sites/config@2025-03-01' = if (!empty(signInClientId)) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
      excludedPaths: ['/api/events', '/api/alerts', '/api/health/live', '/api/health/ready']
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${subscription().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: ['api://${signInClientId}', signInClientId]
        }
      }
    }
    login: {
      tokenStore: { enabled: false }
    }
    httpSettings: {
      requireHttps: true
    }
  }
}

// This replaces all settings of the app: what was set by hand is gone after the next deployment. `extraSettings` stays.
resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(empty(extraSettings) ? {} : base64ToJson(extraSettings), {
    AzureWebJobsStorage__accountName: storageName
    AzureWebJobsStorage__credential: 'managedidentity'
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD'
    DURABLE_TASK_SCHEDULER_CONNECTION_STRING: 'Endpoint=${schedulerEndpoint};Authentication=ManagedIdentity'
    HUBSWITCH_TASK_HUB: taskHub
    HUBSWITCH_PLANS: plans
    HUBSWITCH_CREDENTIAL: 'managed-identity'
    HUBSWITCH_EXECUTOR_CLIENT_ID: executorClientId
    HUBSWITCH_PROBE_CLIENT_ID: probeClientId
    HUBSWITCH_RESOURCE_MANAGER: environment().resourceManager
    HUBSWITCH_APP_URL: 'https://${app.properties.defaultHostName}'
    AzureWebJobsDisableHomepage: 'true'
    PYTHON_THREADPOOL_THREAD_COUNT: '32'
  }, empty(signInClientId) ? {} : {
    HUBSWITCH_SIGNED_IN_HEADER: 'true'
  })
  // With the header believed, the app refuses to start before authentication is on.
  dependsOn: [authentication]
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: app
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
output principalId string = app.identity.principalId
