"""OpenAPI 3 documents, as far as Microsoft's use them: operations by path, and their schemas as shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from conform.shapes import ANYTHING, Field, Shape


@dataclass(frozen=True)
class Operation:
    """What a call takes and gives. ``answers`` are by status, and ``default``."""

    takes: Shape
    answers: Mapping[str, Shape]

    def answer(self, status: int) -> Shape | None:
        """The shape of an answer; None if the document knows no such status."""
        return self.answers.get(str(status)) or self.answers.get("default")


class OpenApi:
    """One document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._shape = cache(self._at)
        self._paths = [(_pattern(path), path) for path in document["paths"]]

    def operation(self, method: str, path: str) -> Operation | None:
        """The call of a method and path; of several that fit the one with the fewest placeholders."""
        fitting = [known for pattern, known in self._paths if pattern.fullmatch(path)]
        for known in sorted(fitting, key=lambda each: each.count("{")):
            found = self._document["paths"][known].get(method.lower())
            if found is not None:
                answers = {status: self._content(one) for status, one in found["responses"].items()}
                return Operation(takes=self._content(found.get("requestBody") or {}), answers=answers)
        return None

    def _content(self, part: Mapping[str, Any]) -> Shape:
        part = self._resolve(part)
        content = part.get("content") or {}
        chosen: Mapping[str, Any] = content.get("application/json") or next(iter(content.values()), {})
        return self._read(chosen.get("schema") or {})

    def _resolve(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in part:
            found: Any = self._document
            for step in str(part["$ref"]).removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part

    def _at(self, reference: str) -> Shape:
        return self._read(self._resolve({"$ref": reference}))

    def _later(self, schema: Mapping[str, Any]) -> Shape:
        return self._shape(schema["$ref"]) if "$ref" in schema else self._read(schema)

    def _read(self, schema: Mapping[str, Any]) -> Shape:
        if "$ref" in schema:
            return self._shape(schema["$ref"])
        parts = [self._later(each) for each in schema.get("allOf", ())]
        properties = schema.get("properties") or {}
        kind = schema.get("type") or ("object" if properties or parts else "")
        if not kind:
            return ANYTHING
        required = set(schema.get("required", ()))
        fields: dict[str, Field] = {}
        for part in parts:
            fields |= part.fields
        for name, each in properties.items():
            whole = self._resolve(each)
            fields[name] = Field(
                partial(self._later, each), name in required, bool(each.get("readOnly") or whole.get("readOnly"))
            )
        rest = schema.get("additionalProperties")
        items = schema.get("items")
        return Shape(
            kinds=frozenset({kind}),
            values=frozenset(map(str, schema.get("enum") or ())),
            fields=fields,
            rest=partial(self._later, rest) if isinstance(rest, dict) else None,
            items=partial(self._later, items) if items else None,
        )


def _pattern(path: str) -> re.Pattern[str]:
    """A path with placeholders; ``{resourceUri}`` stands for several segments."""
    text = re.escape(path.partition("#")[0])
    text = text.replace(r"/\{resourceUri\}", r"/?.+")
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", text), re.IGNORECASE)
