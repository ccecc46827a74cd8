"""Whose turn it is, where not all can have theirs at once. Knows no clock.

The order is by who has waited longest, whether its last turn went well or not: nobody starves, and a pair that always
fails delays nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime


class Turns:
    """When each name last had its turn in this process, whatever came of it."""

    def __init__(self) -> None:
        self._had: dict[str, datetime] = {}

    def had(self, name: str, now: datetime) -> None:
        self._had[name] = now

    def in_order(self, waiting: Mapping[str, datetime | None]) -> list[str]:
        """Names by how long they have waited, those that never had a turn first.

        Args:
            waiting: names, with the time of a turn that others know of, such as another stamp's look.
        """

        def last(name: str) -> tuple[bool, float, str]:
            known = [at for at in (waiting[name], self._had.get(name)) if at is not None]
            return bool(known), max(known).timestamp() if known else 0.0, name

        return sorted(waiting, key=last)
