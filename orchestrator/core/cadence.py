"""How often polls are made, as a plan says it, and what became of the last, as a pair's state keeps it."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.base.codec import Moment, Value

BLIND_TOLD = 8
"""Reasons that are kept; of the others only how many there are."""


class Polls(Value, kw_only=True):
    """How often Resource Health, Service Health and the logs are asked, besides what they deliver by themselves."""

    interval: timedelta | None = timedelta(minutes=5)
    """Time between two polls of a pair that is well; null for none at all. What is asked is minutes late by itself."""

    suspect_interval: timedelta = timedelta(minutes=1)
    """The same while something is bad: a notice shortens the wait, so it should not be missed by minutes."""


class Polled(Value, kw_only=True):
    """What became of the last poll, as it is kept with the pair and shown."""

    at: Moment
    asked: int = 0
    """Questions: one for each resource group, subscription, and kind of log of a side."""

    blinds: int = 0
    """Things that could not be learnt."""

    blind: tuple[str, ...] = ()
    """Why, the first ``BLIND_TOLD`` of them."""
