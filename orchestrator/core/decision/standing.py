"""How ready a standby is, as far as decisions go: a few words of the last look at it, which all stamps share. Pure.

The whole result of a look, with every finding, is kept in the pair's ledger.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from orchestrator.core.base.codec import SCHEMA, Moment, Value
from orchestrator.core.base.vocabulary import Role

EVERY = timedelta(minutes=30)
"""Time between two looks at a standby."""

SOONER = timedelta(minutes=5)
"""The same after a look that something kept from being read for the time being."""

PAUSE = timedelta(seconds=20)
"""Shortest time between two looks at one standby, however often something of the pair is changed."""


SKEW = timedelta(minutes=1)
"""What was read up to this long after a change is not believed: clocks differ, and Resource Manager's caches lag."""

EVER = datetime.min.replace(tzinfo=UTC)


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

    plan: str = ""
    """Digest of the plan that it was held against (``core.evidence.basis.plan_digest``); empty in records of older
    versions."""


class WantedLook(Value, kw_only=True):
    """That something of the pair was changed since: a look that began before knows nothing of it."""

    schema: int = SCHEMA
    at: Moment
    gone: Moment | None = None
    """When something of it was last deleted."""


class Believed(NamedTuple):
    """After which times what was read before may stand; None: all of it is to be read."""

    reads: datetime | None
    assets: datetime | None
    """Of assets that were seen to be there: only a deletion takes them away."""


def find_believed(standing: ReadinessStanding | None, wanted: WantedLook | None, active: Role) -> Believed:
    """What a look need not read again. A standby that was not ready is read in full: somebody is mending it."""
    reads, assets = (wanted.at, wanted.gone) if wanted else (None, None)
    is_ready = standing is not None and standing.ready and standing.active is active
    return Believed(
        reads=(reads + SKEW if reads else EVER) if is_ready else None, assets=assets + SKEW if assets else EVER
    )


def add_wanted(before: WantedLook | None, wanted: WantedLook) -> WantedLook:
    """Both: the later change, and the later deletion."""
    if before is None:
        return wanted
    gone = [each.gone for each in (before, wanted) if each.gone is not None]
    return WantedLook(at=max(before.at, wanted.at), gone=max(gone, default=None))


def is_look_due(
    standing: ReadinessStanding | None, wanted: WantedLook | None, active: Role, now: datetime, plan: str = ""
) -> bool:
    """Whether a standby is to be looked at now. One that became the standby by a switch is, at once.

    Args:
        standing: what the last look came to.
        wanted: that something was changed since.
        active: the side that is active now.
        now: the time.
        plan: digest of the plan that is in force. While versions of an app change, two may be: hence the pause.
    """
    if standing is None or standing.active is not active or now >= standing.due_at or standing.at - now > SOONER:
        return True
    if standing.plan and plan and standing.plan != plan and now >= standing.at + PAUSE:
        return True
    return wanted is not None and wanted.at > standing.at and now >= standing.at + PAUSE


def newer(before: ReadinessStanding | None, standing: ReadinessStanding) -> ReadinessStanding:
    """Of two looks the one that began later."""
    return standing if before is None or standing.at >= before.at else before


def find_standing(standing: ReadinessStanding | None, active: Role) -> ReadinessStanding | None:
    """The last look, if the side that is the standby now was looked at."""
    return standing if standing is not None and standing.active is active else None
