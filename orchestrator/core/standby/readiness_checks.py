"""The table of readiness checks: what each one reads, its rule, how bad a finding is, and what to do about it. Pure.

The numbers are those under which findings are known. Sources of the rules: Microsoft's guide to business continuity of
Azure Machine Learning (learn.microsoft.com, machine-learning/how-to-high-availability-machine-learning), and the pages
of each service on geo-redundancy.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.core.base.numbers import number_in
from orchestrator.core.base.regions import squeeze
from orchestrator.core.base.text import format_duration
from orchestrator.core.standby.inventory import NotCollected, as_list, as_object, comparable, dig, last_part, name_of
from orchestrator.core.standby.readiness import CheckRow, Comparison, Severity, is_at_least, read_time
from orchestrator.core.standby.search_indexes import index_row
from orchestrator.core.standby.serverless_readiness import serverless_row

SUCCEEDED = ("Succeeded",)
OWN_STORES = frozenset(
    {"workspaceblobstore", "workspaceartifactstore", "workspacefilestore", "workspaceworkingdirectory"}
)
"""Datastores of every workspace, which lie in its own account, in containers whose names are made up."""

GEO_REDUNDANT = ("Standard_GRS", "Standard_RAGRS", "Standard_GZRS", "Standard_RAGZRS")
NEVER_SYNCED = 1971
"""Years before this one are defaults, not times of a replication."""

_SIZE = re.compile(r"^(?:standard_)?([a-z]+)\d+(?:-\d+)?([a-z]*)((?:_[a-z0-9]+)*)$", re.IGNORECASE)

_HOST = re.compile(r"https://([^./:]+)\.", re.IGNORECASE)
"""The first label of a vault's host is the vault's name."""

type Element = Mapping[str, Any]


def hubs_and_projects(c: Comparison) -> None:
    for one, other in c.both("hub"):
        _workspace(c, "hub", one, other)
    for path, one, other in c.twins_of("projects"):
        _workspace(c, path, one, other)
        c.same(path, one, other, ["properties.hubResourceId"])


def _workspace(c: Comparison, path: str, one: Element, other: Element) -> None:
    c.here(path, other)
    c.must(path, other, "properties.provisioningState", SUCCEEDED, "is not provisioned")
    resources = [
        f"properties.{name}" for name in ("storageAccount", "keyVault", "applicationInsights", "containerRegistry")
    ]
    c.same(
        path,
        one,
        other,
        [
            "kind",
            *resources,
            *("properties.publicNetworkAccess", "properties.systemDatastoresAuthMode", "properties.hbiWorkspace"),
            *(
                "properties.v1LegacyMode",
                "properties.managedNetwork.isolationMode",
                "properties.managedNetwork.firewallSku",
            ),
            *("properties.encryption.status", "properties.encryption.keyVaultProperties.keyVaultArmId"),
            *("identity.type", "properties.primaryUserAssignedIdentity"),
        ],
    )
    _check_encryption_key(c, path, other)
    _check_assigned_identities(c, path, one, other)
    if dig(one, "properties.managedNetwork.status.status") is not None:
        c.must(path, other, "properties.managedNetwork.status.status", ["Active"], "the managed network is not active")


def _check_encryption_key(c: Comparison, path: str, other: Element) -> None:
    """The key of a workspace lies in the vault that the workspace names: both are set by whoever creates it."""
    within = "properties.encryption.keyVaultProperties"
    key, vault = (dig(other, f"{within}.{name}") for name in ("keyIdentifier", "keyVaultArmId"))
    if not isinstance(key, str) or not isinstance(vault, str):
        return
    host = _HOST.match(key)
    if host is None or host[1].casefold() != last_part(vault).casefold():
        c.add(
            f"{path}.{within.removeprefix('properties.')}.keyIdentifier",
            "is a key of another vault",
            last_part(vault),
            key,
        )


def _check_assigned_identities(c: Comparison, path: str, one: Element, other: Element) -> None:
    wanted = c.translate.value(as_object(dig(one, "identity.userAssignedIdentities")))
    has = as_object(dig(other, "identity.userAssignedIdentities"))
    missing = {comparable(key) for key in wanted} - {comparable(key) for key in has}
    if missing:
        c.add(f"{path}.identity.userAssignedIdentities", "lacks an identity", sorted(map(str, missing)), list(has))


def self_diagnosis(c: Comparison) -> None:
    results = c.secondary.one("diagnose").get("value")
    if not isinstance(results, Mapping):
        raise NotCollected("diagnose", "the secondary's has no value")
    for name in sorted({*results, *as_object(dig(c.primary.one("diagnose"), "value"))}):
        entries = results.get(name)
        if not isinstance(entries, list):
            raise NotCollected(f"diagnose.{name}", "the secondary's is no list")
        for entry in entries:
            if comparable(dig(entry, "level")) not in ("warning", "information", "info"):
                c.add(f"diagnose.{name}", f"{dig(entry, 'code')}: {dig(entry, 'message')}", None, dig(entry, "level"))


def resource_group(c: Comparison) -> None:
    has = c.secondary.one("resource_group").get("location")
    if not isinstance(has, str) or not has or squeeze(has) == squeeze(c.primary_region):
        c.add(
            "resource_group.location",
            "lies in the primary's region, and cannot be changed while that is down",
            None,
            has,
        )


def region_pair(c: Comparison) -> None:
    regions = c.secondary.by_name("locations")
    home, other = regions.get(c.primary_region.casefold()), regions.get(c.region.casefold())
    for name, element in ((c.primary_region, home), (c.region, other)):
        if element is None:
            c.add(f"locations.{name}", "is not in the list of regions")
    paired = [dig(each, "name") for each in as_list(dig(home, "metadata.pairedRegion"))]
    if home is not None and comparable(c.region) not in map(comparable, paired):
        c.add(
            f"locations.{c.primary_region}.metadata.pairedRegion",
            "is not paired with the secondary's region",
            paired,
            c.region,
        )
    if other is not None and not as_list(other.get("availabilityZoneMappings")):
        c.add(f"locations.{c.region}.availabilityZoneMappings", "has no availability zones")


def computes(c: Comparison) -> None:
    for path, one, other in c.twins_of("computes"):
        inner = "properties.properties."
        c.must(path, other, "properties.provisioningState", SUCCEEDED, "is not provisioned")
        c.same(
            path,
            one,
            other,
            [
                *("properties.computeType", f"{inner}vmSize", f"{inner}vmPriority", f"{inner}osType", f"{inner}subnet"),
                *(f"{inner}enableNodePublicIp", "properties.resourceId", "identity.type", f"{inner}isolatedNetwork"),
                *("properties.computeLocation", "location", f"{inner}defaultInstanceType", f"{inner}namespace"),
            ],
        )
        _check_assigned_identities(c, path, one, other)
        wanted = _count_needed_nodes(c, one)
        has = dig(other, f"{inner}scaleSettings.maxNodeCount")
        if wanted is not None and not is_at_least(has, wanted):
            c.add(f"{path}.scaleSettings.maxNodeCount", "has too few nodes", wanted, has)


def _count_needed_nodes(c: Comparison, compute: Element) -> int | None:
    needed = c.twins.needed.get(name_of(compute))
    if needed is not None:
        return needed.nodes
    has = dig(compute, "properties.properties.scaleSettings.maxNodeCount")
    return has if isinstance(has, int) else None


def quota(c: Comparison) -> None:
    """Cores by family of what is needed, of all families together, and the number of clusters."""
    rows = {squeeze(name): row for name, row in c.secondary.by_name("usages").items()}
    clusters = c.secondary.by_name("computes")
    wanted: dict[str, int] = defaultdict(int)
    for name, needed in c.twins.needed.items():
        cluster = clusters.get(c.translate.name(name).casefold())
        family = needed.family or family_of(str(dig(cluster, "properties.properties.vmSize") or ""))
        low = comparable(dig(cluster, "properties.properties.vmPriority")) == "lowpriority"
        cores = needed.nodes * needed.vcpus_per_node
        for quota_name in quotas_of(family, is_low=low):
            wanted[quota_name] += cores
    for name, cores in wanted.items():
        _headroom(c, "usages", rows, name, cores)
    if "clusters" in rows or "clusters" in c.primary.by_name("usages"):
        _headroom(c, "usages", rows, "clusters", 1)


def quotas_of(family: str, *, is_low: bool) -> Iterator[str]:
    """Names, in lower case, of the usages that a cluster's cores count against. ``family``: empty if not known."""
    if is_low:
        yield "total cluster lowpriority regional vcpus"
        return
    if family:
        yield f"{family} cluster dedicated vcpus"
    yield "total cluster dedicated regional vcpus"


