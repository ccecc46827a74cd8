"""Keeping a bounded number of things so that many of one kind never push out the few of another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice, zip_longest
from typing import Any, Protocol


class Dated(Protocol):
    @property
    def at(self) -> datetime: ...


def rationed[T: Dated](items: dict[str, T], limit: int, kind: Callable[[T], tuple[Any, ...]]) -> dict[str, T]:
    """The same items, or so many of them, oldest first: the newest of every kind, then the second ones.

    Args:
        items: by key.
        limit: how many may stay.
        kind: what an item is good for. Where there are more kinds than room, those that sort last stay.
    """
    if len(items) <= limit:
        return items
    aged = sorted(items, key=lambda key: (items[key].at, key))
    kept = set(islice(_in_turn(items, aged[::-1], kind), limit))
    return {key: items[key] for key in aged if key in kept}


def _in_turn[T: Dated](items: dict[str, T], keys: list[str], kind: Callable[[T], tuple[Any, ...]]) -> Iterator[str]:
    kinds: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for key in keys:
        kinds[kind(items[key])].append(key)
    for row in zip_longest(*(kinds[each] for each in sorted(kinds, reverse=True))):
        yield from (key for key in row if key is not None)
