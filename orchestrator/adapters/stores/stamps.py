"""What the stamps share: small blobs under ``_shared/`` of the ledger's container, written under conditions.

One listing tells which of them have changed; only those are read. So a thousand pairs cost one call and not thousands.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from orchestrator.adapters.stores.blobs import Container
from orchestrator.core.decision.stamps import ROOT
from orchestrator.ports import Versioned


class BlobShared:
    """``SharedStore`` on a blob container. Safe to share between threads."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._kept: dict[str, tuple[str, bytes]] = {}
        self._lock = threading.Lock()

    def everything(self) -> Mapping[str, bytes]:
        """Every shared record by path, as it is now."""
        with self._lock:
            found: dict[str, tuple[str, bytes]] = {}
            for listed in self._container.listed(ROOT):
                path, etag = str(listed.name), str(listed.etag)
                kept = self._kept.get(path)
                if kept is None or kept[0] != etag:
                    blob = self._container.read(path)
                    kept = (etag, blob.data) if blob else None
                if kept is not None:
                    found[path] = kept
            self._kept = found
            return {path: data for path, (_, data) in found.items()}

    def read(self, path: str) -> Versioned[bytes] | None:
        blob = self._container.read(path)
        return Versioned(blob.data, blob.etag) if blob else None

    def create(self, path: str, data: bytes) -> str:
        return self._container.create(path, data)

    def replace(self, path: str, data: bytes, etag: str) -> str:
        return self._container.replace(path, data, etag)