def _headroom(c: Comparison, key: str, rows: Mapping[str, Element], name: str, wanted: int) -> None:
    row = rows.get(squeeze(name)) if key == "usages" else rows.get(name)
    if row is None:
        c.unread(
            NotCollected(f"{key}.{_spelt(c, key, name)}", f"the secondary's list does not have it; {wanted} are needed")
        )
        return
    limit, used = number_in(row.get("limit")), number_in(row.get("currentValue"))
    if limit is None or used is None:
        c.unread(NotCollected(f"{key}.{name_of(row)}", "limit and use are no numbers"))
    elif limit >= 0 and limit - used < wanted:
        c.add(f"{key}.{name_of(row)}", f"{wanted} are needed, {limit - used} of {limit} are left", wanted, limit - used)


def _spelt(c: Comparison, key: str, name: str) -> str:
    row = next((row for has, row in c.primary.by_name(key).items() if squeeze(has) == squeeze(name)), None)
    return name_of(row) if row else name


def family_of(size: str) -> str:
    """The family of a VM size as usages name it, in lower case: ``STANDARD_D4S_V5`` -> ``standarddsv5family``."""
    found = _SIZE.match(size)
    if found is None:
        return ""
    return f"standard{found[1]}{found[2]}{found[3].replace('_', '')}family".casefold()


