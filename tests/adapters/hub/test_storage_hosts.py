"""Our token for storage goes to storage: what users of a project write as an address is not to be trusted."""

from __future__ import annotations

import pytest

from orchestrator.adapters.hub.storage_hosts import check_storage
from orchestrator.core.base.errors import Refused
from orchestrator.core.plan.schema import Hub

HUB = Hub(
    region="eastus2",
    subscription="s",
    resource_group="g",
    hub="h",
    project="p",
    api="https://api.example",
    storage="https://127.0.0.1:8443",
)


@pytest.mark.parametrize(
    "url",
    [
        "https://account.blob.core.windows.net",
        "https://account.dfs.core.usgovcloudapi.net",
        "https://account.z12.blob.storage.azure.net",
        "https://127.0.0.1:8443",
    ],
)
def test_azure_s_storage_and_the_hub_s_own_may_be_asked(url: str) -> None:
    """Whatever the account: only Azure itself answers there, or whom the plan names."""
    check_storage(HUB, url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "https://x.blob.evil.example",
        "https://account.blob.core.windows.net.evil.example",
        "https://account.blob.core.windows.net@evil.example",
        "https://evil.example/account.blob.core.windows.net",
        "http://account.blob.core.windows.net",
        "https://account.blob.core.windows.net:8080",
        "https://127.0.0.1:8444",
        "https://blob.core.windows.net",
        "",
    ],
)
def test_nobody_else_gets_a_token(url: str) -> None:
    """A datastore may have any endpoint, and a code asset any address."""
    with pytest.raises(Refused, match="is not asked"):
        check_storage(HUB, url)
