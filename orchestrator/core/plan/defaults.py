"""A plan that extends a file of defaults: what several pairs have in common is written once.

Mappings are merged, field by field and to any depth; anything else that the plan says itself (a text, a number, a
list, ``null``) replaces what the defaults say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, NamedTuple

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.strict_yaml import Document, Place, Spans, read_document
from orchestrator.core.plan.faults import Fault, PlacedFault, place_faults, show

SUFFIX = ".defaults.yaml"
"""How the name of a file of defaults ends: so a folder of plans can hold it, and it is not taken for a plan."""

FIELD = "extends"

OWN = {
    "pair": "nothing: each pair has a name of its own",
    FIELD: "nothing: a file of defaults extends no other",
}
"""Fields of a plan that a file of defaults may not have, and what is expected there."""


class DefaultsText(NamedTuple):
    """A file of defaults."""

    file: str
    text: str


type ReadDefaults = Callable[[str], DefaultsText]
"""Read the file of a name, as a plan gives it. Raises InvalidInput if it cannot be read."""


class ExtendedDocument(Document):
    """A plan's own text over a file of defaults: one value, and for each field the place at which it stands."""

    def __init__(self, own: Document, defaults: Document, file: str) -> None:
        super().__init__(None, own.faults)
        self._own, self._defaults, self._file = own, defaults, file
        self.value = merge(defaults.value, own.value)

    def file_of(self, field: str) -> str | None:
        return self._file if self._layer(field) is self._defaults else None

    def place(self, field: str) -> Place | None:
        return self._layer(field).place(field)

    def place_of_key(self, field: str) -> Place | None:
        return self._layer(field).place_of_key(field)

    def has(self, field: str) -> bool:
        return self._layer(field).has(field)

    def spans(self, field: str) -> Spans | None:
        """Only of what the plan says itself: the defaults are another text, and other pairs rest on them."""
        return self._own.spans(field)

    def _layer(self, field: str) -> Document:
        """The text in which a field stands; the plan's own if in neither."""
        if self._own.has(field) or not self._defaults.has(field):
            return self._own
        listed, bracket, _ = field.partition("[")
        return self._own if bracket and self._own.has(listed) else self._defaults


def merge(defaults: Any, own: Any) -> Any:
    """The plan's own value over the one of the defaults."""
    if not (isinstance(defaults, dict) and isinstance(own, dict)):
        return own
    merged = {key: merge(value, own[key]) if key in own else value for key, value in defaults.items()}
    return merged | {key: value for key, value in own.items() if key not in defaults}


def extend(own: Document, where: str, read: ReadDefaults | None) -> tuple[Document, list[PlacedFault]]:
    """A plan's document over the defaults that it names, and what is wrong with these as such.

    Args:
        own: the plan's text, read; a mapping.
        where: the plan's file.
        read: reads the file that the plan names; None where there is none to be read.
    """
    if FIELD not in own.value or own.value[FIELD] is None:
        return own, []
    fault, found = _read(own.value[FIELD], read)
    if found is None:
        return own, list(place_faults([fault], own, where)) if fault else []
    defaults = read_document(found.text)
    faults = [
        PlacedFault(found.file, *(each.place or Place(1, 1)), each.field, each.expected, each.got)
        for each in defaults.faults
    ]
    if not isinstance(defaults.value, dict):
        if not faults:
            faults = [PlacedFault(found.file, 1, 1, "", "a mapping with fields of a plan", show(defaults.value))]
        return own, faults
    faults += place_faults(_misplaced(defaults), defaults, found.file)
    for field in OWN:
        defaults.value.pop(field, None)
    return ExtendedDocument(own, defaults, found.file), faults


def _read(name: Any, read: ReadDefaults | None) -> tuple[Fault | None, DefaultsText | None]:
    if not isinstance(name, str):
        return None, None  # the shape of the plan says what is wrong with it
    if not name.endswith(SUFFIX) or PurePath(name).is_absolute() or "\\" in name:
        return Fault(FIELD, f"a path from the plan's own folder that ends in {SUFFIX}", show(name)), None
    if read is None:
        return Fault(FIELD, "nothing: this plan has no folder of its own", show(name)), None
    try:
        return None, read(name)
    except InvalidInput as fault:
        return Fault(FIELD, fault.expected, f"{name}: {fault.got}"), None


def _misplaced(defaults: Document) -> Iterator[Fault]:
    for field, expected in OWN.items():
        if field in defaults.value:
            yield Fault(field, expected, show(defaults.value[field]), at_key=True)
