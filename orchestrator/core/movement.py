"""Whether a side's jobs move: from two lists of them, one after the other. Pure.

That none moves is told and never counted by itself. Jobs wait for many reasons, most of them people's: a cluster at
its quota, a low priority, one long job before all others. It is what a canary is not blamed for when others do move.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import span
from orchestrator.core.jobs.azure_status import has_ended

WAITING = frozenset({"notstarted", "queued", "scheduled", "provisioning", "preparing", "starting"})
"""Statuses of a job that has been taken and does not run yet."""

BELIEVED_FOR = timedelta(minutes=15)
"""Age at which a list says nothing any more about jobs that wait."""


class Movement(Value, kw_only=True):
    """What a side's lists of jobs have shown so far."""

    at: datetime
    """When the newest list was read."""

    open: dict[str, str]
    """Status of each job that has not ended."""

    waiting: dict[str, datetime]
    """Jobs that wait, each with the time of the first list in which it did."""

    moved_at: datetime | None
    """When a job was last seen to have started or completed."""


def listed(before: Movement | None, statuses: Mapping[str, str], now: datetime) -> Movement:
    """What is known after a further list: the status of each job, by name."""
    known = before.open if before else {}
    since = before.waiting if before else {}
    found = {name: status.casefold() for name, status in statuses.items()}
    moved = any(_has_moved(known[name], status) for name, status in found.items() if name in known)
    return Movement(
        at=now,
        open={name: status for name, status in found.items() if not has_ended(status)},
        waiting={name: since.get(name, now) for name, status in found.items() if status in WAITING},
        moved_at=now if moved else (before.moved_at if before else None),
    )


def standstill(movement: Movement | None, now: datetime, limit: timedelta) -> str:
    """The sentence about jobs that wait while nothing moves; empty if there is none to tell."""
    if movement is None or now - movement.at > BELIEVED_FOR:
        return ""
    stuck = [name for name, since in movement.waiting.items() if now - since >= limit]
    if not stuck or (movement.moved_at is not None and now - movement.moved_at < limit):
        return ""
    return f"{len(stuck)} jobs wait for longer than {span(limit)} and none has started or completed since"


def _has_moved(before: str, after: str) -> bool:
    """Failing is no movement: a region that dies fails its jobs."""
    return before != after and after not in WAITING | {"failed", "canceled", "cancelrequested", "unknown"}
