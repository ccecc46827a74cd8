"""From a body to facts: one element after the other, in order, a bad one never stopping the others."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from orchestrator.core.signals.alerts import read_alert
from orchestrator.core.signals.events import read_event
from orchestrator.core.signals.facts import ElementKind, Fact, Parsed
from orchestrator.core.signals.json_access import digest_of, key_of

LONGEST_ARRAY = 5000
"""Elements of one delivery: as many as Event Grid batches (learn.microsoft.com, "Event Grid output batching")."""


def parse(body: Any) -> list[Parsed]:
    """What each element of a decoded body means."""
    return [fact.parsed for fact in facts_from(body)]


def parse_text(text: str | bytes) -> list[Parsed]:
    """The same for a body as it came over the wire."""
    return [fact.parsed for fact in facts_from_text(text)]


def facts_from(body: Any) -> list[Fact]:
    """The facts of a decoded body: a single object, or an array of them. Never raises."""
    if isinstance(body, list) and len(body) > LONGEST_ARRAY:
        return [_too_many(len(body))]
    return [_fact(_printable(element)) for element in body] if isinstance(body, list) else [_fact(_printable(body))]


def _too_many(number: int) -> Fact:
    return _invalid(number, f"an array of {number} elements, where at most {LONGEST_ARRAY} are taken at once")


def _printable(element: Any) -> Any:
    """The element without halves of characters, of which decoded JSON may have some, and which cannot be encoded."""
    try:
        msgspec.json.encode(element)
    except UnicodeEncodeError:
        return _well_formed(element)
    except (TypeError, ValueError, RecursionError):
        return element  # no JSON; whoever reads it says so
    return element


def facts_from_text(text: str | bytes) -> list[Fact]:
    """The facts of a body as it came over the wire. What is no JSON is one invalid element."""
    try:
        body = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        try:
            body = _leniently(text)
        except (ValueError, RecursionError):
            return _one_by_one(text)
    if isinstance(body, list) and len(body) > LONGEST_ARRAY:
        return [_too_many(len(body))]
    return [_fact(element) for element in body] if isinstance(body, list) else [_fact(body)]


def _one_by_one(text: str | bytes) -> list[Fact]:
    """The facts of an array some of whose elements no decoder takes, such as one that is nested too deeply."""
    elements = _split_array(text.encode("utf-8", "replace") if isinstance(text, str) else text)
    if not elements:
        return [_no_json(text)]
    if len(elements) > LONGEST_ARRAY:
        return [_too_many(len(elements))]
    return [_alone(element) for element in elements]


_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)


def _split_array(text: bytes) -> list[bytes]:
    """The texts of an array's elements, by its brackets alone; empty if it is no array or does not end as one.

    No decoder is asked: what is nested too deeply for one must not cost its neighbours.
    """
    said = text.strip()
    if not (said.startswith(b"[") and said.endswith(b"]")):
        return []
    depth, start, elements = 0, 1, []
    for mark in _MARKS.finditer(said):
        if mark[0] in b"[{":
            depth += 1
        elif mark[0] in b"]}":
            depth -= 1
        ends = depth == 0 and mark.end() == len(said)
        if ends or (depth == 1 and mark[0] == b","):
            elements.append(said[start : mark.start()])
            start = mark.end()
        elif depth <= 0:
            return []
    return elements if depth == 0 else []


def _alone(element: bytes) -> Fact:
    try:
        return _fact(_leniently(element))
    except (ValueError, RecursionError):
        return _no_json(element)


def _no_json(text: str | bytes) -> Fact:
    return _invalid(text if isinstance(text, str) else text.hex()[:200], "this is not one JSON value")


def _leniently(text: str | bytes) -> Any:
    """What strict UTF-8 decoding refuses but JSON allows: a byte order mark, UTF-16, half of a surrogate pair."""

    def refuse(name: str) -> Any:
        raise ValueError(name)

    if isinstance(text, str):
        text = text.removeprefix("\ufeff")
    elif text.startswith(b"\xef\xbb\xbf"):
        text = text[3:]
    return _well_formed(json.loads(text, parse_constant=refuse))


def _well_formed(value: Any) -> Any:
    """The value with texts that can be encoded again."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_well_formed(item) for item in value]
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(item) for key, item in value.items()}
    return value


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
