"""``ActiveHub`` against the App Configuration of the simulated Azure, with the real SDK over HTTPS."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport
from client_values import expected, json_of
from hubswitch_client import ActiveHub, NothingKnown, Pointer
from hubswitch_client.follower import due_after
from waiting import until

from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure

type Follow = Callable[..., ActiveHub]
type Publish = Callable[..., None]

SHORT = {"connection_timeout": 1.5, "read_timeout": 1.5}
"""Bounds for tests that wait for them, seconds."""


def knows(hub: ActiveHub) -> bool:
    """Whether it has a value: on a busy machine an answer may take longer than its bounds."""
    try:
        return bool(hub.current())
    except NothingKnown:
        return False


def test_the_value_has_all_that_was_published(follow: Follow, publish: Publish) -> None:
    """Eight fields, each the run's own, in a value that nobody changes."""
    publish(1)
    found = follow().current()
    assert found == expected(1)
    assert [field.name for field in fields(Pointer)] == [
        *("hub", "project", "subscription", "resource_group", "region", "endpoint", "epoch", "since")
    ]
    with pytest.raises(FrozenInstanceError):
        found.hub = "other"  # type: ignore[misc]


def test_a_switch_is_followed(follow: Follow, publish: Publish) -> None:
    """The next read after it is due gives the new hub."""
    hub = follow()
    publish(1)
    assert hub.current() == expected(1)
    publish(2)
    assert hub.current() == expected(2)


def test_a_value_that_is_young_enough_costs_no_request(follow: Follow, publish: Publish, azure: LocalAzure) -> None:
    """Within ``max_age`` the store is not asked; ``refresh`` asks all the same."""
    publish(1)
    hub = follow(max_age=3600)
    hub.current()
    publish(2)
    since = datetime.now(UTC)
    assert hub.current() == expected(1)
    assert azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="appconfig") == []
    assert hub.refresh() == expected(2)


def test_without_any_pointer_there_is_an_error_that_says_where_it_looked(follow: Follow, endpoints: list[str]) -> None:
    """A pair that was never published, or whose name is misspelt."""
    with pytest.raises(NothingKnown, match="there is no key hubswitch:p-") as caught:
        follow().current()
    assert all(endpoint in str(caught.value) for endpoint in endpoints)


def test_a_store_that_is_away_at_the_start_is_an_error(follow: Follow, publish: Publish, azure: LocalAzure) -> None:
    """Nothing was ever known; when the store is back, the same object finds it."""
    publish(1)
    azure.faults.set(None, "appconfig", "5xx")
    hub = follow()
    with pytest.raises(NothingKnown, match="503"):
        hub.current()
    azure.faults.clear()
    assert hub.current() == expected(1)


@pytest.mark.parametrize("kind", ["5xx", "429", "403", "hang", "black-hole"])
def test_a_store_that_goes_away_leaves_the_last_good_value(
    follow: Follow, publish: Publish, azure: LocalAzure, kind: str
) -> None:
    """Whatever it answers, or does not answer."""
    publish(1)
    hub = follow(**SHORT)
    until(lambda: knows(hub), "the first value")
    azure.faults.set(None, "appconfig", kind)
    assert hub.current() == expected(1)
    assert hub.refresh() == expected(1)


