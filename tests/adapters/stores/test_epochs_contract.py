"""The epoch record is strongly consistent, against the simulated Azure and against Azurite."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.epochs import BlobEpochs
from orchestrator.core.base.errors import Conflict, InvalidInput, UnknownShape
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import EpochRecord
from orchestrator.ports import EpochStore

FIRST = EpochRecord(
    epoch=0, active=Role.PRIMARY, run=None, since=datetime(2026, 3, 1, tzinfo=UTC), why="the first record"
)


@pytest.fixture
def epochs(container: Container) -> BlobEpochs:
    return BlobEpochs(container)


def test_the_adapter_is_an_epoch_store(epochs: BlobEpochs) -> None:
    """It fits the port, by type and at run time."""
    store: EpochStore = epochs
    assert store.read("a") is None


def test_what_was_created_is_read_under_its_etag(epochs: BlobEpochs) -> None:
    """Value and ETag come back together."""
    etag = epochs.create("a", FIRST)
    assert epochs.read("a") == (FIRST, etag)


def test_a_pair_has_one_first_record(epochs: BlobEpochs) -> None:
    """Two that start at the same time do not both begin the history."""
    epochs.create("a", FIRST)
    with pytest.raises(Conflict):
        epochs.create("a", FIRST)


def test_an_epoch_is_claimed_once(epochs: BlobEpochs) -> None:
    """Of two claims from one reading the second gets a conflict, and the first stands."""
    etag = epochs.create("a", FIRST)
    mine = msgspec.structs.replace(FIRST, epoch=1, run="mine")
    epochs.replace("a", mine, etag)
    with pytest.raises(Conflict):
        epochs.replace("a", msgspec.structs.replace(FIRST, epoch=1, run="theirs"), etag)
    found = epochs.read("a")
    assert found is not None
    assert found.value == mine


def test_pairs_do_not_share_a_record(epochs: BlobEpochs) -> None:
    """Another pair's record is another blob."""
    epochs.create("a", FIRST)
    assert epochs.read("b") is None


@pytest.mark.parametrize(
    ("stored", "expected"),
    [(b"not json", InvalidInput), (b'{"schema": 1}', InvalidInput), (b'{"schema": 9}', UnknownShape)],
)
def test_a_record_that_cannot_be_read_is_named(
    epochs: BlobEpochs, container: Container, stored: bytes, expected: type[InvalidInput]
) -> None:
    """Unknown means stand still: the blob is named and left as it is."""
    container.create("a/epoch.json", stored)
    with pytest.raises(expected, match=r"a/epoch\.json"):
        epochs.read("a")
