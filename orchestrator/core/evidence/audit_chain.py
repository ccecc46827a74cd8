"""The audit log of a pair: what people ordered, what changed its phase, how runs ended. One chain of hashes.

Each entry is one line of canonical JSON: keys sorted, no white space, UTF-8. ``sha256`` is that of the same line
without the field ``sha256``; ``previous`` is the one of the entry before, 64 zeros for the first. So whoever changes,
removes, inserts or moves an entry has to change all that follow, and the head that others have noted.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

import msgspec

from orchestrator.core.base.codec import SCHEMA, Moment, Value, decode

ORIGIN = "0" * 64
"""``previous`` of a pair's first entry."""

SEGMENT = 200
"""Entries of one blob. Appending writes the last blob anew: about 100 KB at most."""


class AuditKind(StrEnum):
    """What an entry is about."""

    ORDER = "order"
    """A person wanted something, and it was taken."""

    PHASE = "phase"
    """A decision changed the phase."""

    SWITCH = "switch"
    """The pointer was published under another epoch."""

    RUN_ENDED = "run-ended"
    FINALISED = "finalised"


class AuditNote(Value, kw_only=True):
    """What is to be written."""

    pair: str
    id: str
    """The same for the same fact: it is written once, however often it is handed over."""

    at: Moment
    """When it happened, not when it was written."""

    kind: AuditKind
    who: str
    """Empty for what nobody ordered."""

    why: str
    details: dict[str, str | int | bool | None] = msgspec.field(default_factory=dict)
    """No fractions: their text is not the same in every language."""


class AuditEntry(AuditNote, kw_only=True):
    """What is written."""

    schema: int = SCHEMA
    number: int
    """From 1 on, without gaps."""

    previous: str
    sha256: str


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, without white space, in UTF-8."""
    return msgspec.json.encode(value, order="sorted")


def hash_of(entry: dict[str, Any]) -> str:
    """The hash that an entry, as plain data, has to carry."""
    return hashlib.sha256(canonical({key: entry[key] for key in entry if key != "sha256"})).hexdigest()


def link(note: AuditNote, number: int, previous: str) -> AuditEntry:
    """The entry that follows the one with this number and hash."""
    plain = {**msgspec.to_builtins(note), "schema": SCHEMA, "number": number, "previous": previous}
    return msgspec.convert({**plain, "sha256": hash_of(plain)}, AuditEntry)


def line_of(entry: AuditEntry) -> bytes:
    """One line, with its end."""
    return canonical(entry) + b"\n"


def entries_in(data: bytes, where: str) -> list[AuditEntry]:
    """The entries of one blob or file, whether or not they are a chain.

    Raises:
        InvalidInput: names the line that is none.
    """
    return [decode(line, AuditEntry, f"{where}:{n}") for n, line in enumerate(data.splitlines(), 1)]
