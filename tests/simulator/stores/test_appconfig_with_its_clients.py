"""App Configuration as azure-appconfiguration and its provider find it, over HTTPS with a token credential."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.appconfiguration import AzureAppConfigurationClient, ConfigurationSetting, ResourceReadOnlyError
from azure.appconfiguration.provider import AzureAppConfigurationProvider, SettingSelector, load
from azure.core import MatchConditions
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from stores_support import Credential, Host
from waiting import until

from orchestrator.simulator.services import Kernel
from orchestrator.simulator.stores.appconfig import ConfigurationStore, RequestQuota

KEY = "hubswitch:demo:active"

type Opener = Callable[..., AzureAppConfigurationClient]


@pytest.fixture
def store(kernel: Kernel) -> ConfigurationStore:
    return ConfigurationStore(kernel, replicas=1)


@pytest.fixture
def urls(store: ConfigurationStore, host: Host) -> list[str]:
    """The origin's endpoint and the replica's."""
    return [host.serve(store.routes(index)) for index in (0, 1)]


@pytest.fixture
def opened(urls: list[str], host: Host, credential: Credential) -> Iterator[Opener]:
    clients: list[AzureAppConfigurationClient] = []

    def open_client(index: int = 0, **options: Any) -> AzureAppConfigurationClient:
        settings = {"credential": credential, "connection_verify": host.ca, "retry_total": 0, **options}
        clients.append(AzureAppConfigurationClient(urls[index], **settings))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def client(opened: Opener) -> AzureAppConfigurationClient:
    return opened()


def setting(key: str, value: str, **more: Any) -> ConfigurationSetting:
    return ConfigurationSetting(key=key, value=value, **more)


def read(client: AzureAppConfigurationClient, key: str, **options: Any) -> ConfigurationSetting:
    """A key-value that is there."""
    found = client.get_configuration_setting(key, **options)
    assert found is not None
    return found


def test_a_key_value_comes_back_as_it_was_set(client: AzureAppConfigurationClient) -> None:
    """Value, label, content type and tags are kept; another label is another key-value."""
    client.set_configuration_setting(
        setting(KEY, '{"epoch":1}', label="prod", content_type="application/json", tags={"by": "test"})
    )
    client.set_configuration_setting(setting(KEY, "plain"))
    labelled = read(client, KEY, label="prod")
    assert (labelled.value, labelled.content_type, labelled.tags) == (
        '{"epoch":1}',
        "application/json",
        {"by": "test"},
    )
    assert read(client, KEY).value == "plain"


def test_the_client_asks_for_the_public_audience(client: AzureAppConfigurationClient, credential: Credential) -> None:
    """For a host that is not one of azconfig.io, azure-appconfiguration 1.10 takes the public cloud's audience."""
    client.set_configuration_setting(setting("a", "1"))
    assert set(credential.scopes) == {"https://appconfig.azure.com/.default"}


@pytest.mark.parametrize("audience", ["https://azconfig.io", "endpoint"])
def test_older_audiences_are_accepted(kernel: Kernel, opened: Opener, urls: list[str], audience: str) -> None:
    """Tokens for azconfig.io or for the endpoint itself are as good."""
    wanted = urls[0] if audience == "endpoint" else audience
    client = opened(credential=Credential(kernel, audience=wanted))
    assert client.set_configuration_setting(setting("a", "1")).value == "1"


def test_another_audience_or_a_missing_role_is_refused(kernel: Kernel, opened: Opener) -> None:
    """401 for a token of another service; 403 for a reader that writes."""
    kernel.grant("reader", "appconfig.read")
    with pytest.raises(ClientAuthenticationError) as stranger:
        opened(credential=Credential(kernel, audience="https://vault.azure.net")).get_configuration_setting("a")
    with pytest.raises(HttpResponseError) as reader:
        opened(credential=Credential(kernel, "reader")).set_configuration_setting(setting("a", "1"))
    assert (stranger.value.status_code, reader.value.status_code) == (401, 403)


def test_a_write_under_an_old_etag_is_refused(client: AzureAppConfigurationClient) -> None:
    """If-Match with an ETag that is no longer current: 412."""
    first = client.set_configuration_setting(setting(KEY, "1"))
    client.set_configuration_setting(setting(KEY, "2", etag=first.etag), MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError):
        client.set_configuration_setting(setting(KEY, "3", etag=first.etag), MatchConditions.IfNotModified)
    assert read(client, KEY).value == "2"


