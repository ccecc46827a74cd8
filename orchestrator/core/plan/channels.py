"""The channels on which people and programs are told of a pair: a plan's ``notify``.

To add a kind of channel: its shape here, in ``Channel``; what sends on it in a file of
``orchestrator.adapters.notify``, named in ``orchestrator.adapters.assembly``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import get_args
from urllib.parse import urlsplit

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.notice_table import NOTICE_TABLE, NoticeRow, NoticeSeverity
from orchestrator.core.base.text import is_https_url, join_words
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.plan.faults import Fault, hint_of, nearest, show
from orchestrator.core.plan.windows import Recurring, end_of, recurring_faults

SETTING_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")


class BaseChannel(Value, kw_only=True, tag_field="kind"):
    """What every kind of channel has. A subclass is one kind; its tag is the kind's name in plans."""

    only: tuple[str, ...] = ()
    """Names of notices, or severities, that alone are told here; empty for all."""

    excluded: tuple[str, ...] = msgspec.field(default=(), name="except")
    """Names of notices, or severities, that are not told here."""

    quiet_hours: tuple[Recurring, ...] = ()
    """Windows that repeat in which only what is ``critical`` or tells of a switch is told at once. The rest is told at
    their end."""

    @property
    def kind(self) -> str:
        return str(type(self).__struct_config__.tag)

    @property
    def address(self) -> str:
        """Where it leads. Two channels of one plan differ in kind or address."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """Kind, host or setting, and a digest: which channel is meant, without a URL that may be a secret."""
        digest = sha256(self.address.encode()).hexdigest()[:8]
        if SETTING_NAME.fullmatch(self.address):
            return f"{self.kind} {self.address} {digest}"
        return f"{self.kind} {urlsplit(self.address).hostname if is_https_url(self.address) else None} {digest}"

    def wants(self, name: NoticeName) -> bool:
        """Whether a notice of this name is told here."""
        words = {name.value, NOTICE_TABLE[name].severity.value}
        return (not self.only or bool(words.intersection(self.only))) and words.isdisjoint(self.excluded)

    def quiet_until(self, name: NoticeName, now: datetime) -> datetime | None:
        """When a notice of this name may be told, if quiet hours keep it back; None if it may be told now."""
        return end_of(now, (), self.quiet_hours) if self.may_wait(NOTICE_TABLE[name]) else None

    def may_wait(self, row: NoticeRow) -> bool:
        """Whether a kind of notice may wait for the end of the quiet hours."""
        return not row.is_switch and row.severity is not NoticeSeverity.CRITICAL

    def faults(self) -> Iterator[Fault]:
        """Everything in it that cannot work."""
        yield from ()

    def warnings(self) -> Iterator[Fault]:
        """What is legal in it and unwise."""
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
        yield from find_setting_faults("secret_setting", self.secret_setting)


class SecretUrlChannel(BaseChannel, kw_only=True):
    """A channel behind a URL that is a secret, for whoever has it can post."""

    url_setting: str
    """Name of the app setting that holds the URL. Whoever has it can post; it is a secret."""

    @property
    def address(self) -> str:
        return self.url_setting

    def faults(self) -> Iterator[Fault]:
        yield from find_setting_faults("url_setting", self.url_setting)


class TeamsChannel(SecretUrlChannel, kw_only=True, tag="teams"):
    """A card in a channel or chat of Microsoft Teams, through a workflow that starts when a webhook is called."""


class SlackChannel(SecretUrlChannel, kw_only=True, tag="slack"):
    """A message in a channel of Slack, through an incoming webhook."""


class PagerDutyChannel(BaseChannel, kw_only=True, tag="pagerduty"):
    """Alerts of a PagerDuty service, one for each pair and matter, resolved when the matter is over."""

    routing_key_setting: str
    """Name of the app setting that holds the integration key of an Events API v2 integration."""

    events_api: str = "https://events.pagerduty.com"
    """Where events are sent. Accounts in the EU region have ``https://events.eu.pagerduty.com``."""

    @property
    def address(self) -> str:
        return self.routing_key_setting

    def may_wait(self, row: NoticeRow) -> bool:
        """Not what resolves an alert: one that was opened before the quiet hours would call people until their end."""
        return not row.closes and BaseChannel.may_wait(self, row)

    def faults(self) -> Iterator[Fault]:
        yield from find_setting_faults("routing_key_setting", self.routing_key_setting)
        if not is_https_url(self.events_api):
            yield Fault("events_api", "an https URL", self.events_api)

    def warnings(self) -> Iterator[Fault]:
        """An alert that is opened here and whose end is not told here."""
        told = [row for row in NOTICE_TABLE.values() if self.wants(row.name)]
        opened = {row.matter for row in told if row.severity is not NoticeSeverity.INFO}
        closable = {matter for row in NOTICE_TABLE.values() for matter in row.closes}
        closed = {matter for row in told for matter in row.closes}
        never = sorted(opened.intersection(closable) - closed)
        if never:
            expected = "notices that close what is opened here as well, such as the severity info"
            field = "only" if self.only else "except"
            yield Fault(field, expected, f"none that resolves alerts of the matters {join_words(never)}")


