"""What Azure answered about one side, read with care: whatever is missing or of another type is told, never raised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_VERSION = re.compile(r"/([^/]+)/versions/([^/]+)/?$", re.IGNORECASE)


class NotCollected(Exception):
    """What a check needs is not in an inventory, or not in the shape in which Azure answers."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}")
        self.key = key
        self.why = why


class HubInventory:
    """Answers of Azure by key. Elements are objects; lists come without the ``value`` around them.

    Args:
        plain: the collected answers.
        side: how people call it.
    """

    def __init__(self, plain: Mapping[str, Any], side: str) -> None:
        self._plain = plain
        self.side = side

    def is_collected(self, key: str) -> bool:
        """Whether anybody has looked, whatever came of it."""
        return key in self._plain

    def one(self, key: str) -> Mapping[str, Any]:
        """One resource.

        Raises:
            NotCollected: it is not there, or no object.
        """
        found = self._plain.get(key)
        if not isinstance(found, Mapping):
            raise NotCollected(key, self._describe(key, "an object"))
        if "error" in found:
            raise NotCollected(key, self._describe_error(found))
        return found

    def has(self, key: str) -> bool:
        """Whether something stands under a key; a null says that there is none, a missing key that nobody looked."""
        if key not in self._plain:
            raise NotCollected(key, self._describe(key, "an object"))
        return self._plain[key] is not None

    def many(self, key: str) -> list[Mapping[str, Any]]:
        """A list of resources.

        Raises:
            NotCollected: it is not there, or no list of objects.
        """
        found = self._plain.get(key)
        if isinstance(found, Mapping) and isinstance(found.get("value"), list):
            found = found["value"]
        if isinstance(found, Mapping) and "error" in found:
            raise NotCollected(key, self._describe_error(found))
        if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
            raise NotCollected(key, self._describe(key, "a list of objects"))
        return found

    def by_name(self, key: str) -> dict[str, Mapping[str, Any]]:
        """The same by name, in lower case; versions of assets by ``name:version``, usages by ``name.value``.

        Raises:
            NotCollected: an element has no name.
        """
        named = {}
        for element in self.many(key):
            name = name_of(element)
            if not name:
                raise NotCollected(key, f"an element of the {self.side}'s list has no name")
            named[name.casefold()] = element
        return named

    def _describe_error(self, found: Mapping[str, Any]) -> str:
        why = dig(found, "error.message")
        return (
            f"the {self.side}'s could not be read: {why}"
            if isinstance(why, str)
            else f"the {self.side}'s answer is an error"
        )

    def _describe(self, key: str, expected: str) -> str:
        if key not in self._plain:
            return f"the {self.side}'s inventory does not have it"
        return f"the {self.side}'s is {type(self._plain[key]).__name__}, {expected} was expected"


MISSING, TEMPORARY, DENIED = "NotFound", "Temporary", "Denied"
"""Codes of what could not be read: it is not there, it may be read later, or it may not be read, or is refused."""


def unreadable(code: str, why: str) -> dict[str, Any]:
    """What stands in an inventory in place of an answer, in the shape of an error of Resource Manager."""
    return {"error": {"code": code, "message": why}}


def code_of(value: Any) -> str:
    """Why something could not be read; empty if it could."""
    found = dig(value, "error.code") if isinstance(value, Mapping) and "error" in value else ""
    return found if isinstance(found, str) else TEMPORARY


def name_of(element: Mapping[str, Any]) -> str:
    """How an element of a list is called in a path; empty if it has no name."""
    version = _VERSION.search(str(element.get("id") or ""))
    if version:
        return f"{version[1]}:{version[2]}"
    name = element.get("name")
    if isinstance(name, Mapping):
        name = name.get("value")
    return name if isinstance(name, str) else ""


def dig(value: Any, path: str) -> Any:
    """What stands below a dotted path; None if anything on the way is missing or no object."""
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def as_list(value: Any) -> list[Any]:
    """The elements of a list; none if it is no list."""
    return value if isinstance(value, list) else []


def as_object(value: Any) -> Mapping[str, Any]:
    """An object; an empty one if it is none."""
    return value if isinstance(value, Mapping) else {}


def last_part(resource_id: str) -> str:
    """The name at the end of an id."""
    return resource_id.rstrip("/").rpartition("/")[2]


def comparable(value: Any) -> Any:
    """A value as it counts in a comparison: without regard to case, order of scalars, and empty containers."""
    if isinstance(value, str):
        return value.strip().rstrip("/").casefold() or None
    if isinstance(value, Mapping):
        found = {str(key).casefold(): comparable(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not None} or None
    if isinstance(value, list):
        items = [comparable(item) for item in value]
        plain = all(isinstance(item, str | int | float | bool) for item in items)
        return (sorted(items, key=str) if plain else items) or None
    return value