def test_a_store_that_is_away_is_told_once(
    follow: Follow, publish: Publish, azure: LocalAzure, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning for each endpoint when it begins, none while it lasts."""
    publish(1)
    hub = follow()
    hub.current()
    azure.faults.set(None, "appconfig", "5xx")
    with caplog.at_level(logging.WARNING, "hubswitch_client"):
        for _ in range(3):
            hub.current()
    warnings = [record for record in caplog.records if record.name == "hubswitch_client"]
    assert len(warnings) == 2


@pytest.mark.parametrize(
    "text",
    [
        "primary",
        "[]",
        '{"schema": 1, "epoch": 9}',
        '{"schema": 2, "epoch": 9}',
        json_of(schema=2),
        json_of(epoch=True),
        json_of(epoch=-1),
        json_of(hub=None),
        json_of(since="2026-03-01T00:00:00"),
        json_of(since="yesterday"),
    ],
)
def test_a_text_that_is_no_pointer_is_not_believed(
    follow: Follow, publish: Publish, azure: LocalAzure, pair: str, text: str
) -> None:
    """What somebody else wrote, or a later hubswitch, leaves the last good value."""
    publish(1)
    hub = follow()
    hub.current()
    for replica in (0, 1):
        azure.services.configuration.put(f"hubswitch:{pair}:active", text, replica=replica)
    assert hub.current() == expected(1)


@pytest.mark.usefixtures("lag")
def test_a_lower_epoch_is_never_given(follow: Follow, publish: Publish, endpoints: list[str]) -> None:
    """A store that was restored to an older state is not followed back."""
    publish(2, at=0)
    publish(1, at=1)
    hub = follow(endpoints=[endpoints[0]])
    assert hub.current() == expected(2)
    hub._follower._reader._endpoints = (endpoints[1],)
    assert hub.current() == expected(2)


@pytest.mark.usefixtures("lag")
def test_a_replica_that_lags_is_not_believed(
    follow: Follow, publish: Publish, azure: LocalAzure, endpoints: list[str]
) -> None:
    """Not when it is asked because the other endpoint is away, and not when it is the first in the order."""
    publish(1, at=1)
    publish(2, at=0)
    hub, other = follow(), follow(endpoints=endpoints[::-1])
    assert (hub.current(), other.current()) == (expected(2), expected(2))
    azure.faults.set(azure.estate.third, "appconfig", "5xx")
    assert (hub.current(), other.current()) == (expected(2), expected(2))


def test_the_next_endpoint_is_asked_when_the_first_is_away(follow: Follow, publish: Publish, azure: LocalAzure) -> None:
    """A switch is seen on the replica while the origin's region is gone."""
    publish(1)
    hub = follow(**SHORT)
    until(lambda: knows(hub), "the first value")
    azure.faults.set(azure.estate.third, "appconfig", "black-hole")
    publish(2, at=1)
    until(lambda: hub.current() == expected(2), "the switch")


def test_the_first_endpoint_alone_is_asked_while_it_answers(
    follow: Follow, publish: Publish, azure: LocalAzure
) -> None:
    """One request per read; only the very first read compares all endpoints."""
    publish(1)
    hub = follow()
    counts = []
    for _ in range(2):
        since = datetime.now(UTC)
        hub.current()
        counts.append(len(azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="appconfig")))
    assert counts == [2, 1]


def test_a_publication_that_was_cut_short_is_no_mixture(follow: Follow, publish: Publish, azure: LocalAzure) -> None:
    """Plain keys of the new switch are there, the value that counts is not: the old one holds, also for newcomers."""
    publish(1)
    azure.faults.set(azure.estate.third, "appconfig", "5xx", path="active", method="PUT")
    with pytest.raises(Exception, match="503"):
        publish(2)
    assert follow().current() == expected(1)


def test_switches_in_the_middle_of_a_thousand_reads_are_never_mixed(follow: Follow, publish: Publish) -> None:
    """Eight threads, five switches: each value is one switch's, and no thread ever goes back."""
    publish(1)
    hub = follow()
    over = threading.Event()

    def read() -> list[Pointer]:
        found = []
        while len(found) < 125 or not over.is_set():
            found.append(hub.current())
            time.sleep(0.001)  # the simulated Azure runs in this process, too
        return [*found, hub.refresh()]

    with ThreadPoolExecutor(8) as threads:
        readings = [threads.submit(read) for _ in range(8)]
        for epoch in range(2, 7):
            publish(epoch)
        over.set()
    for reading in readings:
        values = reading.result()
        assert [value for value in values if value != expected(value.epoch)] == []
        epochs = [value.epoch for value in values]
        assert epochs == sorted(epochs)
        assert (len(epochs) > 125, len(set(epochs)) > 2, epochs[-1]) == (True, True, 6)


def test_threads_that_wait_for_the_first_value_share_one_read(
    follow: Follow, publish: Publish, azure: LocalAzure, endpoints: list[str]
) -> None:
    """A start of many threads does not ask the store once for each."""
    publish(1)
    azure.faults.set(azure.estate.third, "appconfig", "slow", delay=0.3)
    hub = follow(endpoints=endpoints[:1], max_age=3600)
    since = datetime.now(UTC)
    with ThreadPoolExecutor(8) as threads:
        values = list(threads.map(lambda _: hub.current(), range(8)))
    assert values == [expected(1)] * 8
    assert len(azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="appconfig")) == 1


def test_a_refresh_in_the_background_sees_a_switch_and_ends(follow: Follow, publish: Publish) -> None:
    """A daemon thread, so it keeps no program alive; ``close`` ends it, and the last value stays."""
    publish(1)
    seen: list[Pointer] = []
    with follow(refresh=0.02, max_age=3600) as hub:
        hub.on_switch(lambda now, _: seen.append(now))
        assert hub.current() == expected(1)
        publish(2)
        until(lambda: seen, "the switch")
        thread = hub._thread
        assert thread is not None
        assert thread.daemon
    assert not thread.is_alive()
    assert (hub.current(), hub.refresh()) == (expected(2), expected(2))