class ActionGroupChannel(BaseChannel, kw_only=True, tag="action_group"):
    """E-mail and whatever else an action group of Azure Monitor sends, through an alert rule over the app's log."""

    @property
    def address(self) -> str:
        """One for all: the alert rule of the deployment names the groups."""
        return "AZURE_MONITOR"


Channel = EventGridChannel | WebhookChannel | TeamsChannel | SlackChannel | PagerDutyChannel | ActionGroupChannel
"""Every kind of channel."""

CHANNEL_SHAPES: tuple[type[BaseChannel], ...] = get_args(Channel)


def channel_warnings(channels: Sequence[Channel]) -> Iterator[Fault]:
    """What is legal and unwise; fields as they stand in the plan."""
    for number, channel in enumerate(channels):
        yield from (fault._replace(field=f"notify[{number}].{fault.field}") for fault in channel.warnings())


WORDS = (*(severity.value for severity in NoticeSeverity), *(name.value for name in NoticeName))
"""What ``only`` and ``except`` may name."""


def _choice_faults(channel: BaseChannel) -> Iterator[Fault]:
    unknown = False
    for field, words in (("only", channel.only), ("except", channel.excluded)):
        for number, word in enumerate(words):
            if word not in WORDS:
                unknown = True
                expected = "a severity (critical, warning, info) or the name of a notice, such as FailoverStarted"
                yield Fault(f"{field}[{number}]", expected, show(word), hint=hint_of(nearest(word, WORDS)))
    if not unknown and not any(channel.wants(name) for name in NoticeName):
        yield Fault("except", "at least one notice that is left", "none", ("only",))


def _quiet_faults(channel: BaseChannel) -> Iterator[Fault]:
    for number, window in enumerate(channel.quiet_hours):
        yield from recurring_faults(window, f"quiet_hours[{number}]")


def find_setting_faults(field: str, name: str) -> Iterator[Fault]:
    """What is wrong with the name of an app setting that holds a secret."""
    if not SETTING_NAME.fullmatch(name):
        expected = "the name of an app setting: capital letters, digits and _"
        # Danger: it may be the secret itself, so it is not repeated.
        yield Fault(field, expected, "something else")


def channel_faults(channels: Sequence[Channel], also: str | None = None) -> Iterator[Fault]:
    """What cannot work; fields as they stand in the plan.

    Args:
        channels: the plan's ``notify``.
        also: the topic that its ``notices`` names, which is a channel as well.
    """
    seen = {EventGridChannel(topic=also).key: "notices"} if also else {}
    for number, channel in enumerate(channels):
        place = f"notify[{number}]"
        for fault in (*channel.faults(), *_choice_faults(channel), *_quiet_faults(channel)):
            rests_on = tuple(f"{place}.{other}" for other in fault.rests_on)
            yield fault._replace(field=f"{place}.{fault.field}", rests_on=rests_on)
        if channel.key in seen:
            yield Fault(place, "a channel that is not there yet", channel.key, (seen[channel.key],))
        seen.setdefault(channel.key, place)
