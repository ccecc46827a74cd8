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
    """The same items, or so many of them: the newest of every kind, then the second of every kind, and so on.

    Args:
        items: by key.
        limit: how many may stay.
        kind: what an item is good for. Where there are more kinds than room, those that sort last stay.
    """
    if len(items) <= limit:
        return items
    return dict(islice(_in_turn(items, kind), limit))


def _in_turn[T: Dated](items: dict[str, T], kind: Callable[[T], tuple[Any, ...]]) -> Iterator[tuple[str, T]]:
    kinds: dict[tuple[Any, ...], list[tuple[str, T]]] = defaultdict(list)
    for key, item in sorted(items.items(), key=lambda each: (each[1].at, each[0]), reverse=True):
        kinds[kind(item)].append((key, item))
    for row in zip_longest(*(kinds[each] for each in sorted(kinds, reverse=True))):
        yield from (found for found in row if found is not None)
