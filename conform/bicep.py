"""Resource Manager's types as Azure/bicep-types-az generates them: one list of types that refer to each other.

The format is that of the repository Azure/bicep-types: ``$ref: "#/n"`` is the n-th type of the file; ``flags`` of a
property are bits: 1 required, 2 read-only, 4 write-only, 8 constant at deployment, 16 identifier.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from conform.shapes import ANYTHING, OBJECT, Field, Shape

_REQUIRED, _READ_ONLY, _WRITE_ONLY, _CONSTANT = 1, 2, 4, 8
_SIMPLE = {"StringType": "string", "IntegerType": "integer", "BooleanType": "boolean"}
_NOT_IN_JSON = frozenset({"apiVersion"})
_FILE = re.compile(r"ml-(?P<version>.+)\.types\.json$")


class BicepTypes:
    """The types of one api-version, by full name without regard to case.

    Args:
        types: the file's content.
        version: the api-version.
    """

    def __init__(self, types: list[dict[str, Any]], version: str) -> None:
        self._types = types
        self.version = version
        self._resources = {
            item["name"].partition("@")[0].casefold(): item["body"] for item in types if item["$type"] == "ResourceType"
        }
        self._functions = {
            (item["resourceType"].casefold(), item["name"].casefold()): item
            for item in types
            if item["$type"] == "ResourceFunctionType"
        }
        self._named = {item["name"]: index for index, item in enumerate(types) if item["$type"] == "ObjectType"}
        self._shape = cache(self._read)

    def resource(self, kind: str) -> Shape | None:
        """The type of a resource, such as ``Microsoft.MachineLearningServices/workspaces/jobs``."""
        body = self._resources.get(kind.casefold())
        return self._at(body) if body else None

    def action(self, kind: str, name: str) -> tuple[Shape, Shape] | None:
        """What a POST to a resource takes and gives."""
        found = self._functions.get((kind.casefold(), name.casefold()))
        if found is None:
            return None
        return (self._at(found["input"]) if "input" in found else ANYTHING), self._at(found["output"])

    def named(self, name: str) -> Shape | None:
        """An object by the name of its type."""
        index = self._named.get(name)
        return None if index is None else self._shape(index)

    def _at(self, reference: Mapping[str, str]) -> Shape:
        return self._shape(int(reference["$ref"].removeprefix("#/")))

    def _read(self, index: int) -> Shape:
        item = self._types[index]
        kind = item["$type"]
        if kind in _SIMPLE:
            return Shape(kinds=frozenset({_SIMPLE[kind]}))
        match kind:
            case "StringLiteralType":
                return Shape(kinds=frozenset({"string"}), values=frozenset({item["value"]}))
            case "ArrayType":
                return Shape(kinds=frozenset({"array"}), items=partial(self._at, item["itemType"]))
            case "UnionType":
                return _join([self._at(one) for one in item["elements"]])
            case "ObjectType":
                return self._object(item, item["properties"])
            case "DiscriminatedObjectType":
                cases = {name: partial(self._at, one) for name, one in item["elements"].items()}
                return replace(
                    self._object(item, item["baseProperties"]), discriminator=item["discriminator"], cases=cases
                )
        return ANYTHING

    def _object(self, item: Mapping[str, Any], properties: Mapping[str, Any]) -> Shape:
        fields = {name: self._field(one) for name, one in properties.items() if name not in _NOT_IN_JSON}
        rest = item.get("additionalProperties")
        return Shape(kinds=OBJECT, fields=fields, rest=partial(self._at, rest) if rest else None)

    def _field(self, given: Mapping[str, Any]) -> Field:
        flags = int(given["flags"])
        return Field(
            shape=partial(self._at, given["type"]),
            required=bool(flags & _REQUIRED),
            # What a deployment fixes (id, name, type) stands in the URL and is no part of a body.
            read_only=bool(flags & (_READ_ONLY | _CONSTANT)),
            write_only=bool(flags & _WRITE_ONLY),
        )


def _join(shapes: list[Shape]) -> Shape:
    """Any of several shapes. Texts are closed only if all of them are; of objects the first one counts."""
    kinds = frozenset[str]().union(*(shape.kinds for shape in shapes))
    texts = [shape.values for shape in shapes if "string" in shape.kinds]
    values = frozenset[str]().union(*texts) if texts and all(texts) else frozenset[str]()
    whole = next((shape for shape in shapes if "object" in shape.kinds or "array" in shape.kinds), ANYTHING)
    return replace(whole, kinds=kinds, values=values)


class BicepFolder:
    """Files ``ml-<api-version>.types.json`` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._files = {found["version"]: path for path in folder.iterdir() if (found := _FILE.search(path.name))}
        self.of = cache(self._load)

    def _load(self, version: str) -> BicepTypes | None:
        """The types of an api-version; of the next newer one, else of the newest, where that one is not there."""
        if not self._files:
            return None
        newer = sorted(name for name in self._files if name >= version)
        chosen = newer[0] if newer else max(self._files)
        return BicepTypes(json.loads(self._files[chosen].read_text(encoding="utf-8")), chosen)
