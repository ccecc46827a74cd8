// Where alerts go: those about hubs to the app, which takes them as evidence; those about the app to people.
param appName string

@description('Name of the second stamp\'s app, which takes the same alerts. Empty: there is none.')
param secondAppName string

param hostStorageName string
param email string

var abbreviations = loadJsonContent('../abbreviations.json')

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource secondApp 'Microsoft.Web/sites@2025-03-01' existing = {
  name: empty(secondAppName) ? appName : secondAppName
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: hostStorageName
}

var first = [
  {
    name: 'hubswitch'
    serviceUri: 'https://${app.properties.defaultHostName}/api/alerts?code=${listKeys('${app.id}/host/default', '2025-03-01').functionKeys.default}'
    useCommonAlertSchema: true
  }
]
var second = [
  {
    name: 'hubswitch-second'
    serviceUri: 'https://${secondApp.properties.defaultHostName}/api/alerts?code=${listKeys('${secondApp.id}/host/default', '2025-03-01').functionKeys.default}'
    useCommonAlertSchema: true
  }
]

// The key is part of the URL, so whoever may read this action group may call the app.
resource toTheApp 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${abbreviations.actionGroup}${appName}'
  location: 'Global'
  properties: {
    groupShortName: 'hubswitch'
    enabled: true
    webhookReceivers: empty(secondAppName) ? first : concat(first, second)
  }
}

resource toPeople 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: '${abbreviations.actionGroup}${appName}-people'
  location: 'Global'
  properties: {
    groupShortName: 'hubswitch-p'
    enabled: true
    emailReceivers: [
      {
        name: 'people'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

output groupId string = toTheApp.id
output appId string = app.id
output secondAppId string = empty(secondAppName) ? '' : secondApp.id
output hostStorageId string = hostStorage.id
output peopleGroupIds array = empty(email) ? [] : [toPeople.id]
