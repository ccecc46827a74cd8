"""One door between bytes and values: strict decoding with the place of the fault in the message.

Values are msgspec structs: frozen, keyword-only, refusing unknown fields. What people give is read so. What hubswitch
itself has written may have been written by a newer version, as in a rolling deployment: ``read_record`` and
``from_message`` skip fields that this version does not know, ``read_exact_record`` leaves such a record alone
(docs/adr/0015).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, dataclass_transform, get_args, get_origin

import msgspec

from orchestrator.core.base.errors import InvalidInput, UnknownField, UnknownShape

_FAULT = re.compile(r"^(?P<said>.*?)(?: - at `\$(?:\.)?(?P<path>[^`]*)`)?$", re.DOTALL)

_TIMES = {
    "Invalid RFC3339 encoded datetime": "none",
    "Expected `datetime` with a timezone component": "one without a zone",
}

_BOUND = re.compile(r"Expected (?P<expected>.+)")

_GOT = re.compile(r"^Expected (?P<expected>.*?), got (?P<got>.*)$", re.DOTALL)

_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]*)`$")

_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>[^`]*)`$")

_KEY = re.compile(r"^Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)` - at `key` in `\$(?:\.)?(?P<path>[^`]*)`$")

_TAG = re.compile(r"^Invalid value (?P<got>'.*')$", re.DOTALL)

_WORD = re.compile(r"^Invalid enum value (?P<got>.*)$", re.DOTALL)


type Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware time. One without a zone is refused when it is decoded."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is stored, sent or passed between layers."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Record(Value, frozen=True, kw_only=True):
    """Base of what two versions at once read: ``encode_record`` and ``to_message`` leave out fields at their default.

    So a new field is not written until it is used, and an older version reads the rest. A default never changes, for it
    is what was meant where the field is not there.
    """


_prepared: set[Any] = set()

_preparing = threading.Lock()


def _prepare(shape: Any) -> None:
    """Let msgspec build what it knows of a type in one thread at a time.

    Danger: msgspec 0.22 shows a struct to other threads while it still reads the struct's fields, so that two threads
    that decode a type for the first time at once end the process with SIGSEGV. Seen in a worker right after its start.
    """
    if shape in _prepared:
        return
    with _preparing:
        msgspec.json.Decoder(shape)
        _prepared.add(shape)


def encode(value: Any) -> bytes:
    """JSON bytes of a value."""
    return msgspec.json.encode(value)


def decode[T](data: bytes | str, shape: type[T], where: str) -> T:
    """The value that JSON bytes hold.

    Raises:
        InvalidInput: not JSON, or not of that shape; names ``where`` and the field.
    """
    try:
        _prepare(shape)
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as fault:
        raise _explain(fault, where, shape) from fault
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
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
        _prepare(shape)
        return msgspec.convert(data, type=shape)
    except msgspec.ValidationError as fault:
        explained = _explain(fault, where, shape)
        field = _with_key(data, shape, explained.field)
        if isinstance(explained, UnknownField):
            raise UnknownField(where, field, explained.place, explained.name) from fault
        raise InvalidInput(where, field, explained.expected, explained.got) from fault


def _with_key(data: Any, shape: Any, path: str) -> str:
    """A path in which msgspec leaves a key out, as ``[...]``, with the key whose value is at fault."""
    before, left_out, after = path.partition("[...]")
    if not left_out:
        return path
    parts = _parts(before)
    for key in _at(data, parts):
        try:
            msgspec.convert(_with_only(data, parts, key), type=shape)
        except msgspec.ValidationError as fault:
            if f"{before}[...]" in str(fault):
                return f"{before}[{key}]{after}"
    return path


def _parts(path: str) -> list[str]:
    """Names and numbers of a path such as ``a.b[2].c``."""
    return re.findall(r"[^.\[\]]+", path)


def _at(data: Any, parts: list[str]) -> list[Any]:
    """The keys of the object at a path."""
    for part in parts:
        data = data[int(part)] if isinstance(data, list | tuple) else data[part]
    return list(data)


def _with_only(data: Any, parts: list[str], key: Any) -> Any:
    """The same data, of the object at a path this key alone."""
    if not parts:
        return {key: data[key]}
    if isinstance(data, list | tuple):
        number = int(parts[0])
        return [_with_only(item, parts[1:], key) if n == number else item for n, item in enumerate(data)]
    return {**data, parts[0]: _with_only(data[parts[0]], parts[1:], key)}


def _explain(fault: msgspec.ValidationError, where: str, shape: Any) -> InvalidInput:
    if key := _KEY.match(str(fault)):
        return InvalidInput(where, key["path"], f"names of type {key['expected']}", f"one of type {key['got']}")
    match = _FAULT.match(str(fault))
    said, path = (match["said"], match["path"] or "") if match else (str(fault), "")
    if got := _GOT.match(said):
        return InvalidInput(where, path, got["expected"].replace("`", ""), got["got"].replace("`", ""))
    if name := _MISSING.match(said):
        return InvalidInput(where, _join(path, name["name"]), "a value", "nothing")
    if name := _UNKNOWN.match(said):
        return UnknownField(where, _join(path, name["name"]), path, name["name"])
    if word := _WORD.match(said) or _TAG.match(said):
        return InvalidInput(where, path, _allowed_words(shape, path), word["got"])
    if said in _TIMES:
        return InvalidInput(where, path, "a time with a zone, such as 2026-02-27T09:30:00Z", _TIMES[said])
    if bound := _BOUND.fullmatch(said):
        return InvalidInput(where, path, bound["expected"].replace("`", ""), "one that is not")
    return InvalidInput(where, path, "a valid value", said.replace("`", ""))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _allowed_words(shape: Any, path: str) -> str:
    """The words that an enumeration, or the tag of a union, at a path knows."""
    parent = None
    for part in _parts(path):
        parent, shape = shape, _inside(shape, part)
    words = next(
        (kind for kind in (shape, *get_args(shape)) if isinstance(kind, type) and issubclass(kind, Enum)), None
    )
    return " or ".join(str(word.value) for word in words) if words else " or ".join(_tags(parent)) or "a known word"


def _tags(shape: Any) -> list[str]:
    """The tags of the structs in a type."""
    if get_origin(shape) is tuple:
        shape = get_args(shape)[0]
    configs = [getattr(kind, "__struct_config__", None) for kind in (shape, *get_args(shape))]
    return [str(config.tag) for config in configs if config is not None and config.tag is not None]


def _inside(shape: Any, part: str) -> Any:
    """The type of what lies under a name or a number in a value of a type."""
    for kind in (shape, *get_args(shape)):
        if get_origin(kind) in {tuple, list, dict}:
            return get_args(kind)[-1] if get_origin(kind) is dict else get_args(kind)[0]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
            if part in fields:
                return fields[part]
    return None


SCHEMA = 1

ALWAYS_WRITTEN = "schema"

CRITICAL = "critical"
"""Under which a newer version names the fields that a reader may not skip (as ``crit`` of RFC 7515, 4.1.11)."""


def to_message(value: Any) -> Any:
    """As ``to_builtins``; of a ``Record``, in a list or alone, without fields that have their default."""
    if isinstance(value, Record):
        written = {name: to_message(each) for name, each in _written(value)}
        config = value.__struct_config__
        return {config.tag_field: config.tag, **written} if config.tag_field else written
    if isinstance(value, tuple | list):
        return [to_message(each) for each in value]
    if isinstance(value, dict):
        return {msgspec.to_builtins(key): to_message(each) for key, each in value.items()}
    return msgspec.to_builtins(value)


def _written(value: Record) -> Iterator[tuple[str, Any]]:
    """Names and values of the fields that are written."""
    for field in _fields(type(value)):
        found = getattr(value, field.name)
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        is_default = type(found) is type(default) and found == default
        if field.encode_name == ALWAYS_WRITTEN or not is_default:
            yield field.encode_name, found


@cache
def _fields(shape: type[Value]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(shape)


def encode_record(value: Value) -> bytes:
    """JSON bytes of a record, without fields that have their default."""
    return msgspec.json.encode(to_message(value))


def from_message[T](data: Any, shape: type[T], where: str) -> T:
    """The value that plain data of another part of hubswitch holds, fields of a newer version left out.

    Raises:
        UnknownShape: the newer version says that one of them may not be left out.
        InvalidInput: not of that shape; names ``where`` and the field.
    """
    return _without_unknown(data, lambda plain: from_builtins(plain, shape, where), where)


def read_record[T: Value](data: bytes | str, shape: type[T], where: str) -> T:
    """The record that stored bytes hold, fields of a newer version left out.

    Raises:
        UnknownShape: its schema number is not one that this version knows, or a field that may not be left out.
        InvalidInput: not JSON, or a field is wrong.
    """
    _check_schema(data, where)
    try:
        return decode(data, shape, where)
    except UnknownField:
        plain = decode(data, dict[str, Any], where)
        return _without_unknown(plain, lambda kept: decode(encode(kept), shape, where), where)


def read_exact_record[T: Value](data: bytes | str, shape: type[T], where: str) -> T:
    """The record that stored bytes hold, if this version knows all of it.

    For what is written over by whoever has read it: a field that is lost there would be lost for everybody.

    Raises:
        UnknownShape: its schema number or one of its fields is not one that this version knows.
        InvalidInput: not JSON, or a field is wrong.
    """
    _check_schema(data, where)
    return exact(lambda: decode(data, shape, where))


def exact[T](read: Callable[[], T]) -> T:
    """What ``read`` gives; a field that it does not know is one of a newer version, whose record is left as it is.

    Raises:
        UnknownShape: there is such a field.
    """
    try:
        return read()
    except UnknownField as fault:
        raise UnknownShape(fault.where, fault.field, fault.expected, "a field of a newer version") from fault


def _check_schema(data: bytes | str, where: str) -> None:
    seen = decode(data, dict[str, Any], where)
    if seen.get("schema") != SCHEMA:
        raise UnknownShape(where, "schema", f"the number {SCHEMA}", repr(seen.get("schema")))


def _without_unknown[T](plain: Any, read: Callable[[Any], T], where: str) -> T:
    """Read, leaving out one unknown field after the other; the plain data that was given stays as it is."""
    kept = plain
    while True:
        try:
            return read(kept)
        except UnknownField as fault:
            critical = plain.get(CRITICAL) if isinstance(plain, dict) else None
            way = _steps(fault.place)
            if isinstance(critical, list) and (way or [fault.name])[0] in critical:
                raise UnknownShape(where, fault.field, fault.expected, "a field that may not be left out") from fault
            kept = deepcopy(plain) if kept is plain else kept
            _remove(kept, way, fault.name)


def _steps(place: str) -> list[str]:
    """Names, numbers in brackets and ``[...]`` of a place such as ``a[2].b[...]``."""
    return re.findall(r"\[[^\]]*\]|[^.\[\]]+", place)


def _remove(plain: Any, way: list[str], name: str) -> None:
    """Take a field out of what lies at the end of a way; of every value of an object whose key is not known."""
    if not way:
        plain.pop(name, None)
    elif way[0] == "[...]":
        for each in plain.values():
            _remove(each, way[1:], name)
    else:
        _remove(plain[int(way[0][1:-1])] if way[0].startswith("[") else plain[way[0]], way[1:], name)
