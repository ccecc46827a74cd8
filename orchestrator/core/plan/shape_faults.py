"""Every field of plain data that does not have the shape it should have: unknown, missing, of another type.

msgspec stops at the first; so a struct is walked field by field, and msgspec judges the leaves. What cannot be used
is left out, or replaced by a stand-in where it is required, so that the rest can still be made into a value and be
checked. ``Shaped.broken`` says which fields no conclusion may rest on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

import msgspec

from orchestrator.core.base.codec import from_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.text import duration_from
from orchestrator.core.plan.faults import Fault, hint_of, nearest, show, under

_NOTHING = object()
"""No value can be had; a fault says why."""


class Shaped:
    """Plain data, held against a shape."""

    def __init__(self, raw: dict[Any, Any], shape: type[msgspec.Struct]) -> None:
        self.faults: list[Fault] = []
        self.broken: set[str] = set()
        self.misspelt: dict[str, str] = {}
        """Fields that are written under a name nearly theirs, with that name. What they say is used all the same."""
        self._elsewhere = _fields_by_name(shape)
        self.usable = self._struct(raw, shape, "")
        """The data with durations as ``timedelta``, without what cannot be used, and with stand-ins."""

    def _walk(self, value: Any, hint: Any, path: str) -> Any:
        structs = list(structs_in(hint))
        if hint is timedelta or timedelta in get_args(hint):
            return self._leaf(value, hint, path)
        if isinstance(value, dict) and get_origin(hint) is dict:
            return self._table(value, hint, path)
        if isinstance(value, list) and get_origin(hint) is tuple:
            return self._list(value, hint, path)
        if structs and isinstance(value, dict) and get_origin(hint) is not tuple:
            shape = self._kind(value, structs, path)
            return self._struct(value, shape, path) if shape else _NOTHING
        return self._leaf(value, hint, path)

    def _leaf(self, value: Any, hint: Any, path: str) -> Any:
        try:
            if hint is timedelta or (timedelta in get_args(hint) and value is not None):
                return duration_from(value, "", path)
            from_builtins(value, hint, "")
        except InvalidInput as fault:
            kinds = [kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and issubclass(kind, StrEnum)]
            words = [word.value for kind in kinds for word in kind]
            self._fault(Fault(path, fault.expected, fault.got, hint=hint_of(nearest(value, words))))
            return _NOTHING
        return value

    def _list(self, value: list[Any], hint: Any, path: str) -> list[Any]:
        inner = get_args(hint)[0]
        made = [self._walk(item, inner, f"{path}[{n}]") for n, item in enumerate(value)]
        return [stand_in(inner) if item is _NOTHING else item for item in made]

    def _table(self, value: dict[Any, Any], hint: Any, path: str) -> dict[str, Any]:
        made = {
            key: self._walk(item, get_args(hint)[1], under(path, key))
            for key, item in value.items()
            if self._is_name(key, path)
        }
        return {key: item for key, item in made.items() if item is not _NOTHING}

    def _is_name(self, key: Any, path: str) -> bool:
        if not isinstance(key, str):
            said = f"one of type {'null' if key is None else type(key).__name__}"
            self._fault(Fault(under(path, key), "names of type str", said, at_key=True))
        return isinstance(key, str)

    def _struct(self, value: dict[Any, Any], shape: type[msgspec.Struct], path: str) -> dict[str, Any]:
        fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
        tag_field = shape.__struct_config__.tag_field
        made: dict[str, Any] = {tag_field: value[tag_field]} if tag_field and tag_field in value else {}
        meant: set[str] = set()
        for key, item in value.items():
            if key == tag_field or (key not in fields and not self._is_name(key, path)):
                continue
            name = key if key in fields else self._unknown(key, [each for each in fields if each not in value], path)
            if name is None:
                continue
            usable = self._walk(item, fields[name].type, under(path, key))
            if usable is not _NOTHING:
                made[name] = usable
            elif name != key:
                self.broken.add(under(path, name))
            meant.add(name)
        for name, field in fields.items():
            if name in made or not field.required:
                continue
            if name not in meant:
                self._fault(Fault(under(path, name), "a value", "nothing"))
            made[name] = stand_in(field.type)
        return made

    def _unknown(self, key: str, absent: list[str], path: str) -> str | None:
        """Report a name that nothing has here; gives the absent field that was probably meant by it."""
        meant = nearest(key, absent)
        elsewhere = None if meant else self._elsewhere.get(key)
        hint = hint_of(meant or elsewhere)
        self._fault(Fault(under(path, key), "a field that is known here", "an unknown field", hint=hint, at_key=True))
        if meant:
            self.misspelt[under(path, meant)] = under(path, key)
        if elsewhere:
            self.broken.add(elsewhere)
        return meant

    def _kind(
        self, value: dict[Any, Any], structs: list[type[msgspec.Struct]], path: str
    ) -> type[msgspec.Struct] | None:
        """The struct that a value's tag names; the only one if there are no tags."""
        kinds = {struct.__struct_config__.tag: struct for struct in structs}
        tag_field = structs[0].__struct_config__.tag_field
        if tag_field is None:
            return structs[0]
        tag = value.get(tag_field)
        if isinstance(tag, str) and tag in kinds:
            return kinds[tag]
        names = [str(name) for name in kinds]
        place = under(path, tag_field)
        if tag_field not in value:
            self._fault(Fault(place, "a value", "nothing"))
        else:
            self._fault(Fault(place, " or ".join(names), show(tag), hint=hint_of(nearest(tag, names))))
        self.broken.add(path)
        return None

    def _fault(self, fault: Fault) -> None:
        self.faults.append(fault)
        self.broken.add(fault.field)


def structs_in(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs that a type names, also inside unions and lists."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for inner in get_args(hint):
        yield from structs_in(inner)


def stand_in(hint: Any) -> Any:
    """A value of a type, for what has to be there and cannot be had. Nothing is concluded from it."""
    plain = {
        str: "",
        int: 0,
        float: 0.0,
        bool: False,
        timedelta: timedelta(seconds=1),
        datetime: datetime(2000, 1, 1, tzinfo=UTC),
    }
    if hint in plain:
        return plain[hint]
    if get_origin(hint) is tuple:
        return []
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    struct = next(structs_in(hint), None)
    if struct is None:
        raise TypeError(f"no stand-in for {hint}")
    config = struct.__struct_config__
    tag = {config.tag_field: config.tag} if config.tag_field else {}
    return tag | {field.encode_name: stand_in(field.type) for field in msgspec.structs.fields(struct) if field.required}


def _fields_by_name(shape: type[msgspec.Struct]) -> dict[str, str]:
    """Fields one level down, as ``confirm_after``: ``policy.confirm_after``; none of which there are several."""
    found = [
        (inner.encode_name, f"{field.encode_name}.{inner.encode_name}")
        for field in msgspec.structs.fields(shape)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        for inner in msgspec.structs.fields(field.type)
    ]
    times = Counter(name for name, _ in found)
    return {name: path for name, path in found if times[name] == 1}
