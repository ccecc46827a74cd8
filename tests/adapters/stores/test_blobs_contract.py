"""A container with conditional writes, against the simulated Azure and against Azurite."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.credentials import TokenCredential
from azure_fixtures import Tls

from orchestrator.adapters.http.transport import BoundedTransport, Gate, limits_from
from orchestrator.adapters.stores.blobs import Container
from orchestrator.core.base.errors import Conflict, Forbidden, NotFound, Refused, TemporaryError, Unreachable
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.identity import EXECUTOR

SDK_DEFAULT = 100.0
"""Seconds, fewer than the client's own defaults would wait. Far more than ours take: a machine may sleep in between."""


def test_a_missing_container_reads_as_empty(container: Container) -> None:
    """Before the first write there is nothing, and that is no error."""
    assert container.read("a.json") is None
    assert list(container.listed("")) == []


def test_the_first_write_makes_the_container(container: Container) -> None:
    """Nobody has to create it beforehand."""
    etag = container.create("a/b.json", b"{}")
    found = container.read("a/b.json")
    assert found is not None
    assert (found.data, found.etag) == (b"{}", etag)


def test_a_write_that_is_only_tried_is_let_in_and_leaves_nothing(container: Container) -> None:
    """Its condition cannot hold, whether or not there is such a blob; and no container is made for it."""
    with pytest.raises(NotFound):
        container.try_write("a")
    etag = container.create("a", b"{}")
    container.try_write("a")
    container.try_write("b")
    found = container.read("a")
    assert found is not None
    assert (found.data, found.etag, container.read("b")) == (b"{}", etag, None)


def test_a_write_that_is_tried_without_the_role_is_forbidden(
    azure: LocalAzure, executor: TokenCredential, azure_transport: BoundedTransport, pair: str
) -> None:
    """Of a missing role the service speaks before it looks at the condition: our reading, and the simulation's."""
    container = Container(azure.urls["ledger"], pair, executor, azure_transport)
    container.create("a", b"{}")
    azure.call(lambda: azure.kernel.revoke(EXECUTOR, "blob.write"))
    try:
        with pytest.raises(Forbidden):
            container.try_write("a")
    finally:
        azure.call(lambda: azure.kernel.grant(EXECUTOR, "blob.write"))


def test_a_write_that_succeeds_although_it_cannot_is_told(
    *, settings: Settings, executor: TokenCredential, tls: Tls, serve: Any, answers: Any
) -> None:
    """A service that passes over conditions would also let two runs claim one epoch."""
    server = serve(answers("201 Created", "", 'ETag: "0x1"'))
    careless = Container(server.url, "c", executor, BoundedTransport(Gate(limits_from(settings)), tls.ca))
    with pytest.raises(TemporaryError, match="expected the condition to fail, got a success"):
        careless.try_write("a")


@pytest.mark.parametrize("size", [0, 1, 4 * 2**20, 4 * 2**20 + 1, 9 * 2**20])
def test_a_blob_is_read_in_parts_and_whole(container: Container, size: int) -> None:
    """However its size lies to that of a part."""
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    container.create_from("a", io.BytesIO(data))
    found = container.read("a")
    assert found is not None
    assert found.data == b"".join(container.chunks("a")) == data


ANNOUNCED = [("206 Partial Content", "bytes 0-1/10000000"), ("206 Partial Content", "bytes 0-1/99999999999999999999")]


@pytest.mark.parametrize(("status", "range_"), ANNOUNCED)
def test_a_blob_with_a_part_missing_is_not_taken_for_the_blob(
    *, settings: Settings, executor: TokenCredential, tls: Tls, serve: Any, answers: Any, status: str, range_: str
) -> None:
    """A file with a hole would be kept as if it were the file, and a size that is nonsense would never be reached."""
    server = serve(answers(status, "xx", f"Content-Range: {range_}", 'ETag: "0x1"'))
    transport = BoundedTransport(Gate(limits_from(settings)), tls.ca)
    torn = Container(server.url, "c", executor, transport)
    for read in (lambda: torn.read("a"), lambda: list(torn.chunks("a"))):
        with pytest.raises(TemporaryError, match="bytes came instead of"):
            read()
    transport.close()


def test_replacing_in_a_missing_container_is_a_conflict(container: Container) -> None:
    """What was read is gone: read again."""
    with pytest.raises(Conflict):
        container.replace("a.json", b"1", '"0x1"')


def test_creating_what_exists_is_a_conflict(container: Container) -> None:
    """The first one wins and stays."""
    container.create("a.json", b"1")
    with pytest.raises(Conflict):
        container.create("a.json", b"2")
    assert container.read("a.json").data == b"1"  # type: ignore[union-attr]


def test_replacing_under_the_etag_that_was_read_succeeds_once(container: Container) -> None:
    """Of two writers with the same reading one gets a conflict."""
    first = container.create("a.json", b"1")
    second = container.replace("a.json", b"2", first)
    with pytest.raises(Conflict):
        container.replace("a.json", b"3", first)
    assert second != first
    assert container.read("a.json").data == b"2"  # type: ignore[union-attr]


