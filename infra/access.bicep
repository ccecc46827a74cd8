// What hubswitch may do at the hubs: roles at their projects, stores, groups and subscriptions, wherever those are.
// The postprovision hook deploys it apart from main.bicep, so that `azd down` never takes a hub's group for one of azd's.
targetScope = 'subscription'

@minLength(1)
@description('What the plans name, as scripts/azd_hook.py reads it: JSON in base64.')
param estate string

@minLength(1)
@description('Object id of the identity that switches and resubmits.')
param executorPrincipalId string

@minLength(1)
@description('Object id of the identity that only looks.')
param probePrincipalId string

@description('Whether default datastores of projects have no credentials, so that the executor writes with its own token.')
param identityBasedDatastores bool = false

@description('Whether hubs have a lock against deletion.')
param hubLocks bool = false

@description('Whether the executor may recover deleted vaults, accounts, workspaces and stores: it may then write them.')
param allowRecovery bool = false

var named = base64ToJson(estate)

module projects 'modules/project_access.bicep' = [for project in named.projects: {
  name: 'hubswitch-access-${uniqueString(project.name, project.resourceGroup)}'
  scope: resourceGroup(project.subscription, project.resourceGroup)
  params: {
    project: project.name
    hub: project.hub
    hasEndpoint: project.hasEndpoint
    hasLock: hubLocks
    scalesClusters: project.scalesClusters
    changesEndpoints: project.changesEndpoints
    changesBatchEndpoints: project.changesBatchEndpoints
    setsSchedules: project.setsSchedules
    executorPrincipalId: executorPrincipalId
    probePrincipalId: probePrincipalId
  }
}]

module accounts 'modules/account_access.bicep' = [for account in named.accounts: {
  name: 'hubswitch-access-${uniqueString('account', account.name)}'
  scope: resourceGroup(account.subscription, account.resourceGroup)
  params: {
    account: account.name
    isWritten: identityBasedDatastores && account.isOwn
    executorPrincipalId: executorPrincipalId
    probePrincipalId: probePrincipalId
  }
}]

module vaults 'modules/vault_access.bicep' = [for vault in named.vaults: {
  name: 'hubswitch-access-${uniqueString('vault', vault.name)}'
  scope: resourceGroup(vault.subscription, vault.resourceGroup)
  params: {
    vault: vault.name
    probePrincipalId: probePrincipalId
  }
}]

module registries 'modules/registry_access.bicep' = [for registry in named.registries: {
  name: 'hubswitch-access-${uniqueString('registry', registry.name)}'
  scope: resourceGroup(registry.subscription, registry.resourceGroup)
  params: {
    registry: registry.name
    probePrincipalId: probePrincipalId
  }
}]

module logWorkspaces 'modules/logs_access.bicep' = [for workspace in named.logWorkspaces: {
  name: 'hubswitch-access-${uniqueString('logs', workspace.name)}'
  scope: resourceGroup(workspace.subscription, workspace.resourceGroup)
  params: {
    workspace: workspace.name
    probePrincipalId: probePrincipalId
  }
}]

module groups 'modules/group_access.bicep' = [for group in named.groups: {
  name: 'hubswitch-access-group'
  scope: resourceGroup(group.subscription, group.resourceGroup)
  params: {
    probePrincipalId: probePrincipalId
    executorPrincipalId: executorPrincipalId
    allowsRecovery: allowRecovery
  }
}]

module subscriptions 'modules/subscription_access.bicep' = [for id in named.subscriptions: {
  name: 'hubswitch-access-subscription'
  scope: subscription(id)
  params: {
    probePrincipalId: probePrincipalId
  }
}]
