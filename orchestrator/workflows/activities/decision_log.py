"""Keeping decisions in the ledger: one page per pair, rewritten when a decision is no longer the one that stands."""

from __future__ import annotations

from orchestrator.core.base.codec import decode, encode
from orchestrator.core.decision.decision_log import Kept, KeptPage
from orchestrator.ports import Ledger, World
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.messages import KeepOrder


def keep_decision(world: World, order: KeepOrder) -> None:
    """Add one entry to the pair's page. Decisions that follow each other closely are kept by runs that race.

    Raises:
        Conflict: others have written the page each time in between; to be tried again later.
        InvalidInput: the page that is there cannot be read; it is left as it is.
    """
    while_it_conflicts(lambda: _add(world.ledgers[order.pair], page_path(order.pair), order.entry))


def _add(ledger: Ledger, path: str, entry: Kept) -> None:
    found = ledger.page(path)
    page = decode(found.value, KeptPage, path) if found else KeptPage()
    fuller = page.plus(entry)
    if fuller != page:
        ledger.write_page(path, encode(fuller), found.etag if found else None)


def read_page(ledger: Ledger, pair: str) -> KeptPage:
    """What is kept of a pair's decisions; empty before the first.

    Raises:
        InvalidInput: it cannot be read.
    """
    data = ledger.get(page_path(pair))
    return decode(data, KeptPage, page_path(pair)) if data else KeptPage()


def page_path(pair: str) -> str:
    return f"{pair}/decisions.json"
