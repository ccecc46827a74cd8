"""Notices as alerts in PagerDuty, through its Events API v2.

One alert for each pair and matter: its ``dedup_key``. A notice that tells of something bad triggers it; one that says
that a matter is over resolves it; what is for the record alone opens none. The API (developer.pagerduty.com, "Send an
alert event") takes 512 KB, a summary of 1,024 characters, a routing key of 32, a ``dedup_key`` of 255; it answers 202.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from orchestrator.adapters.http.errors import unexpected_answer
from orchestrator.adapters.http.plain import PlainHttp
from orchestrator.adapters.notify.cloud_events import check_type
from orchestrator.adapters.notify.named_secrets import secret_of
from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.notice_table import NoticeSeverity
from orchestrator.core.base.text import cut, truncate
from orchestrator.core.plan.channels import PagerDutyChannel
from orchestrator.ports import Notice

ROUTING_KEY, SUMMARY = 32, 1_024
"""Characters."""

DETAIL = 60_000
"""Bytes of one detail as JSON: all of them stay far below 512 KB."""

type Event = dict[str, Any]


class PagerDutyNotices:
    """``Notices`` in PagerDuty. Safe to share between threads.

    Args:
        http: sends, within the process's limits.
        environment: app settings by name; routing keys are read from it when they are needed.
    """

    def __init__(self, http: PlainHttp, environment: Mapping[str, str]) -> None:
        self._http = http
        self._environment = environment
        self._resolved: dict[tuple[str, str], datetime] = {}
        self._lock = threading.Lock()

    def publish(self, channel: PagerDutyChannel, notices: Sequence[Notice]) -> None:
        """Send the events of each of them; nothing is sent without the key, or if one has a type that is not ours.

        Raises:
            InvalidInput: the app setting that the plan names is not there, or holds no routing key.
        """
        what = f"the integration key of an Events API v2 integration, {ROUTING_KEY} characters"
        key = secret_of(self._environment, channel.routing_key_setting, what)
        if len(key) != ROUTING_KEY:
            where = f"the app setting {channel.routing_key_setting}"
            raise InvalidInput(where, "", what, f"one of {len(key)} characters")
        for notice in notices:
            check_type(notice)
        for notice in notices:
            for event in events_of(notice):
                if self._is_out_of_date(channel, event, notice.at):
                    continue
                self._send(channel, {"routing_key": key, **event})
                if event["event_action"] == "resolve":
                    with self._lock:
                        self._resolved[channel.key, event["dedup_key"]] = notice.at

    def _is_out_of_date(self, channel: PagerDutyChannel, event: Event, at: datetime) -> bool:
        """Whether the matter was told to be over after this was told of it: nothing would resolve the alert again."""
        with self._lock:
            over = self._resolved.get((channel.key, event["dedup_key"]))
        return event["event_action"] == "trigger" and over is not None and at < over

    def _send(self, channel: PagerDutyChannel, event: Event) -> None:
        url = f"{channel.events_api.rstrip('/')}/v2/enqueue"
        answer = self._http.post(url, encode(event), {"Content-Type": "application/json"})
        try:
            status = msgspec.json.decode(answer.text).get("status")
        except (msgspec.DecodeError, AttributeError):
            status = None
        if status != "success":
            raise unexpected_answer("sending an event to PagerDuty", "the status success", "something else")


def events_of(notice: Notice) -> Iterator[Event]:
    """The events that a notice amounts to, without the routing key."""
    message = notice.message
    for matter in message.closes:
        yield {"event_action": "resolve", "dedup_key": dedup_key(message.pair, matter)}
    if message.severity is NoticeSeverity.INFO:
        return
    event: Event = {
        "event_action": "trigger",
        "dedup_key": dedup_key(message.pair, message.matter),
        "client": "hubswitch",
        "payload": {
            "summary": cut(f"{message.title}: {message.why}", SUMMARY),
            "source": message.pair,
            "severity": message.severity.value,
            "timestamp": notice.at.isoformat(),
            "component": message.matter.value,
            "group": "hubswitch",
            "class": notice.type,
            "custom_details": {name: truncate(text, DETAIL) for name, text in message.lines()},
        },
    }
    if message.link:
        event |= {"client_url": message.link, "links": [{"href": message.link, "text": "Status page"}]}
    yield event


def dedup_key(pair: str, matter: str) -> str:
    """One alert for each pair and matter."""
    return f"hubswitch/{pair}/{matter}"