def connections(c: Comparison) -> None:
    for path, one, other in c.twins_of("connections"):
        names = ("category", "authType", "isSharedToAll", "target", "metadata.ApiType", "metadata.ApiVersion")
        c.same(path, one, other, [f"properties.{name}" for name in (*names, "metadata.ResourceId")])


def model_deployments(c: Comparison) -> None:
    for path, one, other in c.twins_of("openai_deployments"):
        c.same(
            path,
            one,
            other,
            ["properties.model.name", "properties.model.version", "properties.model.format", "sku.name"],
        )
        c.same(path, one, other, ["properties.versionUpgradeOption"], Severity.WARN)
        c.must(path, other, "properties.provisioningState", SUCCEEDED, "is not provisioned")
        c.not_less(path, one, other, ["sku.capacity"], "has less capacity")
    rows = c.secondary.by_name("cognitive_usages")
    for name in c.primary.by_name("cognitive_usages"):
        if name in rows:
            _headroom(c, "cognitive_usages", rows, name, 1)


def datastores(c: Comparison) -> None:
    for path, one, other in c.twins_of("datastores"):
        places = (
            ()
            if name_of(one).casefold() in OWN_STORES
            else ("containerName", "fileSystem", "filesystem", "fileShareName")
        )
        names = (
            "datastoreType",
            "accountName",
            *places,
            "credentials.credentialsType",
            "isDefault",
            "serviceDataAccessAuthIdentity",
        )
        c.same(path, one, other, [f"properties.{name}" for name in names])


def data_assets(c: Comparison) -> None:
    for path, one, other in c.twins_of("data_versions"):
        c.same(path, one, other, ["properties.dataUri", "properties.dataType", "properties.isArchived"])


def environments(c: Comparison) -> None:
    for path, one, other in c.twins_of("environment_containers"):
        c.same(path, one, other, ["properties.latestVersion", "properties.isArchived"])
    for path, one, other in c.twins_of("environment_versions"):
        names = ("image", "build", "condaFile", "osType", "isArchived")
        c.same(path, one, other, [f"properties.{name}" for name in names])
        if dig(one, "properties.provisioningState") is not None:
            c.must(path, other, "properties.provisioningState", SUCCEEDED, "is not provisioned")


def models_components_code(c: Comparison) -> None:
    for path, one, other in c.twins_of("model_versions"):
        c.same(path, one, other, ["properties.modelUri", "properties.modelType", "properties.isArchived"])
    for path, one, other in c.twins_of("component_versions"):
        c.same(path, one, other, ["properties.componentSpec", "properties.isArchived"])
    for path, one, other in c.twins_of("code_versions"):
        c.same(path, one, other, ["properties.codeUri", "properties.isArchived"])


