"""When a pair is looked at again, and which part of a look may wait. Pure: a pair's place follows from its name.

Many pairs share one timer and, often, one subscription. Each has a place of its own within an interval, from a hash of
its name, so that they drift apart by themselves and stay apart after every restart.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Plan

SLACK = 0.9
"""Part of an interval after which a look counts as due: timers fire a little early or late."""

SOONEST = 0.05
"""Part of an interval after a look within which the pair's place is not believed: the timer fired a little early."""

READS_PER_SECOND = 25.0
"""Refill of reads that Resource Manager grants one identity in one subscription and region
(learn.microsoft.com, request-limits-and-throttling)."""

PROBES_SHARE = 0.6
"""Part of it that the surface ``control`` may take; the rest is for lists of jobs and for people."""

POINTER_READS_PER_SECOND = 30_000 / 3600
"""Requests that one endpoint of App Configuration's standard tier takes, averaged over the hour of its quota
(learn.microsoft.com, azure-app-configuration, faq)."""

POINTER_SHARE = 0.5
"""Part of it that looks may take; the rest is for clients that read the pointer, and for switches."""

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


def beat_of(policy: Policy) -> timedelta:
    """First pause between two tries of a step: short beside everything that the policy waits for."""
    return policy.suspect_interval / 10


def longest_of(policy: Policy) -> timedelta:
    """Longest pause between two tries of a step."""
    return beat_of(policy) * 30


def share_of(name: str) -> float:
    """A number from 0 to 1 that belongs to a name, spread evenly over names and the same for ever."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def due_at(pair: str, looked_at: datetime, interval: timedelta) -> datetime:
    """When the next look is due: at the pair's own place within the interval, but never later than an interval."""
    own = _place_after(pair, looked_at + interval * SOONEST, interval)
    return min(own, looked_at + interval * SLACK)


def sides_by_subscription(plans: Iterable[Plan]) -> Mapping[str, int]:
    """How many sides of all pairs lie in each subscription."""
    return Counter(plan.side(role).subscription.casefold() for plan in plans for role in Role)


def control_spacing(sides: int, policy: Policy) -> timedelta:
    """Time between two questions of ``control`` about one side, when ``sides`` share the reads of one subscription.

    Half of the evidence's lifetime at the most: an answer that has died would make the side unknown. Beyond
    ``PROBES_SHARE * READS_PER_SECOND * lifetime / 2`` sides the share is exceeded for that reason.
    """
    return min(timedelta(seconds=sides / (READS_PER_SECOND * PROBES_SHARE)), policy.evidence_lifetime / 2)


def pointer_spacing(pairs: int) -> timedelta:
    """Time between two looks at one pair's pointer, when ``pairs`` have theirs in one store."""
    return timedelta(seconds=pairs / (POINTER_READS_PER_SECOND * POINTER_SHARE))


def is_asked_now(pair: str, looked_at: datetime | None, now: datetime, interval: timedelta, spacing: timedelta) -> bool:
    """Whether this look asks something with a budget: always, unless so many share it that it must be spread out."""
    if spacing <= interval:
        return True
    before = looked_at if looked_at is not None and looked_at < now else now - interval
    return _place_after(pair, before, spacing) <= now


def place_before(name: str, moment: datetime, interval: timedelta) -> datetime:
    """The name's last own moment up to another one."""
    return _place_after(name, moment, interval) - interval


def _place_after(pair: str, moment: datetime, interval: timedelta) -> datetime:
    """The pair's first own moment after another one."""
    first = _ZERO + interval * share_of(pair)
    passed = (moment - first) // interval
    return first + interval * (passed + 1)
