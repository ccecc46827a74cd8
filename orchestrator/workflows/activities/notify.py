"""Telling people, and keeping what a run did."""

from __future__ import annotations

from orchestrator.core.base.codec import encode
from orchestrator.core.ledger_paths import summary_path
from orchestrator.ports import Notice, World
from orchestrator.workflows.messages import RunSummary, Tidings


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