def test_the_background_survives_a_store_that_is_away(follow: Follow, publish: Publish, azure: LocalAzure) -> None:
    """It goes on asking, and finds the switch once the store is back."""
    publish(1)
    hub = follow(refresh=0.02)
    assert hub.current() == expected(1)
    azure.faults.set(None, "appconfig", "5xx")
    asked = hub._follower.asked
    until(lambda: hub._follower._faults and hub._follower.asked > asked, "a round that fails")
    azure.faults.clear()
    publish(2)
    until(lambda: hub.current() == expected(2), "the switch")


def test_callbacks_are_told_of_each_switch_with_both_values(follow: Follow, publish: Publish) -> None:
    """Not of the first value, not of a read that finds the same; one that raises or reads again harms nobody."""
    told: list[tuple[Pointer, Pointer, Pointer, Pointer]] = []
    hub = follow()

    def fail(*_: Pointer) -> None:
        raise RuntimeError("as a test wants it")

    hub.on_switch(fail)
    hub.on_switch(lambda now, before: told.append((now, before, hub.current(), hub.refresh())))
    for epoch in (1, 1, 2, 2, 3):
        publish(epoch)
        hub.current()
    assert told == [
        (expected(2), expected(1), expected(2), expected(2)),
        (expected(3), expected(2), expected(3), expected(3)),
    ]


def test_a_callback_may_close(follow: Follow, publish: Publish, caplog: pytest.LogCaptureFixture) -> None:
    """In the thread of the background refresh, which cannot wait for itself."""
    publish(1)
    hub = follow(refresh=0.02)
    hub.on_switch(lambda *_: hub.close())
    hub.current()
    publish(2)
    thread = hub._thread
    assert thread is not None
    until(lambda: not thread.is_alive(), "the end of the thread")
    assert hub.current() == expected(2)
    assert "a callback of on_switch failed" not in caplog.text


def test_a_callback_may_close_in_its_caller_s_thread(follow: Follow, publish: Publish) -> None:
    """The thread of the background refresh, whose turn has come meanwhile, is not waited for for ever."""
    publish(1)
    hub = follow(refresh=0.05)
    hub.current()
    thread = hub._thread
    assert thread is not None
    told_in: list[threading.Thread] = []

    def close(*_: Pointer) -> None:
        told_in.append(threading.current_thread())
        time.sleep(0.2)
        hub.close()

    hub.on_switch(close)
    with hub._asking:
        publish(2)
        hub._ask()
    assert told_in == [threading.current_thread()]
    assert not thread.is_alive()


def test_a_transport_that_was_given_stays_open(follow: Follow, publish: Publish, settings: Settings) -> None:
    """Others may use it; whoever made it closes it."""
    publish(1)
    with RequestsTransport(connection_verify=settings.ca_bundle) as transport:
        for _ in range(2):
            with follow(transport=transport) as hub:
                assert hub.current() == expected(1)
            assert transport.session is not None


def test_a_background_that_stands_still_is_noticed() -> None:
    """After a fork there is no such thread: whoever wants the value asks, after two periods."""
    assert (due_after(30, 5), due_after(None, 5)) == (60, 5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"pair": ""}, ValueError, "pair: expected the name"),
        ({"endpoints": "https://a.azconfig.io"}, TypeError, "endpoints: expected a list"),
        ({"endpoints": []}, ValueError, "at least one"),
        ({"endpoints": ["a.azconfig.io"]}, ValueError, "https://, got 'a.azconfig.io'"),
        ({"refresh": 0.0}, ValueError, "refresh: expected seconds"),
        ({"max_age": -1.0}, ValueError, "max_age: expected seconds"),
    ],
)
def test_arguments_that_cannot_work_are_refused_at_once(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Before anything is asked, with the argument's name."""
    with pytest.raises(error, match=message):
        ActiveHub(**{"pair": "vision", "endpoints": ["https://a.azconfig.io"], **arguments})


def test_a_credential_that_fails_is_a_store_that_is_away(follow: Follow) -> None:
    """Whatever somebody's credential raises, it is named in the one error that callers know."""

    class Broken:
        def get_token(self, *_: str, **__: Any) -> Any:
            raise OSError("no token today")

    with pytest.raises(NothingKnown, match="no token today"):
        follow(credential=Broken()).current()


@pytest.mark.usefixtures("signed_in")
def test_azure_identity_s_default_credential_is_used_unless_another_is_given(follow: Follow, publish: Publish) -> None:
    """Here it finds the simulated managed identity."""
    publish(1)
    assert follow(credential=None).current() == expected(1)


def test_a_start_without_the_store_gives_what_the_disk_has(
    follow: Follow, publish: Publish, azure: LocalAzure, tmp_path: Path
) -> None:
    """The value of the process before."""
    cache = tmp_path / "pointer.json"
    publish(1)
    follow(cache=cache).current()
    azure.faults.set(None, "appconfig", "5xx")
    assert follow(cache=str(cache)).current() == expected(1)
