"""Whatever a body names: files come from the hub's own accounts, and our token goes nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from azure.core.credentials import AccessToken, TokenCredential

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.pacing import Budget, Pacer
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.hub.assets import ArmAssets
from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.ledger import BlobLedger
from orchestrator.core.base.errors import Refused
from orchestrator.core.plan.schema import LedgerAccount, Plan
from orchestrator.local.simulated_plan import plan_of
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.workflows.activities.assets import LedgerShelf

LEDGER = "sthubswitch"
LEDGER_URL = f"https://{LEDGER}.blob.core.windows.net"
STRANGER_URL = "https://ststranger.blob.core.windows.net"


class Watched:
    """A credential that remembers for what its tokens were asked."""

    def __init__(self, inner: TokenCredential) -> None:
        self._inner = inner
        self.asked: list[str] = []

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked += scopes
        return self._inner.get_token(*scopes, **options)


@pytest.fixture
def storage_credential(executor: TokenCredential) -> Watched:
    return Watched(executor)


@pytest.fixture
def plan(azure: LocalAzure) -> Plan:
    """A plan whose ledger has a public name, as people's have."""
    return msgspec.structs.replace(plan_of(azure), ledger=LedgerAccount(account=LEDGER_URL))


@pytest.fixture
def capture(
    *,
    azure: LocalAzure,
    settings: Settings,
    executor: TokenCredential,
    storage_credential: Watched,
    azure_transport: BoundedTransport,
    plan: Plan,
    pair: str,
) -> Callable[[str], bytes]:
    """Keep an asset of the primary."""
    manager = ResourceManager(settings.resource_manager, executor, azure_transport)
    ledger = plan_of(azure).ledger
    shelf = LedgerShelf(BlobLedger(Container(ledger.account, ledger.container, executor, azure_transport)), pair)
    pacer = Pacer(Budget(10, 200))
    assets = ArmAssets(manager, storage_credential, azure_transport, plans={"demo": plan}, pacer_of=lambda _: pacer)
    return lambda asset: assets.capture(plan.primary, asset, shelf)


@pytest.fixture
def put(azure: LocalAzure, plan: Plan) -> Callable[[str, dict[str, Any]], str]:
    """Put what a user of the project can write, past the service's own checks; its id."""

    def make(path: str, properties: dict[str, Any]) -> str:
        place = f"{plan.primary.project_id}/{path}"
        azure.call(lambda: azure.resources.put(place, {"properties": properties}))
        return place

    return make


IN_LEDGER = (f"{LEDGER_URL}/hubswitch/demo", "a ledger of hubswitch")
STRANGER = (f"{STRANGER_URL}/container/folder", "ststranger is not one of the storage accounts of proj-eastus2")
OUTSIDE = ("https://collector.example/container/folder", "no storage account of Azure")


@pytest.mark.parametrize(("uri", "why"), [IN_LEDGER, STRANGER, OUTSIDE])
def test_code_in_a_foreign_account_is_refused_unread(
    *, capture: Any, put: Any, storage_credential: Watched, pair: str, uri: str, why: str
) -> None:
    """The reason names the account; no token for storage is asked for."""
    asset = put(f"codes/{pair}/versions/1", {"codeUri": uri})
    with pytest.raises(Refused, match=why):
        capture(asset)
    assert storage_credential.asked == []


@pytest.mark.parametrize(("uri", "why"), [IN_LEDGER, STRANGER])
def test_a_build_context_in_a_foreign_account_is_refused_unread(
    *, capture: Any, put: Any, storage_credential: Watched, pair: str, uri: str, why: str
) -> None:
    """The same; what lies in no storage at all is public, and stays where it is."""
    asset = put(f"environments/{pair}/versions/1", {"build": {"contextUri": uri, "dockerfilePath": "Dockerfile"}})
    with pytest.raises(Refused, match=why):
        capture(asset)
    assert storage_credential.asked == []


def test_the_ledger_is_not_read_by_way_of_a_datastore(
    *, capture: Any, put: Any, storage_credential: Watched, pair: str
) -> None:
    """Who may write a datastore may not make the ledger readable by it."""
    put(
        f"datastores/{pair}",
        {
            "datastoreType": "AzureBlob",
            "accountName": LEDGER,
            "containerName": "hubswitch",
            "endpoint": "core.windows.net",
            "protocol": "https",
            "credentials": {"credentialsType": "None"},
        },
    )
    build = {"contextUri": f"azureml://datastores/{pair}/paths/demo/", "dockerfilePath": "Dockerfile"}
    for asset in (
        put(f"environments/{pair}/versions/1", {"build": build}),
        put(f"codes/{pair}/versions/1", {"codeUri": f"{LEDGER_URL}/hubswitch/demo"}),
    ):
        with pytest.raises(Refused, match="a ledger of hubswitch"):
            capture(asset)
    assert storage_credential.asked == []
