"""Readiness: each drift is found under its path at its severity, nothing else is, and nonsense is never green."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inventories import inventory, twin_map
from stories import DEEP

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.standby.inventory import unreadable
from orchestrator.core.standby.readiness import Readiness, compare
from orchestrator.core.standby.readiness_checks import CHECKS, family_of
from orchestrator.core.standby.twin_map import Translator, infer_twin_map, twin_map_from

SHARED = Path(__file__).parents[4] / "shared" / "corpus" / "arm" / "synthetic"
PRIMARY = inventory("ne")
KEYS = sorted(set(PRIMARY) - {"_meta"})

type Path_ = tuple[str | int, ...]


def compared(secondary: Any, primary: Any = PRIMARY) -> Readiness:
    return compare(primary, secondary, twin_map_from(twin_map(), "map.json"), CHECKS)


def changed(path: str, value: Any, side: str = "we") -> dict[str, Any]:
    """The secondary with another value at a path, such as ``computes.0.name``; without it, if the value is ``...``."""
    found: Any = inventory(side)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    at = found
    for part in way:
        at = at[part]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return dict(found)


def test_a_twin_is_ready() -> None:
    """Everything is there, under its own names, in its own region."""
    found = compared(inventory("we"))
    assert (found.ready, found.score, found.checks, found.findings) == (True, 100, 30, ())


DRIFTS = [
    ("hub.properties.storageAccount", PRIMARY["hub"]["properties"]["storageAccount"], 1, "block", "hub.storageAccount"),
    ("hub.location", "northeurope", 1, "block", "hub.location"),
    (
        "hub.properties.encryption.keyVaultProperties.keyIdentifier",
        "https://vault-ne.vault.azure.net/keys/own/1",
        1,
        "block",
        "hub.encryption.keyVaultProperties.keyIdentifier",
    ),
    ("hub.properties.managedNetwork.status.status", "Inactive", 1, "block", "hub.managedNetwork.status.status"),
    ("projects.0.name", "other", 1, "block", "projects.proj-we"),
    ("projects.0.properties.hubResourceId", "x", 1, "block", "projects.proj-we.hubResourceId"),
    (
        "diagnose.value.storageAccountResults",
        [{"level": "Error", "code": "c"}],
        2,
        "block",
        "diagnose.storageAccountResults",
    ),
    ("resource_group.location", "northeurope", 3, "block", "resource_group.location"),
    ("locations.0.metadata.pairedRegion", [], 4, "info", "locations.northeurope.metadata.pairedRegion"),
    ("computes", [], 5, "block", "computes.cpu"),
    ("computes.0.properties.properties.vmSize", "Standard_D8s_v5", 5, "block", "computes.cpu.vmSize"),
    (
        "computes.0.properties.properties.scaleSettings.maxNodeCount",
        3,
        5,
        "block",
        "computes.cpu.scaleSettings.maxNodeCount",
    ),
    ("usages.0.limit", 15, 6, "block", "usages.standardDSv5Family Cluster Dedicated vCPUs"),
    ("usages.1.currentValue", 90, 6, "block", "usages.Total Cluster Dedicated Regional vCPUs"),
    ("usages.2.currentValue", 500, 6, "block", "usages.Clusters"),
    ("connections", [], 7, "block", "connections.models"),
    ("connections.0.properties.target", "https://models-ne.openai.azure.com/", 7, "block", "connections.models.target"),
    ("openai_deployments.0.sku.capacity", 3, 8, "block", "openai_deployments.chat.sku.capacity"),
    ("openai_deployments.0.properties.model.version", "1", 8, "block", "openai_deployments.chat.model.version"),
    ("datastores.0.properties.accountName", "store-ne", 9, "block", "datastores.workspaceblobstore.accountName"),
    ("data_versions", [], 10, "block", "data_versions.flowers:1"),
    (
        "environment_containers.0.properties.latestVersion",
        "2",
        11,
        "block",
        "environment_containers.train.latestVersion",
    ),
    ("environment_versions.0.properties.image", "x:1", 11, "block", "environment_versions.train:3.image"),
    ("model_versions", [], 12, "block", "model_versions.risk:5"),
    (
        "component_versions.0.properties.componentSpec.command",
        "y",
        12,
        "block",
        "component_versions.prep:1.componentSpec",
    ),
    ("registry.properties.regionDetails", [{"location": "northeurope"}], 13, "warn", "registry.regionDetails"),
    ("online_endpoints.0.properties.authMode", "Key", 14, "block", "online_endpoints.score.authMode"),
    ("online_endpoints.0.properties.traffic", {}, 14, "warn", "online_endpoints.score.traffic"),
    ("schedules.0.properties.isEnabled", True, 15, "warn", "schedules.nightly.isEnabled"),
    ("shared_data_storage.sku.name", "Standard_LRS", 16, "block", "shared_data_storage.sku.name"),
    (
        "shared_data_storage.properties.geoReplicationStats.lastSyncTime",
        "2026-05-01T11:40:00Z",
        16,
        "block",
        "shared_data_storage.geoReplicationStats.lastSyncTime",
    ),
    ("object_replication_policies", [], 17, "warn", "object_replication_policies"),
    ("blob_service.properties.isVersioningEnabled", False, 17, "warn", "blob_service.isVersioningEnabled"),
    ("keyvault.properties.enablePurgeProtection", ..., 18, "block", "keyvault.enablePurgeProtection"),
    ("keyvault.properties.softDeleteRetentionInDays", 7, 18, "block", "keyvault.softDeleteRetentionInDays"),
    ("acr.sku.name", "Basic", 19, "block", "acr.sku.name"),
    ("acr_replications", [], 19, "block", "acr_replications.westeurope"),
    ("log_analytics.properties.retentionInDays", 7, 20, "warn", "log_analytics.retentionInDays"),
    ("diagnostic_settings.0.properties.logs.0.enabled", False, 21, "warn", "diagnostic_settings.all.logs"),
    ("role_assignments.0.properties.principalId", "p-ne", 22, "block", "role_assignments"),
    (
        "private_endpoints.0.properties.privateLinkServiceConnections.0.properties.privateLinkServiceConnectionState.status",
        "Pending",
        23,
        "block",
        "private_endpoints.pe-we.privateLinkServiceConnections",
    ),
    ("private_endpoints.0.location", "northeurope", 23, "block", "private_endpoints.pe-we.location"),
    ("private_dns_links", [], 23, "block", "private_dns_links.zone/link-ne"),
    ("outbound_rules.0.properties.status", "Inactive", 24, "warn", "outbound_rules.out.status"),
    ("app_config.sku.name", "free", 25, "block", "app_config.sku.name"),
    ("app_config_replicas", [], 25, "block", "app_config_replicas"),
    ("cosmos_account.properties.locations", [{"locationName": "North Europe"}], 26, "warn", "cosmos_account.locations"),
    (
        "health_availability.properties.availabilityState",
        "Unavailable",
        27,
        "block",
        "health_availability.availabilityState",
    ),
    (
        "health_events",
        [
            {
                "name": "E-1",
                "properties": {
                    "eventType": "ServiceIssue",
                    "status": "Active",
                    "impact": [{"impactedRegions": [{"impactedRegion": "West Europe"}]}],
                },
            }
        ],
        27,
        "block",
        "health_events.E-1",
    ),
    ("serverless_endpoints", [], 32, "block", "serverless_endpoints.phi"),
    (
        "serverless_endpoints.0.properties.modelSettings.modelId",
        "azureml://registries/azureml/models/Phi-3",
        32,
        "block",
        "serverless_endpoints.phi.modelSettings.modelId",
    ),
    (
        "serverless_endpoints.0.properties.provisioningState",
        "Failed",
        32,
        "block",
        "serverless_endpoints.phi.provisioningState",
    ),
    (
        "serverless_endpoints.0.properties.endpointState",
        "Suspended",
        32,
        "block",
        "serverless_endpoints.phi.endpointState",
    ),
    (
        "serverless_endpoints.0.properties.contentSafety",
        None,
        32,
        "warn",
        "serverless_endpoints.phi.contentSafety.contentSafetyStatus",
    ),
    ("search_indexes.0.definition", None, 33, "block", "search_indexes.search/policies"),
    ("search_indexes.0.statistics.documentCount", 0, 33, "block", "search_indexes.search/policies.documentCount"),
    ("search_indexes.0.statistics.documentCount", "many", 33, "block", "search_indexes.search/policies.documentCount"),
    ("search_indexes", [], 33, "block", "search_indexes.search/policies"),
    ("connections.1.properties.metadata.IndexName", ..., 33, "block", "connections.search.metadata.IndexName"),
    ("deleted.vaults", [{"name": "vault-we"}], 28, "info", "deleted.vaults.vault-we"),
]


@pytest.mark.parametrize(("path", "value", "check", "severity", "told"), DRIFTS, ids=[each[4] for each in DRIFTS])
def test_a_drift_is_found_alone(path: str, value: Any, check: int, severity: str, told: str) -> None:
    """Under its path, at its severity; what only warns leaves the pair ready."""
    found = compared(changed(path, value))
    assert (found.findings[0].check, found.findings[0].severity, found.findings[0].path) == (check, severity, told)
    assert {each.check for each in found.findings} <= {check, 23}
    assert found.ready is (severity != "block")
    assert found.score < 100


BENIGN = [
    ("hub.systemData", {"lastModifiedAt": "2026-01-01"}),
    ("hub.location", "West Europe"),
    ("hub.tags", {"owner": "somebody"}),
    ("computes.0.properties.properties.vmSize", "STANDARD_D4S_V5"),
    ("computes.0.properties.properties.vmPriority", ...),
    ("computes.0.properties.properties.currentNodeCount", 3),
    ("computes.0.properties.properties.scaleSettings.maxNodeCount", 9),
    ("diagnose.value.dnsResolutionResults", [{"level": "Warning", "code": "CustomDns"}]),
    ("openai_deployments.0.sku.capacity", 60),
    ("connections.0.properties.target", "https://MODELS-WE.openai.azure.com"),
    ("datastores.0.properties.containerName", "another"),
    ("model_versions.0.properties.isArchived", False),
    ("registry.properties.regionDetails", [{"location": "West Europe"}, {"location": "northeurope"}]),
    ("online_endpoints.0.properties.scoringUri", "https://elsewhere"),
    ("deleted.vaults", [{"name": "somebody-elses"}]),
    ("search_service", {"name": "one more"}),
    (
        "health_events",
        [
            {
                "name": "E",
                "properties": {
                    "eventType": "ServiceIssue",
                    "status": "Active",
                    "impact": [{"impactedRegions": [{"impactedRegion": "East US"}]}],
                },
            }
        ],
    ),
]


@pytest.mark.parametrize(("path", "value"), BENIGN, ids=[each[0] for each in BENIGN])
def test_a_difference_that_is_none_is_not_told(path: str, value: Any) -> None:
    """Casing, order, what Azure adds, and more than is needed."""
    assert compared(changed(path, value)).findings == ()


OF_THE_SECONDARY = {
    *("acr_replications", "app_config_replicas", "blob_service", "health_availability", "health_events", "deleted"),
    *("diagnose", "resource_group", "locations", "usages", "search_indexes"),
}
"""What is read of the secondary alone, or of the primary for its names only."""


@pytest.mark.parametrize("damage", ["missing", "text", "error"])
@pytest.mark.parametrize(
    ("side", "key"),
    [
        *(("secondary", key) for key in KEYS if key != "search_service"),
        *(("primary", key) for key in KEYS if key not in OF_THE_SECONDARY),
    ],
)
def test_what_could_not_be_read_is_not_ready(side: str, key: str, damage: str) -> None:
    """An answer that is missing, or of another type, is told under its key."""
    both = {"primary": inventory("ne"), "secondary": inventory("we")}
    if damage == "missing":
        del both[side][key]
    else:
        both[side][key] = "nonsense" if damage == "text" else {"error": {"code": "AuthorizationFailed"}}
    found = compared(both["secondary"], both["primary"])
    assert not found.ready
    assert any(each.path.startswith(key) for each in found.findings)


STRANGE: list[Any] = [
    7,
    True,
    "x",
    [None],
    [["x"]],
    {"a": [1]},
    [{"name": ["x"], "level": {"x": 1}}],
    math.nan,
    math.inf,
]


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every part of an inventory: what holds it, and its key or number there."""
    parts = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, part in parts:
        yield value, key
        yield from places_in(part)


