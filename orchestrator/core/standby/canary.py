"""Canaries: small jobs that show whether a side runs work, and how their fate and the direct probe make one answer.

A canary is submitted through Resource Manager. Whatever goes wrong on that way says nothing about jobs: the result is
blind. Only a canary that was taken and then failed, or did not complete in time, is bad; and only where one of the same
making has completed before, for one that never could says something about the plan and not about the region.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import REMARK, count_of, format_duration
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.jobs.azure_status import CANARY_TAG, has_ended
from orchestrator.core.plan.schema import Canary, Hub, Plan
from orchestrator.core.schedule import place_before
from orchestrator.core.signals.signal import Signal

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
    waiting = count_of(len(stuck), "job waits", "jobs wait")
    return f"{waiting} for longer than {format_duration(limit)} and none has started or completed since"


def _has_moved(before: str, after: str) -> bool:
    """Failing is no movement: a region that dies fails its jobs."""
    return before != after and after not in WAITING | {"failed", "canceled", "cancelrequested", "unknown"}


API_VERSION = "2025-01-01-preview"

EXPERIMENT = "hubswitch-canaries"


class Result(Value, kw_only=True):
    """What the newest canary of a side says."""

    observation: Observation
    at: datetime
    why: str


class CanaryStatus(Value, kw_only=True):
    """A canary as Resource Manager shows it."""

    status: str
    submitted_at: datetime


def slot_of(plan: Plan, side: Role, now: datetime, *, ill: bool) -> datetime:
    """The beginning of the span of time that has one canary. It is shorter after a bad one, to hear sooner of a better.

    Every process finds the same spans, so that two of them submit the same canary.
    """
    length = plan.canary.deadline if ill else plan.canary.interval
    return place_before(f"{plan.pair}/{side}", now, length)


def name_of(plan: Plan, side: Role, slot: datetime) -> str:
    """The canary's name, from which the service knows a second submission of it."""
    return f"hubswitch-canary-{plan.pair}-{side}-{slot:%Y%m%dt%H%M%S}"


def body_of(canary: Canary, hub: Hub, compute: str, name: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """A canary as it is submitted. ``hubswitch.policy: never`` keeps it from being moved, should it be captured."""
    return {
        "properties": {
            "jobType": "Command",
            "displayName": name,
            "experimentName": EXPERIMENT,
            "command": canary.command,
            "environmentId": canary.environment,
            "computeId": f"{hub.project_id}/computes/{compute}",
            "tags": {**tags, "hubswitch.policy": "never"},
        }
    }


def watch_body(plan: Plan, side: Role, name: str) -> dict[str, Any]:
    """The canary of a watch, with the compute of that side: ``jobs.computes`` says what it is called there."""
    named = plan.canary.compute
    back = {there: here for here, there in plan.jobs.computes.items()}
    compute = back.get(named, named) if side is Role.PRIMARY else named
    return body_of(plan.canary, plan.side(side), compute, name, {CANARY_TAG: str(side)})


def archive(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same job, put out of the way of people and lists."""
    return {"properties": {**body["properties"], "isArchived": True}}


def making_id(plan: Plan, side: Role) -> str:
    """A short name for how a side's canaries are made: a change of it has to prove itself anew."""
    made = msgspec.json.encode(watch_body(plan, side, ""))
    return hashlib.blake2b(made, digest_size=9).hexdigest()


def judge_canary(
    plan: Plan, asked: CanaryStatus, now: datetime, *, proven: bool, moved_at: datetime | None, before: Result | None
) -> Result | None:
    """What a canary says now.

    Args:
        plan: with the deadline.
        asked: the canary.
        now: the present.
        proven: whether one of the same making has ever completed on this side.
        moved_at: when a job of somebody else was last seen to start or complete there.
        before: what the canary before it said: it stands until this one says something.
    """
    age = now - asked.submitted_at
    status = asked.status.casefold()
    if status == "completed":
        return Result(observation=Observation.OK, at=now, why="the canary completed")
    if status in {"canceled", "cancelrequested"}:
        return Result(observation=Observation.BLIND, at=now, why="somebody cancelled the canary")
    if not has_ended(status) and age < plan.canary.deadline:
        return before
    said = (
        "the canary failed"
        if has_ended(status)
        else f"the canary is {asked.status} {format_duration(age)} after it was taken"
    )
    if not proven:
        return Result(observation=Observation.BLIND, at=now, why=f"{said}; none has completed here before")
    if not has_ended(status) and moved_at is not None and moved_at >= asked.submitted_at:
        return Result(observation=Observation.BLIND, at=now, why=f"{said}, while other jobs move")
    return Result(observation=Observation.BAD, at=now, why=said)


def is_stale(plan: Plan, result: Result, now: datetime) -> bool:
    """Whether a result is so old that its successor should have been heard of."""
    return now - result.at > plan.canary.interval + plan.canary.deadline


def combine(direct: Observation, why: str, canary: Result | None, remark: str = "") -> tuple[Observation, str]:
    """The one answer of the surface ``jobs``.

    Bad if either is bad; else what the direct probe says. A canary that is well does not make well what cannot be
    asked now, for it is older; one that is blind takes nothing away from what was asked directly.

    Args:
        direct: what the job API of the region answered just now.
        why: its words.
        canary: the newest result, if there are canaries and it is not stale.
        remark: what is to be told and not counted, such as that jobs wait.
    """
    if direct is not Observation.BAD and canary is not None and canary.observation is Observation.BAD:
        return Observation.BAD, f"{canary.why}; {why}"
    told = [remark] if remark else []
    if canary is not None and canary.observation is Observation.BLIND:
        told.append(canary.why)
    return direct, why + (REMARK + "; ".join(told) if told else "")


def with_canaries(
    signals: Iterable[Signal], results: Mapping[Role, Result | None], remarks: Mapping[Role, str]
) -> tuple[Signal, ...]:
    """What one look found, with each side's ``jobs`` as both voices say it together."""

    def with_canary(signal: Signal) -> Signal:
        if signal.surface is not Surface.JOBS or signal.role is None:
            return signal
        role = signal.role
        observation, why = combine(signal.observation, signal.why, results.get(role), remarks.get(role, ""))
        return msgspec.structs.replace(signal, observation=observation, why=why)

    return tuple(with_canary(signal) for signal in signals)