def registries(c: Comparison) -> None:
    for _, other in c.both("registry"):
        regions = [dig(each, "location") for each in as_list(dig(other, "properties.regionDetails"))]
        if not _has_region(regions, c.region):
            c.add("registry.regionDetails", "is not replicated to the secondary's region", c.region, regions)


def endpoints(c: Comparison) -> None:
    for path, one, other in c.twins_of("online_endpoints"):
        c.same(path, one, other, ["properties.authMode", "properties.publicNetworkAccess", "identity.type", "location"])
        c.same(path, one, other, ["properties.traffic"], Severity.WARN)
        c.must(path, other, "properties.provisioningState", SUCCEEDED, "is not provisioned")
    for path, one, other in c.twins_of("online_deployments"):
        names = ("instanceType", "model", "environmentId", "egressPublicNetworkAccess", "endpointComputeType")
        c.same(path, one, other, [f"properties.{name}" for name in names])
        c.must(path, other, "properties.provisioningState", SUCCEEDED, "is not provisioned")
        c.not_less(path, one, other, ["sku.capacity"], "has fewer instances", Severity.WARN)


def schedules(c: Comparison) -> None:
    for path, one, other in c.twins_of("schedules"):
        c.must(
            path,
            other,
            "properties.isEnabled",
            [False],
            "is not disabled in the secondary: it would run in both regions",
        )
        c.same(path, one, other, ["properties.trigger", "properties.action"])
        c.must(path, other, "properties.provisioningState", [*SUCCEEDED, None], "is not provisioned")
    wanted = {c.translate.name(name).casefold() for name in c.primary.by_name("schedules")}
    for name, element in c.secondary.by_name("schedules").items():
        if name not in wanted and dig(element, "properties.isEnabled") is True:
            c.add(
                f"schedules.{name_of(element)}.isEnabled",
                "runs in the secondary, and is not in the primary",
                None,
                True,
            )


def storage(c: Comparison) -> None:
    for one, other in c.both("storage"):
        _own_storage(c, one, other)
    for one, other in c.both("shared_data_storage"):
        _check_shared_storage(c, one, other)


def _own_storage(c: Comparison, one: Element, other: Element) -> None:
    c.here("storage", other)
    names = (
        "properties.allowSharedKeyAccess",
        "properties.publicNetworkAccess",
        "properties.networkAcls.defaultAction",
    )
    c.same(
        "storage", one, other, ["kind", "sku.name", *names, "properties.isHnsEnabled", "properties.minimumTlsVersion"]
    )
    c.must("storage", other, "properties.provisioningState", SUCCEEDED, "is not provisioned")


def _check_shared_storage(c: Comparison, one: Element, other: Element) -> None:
    path = "shared_data_storage"
    c.must(path, other, "sku.name", GEO_REDUNDANT, "is not geo-redundant")
    c.here(path, other, "properties.secondaryLocation")
    stats = "properties.geoReplicationStats"
    c.must(path, other, f"{stats}.status", ["Live"], "the replication is not live")
    c.must(path, other, f"{stats}.canFailover", [True], "cannot fail over")
    c.same(
        path, one, other, ["properties.geoPriorityReplicationStatus.isBlobEnabled", "properties.allowSharedKeyAccess"]
    )
    c.same(path, one, other, ["properties.networkAcls.defaultAction", "properties.publicNetworkAccess"])
    if dig(one, "properties.statusOfSecondary") is not None:
        c.must(path, other, "properties.statusOfSecondary", ["available"], "its secondary is not available")
    synced = read_time(dig(other, f"{stats}.lastSyncTime"))
    target = c.twins.rpo_target
    if synced is None or synced.year < NEVER_SYNCED or c.now is None:
        c.unread(NotCollected(f"{path}.geoReplicationStats.lastSyncTime", "when it was last replicated is not known"))
    elif target is not None and c.now - synced > target:
        c.add(
            f"{path}.geoReplicationStats.lastSyncTime",
            f"was replicated {format_duration(c.now - synced)} ago",
            target,
            synced,
        )


