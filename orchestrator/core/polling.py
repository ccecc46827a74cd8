"""What is fetched at a cadence besides the probes: how often, of what, and what could not be asked.

A poll speaks like a delivery, and through the same readers. What it cannot ask is *blind*: it is counted and told,
and says nothing, neither good nor bad, about what it asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from orchestrator.core.base.text import clipped
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.cadence import BLIND_TOLD, Polled
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.signals.json_access import arm_type
from orchestrator.core.signals.routing import resources_of
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
SLACK = 0.9
"""Part of an interval after which a poll counts as due: timers fire a little early or late."""


class Report(NamedTuple):
    """What one poll brought."""

    signals: tuple[Signal, ...] = ()
    asked: int = 0
    blind: tuple[str, ...] = ()
    """One sentence for everything that could not be learnt."""

    def kept(self, at: datetime) -> Polled:
        """The part of it that is stored."""
        told = tuple(clipped(why, BLIND_LENGTH) for why in self.blind[:BLIND_TOLD])
        return Polled(at=at, asked=self.asked, blinds=len(self.blind), blind=told)


def is_due(state: PairState, plan: Plan, now: datetime, last: datetime | None) -> bool:
    """Whether a pair is to be polled now. ``last`` is what this process remembers; the state may know better."""
    interval = plan.polls.suspect_interval if state.phase in SUSPECT else plan.polls.interval
    if plan.polls.interval is None or interval is None:
        return False
    known = [at for at in (last, state.polled.at if state.polled else None) if at is not None and at <= now]
    return not known or now - max(known) >= interval * SLACK


def is_early(plan: Plan, now: datetime, last: datetime) -> bool:
    """Whether no state of the pair could make a poll due: that spares reading it."""
    shortest = min(plan.polls.suspect_interval, plan.polls.interval or plan.polls.suspect_interval)
    return last <= now < last + shortest * SLACK


def urgency(state: PairState) -> tuple[bool, datetime]:
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
