"""Exporting what was recorded of a pair."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from orchestrator.audit.past_runs import read_summaries, summary_paths
from orchestrator.core.recording import Ran, as_line, recordings
from orchestrator.ports import Ledger, World

EXPORT_LIMIT = 64 * 1024 * 1024
"""Bytes of one export."""


class TooMuch(Exception):
    """An export would be larger than ``EXPORT_LIMIT``."""


def export(world: World, pair: str, since: datetime) -> bytes:
    """Everything recorded from the beginning of that day on, and how the runs since then went, as JSON Lines.

    Raises:
        TooMuch: it is more than ``EXPORT_LIMIT``.
        HubswitchError: the ledger cannot be read.
    """
    ledger, parts, size = world.ledgers[pair], [], 0
    first = f"{recordings(pair)}{since:%Y-%m-%d}/"
    for path in ledger.names(recordings(pair)):
        data = (ledger.get(path) or b"") if path >= first else b""
        size += len(data)
        if size > EXPORT_LIMIT:
            raise TooMuch
        parts.append(data)
    begin = since.replace(hour=0, minute=0, second=0, microsecond=0)
    return b"".join((*parts, *(as_line(run) for run in _runs(ledger, pair) if run.now >= begin)))


def _runs(ledger: Ledger, pair: str) -> Iterator[Ran]:
    for summary in read_summaries(ledger, summary_paths(ledger, pair)):
        passed = summary.milestones
        yield Ran(
            pair=pair,
            now=passed.decided_at,
            run=summary.run,
            switched_at=passed.verified_at or passed.published_at,
            resubmitted_at=passed.resubmitted_at,
        )
