"""The orchestrator that sends one notice outside a run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from durabletask.task import OrchestrationContext

from orchestrator.core.base.codec import from_message
from orchestrator.workflows.messages import Tidings
from orchestrator.workflows.orchestrators.retry import Steps, tell

TRIES = 5

PAUSE = timedelta(seconds=5)


def tell_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator around one notice, for what is told outside a run. Gives up after a few tries."""
    tidings = from_message(given, Tidings, ctx.instance_id)
    untold = yield from tell(ctx, tidings, PAUSE, PAUSE * 12, TRIES)
    return f"nobody was told: {untold}" if untold else "told"