def object_replication(c: Comparison) -> None:
    source, target = dig(c.primary.one("storage"), "name"), dig(c.secondary.one("storage"), "name")
    policies = c.secondary.many("object_replication_policies")
    if c.primary.many("object_replication_policies") or policies:
        fitting = [each for each in policies if _replicates(each, source, target)]
        wanted = {each for policy in c.primary.many("object_replication_policies") for each in _containers(policy)}
        lacking = wanted - {each for policy in fitting for each in _containers(policy)}
        if fitting and lacking:
            c.add(
                f"object_replication_policies.{name_of(fitting[0])}.rules",
                "replicates other containers",
                sorted(lacking),
            )
        if not fitting:
            names = [name_of(each) for each in policies]
            path = f"object_replication_policies.{names[0]}" if names and names[0] else "object_replication_policies"
            c.add(path, f"no enabled policy replicates from {source} to {target}", source, names)
    for path in (
        "isVersioningEnabled",
        "changeFeed.enabled",
        "deleteRetentionPolicy.enabled",
        "containerDeleteRetentionPolicy.enabled",
    ):
        c.must("blob_service", c.secondary.one("blob_service"), f"properties.{path}", [True], "is not on")
    days = ["properties.deleteRetentionPolicy.days", "properties.containerDeleteRetentionPolicy.days"]
    c.not_less("blob_service", c.primary.one("blob_service"), c.secondary.one("blob_service"), days)


def _containers(policy: Element) -> set[str]:
    return {str(comparable(dig(rule, "sourceContainer"))) for rule in as_list(dig(policy, "properties.rules"))}


def _replicates(policy: Element, source: Any, target: Any) -> bool:
    ends = [
        last_part(str(dig(policy, f"properties.{name}"))).casefold() for name in ("sourceAccount", "destinationAccount")
    ]
    has = dig(policy, "properties.enabledTime") and as_list(dig(policy, "properties.rules"))
    return bool(has) and ends == [comparable(source), comparable(target)]


def key_vault(c: Comparison) -> None:
    for one, other in c.both("keyvault"):
        _vault(c, one, other)


def _vault(c: Comparison, one: Element, other: Element) -> None:
    c.here("keyvault", other)
    c.must("keyvault", other, "properties.enableSoftDelete", [True], "soft delete is off")
    c.must("keyvault", other, "properties.enablePurgeProtection", [True], "purge protection is off")
    c.same("keyvault", one, other, ["properties.enableRbacAuthorization", "properties.publicNetworkAccess"])
    c.same("keyvault", one, other, ["properties.networkAcls.defaultAction", "properties.sku.name"])
    c.not_less("keyvault", one, other, ["properties.softDeleteRetentionInDays"])


def container_registry(c: Comparison) -> None:
    for one, other in c.both("acr"):
        _container_registry(c, one, other)


def _container_registry(c: Comparison, one: Element, other: Element) -> None:
    c.must("acr", other, "sku.name", ["Premium"], "cannot be replicated: that takes the SKU Premium")
    c.must("acr", other, "properties.provisioningState", SUCCEEDED, "is not provisioned")
    c.same("acr", one, other, ["properties.zoneRedundancy", "properties.adminUserEnabled"])
    for replica in c.secondary.many("acr_replications"):
        if squeeze(str(replica.get("location"))) == squeeze(c.region):
            break
    else:
        c.add(f"acr_replications.{c.region}", "has no replica in the secondary's region", c.region, None)
        return
    path = f"acr_replications.{name_of(replica)}"
    c.must(path, replica, "properties.provisioningState", SUCCEEDED, "is not provisioned")
    c.must(path, replica, "properties.status.displayStatus", ["Ready"], "is not ready")
    c.must(path, replica, "properties.regionEndpointEnabled", [True], "its endpoint is off")
    twin = c.primary.by_name("acr_replications").get(name_of(replica).casefold())
    if twin is not None:
        c.same(path, twin, replica, ["properties.zoneRedundancy"])


def monitoring(c: Comparison) -> None:
    for one, other in c.both("app_insights"):
        names = (
            "WorkspaceResourceId",
            "RetentionInDays",
            "DisableLocalAuth",
            "IngestionMode",
            "publicNetworkAccessForIngestion",
        )
        c.here("app_insights", other)
        c.same("app_insights", one, other, [f"properties.{name}" for name in names])
    for one, other in c.both("log_analytics"):
        c.here("log_analytics", other)
        c.same("log_analytics", one, other, ["properties.retentionInDays", "properties.sku.name"])
        c.must("log_analytics", other, "properties.provisioningState", SUCCEEDED, "is not provisioned")


