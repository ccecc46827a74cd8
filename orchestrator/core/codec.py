"""One door between bytes and values: strict decoding with the place of the fault in the message.

Values are msgspec structs: frozen, keyword-only, refusing unknown fields.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, dataclass_transform

import msgspec

from orchestrator.core.errors import InvalidInput

_FAULT = re.compile(r"^(?P<said>.*?)(?: - at `\$(?:\.)?(?P<path>[^`]*)`)?$", re.DOTALL)
_GOT = re.compile(r"^Expected (?P<expected>.*?), got (?P<got>.*)$", re.DOTALL)


type Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware time. One without a zone is refused when it is decoded."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is stored, sent or passed between layers."""


def encode(value: Any) -> bytes:
    """JSON bytes of a value."""
    return msgspec.json.encode(value)


def decode[T](data: bytes | str, shape: type[T], where: str) -> T:
    """The value that JSON bytes hold.

    Raises:
        InvalidInput: not JSON, or not of that shape; names ``where`` and the field.
    """
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as fault:
        raise _explained(fault, where) from fault
    except msgspec.DecodeError as fault:
        raise InvalidInput(where, "", "a JSON document", str(fault)) from fault


def to_builtins(value: Any) -> Any:
    """The value as dicts, lists, strings and numbers, as ``json.dumps`` would take it."""
    return msgspec.to_builtins(value)


def from_builtins[T](data: Any, shape: type[T], where: str) -> T:
    """The value that plain Python data holds.

    Raises:
        InvalidInput: not of that shape; names ``where`` and the field.
    """
    try:
        return msgspec.convert(data, type=shape)
    except msgspec.ValidationError as fault:
        raise _explained(fault, where) from fault


def _explained(fault: msgspec.ValidationError, where: str) -> InvalidInput:
    match = _FAULT.match(str(fault))
    said, path = (match["said"], match["path"] or "") if match else (str(fault), "")
    got = _GOT.match(said)
    if got:
        return InvalidInput(where, path, got["expected"].replace("`", ""), got["got"].replace("`", ""))
    return InvalidInput(where, path, "a valid value", said.replace("`", ""))
