// Alert rules about the app itself, over what it has logged. They go to people, and never to the app as evidence.
param location string
param appName string
param workspaceName string

@description('Action groups of people. Without one an alert only shows in the portal.')
param peopleGroupIds array

var abbreviations = loadJsonContent('../abbreviations.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspaceName
}

// The watch runs every few seconds. Ten minutes without one that ended well: nobody looks.
resource nobodyLooks 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = {
  name: '${abbreviations.alertRule}${appName}-nobody-looks'
  location: location
  properties: {
    displayName: 'hubswitch: nobody looks (docs/runbook.md)'
    severity: 0
    enabled: true
    scopes: [workspace.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT10M'
    criteria: {
      allOf: [
        {
          query: loadTextContent('../queries/nobody-looks.kql')
          timeAggregation: 'Count'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: { actionGroups: peopleGroupIds }
  }
}

// Each gives a row for each pair of which it is so, dated now, because rows outside of the window might not be counted. Two days back is as far as such a rule can look: what has lasted for
// longer ends as an alert, and not on the status page.
var rules = [
  {
    name: 'pair-blind'
    title: 'hubswitch: a pair is blind (SightLost in docs/notices.md)'
    severity: 1
    query: loadTextContent('../queries/pair-blind.kql')
  }
  {
    name: 'run-stuck'
    title: 'hubswitch: a run is stuck (RunWaits, RunFailed in docs/notices.md)'
    severity: 1
    query: loadTextContent('../queries/run-stuck.kql')
  }
  {
    name: 'readiness-red'
    title: 'hubswitch: a standby is not ready (docs/readiness.md)'
    severity: 2
    query: loadTextContent('../queries/readiness-red.kql')
  }
  {
    name: 'stamp-silent'
    title: 'hubswitch: another stamp does not watch (StampSilent in docs/notices.md)'
    severity: 2
    query: loadTextContent('../queries/stamp-silent.kql')
  }
]

resource states 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [for rule in rules: {
  name: '${abbreviations.alertRule}${appName}-${rule.name}'
  location: location
  properties: {
    displayName: rule.title
    severity: rule.severity
    enabled: true
    scopes: [workspace.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT1H'
    overrideQueryTimeRange: 'P2D'
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [{ name: 'pair', operator: 'Include', values: ['*'] }]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: { actionGroups: peopleGroupIds }
  }
}]

// The channel `action_group` of plans: each notice that it is told is an alert of its own, whose dimensions are its words. The
// window is longer than the distance of two looks, because lines of the log arrive late; the alert ends when it has passed.
resource mail 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = if (!empty(peopleGroupIds)) {
  name: '${abbreviations.alertRule}${appName}-mail'
  location: location
  properties: {
    displayName: 'hubswitch: a notice (docs/notices.md)'
    severity: 1
    enabled: true
    scopes: [workspace.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      allOf: [
        {
          query: loadTextContent('../queries/mail.kql')
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [
            { name: 'pair', operator: 'Include', values: ['*'] }
            { name: 'notice', operator: 'Include', values: ['*'] }
            { name: 'severity', operator: 'Include', values: ['*'] }
            { name: 'words', operator: 'Include', values: ['*'] }
          ]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: { actionGroups: peopleGroupIds }
  }
}

output workspaceId string = workspace.id
