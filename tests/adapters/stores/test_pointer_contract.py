"""The pointer is published in an order that readers can rely on, under conditions, and never backwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from azure.appconfiguration import AzureAppConfigurationClient, ConfigurationSetting
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from waiting import in_time

from orchestrator.adapters.http.deadline import deadline
from orchestrator.adapters.http.transport import NO_RETRY, BoundedTransport
from orchestrator.adapters.stores.pointer import EPOCH_TAG, TRIAL_KEY, AppConfigurationPointer, plain_keys
from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import (
    Conflict,
    EpochFenced,
    Forbidden,
    InvalidInput,
    Refused,
    TemporaryError,
    Throttled,
    UnknownShape,
    Unreachable,
)
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import PointerValue
from orchestrator.ports import PointerSnapshot, PointerStore
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.identity import EXECUTOR


def value(epoch: int, active: Role = Role.PRIMARY) -> PointerValue:
    return PointerValue(
        epoch=epoch,
        active=active,
        hub=f"hub-{active}",
        project=f"proj-{active}",
        subscription="sub",
        resource_group=f"rg-{active}",
        region="eastus2",
        endpoint="https://eastus2.api.azureml.ms",
        since=datetime(2026, 3, 1, tzinfo=UTC),
        run=f"run-{epoch}",
        why="a test says so",
    )


@pytest.fixture
def endpoint(azure: LocalAzure) -> str:
    return azure.urls["configuration.0"]


@pytest.fixture
def pointer(endpoint: str, executor: TokenCredential, azure_transport: BoundedTransport) -> AppConfigurationPointer:
    return AppConfigurationPointer(endpoint, executor, azure_transport)


@pytest.fixture
def raw(endpoint: str, executor: TokenCredential, azure_transport: BoundedTransport) -> AzureAppConfigurationClient:
    """A client that writes what it likes, as somebody else's program might."""
    return AzureAppConfigurationClient(endpoint, executor, transport=azure_transport, **NO_RETRY)


@pytest.fixture
def stored(raw: AzureAppConfigurationClient, pair: str) -> Callable[[], dict[str, ConfigurationSetting]]:
    """All keys of the pair by their last word."""
    return lambda: {
        setting.key.rsplit(":", 1)[1]: setting
        for setting in raw.list_configuration_settings(key_filter=f"hubswitch:{pair}:*")
    }


def writes(azure: LocalAzure, since: datetime) -> list[str]:
    """Last words of the keys that were written, in the order in which the writes arrived."""
    entries = azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="appconfig")
    return [entry.path.replace("%3A", ":").rsplit(":", 1)[1] for entry in entries if entry.method == "PUT"]


def test_a_write_that_is_only_tried_changes_nothing(azure: LocalAzure, pointer: AppConfigurationPointer) -> None:
    """It is let in with the role, forbidden without, and leaves no key."""
    pointer.try_write()
    azure.call(lambda: azure.kernel.revoke(EXECUTOR, "appconfig.write"))
    try:
        with pytest.raises(Forbidden):
            pointer.try_write()
    finally:
        azure.call(lambda: azure.kernel.grant(EXECUTOR, "appconfig.write"))
    with pytest.raises(ResourceNotFoundError):
        pointer._clients[azure.urls["configuration.0"]].get_configuration_setting(TRIAL_KEY)


def test_the_adapter_is_a_pointer_store(pointer: AppConfigurationPointer, pair: str) -> None:
    """It fits the port, and a pair that was never published has no pointer."""
    store: PointerStore = pointer
    assert store.snapshot(pair) == (None, {}, 0)


def test_what_was_published_is_seen(pointer: AppConfigurationPointer, pair: str) -> None:
    """The value that counts comes back, with the ETag of every key."""
    pointer.publish(pair, value(1), pointer.snapshot(pair))
    found = pointer.snapshot(pair)
    assert (found.value, found.highest) == (value(1), 1)
    assert {key.rsplit(":", 1)[1] for key in found.etags} == {*dict(plain_keys(value(1))), "active", "epoch"}


def test_keys_have_the_shapes_that_readers_rely_on(pointer: AppConfigurationPointer, stored: Any, pair: str) -> None:
    """JSON for the one that counts, plain text for the rest, and the epoch as a tag on all."""
    pointer.publish(pair, value(4), pointer.snapshot(pair))
    found = stored()
    assert found["active"].content_type == "application/json"
    assert (found["workspace"].content_type, found["workspace"].value) == ("text/plain", "proj-primary")
    assert (found["epoch"].content_type, found["epoch"].value) == ("text/plain", "4")
    assert {setting.tags[EPOCH_TAG] for setting in found.values()} == {"4"}


