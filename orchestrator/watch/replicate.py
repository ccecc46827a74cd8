"""Making the standby ready ahead of time: what running jobs need and what could not be had when they were captured.

A step walks the ledger, oldest job first, and may end anywhere: what is done is in the ledger, and the next step goes
on. Nothing of it needs the active side, except what was never kept.

What exists in the standby may be deleted there behind our back. Each step looks at some of it in turn, and makes
anew what is gone.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from orchestrator import telemetry
from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import Conflict, HubswitchError, InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.listing import Lag, lag_of
from orchestrator.core.jobs.record import JobStatus
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Engine, World
from orchestrator.watch.process import Process
from orchestrator.watch.states import acted_for, readable_states
from orchestrator.watch.tick import TickBounds, raise_first, run_tick
from orchestrator.workflows.activities.assets import AssetCopier, AssetMissing
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


def replicate_pair(world: World, plan: Plan, active: Role) -> Replicated:
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
        why = _complete(world, plan, taker, name)
        completed += not why
        reasons += [why] if why else []
    restored, more = _restore(world, plan, active, until)
    return Replicated(
        completed=completed,
        lacking=len(reasons),
        restored=restored,
        why=(reasons + more)[0] if reasons + more else "",
        lag=lag_of(ledger.summaries(plan.pair), active),
    )


def _complete(world: World, plan: Plan, taker: Taker, name: str) -> str:
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


def _restore(world: World, plan: Plan, active: Role, until: datetime) -> tuple[int, list[str]]:
    """Look at some of what was made in the standby, each time at others."""
    assets = AssetCopier(world, plan, active)
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
                yield AssetCopier.id_in(kept)
            except InvalidInput:
                continue


def _turn(items: list[str], now: datetime, count: int) -> Iterator[str]:
    """``count`` items of a list, others each minute, so that in time each has its turn."""
    if len(items) <= count:
        return iter(items)
    minute = int(now.timestamp() // 60)
    start = int.from_bytes(hashlib.sha256(str(minute).encode()).digest()[:4]) % len(items)
    return islice([*items[start:], *items[:start]], count)


LOG = telemetry.logger("replicating")

LONGEST_TICK = timedelta(minutes=4)
"""A tick is over after this: less than half of ``functionTimeout`` in ``host.json``, which would end it anywhere."""

BUSY = timedelta(seconds=10)
"""What a step may take beyond its budget: the call that it is in."""

PAIRS_AT_ONCE = 4
"""Pairs brought up to date together. Their writes share one budget, so more would only wait for each other."""


async def replicate(process: Process, engine: Engine) -> int:
    """Bring the standby of every quiet pair up to date; how many pairs have something lacking still.

    How far each is behind is told as one line of the log, with its numbers as fields.
    """
    states = await readable_states(process, engine)
    quiet = acted_for(states)
    lacking: list[str] = []

    async def turn(pair: str) -> None:
        process.memory.replications.note(pair, process.clock.now())
        plan, active = process.plans[pair], quiet[pair]
        try:
            done = await asyncio.to_thread(replicate_pair, process.world, plan, active)
        except HubswitchError as fault:
            LOG.warning("%s: the standby could not be brought up to date: %s", pair, fault)
            return
        process.memory.lags[pair, active] = (process.clock.now(), done.lag)
        if done.lag.jobs:
            lacking.append(pair)
        _tell_lag(pair, done, process.clock.now())

    slot = TickBounds(LONGEST_TICK, BUDGET + BUSY, PAIRS_AT_ONCE)
    ended = await run_tick(process.memory.replications.order(dict.fromkeys(quiet)), turn, slot)
    if ended.unreached:
        LOG.info("the standbys of %d of %d pairs are brought up to date later", len(ended.unreached), len(quiet))
    raise_first(ended, "replicating")
    return len(lacking)


def _tell_lag(pair: str, done: Replicated, now: datetime) -> None:
    """``oldest_seconds`` is 0 if nothing lacks."""
    lag = done.lag
    telemetry.event(
        LOG,
        logging.WARNING if lag.jobs else logging.INFO,
        f"{pair}: {lag.jobs} running jobs lack {lag.assets} assets in the standby"
        + (f": {done.why}" if done.why else ""),
        metric="replication",
        pair=pair,
        running=lag.running,
        jobs=lag.jobs,
        assets=lag.assets,
        oldest_seconds=round((now - lag.since).total_seconds()) if lag.since else 0,
        completed=done.completed,
        restored=done.restored,
    )
