"""Our token for storage goes to storage: what users of a project write as an address is not to be trusted."""

from __future__ import annotations

import msgspec
import pytest

from orchestrator.adapters.hub.storage_hosts import OwnStorage, check_storage
from orchestrator.core.base.errors import Refused
from orchestrator.core.plan.schema import Hub, LedgerAccount, Plan, Pointer

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
        "https://account.blob.core.windows.net:443",
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
        "https://account.blob.core.windows.net:nonsense",
        "http://127.0.0.1:8443",
        "https://127.0.0.1:8444",
        "https://blob.core.windows.net",
        "",
    ],
)
def test_nobody_else_gets_a_token(url: str) -> None:
    """A datastore may have any endpoint, and a code asset any address."""
    with pytest.raises(Refused, match="is not asked"):
        check_storage(HUB, url)


def hub(name: str, storage: str | None = None, *resources: str, above: str = "") -> Hub:
    return Hub(
        region="eastus2",
        subscription="s",
        resource_group="g",
        hub=above or f"hub-{name}",
        project=name,
        api="https://api.example",
        storage=storage,
        resources=resources,
    )


def plan_with(pair: str, primary: Hub, ledger: str) -> Plan:
    return Plan(
        schema=1,
        pair=pair,
        primary=primary,
        secondary=hub(f"{pair}-west", f"https://{pair}west.blob.core.windows.net"),
        pointer=Pointer(endpoint="https://pointer.azconfig.io"),
        ledger=LedgerAccount(account=f"https://{ledger}.blob.core.windows.net"),
    )


LISTED = "/subscriptions/s/resourceGroups/other/providers/Microsoft.Storage/storageAccounts/Listed"
OURS = hub("ours", "https://ours.blob.core.windows.net", LISTED)
PLANS = {
    "a": plan_with("a", OURS, "ledgera"),
    "b": plan_with("b", hub("theirs", "https://theirs.blob.core.windows.net"), "ledgerb"),
    "c": plan_with("c", hub("sibling", "https://ours.blob.core.windows.net", above="hub-ours"), "ledgerb"),
}
ATTACHED = frozenset({"attached", "ledgera", "ledgerb", "theirs", "evil.example"})


@pytest.fixture
def own() -> OwnStorage:
    """The rule for three pairs; somebody attached what is not theirs as datastores."""
    return OwnStorage(PLANS, lambda _: ATTACHED)


def test_a_hub_without_storage_in_its_plan_makes_no_exception() -> None:
    """An address that is empty, or a mere path, is not the hub's own because the plan says nothing."""
    for url in ("", "/container", "https://evil.example"):
        with pytest.raises(Refused, match="is not asked"):
            check_storage(msgspec.structs.replace(HUB, storage=None), url)


@pytest.mark.parametrize(
    "url",
    [
        "https://ours.blob.core.windows.net",
        "https://OURS.z12.blob.storage.azure.net",
        "https://ours-secondary.blob.core.windows.net",
        "https://listed.blob.core.windows.net",
        "https://attached.dfs.core.windows.net",
    ],
)
def test_files_are_copied_from_the_hub_s_own_accounts(own: OwnStorage, url: str) -> None:
    """The plan's storage, accounts among its resources, and those of the datastores, under each of their hosts."""
    own.check(OURS, url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://ledgera.blob.core.windows.net", "a ledger"),
        ("https://LedgerA.dfs.core.windows.net", "a ledger"),
        ("https://ledgera-secondary.blob.core.windows.net", "a ledger"),
        ("https://ledgera.privatelink.blob.core.windows.net", "a ledger"),
        ("https://ledgerb.blob.core.windows.net", "a ledger"),
        ("https://theirs.blob.core.windows.net", "another pair"),
        ("https://bwest.blob.core.windows.net", "another pair"),
        ("https://awest.blob.core.windows.net", "attach it"),
        ("https://stranger.blob.core.windows.net", "attach it"),
        ("https://evil.example", "is not asked"),
        ("http://ours.blob.core.windows.net", "is not asked"),
    ],
)
def test_no_other_account_is_read(own: OwnStorage, url: str, why: str) -> None:
    """A ledger and another pair's account are refused although a datastore leads there; the reason says what it is."""
    with pytest.raises(Refused, match=why):
        own.check(OURS, url)


def test_a_project_is_asked_for_its_datastores_only_if_need_be() -> None:
    """What the plan names, or forbids, costs no request."""

    def ask(_: Hub) -> frozenset[str]:
        raise AssertionError("asked")

    own = OwnStorage(PLANS, ask)
    own.check(OURS, "https://ours.blob.core.windows.net")
    with pytest.raises(Refused):
        own.check(OURS, "https://ledgera.blob.core.windows.net")