def test_plain_keys_go_first_then_the_value_that_counts_then_the_sentinel(
    pointer: AppConfigurationPointer, azure: LocalAzure, pair: str
) -> None:
    """A reader that is woken by the sentinel, or by any change, sees one consistent set."""
    over, since = pointer.snapshot(pair), datetime.now(UTC)
    pointer.publish(pair, value(1), over)
    order = writes(azure, since)
    assert set(order[:-2]) == set(dict(plain_keys(value(1))))
    assert order[-2:] == ["active", "epoch"]


def test_a_switch_takes_three_turns_not_nine(pointer: AppConfigurationPointer, azure: LocalAzure, pair: str) -> None:
    """Plain keys are written side by side: with 100 ms per call a publication takes far less than nine calls."""
    readings = [pointer.snapshot(f"{pair}-{number}") for number in range(5)]
    azure.faults.latency(0.1, "configuration.0")
    tries = enumerate(readings)

    def publish() -> None:
        number, over = next(tries)
        pointer.publish(f"{pair}-{number}", value(1), over)

    in_time(publish, 0.1 * 7, tries=len(readings))


def test_publishing_over_an_old_reading_is_a_conflict(pointer: AppConfigurationPointer, pair: str) -> None:
    """Somebody else wrote in between: what counts stays as they wrote it."""
    old = pointer.snapshot(pair)
    pointer.publish(pair, value(1), old)
    with pytest.raises(Conflict):
        pointer.publish(pair, value(2, Role.SECONDARY), old)
    assert pointer.snapshot(pair).value == value(1)


def test_publishing_again_over_a_new_reading_changes_nothing(pointer: AppConfigurationPointer, pair: str) -> None:
    """A repeated step ends in the same state."""
    for _ in range(2):
        pointer.publish(pair, value(1), pointer.snapshot(pair))
    assert pointer.snapshot(pair).value == value(1)


def test_a_lower_epoch_is_fenced(pointer: AppConfigurationPointer, azure: LocalAzure, pair: str) -> None:
    """The epoch never goes down, and nothing at all is written."""
    pointer.publish(pair, value(5), pointer.snapshot(pair))
    over, since = pointer.snapshot(pair), datetime.now(UTC)
    with pytest.raises(EpochFenced, match="epoch 5"):
        pointer.publish(pair, value(4, Role.SECONDARY), over)
    assert writes(azure, since) == []


def test_the_same_epoch_cannot_name_the_other_side(pointer: AppConfigurationPointer, pair: str) -> None:
    """One epoch is one direction."""
    pointer.publish(pair, value(5), pointer.snapshot(pair))
    with pytest.raises(EpochFenced, match="names the primary"):
        pointer.publish(pair, value(5, Role.SECONDARY), pointer.snapshot(pair))


def test_a_publication_cut_short_fences_lower_epochs(
    pointer: AppConfigurationPointer, raw: AzureAppConfigurationClient, pair: str
) -> None:
    """Plain keys of a newer epoch are enough: its value that counts is on its way."""
    pointer.publish(pair, value(1), pointer.snapshot(pair))
    newer = ConfigurationSetting(key=f"hubswitch:{pair}:hub", value="x", tags={EPOCH_TAG: "3"})
    raw.set_configuration_setting(newer)
    with pytest.raises(EpochFenced):
        pointer.publish(pair, value(2, Role.SECONDARY), pointer.snapshot(pair))


def test_a_publication_cut_short_is_finished_by_repeating_it(
    pointer: AppConfigurationPointer, azure: LocalAzure, pair: str, stored: Any
) -> None:
    """A store that fails in the middle leaves the old value counting until the step is repeated."""
    pointer.publish(pair, value(1), pointer.snapshot(pair))
    over = pointer.snapshot(pair)
    azure.faults.set(azure.estate.third, "appconfig", "5xx", path="active", method="PUT")
    with pytest.raises(Exception, match="503"):
        pointer.publish(pair, value(2, Role.SECONDARY), over)
    assert (stored()["active"].tags, stored()["hub"].value) == ({EPOCH_TAG: "1"}, "hub-secondary")
    azure.faults.clear()
    pointer.publish(pair, value(2, Role.SECONDARY), pointer.snapshot(pair))
    assert pointer.snapshot(pair).value == value(2, Role.SECONDARY)
    assert stored()["epoch"].value == "2"


def test_a_locked_key_is_no_conflict(
    pointer: AppConfigurationPointer, raw: AzureAppConfigurationClient, pair: str
) -> None:
    """A person locked the key: reading again would not help, so it is refused."""
    pointer.publish(pair, value(1), pointer.snapshot(pair))
    raw.set_read_only(ConfigurationSetting(key=f"hubswitch:{pair}:active"))
    with pytest.raises(Refused):
        pointer.publish(pair, value(2), pointer.snapshot(pair))


