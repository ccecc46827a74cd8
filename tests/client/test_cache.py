"""The file with the last good value: whole or not there, never trusted more than it deserves."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from client_values import expected
from hubswitch_client import ActiveHub, NothingKnown
from hubswitch_client.cache import DiskCache

from orchestrator.simulator.cloud import LocalAzure


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pointer.json"


def test_what_was_saved_is_loaded(path: Path) -> None:
    """The same value, with its time zone, and no other file beside it."""
    DiskCache(path, "vision").save(expected(3))
    assert DiskCache(path, "vision").load() == expected(3)
    assert list(path.parent.iterdir()) == [path]


def test_the_store_s_lower_epoch_does_not_replace_the_disk_s(
    follow: Callable[..., ActiveHub], publish: Callable[..., None], path: Path, pair: str
) -> None:
    """What a process before has seen counts for the next one, too."""
    DiskCache(path, pair).save(expected(5))
    publish(4)
    assert follow(cache=path).current() == expected(5)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]", b'{"schema": 1}', b"null"])
def test_a_damaged_file_is_ignored_with_a_warning_and_mended(
    follow: Callable[..., ActiveHub],
    publish: Callable[..., None],
    path: Path,
    pair: str,
    caplog: pytest.LogCaptureFixture,
    damage: bytes,
) -> None:
    """As after a full disk; the next read replaces it."""
    path.write_bytes(damage)
    publish(1)
    with caplog.at_level(logging.WARNING, "hubswitch_client"):
        hub = follow(cache=path)
    assert "the cache of the pointer is ignored" in caplog.text
    assert hub.current() == expected(1)
    assert DiskCache(path, pair).load() == expected(1)


def test_a_damaged_file_and_no_store_is_nothing_known(
    follow: Callable[..., ActiveHub], azure: LocalAzure, path: Path
) -> None:
    """It is not guessed what the file might have meant."""
    path.write_text("{")
    azure.faults.set(None, "appconfig", "5xx")
    with pytest.raises(NothingKnown, match="503"):
        follow(cache=path).current()


def test_a_value_that_was_saved_is_not_written_again(path: Path) -> None:
    """A read every half minute costs no write."""
    cache = DiskCache(path, "vision")
    cache.save(expected(3))
    path.write_text("somebody else's")
    cache.save(expected(3))
    assert path.read_text() == "somebody else's"


def test_another_pair_s_file_is_ignored(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two clients with one path by mistake do not send each other astray."""
    DiskCache(path, "speech").save(expected(3))
    assert DiskCache(path, "vision").load() is None
    assert "pair: expected 'vision', got 'speech'" in caplog.text


def test_a_folder_that_is_not_there_costs_a_warning(
    follow: Callable[..., ActiveHub], publish: Callable[..., None], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And is written to once it is there."""
    publish(1)
    below = path / "deeper.json"
    hub = follow(cache=below)
    assert hub.current() == expected(1)
    assert "cannot be written" in caplog.text
    path.mkdir()
    hub.current()
    assert json.loads(below.read_text())["epoch"] == 1


def test_a_higher_epoch_of_another_process_stays(path: Path) -> None:
    """Two processes share the file; the one that is behind does not turn it back."""
    DiskCache(path, "vision").save(expected(4))
    DiskCache(path, "vision").save(expected(3))
    assert DiskCache(path, "vision").load() == expected(4)


def test_a_reader_beside_many_writers_never_sees_half_a_file(path: Path) -> None:
    """The file is replaced as a whole."""
    DiskCache(path, "vision").save(expected(1))
    with ThreadPoolExecutor(3) as threads:
        writing = [threads.submit(DiskCache(path, "vision").save, expected(epoch)) for epoch in range(1, 60)]
        while not all(write.done() for write in writing):
            assert DiskCache(path, "vision").load() is not None
    assert list(path.parent.iterdir()) == [path]
