"""The orchestrator that writes one decision into the decision log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.workflows import names
from orchestrator.workflows.orchestrators.retry import Steps, insist

TRIES = 8

PAUSE = timedelta(seconds=5)


def keep_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator around one entry. Gives up after a few tries: no decision waits for its own history."""
    try:
        yield from insist(ctx, names.KEEP_DECISION, given, beat=PAUSE, longest=PAUSE * 12, tries=TRIES)
    except TaskFailedError as failed:
        return f"not kept: {failed.details.message}"
    return "kept"
