"""What a value of JSON may be, and what is wrong with one: missing, extra, of another type, of another value.

A ``Shape`` is the common form of Microsoft's two kinds of types (``conform.bicep``, ``conform.openapi``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

type Later = Callable[[], Shape]
"""A shape that is looked up when it is needed: types refer to each other in circles."""


class Finding(NamedTuple):
    """One difference. ``path`` is dotted; ``*`` stands for an element of a list or a key that people choose."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class Field:
    """A named part of an object."""

    shape: Later
    required: bool = False
    read_only: bool = False
    write_only: bool = False


@dataclass(frozen=True)
class Shape:
    """One type.

    ``kinds`` are names of JSON types; empty: anything is right. ``values`` are the only texts allowed, without regard
    to case; empty: any. ``rest`` is the type of members that have no name in ``fields``; None: there may be none.
    ``cases`` are further shapes by the value of the member ``discriminator``.
    """

    kinds: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    fields: Mapping[str, Field] = field(default_factory=dict)
    rest: Later | None = None
    items: Later | None = None
    discriminator: str = ""
    cases: Mapping[str, Later] = field(default_factory=dict)

    @property
    def is_map(self) -> bool:
        """Whether its keys are people's own."""
        return not self.fields and self.rest is not None

    def case_of(self, value: Mapping[str, Any]) -> Shape | None:
        """The further shape that an object is of; None if its discriminator names none."""
        name = str(value.get(self.discriminator, "")).casefold()
        return next((case() for key, case in self.cases.items() if key.casefold() == name), None)


ANYTHING = Shape()
OBJECT = frozenset({"object"})


def kind_of(value: Any) -> str:
    """The JSON type of a value; ``integer`` for a whole number."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def check(value: Any, shape: Shape, path: str, *, sent: bool) -> Iterator[Finding]:
    """Everything in which a value differs from a shape.

    Args:
        value: decoded JSON.
        shape: what is expected.
        path: of the value.
        sent: whether a client sent it. Then read-only parts must not be there; otherwise write-only ones need not be.

    null counts as absent: the types do not tell where the service takes or gives it, and recorded answers are full of
    it.
    """
    if value is None or not shape.kinds:
        return
    kind = kind_of(value)
    if kind not in shape.kinds and not (kind == "integer" and "number" in shape.kinds):
        yield Finding(path, f"type {kind}, expected {'|'.join(sorted(shape.kinds))}")
    elif kind == "array" and shape.items:
        for item in value:
            yield from check(item, shape.items(), f"{path}.*", sent=sent)
    elif kind == "object":
        yield from _check_object(value, shape, path, sent=sent)
    elif shape.values and kind == "string" and value.casefold() not in {word.casefold() for word in shape.values}:
        yield Finding(path, f"value {value!r} is none of the type's")


def fields_for(value: Mapping[str, Any], shape: Shape) -> dict[str, Field]:
    """The named parts that an object may have, those of its discriminator's case among them."""
    case = shape.case_of(value) if shape.cases else None
    return {**shape.fields, **(fields_for(value, case) if case else {})}


def _check_object(value: Mapping[str, Any], shape: Shape, path: str, *, sent: bool) -> Iterator[Finding]:
    if shape.cases and shape.case_of(value) is None:
        yield Finding(
            f"{path}.{shape.discriminator}", f"value {value.get(shape.discriminator)!r} is none of the type's"
        )
        return
    fields = fields_for(value, shape)
    for name, part in fields.items():
        not_here = part.read_only if sent else part.write_only
        if part.required and not not_here and value.get(name) is None:
            yield Finding(f"{path}.{name}", "missing")
    for name, item in value.items():
        if name not in fields:
            yield from _check_unnamed(name, item, shape, path, sent=sent)
        elif sent and fields[name].read_only and item is not None:
            yield Finding(f"{path}.{name}", "extra, it is read-only")
        else:
            yield from check(item, fields[name].shape(), f"{path}.{name}", sent=sent)


def _check_unnamed(name: str, item: Any, shape: Shape, path: str, *, sent: bool) -> Iterator[Finding]:
    if shape.rest is not None:
        yield from check(item, shape.rest(), f"{path}.*", sent=sent)
    elif shape.fields or shape.cases:
        yield Finding(f"{path}.{name}", "extra")
