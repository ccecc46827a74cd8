"""Telling people on several channels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit

from orchestrator.core.base.errors import Forbidden, TemporaryError
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.plan.channels import Channel, EventGridChannel, WebhookChannel
from orchestrator.ports import Notice
from orchestrator.workflows.activities.notify import publish_notice, tell
from orchestrator.workflows.messages import Tidings

TOPIC = EventGridChannel(topic="https://topic.example")
FIRST = WebhookChannel(url="https://first.example", secret_setting="A")
SECOND = WebhookChannel(url="https://second.example", secret_setting="A")


class Senders:
    """``Notices`` of which some channels fail."""

    def __init__(self, *broken: Channel) -> None:
        self.broken = set(broken)
        self.sent: list[tuple[Channel, str]] = []

    def publish(self, channel: Channel, notices: Sequence[Notice]) -> None:
        if channel in self.broken:
            raise Forbidden(f"{channel.kind} refused us")
        self.sent += [(channel, notice.id) for notice in notices]


def telling(bench: Bench, senders: Senders) -> tuple[Visit, Tidings]:
    visit = bench.visit()
    plan = msgspec.structs.replace(visit.plan, notices=TOPIC.topic, notify=(FIRST, SECOND))
    visit.world = visit.world._replace(plans={plan.pair: plan}, notices=senders)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return visit, Tidings(pair=plan.pair, id="n", name=NoticeName.SETTLED, at=at, why="a test")


def test_a_notice_goes_to_every_channel(bench: Bench) -> None:
    """The topic of `notices` is one of them."""
    senders = Senders()
    visit, tidings = telling(bench, senders)
    assert publish_notice(visit.world, tidings).failed == ()
    assert senders.sent == [(TOPIC, "n"), (FIRST, "n"), (SECOND, "n")]


def test_a_channel_that_fails_stops_no_other_and_alone_is_told_again(bench: Bench) -> None:
    """Nobody gets a notice twice because somebody else has not got it."""
    senders = Senders(FIRST)
    visit, tidings = telling(bench, senders)
    told = publish_notice(visit.world, tidings)
    assert (told.failed, told.why) == ((FIRST.key,), "webhook refused us")
    assert [channel for channel, _ in senders.sent] == [TOPIC, SECOND]
    senders.broken.clear()
    again: Any = msgspec.structs.replace(tidings, channels=told.failed)
    assert publish_notice(visit.world, again).failed == ()
    assert [channel for channel, _ in senders.sent] == [TOPIC, SECOND, FIRST]


def test_who_tells_once_learns_that_a_channel_failed(bench: Bench) -> None:
    """After the others have it."""
    senders = Senders(TOPIC)
    visit, tidings = telling(bench, senders)
    with pytest.raises(TemporaryError, match="event_grid refused us"):
        tell(visit.world, tidings)
    assert [channel for channel, _ in senders.sent] == [FIRST, SECOND]
