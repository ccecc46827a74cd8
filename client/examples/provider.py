"""Follow the pointer with Azure's own configuration provider instead of hubswitch-client.

Needs azure-appconfiguration-provider and azure-identity. The provider reads the pair's keys again when the key
``epoch`` has changed, which a switch writes. It does not refuse a lower epoch, as hubswitch-client does.
"""

from __future__ import annotations

from typing import Any

from azure.appconfiguration.provider import AzureAppConfigurationProvider, SettingSelector, WatchKey, load
from azure.identity import DefaultAzureCredential

PREFIX = "hubswitch:vision:"
ENDPOINT = "https://appcs-hubswitch.azconfig.io"


def open_store() -> AzureAppConfigurationProvider:
    """The pair's keys, without their prefix. Asks the store for the epoch at most every thirty seconds."""
    return load(
        endpoint=ENDPOINT,
        credential=DefaultAzureCredential(),
        selects=[SettingSelector(key_filter=f"{PREFIX}*")],
        trim_prefixes=[PREFIX],
        refresh_on=[WatchKey(f"{PREFIX}epoch")],
        refresh_interval=30,
    )


def find_active(store: AzureAppConfigurationProvider) -> dict[str, Any]:
    """``hub``, ``project``, ``subscription``, ``resource_group``, ``region``, ``endpoint``, ``epoch`` and ``since``."""
    store.refresh()
    return dict(store["active"])


if __name__ == "__main__":
    active = find_active(open_store())
    print(active["hub"], active["region"], active["epoch"])
