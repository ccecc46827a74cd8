"""What is wrong with a plan, as values: they are collected, put in the order of lines, and shown all at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.strict_yaml import Document, Place

SHOWN = 200
"""Characters of a wrong value that are repeated."""

START = Place(1, 1)


class Fault(NamedTuple):
    """One field that cannot be meant, or, as a warning, one that is legal and unwise."""

    field: str
    """As a path: ``jobs.computes.gpu``, ``steps.failover[0].timeout``; empty for the whole."""

    expected: str
    got: str
    rests_on: tuple[str, ...] = ()
    """Other fields that this was concluded from. While one of them is wrong itself, nothing follows from it."""

    hint: str | None = None
    """The nearest name that is known here, as a question."""

    at_key: bool = False
    """Whether the field's name is at fault and not its value."""


class PlacedFault(NamedTuple):
    """The same, with its place in a file. The fields are those of ``hubswitch plan check --json``."""

    file: str
    line: int
    column: int
    field: str
    expected: str
    got: str
    hint: str | None = None

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        field = self.field or "document"
        return f"{self.file}:{self.line}:{self.column}: {field}: expected {self.expected}, got {self.got}{hint}"


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The one of the known names that was most probably meant, if any is near."""
    if not isinstance(name, str):
        return None
    names = {each.casefold(): each for each in known}
    found = get_close_matches(name.casefold()[:SHOWN], names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def hint_of(name: str | None) -> str | None:
    return f"did you mean {name}?" if name else None


def place_faults(found: Iterable[Fault], document: Document, where: str) -> Iterator[PlacedFault]:
    """The same faults with their places."""
    for fault in found:
        written = _written(fault, document)
        is_key = fault.at_key and written == fault.field
        place = (document.place_of_key(written) if is_key else document.place(written)) or START
        file = document.file_of(written) or where
        yield PlacedFault(
            file, place.line, place.column, _one_line(fault.field), fault.expected, _one_line(fault.got), fault.hint
        )


def without_place(fault: InvalidInput) -> PlacedFault:
    """The fault of a file whose text could not be had: it has the place at which every file begins."""
    return PlacedFault(fault.where, *START, fault.field, fault.expected, _one_line(fault.got))


def _written(fault: Fault, document: Document) -> str:
    """The field at whose place people look: one that is not written contradicts another, or is missing from one."""
    if document.has(fault.field):
        return fault.field
    return next((other for other in fault.rests_on if document.has(other)), fault.field)


def drop_consequences(found: Iterable[Fault], broken: Iterable[str], document: Document) -> Iterator[Fault]:
    """Only what is a mistake of its own: not what was concluded from a field that is wrong already.

    Args:
        found: in the order in which they were found.
        broken: fields that have no usable value.
        document: what is written. A default that does not suit a wrong value is no second mistake.
    """
    unusable = set(broken)
    reported: set[str] = set()
    for fault in found:
        if is_broken(fault.field, unusable):
            continue
        if any(is_broken(other, unusable) or _holds_any(other, unusable) for other in fault.rests_on):
            continue
        if not document.has(fault.field) and reported.intersection(fault.rests_on):
            continue
        reported.add(fault.field)
        yield fault


def is_broken(field: str, broken: Collection[str]) -> bool:
    """Whether a field is one of the broken ones, or a part of one."""
    return field in broken or any(field[: at.start()] in broken for at in re.finditer(r"[.\[]", field) if at.start())


def _holds_any(field: str, broken: Iterable[str]) -> bool:
    """Whether one of the broken fields is a part of a field."""
    return any(each.startswith(field) and each[len(field) :][:1] in {".", "["} for each in broken)


def show(value: object) -> str:
    """A wrong value, shortened."""
    return _one_line(repr(value))


def under(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _one_line(text: str) -> str:
    said = re.sub(r"[\x00-\x1f\x7f\u2028\u2029\s]+", " ", text).strip()
    return said if len(said) <= SHOWN else f"{said[: SHOWN - 1]}…"
