"""Making the standby ready ahead of time: what running jobs need and what could not be had when they were captured.

A step walks the ledger, oldest job first, and may end anywhere: what is done is in the ledger, and the next step goes
on. Nothing of it needs the active side, except what was never kept.

What exists in the standby may be deleted there behind our back. Each step looks at some of it in turn, and makes
anew what is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import Conflict, HubswitchError, InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobStatus
from orchestrator.core.plan.schema import Plan
from orchestrator.core.replication import Lag, lag_of
from orchestrator.ports import World
from orchestrator.workflows.activities.assets import AssetMissing, Assets
from orchestrator.workflows.activities.capture_jobs import Taker

JOBS = 50
"""Jobs of one step. Each costs at least one read of the ledger."""

BUDGET = timedelta(seconds=50)
"""After this long a step begins nothing new, so that steps every minute do not pile up."""

LOOKED_AT = 20
"""Assets in the standby that one step looks at: Resource Manager grants far more reads than that."""


class Replicated(Value, kw_only=True):
    """What one step did, and what still lacks after it."""

    completed: int = 0
    """Jobs to which nothing lacks any more."""

    lacking: int = 0
    """Jobs that were tried in vain."""

    restored: int = 0
    """Assets that had vanished from the standby and were made anew."""

    why: str = ""
    """The first reason among those in vain."""

    lag: Lag = Lag()


def replicate(world: World, plan: Plan, active: Role) -> Replicated:
    """One step. One job or asset that fails does not stop the others."""
    until = world.clock.now() + BUDGET
    ledger = world.ledgers[plan.pair]
    waiting = sorted(
        (job for job in ledger.summaries(plan.pair) if job.hub is active and job.incomplete),
        key=lambda job: (job.captured_at, job.name),
    )
    names = [job.name for job in waiting if job.status is JobStatus.RUNNING]
    completed, reasons = 0, list[str]()
    taker = Taker(world, plan, active)
    for name in _turn(names, world.clock.now(), JOBS):
        if world.clock.now() > until:
            break
        why = _completed(world, plan, taker, name)
        completed += not why
        reasons += [why] if why else []
    restored, more = _restored(world, plan, active, until)
    return Replicated(
        completed=completed,
        lacking=len(reasons),
        restored=restored,
        why=(reasons + more)[0] if reasons + more else "",
        lag=lag_of(ledger.summaries(plan.pair), active),
    )


def _completed(world: World, plan: Plan, taker: Taker, name: str) -> str:
    """Try one job; why it still lacks something, or an empty string."""
    try:
        found = world.ledgers[plan.pair].read(plan.pair, name)
        if found is None or taker.complete(found) == "captured":
            return ""
        again = world.ledgers[plan.pair].read(plan.pair, name)
    except Conflict:
        return f"{name}: somebody else was writing its record"
    except HubswitchError as fault:
        return f"{name}: {fault}"
    return f"{name}: {again.value.incomplete}" if again and again.value.incomplete else ""


def _restored(world: World, plan: Plan, active: Role, until: datetime) -> tuple[int, list[str]]:
    """Look at some of what was made in the standby, each time at others."""
    assets = Assets(world, plan, active)
    restored, reasons = 0, list[str]()
    for asset_id in _some_made(world, plan, active):
        if world.clock.now() > until:
            break
        try:
            restored += assets.restore(asset_id)
        except (HubswitchError, AssetMissing) as fault:
            reasons.append(str(fault))
    return restored, reasons


def _some_made(world: World, plan: Plan, active: Role) -> Iterator[str]:
    """Ids, on the active side, of some assets that were made in the standby."""
    prefix = f"{plan.pair}/assets/made/{active.other}/"
    digests = [path.removeprefix(prefix) for path in world.ledgers[plan.pair].names(prefix)]
    for digest in _turn(digests, world.clock.now(), LOOKED_AT):
        kept = world.ledgers[plan.pair].get(f"{plan.pair}/assets/kept/{digest}")
        if kept is not None:
            try:
                yield Assets.id_in(kept)
            except InvalidInput:
                continue


def _turn(items: list[str], now: datetime, count: int) -> Iterator[str]:
    """``count`` items of a list, others each minute, so that in time each has its turn."""
    if len(items) <= count:
        return iter(items)
    minute = int(now.timestamp() // 60)
    start = int.from_bytes(hashlib.sha256(str(minute).encode()).digest()[:4]) % len(items)
    return islice([*items[start:], *items[:start]], count)
