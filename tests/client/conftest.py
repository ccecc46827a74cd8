"""A pair whose pointer the product's own adapter publishes, and clients that follow it over HTTPS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.credentials import TokenCredential
from azure_fixtures import *  # noqa: F403
from client_values import fill
from hubswitch_client import ActiveHub

from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.stores.pointer import AppConfigurationPointer
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure


@pytest.fixture
def endpoints(azure: LocalAzure) -> list[str]:
    """The store's origin and its replica."""
    return [azure.urls["configuration.0"], azure.urls["configuration.1"]]


@pytest.fixture
def publish(
    endpoints: list[str], executor: TokenCredential, azure_transport: BoundedTransport, pair: str
) -> Callable[..., None]:
    """``publish(epoch)`` as a run does it; ``at=1`` on the replica."""

    def write(epoch: int, at: int = 0) -> None:
        store = AppConfigurationPointer(endpoints[at], executor, azure_transport)
        store.publish(pair, fill(epoch), store.snapshot(pair))

    return write


@pytest.fixture
def options(settings: Settings) -> dict[str, Any]:
    """What leads a client to the simulated Azure, with bounds that a busy machine keeps."""
    return {"connection_verify": settings.ca_bundle, "connection_timeout": 30, "read_timeout": 30}


@pytest.fixture
def follow(
    pair: str, endpoints: list[str], executor: TokenCredential, options: dict[str, Any]
) -> Iterator[Callable[..., ActiveHub]]:
    """``follow(cache=…, refresh=…)``: a client that is closed with the test. It asks in each ``current()``."""
    made: list[ActiveHub] = []

    def make(**arguments: Any) -> ActiveHub:
        usual = {"pair": pair, "endpoints": endpoints, "credential": executor, "max_age": 0.0, **options}
        made.append(ActiveHub(**{**usual, **arguments}))
        return made[-1]

    yield make
    for hub in made:
        hub.close()


@pytest.fixture
def lag(azure: LocalAzure) -> Iterator[None]:
    """The replica learns of no write while the test lasts."""
    azure.services.configuration.lag = 3600
    yield
    azure.services.configuration.lag = 0


@pytest.fixture
def signed_in(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """azure-identity's default credential finds the simulated managed identity."""
    monkeypatch.setenv("AZURE_CLIENT_ID", azure.user_client_id)
