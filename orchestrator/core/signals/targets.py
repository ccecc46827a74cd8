"""Which of several ids an element is about: the most specific, never a scope beside a resource."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.core.signals.json_access import arm_id

LISTED = 50
"""Most ids, dimensions or sources of one element that are looked at."""


def most_specific_first(said: Iterable[Any]) -> tuple[str, ...]:
    """The ids among these, in lower case, each once. Resources push out groups, groups push out subscriptions."""
    found = list(dict.fromkeys(known for item in list(said)[:LISTED] if (known := arm_id(item))))
    if not found:
        return ()
    best = max(map(scope_of, found))
    return tuple(sorted((item for item in found if scope_of(item) == best), key=lambda item: -item.count("/")))


def scope_of(resource: str) -> int:
    """0 for a subscription, 1 for a resource group, 2 for a resource. ``resource`` is in lower case."""
    if is_resource(resource):
        return 2
    return 1 if "/resourcegroups/" in resource else 0


def is_resource(resource: str) -> bool:
    return "/providers/" in resource
