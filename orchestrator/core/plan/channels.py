"""The channels on which people and programs are told of a pair: a plan's ``notify``.

To add a kind of channel: its shape here, in ``Channel``; what sends on it in a file of
``orchestrator.adapters.notify``, named in ``orchestrator.adapters.assembly``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import get_args
from urllib.parse import urlsplit

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import is_https_url
from orchestrator.core.plan.faults import Fault

SETTING_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")


class BaseChannel(Value, kw_only=True, tag_field="kind"):
    """What every kind of channel has. A subclass is one kind; its tag is the kind's name in plans."""

    @property
    def kind(self) -> str:
        return str(type(self).__struct_config__.tag)

    @property
    def address(self) -> str:
        """Where it leads. Two channels of one plan differ in kind or address."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """Kind, host and a digest: it says which channel is meant without repeating a URL that may be a secret."""
        digest = sha256(self.address.encode()).hexdigest()[:8]
        return f"{self.kind} {urlsplit(self.address).hostname if is_https_url(self.address) else None} {digest}"

    def faults(self) -> Iterator[Fault]:
        """Everything in it that cannot work."""
        yield from ()


class EventGridChannel(BaseChannel, kw_only=True, tag="event_grid"):
    """CloudEvents to an Event Grid custom topic, with the executor's identity."""

    topic: str
    """The topic's endpoint."""

    @property
    def address(self) -> str:
        return self.topic

    def faults(self) -> Iterator[Fault]:
        if not is_https_url(self.topic):
            yield Fault("topic", "an https URL", self.topic)


class WebhookChannel(BaseChannel, kw_only=True, tag="webhook"):
    """One POST for each notice, signed with a shared secret."""

    url: str
    """Where to, https. A redirect is not followed."""

    secret_setting: str
    """Name of the app setting (environment variable) that holds the secret. No plan holds the secret itself."""

    @property
    def address(self) -> str:
        return self.url

    def faults(self) -> Iterator[Fault]:
        if not is_https_url(self.url):
            yield Fault("url", "an https URL", self.url)
        if not SETTING_NAME.fullmatch(self.secret_setting):
            expected = "the name of an app setting: capital letters, digits and _"
            # Danger: it may be the secret itself, so it is not repeated.
            yield Fault("secret_setting", expected, "something else")


Channel = EventGridChannel | WebhookChannel
"""Every kind of channel."""

CHANNEL_SHAPES: tuple[type[BaseChannel], ...] = get_args(Channel)


def channel_faults(channels: Sequence[Channel], also: str | None = None) -> Iterator[Fault]:
    """What cannot work; fields as they stand in the plan.

    Args:
        channels: the plan's ``notify``.
        also: the topic that its ``notices`` names, which is a channel as well.
    """
    seen = {EventGridChannel(topic=also).key: "notices"} if also else {}
    for number, channel in enumerate(channels):
        place = f"notify[{number}]"
        for fault in channel.faults():
            yield fault._replace(field=f"{place}.{fault.field}")
        if channel.key in seen:
            yield Fault(place, "a channel that is not there yet", channel.key, (seen[channel.key],))
        seen.setdefault(channel.key, place)
