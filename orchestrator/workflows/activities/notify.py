"""Telling people, and keeping what a run did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import encode
from orchestrator.ports import Notice, World
from orchestrator.workflows import names
from orchestrator.workflows.messages import RunSummary, Tidings
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


def tell(world: World, tidings: Tidings) -> None:
    """Publish one notice on the plan's topic; nothing if the plan names none. Receivers deduplicate by id."""
    topic = world.plans[tidings.pair].notices
    if topic is None:
        return
    notice = Notice(
        id=tidings.id,
        type=f"Hubswitch.{tidings.name}",
        subject=tidings.pair,
        at=tidings.at,
        data={"pair": tidings.pair, "why": tidings.why},
    )
    world.notices.publish(topic, [notice])


def finish_run(world: World, summary: RunSummary) -> None:
    """Keep a run's summary in the ledger, once; a repeated step finds it there."""
    world.ledgers[summary.pair].put_once(summary_path(summary.pair, summary.run), encode(summary))


def summary_path(pair: str, run: str) -> str:
    return f"{pair}/runs/{run}/summary.json"
