"""Azure ML's words for the status of a job, and which of them are an end.

The words are those of the REST API's ``JobStatus`` (Azure/azure-rest-api-specs, machinelearningservices). A word
that is not among them is taken for a job that still runs: a job too many in the ledger costs nothing, a job too
few is lost.
"""

from __future__ import annotations

import re
from typing import Any

from orchestrator.core.jobs.tags import parents_of

DRILL_TAG = "hubswitch.drill"
"""Carried by the canary of a drill, and by the copies of a partial one, with the drill's id."""

CANARY_TAG = "hubswitch.canary"
"""Carried by the canaries of the watch, with the side that they are for."""

ENDED = frozenset({"completed", "failed", "canceled"})


NOT_BEGUN = frozenset({"notstarted", "scheduled", "queued", "starting", "provisioning", "preparing"})
"""Words of a job whose own code has not begun: moving it costs its place in a queue and no work."""


def status_of(body: dict[str, Any]) -> str:
    """The status in a job's ARM JSON, as Azure spells it; ``Unknown`` if it has none."""
    properties = body.get("properties")
    status = properties.get("status") if isinstance(properties, dict) else None
    return status if isinstance(status, str) and status else "Unknown"


def has_ended(status: str) -> bool:
    return status.casefold() in ENDED


def has_begun(status: str) -> bool:
    """Whether a job that has not ended may have done work. A word that is not known is taken for one that says so."""
    return status.casefold() not in NOT_BEGUN


_COPY = re.compile(r".+-d\d{8}t\d{12}", re.DOTALL)
"""Name of a copy, see ``drill_copy``: steps of a pipeline do not carry its tags."""


def is_ours(body: dict[str, Any]) -> bool:
    """True for canary jobs, of drills and of the watch, and for copies of a drill: nobody wants to keep or move them.

    Nor the steps and trials of a copy.
    """
    tags = (body.get("properties") or {}).get("tags") or {}
    return DRILL_TAG in tags or CANARY_TAG in tags or any(_COPY.fullmatch(each) for each in parents_of(body))