def diagnostic_settings(c: Comparison) -> None:
    for path, one, other in c.twins_of("diagnostic_settings"):
        c.same(path, one, other, ["properties.workspaceId", "properties.storageAccountId"])
        for kind in ("logs", "metrics"):
            missing = _enabled(one, kind) - _enabled(other, kind)
            if missing:
                c.add(f"{path}.{kind}", "lacks categories", sorted(missing), sorted(_enabled(other, kind)))


def _enabled(setting: Element, kind: str) -> set[str]:
    entries = as_list(dig(setting, f"properties.{kind}"))
    return {
        str(dig(each, "category") or dig(each, "categoryGroup")) for each in entries if dig(each, "enabled") is True
    }


def role_assignments(c: Comparison) -> None:
    wanted = Counter(_role(each, c) for each in c.primary.many("role_assignments"))
    has = Counter(_role(each) for each in c.secondary.many("role_assignments"))
    for (role, principal, scope), number in sorted((wanted - has).items(), key=str):
        c.add("role_assignments", f"{principal} lacks the role {role} at {scope}", number, has[role, principal, scope])


def _role(assignment: Element, c: Comparison | None = None) -> tuple[str, str, str]:
    role, principal, scope = (
        str(dig(assignment, f"properties.{name}") or "") for name in ("roleDefinitionId", "principalId", "scope")
    )
    if c is not None:
        principal, scope = c.translate.principal(principal), c.translate.value(scope)
    return last_part(role).casefold(), principal.casefold(), str(comparable(scope))


def private_endpoints(c: Comparison) -> None:
    for path, one, other in c.twins_of("private_endpoints"):
        c.must(path, other, "properties.provisioningState", SUCCEEDED, "is not provisioned")
        c.same(path, one, other, ["properties.dnsZoneGroups"])
        places = [squeeze(str(each.get("location") or "")) for each in (one, other)]
        if places == [squeeze(c.primary_region)] * 2:
            c.add(f"{path}.location", "lies in the primary's region, and is away with it", c.region, c.primary_region)
        wanted, has = (_links(c.translate.value(one)), _links(other))
        for target, groups in wanted.items():
            state, found = has.get(target, ("", set()))
            if state != "approved":
                c.add(
                    f"{path}.privateLinkServiceConnections",
                    f"the connection to {target} is not approved",
                    "Approved",
                    state,
                )
            if groups[1] - found:
                c.add(
                    f"{path}.privateLinkServiceConnections",
                    f"lacks groups of {target}",
                    sorted(groups[1]),
                    sorted(found),
                )
    here, there = c.primary.by_name("private_dns_links"), c.secondary.by_name("private_dns_links")
    for name, link in here.items():
        twin = there.get(name)
        if twin is None:
            c.add(f"private_dns_links.{name_of(link)}", "the zone is not linked to this network", name_of(link), None)
            continue
        path = f"private_dns_links.{name_of(twin)}"
        if comparable(dig(twin, "properties.virtualNetwork.id")) != comparable(
            dig(link, "properties.virtualNetwork.id")
        ):
            c.add(
                f"{path}.virtualNetwork",
                "links another network",
                dig(link, "properties.virtualNetwork.id"),
                dig(twin, "properties.virtualNetwork.id"),
            )
        c.must(path, twin, "properties.virtualNetworkLinkState", ["Completed"], "the link is not complete")
        c.must(path, twin, "properties.provisioningState", SUCCEEDED, "is not provisioned")


def _links(endpoint: Element) -> dict[str, tuple[str, set[str]]]:
    """State and groups of an endpoint's connections by what they lead to."""
    found = {}
    for each in as_list(dig(endpoint, "properties.privateLinkServiceConnections")):
        groups = {str(comparable(group)) for group in as_list(dig(each, "properties.groupIds"))}
        state = str(comparable(dig(each, "properties.privateLinkServiceConnectionState.status")))
        found[str(comparable(dig(each, "properties.privateLinkServiceId")))] = (state, groups)
    return found


def outbound_rules(c: Comparison) -> None:
    for path, one, other in c.twins_of("outbound_rules"):
        c.same(path, one, other, ["properties.type", "properties.category", "properties.destination"])
        c.must(path, other, "properties.status", ["Active"], "is not active")


def app_configuration(c: Comparison) -> None:
    for one, other in c.both("app_config"):
        _configuration_store(c, one, other)


