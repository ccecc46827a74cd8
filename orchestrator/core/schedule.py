"""When a pair is looked at again, and which part of a look may wait. Pure: a pair's place follows from its name.

Many pairs share one timer and, often, one subscription. Each has a place of its own within an interval, from a hash of
its name, so that they drift apart by themselves and stay apart after every restart.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from orchestrator.core.base.text import truncate
from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.state import BLIND_TOLD, PairState, Polled
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.json_access import arm_type
from orchestrator.core.signals.ownership import resources_of
from orchestrator.core.signals.signal import Signal

WITH_HEALTH = frozenset(
    {
        "microsoft.cognitiveservices/accounts",
        "microsoft.containerservice/managedclusters",
        "microsoft.documentdb/databaseaccounts",
        "microsoft.keyvault/vaults",
        "microsoft.operationalinsights/workspaces",
        "microsoft.search/searchservices",
        "microsoft.storage/storageaccounts",
    }
)
"""Types that Resource Health has a status for (learn.microsoft.com, Resource Health resource types). Container
registries, Application Insights and Azure ML's own workspaces are not among them; if one is listed all the same, its
status is taken."""

SUSPECT = frozenset({Phase.SUSPECT, Phase.AWAITING_APPROVAL})

BLIND_LENGTH = 160


class PollReport(NamedTuple):
    """What one poll brought."""

    signals: tuple[Signal, ...] = ()
    asked: int = 0
    blind: tuple[str, ...] = ()
    """One sentence for everything that could not be learnt."""

    messages: tuple[Fact, ...] = ()
    """What Service Health has said of incidents, of any region, for the reports of runs."""

    def kept(self, at: datetime) -> Polled:
        """The part of it that is stored."""
        told = tuple(truncate(why, BLIND_LENGTH) for why in self.blind[:BLIND_TOLD])
        return Polled(at=at, asked=self.asked, blinds=len(self.blind), blind=told)


def is_poll_due(state: PairState, plan: Plan, now: datetime, last: datetime | None) -> bool:
    """Whether a pair is to be polled now. ``last`` is what this process remembers; the state may know better."""
    interval = plan.polls.suspect_interval if state.phase in SUSPECT else plan.polls.interval
    if plan.polls.interval is None or interval is None:
        return False
    known = [at for at in (last, state.polled.at if state.polled else None) if at is not None and at <= now]
    return not known or now - max(known) >= interval * SLACK


def is_poll_early(plan: Plan, now: datetime, last: datetime) -> bool:
    """Whether no state of the pair could make a poll due: that spares reading it."""
    shortest = min(plan.polls.suspect_interval, plan.polls.interval or plan.polls.suspect_interval)
    return last <= now < last + shortest * SLACK


def poll_urgency(state: PairState) -> tuple[bool, datetime]:
    """What sorts pairs that are due, the most urgent first: suspect ones, then those polled longest ago."""
    last = state.polled.at if state.polled else datetime.min.replace(tzinfo=UTC)
    return state.phase not in SUSPECT, last


def with_health(hub: Hub) -> dict[str, tuple[str, ...]]:
    """Resource group, as an id in lower case -> the hub's resources in it that Resource Health has a status for."""
    found: dict[str, tuple[str, ...]] = {}
    for resource in resources_of(hub):
        if arm_type(resource) in WITH_HEALTH:
            group = resource.partition("/providers/")[0]
            found[group] = (*found.get(group, ()), resource)
    return found


def subscriptions_of(plan: Plan) -> tuple[str, ...]:
    """Ids of the subscriptions of both sides, in lower case, each once."""
    return tuple(dict.fromkeys(hub.subscription.casefold() for hub in (plan.primary, plan.secondary)))


def worth_handing_over(signals: Iterable[Signal], now: datetime, lifetime: timedelta) -> tuple[Signal, ...]:
    """Without statements so old that they can neither count nor end anything that counts.

    A subscription lists advice from months ago, and a resource that has been well for a year says so every time.
    """
    return tuple(signal for signal in signals if now - signal.occurred_at <= 2 * lifetime)


SLACK = 0.9
"""Part of an interval after which a look or a poll counts as due: timers fire a little early or late."""

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


def rotate(names: Sequence[str], size: int, now: datetime) -> list[str]:
    """So many of the names, other ones each minute, so that none is kept from its turn by those before it."""
    if len(names) <= size:
        return list(names)
    first = int(now.timestamp() // 60) * size % len(names)
    return [*names[first:], *names[:first]][:size]
