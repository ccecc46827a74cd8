"""One normalised statement about one thing at one time, from a probe's answer or from a delivered fact.

``parse`` and ``parse_text`` say what a body means; ``facts_from`` gives the same with the details that routing
needs; ``ownership.attribute`` turns a fact into signals for one plan.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from orchestrator.core.base.codec import Value
from orchestrator.core.base.evidence_classes import CLASS_OF_SURFACE
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role, Surface


class Source(StrEnum):
    PROBE = "probe"
    DELIVERY = "delivery"


class Says(StrEnum):
    """What kind of statement a signal is."""

    SEEN = "seen"
    """A probe's answer."""

    HEALTH = "health"
    """Resource Health about one resource."""

    ALERT = "alert"
    """A metric or log alert that fired or was resolved."""

    NOTICE = "notice"
    """A message of Service Health."""

    DELETED = "deleted"
    """Somebody deleted a resource of the pair."""

    WRITTEN = "written"
    """Somebody created or changed it."""

    CHANGED = "changed"
    """Somebody acted on it, or changed a part of it, with success."""


class Scope(Value, kw_only=True):
    """What a message of Service Health touches."""

    named: tuple[Role, ...] = ()
    """Sides whose region it names."""

    used: tuple[Role, ...] = ()
    """Sides whose region it names for a service that a hub uses."""

    everywhere: bool = False
    """True if it names the region ``global`` for a service that a hub uses."""

    ours: bool = False
    """True if it names our own region for a service that we ourselves run on."""


class Signal(Value, kw_only=True, gc=False):
    """One statement about one thing at one time."""

    key: str
    """Equal for two deliveries of the same fact."""

    source: Source
    role: Role | None
    """The side it speaks of; None for what belongs to no side (observer, elsewhere, Service Health)."""

    subject: str
    """What was looked at: a surface for probes; a resource, an alert rule or a tracking id for deliveries."""

    surface: Surface | None = None
    """The surface that was probed, or whose probe asks the same resource."""

    evidence_class: EvidenceClass | None = None
    observation: Observation
    occurred_at: datetime
    why: str
    says: Says = Says.SEEN
    counts: bool = True
    """False for what is bad without being evidence for a failover: done by a user, planned, of low severity."""

    unknown: tuple[str, ...] = ()
    """Words of the delivery that no table knows."""

    scope: Scope | None = None
    """For ``notice``: which sides it touches."""

    is_hub: bool = False
    """For changes: the resource is the hub or the project itself."""


@lru_cache(maxsize=64)
def _stamp(at: datetime) -> float:
    """The same for all surfaces of a sweep."""
    return at.timestamp()


def probe_signal(role: Role | None, surface: Surface, observation: Observation, at: datetime, why: str) -> Signal:
    """What a probe found on one surface."""
    return Signal(
        key=f"probe:{role or 'world'}.{surface}@{_stamp(at)}",
        source=Source.PROBE,
        role=role,
        subject=surface,
        surface=surface,
        evidence_class=CLASS_OF_SURFACE[surface],
        observation=observation,
        occurred_at=at,
        why=why,
    )
