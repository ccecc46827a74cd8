"""Where each part of an inventory comes from: api-versions, and paths below a subscription, a hub or an account.

Versions are stable ones of Microsoft's types (Azure/bicep-types-az); of diagnostic settings there is only a preview.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.core.plan.schema import ARM_ID, Hub

ML = "2024-10-01"
APP_CONFIGURATION = "2024-06-01"
AUTHORIZATION = "2022-04-01"
COGNITIVE = "2024-10-01"
CONTAINER_REGISTRY = "2025-11-01"
COSMOS = "2026-03-15"
DIAGNOSTICS = "2021-05-01-preview"
INSIGHTS = "2020-02-02"
KEY_VAULT = "2026-02-01"
LOCATIONS = "2022-12-01"
LOG_ANALYTICS = "2026-03-01"
NETWORK = "2025-09-01"
PRIVATE_DNS = "2024-06-01"
RESOURCE_GROUPS = "2025-04-01"
RESOURCE_HEALTH = "2025-05-01"
SEARCH = "2025-05-01"
STORAGE = "2026-04-01"

NAMED = ("storageAccount", "keyVault", "applicationInsights", "containerRegistry")
"""Properties of a workspace that hold ARM ids of what it rests on."""

MODEL_CATEGORIES = frozenset({"azureopenai", "aiservices"})
"""Categories of connections behind which there are deployments of models."""

DELETED: Mapping[str, tuple[str, str]] = {
    "vaults": ("Microsoft.KeyVault/deletedVaults", KEY_VAULT),
    "storageAccounts": ("Microsoft.Storage/deletedAccounts", STORAGE),
    "cognitiveAccounts": ("Microsoft.CognitiveServices/deletedAccounts", COGNITIVE),
    "configurationStores": ("Microsoft.AppConfiguration/deletedConfigurationStores", APP_CONFIGURATION),
}
"""Lists of what was deleted and still holds its name."""

KEPT: Mapping[str, tuple[str, str]] = {
    **DELETED,
    "logWorkspaces": ("Microsoft.OperationalInsights/deletedWorkspaces", LOG_ANALYTICS),
}
"""Lists of what was deleted and can be recovered."""

SUBSCRIPTIONS = "2022-12-01"

VERSION_OF: Mapping[str, str] = {
    "microsoft.machinelearningservices": ML,
    "microsoft.keyvault": KEY_VAULT,
    "microsoft.storage": STORAGE,
    "microsoft.containerregistry": CONTAINER_REGISTRY,
    "microsoft.insights": INSIGHTS,
    "microsoft.operationalinsights": LOG_ANALYTICS,
    "microsoft.cognitiveservices": COGNITIVE,
    "microsoft.appconfiguration": APP_CONFIGURATION,
    "microsoft.search": SEARCH,
    "microsoft.documentdb": COSMOS,
}
"""Provider, in lower case -> version in which its resources are read to see whether they are there."""

_PLAIN = re.compile(r"^[A-Za-z0-9/._()@-]+$")


def is_arm_id(text: Any) -> bool:
    """Whether a text that came in an answer may be asked for: an ARM id, and nothing that changes the path or query."""
    return isinstance(text, str) and bool(ARM_ID.match(text)) and bool(_PLAIN.match(text)) and ".." not in text


def locations_of(hub: Hub, provider: str) -> str:
    """A provider's place in the hub's region."""
    return f"/subscriptions/{hub.subscription}/providers/{provider}/locations/{hub.region}"


def behind(connections: Iterable[Mapping[str, Any]], categories: Iterable[str]) -> list[str]:
    """ARM ids of what connections of some categories lead to, each once, in order."""
    wanted, found = {each.casefold() for each in categories}, dict[str, None]()
    for connection in connections:
        properties = connection.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        metadata = properties.get("metadata")
        place = metadata.get("ResourceId") if isinstance(metadata, Mapping) else None
        if str(properties.get("category") or "").casefold() in wanted and is_arm_id(place):
            found[str(place)] = None
    return list(found)
