"""Write ``bicepcheck/types.toml``: facts about those resource types of Azure that the templates use.

The source is a folder with Microsoft's types for Bicep, one file per provider and version, and ``index.json`` (type to
file), which is no part of the repository. ``python -m bicepcheck.generate FOLDER`` prints, ``--write`` writes.

A section is a type; a line is one of its properties::

    ["Microsoft.DurableTask@2026-02-01 SchedulerSku"]
    name = "required 'Dedicated' | 'Consumption' | string"
    redundancyState = "read-only 'None' | 'Zone' | string"

The words before a type are ``required`` and ``read-only``. ``[T]`` is a list, ``{T}`` an object with keys of one's own;
a name is another section of the same provider and version. ``$rest`` is the type of properties without a line,
``$by`` the property that decides which ``$case`` an object is; ``$existing`` marks what is only referred to.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TARGET = Path(__file__).parent / "types.toml"
BY_HAND = Path(__file__).parent / "more_types.toml"
USED = re.compile(r"^resource \w+ '(?P<type>[^']+)'(?P<existing> existing)?", re.MULTILINE)
REQUIRED, READ_ONLY = 1, 2
SIMPLE = {"StringType": "string", "IntegerType": "integer", "BooleanType": "boolean", "AnyType": "any"}
LEFT_OUT = frozenset({"apiVersion", "systemData", "type"})
"""Properties of every resource, which no template reads."""

EXISTING = {"id": "read-only string", "name": "required string", "location": "read-only string", "$existing": "true"}
"""What is known of types that the source does not have: of resources that others made."""

HEAD = "# Printed by bicepcheck/generate.py from Microsoft's types, as its docstring says. Do not edit.\n"


def used_types(folder: Path) -> dict[str, bool]:
    """Types of the resources in a folder's templates, in order; whether they are only referred to."""
    found: dict[str, bool] = {}
    for file in sorted(folder.rglob("*.bicep")):
        for match in USED.finditer(file.read_text(encoding="utf-8")):
            found[match["type"]] = found.get(match["type"], True) and bool(match["existing"])
    return dict(sorted(found.items()))


class Source:
    """One file of Microsoft's: a list of types that refer to each other by number."""

    def __init__(self, types: list[dict[str, Any]], scope: str) -> None:
        self._types = types
        self._scope = scope
        self._names: dict[int, str] = {}

    def sections(self, resource: str) -> Iterator[tuple[str, dict[str, str]]]:
        """The resource's own section, then those of the types in it."""
        item = next(one for one in self._types if one.get("name", "").casefold() == resource.casefold())
        start = int(item["body"]["$ref"][2:])
        known = set(self._names)
        self._names[start] = resource
        todo, done = [start], set[int]()
        while todo:
            number = todo.pop(0)
            if number in done or number in known:
                continue
            done.add(number)
            name = self._names[number]
            if number == start:
                yield name, self._lines(number, todo, LEFT_OUT)
            else:
                # Cases of a resource are resources, too.
                is_case = self._types[number]["name"].count("/") > 0
                yield f"{self._scope} {name}", self._lines(number, todo, LEFT_OUT if is_case else frozenset())

    def _lines(self, number: int, todo: list[int], left_out: frozenset[str]) -> dict[str, str]:
        item = self._types[number]
        lines = {
            name: _flags(one["flags"]) + self._spell(one["type"], todo)
            for name, one in item.get("properties", item.get("baseProperties", {})).items()
            if name not in left_out
        }
        if "additionalProperties" in item:
            lines["$rest"] = self._spell(item["additionalProperties"], todo)
        if item["$type"] == "DiscriminatedObjectType":
            lines["$by"] = item["discriminator"]
            lines |= {f"$case {name}": self._spell(one, todo) for name, one in item["elements"].items()}
        return lines

    def _spell(self, reference: Mapping[str, str], todo: list[int]) -> str:
        number = int(reference["$ref"][2:])
        item = self._types[number]
        kind = item["$type"]
        if kind in SIMPLE:
            return SIMPLE[kind]
        match kind:
            case "StringLiteralType":
                return f"'{item['value']}'"
            case "UnionType":
                return " | ".join(dict.fromkeys(self._spell(one, todo) for one in item["elements"]))
            case "ArrayType":
                return f"[{self._spell(item['itemType'], todo)}]"
        if kind == "ObjectType" and not item["properties"] and "additionalProperties" in item:
            return f"{{{self._spell(item['additionalProperties'], todo)}}}"
        todo.append(number)
        return self._name(number)

    def _name(self, number: int) -> str:
        """A name of its own: cases of one type may share theirs."""
        if number not in self._names:
            name = self._types[number]["name"].rpartition("/")[2]
            taken = sum(other == name or other.startswith(f"{name}-") for other in self._names.values())
            self._names[number] = f"{name}-{taken + 1}" if taken else name
        return self._names[number]


def _flags(flags: int) -> str:
    return ("required " if flags & REQUIRED else "") + ("read-only " if flags & READ_ONLY else "")


def document(source: Path, infra: Path = ROOT / "infra") -> str:
    """The whole of ``types.toml``.

    Raises:
        ValueError: a template makes a resource whose type is neither in the source nor in ``more_types.toml``.
    """
    index = {name.casefold(): file for name, file in json.loads((source / "index.json").read_text()).items()}
    by_hand = {name.casefold() for name in tomllib.loads(BY_HAND.read_text(encoding="utf-8"))}
    sources: dict[str, Source] = {}
    parts = [HEAD]
    for name, only_existing in used_types(infra).items():
        file = index.get(name.casefold())
        if name.casefold() in by_hand:
            continue
        if file is None and not only_existing:
            raise ValueError(f"{name} is made by a template and not in {source}")
        if file is None:
            parts.append(_section(name, EXISTING))
            continue
        scope = f"{name.partition('/')[0]}@{name.partition('@')[2]}"
        known = sources.setdefault(file, Source(json.loads((source / file).read_text()), scope))
        parts += [_section(*one) for one in known.sections(name)]
    return "\n".join(parts)


def _section(name: str, lines: Mapping[str, str]) -> str:
    return "\n".join(
        [f"[{json.dumps(name)}]", *(f"{_key(key)} = {json.dumps(line)}" for key, line in lines.items()), ""]
    )


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


if __name__ == "__main__":
    printed = document(Path(sys.argv[1]))
    if "--write" in sys.argv[2:]:
        TARGET.write_text(printed, encoding="utf-8")
    else:
        sys.stdout.write(printed)
