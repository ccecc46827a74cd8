"""Every path in the ledger's container."""

from __future__ import annotations


def summary_path(pair: str, run: str) -> str:
    return f"{pair}/runs/{run}/summary.json"


def exchange_path(pair: str, epoch: int) -> str:
    """What was meant by an exchange of the sides that makes this epoch."""
    return f"{pair}/exchanges/e{epoch}.json"
