"""Private networking as templates make it: a private endpoint that nobody can find by its name is no connection.

Sources: learn.microsoft.com, "Azure Private Endpoint private DNS zone values" (which zone belongs to which group) and
"Azure Functions Flex Consumption plan hosting" (which delegation its subnet needs).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bicepcheck.meaning import Meanings, Symbol, Templates, Use, entry_points, uses_of
from bicepcheck.syntax import Finding, Resource, Template, finding, items_of, literal, text_of, value_of

ENDPOINT = "microsoft.network/privateendpoints"
ENDPOINT_RECORD = "microsoft.network/privateendpoints/privatednszonegroups"
ZONE, ZONE_LINK = "microsoft.network/privatednszones", "microsoft.network/privatednszones/virtualnetworklinks"
NETWORK, SITE = "microsoft.network/virtualnetworks", "microsoft.web/sites"
STORAGE, STORE = "microsoft.storage/storageaccounts", "microsoft.appconfiguration/configurationstores"
DELEGATION = "Microsoft.App/environments"


class Group(NamedTuple):
    """What a private endpoint of a group leads to, and the beginning of its DNS zone's name."""

    service: str
    zone: str


GROUPS = {
    "blob": Group(STORAGE, "privatelink.blob."),
    "queue": Group(STORAGE, "privatelink.queue."),
    "table": Group(STORAGE, "privatelink.table."),
    "configurationStores": Group(STORE, "privatelink.azconfig.io"),
}
NEED_CHILD = {
    ENDPOINT: (ENDPOINT_RECORD, "a private DNS zone group, or its name leads to the public address"),
    ZONE: (ZONE_LINK, "a link to a virtual network, or nobody asks this zone"),
}


def check_private_links(templates: Templates) -> Iterator[Finding]:
    """Endpoints, zones and subnets that do not fit together."""
    for template in templates.values():
        yield from _check_children(template)
    yield from _check_delegation(templates)
    meanings = Meanings(templates)
    for entry in entry_points(templates):
        for use in uses_of(entry, templates):
            yield from _check_endpoints(use, meanings)


def _made(template: Template, kind: str) -> list[Resource]:
    return [one for one in template.resources.values() if one.type.casefold() == kind and not one.is_existing]


def _check_children(template: Template) -> Iterator[Finding]:
    for kind, (child, told) in NEED_CHILD.items():
        parents = {text_of(value) for one in _made(template, child) if (value := value_of(one.body, "parent"))}
        for resource in _made(template, kind):
            if resource.name not in parents:
                yield finding(template.file, resource.node, f"{resource.name}: expected {told}")


def _check_delegation(templates: Templates) -> Iterator[Finding]:
    sites = [site for template in templates.values() for site in _made(template, SITE)]
    if not any(value_of(site.body, "properties", "virtualNetworkSubnetId") for site in sites):
        return
    for template in templates.values():
        for network in _made(template, NETWORK):
            if DELEGATION not in _delegations(network):
                told = f"expected a subnet that is delegated to {DELEGATION}, as Flex Consumption needs"
                yield finding(template.file, network.node, f"{network.name}: {told}")


def _delegations(network: Resource) -> set[str | None]:
    subnets = value_of(network.body, "properties", "subnets")
    lists = [value_of(one, "properties", "delegations") for one in items_of(subnets)] if subnets else []
    return {literal(value_of(one, "properties", "serviceName")) for each in lists if each for one in items_of(each)}


def _check_endpoints(use: Use, meanings: Meanings) -> Iterator[Finding]:
    template = use.template
    zones = {
        text_of(value): _zone_of(record, use, meanings)
        for record in _made(template, ENDPOINT_RECORD)
        if (value := value_of(record.body, "parent"))
    }
    for endpoint in _made(template, ENDPOINT):
        connections = value_of(endpoint.body, "properties", "privateLinkServiceConnections")
        for connection in items_of(connections) if connections else []:
            given = value_of(connection, "properties", "groupIds")
            names = meanings.of(given, use) if given else []
            service = meanings.of(value_of(connection, "properties", "privateLinkServiceId"), use)
            kind = service.body.kind.partition("@")[0].casefold() if isinstance(service, Symbol) else ""
            for name in names if isinstance(names, list) else []:
                told = _wrong(str(name), kind, zones.get(endpoint.name, ""))
                if told:
                    file, node = (
                        (use.caller.template.file, use.module.node) if use.caller and use.module else ("", None)
                    )
                    yield finding(file or template.file, node or endpoint.node, told)


def _wrong(name: str, kind: str, zone: str) -> str:
    """What does not fit; empty if all does."""
    group = GROUPS.get(name)
    if group is None:
        return f"groupIds: expected one of {', '.join(GROUPS)}, got {name}"
    if kind and kind != group.service:
        return f"privateLinkServiceId: {name} is a group of {group.service}, got {kind}"
    if zone and not zone.startswith(group.zone):
        return f"privateDnsZoneId: expected the zone {group.zone}… for {name}, got {zone}"
    return ""


def _zone_of(record: Resource, use: Use, meanings: Meanings) -> str:
    configs = value_of(record.body, "properties", "privateDnsZoneConfigs")
    for config in items_of(configs) if configs else []:
        zone = meanings.of(value_of(config, "properties", "privateDnsZoneId"), use)
        if isinstance(zone, Symbol):
            name = meanings.of(value_of(zone.body.body, "name"), zone.use)
            return name if isinstance(name, str) else ""
    return ""
