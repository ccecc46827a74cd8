"""Every path in the ledger's container."""

from __future__ import annotations


def summary_path(pair: str, run: str) -> str:
    return f"{pair}/runs/{run}/summary.json"
