"""What is known about a pair, folded from signals: bounded, JSON-ready, the same for the same signals.

``orchestrator.core.decision.fold`` fills it: with the newest statement of each kind about each thing, ordered by when
it happened, not by when it arrived, so doubled, late and reordered deliveries change nothing. What is dated more than
five minutes ahead is dropped. What a class amounts to is for ``orchestrator.core.decision.verdicts`` to say.

=============  =====================================================  ==========================
kept           one per                                                at most
=============  =====================================================  ==========================
``tracks``     probed surface of a side, and of the world             18
``reported``   resource of which Resource Health, or rule of which    ``REPORTED_LIMIT``
               an alert, has spoken
``incidents``  tracking id of Service Health                          ``INCIDENT_LIMIT``
``deletions``  resource of the pair that somebody deleted             ``DELETION_LIMIT``
``changes``    resource of the pair that somebody has just changed    ``CHANGE_LIMIT``
``spells``     class of a side: its last time of being bad            14
``wellness``   side: how long it has been well, for the way back      2
=============  =====================================================  ==========================
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.evidence_classes import MEMBERS
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role, Surface
from orchestrator.core.decision.brown_out import History

FUTURE_LIMIT = timedelta(minutes=5)
"""How far ahead of us the clock of a sender may run."""

REPORTED_LIMIT = 48
INCIDENT_LIMIT = 32
DELETION_LIMIT = 12
CHANGE_LIMIT = 12

OF_NO_SIDE = frozenset({Surface.OBSERVER, Surface.ELSEWHERE})
"""Surfaces that belong to no side; every other belongs to one."""

WORLD = "world"


class Track(Value, kw_only=True, gc=False):
    """What the probes of one surface have found."""

    at: datetime
    """When the newest probe asked."""

    seen: Observation
    """What the newest probe found."""

    why: str = ""
    ok_at: datetime | None = None
    """When it was last found well."""

    degraded_at: datetime | None = None
    """When it last answered, but so that it is degraded: it was seen, and not seen well."""

    oks: int = 0
    """Well answers in a row; blind ones in between do not count."""

    bads: int = 0
    """Bad answers in a row; blind ones in between do not count."""

    bad_since: datetime | None = None
    """The first bad answer of that row."""

    bad_at: datetime | None = None
    """The last bad answer of that row."""

    bad_why: str = ""
    """What that answer was."""

    change: str = ""
    """The change by somebody that this row of bad answers is taken to be the effect of: then it is no evidence."""

    asked_since: datetime | None = None
    """When the first probe asked."""

    history: History | None = None
    """The answers of the last ``share_window``."""


class Reported(Value, kw_only=True):
    """The newest statement of Resource Health about a resource, or of an alert rule about its target."""

    role: Role
    evidence_class: EvidenceClass
    surface: Surface | None = None
    """The probed surface that asks the same resource, if one does."""

    name: str
    at: datetime
    bad: bool
    """True if it says that the thing is down and may count."""

    since: datetime | None = None
    """Since when, without a break."""

    good_at: datetime | None = None
    """When it was last said not to be down, as far as that has been told."""

    observation: Observation
    why: str = ""
    change: str = ""
    """As of a track: for alerts about a resource that somebody has just changed."""


class Incident(Value, kw_only=True):
    """The newest message of Service Health under one tracking id."""

    at: datetime
    active: bool
    named: tuple[Role, ...] = ()
    """Sides whose region it names."""

    used: tuple[Role, ...] = ()
    """Sides whose region it names for a service that a hub uses."""

    everywhere: bool = False
    """True if it names the region ``global`` for a service that a hub uses."""

    ours: bool = False
    """True if it names our own region for a service that we ourselves run on."""

    why: str = ""


class Deletion(Value, kw_only=True):
    """A resource of the pair that somebody deleted."""

    role: Role
    surface: Surface | None = None
    name: str
    at: datetime


class Change(Value, kw_only=True):
    """A successful write of a resource of the pair, or an action on it, by somebody."""

    role: Role
    surfaces: tuple[Surface, ...] = ()
    """Surfaces whose probes ask that resource."""

    name: str
    at: datetime
    why: str = ""


class Spell(Value, kw_only=True):
    """The last time that a class was bad without a break."""

    since: datetime
    until: datetime
    """The last evidence of it."""


class Wellness(Value, kw_only=True, gc=False):
    """How long a side has been well, not counting times when nobody could tell."""

    length: timedelta = timedelta()
    at: datetime
    is_well: bool = False
    why: str = ""
    """Why it is not counted as well now."""


class Evidence(Value, kw_only=True):
    tracks: dict[str, Track] = msgspec.field(default_factory=dict)
    reported: dict[str, Reported] = msgspec.field(default_factory=dict)
    incidents: dict[str, Incident] = msgspec.field(default_factory=dict)
    deletions: dict[str, Deletion] = msgspec.field(default_factory=dict)
    spells: dict[str, Spell] = msgspec.field(default_factory=dict)
    wellness: dict[str, Wellness] = msgspec.field(default_factory=dict)
    changes: dict[str, Change] = msgspec.field(default_factory=dict)
    global_at: datetime | None = None
    """When a fault was last seen elsewhere, or told as global."""

    global_why: str = ""
    from_the_future: int = 0
    """Signals dropped because they were dated too far ahead."""

    unknown_words: int = 0
    """Deliveries with a word that no table knows. What such a word says counts for nothing."""

    last_unknown: str = ""
    """The newest of those words, with its field."""


_TRACK_KEYS = {
    (role, surface): f"{role.value if role else WORLD}.{surface.value}" for role in (*Role, None) for surface in Surface
}
_CLASS_KEYS = {(role, c): f"{role.value}.{c.value}" for role in Role for c in EvidenceClass}

MEMBER_KEYS: dict[tuple[Role, EvidenceClass], tuple[str, ...]] = {
    (role, c): tuple(_TRACK_KEYS[role, surface] for surface in MEMBERS.get(c, ()))
    for role in Role
    for c in EvidenceClass
}
"""Keys of the tracks that speak for a class of a side."""

SPEAKER: dict[str, tuple[Role, EvidenceClass]] = {key: speaker for speaker, keys in MEMBER_KEYS.items() for key in keys}
"""For which class of which side a track speaks."""

SIDE_KEYS: dict[Role, tuple[str, ...]] = {
    role: tuple(key for c in EvidenceClass for key in MEMBER_KEYS[role, c]) for role in Role
}
"""Keys of all tracks that speak for some class of a side."""


def track_key(role: Role | None, surface: Surface) -> str:
    return _TRACK_KEYS[role, surface]


def class_key(role: Role, evidence_class: EvidenceClass) -> str:
    return _CLASS_KEYS[role, evidence_class]
