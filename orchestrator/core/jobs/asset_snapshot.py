"""What is kept of an asset: its ARM body, and the names under which its files' contents are kept.

Contents are named by their SHA-256, so that a folder which many snapshots share is kept once.
"""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.core.base.codec import Value, decode
from orchestrator.core.base.errors import InvalidInput, UnknownShape

SCHEMA = 2
"""1 held the files themselves."""


class KeptFile(Value, kw_only=True):
    """One file of a snapshot."""

    sha256: str
    size: int
    """Bytes."""


class Snapshot(Value, kw_only=True):
    """One version of an asset, as its hub gave it; labels in it have become versions."""

    schema: int = SCHEMA
    id: str
    kind: str
    version: str
    """The version itself, also where a label was asked for."""

    body: dict[str, Any]
    files: dict[str, KeptFile] = msgspec.field(default_factory=dict)
    """By path below the folder: of a code, a model, or of the folder that an environment is built from. An empty path
    is the asset itself: a model may be a single file."""


def read_snapshot(data: bytes, asset_id: str) -> Snapshot:
    """A snapshot, if it is this asset's and of a shape that is known.

    Raises:
        UnknownShape: its schema number is not one that this version knows.
        InvalidInput: it is another asset's, or a field is wrong.
    """
    where = f"the snapshot of {asset_id}"
    seen = decode(data, dict[str, Any], where)
    if seen.get("schema") != SCHEMA:
        raise UnknownShape(where, "schema", f"the number {SCHEMA}", repr(seen.get("schema")))
    snapshot = decode(data, Snapshot, where)
    if snapshot.id.casefold() != asset_id.casefold():
        raise InvalidInput(where, "id", asset_id, snapshot.id)
    return snapshot
