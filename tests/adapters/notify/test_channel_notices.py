"""Every kind of channel that a plan may name has somebody who sends on it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.adapters.assembly import assemble
from orchestrator.adapters.notify.channel_notices import ChannelNotices
from orchestrator.clock import SystemClock
from orchestrator.core.plan.channels import CHANNEL_SHAPES, Channel, EventGridChannel, WebhookChannel
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import Notice
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure


def test_every_shape_of_a_channel_has_a_sender(settings: Settings, azure: LocalAzure) -> None:
    """A shape that nobody sends on would be found out in an outage."""
    plan = plan_of(azure)
    notices = assemble(settings, {plan.pair: plan}, SystemClock()).notices
    assert isinstance(notices, ChannelNotices)
    assert notices.kinds == set(CHANNEL_SHAPES)


class Heard:
    def __init__(self) -> None:
        self.channels: list[Channel] = []

    def publish(self, channel: Channel, notices: Sequence[Notice]) -> None:
        del notices
        self.channels.append(channel)


def test_a_notice_goes_to_the_sender_of_its_channel_s_kind() -> None:
    """By its shape."""
    grid, hook = Heard(), Heard()
    notices = ChannelNotices({EventGridChannel: grid, WebhookChannel: hook})
    topic = EventGridChannel(topic="https://t")
    url = WebhookChannel(url="https://u", secret_setting="A")
    for channel in (topic, url):
        notices.publish(channel, [])
    assert (grid.channels, hook.channels) == ([topic], [url])
