"""What every channel says about a notice: a CloudEvent 1.0 of our types alone."""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.ports import Notice

SOURCE = "/hubswitch"
PREFIX = "Hubswitch."


def check_type(notice: Notice) -> None:
    """Only our own types go out under our name.

    Raises:
        InvalidInput: the notice's type is none of ours.
    """
    if not notice.type.startswith(PREFIX):
        raise InvalidInput(f"notice {notice.id}", "type", f"{PREFIX}<Name>", repr(notice.type))


def structured(notice: Notice) -> dict[str, Any]:
    """A notice in the JSON event format of CloudEvents 1.0 (github.com/cloudevents/spec, json-format)."""
    check_type(notice)
    return {
        "specversion": "1.0",
        "id": notice.id,
        "source": SOURCE,
        "type": notice.type,
        "subject": notice.subject,
        "time": notice.at.isoformat(),
        "datacontenttype": "application/json",
        "data": data_of(notice),
    }


def data_of(notice: Notice) -> dict[str, Any]:
    """What a notice says, as JSON has it: the client of Event Grid writes a tuple as the text of one."""
    said: dict[str, Any] = msgspec.json.decode(encode(notice.message))
    return {name: value for name, value in said.items() if value != ""}