def test_what_must_be_new_is_refused_if_it_exists(client: AzureAppConfigurationClient) -> None:
    """If-None-Match: * on an existing key: 412, which the client calls ResourceExistsError."""
    client.add_configuration_setting(setting(KEY, "1"))
    with pytest.raises(ResourceExistsError) as caught:
        client.add_configuration_setting(setting(KEY, "2"))
    assert caught.value.status_code == 412


def test_an_unchanged_key_value_is_not_sent_again(client: AzureAppConfigurationClient) -> None:
    """If-None-Match with the current ETag: 304, which the client turns into None."""
    etag = client.set_configuration_setting(setting(KEY, "1")).etag
    assert client.get_configuration_setting(KEY, etag=etag, match_condition=MatchConditions.IfModified) is None
    client.set_configuration_setting(setting(KEY, "2"))
    assert client.get_configuration_setting(KEY, etag=etag, match_condition=MatchConditions.IfModified) is not None


def test_writing_the_same_again_changes_nothing(client: AzureAppConfigurationClient) -> None:
    """An equal write keeps the ETag, as in Microsoft's emulator."""
    first = client.set_configuration_setting(setting(KEY, "1"))
    assert client.set_configuration_setting(setting(KEY, "1")).etag == first.etag


def test_eight_writers_with_conditions_lose_no_increment(opened: Opener) -> None:
    """A counter that is only changed under If-Match counts every increment of eight threads."""
    opened().set_configuration_setting(setting("counter", "0"))

    def add(times: int) -> None:
        client, done = opened(), 0
        while done < times:
            item = read(client, "counter")
            item.value = str(int(item.value) + 1)
            try:
                client.set_configuration_setting(item, MatchConditions.IfNotModified)
            except ResourceModifiedError:
                continue
            done += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, [5] * 8))
    assert read(opened(), "counter").value == "40"


def test_deleting_returns_what_was_there(client: AzureAppConfigurationClient) -> None:
    """A deleted key is not found, and deleting it again does nothing."""
    etag = client.set_configuration_setting(setting(KEY, "1")).etag
    with pytest.raises(ResourceModifiedError):
        client.delete_configuration_setting(KEY, etag="other", match_condition=MatchConditions.IfNotModified)
    deleted = client.delete_configuration_setting(KEY, etag=etag, match_condition=MatchConditions.IfNotModified)
    assert deleted is not None
    assert deleted.value == "1"
    assert client.delete_configuration_setting(KEY) is None
    with pytest.raises(ResourceNotFoundError):
        client.get_configuration_setting(KEY)


def test_a_locked_key_value_cannot_be_changed(client: AzureAppConfigurationClient) -> None:
    """A lock makes it read-only (409) until it is taken away; locking changes the ETag."""
    item = client.set_configuration_setting(setting(KEY, "1"))
    locked = client.set_read_only(item)
    assert (locked.read_only, locked.etag == item.etag) == (True, False)
    for attempt in (
        lambda: client.set_configuration_setting(setting(KEY, "2")),
        lambda: client.delete_configuration_setting(KEY),
    ):
        with pytest.raises(ResourceReadOnlyError):
            attempt()
    client.set_read_only(locked, read_only=False)
    assert client.set_configuration_setting(setting(KEY, "2")).value == "2"
    with pytest.raises(ResourceNotFoundError):
        client.set_read_only(setting("none", ""))


def test_lists_are_filtered(client: AzureAppConfigurationClient) -> None:
    """By prefix, by list, by label or its absence, with reserved characters escaped."""
    for key, label in [("a:1", None), ("a:2", "prod"), ("b,1", None), ("a:1", "prod"), ("c*", "test")]:
        client.set_configuration_setting(setting(key, "x", label=label))

    def keys(**filters: Any) -> list[tuple[str, str | None]]:
        return [(item.key, item.label) for item in client.list_configuration_settings(**filters)]

    assert keys(key_filter="a:*") == [("a:1", None), ("a:1", "prod"), ("a:2", "prod")]
    assert keys(key_filter="a:1,a:2", label_filter="\0") == [("a:1", None)]
    assert keys(label_filter="prod,test") == [("a:1", "prod"), ("a:2", "prod"), ("c*", "test")]
    assert keys(key_filter=r"b\,1") == [("b,1", None)]
    assert keys(key_filter=r"c\*") == [("c*", "test")]
    assert [label.name for label in client.list_labels()] == [None, "prod", "test"]
    assert [label.name for label in client.list_labels(name="p*")] == ["prod"]


