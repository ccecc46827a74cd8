// Runbooks by which a pair takes part in a recovery plan: see docs/recovery-plan.md. Whoever has such a plan deploys it. The
// account is in another group, so this is apart from main.bicep for the reason that is told there.
targetScope = 'subscription'

@minLength(1)
@description('Resource group of the Automation account.')
param resourceGroupName string

@minLength(1)
@description('The Automation account. For Site Recovery it is in the subscription of the vault.')
param automationAccount string

@minLength(1)
@description('Region of the account.')
param location string

@minLength(1)
@description('Where Automation reads hubswitch_runbook.py from while this is deployed: an https address that needs no login, such as a blob with a SAS.')
param runbookUri string

@description('SHA-256 of that file, in hexadecimal digits: Automation refuses anything else.')
@minLength(64)
@maxLength(64)
param runbookSha256 string

@minLength(1)
@description('URL of the app.')
param appUrl string

@secure()
@description('A key of the app. Empty: the account\'s managed identity signs in, for the audience.')
param appKey string = ''

@description('Audience of the app\'s registration in Entra ID, such as api://<client id>, if there is no key.')
param audience string = ''

@minLength(1)
@description('The pair that takes part.')
param pair string

@description('Kind of drill for a test failover.')
@allowed(['tabletop', 'decision', 'canary'])
param drill string = 'tabletop'

@description('Minutes for which a job waits. Automation stops a job after three hours.')
@minValue(1)
@maxValue(170)
param minutes int = 60

module runbooks 'recovery/runbooks.bicep' = {
  name: 'hubswitch-runbooks'
  scope: resourceGroup(resourceGroupName)
  params: {
    automationAccount: automationAccount
    location: location
    runbookUri: runbookUri
    runbookSha256: runbookSha256
    appUrl: appUrl
    appKey: appKey
    audience: audience
    pair: pair
    drill: drill
    minutes: minutes
  }
}
