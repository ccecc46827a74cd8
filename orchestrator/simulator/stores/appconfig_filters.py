r"""Filters of App Configuration's lists: ``abc``, ``abc*``, ``a,b`` and ``\0`` for "no label".

Rules: learn.microsoft.com, REST reference of key-values, "Supported filters"; what the documentation leaves open
follows Microsoft's App Configuration emulator (MIT): an empty filter matches anything, and wildcards are refused
inside lists. A leading ``*`` with more behind it is refused here, where the emulator matches anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.simulator.services import AzureError

type Match = Callable[[str | None], bool]

MOST_VALUES = 5
"""Values of one list, and tag filters of one request."""

_NONE = "\0"
_RESERVED = "*,"


class InvalidArgument(AzureError):
    """400 that names the argument at fault."""

    def __init__(self, name: str, detail: str, title: str = "") -> None:
        super().__init__(400, "invalid-argument", detail)
        self.name = name
        self.title = title or f"Invalid request parameter '{name}'"


def matcher(name: str, text: str | None) -> Match:
    """What a filter lets through.

    Raises:
        InvalidArgument: a reserved character stands where it may not, or a list is too long.
    """
    if not text or text == "*":
        return lambda _: True
    values = _split(text)
    if len(values) > MOST_VALUES:
        raise InvalidArgument(name, f"Too many values. Maximum supported is {MOST_VALUES}")
    if len(values) == 1 and text.endswith("*") and not _is_escaped(text, len(text) - 1):
        prefix = _literal(name, text[:-1], 0)
        return lambda value: value is not None and value.startswith(prefix)
    offset, allowed = 0, set[str | None]()
    for value in values:
        allowed.add(None if value == _NONE else _literal(name, value, offset))
        offset += len(value) + 1
    return lambda value: value in allowed


def tag_matcher(filters: Sequence[str]) -> Callable[[dict[str, str | None]], bool]:
    """What ``tags=name=value`` parameters let through: every one of them must hold.

    Raises:
        InvalidArgument: more than five, or one that is not of that form.
    """
    if len(filters) > MOST_VALUES:
        raise InvalidArgument("tags", f"Too many values. Maximum supported is {MOST_VALUES}")
    wanted: dict[str, str | None] = {}
    for text in filter(None, filters):
        name, equals, value = text.partition("=")
        if not name or not equals or "=" in value:
            raise InvalidArgument("tags", "Invalid tag filter")
        wanted[name] = None if value == _NONE else value
    return lambda tags: all(name in tags and tags[name] == value for name, value in wanted.items())


def no_label(text: str | None) -> str | None:
    r"""A label parameter's value: missing, empty and ``\0`` all mean "no label"."""
    return None if text in {None, "", _NONE} else text


def _split(text: str) -> list[str]:
    """The parts between commas that are not escaped."""
    parts, begin = [], 0
    for at, character in enumerate(text):
        if character == "," and not _is_escaped(text, at):
            parts.append(text[begin:at])
            begin = at + 1
    return [*parts, text[begin:]]


def _is_escaped(text: str, at: int) -> bool:
    before = text[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _literal(name: str, text: str, offset: int) -> str:
    """The text without its escapes."""
    found, at = [], 0
    while at < len(text):
        if text[at] in _RESERVED:
            raise InvalidArgument(name, f"{name}({offset + at + 1}): Invalid character")
        at += text[at] == "\\"
        found.append(text[at : at + 1])
        at += 1
    return "".join(found)
