"""Names in ARM templates: the expressions of which they consist, evaluated as far as their text allows. Pure.

What is not known stands in the result as ``UNREAD``: a parameter without a value, a function that asks Azure, or one
that is not among those below. Functions: learn.microsoft.com, "ARM template functions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

UNREAD = "\0"
"""A part of a name that is not known. No name of Azure's has this character."""

DEEPEST = 12
"""Functions in functions, and values that are expressions again, that are followed."""

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([A-Za-z_][\w.]*)|(-?\d+)|(.))", re.DOTALL)
_HOLE = re.compile(r"\{(\d+)[^}]*\}")


class TemplateScope(NamedTuple):
    """Where expressions of a template look their values up; names in lower case."""

    parameters: Mapping[str, Any] = {}
    variables: Mapping[str, Any] = {}


def evaluate(value: Any, scope: TemplateScope, depth: int = 0) -> Any:
    """A value of a template: an expression evaluated, everything else as it is."""
    if not isinstance(value, str) or not value.startswith("["):
        return value
    if value.startswith("[["):
        return value[1:]
    if depth > DEEPEST or not value.endswith("]"):
        return UNREAD
    tokens = [next(each for each in found if each) for found in _TOKEN.findall(value[1:-1].rstrip())]
    try:
        found, rest = _term(tokens, scope, depth)
    except (IndexError, RecursionError):
        return UNREAD
    return UNREAD if rest else found


def _term(tokens: list[str], scope: TemplateScope, depth: int) -> tuple[Any, list[str]]:
    """The value of the first term, and the tokens after it."""
    first, rest = tokens[0], tokens[1:]
    if depth > DEEPEST:
        return UNREAD, []
    if first.startswith("'"):
        return first[1:-1].replace("''", "'"), rest
    if not rest or rest[0] != "(":
        return (first if first.lstrip("-").isdigit() else UNREAD), rest
    given: list[Any] = []
    rest = rest[1:]
    while rest[0] != ")":
        value, rest = _term(rest, scope, depth + 1)
        given.append(value)
        rest = rest[1:] if rest[0] == "," else rest
    found, rest = _call(first.casefold(), given, scope, depth), rest[1:]
    if not rest or rest[0] in {",", ")"}:
        return found, rest
    return UNREAD, _after_accessors(rest)


def _after_accessors(tokens: list[str]) -> list[str]:
    """The tokens behind ``.name`` and ``[…]``: what such an accessor leads to is not followed."""
    level = 0
    for number, token in enumerate(tokens):
        if level == 0 and token in {",", ")"}:
            return tokens[number:]
        level += {"[": 1, "(": 1, "]": -1, ")": -1}.get(token, 0)
    return []


def _call(function: str, given: list[Any], scope: TemplateScope, depth: int) -> Any:
    match function:
        case "parameters" | "variables" if given:
            table = scope.parameters if function == "parameters" else scope.variables
            found = table.get(str(given[0]).casefold())
            return UNREAD if found is None else evaluate(found, scope, depth + 1)
        case "concat":
            return "".join(map(_text, given))
        case "format" if given:
            return _HOLE.sub(lambda hole: _argument(given[1:], int(hole[1])), _text(given[0]))
        case "tolower" if given:
            return _text(given[0]).lower()
        case "toupper" if given:
            return _text(given[0]).upper()
        case "string" if given:
            return _text(given[0])
    return UNREAD


def _argument(given: list[Any], number: int) -> str:
    return _text(given[number]) if number < len(given) else UNREAD


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else UNREAD


def spell(value: Any, scope: TemplateScope) -> str:
    """A name as a text."""
    return _text(evaluate(value, scope))


def fits(name: str, parts: tuple[str, ...]) -> Iterator[bool | None]:
    """For each of the last segments of a name whether it is the part wanted; None where that is not known."""
    segments = name.split("/")
    lacking = len(parts) - len(segments)
    if lacking > 0:
        segments = [UNREAD if UNREAD in segments[0] else ""] * lacking + segments
    for segment, part in zip(segments[-len(parts) :], parts, strict=True):
        if UNREAD not in segment:
            yield segment.casefold() == part.casefold()
        else:
            pattern = ".*".join(re.escape(each) for each in segment.split(UNREAD))
            yield None if re.fullmatch(pattern, part, re.IGNORECASE) else False