def test_replacing_what_is_gone_is_a_conflict(container: Container) -> None:
    """An ETag of a blob that is not there any more matches nothing."""
    etag = container.create("a.json", b"1")
    container._client.delete_blob("a.json")
    with pytest.raises(Conflict):
        container.replace("a.json", b"2", etag)


def test_of_many_writers_at_once_exactly_one_wins(container: Container) -> None:
    """The condition is judged with the write, however many come together."""
    etag = container.create("a.json", b"0")

    def write(number: int) -> bool:
        try:
            container.replace("a.json", str(number).encode(), etag)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(write, range(1, 17))) == 1


def test_lists_give_paths_in_order_and_metadata_if_asked(container: Container) -> None:
    """Metadata travels with the list; without being asked for it does not."""
    for name in ("b", "a", "c"):
        container.create(f"x/{name}", b"", {"status": name})
    container.create("y/d", b"")
    listed = list(container.listed("x/", metadata=True))
    assert [(blob.name, blob.metadata["status"]) for blob in listed] == [("x/a", "a"), ("x/b", "b"), ("x/c", "c")]
    assert not any(blob.metadata for blob in container.listed("x/"))


def test_an_empty_blob_can_be_read(container: Container) -> None:
    """Nothing is something, too."""
    container.create("a", b"")
    assert container.read("a").data == b""  # type: ignore[union-attr]


@pytest.fixture
def ledger(azure: LocalAzure, executor: TokenCredential, azure_transport: BoundedTransport, pair: str) -> Container:
    """A container of the simulated ledger account, which can be made to fail."""
    made = Container(azure.urls["ledger"], pair, executor, azure_transport)
    made.create("a", b"1")
    return made


def requests_since(azure: LocalAzure, since: datetime) -> int:
    return len(azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="ledger"))


@pytest.mark.longest_wait(3)
def test_a_silent_account_is_bounded(ledger: Container, azure: LocalAzure) -> None:
    """The SDK would wait a minute, three times; here it is one read timeout."""
    azure.faults.set(azure.estate.third, "ledger", "hang")
    start = time.monotonic()
    with pytest.raises(Unreachable):
        ledger.read("a")
    assert time.monotonic() - start < SDK_DEFAULT


def test_a_failing_account_is_asked_once(ledger: Container, azure: LocalAzure) -> None:
    """Who asks decides about asking again."""
    azure.faults.set(azure.estate.third, "ledger", "5xx")
    since = datetime.now(UTC)
    with pytest.raises(TemporaryError, match="503"):
        ledger.read("a")
    assert requests_since(azure, since) == 1


def test_a_write_whose_answer_is_lost_is_not_sent_again(ledger: Container, azure: LocalAzure) -> None:
    """A second PUT would meet the first one's ETag and look like a lost race; reading shows who won."""
    etag = ledger.create("b", b"1")
    azure.faults.set(azure.estate.third, "ledger", "lost-answer", times=1)
    since = datetime.now(UTC)
    with pytest.raises(Unreachable):
        ledger.replace("b", b"mine", etag)
    assert requests_since(azure, since) == 1
    assert ledger.read("b").data == b"mine"  # type: ignore[union-attr]


def test_a_missing_role_is_forbidden(ledger: Container, azure: LocalAzure) -> None:
    """403 is nobody's outage."""
    azure.faults.set(azure.estate.third, "ledger", "403")
    with pytest.raises(Forbidden):
        ledger.read("a")


HOLLOW = ["200 OK", "201 Created", "202 Accepted", "204 No Content", "206 Partial Content", "404 Not Found"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("status", HOLLOW)
@pytest.mark.parametrize("body", ["", "<html>please log in</html>", '{"schema": 1}'])
def test_what_is_not_the_stores_own_answer_says_nothing_of_a_blob(
    serve: Any, answers: Any, executor: TokenCredential, transport: BoundedTransport, status: str, body: str
) -> None:
    """S1, S5: a gateway's 200 is no blob and no write that arrived, and its 404 no blob that is gone.

    azure-core leaves the connection of an answer that it did not expect to whoever collects it.
    """
    said = answers(status, "" if status.startswith("204") else body, "Content-Type: text/html")
    strange = Container(serve(said).url, "hubswitch", executor, transport)
    for call in (
        lambda: strange.read("a"),
        lambda: strange.exists("a"),
        lambda: strange.create("a", b"1"),
        lambda: strange.create_from("a", io.BytesIO(b"1")),
        lambda: strange.replace("a", b"1", '"e"'),
        lambda: list(strange.chunks("a")),
        lambda: list(strange.listed("a")),
    ):
        with pytest.raises((TemporaryError, Refused)) as told:
            call()
        assert not isinstance(told.value, Conflict)
