"""Which of the resources that a plan names are there, look by look: what was there and is gone was deleted. Pure.

An event says so sooner. This is for events that do not arrive: a subscription of events that was deleted first, or an
app that was away for longer than Event Grid tries. What was never seen to be there is a matter of the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from orchestrator.core.base.codec import SCHEMA, Moment, Value
from orchestrator.core.base.vocabulary import Role

EVERY = timedelta(minutes=5)
"""Time between two looks at a pair's resources."""

SOONER = timedelta(seconds=45)
"""The same after a look at which something was missed for the first time."""


class Existence(Value, kw_only=True):
    """The blob ``<pair>/readiness/existence.json``. Ids are in lower case."""

    schema: int = SCHEMA
    there: tuple[str, ...] = ()
    """Seen to be there, and not missed since."""

    missed: tuple[str, ...] = ()
    """Was there, and was not at the last look: one answer of 404 alone proves nothing."""

    gone: dict[str, Moment] = msgspec.field(default_factory=dict)
    """Was there, and was missed at two looks in a row: when that was found."""


class ExistenceChange(NamedTuple):
    """What a look has found."""

    after: Existence
    gone: tuple[str, ...]
    """Deleted, as this look and the one before show."""

    back: tuple[str, ...]
    """There again."""


def compare_existence(
    before: Existence, there: Collection[str], missing: Collection[str], now: datetime
) -> ExistenceChange:
    """What has changed since the last look. What could not be asked, and is in neither, stays as it was."""
    known = {*before.there, *before.missed}
    gone = tuple(sorted(place for place in missing if place in before.missed))
    missed = {place for place in missing if place in before.there}
    back = tuple(sorted(place for place in there if place in before.gone))
    lost = {place: at for place, at in before.gone.items() if place not in there}
    still_missed = {place for place in before.missed if place not in there and place not in missing}
    after = Existence(
        there=tuple(sorted((known | {*there}) - missed - {*gone} - still_missed)),
        missed=tuple(sorted(missed | still_missed)),
        gone=lost | dict.fromkeys(gone, now),
    )
    return ExistenceChange(after, gone, back)


def untold(change: ExistenceChange, told: Collection[tuple[Role, str]], roles: Mapping[str, Role]) -> tuple[str, ...]:
    """Of what is gone, what no event has told of.

    Args:
        change: what a look has found.
        told: side and name, in lower case, of deletions that are known.
        roles: id -> side.
    """
    return tuple(place for place in change.gone if (roles[place], place.rpartition("/")[2]) not in told)
