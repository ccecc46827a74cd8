// What the app has logged, as one page of the portal. The queries are those of infra/queries.
param location string
param tags object
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'hubswitch-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'hubswitch'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('../workbook.json')
  }
}
