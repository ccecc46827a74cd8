"""What the stamps share, against the simulated Azure and against Azurite."""

from __future__ import annotations

import pytest

from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.stamps import BlobShared
from orchestrator.core.base.errors import Conflict
from orchestrator.ports import SharedStore


def test_the_adapter_is_a_shared_store(container: Container) -> None:
    """It fits the port, and is empty before the first write."""
    store: SharedStore = BlobShared(container)
    assert (store.read("_shared/pause.json"), dict(store.everything())) == (None, {})


def test_everything_is_what_was_written_by_anybody(container: Container) -> None:
    """Another stamp's writes too; what is not shared is left out; what is gone is gone."""
    here, there = BlobShared(container), BlobShared(container)
    etag = there.create("_shared/pairs/a/pause.json", b"1")
    container.create("a/epoch.json", b"{}")
    assert dict(here.everything()) == {"_shared/pairs/a/pause.json": b"1"}
    there.replace("_shared/pairs/a/pause.json", b"2", etag)
    there.create("_shared/pause.json", b"3")
    assert dict(here.everything()) == {"_shared/pairs/a/pause.json": b"2", "_shared/pause.json": b"3"}


def test_of_two_writers_from_one_reading_one_loses(container: Container) -> None:
    """It reads again, and sees what the other wrote."""
    store = BlobShared(container)
    etag = store.create("_shared/pause.json", b"1")
    store.replace("_shared/pause.json", b"2", etag)
    with pytest.raises(Conflict):
        store.replace("_shared/pause.json", b"3", etag)
    with pytest.raises(Conflict):
        store.create("_shared/pause.json", b"3")
    found = store.read("_shared/pause.json")
    assert found is not None
    assert found.value == b"2"
