// Runbooks in an Automation account that exists, by which a pair takes part in a recovery plan.
param automationAccount string
param location string
param runbookUri string
param runbookSha256 string
param appUrl string

@secure()
param appKey string

param audience string
param pair string
param drill string
param minutes int

// The first reads the recovery plan's context; each of the others does what its name ends in.
var names = ['hubswitch', 'hubswitch-failover', 'hubswitch-failback', 'hubswitch-test', 'hubswitch-commit', 'hubswitch-cleanup', 'hubswitch-reprotect']

resource account 'Microsoft.Automation/automationAccounts@2023-11-01' existing = {
  name: automationAccount
}

resource runbooks 'Microsoft.Automation/automationAccounts/runbooks@2023-11-01' = [for name in names: {
  parent: account
  name: name
  location: location
  properties: {
    description: 'Asks hubswitch for a switch or a drill of ${pair}, and waits for its end.'
    runbookType: 'Python3'
    logProgress: false
    logVerbose: false
    publishContentLink: {
      uri: runbookUri
      contentHash: {
        algorithm: 'SHA256'
        value: runbookSha256
      }
    }
  }
}]

// The value of a variable is JSON.
resource url 'Microsoft.Automation/automationAccounts/variables@2023-11-01' = {
  parent: account
  name: 'hubswitch-url'
  properties: {
    isEncrypted: false
    value: '"${appUrl}"'
  }
}

resource key 'Microsoft.Automation/automationAccounts/variables@2023-11-01' = if (!empty(appKey)) {
  parent: account
  name: 'hubswitch-key'
  properties: {
    isEncrypted: true
    value: '"${appKey}"'
  }
}

resource audienceOfApp 'Microsoft.Automation/automationAccounts/variables@2023-11-01' = if (empty(appKey)) {
  parent: account
  name: 'hubswitch-audience'
  properties: {
    isEncrypted: false
    value: '"${audience}"'
  }
}

resource pairName 'Microsoft.Automation/automationAccounts/variables@2023-11-01' = {
  parent: account
  name: 'hubswitch-pair'
  properties: {
    isEncrypted: false
    value: '"${pair}"'
  }
}

resource drillKind 'Microsoft.Automation/automationAccounts/variables@2023-11-01' = {
  parent: account
  name: 'hubswitch-drill'
  properties: {
    isEncrypted: false
    value: '"${drill}"'
  }
}

resource longest 'Microsoft.Automation/automationAccounts/variables@2023-11-01' = {
  parent: account
  name: 'hubswitch-minutes'
  properties: {
    isEncrypted: false
    value: '"${minutes}"'
  }
}

resource lastDrill 'Microsoft.Automation/automationAccounts/variables@2023-11-01' = {
  parent: account
  name: 'hubswitch-drill-run'
  properties: {
    isEncrypted: false
    value: '""'
  }
}
