"""Telling people, and keeping what a run did."""

from __future__ import annotations

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import HubswitchError, TemporaryError
from orchestrator.core.ledger_paths import summary_path
from orchestrator.ports import Notice, World
from orchestrator.workflows.messages import RunSummary, Tidings, Told


def publish_notice(world: World, tidings: Tidings) -> Told:
    """Publish one notice on every channel that has not had it yet. One that fails does not stop the others.

    Receivers deduplicate by id.
    """
    notice = Notice(
        id=tidings.id,
        type=f"Hubswitch.{tidings.name}",
        subject=tidings.pair,
        at=tidings.at,
        data={"pair": tidings.pair, "why": tidings.why},
    )
    failed: dict[str, str] = {}
    for channel in world.plans[tidings.pair].channels:
        if tidings.channels and channel.key not in tidings.channels:
            continue
        try:
            world.notices.publish(channel, [notice])
        except HubswitchError as fault:
            failed[channel.key] = str(fault)
    return Told(failed=tuple(failed), why=next(iter(failed.values()), ""))


def tell(world: World, tidings: Tidings) -> None:
    """The same for who cannot ask again for single channels.

    Raises:
        TemporaryError: a channel did not take it; the others have it.
    """
    told = publish_notice(world, tidings)
    if told.failed:
        raise TemporaryError(told.why)


def finish_run(world: World, summary: RunSummary) -> None:
    """Keep a run's summary in the ledger, once; a repeated step finds it there."""
    world.ledgers[summary.pair].put_once(summary_path(summary.pair, summary.run), encode(summary))