def test_other_labels_and_pairs_are_not_seen(
    pointer: AppConfigurationPointer, raw: AzureAppConfigurationClient, pair: str
) -> None:
    """A key with a label is somebody else's, and so is a pair whose name only begins alike."""
    text = encode(value(9)).decode()
    raw.set_configuration_setting(ConfigurationSetting(key=f"hubswitch:{pair}:active", label="dev", value=text))
    raw.set_configuration_setting(ConfigurationSetting(key=f"hubswitch:{pair}x:active", value=text))
    assert pointer.snapshot(pair) == PointerSnapshot(None, {}, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("primary", InvalidInput), ('{"schema": 1, "epoch": 1}', InvalidInput), ('{"schema": 2}', UnknownShape)],
)
def test_a_value_that_is_no_pointer_is_named(
    pointer: AppConfigurationPointer, raw: AzureAppConfigurationClient, pair: str, text: str, expected: type[Exception]
) -> None:
    """Endpoint and key are named, in the snapshot and on a replica alike."""
    endpoint = pointer._endpoint
    raw.set_configuration_setting(ConfigurationSetting(key=f"hubswitch:{pair}:active", value=text))
    for read in (lambda: pointer.snapshot(pair), lambda: pointer.read_from(pair, endpoint)):
        with pytest.raises(expected, match=f"{endpoint} key hubswitch:{pair}:active"):
            read()


def test_an_epoch_tag_that_is_no_number_is_named(
    pointer: AppConfigurationPointer, raw: AzureAppConfigurationClient, pair: str
) -> None:
    """Unknown means stand still."""
    odd = ConfigurationSetting(key=f"hubswitch:{pair}:hub", value="x", tags={EPOCH_TAG: "new"})
    raw.set_configuration_setting(odd)
    with pytest.raises(InvalidInput, match=EPOCH_TAG):
        pointer.snapshot(pair)


def test_a_replica_is_asked_by_its_endpoint(pointer: AppConfigurationPointer, azure: LocalAzure, pair: str) -> None:
    """What one replica holds is seen there, and nothing is nothing."""
    replica = azure.urls["configuration.1"]
    assert pointer.read_from(pair, replica) is None
    pointer.publish(pair, value(1), pointer.snapshot(pair))
    until = datetime.now(UTC) + timedelta(seconds=3)
    while pointer.read_from(pair, replica) is None and datetime.now(UTC) < until:
        pass
    assert pointer.read_from(pair, replica) == value(1)


def test_a_busy_store_says_when_to_come_back(pointer: AppConfigurationPointer, azure: LocalAzure, pair: str) -> None:
    """429 becomes Throttled with the wish of the service, at once."""
    azure.faults.set(azure.estate.third, "appconfig", "429", retry_after=30)
    with pytest.raises(Throttled) as caught:
        pointer.snapshot(pair)
    assert caught.value.retry_after == timedelta(seconds=30)


@pytest.mark.longest_wait(3)
def test_a_silent_store_is_bounded(pointer: AppConfigurationPointer, azure: LocalAzure, pair: str) -> None:
    """Seven writes side by side that hang cost one read timeout."""
    over = pointer.snapshot(pair)
    azure.faults.set(azure.estate.third, "appconfig", "hang")
    start = datetime.now(UTC)
    with pytest.raises(Unreachable):
        pointer.publish(pair, value(1), over)
    assert datetime.now(UTC) - start < timedelta(seconds=20)


def test_a_deadline_reaches_the_writes_side_by_side(pointer: AppConfigurationPointer, pair: str) -> None:
    """Threads of our own keep the budget of whoever started them."""
    over = pointer.snapshot(pair)
    with pytest.raises(Unreachable, match="time allowed"), deadline(timedelta()):
        pointer.publish(pair, value(1), over)


def test_a_snapshot_is_a_plain_value() -> None:
    """Pointer values survive the store's text."""
    assert msgspec.json.decode(encode(value(1)), type=PointerValue) == value(1)


@pytest.mark.parametrize(
    "body", ["{}", "[]", "null", '{"value": [1]}', '{"items": null}', '{"items": {}}', "<html>", ""]
)
def test_an_answer_without_a_list_is_no_empty_store(
    serve: Any, answers: Any, executor: TokenCredential, transport: BoundedTransport, body: str
) -> None:
    """S2: over a store that looks empty a pointer would be written anew; what did not come is not absent."""
    said = answers("200 OK", body, "Content-Type: application/vnd.microsoft.appconfig.kvset+json")
    strange = AppConfigurationPointer(serve(said).url, executor, transport)
    with pytest.raises(TemporaryError, match="pointer of demo on https"):
        strange.snapshot("demo")