@pytest.mark.parametrize("side", ["ne", "we"])
def test_nothing_strange_anywhere_raises(side: str) -> None:
    """Whatever stands in the place of whichever part, with a map and without one."""
    both = {"ne": inventory("ne"), "we": inventory("we")}
    for holder, key in places_in(both[side]):
        before = holder[key]
        for holder[key] in STRANGE:
            compared(both["we"], both["ne"])
            compare(both["ne"], both["we"], infer_twin_map(both["ne"], both["we"]), CHECKS)
        holder[key] = before


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**400])
def test_quota_that_is_no_finite_number_is_not_ready(number: float) -> None:
    """Python reads ``NaN``, ``Infinity`` and numbers that no float can hold in JSON: none is a limit."""
    found = compared(changed("usages.0.limit", number))
    assert not found.ready
    assert [each.check for each in found.findings] == [6]


def test_quota_that_nobody_told_is_not_ready() -> None:
    """Unknown is not enough."""
    found = compared(changed("usages", []))
    assert not found.ready
    assert {each.check for each in found.findings} == {6}


leaves = st.sampled_from([None, [], {}, "nonsense", 7, True, [None], {"error": {"code": "x"}}])


@settings(max_examples=150 * DEEP, deadline=None)
@given(st.data())
def test_damage_never_raises_and_never_makes_ready(data: st.DataObject) -> None:
    """Whatever stands in the place of any part of either inventory, a pair that is not ready does not become so."""
    one, other = inventory("ne"), changed("keyvault.properties.enablePurgeProtection", False)
    target: Any = data.draw(st.sampled_from([one, other]))
    for _ in range(data.draw(st.integers(1, 6))):
        keys: list[Any] = list(target) if isinstance(target, dict) else list(range(len(target)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if isinstance(target[key], dict | list) and target[key] and data.draw(st.booleans()):
            target = target[key]
            continue
        target[key] = copy.deepcopy(data.draw(leaves))
        break
    found = compared(other, one)
    assert not found.ready or other["keyvault"] in (None, {}) or one["keyvault"] is None


@pytest.mark.parametrize(
    ("size", "family"),
    [
        ("STANDARD_D4S_V5", "standarddsv5family"),
        ("Standard_DS3_v2", "standarddsv2family"),
        ("Standard_NC24ads_A100_v4", "standardncadsa100v4family"),
        ("Standard_E8-4s_v5", "standardesv5family"),
        ("nonsense", ""),
    ],
)
def test_the_family_of_a_size(size: str, family: str) -> None:
    """As the names of usages spell it."""
    assert family_of(size) == family


def test_names_in_ids_hosts_and_paths_are_translated() -> None:
    """Whole words only, and those of shared resources stay."""
    translate = Translator(twin_map_from(twin_map(), "map.json"), ("ne", "we"))
    assert translate.value("https://store-ne.blob.core.windows.net/x") == "https://store-we.blob.core.windows.net/x"
    assert translate.value(f"azureml:{PRIMARY['projects'][0]['id']}/models/m").endswith(
        "/rg-we/providers/Microsoft.MachineLearningServices/workspaces/proj-we/models/m"
    )
    assert translate.name("pe-ne") == "pe-we"
    assert translate.value("someone") == "someone"


def test_without_a_map_twins_are_told_by_their_place() -> None:
    """What both sides have in common is shared; one drift is still found."""
    inferred = infer_twin_map(PRIMARY, inventory("we"))
    assert compare(PRIMARY, inventory("we"), inferred, CHECKS).findings == ()
    other = changed("connections.0.properties.authType", "ApiKey")
    (found,) = compare(PRIMARY, other, infer_twin_map(PRIMARY, other), CHECKS).findings
    assert found.path == "connections.models.authType"
    assert infer_twin_map({"hub": 7, "projects": [None]}, {}).ids == {}


@pytest.mark.parametrize(
    ("field", "value"), [("nonsense", 1), ("ids", []), ("rpo_target", "soon"), ("needed", {"cpu": {"nodes": -1}})]
)
def test_a_wrong_map_is_refused_with_its_field(field: str, value: Any) -> None:
    """Nothing is compared."""
    with pytest.raises(InvalidInput, match=field):
        twin_map_from(twin_map() | {field: value}, "map.json")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collected pairs are not at hand")
def test_the_collected_pairs_are_judged_as_they_say() -> None:
    """The clean one is ready; each seeded drift is found at its severity, and nothing else is."""
    read = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in SHARED.glob("*.json")}
    twins = twin_map_from(read["pair"], "pair.json")
    clean = compare(read["primary"], read["secondary_clean"], twins, CHECKS)
    assert (clean.ready, clean.findings) == (True, ())
    found = compare(read["primary"], read["example_secondary"], twins, CHECKS).findings
    wanted = {(each["path"], each["severity"]) for each in read["example_drift"]["drifts"]}
    assert {(each.path, str(each.severity)) for each in found} == wanted


def test_what_could_not_be_read_says_why() -> None:
    """The reason stands in the finding, for one resource and for a list."""
    for key in ("keyvault", "computes"):
        found = compared(changed(key, unreadable("Denied", "the reader may not")))
        assert not found.ready
        assert any(each.path == key and "the reader may not" in each.what for each in found.findings)


@pytest.mark.parametrize(
    "name", ["Standard DSv5 Family Cluster Dedicated vCPUs", "standarddsv5family cluster dedicated vcpus"]
)
def test_a_quota_is_found_however_its_name_is_spelt(name: str) -> None:
    """Azure writes the family with blanks and without."""
    assert compared(changed("usages.0.name.value", name)).ready
