"""Which class sends on which kind of channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from orchestrator.adapters.http.retries import try_again
from orchestrator.core.plan.channels import Channel
from orchestrator.ports import Notice, Notices

BUDGET = timedelta(seconds=20)
"""Time for one channel to take a notice, all tries together."""


class ChannelNotices:
    """``Notices`` on a channel of any kind. ``senders``: the shape of a channel -> what sends on such a one."""

    def __init__(self, senders: Mapping[type, Notices[Any]]) -> None:
        self._senders = senders

    @property
    def kinds(self) -> set[type]:
        """The shapes of channels that can be sent on."""
        return set(self._senders)

    def publish(self, channel: Channel, notices: Sequence[Notice]) -> None:
        """Send all of them on one channel, with a few tries within seconds.

        Raises:
            HubswitchError: what the last try raised.
        """
        sender = self._senders[type(channel)]
        try_again(lambda: sender.publish(channel, notices), BUDGET)
