"""Contents of files in the ledger, by their SHA-256: what many assets share is kept once."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator

from orchestrator.core.jobs.asset_snapshot import KeptFile
from orchestrator.ports import Ledger

IN_MEMORY = 8 * 2**20
"""Bytes up to which a content waits in memory until its hash is known; larger ones wait in a temporary file."""


class LedgerShelf:
    """``Shelf`` of one pair, in its ledger: ``<pair>/assets/files/<sha256>``. Safe to share between threads."""

    def __init__(self, ledger: Ledger, pair: str) -> None:
        self._ledger = ledger
        self._folder = f"{pair}/assets/files"

    def keep(self, chunks: Iterator[bytes]) -> KeptFile:
        """Keep a content. It is read to its end before the first byte is written, for its name is its hash."""
        digest, size = hashlib.sha256(), 0
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as waiting:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                waiting.write(chunk)
            waiting.seek(0)
            self._ledger.put_file_once(f"{self._folder}/{digest.hexdigest()}", waiting)
        return KeptFile(sha256=digest.hexdigest(), size=size)

    def chunks(self, sha256: str) -> Iterator[bytes]:
        """A content that was kept."""
        return self._ledger.chunks(f"{self._folder}/{sha256}")
