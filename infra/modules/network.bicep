// The virtual network of the app: a subnet through which it reaches out, and one for private endpoints of its stores.
param name string
param location string
param tags object

@description('Address range of the network, a /24 or larger. It must not overlap with networks that are peered with it.')
param addressPrefix string

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          // Flex Consumption takes this delegation alone (learn.microsoft.com, "Azure Functions Flex Consumption plan
          // hosting", considerations). The resource provider Microsoft.App has to be registered in the subscription.
          delegations: [
            {
              name: 'flex-consumption'
              properties: { serviceName: 'Microsoft.App/environments' }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

output networkId string = network.id
output appSubnetId string = '${network.id}/subnets/app'
output endpointSubnetId string = '${network.id}/subnets/endpoints'
