// An alert of Sev1 while a storage account of a hub answers too rarely: evidence of the class metrics.
param account string
param actionGroupId string

var abbreviations = loadJsonContent('../abbreviations.json')

resource storage 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: account
}

resource availability 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${abbreviations.alertRule}hubswitch-${account}-availability'
  location: 'global'
  properties: {
    severity: 1
    enabled: true
    scopes: [storage.id]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'availability'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'Availability'
          operator: 'LessThan'
          threshold: 90
          timeAggregation: 'Average'
        }
      ]
    }
    actions: [{ actionGroupId: actionGroupId }]
  }
}
