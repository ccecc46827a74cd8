"""Telling people on several channels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit

from orchestrator.core.base.errors import Forbidden, TemporaryError, Unreachable
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.plan.channels import Channel, EventGridChannel, WebhookChannel
from orchestrator.ports import Notice
from orchestrator.workflows.activities.letters import list_waiting
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


class Away:
    """A ledger that does not answer."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any) -> Any:
            raise Unreachable("the ledger is away")

        return fail


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
    assert sorted(channel.kind for channel, _ in senders.sent) == ["event_grid", "webhook", "webhook"]


def test_a_channel_that_fails_stops_no_other_and_its_notice_is_kept(bench: Bench) -> None:
    """Nobody gets a notice twice because somebody else has not got it."""
    senders = Senders(FIRST)
    visit, tidings = telling(bench, senders)
    assert publish_notice(visit.world, tidings).failed == ()
    assert {channel for channel, _ in senders.sent} == {TOPIC, SECOND}
    [waits] = list_waiting(visit.world)
    assert (waits.pair, waits.channel, waits.letters, waits.why) == (tidings.pair, FIRST.key, 1, "webhook refused us")


def test_a_notice_that_cannot_be_kept_either_is_told_again_by_the_orchestrator(bench: Bench) -> None:
    """It answers which channels have not got it, and is asked for those alone."""
    senders = Senders(FIRST)
    visit, tidings = telling(bench, senders)
    world = visit.world
    visit.world = world._replace(ledgers={tidings.pair: Away()})
    told = publish_notice(visit.world, tidings)
    assert (told.failed, told.why) == ((FIRST.key,), "webhook refused us")
    senders.broken.clear()
    senders.sent.clear()
    again: Any = msgspec.structs.replace(tidings, channels=told.failed)
    assert publish_notice(visit.world, again).failed == ()
    assert senders.sent == [(FIRST, "n")]


def test_who_tells_once_learns_that_nobody_keeps_it(bench: Bench) -> None:
    """After the others have it."""
    senders = Senders(TOPIC)
    visit, tidings = telling(bench, senders)
    visit.world = visit.world._replace(ledgers={tidings.pair: Away()})
    with pytest.raises(TemporaryError, match="event_grid refused us"):
        tell(visit.world, tidings)
    assert {channel for channel, _ in senders.sent} == {FIRST, SECOND}


def test_no_channel_waits_for_another(bench: Bench) -> None:
    """All of them are told side by side: each waits here until all have begun."""
    together = Barrier(3)

    class Slow(Senders):
        def publish(self, channel: Channel, notices: Sequence[Notice]) -> None:
            together.wait(300)
            super().publish(channel, notices)

    senders = Slow()
    visit, tidings = telling(bench, senders)
    assert publish_notice(visit.world, tidings).failed == ()
    assert len(senders.sent) == 3


def test_a_channel_is_told_what_it_wants_and_nothing_else(bench: Bench) -> None:
    """By name or by severity."""
    senders = Senders()
    visit, tidings = telling(bench, senders)
    wants = {
        "critical": msgspec.structs.replace(FIRST, only=("critical",)),
        "not Settled": msgspec.structs.replace(SECOND, excluded=("Settled",)),
    }
    plan = msgspec.structs.replace(visit.plan, notices=None, notify=tuple(wants.values()))
    visit.world = visit.world._replace(plans={plan.pair: plan})
    for name in (NoticeName.SETTLED, NoticeName.SUSPECT, NoticeName.ESCALATED):
        publish_notice(visit.world, msgspec.structs.replace(tidings, name=name, id=name.value))
    told = sorted((channel.address, name) for channel, name in senders.sent)
    assert told == [(FIRST.url, "Escalated"), (SECOND.url, "Escalated"), (SECOND.url, "Suspect")]