def test_lists_can_be_filtered_by_tags_and_cut_to_fields(client: AzureAppConfigurationClient) -> None:
    """Every tag filter must hold; only the fields asked for are sent."""
    client.set_configuration_setting(setting("one", "1", tags={"pair": "demo", "kind": "plain"}))
    client.set_configuration_setting(setting("two", "2", tags={"pair": "demo"}))
    found = client.list_configuration_settings(tags_filter=["pair=demo", "kind=plain"], fields=["key", "value"])
    assert [(item.key, item.value, item.etag) for item in found] == [("one", "1", None)]


@pytest.mark.parametrize("filters", [{"key_filter": "*a"}, {"key_filter": "a*b"}, {"label_filter": "a,b,c,d,e,f"}])
def test_filters_that_are_none_are_refused(client: AzureAppConfigurationClient, filters: dict[str, str]) -> None:
    """400 with problem details that name the filter."""
    with pytest.raises(HttpResponseError) as caught:
        list(client.list_configuration_settings(**filters))
    assert caught.value.status_code == 400


@pytest.mark.parametrize("count", [0, 9, 10, 25])
def test_pages_of_a_list_cover_everything_once(
    client: AzureAppConfigurationClient, store: ConfigurationStore, count: int
) -> None:
    """Whatever the number of items, the pages together are all of them, sorted, without doubles."""
    store.page_size = 5
    expected = sorted(f"k:{number * 37 % 101}" for number in range(count))
    for key in expected:
        store.put(key, "x")
    store.put("other", "x")
    pages = [[item.key for item in page] for page in client.list_configuration_settings(key_filter="k:*").by_page()]
    assert [key for page in pages for key in page] == expected


def test_pages_that_have_not_changed_are_not_sent_again(
    client: AzureAppConfigurationClient, store: ConfigurationStore
) -> None:
    """A watcher of page ETags gets the changed page alone, and sees a page that is added."""
    store.page_size = 2
    for key in "abcd":
        store.put(key, "1")

    def changed(etags: list[str]) -> list[list[str]]:
        pages = client.list_configuration_settings().by_page(match_conditions=etags)
        return [[item.key for item in page] for page in pages]

    iterator = client.list_configuration_settings().by_page()
    etags = []
    for page in iterator:
        list(page)
        etags.append(iterator.etag)
    assert changed(etags) == []
    store.put("c", "2")
    assert changed(etags) == [["c", "d"]]
    store.put("e", "1")
    assert changed(etags) == [["c", "d"], ["e"]]


def test_revisions_keep_what_was(client: AzureAppConfigurationClient) -> None:
    """Every value that a key had, newest first."""
    for value in "123":
        client.set_configuration_setting(setting(KEY, value))
    client.set_configuration_setting(setting("other", "x"))
    assert [item.value for item in client.list_revisions(key_filter=KEY)] == ["3", "2", "1"]


def test_a_replica_lags_and_catches_up(opened: Opener, store: ConfigurationStore) -> None:
    """A write is visible where it was made at once, elsewhere after the lag, also when that is changed meanwhile."""
    origin, replica = opened(0), opened(1)
    origin.set_configuration_setting(setting(KEY, "1"))
    assert read(replica, KEY).value == "1"
    store.lag = 60.0
    origin.set_configuration_setting(setting(KEY, "2"))
    assert read(replica, KEY).value == "1"
    store.lag = 0.2
    until(lambda: read(replica, KEY).value != "1", "the new value on the replica")
    assert read(replica, KEY).value == "2"