def _configuration_store(c: Comparison, one: Element, other: Element) -> None:
    c.must(
        "app_config", other, "sku.name", ["standard", "premium"], "cannot have replicas: that takes the SKU standard"
    )
    c.must("app_config", other, "properties.enablePurgeProtection", [True], "purge protection is off")
    c.must("app_config", other, "properties.provisioningState", SUCCEEDED, "is not provisioned")
    c.same("app_config", one, other, ["properties.disableLocalAuth", "properties.publicNetworkAccess"])
    c.not_less("app_config", one, other, ["properties.softDeleteRetentionInDays"])
    replicas = c.secondary.many("app_config_replicas")
    away = [
        each
        for each in replicas
        if each.get("location") and squeeze(str(each["location"])) != squeeze(c.primary_region)
    ]
    if not away:
        where = [each.get("location") for each in replicas]
        path = f"app_config_replicas.{name_of(replicas[0])}" if replicas else "app_config_replicas"
        c.add(path, "has no replica outside the primary's region", c.region, where)
    elif not any(comparable(dig(each, "properties.provisioningState")) == "succeeded" for each in away):
        c.add(
            f"app_config_replicas.{name_of(away[0])}.provisioningState",
            "is not provisioned",
            "Succeeded",
            dig(away[0], "properties.provisioningState"),
        )


def search_and_state(c: Comparison) -> None:
    for one, other in c.both("search_service"):
        c.here("search_service", other)
        c.same("search_service", one, other, ["sku.name", "properties.publicNetworkAccess"])
        c.not_less("search_service", one, other, ["properties.replicaCount", "properties.partitionCount"])
        c.must("search_service", other, "properties.status", ["running"], "does not run")
        c.must("search_service", other, "properties.provisioningState", SUCCEEDED, "is not provisioned")
    for _, other in c.both("cosmos_account"):
        regions = [dig(each, "locationName") for each in as_list(dig(other, "properties.locations"))]
        if not _has_region(regions, c.region):
            c.add("cosmos_account.locations", "is not in the secondary's region", c.region, regions)
        c.must("cosmos_account", other, "properties.provisioningState", [*SUCCEEDED, None], "is not provisioned")
        c.must("cosmos_account", other, "properties.enableAutomaticFailover", [True], "does not fail over by itself")
        c.must("cosmos_account", other, "properties.backupPolicy.type", ["Continuous"], "has no continuous backup")


def health(c: Comparison) -> None:
    c.must(
        "health_availability",
        c.secondary.one("health_availability"),
        "properties.availabilityState",
        ["Available"],
        "is not available",
    )
    for event in c.secondary.many("health_events"):
        kind, status = (comparable(dig(event, f"properties.{name}")) for name in ("eventType", "status"))
        regions = list(_find_impacted(event))
        if (
            kind == "serviceissue"
            and status != "resolved"
            and (not regions or _has_region(regions, c.region) or _has_region(regions, "global"))
        ):
            c.add(f"health_events.{name_of(event)}", f"Service Health: {dig(event, 'properties.title')}", None, regions)


def _find_impacted(event: Element) -> Iterable[Any]:
    for impact in as_list(dig(event, "properties.impact")):
        for region in as_list(dig(impact, "impactedRegions")):
            yield dig(region, "impactedRegion")


def deleted_twins(c: Comparison) -> None:
    planned = {last_part(other).casefold() for other in c.twins.ids.values()}
    lists = c.secondary.one("deleted")
    for kind in sorted({*lists, *c.primary.one("deleted")}):
        entries = lists.get(kind)
        if not isinstance(entries, list):
            raise NotCollected(f"deleted.{kind}", "the secondary's is no list")
        for entry in entries:
            name = dig(entry, "name")
            if isinstance(name, str) and comparable(name) in planned:
                c.add(f"deleted.{kind}.{name}", "something deleted still holds a planned name", None, name)


def _has_region(regions: Iterable[Any], wanted: str) -> bool:
    return bool(wanted) and squeeze(wanted) in {squeeze(str(region)) for region in regions if region}


_B, _W, _I = Severity.BLOCK, Severity.WARN, Severity.INFO

