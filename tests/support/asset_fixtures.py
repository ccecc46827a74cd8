"""Assets of the simulated primary, and the adapter that copies them, for tests of ``orchestrator.adapters.hub``."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from azure.core.credentials import TokenCredential

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.pacing import Budget, Pacer
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.hub.assets import ArmAssets
from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.ledger import BlobLedger
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.local.simulated_plan import plan_of
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.workflows.activities.assets import LedgerShelf

API = "2023-04-01-preview"
FILES = {"train.py": b"print('hello')\n", "lib/data.bin": bytes(range(256)), "empty": b""}


@pytest.fixture
def plan(azure: LocalAzure) -> Plan:
    return plan_of(azure)


@pytest.fixture
def pacer() -> Pacer:
    return Pacer(Budget(10, 200))


@pytest.fixture
def manager(settings: Settings, executor: TokenCredential, azure_transport: BoundedTransport) -> ResourceManager:
    return ResourceManager(settings.resource_manager, executor, azure_transport)


class Bound(NamedTuple):
    """The adapter with a shelf at hand."""

    service: ArmAssets
    shelf: LedgerShelf

    def capture(self, hub: Hub, asset: str) -> bytes:
        return self.service.capture(hub, asset, self.shelf)

    def recreate(self, source: Hub, target: Hub, asset: str, snapshot: bytes) -> str:
        return self.service.recreate(source, target, asset, snapshot, self.shelf)


@pytest.fixture
def assets(
    *,
    manager: ResourceManager,
    executor: TokenCredential,
    azure_transport: BoundedTransport,
    plan: Plan,
    pacer: Pacer,
    pair: str,
) -> Bound:
    ledger = BlobLedger(Container(plan.ledger.account, plan.ledger.container, executor, azure_transport))
    service = ArmAssets(manager, executor, azure_transport, plans={"demo": plan}, pacer_of=lambda _: pacer)
    return Bound(service, LedgerShelf(ledger, pair))


@pytest.fixture
def put(manager: ResourceManager, plan: Plan, pacer: Pacer) -> Any:
    """``put("data", name, {...})`` makes version 1 of an asset in the primary; its id."""

    def make(kind: str, name: str, properties: dict[str, Any]) -> str:
        path = f"{plan.primary.project_id}/{kind}/{name}/versions/1"
        manager.write("PUT", path, API, {"properties": properties}, pacer=pacer)
        return path

    return make


@pytest.fixture
def code(azure: LocalAzure, plan: Plan, put: Any, pair: str) -> str:
    """A code asset of the primary, its files in the primary's storage; its id."""

    def upload() -> None:
        store = azure.blobs[plan.primary.region]
        store.create_container(pair)
        for path, data in FILES.items():
            store.put(pair, f"work/{path}", data)
        store.put(pair, "workshop/other.py", b"not ours")

    azure.call(upload)
    properties = {"hash_sha256": f"hash-{pair}", "hash_version": "202208"}
    return str(put("codes", pair, {"codeUri": f"{plan.primary.storage}/{pair}/work", "properties": properties}))


@pytest.fixture
def context(azure: LocalAzure, plan: Plan, pair: str) -> str:
    """A build context in the primary's default datastore; its URI, as azure-ai-ml writes it."""
    folder = f"LocalUpload/{pair}/docker"

    def upload() -> None:
        store = azure.blobs[plan.primary.region]
        store.put("azureml-blobstore", f"{folder}/Dockerfile", b"FROM python:3.13\n")
        store.put("azureml-blobstore", f"{folder}/conda/env.yml", b"name: x\n")

    azure.call(upload)
    return f"{plan.primary.storage}/azureml-blobstore/{folder}/"


def files_of(azure: LocalAzure, region: str, uri: str) -> dict[str, bytes]:
    """What lies under a code's URI in a region's storage."""
    container, _, folder = uri.removeprefix(azure.urls[f"{region}.storage"] + "/").partition("/")
    store = azure.blobs[region]

    def read() -> dict[str, bytes]:
        names = store.names(container, folder + "/")
        return {name.removeprefix(folder + "/"): blob.data for name in names if (blob := store.get(container, name))}

    return azure.call(read)
