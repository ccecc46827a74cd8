"""The audit log of a pair in its ledger: one chain, however many append to it, against the local Azure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from crash_harness import Bench, Visit

from orchestrator.core.base.errors import Conflict, InvalidInput
from orchestrator.core.evidence import audit_chain
from orchestrator.core.evidence.audit_chain import AuditKind, AuditNote
from orchestrator.core.evidence.audit_verify import Verified, verify
from orchestrator.core.ledger_paths import audit_folder, audit_path
from orchestrator.workflows.activities import audit_log
from orchestrator.workflows.messages import AuditOrder

T = datetime(2026, 3, 1, 12, tzinfo=UTC)


def note(visit: Visit, number: int) -> AuditNote:
    return AuditNote(pair=visit.pair, id=f"n{number}", at=T, kind=AuditKind.ORDER, who="ana", why="a test")


def write(visit: Visit, *numbers: int) -> None:
    notes = tuple(note(visit, number) for number in numbers)
    audit_log.write_audit(visit.world, AuditOrder(pair=visit.pair, notes=notes))


def checked(visit: Visit) -> Verified:
    return verify(b"".join(audit_log.lines(visit.world.ledgers[visit.pair], visit.pair)).splitlines())


def test_workers_that_append_at_once_do_not_fork_the_chain(bench: Bench) -> None:
    """Everything is there once, in one chain, over the border between two blobs as well."""
    visit = bench.visit()

    def insisted(number: int) -> None:
        while True:
            try:
                return write(visit, number)
            except Conflict:  # the durable retry
                continue

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setattr(audit_log, "SEGMENT", 5)
        list(pool.map(insisted, range(24)))
    found = checked(visit)
    ledger = visit.world.ledgers[visit.pair]
    assert (found.fault, found.chains[visit.pair].entries) == (None, 24)
    assert sorted(entry.id for entry in audit_log.newest(ledger, visit.pair, 50)) == sorted(f"n{n}" for n in range(24))
    assert len(list(ledger.names(audit_folder(visit.pair)))) == 5
    assert audit_log.head(ledger, visit.pair) == found.chains[visit.pair].head


def test_a_repeated_step_writes_nothing_twice(bench: Bench) -> None:
    """The engine may run an activity again whose answer was lost."""
    visit = bench.visit()
    for _ in range(2):
        write(visit, 1, 2)
    assert checked(visit).chains[visit.pair].entries == 2


def test_the_newest_entries_come_first(bench: Bench) -> None:
    """As many as are wanted, over the border between two blobs."""
    visit = bench.visit()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_log, "SEGMENT", 2)
        write(visit, 1, 2, 3)
    found = audit_log.newest(visit.world.ledgers[visit.pair], visit.pair, 2)
    assert [entry.id for entry in found] == ["n3", "n2"]


def test_a_log_whose_end_cannot_be_read_is_left_as_it_is(bench: Bench) -> None:
    """Nothing is chained to what somebody wrote there by hand, and nothing is repaired."""
    visit = bench.visit()
    write(visit, 1)
    ledger, path = visit.world.ledgers[visit.pair], audit_path(visit.pair, 1)
    page = ledger.page(path)
    assert page is not None
    ledger.write_page(path, page.value + b"by hand\n", page.etag)
    with pytest.raises(InvalidInput, match=r"00000001\.jsonl:2"):
        write(visit, 2)
    assert ledger.get(path) == page.value + b"by hand\n"


def test_a_blob_of_the_log_stays_small() -> None:
    """Each append writes the last blob anew."""
    assert audit_chain.SEGMENT <= 500
