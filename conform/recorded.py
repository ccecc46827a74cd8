"""Recorded pairs of request and answer, and what an answer of ours lacks or has otherwise.

Only what the recording has can be missing. What it does not have is no difference: recordings show one case of many.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conform.shapes import ANYTHING, Finding, Shape, fields_for, kind_of

OF_TRANSPORT = frozenset({"connection", "content-length", "transfer-encoding", "date", "server", "vary"})
"""Headers of the web server in front, not of the service."""

_MAPS = frozenset(
    {
        "tags",
        "metadata",
        "properties.properties",
        "environmentVariables",
        "flavors",
        "highlights",
        "messageParameters",
        "componentSpec",
    }
)
"""Members whose keys are people's own, where no type says so."""

_KINDS = re.compile(r"(?!createdBy|lastModifiedBy)[a-zA-Z]+Type|category")
"""Members that tell of which kind an object is."""


@dataclass(frozen=True)
class Recording:
    """One pair."""

    name: str
    method: str
    url: str
    sent: Any
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def recordings(folder: Path) -> list[Recording]:
    """All pairs of a folder, one file each."""
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def elements_and_lists(pair: Recording) -> Iterator[tuple[str, Recording]]:
    """What a recorded GET tells of other calls, with the path behind it: a list of its elements, one of its list."""
    body = pair.body
    if pair.method != "GET" or pair.status != HTTPStatus.OK or not isinstance(body, dict):
        return
    if isinstance(body.get("value"), list):
        for item in body["value"]:
            if isinstance(item, dict) and "id" in item:
                yield f"{pair.path}/{item.get('name')}", replace(pair, name=f"{pair.name}[]", body=item)
    elif "id" in body:
        yield pair.path.rpartition("/")[0], replace(pair, name=f"{pair.name}[]", body={"value": [body]})


def _read(path: Path) -> Recording:
    pair = json.loads(path.read_text(encoding="utf-8"))
    request, response = pair["request"], pair["response"]
    return Recording(
        name=path.stem,
        method=request["method"],
        url=request["url"],
        sent=request["body"],
        status=response["status"],
        headers={name.lower(): value for name, value in response["headers"].items()},
        body=response["body"],
    )


def has(body: Any, path: str) -> bool:
    """Whether a recorded body has a member: a newer service shows what the types do not have yet."""
    steps = path.strip(".").split(".")
    found = [body]
    for step in steps:
        following: list[Any] = []
        for part in found:
            if isinstance(part, list) and step == "*":
                following += part
            elif isinstance(part, dict):
                following += part.values() if step == "*" else [part[step]] if step in part else []
        found = following
    return bool(found)


def check_headers(recorded: Mapping[str, str], ours: Mapping[str, str]) -> Iterator[Finding]:
    """Headers that are recorded and that our answer lacks, and another content type."""
    for name in sorted(recorded.keys() - OF_TRANSPORT):
        if name not in ours:
            yield Finding(f"header {name}", "missing")
    expected, got = _media_type(recorded), _media_type(ours)
    if expected and got and expected != got:
        yield Finding("header content-type", f"value {got}, recorded {expected}")


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def check_recorded(recorded: Any, ours: Any, shape: Shape, path: str) -> Iterator[Finding]:
    """Members that are recorded and not in ours, and those of another JSON type.

    Args:
        recorded: a body, or a part of it. null tells nothing about a type.
        ours: the same part of our answer.
        shape: the type, which tells maps and kinds; ``ANYTHING`` where there is none.
        path: of the part.
    """
    if recorded is None or ours is None:
        return
    one, other = kind_of(recorded), kind_of(ours)
    if one != other and {one, other} != {"integer", "number"}:
        yield Finding(path, f"type {other}, recorded {one}")
    elif one == "array":
        items = shape.items() if shape.items else ANYTHING
        for item in ours:
            model = next((each for each in recorded if _is_same_kind(each, item)), None)
            yield from check_recorded(model, item, items, f"{path}.*")
    elif one == "object":
        yield from _check_members(recorded, ours, shape, path)


def _check_members(recorded: Mapping[str, Any], ours: Mapping[str, Any], shape: Shape, path: str) -> Iterator[Finding]:
    is_map = shape.is_map or any(path.endswith(f".{name}") for name in _MAPS)
    same_kind = _is_same_kind(recorded, ours)
    fields = fields_for(ours, shape)
    for name, value in recorded.items():
        part = fields[name].shape() if name in fields else (shape.rest() if shape.rest else ANYTHING)
        if name in ours:
            yield from check_recorded(value, ours[name], part, f"{path}.{'*' if is_map else name}")
        elif not is_map and (same_kind or name in shape.fields):
            yield Finding(f"{path}.{name}", "missing, recorded")


def _is_same_kind(one: Any, other: Any) -> bool:
    """Whether two values are of one kind, as far as members that tell kinds go."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return True
    telling = [name for name in one.keys() & other.keys() if _KINDS.fullmatch(name)]
    nested = all(_is_same_kind(one[name], other[name]) for name in one.keys() & other.keys() & {"properties"})
    return nested and all(str(one[name]).casefold() == str(other[name]).casefold() for name in telling)
