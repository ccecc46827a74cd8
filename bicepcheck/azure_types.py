"""The types of values in Bicep, and those of Azure's resources as ``types.toml`` and ``more_types.toml`` have them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parent / "types.toml"
BY_HAND = Path(__file__).parent / "more_types.toml"


@dataclass(frozen=True)
class Type:
    """What a value may be. Without kinds it may be anything.

    ``values`` are texts that are known; any other text is right as well if ``is_open``. An object has the properties of
    its ``section`` in ``types.toml``, or those in ``fields``, or ``rest`` for keys of one's own.
    """

    kinds: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    is_open: bool = True
    section: str = ""
    fields: Mapping[str, Type] | None = field(default=None, hash=False)
    rest: Type | None = None
    items: Type | None = None

    @property
    def spelt(self) -> str:
        return " or ".join(sorted(self.kinds)) or "anything"


ANY = Type()
STRING = Type(frozenset({"string"}))
INTEGER = Type(frozenset({"integer"}))
BOOLEAN = Type(frozenset({"boolean"}))
OBJECT = Type(frozenset({"object"}))
ARRAY = Type(frozenset({"array"}))
NULL = Type(frozenset({"null"}))
SIMPLE = {"string": STRING, "integer": INTEGER, "boolean": BOOLEAN, "any": ANY}
OF_BICEP = {"string": STRING, "int": INTEGER, "bool": BOOLEAN, "object": OBJECT, "array": ARRAY}
"""Types as parameters and outputs spell them."""


def list_of(items: Type) -> Type:
    return Type(frozenset({"array"}), items=items)


def object_with(fields: Mapping[str, Type]) -> Type:
    return Type(frozenset({"object"}), fields=fields)


def either(one: Type, other: Type) -> Type:
    """A value of one of two types."""
    if not one.kinds or not other.kinds:
        return ANY
    if one == other:
        return one
    values = one.values | other.values if one.values and other.values else frozenset[str]()
    is_open = one.is_open or other.is_open or not values
    whole = one if one.kinds & {"array", "object"} else other
    if one.kinds == other.kinds and one.kinds & {"array", "object"}:
        return Type(one.kinds)
    return replace(whole, kinds=one.kinds | other.kinds, values=values, is_open=is_open)


class Property(NamedTuple):
    """A line of a section."""

    type: Type
    is_required: bool
    is_read_only: bool


class AzureTypes:
    """What is known of resources, by ``type@version`` without regard to case."""

    def __init__(self, file: Path = FILE) -> None:
        self._sections: dict[str, dict[str, str]] = {
            **tomllib.loads(file.read_text(encoding="utf-8")),
            **tomllib.loads(BY_HAND.read_text(encoding="utf-8")),
        }
        self._resources = {name.casefold(): name for name in self._sections if " " not in name}
        self.properties = cache(self._properties)

    def resource(self, name: str) -> str | None:
        """The section of a resource's type."""
        return self._resources.get(name.casefold())

    def near(self, name: str) -> str:
        """What may have been meant by a type that is not known, for a message."""
        kind = name.casefold().partition("@")[0]
        versions = [
            known.partition("@")[2] for known in self._resources.values() if known.casefold().startswith(f"{kind}@")
        ]
        if versions:
            return f"its known versions are {', '.join(versions)}"
        meant = get_close_matches(name.casefold(), self._resources, n=1)
        return f"did you mean {self._resources[meant[0]]}?" if meant else "bicepcheck/types.toml has no such type"

    def is_only_existing(self, section: str) -> bool:
        """Whether resources of this type are referred to and never made."""
        return "$existing" in self._sections[section]

    def _properties(self, section: str) -> dict[str, Property]:
        scope = _scope_of(section)
        return {
            name: _property(line, scope) for name, line in self._sections[section].items() if not name.startswith("$")
        }

    def rest(self, section: str) -> Type | None:
        """The type of properties without a line."""
        line = self._sections[section].get("$rest")
        return _property(line, _scope_of(section)).type if line else None

    def discriminator(self, section: str) -> str:
        return self._sections[section].get("$by", "")

    def cases(self, section: str) -> dict[str, str]:
        """Sections of the cases by the value of the discriminator."""
        scope = _scope_of(section)
        start = "$case "
        return {
            name.removeprefix(start): f"{scope} {line}"
            for name, line in self._sections[section].items()
            if name.startswith(start)
        }


def _scope_of(section: str) -> str:
    """Provider and version, which all sections of one file of Microsoft's share."""
    if " " in section:
        return section.partition(" ")[0]
    return f"{section.partition('/')[0]}@{section.partition('@')[2]}"


def _property(line: str, scope: str) -> Property:
    is_required, is_read_only = False, False
    while line.startswith(("required ", "read-only ")):
        word, _, line = line.partition(" ")
        is_required, is_read_only = is_required or word == "required", is_read_only or word == "read-only"
    return Property(_parse(line, scope), is_required, is_read_only)


def _parse(text: str, scope: str) -> Type:
    """A type as a line of ``types.toml`` spells it."""
    parts = (
        [part.strip() for part in re.split(r" \| (?=(?:[^']*'[^']*')*[^']*$)", text)] if text[0] not in "[{" else [text]
    )
    texts = frozenset(part[1:-1] for part in parts if part.startswith("'"))
    others = [_single(part, scope) for part in parts if not part.startswith("'")]
    if not texts:
        found = others[0]
        for other in others[1:]:
            found = either(found, other)
        return found
    kinds = frozenset({"string"}).union(*(other.kinds for other in others))
    return Type(kinds, values=texts, is_open=bool(others))


def _single(text: str, scope: str) -> Type:
    if text in SIMPLE:
        return SIMPLE[text]
    if text.startswith("["):
        return list_of(_parse(text[1:-1], scope))
    if text.startswith("{"):
        return Type(frozenset({"object"}), rest=_parse(text[1:-1], scope))
    return Type(frozenset({"object"}), section=f"{scope} {text}")
