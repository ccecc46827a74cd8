"""The stores as they are mounted: real clients with the identities' real roles reach each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.appconfiguration import AzureAppConfigurationClient, ConfigurationSetting
from azure.core.exceptions import HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridPublisherClient
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient
from local_azure_client import Client, ClientMaker, eventually

from orchestrator.core.base.vocabulary import Role
from orchestrator.local.simulated_plan import plan_of
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.identity import EXECUTOR, PROBE


@pytest.fixture
def trusted(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What every SDK client is given to trust the local Azure; tokens come through the environment."""
    for name, value in azure.environment().items():
        monkeypatch.setenv(name, value)
    return {"connection_verify": str(azure.ca_bundle)}


@pytest.fixture
def executor() -> Iterator[ManagedIdentityCredential]:
    with ManagedIdentityCredential(client_id=EXECUTOR) as credential:
        yield credential


@pytest.fixture
def probe() -> Iterator[ManagedIdentityCredential]:
    with ManagedIdentityCredential(client_id=PROBE) as credential:
        yield credential


def test_the_executor_keeps_the_ledger(
    azure: LocalAzure, trusted: dict[str, Any], executor: ManagedIdentityCredential
) -> None:
    """In the container that the plan names."""
    ledger = plan_of(azure).ledger
    with BlobServiceClient(ledger.account, credential=executor, **trusted) as service:
        container = service.get_container_client(ledger.container)
        container.upload_blob("demo/epoch.json", b"{}")
        assert [blob.name for blob in container.list_blobs()] == ["demo/epoch.json"]


def test_the_probe_reads_a_hubs_storage_and_cannot_write(
    azure: LocalAzure, trusted: dict[str, Any], probe: ManagedIdentityCredential
) -> None:
    """403 is the answer to the second."""
    url = plan_of(azure).side(Role.PRIMARY).storage
    assert url is not None
    with BlobServiceClient(url, credential=probe, **trusted) as service:
        assert [container.name for container in service.list_containers()] == ["azureml-blobstore"]
        with pytest.raises(HttpResponseError) as refused:
            service.create_container("mine")
    assert refused.value.status_code == 403


def test_the_executor_writes_the_pointer_and_its_replica_follows(
    azure: LocalAzure, trusted: dict[str, Any], executor: ManagedIdentityCredential
) -> None:
    """Through two endpoints of one store."""
    pointer = plan_of(azure).pointer
    with (
        AzureAppConfigurationClient(pointer.endpoint, executor, **trusted) as origin,
        AzureAppConfigurationClient(pointer.replicas[0], executor, **trusted) as replica,
    ):
        origin.set_configuration_setting(ConfigurationSetting(key="hubswitch:demo:epoch", value="1"))
        eventually(lambda: [setting.value for setting in replica.list_configuration_settings()] == ["1"])


def test_the_executor_publishes_notices(
    azure: LocalAzure, trusted: dict[str, Any], executor: ManagedIdentityCredential
) -> None:
    """At the address that the plan names."""
    topic = plan_of(azure).notices
    assert topic is not None
    with EventGridPublisherClient(topic, executor, **trusted) as publisher:
        publisher.send(CloudEvent(source="hubswitch", type="Hubswitch.Test", data={}))
    assert [notice["type"] for notice in azure.event_grid.published] == ["Hubswitch.Test"]


def test_the_probe_reads_the_vault(
    azure: LocalAzure, trusted: dict[str, Any], probe: ManagedIdentityCredential
) -> None:
    """Listing secrets is answered, whatever is in it."""
    url = plan_of(azure).side(Role.PRIMARY).keyvault
    assert url is not None
    with SecretClient(url, probe, verify_challenge_resource=False, **trusted) as vault:
        assert list(vault.list_properties_of_secrets()) == []


def test_the_probe_gets_into_the_registry(azure: LocalAzure, client_of: ClientMaker) -> None:
    """Its token for Resource Manager is exchanged for the registry's own."""
    client: Client = client_of(azure, PROBE)
    registry = plan_of(azure).side(Role.PRIMARY).acr
    token, _ = azure.kernel.token(PROBE, azure.urls["resource-manager"])
    service = str(registry).removeprefix("https://")
    form = {"grant_type": "access_token", "service": service, "access_token": token}
    refresh = client.send("POST", f"{registry}/oauth2/exchange", data=form).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "service": service, "refresh_token": refresh}
    access = client.send("POST", f"{registry}/oauth2/token", data=form).json()["access_token"]
    answer = client.send("GET", f"{registry}/v2/", headers={"Authorization": f"Bearer {access}"})
    assert answer.status_code == 200
