"""Who may act: one blob per pair, ``<pair>/epoch.json``, changed only under the ETag it was read with.

Blob storage is strongly consistent and evaluates the condition with the write, so of two claims made from the same
reading one gets a ``Conflict``.
"""

from __future__ import annotations

from orchestrator.adapters.stores.blobs import Container
from orchestrator.core.base.codec import encode_record, read_exact_record
from orchestrator.core.epoch import EpochRecord
from orchestrator.ports import Versioned


class BlobEpochs:
    """``EpochStore`` on a blob container."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def read(self, pair: str) -> Versioned[EpochRecord] | None:
        """The record, or None before the first one was written.

        Raises:
            InvalidInput, UnknownShape: what is stored is no epoch record, or has a field of a newer version, which a
                claim of this one would lose; names the blob.
        """
        blob = self._container.read(_path(pair))
        if blob is None:
            return None
        where = f"{self._container.url}/{_path(pair)}"
        return Versioned(read_exact_record(blob.data, EpochRecord, where), blob.etag)

    def create(self, pair: str, record: EpochRecord) -> str:
        return self._container.create(_path(pair), encode_record(record))

    def replace(self, pair: str, record: EpochRecord, etag: str) -> str:
        return self._container.replace(_path(pair), encode_record(record), etag)


def _path(pair: str) -> str:
    return f"{pair}/epoch.json"
