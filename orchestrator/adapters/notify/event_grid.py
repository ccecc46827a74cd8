"""``Hubswitch.*`` events to an Event Grid custom topic, as CloudEvents 1.0.

The package's public client drops ``transport`` and every retry setting when it is made for a custom topic
(azure-eventgrid 4.22.1, ``_patch.py``): it would wait 300 s for a silent topic. The client that it wraps takes them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import batched
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.messaging import CloudEvent
from azure.eventgrid._legacy import EventGridPublisherClient

from orchestrator.adapters.http.errors import translate_errors
from orchestrator.adapters.http.one_host import OneHostTransport
from orchestrator.adapters.http.transport import NO_RETRY, BoundedTransport
from orchestrator.adapters.notify.cloud_events import SOURCE, check_type, data_of
from orchestrator.core.plan.channels import EventGridChannel
from orchestrator.ports import Notice

BATCH = 100
"""Events per request; Event Grid takes up to 1 MB, and ours are small."""


class EventGridNotices:
    """``Notices`` on custom topics. An event's id is the notice's: who gets it twice can tell."""

    def __init__(self, credential: TokenCredential, transport: BoundedTransport) -> None:
        self._credential = credential
        self._transport = transport
        self._publishers: dict[str, EventGridPublisherClient] = {}
        self._lock = threading.Lock()

    def publish(self, channel: EventGridChannel, notices: Sequence[Notice]) -> None:
        """Send all of them; nothing is sent if one has a type that is not ours."""
        events = [_event(notice) for notice in notices]
        publisher = self._publisher(channel.topic)
        for some in batched(events, BATCH, strict=False):
            with translate_errors(f"publishing {len(some)} notices to {channel.topic}"):
                publisher.send(list(some))

    def _publisher(self, topic: str) -> EventGridPublisherClient:
        with self._lock:
            if topic not in self._publishers:
                transport = OneHostTransport(self._transport, topic)
                self._publishers[topic] = EventGridPublisherClient(
                    topic, self._credential, transport=transport, **NO_RETRY
                )
            return self._publishers[topic]


def _event(notice: Notice) -> CloudEvent[dict[str, Any]]:
    check_type(notice)
    return CloudEvent(
        source=SOURCE,
        type=notice.type,
        id=notice.id,
        subject=notice.subject,
        time=notice.at,
        data=data_of(notice),
    )
