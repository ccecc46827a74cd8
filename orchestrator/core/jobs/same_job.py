"""Whether two bodies under one name are one job: what a second submission would change, if it were taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.jobs.rewrite.json_pointer import child, fold_key

_OF_NO_WEIGHT = frozenset(
    {"tags", "properties", "displayname", "description", "experimentname", "services", "outputs", "isarchived"}
)
"""Texts for people, what the service adds, and outputs, whose places the service fills in."""

_PEOPLES = frozenset({"inputs", "environmentvariables", "jobs", "searchspace"})
"""Objects in which a key that only one side has is a difference: the service adds none and drops none."""

_LABEL = re.compile(r"(?:/labels/[^/]+|@[\w.-]+)$")
_VERSION = re.compile(r"(?:/(?:versions|labels)/[^/]+|[:@][\w.-]+)$")
_ID = re.compile(r"(?:azureml:)?/*(?P<rest>subscriptions/.*)", re.IGNORECASE | re.DOTALL)


def differing(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> tuple[str, ...]:
    """JSON pointers of what differs between a job's body and the one that stands under its name.

    Fields that only one of them has count in inputs, variables, steps and search spaces alone, since Azure ML adds
    defaults and leaves out what is empty. Casing and spelling of ids do not count, nor does a label whose version
    the other body names.
    """
    return tuple(_in(sent.get("properties") or {}, stored.get("properties") or {}, "/properties", peoples=False))


def _in(sent: Any, stored: Any, path: str, *, peoples: bool) -> Iterator[str]:
    if isinstance(sent, dict) and isinstance(stored, dict):
        yield from _in_objects(sent, stored, path, peoples=peoples)
    elif isinstance(sent, list) and isinstance(stored, list):
        if len(sent) != len(stored):
            yield path
            return
        for n, (one, other) in enumerate(zip(sent, stored, strict=True)):
            yield from _in(one, other, child(path, n), peoples=False)
    elif not _is_empty(sent) and not _is_empty(stored) and not _is_same(sent, stored):
        yield path


def _in_objects(sent: dict[str, Any], stored: dict[str, Any], path: str, *, peoples: bool) -> Iterator[str]:
    others = stored if peoples else {fold_key(key): value for key, value in stored.items()}
    for key, value in sent.items():
        word = key if peoples else fold_key(key)
        if not peoples and word in _OF_NO_WEIGHT:
            continue
        if word in others:
            yield from _in(value, others[word], child(path, key), peoples=not peoples and word in _PEOPLES)
        elif peoples and not _is_empty(value):
            yield child(path, key)
    if peoples:
        yield from (child(path, key) for key, value in stored.items() if key not in sent and not _is_empty(value))


def _is_empty(value: Any) -> bool:
    return value is None or value in ({}, [], "")


def _is_same(sent: Any, stored: Any) -> bool:
    one, other = _spelt(sent), _spelt(stored)
    if one == other:
        return True
    if not isinstance(sent, str) or not isinstance(stored, str):
        return False
    labelled = _LABEL.search(one) or _LABEL.search(other)
    return bool(labelled) and _VERSION.sub("", one) == _VERSION.sub("", other)


def _spelt(value: Any) -> str:
    """A value as Azure ML compares it: literals are texts, ids have no casing."""
    text = str(value).strip()
    found = _ID.fullmatch(text)
    if found:
        return found["rest"].rstrip("/").casefold()
    return text.casefold() if isinstance(value, bool) or text.casefold() in {"true", "false"} else text
