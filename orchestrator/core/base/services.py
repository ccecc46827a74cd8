"""Which of Azure's services a hub rests on, as Service Health names them.

Names change over the years, so they are data, compared without case, blanks, and the words Azure, Microsoft and
Service around them. A plan may name its own list.
"""

from __future__ import annotations

from collections.abc import Iterable

HUB_SERVICES = (
    "Azure Machine Learning",
    "Azure AI Foundry",
    "Microsoft Foundry",
    "Azure AI Studio",
    "Azure OpenAI Service",
    "Azure AI services",
    "Cognitive Services",
    "Storage",
    "Storage Accounts",
    "Blob Storage",
    "Key Vault",
    "Container Registry",
    "Virtual Machines",
    "Virtual Machine Scale Sets",
    "Virtual Network",
    "Network Infrastructure",
    "Azure Resource Manager",
    "Microsoft Entra ID",
    "Azure Active Directory",
    "Managed identities",
    "Managed Identity",
    "Managed identities for Azure resources",
)
"""What every hub uses, Resource Manager and Entra ID among them."""

OWN_SERVICES = (
    "Azure Functions",
    "App Service",
    "Functions",
    "Durable Task Scheduler",
    "Storage",
    "Storage Accounts",
    "Blob Storage",
    "Virtual Network",
    "Network Infrastructure",
    "Azure DNS",
    "Azure Private Link",
    "Microsoft Entra ID",
    "Azure Active Directory",
    "Managed identities",
    "Managed Identity",
    "Managed identities for Azure resources",
)
"""What this app itself runs on. An incident that names one of them in our own region puts our own eyes in doubt."""

_BEFORE = ("microsoft", "azure")
_AFTER = ("services", "service")


def service_key(name: str) -> str:
    """The name without what differs from message to message."""
    key = "".join(c for c in name[:120].casefold() if c.isalnum())
    for word in _BEFORE:
        key = key.removeprefix(word)
    for word in _AFTER:
        if key.endswith(word):
            return key.removesuffix(word)
    return key


def service_keys(names: Iterable[str]) -> frozenset[str]:
    return frozenset(service_key(name) for name in names)
