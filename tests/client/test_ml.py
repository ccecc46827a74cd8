"""``ml_client``: azure-ai-ml's own client for the project that the pointer names."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.appconfiguration import AzureAppConfigurationClient, ConfigurationSetting
from azure.core.credentials import TokenCredential
from azure.identity import ManagedIdentityCredential
from client_values import json_of
from hubswitch_client import ActiveHub, MissingPackage, aio

from orchestrator.simulator.cloud import LocalAzure

# What azure-ai-ml and its packages do when they are imported and collected.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Sessions that azure-ai-ml leaves open are collected here, where that is expected, not in a later test."""
    yield
    gc.collect()


def test_the_client_of_azure_ml_is_that_of_the_active_project(
    follow: Callable[..., ActiveHub],
    azure: LocalAzure,
    executor: TokenCredential,
    options: dict[str, Any],
    endpoints: list[str],
    pair: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It reads the workspace that the pointer names, with a credential of its own where one is given."""
    site = list(azure.estate.sites)[1]
    place = {"subscription": site.subscription, "resource_group": site.resource_group, "project": site.project}
    raw = AzureAppConfigurationClient(endpoints[0], executor, **options)
    with raw:
        raw.set_configuration_setting(ConfigurationSetting(key=f"hubswitch:{pair}:active", value=json_of(**place)))
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")
    with ManagedIdentityCredential(client_id=azure.user_client_id) as credential:
        client = follow().ml_client(
            credential=credential, enable_telemetry=False, show_progress=False, **azure.mlclient_kwargs()
        )
        assert client.workspaces.get().name == site.project


def test_without_azure_ml_s_package_the_error_names_it(
    follow: Callable[..., ActiveHub], publish: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no dependency."""
    publish(1)
    monkeypatch.setitem(sys.modules, "azure.ai.ml", None)
    with pytest.raises(MissingPackage, match="azure-ai-ml, which is not installed"):
        follow().ml_client()


def test_the_client_of_azure_ml_is_made_beside_the_loop(
    publish: Callable[..., None],
    azure: LocalAzure,
    pair: str,
    endpoints: list[str],
    executor: TokenCredential,
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For the project that the pointer names."""
    publish(1)
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")

    async def scenario() -> None:
        async with aio.ActiveHub(pair, endpoints, executor, **options) as hub:
            client = await hub.ml_client(enable_telemetry=False, show_progress=False, **azure.mlclient_kwargs())
            assert (client.workspace_name, client.resource_group_name) == ("project-1", "group-1")

    asyncio.run(scenario())
