"""What the status of an answer means, written once, with the source of each row. The first row that fits counts.

A 5xx is evidence against what was asked; a refusal, a redirect or a question that is not known is evidence of nothing.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.base.vocabulary import Observation


class ProbeVerdict(NamedTuple):
    observation: Observation
    why: str


class Asked(StrEnum):
    """What was asked."""

    SERVICE = "service"
    """A service of Azure, with a token."""

    SCORING = "scoring"
    """A scoring endpoint: what answers is a model's container, behind a front end of Azure."""

    REFERENCE = "reference"
    """Anything that shows whether it can be reached, without a token."""


class Meaning(NamedTuple):
    """One row."""

    statuses: range
    observation: Observation
    words: str
    """Follows the name of what was asked; ``{status}`` and ``{took}`` are filled in."""

    source: str


def _one(status: int) -> range:
    return range(status, status + 1)


ANSWERED = "answered {status} in {took}"
RFC_9110 = "RFC 9110, section 15"
SCORING_CODES = "learn.microsoft.com, Troubleshoot online endpoints, HTTP status codes"
RECORDED = "recorded traffic of a regional gateway: `unknown to cluster` as text/plain or application/octet-stream"
OURS = "our reading: the answer is no statement about what was asked"

UNKNOWN_TO_GATEWAY = 530
"""The regional gateway's word for a service that its cluster does not know."""

NOT_KNOWN = frozenset({404, 405, 501})
"""Statuses that say that what answers does not know the question (RFC 9110, 15.5.5, 15.5.6, 15.6.2)."""

_REDIRECT = Meaning(range(300, 400), Observation.BLIND, "answered {status}; redirects are not followed", OURS)
_GATEWAY = Meaning(
    _one(UNKNOWN_TO_GATEWAY), Observation.BLIND, "is unknown to the regional gateway ({status})", RECORDED
)
_FAILED = Meaning(range(500, 600), Observation.BAD, ANSWERED, RFC_9110)

_SERVICE = (
    Meaning(range(200, 300), Observation.OK, ANSWERED, RFC_9110),
    _REDIRECT,
    Meaning(_one(401), Observation.BLIND, "refused our token ({status})", RFC_9110),
    Meaning(_one(403), Observation.BLIND, "refused our identity ({status})", RFC_9110),
    Meaning(_one(404), Observation.BLIND, "does not know what we asked for ({status})", RFC_9110),
    Meaning(_one(405), Observation.BLIND, "does not take the method of our question ({status})", RFC_9110),
    Meaning(_one(408), Observation.BAD, ANSWERED, RFC_9110),
    Meaning(_one(429), Observation.BLIND, "asked us to slow down ({status})", "RFC 6585, section 4"),
    Meaning(range(400, 500), Observation.BLIND, "did not understand our question ({status})", RFC_9110),
    Meaning(_one(501), Observation.BLIND, "does not know our question ({status})", RFC_9110),
    _GATEWAY,
    _FAILED,
)

_SCORING = (
    Meaning(_one(408), Observation.DEGRADED, "answered {status} in {took}: the model was too slow", SCORING_CODES),
    Meaning(_one(424), Observation.BAD, "answered {status} in {took}: the model's container failed", SCORING_CODES),
    _GATEWAY,
    Meaning(range(500, 600), Observation.BAD, ANSWERED, SCORING_CODES),
    *_SERVICE,
)

_REFERENCE = (
    _REDIRECT,
    _GATEWAY,
    Meaning(range(100, 500), Observation.OK, ANSWERED, "our reading: what answers 401 or 404 to a stranger is there"),
    _FAILED,
)

MEANINGS: dict[Asked, tuple[Meaning, ...]] = {
    Asked.SERVICE: _SERVICE,
    Asked.SCORING: _SCORING,
    Asked.REFERENCE: _REFERENCE,
}

_ELSE = Meaning(range(0), Observation.BLIND, "answered {status}, which is no status of HTTP", OURS)


def read_status(what: str, status: int, took: timedelta, asked: Asked = Asked.SERVICE) -> ProbeVerdict:
    """What an answer of this status says."""
    row = next((row for row in MEANINGS[asked] if status in row.statuses), _ELSE)
    return ProbeVerdict(row.observation, f"{what} {row.words.format(status=status, took=seconds(took))}")


def seconds(duration: timedelta) -> str:
    """A duration as people read it: ``0.02 s``, ``4 s``."""
    return f"{duration.total_seconds():.2f}".rstrip("0").rstrip(".") + " s"
