"""From a body to facts: one element after the other, in order, a bad one never stopping the others."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from orchestrator.core.signals.alerts import read_alert
from orchestrator.core.signals.events import read_event
from orchestrator.core.signals.facts import ElementKind, Fact, Parsed
from orchestrator.core.signals.json_access import decode_leniently, digest_of, key_of, well_formed

_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]++|[\]}]++|,', re.DOTALL)
"""Texts, which hide what is in them; brackets, as many as stand in a row; commas."""

MOST_ELEMENTS = 5000
"""Of one array. Event Grid and action groups send far fewer."""


def parse(body: Any) -> list[Parsed]:
    """What each element of a decoded body means."""
    return [fact.parsed for fact in facts_from(body)]


def parse_text(text: str | bytes) -> list[Parsed]:
    """The same for a body as it came over the wire."""
    return [fact.parsed for fact in facts_from_text(text)]


def facts_from(body: Any) -> list[Fact]:
    """The facts of a decoded body: a single object, or an array of them. Never raises."""
    if not isinstance(body, list):
        return [_fact(_printable(body))]
    return [_fact(_printable(element)) for element in body] if len(body) <= MOST_ELEMENTS else [_too_many(body)]


def _printable(element: Any) -> Any:
    """The element without halves of characters, of which decoded JSON may have some, and which cannot be encoded."""
    try:
        msgspec.json.encode(element)
    except UnicodeEncodeError:
        return _mend(element)
    except (TypeError, ValueError, RecursionError):
        return element  # no JSON; whoever reads it says so
    return element


def _mend(element: Any) -> Any:
    try:
        return well_formed(element)
    except RecursionError:
        return None


def facts_from_text(text: str | bytes) -> list[Fact]:
    """The facts of a body as it came over the wire. What is no JSON is one invalid element."""
    try:
        body = decode_leniently(text)
    except (ValueError, RecursionError):
        return _one_by_one(text)
    return _facts_of(body)


def _facts_of(body: Any) -> list[Fact]:
    if not isinstance(body, list):
        return [_fact(body)]
    return [_fact(element) for element in body] if len(body) <= MOST_ELEMENTS else [_too_many(body)]


def _too_many(elements: list[Any]) -> Fact:
    key = key_of("invalid", "elements", len(elements))
    why = f"an array may have {MOST_ELEMENTS} elements, this one has {len(elements)}"
    return Fact(Parsed(kind=ElementKind.INVALID, dedupe_key=key, why=why))


def _one_by_one(text: str | bytes) -> list[Fact]:
    """The facts of an array some of whose elements no decoder takes, such as one that is nested too deeply."""
    try:
        elements = msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _facts_of_parts(text)
    if len(elements) > MOST_ELEMENTS:
        return [_too_many(elements)]
    return [_alone(bytes(element)) for element in elements]


def _facts_of_parts(text: str | bytes) -> list[Fact]:
    """The same where an element is nested so deeply that it cannot even be skipped."""
    parts = _split(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    if len(parts) > MOST_ELEMENTS:
        return [_too_many(parts)]
    found = []
    for part in parts:
        try:
            found.append(_fact(decode_leniently(part)))
        except RecursionError:
            found.append(_no_json(part))
        except ValueError:
            return [_no_json(text)]
    return found or [_no_json(text)]


def _split(said: bytes) -> list[bytes]:
    """The texts of an array's elements, found by brackets, commas and quotes alone; none if this is no array."""
    said = said.removeprefix(b"\xef\xbb\xbf").strip()
    if not said.startswith(b"["):
        return []
    depth, start = 0, 1
    parts: list[bytes] = []
    for mark in _MARKS.finditer(said):
        sign = mark[0][:1]
        if sign in b"[{":
            depth += len(mark[0])
        elif sign in b"]}" and len(mark[0]) < depth:
            depth -= len(mark[0])
        elif sign in b"]}":
            end = mark.start() + depth - 1  # of these the one that closes the array
            return [*parts, said[start:end]] if said[end:] == b"]" else []
        elif sign == b"," and depth == 1:
            parts.append(said[start : mark.start()])
            start = mark.end()
    return []


def _alone(element: bytes) -> Fact:
    try:
        return _fact(decode_leniently(element))
    except (ValueError, RecursionError):
        return _no_json(element)


def _no_json(text: str | bytes) -> Fact:
    return _invalid(text if isinstance(text, str) else text.hex()[:200], "this is not one JSON value")


def _fact(element: Any) -> Fact:
    if not isinstance(element, dict):
        return _invalid(element, f"an element must be an object, this is {_kind_of(element)}")
    fact = read_alert(element) if "schemaId" in element else read_event(element)
    if fact is None:
        fact = read_alert(element) or read_event(element)
    return fact or _invalid(element, "neither an event nor an alert: no type, no event type, no known schema")


def _invalid(element: Any, why: str) -> Fact:
    return Fact(Parsed(kind=ElementKind.INVALID, dedupe_key=key_of("invalid", digest_of(element)), why=why))


def _kind_of(element: Any) -> str:
    kinds = {list: "an array", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return "null" if element is None else kinds.get(type(element), "something else")
