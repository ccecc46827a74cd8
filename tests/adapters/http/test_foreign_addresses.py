"""No answer leads a client of ours to another host: no redirect, no link to a next page, no place to poll."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken
from notices import notice_of

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.one_host import check_same_host
from orchestrator.adapters.http.pacing import Budget, Pacer
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.hub.code_files import CodeFiles
from orchestrator.adapters.hub.storage_hosts import OwnStorage
from orchestrator.adapters.notify.event_grid import EventGridNotices
from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.pointer import AppConfigurationPointer
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.plan.channels import EventGridChannel
from orchestrator.core.plan.schema import Hub

REDIRECTS = ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent")


class Token:
    """A credential that gives a token to anybody who asks."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("s3cr3t", 2**33)


@pytest.fixture
def foreign(serve: Any, answers: Any) -> Any:
    """A host that nobody may reach, and that would answer."""
    return serve(answers("200 OK", json.dumps({"value": [], "items": []})))


def by_manager(url: str, transport: BoundedTransport) -> object:
    return list(ResourceManager(url, Token(), transport).pages("/subscriptions/s/x", "2024-01-01"))


def by_manager_writing(url: str, transport: BoundedTransport) -> object:
    manager = ResourceManager(url, Token(), transport)
    return manager.write("PUT", "/subscriptions/s/x", "2024-01-01", {"a": 1}, pacer=Pacer(Budget(10, 10)))


def by_pointer(url: str, transport: BoundedTransport) -> object:
    return AppConfigurationPointer(url, Token(), transport).snapshot("demo")


def by_replica(url: str, transport: BoundedTransport) -> object:
    return AppConfigurationPointer("https://origin.example", Token(), transport).read_from("demo", url)


def by_ledger(url: str, transport: BoundedTransport) -> object:
    return Container(url, "hubswitch", Token(), transport).read("demo/epoch.json")


def by_ledger_listing(url: str, transport: BoundedTransport) -> object:
    return list(Container(url, "hubswitch", Token(), transport).listed("demo/"))


def by_ledger_writing(url: str, transport: BoundedTransport) -> object:
    return Container(url, "hubswitch", Token(), transport).create("demo/x", b"y")


def by_code_files(url: str, transport: BoundedTransport) -> object:
    hub = Hub(region="eastus2", subscription="s", resource_group="g", hub="h", project="p", api=url, storage=url)
    files = CodeFiles(Token(), transport, OwnStorage({}, lambda _: frozenset()))
    shelf: Any = None
    return files.keep(hub, f"{url}/box/folder", shelf)


def by_notices(url: str, transport: BoundedTransport) -> object:
    return EventGridNotices(Token(), transport).publish(EventGridChannel(topic=f"{url}/api/events"), [notice_of()])


CLIENTS = [
    by_manager,
    by_manager_writing,
    by_pointer,
    by_replica,
    by_ledger,
    by_ledger_listing,
    by_ledger_writing,
    by_code_files,
    by_notices,
]


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_follows_a_redirect(
    *, serve: Any, answers: Any, foreign: Any, transport: BoundedTransport, client: Callable[..., object], status: str
) -> None:
    """The call fails, or ends with nothing; the other host hears nothing of it."""
    host = serve(answers(status, "", f"Location: {foreign.url}/anywhere"))
    with pytest.raises(HubswitchError):
        client(host.url, transport)
    assert foreign.connections == 0


@pytest.mark.parametrize("client", [by_manager, by_pointer])
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_client_follows_a_link_to_another_host(
    *, serve: Any, answers: Any, foreign: Any, transport: BoundedTransport, client: Callable[..., object], scheme: str
) -> None:
    """Where a list goes on is for the service to say, and where it is asked is not."""
    link = f"{scheme}://{urlsplit(foreign.url).netloc}/next?after=x"
    body = {"value": [], "nextLink": link, "items": [], "@nextLink": link}
    host = serve(answers("200 OK", json.dumps(body)))
    with pytest.raises(HubswitchError):
        client(host.url, transport)
    assert foreign.connections == 0


@pytest.mark.parametrize("header", ["Location", "Azure-AsyncOperation", "Operation-Location"])
@pytest.mark.parametrize("status", ["201 Created", "202 Accepted"])
def test_no_write_is_followed_elsewhere(
    *, serve: Any, answers: Any, foreign: Any, transport: BoundedTransport, header: str, status: str
) -> None:
    """Resource Manager's places to poll are not asked by our client at all: a resource is read by its own id."""
    made = {"id": "/subscriptions/s/x"}
    host = serve(answers(status, json.dumps(made), f"{header}: {foreign.url}/operations/1", "Retry-After: 0"))
    assert by_manager_writing(host.url, transport) == made
    assert foreign.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://store.azconfig.io/kv",
        "https://store.azconfig.io:8443/kv",
        "https://store.azconfig.io.example/kv",
        "https://store.azconfig.io@evil.example/kv",
        "https://evil.example/store.azconfig.io",
        "https://store.azconfig.io:nonsense/kv",
        "//store.azconfig.io/kv",
        "/kv",
    ],
)
def test_another_scheme_host_or_port_is_another_host(url: str) -> None:
    """However much it looks like it."""
    with pytest.raises(InvalidInput, match=r"store\.azconfig\.io"):
        check_same_host("https://store.azconfig.io", url)


def test_spelling_makes_no_other_host() -> None:
    """Casing and the usual port are the same place."""
    check_same_host("https://Store.azconfig.io/", "https://store.AZCONFIG.io:443/kv?after=x")