def test_a_sync_token_is_honoured_by_a_lagging_replica(opened: Opener, store: ConfigurationStore) -> None:
    """Who shows the token of a write sees that write, and the ones before it."""
    origin, replica = opened(0), opened(1)
    store.lag = 60.0
    origin.set_configuration_setting(setting("first", "1"))
    token: list[str] = []
    origin.set_configuration_setting(
        setting(KEY, "1"), raw_response_hook=lambda answer: token.append(answer.http_response.headers["Sync-Token"])
    )
    with pytest.raises(ResourceNotFoundError):
        replica.get_configuration_setting(KEY)
    replica.update_sync_token(token[0])
    assert read(replica, KEY).value == "1"
    assert read(opened(1), "first").value == "1"


def test_conditions_hold_per_replica_and_the_later_write_stays(opened: Opener, store: ConfigurationStore) -> None:
    """Two replicas accept a write under the same ETag; once they have met, both show the later one."""
    origin, replica = opened(0), opened(1)
    first = origin.set_configuration_setting(setting(KEY, "old"))
    replica.get_configuration_setting(KEY)
    store.lag = 60.0
    for client, value in ((replica, "replica"), (origin, "origin")):
        client.set_configuration_setting(setting(KEY, value, etag=first.etag), MatchConditions.IfNotModified)
    assert [read(client, KEY).value for client in (origin, replica)] == ["origin", "replica"]
    store.lag = 0.0
    assert [read(client, KEY).value for client in (origin, replica)] == ["origin", "origin"]


def test_a_spent_budget_is_429_with_a_wait(opened: Opener, store: ConfigurationStore) -> None:
    """Requests beyond the budget are told how long to wait, for each replica on its own."""
    store.put(KEY, "1")
    store.budget = RequestQuota(requests=2, seconds=30.0)
    client = opened()
    for _ in range(2):
        client.get_configuration_setting(KEY)
    with pytest.raises(HttpResponseError) as caught:
        client.get_configuration_setting(KEY)
    assert caught.value.status_code == 429
    assert caught.value.response is not None
    assert 0 < int(caught.value.response.headers["retry-after-ms"]) <= 30_000
    assert read(opened(1), KEY).value == "1"


def test_a_client_that_waits_gets_through(opened: Opener, store: ConfigurationStore) -> None:
    """The client library's own retries honour retry-after-ms."""
    store.put(KEY, "1")
    store.budget = RequestQuota(requests=1, seconds=0.3)
    client = opened(retry_total=3)
    assert [read(client, KEY).value for _ in range(2)] == ["1", "1"]


def test_a_key_value_has_at_most_ten_kilobytes(client: AzureAppConfigurationClient) -> None:
    """More is refused by the service's front: 413."""
    client.set_configuration_setting(setting("small", "x" * 9_000))
    with pytest.raises(HttpResponseError) as caught:
        client.set_configuration_setting(setting("large", "x" * 11_000))
    assert caught.value.status_code == 413


def follow(provider: AzureAppConfigurationProvider, key: str, value: str) -> None:
    """Refresh as an application does until a value is seen."""

    def refreshed() -> bool:
        provider.refresh()
        return bool(provider[key] == value)

    until(refreshed, f"{value} under {key}", pause=0.05)


@pytest.mark.parametrize(
    "options", [{"refresh_on": [("hubswitch:demo:epoch", "\0")]}, {"refresh_enabled": True}], ids=["sentinel", "pages"]
)
def test_the_provider_follows_a_change(
    store: ConfigurationStore, urls: list[str], host: Host, credential: Credential, options: dict[str, Any]
) -> None:
    """Loaded once, it shows new values after a refresh: by its sentinel, or by the pages' ETags."""
    store.put("hubswitch:demo:hub", "hub-primary")
    store.put("hubswitch:demo:active", '{"epoch":1}', content_type="application/json")
    store.put("hubswitch:demo:epoch", "1")
    with load(
        endpoint=urls[0],
        credential=credential,
        selects=[SettingSelector(key_filter="hubswitch:demo:*")],
        trim_prefixes=["hubswitch:demo:"],
        refresh_interval=1,
        connection_verify=host.ca,
        **options,
    ) as provider:
        assert (provider["hub"], provider["active"]) == ("hub-primary", {"epoch": 1})
        store.put("hubswitch:demo:hub", "hub-secondary")
        store.put("hubswitch:demo:active", '{"epoch":2}', content_type="application/json")
        store.put("hubswitch:demo:epoch", "2")
        follow(provider, "hub", "hub-secondary")
        assert provider["active"] == {"epoch": 2}
