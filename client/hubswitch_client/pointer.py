"""The pointer's value: where to go, and since which switch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from hubswitch_client.errors import BadPointer

SCHEMA = 1
"""The shape of the store's JSON that this package reads. Fields that it does not know are passed over."""

TEXTS = ("hub", "project", "subscription", "resource_group", "region", "endpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """One value of the pointer. All fields come from one key, so they belong to one switch."""

    hub: str
    project: str
    subscription: str
    """The subscription's id."""

    resource_group: str
    region: str
    endpoint: str
    """The region's API of Azure Machine Learning, as the plan has it: ``https://eastus2.api.azureml.ms``."""

    epoch: int
    """One higher with each switch."""

    since: datetime
    """When the epoch was claimed, with its time zone."""


def parse_pointer(text: str, where: str) -> Pointer:
    """The pointer in the store's JSON, or in that of ``write_pointer``.

    Args:
        text: a JSON object with a schema, the texts, epoch and since.
        where: what errors name.

    Raises:
        BadPointer: the text is something else, or of another schema.
    """
    try:
        found = json.loads(text)
    except ValueError as fault:
        raise BadPointer(where, "the value", "JSON", text) from fault
    if not isinstance(found, dict):
        raise BadPointer(where, "the value", "an object", found)
    if _whole(found, "schema", where) != SCHEMA:
        raise BadPointer(where, "schema", f"{SCHEMA} (is there a newer hubswitch-client?)", found["schema"])
    texts = {name: _text(found, name, where) for name in TEXTS}
    return Pointer(**texts, epoch=_whole(found, "epoch", where), since=_moment(found, "since", where))


def write_pointer(value: Pointer, **more: str) -> str:
    """JSON that ``parse_pointer`` reads, with further fields."""
    return json.dumps({"schema": SCHEMA, **asdict(value), "since": value.since.isoformat(), **more})


def _text(found: dict[str, Any], field: str, where: str) -> str:
    value = found.get(field)
    if not isinstance(value, str):
        raise BadPointer(where, field, "text", value)
    return value


def _whole(found: dict[str, Any], field: str, where: str) -> int:
    value = found.get(field)
    # JSON's true is an int in Python.
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadPointer(where, field, "a whole number of 0 or more", value)
    return value


def _moment(found: dict[str, Any], field: str, where: str) -> datetime:
    value = found.get(field)
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as fault:
        raise BadPointer(where, field, "an ISO 8601 time", value) from fault
    if moment.tzinfo is None:
        raise BadPointer(where, field, "a time with its zone", value)
    return moment
