"""Recorded answers about datastores: the adapter reads them, and the simulated Azure answers in the same shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import TokenCredential

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.pacing import Budget, Pacer
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.hub.datastores import DATASTORE_VERSION, Datastores
from orchestrator.core.plan.schema import Hub
from orchestrator.local.simulated_plan import plan_of
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure

WIRE = Path(__file__).resolve().parents[4] / "shared" / "corpus" / "wire"
pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the corpus is not beside the repository")


def recorded(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((WIRE / f"datastores--{name}.json").read_text(encoding="utf-8"))["response"][
        "body"
    ]
    return body


@pytest.fixture
def hub(azure: LocalAzure) -> Hub:
    return plan_of(azure).primary


@pytest.fixture
def manager(settings: Settings, executor: TokenCredential, azure_transport: BoundedTransport) -> ResourceManager:
    return ResourceManager(settings.resource_manager, executor, azure_transport)


def test_a_recorded_datastore_is_read(azure: LocalAzure, manager: ResourceManager, hub: Hub) -> None:
    """Account, container and the kind of its credentials are where the service puts them."""
    body = recorded("datastore-default")["value"][0]
    place = f"{hub.project_id}/datastores/recorded"
    azure.call(lambda: azure.resources.put(place, {"properties": body["properties"] | {"isDefault": False}}))
    store = Datastores(manager).get(hub, "recorded")
    azure.call(lambda: azure.resources.drop(place))
    assert store is not None
    assert (store.type, store.account, store.credentials) == ("AzureBlob", "fake_account_name", "AccountKey")


def test_the_simulated_datastore_has_the_recorded_fields(manager: ResourceManager, hub: Hub) -> None:
    """Every field that the adapter may read is one that was recorded, of the same type."""
    theirs = recorded("datastore-default")["value"][0]["properties"]
    ours = manager.get(f"{hub.project_id}/datastores/workspaceblobstore", DATASTORE_VERSION)["properties"]
    # Recorded as null where nothing was set.
    free = {"description", "tags", "properties"}
    assert {name for name in ours if name not in free and type(ours[name]) is not type(theirs.get(name))} == set()
    assert ours["credentials"] == theirs["credentials"]


def test_secrets_without_a_body_are_the_recorded_ones(manager: ResourceManager, hub: Hub) -> None:
    """The account's key, and nothing beside it."""
    path = f"{hub.project_id}/datastores/workspaceblobstore/listSecrets"
    given = manager.write("POST", path, DATASTORE_VERSION, None, pacer=Pacer(Budget(10, 200)))
    theirs = recorded("datastore-secrets-no-body")
    assert (given.keys(), given["secretsType"]) == (theirs.keys(), theirs["secretsType"])
