"""The shapes that parsing gives: ``Parsed`` is a promise to scripts, ``Details`` is for our own routing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.vocabulary import Cause, EvidenceClass, Observation


class ElementKind(StrEnum):
    """What a delivered element is for us."""

    SIGNAL = "signal"
    JOB = "job"
    CHANGE = "change"
    CONFIG = "config"
    ASSET = "asset"
    HANDSHAKE = "handshake"
    IGNORED = "ignored"
    INVALID = "invalid"


class Parsed(Value, kw_only=True):
    """One element of a body, normalised. Its JSON is what ``hubswitch events parse`` prints, field by field."""

    kind: ElementKind
    type: str | None = None
    """Event type, or for alerts the monitoring service or event source, as sent."""

    evidence_class: EvidenceClass | None = msgspec.field(default=None, name="class")
    observation: Observation | None = None
    cause: Cause = Cause.NONE
    target: str | None = None
    """ARM id in lower case, without a Resource Health tail."""

    regions: tuple[str, ...] = ()
    """Canonical names, sorted; ``global`` is one of them."""

    occurred_at: datetime | None = None
    """UTC."""

    dedupe_key: str
    counts: bool = False
    """True only if it may be evidence for a failover."""

    why: str


class NoticeStep(StrEnum):
    """How far a message of Service Health about an incident says that the incident has come."""

    ACTIVE = "active"
    RESOLVED = "resolved"
    REVIEW = "review"
    """A root cause analysis or a post incident review (PIR), preliminary or final."""

    WITHDRAWN = "withdrawn"
    """Microsoft marked the incident as a false positive."""


class IncidentMessage(Value, kw_only=True):
    """A message of Service Health about an incident, for the report of a run."""

    step: NoticeStep
    title: str
    text: str
    """What Microsoft wrote, without markup, cut."""

    impact_start: Moment | None
    impact_end: Moment | None
    """Both as Microsoft claims; both are revised later."""


class Details(Value, kw_only=True):
    """What routing needs beyond the promise."""

    targets: tuple[str, ...] = ()
    """All resources that an alert names, in lower case."""

    run: str | None = None
    """Azure ML's id of the run."""

    run_status: str | None = None
    """Azure ML's word for the run's status; None if the event does not tell it."""

    validation_code: str | None = None
    """What has to be sent back in the handshake."""

    tracking: str | None = None
    """Service Health's tracking id."""

    places: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Service Health: each service with the regions in which it is touched."""

    incident: IncidentMessage | None = None
    """Service Health: what it says of an incident; None for maintenance, advice and tests."""

    rule: str | None = None
    """Name of the alert rule."""

    is_severe: bool = False
    """True for alerts of a severity that counts."""

    unknown: tuple[str, ...] = ()
    """Words that no table knows, each with its field. What they say counts for nothing."""

    series: str | None = None
    """What tells one series of an alert rule from another: a rule that is split sends several under one name."""

    is_deletion: bool = False
    is_write: bool = False
    is_action: bool = False
    """A successful action on a resource, such as new keys."""


class Fact(NamedTuple):
    parsed: Parsed
    details: Details = Details()
