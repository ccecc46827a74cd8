"""Writing and reading a pair's audit log in its ledger: blobs of a bounded number of lines, one chain.

A blob with ``SEGMENT`` lines is full and never written again. Every write is conditional on what was read, and a new
blob is begun only by whoever has read a full one, so two workers that append at once cannot fork the chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.evidence.audit_chain import (
    ORIGIN,
    SEGMENT,
    AuditEntry,
    AuditNote,
    entries_in,
    line_of,
    link,
)
from orchestrator.core.ledger_paths import audit_folder, audit_path
from orchestrator.ports import Ledger, World
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.messages import AuditOrder


def write_audit(world: World, order: AuditOrder) -> None:
    """Append what is not there yet; a repeated step writes nothing twice.

    Raises:
        Conflict: others have appended each time in between; to be tried again later.
        InvalidInput: the end of the log cannot be read; it is left as it is.
    """
    append(world.ledgers[order.pair], order.pair, order.notes)


def append(ledger: Ledger, pair: str, notes: Sequence[AuditNote]) -> str:
    """Append those notes whose ids are not among the newest entries; the hash of the newest entry then.

    Raises:
        HubswitchError: as for ``write_audit``.
    """
    newest_hash = ORIGIN
    for note in notes:
        newest_hash = while_it_conflicts(partial[str](_append, ledger, pair, note))
    return newest_hash


def head(ledger: Ledger, pair: str) -> str | None:
    """The hash of the newest entry; None before the first.

    Raises:
        HubswitchError: it cannot be read.
    """
    number = _last_segment(ledger, pair)
    entries = _segment(ledger, audit_path(pair, number))[0] if number else []
    return entries[-1].sha256 if entries else None


def lines(ledger: Ledger, pair: str) -> Iterator[bytes]:
    """The whole log, as it is stored, blob by blob."""
    for path in ledger.names(audit_folder(pair)):
        yield ledger.get(path) or b""


def newest(ledger: Ledger, pair: str, limit: int) -> list[AuditEntry]:
    """The newest entries, newest first.

    Raises:
        HubswitchError: they cannot be read.
    """
    found: list[AuditEntry] = []
    for path in reversed(list(ledger.names(audit_folder(pair)))):
        found += reversed(_segment(ledger, path)[0])
        if len(found) >= limit:
            break
    return found[:limit]


def _append(ledger: Ledger, pair: str, note: AuditNote) -> str:
    number = max(_last_segment(ledger, pair), 1)
    path = audit_path(pair, number)
    entries, etag = _segment(ledger, path)
    recent: list[AuditEntry] = [*(_segment(ledger, audit_path(pair, number - 1))[0] if number > 1 else ()), *entries]
    if any(entry.id == note.id for entry in recent):
        return recent[-1].sha256
    before = recent[-1] if recent else None
    entry = link(note, before.number + 1 if before else 1, before.sha256 if before else ORIGIN)
    if len(entries) >= SEGMENT:
        path, entries, etag = audit_path(pair, number + 1), [], None
    ledger.write_page(path, b"".join(map(line_of, (*entries, entry))), etag)
    return entry.sha256


def _last_segment(ledger: Ledger, pair: str) -> int:
    """Number of the last blob; 0 before the first."""
    paths = list(ledger.names(audit_folder(pair)))
    if not paths:
        return 0
    stem = paths[-1].removeprefix(audit_folder(pair)).removesuffix(".jsonl")
    if not (stem.isascii() and stem.isdigit()):
        raise InvalidInput(paths[-1], "name", "<number>.jsonl", repr(stem))
    return int(stem)


def _segment(ledger: Ledger, path: str) -> tuple[list[AuditEntry], str | None]:
    """The entries of a blob, and the ETag under which they were read; None if there is no blob."""
    found = ledger.page(path)
    return (entries_in(found.value, path), found.etag) if found else ([], None)
