"""What a storage account holds: containers, blobs, staged blocks, and lists of names in pages."""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

_LAST = "\U0010ffff"
"""Sorts after every character that a name is likely to hold."""


class ListedBlob(NamedTuple):
    """One line of a list: a blob, or a common prefix if ``blob`` is None."""

    name: str
    blob: StoredBlob | None


@dataclass(slots=True)
class StoredBlob:
    """A committed block blob.

    ``md5`` is its Content-MD5, empty if it was put together from blocks. ``blocks`` keeps the committed blocks by
    id, because a block list may name them again.
    """

    data: bytes
    metadata: dict[str, str]
    etag: str
    modified: datetime
    created: datetime
    properties: dict[str, str]
    md5: str = ""
    blocks: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class StoredContainer:
    """Blobs by name, their names in order, and the blocks staged for names."""

    name: str
    etag: str
    modified: datetime
    metadata: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, StoredBlob] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    staged: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def keep(self, name: str, blob: StoredBlob) -> None:
        if name not in self.blobs:
            insort(self.names, name)
        self.blobs[name] = blob
        self.staged.pop(name, None)

    def remove(self, name: str) -> None:
        del self.blobs[name]
        del self.names[bisect_left(self.names, name)]
        self.staged.pop(name, None)

    def page(self, prefix: str, delimiter: str, start: str, limit: int) -> tuple[list[ListedBlob], str]:
        """Up to ``limit`` entries in order of name from ``start`` on, and the name the next page starts with.

        With a delimiter, names that share what follows the prefix up to it are one entry.
        """
        names, found = self.names, list[ListedBlob]()
        at = bisect_left(names, max(prefix, start))
        while at < len(names) and names[at].startswith(prefix):
            name = names[at]
            if len(found) == limit:
                return found, name
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                found.append(ListedBlob(name, self.blobs[name]))
                at += 1
            else:
                common = name[: cut + len(delimiter)]
                found.append(ListedBlob(common, None))
                at = bisect_left(names, common + _LAST, at)
        return found, ""


def checksum(data: bytes) -> str:
    """The Content-MD5 of some bytes."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def unquote_etag(etag: str) -> str:
    """An ETag without its quotes: both forms are accepted in conditional headers."""
    return etag.strip().removeprefix("W/").strip('"')


def meets(etag: str, wanted: str) -> bool:
    """Whether an ETag is the one, or ``*``, that a conditional header names."""
    return wanted == "*" or unquote_etag(wanted) == unquote_etag(etag)


def size_of(metadata: Mapping[str, str]) -> int:
    """Bytes that the metadata's names and values take."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())


@dataclass(slots=True)
class Account:
    """A storage account: containers by name, and the source of its ETags."""

    name: str
    containers: dict[str, StoredContainer] = field(default_factory=dict)
    version: int = 0

    def etag(self) -> str:
        """An ETag that this account has never used."""
        self.version += 1
        return f'"0x8DD{self.version:012X}"'
