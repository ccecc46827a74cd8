"""Events in the two schemas that Event Grid speaks, and what a custom topic accepts.

Shapes: learn.microsoft.com, "Azure Event Grid event schema" and "CloudEvents v1.0 schema with Azure Event Grid".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from orchestrator.simulator.services import AzureError

EVENT_LIMIT = 1024 * 1024
"""Bytes of one event and of one request."""

VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,20}|data_base64")
_REQUIRED = ("id", "source", "specversion", "type")


class Schema(StrEnum):
    """Schemas in which a subscription can ask for its events."""

    EVENT_GRID = "EventGridSchema"
    CLOUD_EVENT = "CloudEventSchemaV1_0"


class Event(NamedTuple):
    """An event of some topic, kept as a CloudEvent."""

    cloud: Mapping[str, Any]
    data_version: str = ""

    @property
    def type(self) -> str:
        return str(self.cloud["type"])

    def shown(self, schema: Schema) -> bytes:
        """The body of a delivery: an array of one in the Event Grid schema, one object as a CloudEvent."""
        if schema is Schema.CLOUD_EVENT:
            return json.dumps(self.cloud).encode()
        event = self.cloud
        known = {
            "topic": event["source"],
            "subject": event.get("subject", ""),
            "eventType": event["type"],
            "id": event["id"],
            "data": event.get("data"),
            "eventTime": event["time"],
            "dataVersion": self.data_version,
            "metadataVersion": "1",
        }
        return json.dumps([known]).encode()


class Malformed(AzureError):
    """400: what was sent is not what the topic takes."""

    def __init__(self, what: str) -> None:
        super().__init__(
            400,
            "BadRequest",
            "This resource is configured to receive event in 'CloudEventV10' schema. The JSON received does not"
            f" conform to the expected schema. {what}",
        )


def timestamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def parse_events(body: bytes, content_type: str) -> list[dict[str, Any]]:
    """The CloudEvents that a request to a custom topic carries.

    A batch is an array; anything else is one event, as in the real service, which tells senders of arrays so.

    Raises:
        AzureError: 400 if one of them is malformed (then none is accepted), 413 if they are too large.
    """
    if len(body) > EVENT_LIMIT:
        # The status is documented, the code is not.
        raise AzureError(413, "RequestEntityTooLarge", f"The maximum size ({EVENT_LIMIT}) has been exceeded.")
    try:
        document = json.loads(body)
    except ValueError as fault:
        raise Malformed("The request content is not valid JSON.") from fault
    batch = content_type == "application/cloudevents-batch+json"
    if content_type not in {"application/cloudevents-batch+json", "application/cloudevents+json", "application/json"}:
        raise AzureError(415, "UnsupportedMediaType", f"The content type '{content_type}' is not supported.")
    if isinstance(document, list) is not batch or not isinstance(document, list | dict):
        expected, actual = ("StartArray", "StartObject") if batch else ("StartObject", "StartArray")
        raise Malformed(f"Token Expected: {expected}, Actual Token Received: {actual}.")
    events = document if isinstance(document, list) else [document]
    for event in events:
        _check(event)
    return events


def _check(event: Any) -> None:
    if not isinstance(event, dict):
        raise Malformed("An event is not an object.")
    for name in _REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            raise Malformed(f"The required attribute '{name}' is missing or empty.")
    if event["specversion"] != "1.0":
        raise Malformed("The attribute 'specversion' is not '1.0'.")
    for name in event:
        if not _ATTRIBUTE.fullmatch(name):
            raise Malformed(f"The attribute name '{name}' is not allowed.")
    if "data" in event and "data_base64" in event:
        raise Malformed("Both 'data' and 'data_base64' are present.")
    if "subject" in event and (not isinstance(event["subject"], str) or not event["subject"]):
        raise Malformed("The attribute 'subject' is not a string, or empty.")
    if "time" in event:
        _check_time(event["time"])


def _check_time(value: Any) -> None:
    try:
        aware = datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        aware = False
    if not aware:
        raise Malformed("The attribute 'time' is not an RFC 3339 timestamp.")
