"""The orchestrator that sends one notice outside a run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.workflows import names
from orchestrator.workflows.orchestrators.retry import Steps, insist

TRIES = 5

PAUSE = timedelta(seconds=5)


def tell_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator around one notice, for what is told outside a run. Gives up after a few tries."""
    try:
        yield from insist(ctx, names.TELL, given, beat=PAUSE, longest=PAUSE * 12, tries=TRIES)
    except TaskFailedError as failed:
        return f"nobody was told: {failed.details.message}"
    return "told"
