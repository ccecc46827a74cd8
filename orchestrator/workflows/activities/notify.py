"""Telling people, and keeping what a run did."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from orchestrator import metrics, telemetry
from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import HubswitchError, TemporaryError
from orchestrator.core.base.notice_table import NOTICE_TABLE, NoticeSeverity
from orchestrator.core.base.text import format_time
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.ledger_paths import summary_path
from orchestrator.core.plan.channels import Channel
from orchestrator.ports import Notice, World
from orchestrator.workflows.activities.letters import FIRST_PAUSE, LetterKind, drop_overtaken, keep_letter, notice_of
from orchestrator.workflows.messages import RunSummary, Tidings, Told

LOG = telemetry.logger("notices")

LOG_LINE = "notice %s of %s: %s"
"""Name, pair, why: what the alert rules and the workbook of ``infra/queries`` read. A test holds them against it."""


def publish_notice(world: World, tidings: Tidings) -> Told:
    """Publish one notice on every channel that wants it and has not had it yet, side by side.

    What a channel does not take, or its quiet hours keep back, is kept in the ledger and told later by
    ``letters.send_letters``. So ``failed`` has only the channels whose notice could not be kept either. Receivers
    deduplicate by id. Each notice is logged as well, whether a channel wants it or not.
    """
    if not tidings.channels:
        is_info = NOTICE_TABLE[tidings.name].severity is NoticeSeverity.INFO
        LOG.log(logging.INFO if is_info else logging.WARNING, LOG_LINE, tidings.name, tidings.pair, tidings.why)
    _drop_overtaken(world, tidings)
    now = world.clock.now()
    wanting = [
        channel
        for channel in world.plans[tidings.pair].channels
        if channel.wants(tidings.name) and (not tidings.channels or channel.key in tidings.channels)
    ]
    loud = [channel for channel in wanting if not _keep_back(world, tidings, channel, now)]
    faults = _publish(world, loud, notice_of(world, tidings))
    _count(tidings.pair, wanting, loud, faults)
    failed = {
        channel.key: str(faults[channel.key])
        for channel in loud
        if channel.key in faults and not _keep_dead(world, tidings, channel, faults[channel.key], now)
    }
    return Told(failed=tuple(failed), why=next(iter(failed.values()), ""))


def _count(
    pair: str, wanting: Sequence[Channel], loud: Sequence[Channel], faults: Mapping[str, HubswitchError]
) -> None:
    for channel in wanting:
        outcome = "failed" if channel.key in faults else "told" if channel in loud else "kept back"
        metrics.count(metrics.NOTICES, pair=pair, channel=channel.kind, outcome=outcome)


def _publish(world: World, channels: Sequence[Channel], notice: Notice) -> Mapping[str, HubswitchError]:
    """What went wrong, by the channel's key. None waits for another."""
    faults: dict[str, HubswitchError] = {}

    def publish(channel: Channel) -> None:
        try:
            world.notices.publish(channel, [notice])
        except HubswitchError as fault:
            faults[channel.key] = fault

    if len(channels) < 2:  # noqa: PLR2004 - one needs no thread
        for channel in channels:
            publish(channel)
        return faults
    with ThreadPoolExecutor(len(channels), thread_name_prefix="hubswitch-notify") as threads:
        list(threads.map(publish, channels))
    return faults


def _drop_overtaken(world: World, tidings: Tidings) -> None:
    try:
        drop_overtaken(world, tidings)
    except HubswitchError as fault:
        LOG.warning("%s: older notices that wait were left: %s", tidings.pair, fault)


def _keep_back(world: World, tidings: Tidings, channel: Channel, now: datetime) -> bool:
    """Whether quiet hours keep it back. It is told at night rather than never, if it cannot be kept."""
    until = channel.quiet_until(tidings.name, now)
    if until is None:
        return False
    try:
        keep_letter(world, tidings, channel, f"quiet until {format_time(until)}", until, LetterKind.QUIET)
    except HubswitchError as fault:
        LOG.warning("%s: a notice could not be kept back, and is told now: %s", tidings.pair, fault)
        return False
    return True


def _keep_dead(world: World, tidings: Tidings, channel: Channel, why: HubswitchError, now: datetime) -> bool:
    """Whether what a channel did not take is kept for later."""
    asked = (isinstance(why, TemporaryError) and why.retry_after) or FIRST_PAUSE
    LOG.warning("%s: %s was not told on %s: %s", tidings.pair, tidings.name, channel.key, why)
    try:
        keep_letter(world, tidings, channel, str(why), now + max(asked, FIRST_PAUSE), LetterKind.DEAD)
    except HubswitchError as fault:
        LOG.warning("%s: it could not be kept either: %s", tidings.pair, fault)
        return False
    return True


def publish_test_notice(world: World, pair: str, by: str, reason: str) -> Mapping[str, str]:
    """Publish a test notice on every channel of a pair; why each channel did not take it, empty for one that did.

    By the channel's key. It goes to channels that want no such notice, too, and in quiet hours: a person waits for it.
    Nothing is kept for later.
    """
    channels = world.plans[pair].channels
    now, why = world.clock.now(), f"asked for by {by}: {reason}"
    tidings = Tidings(pair=pair, id=f"{pair}-test-{now:%Y%m%dT%H%M%S%f}", name=NoticeName.TEST_NOTICE, at=now, why=why)
    faults = _publish(world, channels, notice_of(world, tidings))
    return {channel.key: str(faults.get(channel.key, "")) for channel in channels}


def tell(world: World, tidings: Tidings) -> None:
    """The same for who cannot ask again for single channels.

    Raises:
        TemporaryError: a channel did not take it, and it could not be kept; the others have it.
    """
    told = publish_notice(world, tidings)
    if told.failed:
        raise TemporaryError(told.why)


def finish_run(world: World, summary: RunSummary) -> None:
    """Keep a run's summary in the ledger, once; a repeated step finds it there."""
    is_first = world.ledgers[summary.pair].put_once(summary_path(summary.pair, summary.run), encode(summary))
    if is_first:
        _measure(summary)


def _measure(summary: RunSummary) -> None:
    pair, kind, passed = summary.pair, summary.kind.value, summary.milestones
    if passed.verified_at:
        took = (passed.verified_at - (passed.drained_at or passed.decided_at)).total_seconds()
        metrics.measure(metrics.SWITCH_DURATION, took, pair=pair, kind=kind)
    if summary.ended_at:
        took = (summary.ended_at - passed.decided_at).total_seconds()
        metrics.measure(metrics.RUN_DURATION, took, pair=pair, kind=kind, outcome=summary.outcome)
    for outcome in ("resubmitted", "skipped", "waiting", "refused", "finished", "staying"):
        metrics.count(metrics.RUN_JOBS, getattr(summary.jobs, outcome), pair=pair, outcome=outcome)
