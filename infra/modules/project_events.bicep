// Events of one project, so that its jobs are recorded within seconds. A system topic lives in the region of its source.
param project string
param location string
param appId string

@description('Id of the second stamp\'s app, which gets the same events. Empty: there is none.')
param secondAppId string

param appSubscription string
param appResourceGroup string
param hostStorageId string
param hostStorageName string
param deadLetterContainer string
param actionGroupId string

@description('Log Analytics workspace of the app, where failed deliveries are logged.')
param workspaceId string

var abbreviations = loadJsonContent('../abbreviations.json')

resource workspace 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: project
}

// A source has one system topic at most. Where there is one already, this fails: remove it, or subscribe by hand.
resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: '${abbreviations.eventGridSystemTopic}hubswitch-${project}'
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    source: workspace.id
    topicType: 'Microsoft.MachineLearningServices.Workspaces'
  }
}

module deadLetterAccess 'dead_letter_access.bicep' = {
  name: 'hubswitch-dead-letters-${uniqueString(workspace.id)}'
  scope: resourceGroup(appSubscription, appResourceGroup)
  params: {
    account: hostStorageName
    topicPrincipalId: topic.identity.principalId
  }
}

resource toTheApp 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'hubswitch'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${appId}/functions/on_event_grid'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: [
        'Microsoft.MachineLearningServices.RunCompleted'
        'Microsoft.MachineLearningServices.RunStatusChanged'
      ]
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: hostStorageId
          blobContainerName: deadLetterContainer
        }
      }
    }
  }
  dependsOn: [deadLetterAccess]
}

// The second stamp hears the same: what it has heard is ripe when it takes over.
resource toTheSecondApp 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = if (!empty(secondAppId)) {
  parent: topic
  name: 'hubswitch-second'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${secondAppId}/functions/on_event_grid'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: [
        'Microsoft.MachineLearningServices.RunCompleted'
        'Microsoft.MachineLearningServices.RunStatusChanged'
      ]
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: hostStorageId
          blobContainerName: deadLetterContainer
        }
      }
    }
  }
  dependsOn: [deadLetterAccess]
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: topic
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'DeliveryFailures', enabled: true }]
  }
}

// Lost events cost time only: the timer finds the jobs within a minute. Somebody should look at why, all the same.
resource deadLetters 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${abbreviations.alertRule}hubswitch-${project}-dead-letters'
  location: 'global'
  properties: {
    severity: 3
    enabled: true
    scopes: [topic.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    targetResourceType: 'Microsoft.EventGrid/systemTopics'
    targetResourceRegion: location
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-letters'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'DeadLetteredCount'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [{ actionGroupId: actionGroupId }]
  }
}
