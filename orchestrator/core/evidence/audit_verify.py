"""Whether an audit log is what was written: the first entry that is changed, missing or inserted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from orchestrator.core.evidence.audit_chain import ORIGIN, canonical

_read = msgspec.json.Decoder().decode

_FIELDS = frozenset({"schema", "pair", "number", "previous", "sha256", "id", "at", "kind", "who", "why", "details"})


class ChainFault(NamedTuple):
    """The first entry that is not what was written."""

    line: int
    """Where it shows, from 1 on; one after the last if something is missing at the end."""

    number: int
    """Of the entry that is at fault."""

    pair: str
    why: str


class Chain(NamedTuple):
    """A chain without a fault."""

    entries: int
    head: str


class Verified(NamedTuple):
    """What came of a check."""

    chains: dict[str, Chain]
    """By pair, those without a fault."""

    fault: ChainFault | None
    hashes: frozenset[str]
    """Of every entry, to be compared with heads that were noted elsewhere."""


class _Line(NamedTuple):
    line: int
    number: int
    previous: str
    sha256: str
    fault: str


def verify(lines: Iterable[bytes]) -> Verified:
    """Check the chains of one or several pairs, each from its first entry on.

    A line counts as changed also if only its spelling was: the bytes of an entry are given by its content.
    """
    pairs: dict[str, list[_Line]] = {}
    pair = ""
    for n, text in enumerate(lines, 1):
        pair, found = _inspect(n, text, pair)
        pairs.setdefault(pair, []).append(found)
    faults = [(pair, fault) for pair, chain in pairs.items() if (fault := _first_fault(pair, chain))]
    whole = {pair: Chain(len(chain), chain[-1].sha256) for pair, chain in pairs.items()}
    for pair, _ in faults:
        del whole[pair]
    first = min((fault for _, fault in faults), default=None)
    return Verified(whole, first, frozenset(line.sha256 for chain in pairs.values() for line in chain))


def _inspect(n: int, text: bytes, pair: str) -> tuple[str, _Line]:
    """One line by itself, and whose it is; one that cannot be read is taken to be of the same pair as the last."""
    try:
        entry = _read(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return pair, _Line(n, 0, "", "", "it is not JSON")
    if not isinstance(entry, dict) or not _is_entry(entry):
        return pair, _Line(n, 0, "", "", "it is no entry of an audit log")
    said = entry.pop("sha256")
    found = hashlib.sha256(canonical(entry)).hexdigest()
    fault = "" if found == said else "its hash is not that of its content"
    entry["sha256"] = said
    if not fault and canonical(entry) != text.rstrip(b"\n"):
        fault = "it is not spelt as it was written"
    return entry["pair"], _Line(n, entry["number"], entry["previous"], said, fault)


def _is_entry(entry: dict[str, Any]) -> bool:
    return (
        entry.keys() == _FIELDS
        and type(entry["number"]) is int
        and all(isinstance(entry[name], str) for name in ("pair", "previous", "sha256"))
    )


def _first_fault(pair: str, chain: Sequence[_Line]) -> ChainFault | None:
    last = ORIGIN
    for n, line in enumerate(chain):
        expected = n + 1
        if not line.fault and (line.number, line.previous) == (expected, last):
            last = line.sha256
            continue
        number, why = _describe(chain, n, line)
        return ChainFault(line.line, number, pair, why)
    return None


def _describe(chain: Sequence[_Line], n: int, line: _Line) -> tuple[int, str]:
    """Which entry is at fault at a line where the chain does not go on, and what is wrong with it."""
    expected = n + 1
    if line.fault:
        return expected, f"entry {expected} is changed: {line.fault}"
    if line.number > expected:
        return expected, f"entry {expected} is missing: entry {line.number} stands in its place"
    if line.number < expected:
        return line.number, f"entry {line.number} is inserted or there twice: entry {expected} was expected"
    is_contradicted = n + 1 < len(chain) and chain[n + 1].previous != line.sha256
    if is_contradicted or n == 0:
        return expected, f"entry {expected} is changed or inserted: it does not follow the one before it"
    return expected - 1, (
        f"entry {expected - 1} is changed, with its hash made anew: entry {expected} follows another one"
    )
