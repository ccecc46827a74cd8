// Everything by which the app reaches its own stores without public addresses: network, DNS zones, private endpoints.
param networkName string
param endpointPrefix string
param location string
param tags object
param addressPrefix string
param ledgerId string
param hostStorageId string
param storeId string

var suffix = environment().suffixes.storage

module network 'network.bicep' = {
  name: 'network'
  params: {
    name: networkName
    location: location
    tags: tags
    addressPrefix: addressPrefix
  }
}

module blobZone 'private_zone.bicep' = {
  name: 'zone-blob'
  params: {
    name: 'privatelink.blob.${suffix}'
    tags: tags
    networkId: network.outputs.networkId
  }
}

module queueZone 'private_zone.bicep' = {
  name: 'zone-queue'
  params: {
    name: 'privatelink.queue.${suffix}'
    tags: tags
    networkId: network.outputs.networkId
  }
}

module tableZone 'private_zone.bicep' = {
  name: 'zone-table'
  params: {
    name: 'privatelink.table.${suffix}'
    tags: tags
    networkId: network.outputs.networkId
  }
}

module storeZone 'private_zone.bicep' = {
  name: 'zone-store'
  params: {
    name: 'privatelink.azconfig.io'
    tags: tags
    networkId: network.outputs.networkId
  }
}

module ledgerBlobs 'private_endpoint.bicep' = {
  name: 'endpoint-ledger'
  params: {
    name: '${endpointPrefix}ledger-blob'
    location: location
    tags: tags
    serviceId: ledgerId
    groupId: 'blob'
    subnetId: network.outputs.endpointSubnetId
    zoneId: blobZone.outputs.id
  }
}

module hostBlobs 'private_endpoint.bicep' = {
  name: 'endpoint-host-blob'
  params: {
    name: '${endpointPrefix}host-blob'
    location: location
    tags: tags
    serviceId: hostStorageId
    groupId: 'blob'
    subnetId: network.outputs.endpointSubnetId
    zoneId: blobZone.outputs.id
  }
}

module hostQueues 'private_endpoint.bicep' = {
  name: 'endpoint-host-queue'
  params: {
    name: '${endpointPrefix}host-queue'
    location: location
    tags: tags
    serviceId: hostStorageId
    groupId: 'queue'
    subnetId: network.outputs.endpointSubnetId
    zoneId: queueZone.outputs.id
  }
}

module hostTables 'private_endpoint.bicep' = {
  name: 'endpoint-host-table'
  params: {
    name: '${endpointPrefix}host-table'
    location: location
    tags: tags
    serviceId: hostStorageId
    groupId: 'table'
    subnetId: network.outputs.endpointSubnetId
    zoneId: tableZone.outputs.id
  }
}

module store 'private_endpoint.bicep' = {
  name: 'endpoint-store'
  params: {
    name: '${endpointPrefix}store'
    location: location
    tags: tags
    serviceId: storeId
    groupId: 'configurationStores'
    subnetId: network.outputs.endpointSubnetId
    zoneId: storeZone.outputs.id
  }
}

output appSubnetId string = network.outputs.appSubnetId
