"""Reading many job records of a pair, several at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs.record import JobRecord
from orchestrator.ports import Ledger

READERS = 8
"""Records that are read at once."""


def read_records(
    ledger: Ledger, pair: str, names: Sequence[str], *, readers: int = READERS
) -> Iterator[JobRecord | InvalidInput | None]:
    """One answer for each name, in order: the record, what is wrong with it, or None if there is none.

    Raises:
        HubswitchError: the ledger cannot be read.
    """

    def read(name: str) -> JobRecord | InvalidInput | None:
        try:
            found = ledger.read(pair, name)
        except InvalidInput as fault:
            return fault
        return found.value if found else None

    with ThreadPoolExecutor(readers) as pool:
        yield from pool.map(read, names)
