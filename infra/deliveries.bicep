// What brings events and alerts to the app. The postdeploy hook deploys it: Event Grid and action groups need the code to
// be there, for its functions and its keys. Apart from main.bicep for the reason that is told there.
targetScope = 'subscription'

@minLength(1)
@description('What the plans name, as scripts/azd_hook.py reads it: JSON in base64.')
param estate string

@minLength(1)
@description('Region of the app.')
param location string

@minLength(1)
@description('Resource group of the app.')
param resourceGroupName string

@minLength(1)
@description('Name of the function app.')
param appName string

@description('Name of the second stamp\'s function app. Empty: there is none.')
param secondAppName string = ''

@minLength(1)
@description('Storage account of the host, which takes events that could not be delivered.')
param hostStorageName string

@minLength(1)
@description('Container for them.')
param deadLetterContainer string

@minLength(1)
@description('Log Analytics workspace of the app.')
param workspaceName string

@description('Address of people who are told of trouble with the app itself. Empty: nobody.')
param email string = ''

var named = base64ToJson(estate)

module actions 'modules/action_group.bicep' = {
  name: 'hubswitch-actions'
  scope: resourceGroup(resourceGroupName)
  params: {
    appName: appName
    secondAppName: secondAppName
    hostStorageName: hostStorageName
    email: email
  }
}

module appAlerts 'modules/app_alerts.bicep' = {
  name: 'hubswitch-app-alerts'
  scope: resourceGroup(resourceGroupName)
  params: {
    location: location
    appName: appName
    workspaceName: workspaceName
    peopleGroupIds: actions.outputs.peopleGroupIds
  }
}

module events 'modules/project_events.bicep' = [for project in named.projects: {
  name: 'hubswitch-events-${uniqueString(project.name, project.resourceGroup)}'
  scope: resourceGroup(project.subscription, project.resourceGroup)
  params: {
    project: project.name
    location: project.region
    appId: actions.outputs.appId
    secondAppId: actions.outputs.secondAppId
    appSubscription: subscription().subscriptionId
    appResourceGroup: resourceGroupName
    hostStorageId: actions.outputs.hostStorageId
    hostStorageName: hostStorageName
    deadLetterContainer: deadLetterContainer
    actionGroupId: actions.outputs.groupId
    workspaceId: appAlerts.outputs.workspaceId
  }
}]

module hubAlerts 'modules/hub_alerts.bicep' = [for project in named.projects: {
  name: 'hubswitch-alerts-${uniqueString(project.name, project.resourceGroup)}'
  scope: resourceGroup(project.subscription, project.resourceGroup)
  params: {
    project: project.name
    regionName: project.regionName
    actionGroupId: actions.outputs.groupId
  }
}]

module accountAlerts 'modules/account_alert.bicep' = [for account in named.accounts: {
  name: 'hubswitch-alerts-${uniqueString('account', account.name)}'
  scope: resourceGroup(account.subscription, account.resourceGroup)
  params: {
    account: account.name
    actionGroupId: actions.outputs.groupId
  }
}]
