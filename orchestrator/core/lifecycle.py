"""Azure ML's words for the status of a job, and which of them are an end.

The words are those of the REST API's ``JobStatus`` (Azure/azure-rest-api-specs, machinelearningservices). A word
that is not among them is taken for a job that still runs: a job too many in the ledger costs nothing, a job too
few is lost.
"""

from __future__ import annotations

from typing import Any

ENDED = frozenset({"completed", "failed", "canceled"})


def status_of(body: dict[str, Any]) -> str:
    """The status in a job's ARM JSON, as Azure spells it; ``Unknown`` if it has none."""
    properties = body.get("properties")
    status = properties.get("status") if isinstance(properties, dict) else None
    return status if isinstance(status, str) and status else "Unknown"


def has_ended(status: str) -> bool:
    return status.casefold() in ENDED


def is_ours(body: dict[str, Any]) -> bool:
    """True for canary jobs of drills: practice, which nobody wants to have moved."""
    tags = (body.get("properties") or {}).get("tags") or {}
    return "hubswitch.drill" in tags
