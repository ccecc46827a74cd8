"""How ready a standby is, as far as decisions go: a few words of the last look at it, which all stamps share. Pure.

The whole result of a look, with every finding, is kept in the pair's ledger.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.core.base.codec import SCHEMA, Moment, Value
from orchestrator.core.base.vocabulary import Role

EVERY = timedelta(minutes=30)
"""Time between two looks at a standby."""

SOONER = timedelta(minutes=5)
"""The same after a look that something kept from being read for the time being."""

PAUSE = timedelta(seconds=20)
"""Shortest time between two looks at one standby, however often something of the pair is changed."""


class ReadinessStanding(Value, kw_only=True):
    """What the last look at the standby came to."""

    schema: int = SCHEMA
    at: Moment
    """When the look began."""

    active: Role
    """The side that was active then: the other one was looked at."""

    ready: bool
    score: int
    why: str = ""
    """The worst finding in a sentence; empty if it is ready."""

    due_at: Moment
    """When the next look is due."""


class WantedLook(Value, kw_only=True):
    """That something of the pair was changed since: a look that began before knows nothing of it."""

    schema: int = SCHEMA
    at: Moment


def is_look_due(standing: ReadinessStanding | None, wanted: WantedLook | None, active: Role, now: datetime) -> bool:
    """Whether a standby is to be looked at now. One that became the standby by a switch is, at once."""
    if standing is None or standing.active is not active or now >= standing.due_at or standing.at - now > SOONER:
        return True
    return wanted is not None and wanted.at > standing.at and now >= standing.at + PAUSE


def newer(before: ReadinessStanding | None, standing: ReadinessStanding) -> ReadinessStanding:
    """Of two looks the one that began later."""
    return standing if before is None or standing.at >= before.at else before


def find_standing(standing: ReadinessStanding | None, active: Role) -> ReadinessStanding | None:
    """The last look, if the side that is the standby now was looked at."""
    return standing if standing is not None and standing.active is active else None
