"""Azure ML's words for the status of a job, and which of them are an end.

The words are those of the REST API's ``JobStatus`` (Azure/azure-rest-api-specs, machinelearningservices). A word
that is not among them is taken for a job that still runs: a job too many in the ledger costs nothing, a job too
few is lost.
"""

from __future__ import annotations

from typing import Any

DRILL_TAG = "hubswitch.drill"
"""Carried by the canary of a drill, with the drill's id."""

CANARY_TAG = "hubswitch.canary"
"""Carried by the canaries of the watch, with the side that they are for."""

ENDED = frozenset({"completed", "failed", "canceled"})


def status_of(body: dict[str, Any]) -> str:
    """The status in a job's ARM JSON, as Azure spells it; ``Unknown`` if it has none."""
    properties = body.get("properties")
    status = properties.get("status") if isinstance(properties, dict) else None
    return status if isinstance(status, str) and status else "Unknown"


def has_ended(status: str) -> bool:
    return status.casefold() in ENDED


def is_ours(body: dict[str, Any]) -> bool:
    """True for canary jobs, of drills and of the watch: nobody wants to have them kept or moved."""
    tags = (body.get("properties") or {}).get("tags") or {}
    return DRILL_TAG in tags or CANARY_TAG in tags
