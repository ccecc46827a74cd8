"""What time the stores have: a second clock beside our own, with how far it may be off. Pure.

Azure's services put the time into the header ``Date`` of each answer, to the second (RFC 9110, 6.6.1). Between the
moment at which a request was sent and that at which its answer had arrived, the service's clock showed that second.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.text import format_time

AGREEMENT = timedelta(minutes=1)
"""How far two clocks may be apart and still be said to agree."""


class StoreTime(Value, kw_only=True):
    """The time that the stores have told, carried on to the moment at which it is compared."""

    at: Moment
    within: timedelta
    """How far it may be off: half a second, half of the time that the answer took, and what the stores differ by."""

    def confirms(self, now: datetime) -> bool:
        """Whether a clock that shows ``now`` is surely right."""
        return abs(now - self.at) + self.within <= AGREEMENT

    def contradicts(self, now: datetime) -> bool:
        """Whether a clock that shows ``now`` is surely wrong. What is not sure neither confirms nor contradicts."""
        return abs(now - self.at) - self.within > AGREEMENT


def store_time_of(told: Iterable[tuple[datetime, datetime]]) -> StoreTime | None:
    """One time from the earliest and the latest that each store's clock may show; None if no store has told any.

    Stores that differ by hours make a time that is off by hours: it confirms nothing, and contradicts nothing between.
    """
    spans = list(told)
    if not spans:
        return None
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    return StoreTime(at=first + (last - first) / 2, within=(last - first) / 2)


def describe_contradiction(now: datetime, told: StoreTime) -> str:
    return f"our clock shows {format_time(now)}, those of the stores {format_time(told.at)}"
