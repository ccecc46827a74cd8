"""How long the check of a whole audit log takes, against reading and hashing the same lines once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.measure import Measured, at_most, spread
from orchestrator.core.evidence.audit_chain import ORIGIN, AuditKind, AuditNote, line_of, link
from orchestrator.core.evidence.audit_verify import verify

LIMIT = 3.0
ENTRIES = 100_000
HOW = """\
One pair's audit log of 10^5 entries (10^3 with --quick) as it would be exported, orders and changes of phase in turn, \
some 470 bytes each. A pass checks all of it in one thread, from bytes to the head: each line is read and hashed anew, \
its spelling compared, the chain followed. Baseline: json.loads and hashlib.sha256 of the same lines, one after the \
other, which is the least that a check with the standard library has to do. Passes take turns; the medians are \
compared. A byte changed in the last entry must be found."""

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def measured(*, quick: bool) -> Measured:
    count, passes = (1_000, 3) if quick else (ENTRIES, 5)
    lines = _log(count)
    _check(lines)
    ours, base = list[float](), list[float]()
    for _ in range(passes):
        ours.append(_timed(lambda: verify(lines)))
        base.append(_timed(lambda: _read_and_hash(lines)))
    verified, read = spread(ours), spread(base)
    return Measured(
        goals=(
            at_most(LIMIT, verified["p50"] / read["p50"], "time of audit verify / time of reading and hashing once"),
        ),
        runs=passes,
        how=HOW,
        figures={
            "entries": count,
            "bytes": sum(map(len, lines)),
            "verify_s": verified,
            "read_and_hash_s": read,
            "entries_per_second": round(count / verified["p50"]),
        },
    )


def _check(lines: list[bytes]) -> None:
    """A figure for a check that finds nothing would be worth nothing."""
    found = verify(lines)
    if found.fault or found.chains["bench"].entries != len(lines):
        raise AssertionError(found.fault)
    changed = [*lines[:-1], lines[-1].replace(b'"who":"', b'"who":"x')]
    fault = verify(changed).fault
    if fault is None or fault.number != len(lines):
        raise AssertionError(f"the changed entry {len(lines)} was not named: {fault}")


def _read_and_hash(lines: list[bytes]) -> None:
    for line in lines:
        json.loads(line)
        hashlib.sha256(line).digest()


def _log(count: int) -> list[bytes]:
    lines, last = [], ORIGIN
    for number in range(1, count + 1):
        entry = link(_note(number), number, last)
        last = entry.sha256
        lines.append(line_of(entry))
    return lines


def _note(number: int) -> AuditNote:
    kind = AuditKind.ORDER if number % 2 else AuditKind.PHASE
    why = "hub for 5 min and jobs for 5 min bad on the primary: hub probe: the connection was refused; jobs probe: 503"
    details: dict[str, Any] = {"active": "primary", "epoch": number // 8, "rule": "two-classes", "run": None}
    return AuditNote(
        pair="bench",
        id=f"steady-suspect-{number}",
        at=T0 + timedelta(minutes=number),
        kind=kind,
        who="ana" if number % 2 else "",
        why=why,
        details=details,
    )


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
