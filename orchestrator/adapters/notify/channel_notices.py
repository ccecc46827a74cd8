"""Which class sends on which kind of channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.core.plan.channels import Channel
from orchestrator.ports import Notice, Notices


class ChannelNotices:
    """``Notices`` on a channel of any kind. ``senders``: the shape of a channel -> what sends on such a one."""

    def __init__(self, senders: Mapping[type, Notices[Any]]) -> None:
        self._senders = senders

    @property
    def kinds(self) -> set[type]:
        """The shapes of channels that can be sent on."""
        return set(self._senders)

    def publish(self, channel: Channel, notices: Sequence[Notice]) -> None:
        """Send all of them on one channel."""
        self._senders[type(channel)].publish(channel, notices)