CHECKS: tuple[CheckRow, ...] = (
    CheckRow(
        1,
        "hub and projects",
        ("hub", "projects"),
        _B,
        hubs_and_projects,
        "az ml workspace update, or create it anew with these values",
    ),
    CheckRow(
        2, "self-diagnosis", ("diagnose",), _B, self_diagnosis, "az ml workspace diagnose, and mend what it names"
    ),
    CheckRow(
        3,
        "resource group",
        ("resource_group",),
        _B,
        resource_group,
        "create the secondary in a resource group of its own region",
    ),
    CheckRow(
        4,
        "region pair",
        ("locations",),
        _I,
        region_pair,
        "nothing has to be done; a paired region with zones is recommended",
    ),
    CheckRow(5, "computes", ("computes",), _B, computes, "az ml compute create or update in the secondary's project"),
    CheckRow(
        6,
        "quota of cores",
        ("usages", "computes"),
        _B,
        quota,
        "ask for quota: az quota update, or the portal's page Usage + quotas",
    ),
    CheckRow(7, "connections", ("connections",), _B, connections, "az ml connection create in the secondary"),
    CheckRow(
        8,
        "model deployments",
        ("openai_deployments", "cognitive_usages"),
        _B,
        model_deployments,
        "az cognitiveservices account deployment create",
    ),
    CheckRow(9, "datastores", ("datastores",), _B, datastores, "az ml datastore create in the secondary's project"),
    CheckRow(10, "data assets", ("data_versions",), _B, data_assets, "az ml data create with this version"),
    CheckRow(
        11,
        "environments",
        ("environment_containers", "environment_versions"),
        _B,
        environments,
        "az ml environment create with this version",
    ),
    CheckRow(
        12,
        "models, components, code",
        ("model_versions", "component_versions", "code_versions"),
        _B,
        models_components_code,
        "az ml model or component create with this version",
    ),
    CheckRow(13, "registries", ("registry",), _W, registries, "az ml registry update with the secondary's region"),
    CheckRow(
        14,
        "online endpoints",
        ("online_endpoints", "online_deployments"),
        _B,
        endpoints,
        "az ml online-endpoint or online-deployment create or update",
    ),
    CheckRow(15, "schedules", ("schedules",), _W, schedules, "az ml schedule create or disable in the secondary"),
    CheckRow(16, "storage", ("storage", "shared_data_storage"), _B, storage, "az storage account update"),
    CheckRow(
        17,
        "object replication",
        ("object_replication_policies", "blob_service"),
        _W,
        object_replication,
        "az storage account or-policy create; az storage account blob-service-properties update",
    ),
    CheckRow(18, "key vault", ("keyvault",), _B, key_vault, "az keyvault update"),
    CheckRow(
        19,
        "container registry",
        ("acr", "acr_replications"),
        _B,
        container_registry,
        "az acr update --sku Premium; az acr replication create",
    ),
    CheckRow(
        20,
        "monitoring",
        ("app_insights", "log_analytics"),
        _W,
        monitoring,
        "az monitor app-insights component update; az monitor log-analytics workspace update",
    ),
    CheckRow(
        21,
        "diagnostic settings",
        ("diagnostic_settings",),
        _W,
        diagnostic_settings,
        "az monitor diagnostic-settings create",
    ),
    CheckRow(22, "role assignments", ("role_assignments",), _B, role_assignments, "az role assignment create"),
    CheckRow(
        23,
        "private endpoints",
        ("private_endpoints", "private_dns_links"),
        _B,
        private_endpoints,
        "az network private-endpoint create; az network private-dns link vnet create",
    ),
    CheckRow(24, "outbound rules", ("outbound_rules",), _W, outbound_rules, "az ml workspace outbound-rule set"),
    CheckRow(
        25,
        "App Configuration",
        ("app_config", "app_config_replicas"),
        _B,
        app_configuration,
        "az appconfig update; az appconfig replica create",
    ),
    CheckRow(
        26,
        "search and state of agents",
        ("search_service", "cosmos_account"),
        _W,
        search_and_state,
        "az search service create; az cosmosdb update",
    ),
    CheckRow(27, "health", ("health_availability", "health_events"), _B, health, "wait until Azure is well there"),
    CheckRow(28, "deleted twins", ("deleted",), _I, deleted_twins, "purge or recover what was deleted"),
    serverless_row(),
    index_row(),
)
"""All checks of two inventories, by number; those of the plan are in ``plan_checks``."""
