"""A simulated Azure for every test, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_azure_client import Client, ClientMaker

from orchestrator.core.base.vocabulary import Role
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.identity import EXECUTOR, USER


@pytest.fixture
def azure() -> Iterator[LocalAzure]:
    with LocalAzure(seed=7, speed=1000) as cloud:
        yield cloud


@pytest.fixture
def primary(azure: LocalAzure) -> Site:
    return azure.estate.pair("demo").site(Role.PRIMARY)


@pytest.fixture
def secondary(azure: LocalAzure) -> Site:
    return azure.estate.pair("demo").site(Role.SECONDARY)


@pytest.fixture
def client_of() -> Iterator[ClientMaker]:
    """Makes clients, and closes them at the end."""
    made: list[Client] = []

    def make(azure: LocalAzure, client_id: str = EXECUTOR) -> Client:
        made.append(Client(azure, client_id))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(azure: LocalAzure, client_of: ClientMaker) -> Client:
    """The executor's requests."""
    return client_of(azure, EXECUTOR)


@pytest.fixture
def user(azure: LocalAzure, client_of: ClientMaker) -> Client:
    """A person's requests."""
    return client_of(azure, USER)
