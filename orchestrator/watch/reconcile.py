"""Compare a hub's list of jobs with the ledger, and order what differs to be captured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.acting import follows
from orchestrator.core.decision.state import PairState
from orchestrator.core.jobs.azure_status import has_ended, is_ours, status_of
from orchestrator.core.jobs.record import JobStatus, JobSummary
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import rotate
from orchestrator.ports import Engine, World
from orchestrator.watch.process import Process
from orchestrator.watch.states import is_quiet, readable_states
from orchestrator.watch.tick import TickBounds, count_unreached, raise_first, run_tick
from orchestrator.workflows import calls
from orchestrator.workflows.activities.settle_jobs import order_after
from orchestrator.workflows.messages import CaptureOrder

LOG = telemetry.logger("timers")

LISTED_AT_ONCE = 4
"""Pairs reconciled together: each reads pages of one list through Resource Manager, one after another."""

LISTED_UNTIL = 0.7
"""Part of a reconciliation's slot after which no further page of a list is read."""

CHUNK = 25
"""Jobs per capture order."""


def find_differing(
    world: World,
    plan: Plan,
    side: Role,
    heed: Callable[[Sequence[dict[str, Any]]], None] | None = None,
    until: datetime | None = None,
) -> Iterator[CaptureOrder]:
    """Orders for every job whose state in the hub and in the ledger differ.

    Args:
        world: the ports.
        plan: the pair's.
        side: whose jobs are listed.
        heed: called with each page's jobs that are not ours.
        until: no further page is read after it. The newest jobs come first in the list; of those in the ledger that
            were not met by then, some are asked for by name, others each time.
    """
    everything = {summary.name: summary for summary in world.ledgers[plan.pair].summaries(plan.pair)}
    yield from _under_way(plan, everything.values())
    ledger = {name: summary for name, summary in everything.items() if summary.hub is side}
    differing: list[str] = []
    met: set[str] = set()
    for page in world.jobs.pages(plan.side(side)):
        differing += [job["name"] for job in page if _differs(job, ledger)]
        met.update(job["name"] for job in page)
        if heed:
            heed(tuple(job for job in page if not is_ours(job)))
        if until and world.clock.now() >= until:
            differing += _some_not_met(ledger, met, world.clock.now())
            break
    yield from _in_chunks(plan, side, differing)


def find_left(world: World, plan: Plan, side: Role, until: datetime | None = None) -> Iterator[CaptureOrder]:
    """Orders for the jobs that run, by the ledger's word, on the side that is not active, and have ended there.

    A failback and a planned failover leave them there. Nobody asks that side while nothing of it runs.

    Args:
        world: the ports.
        plan: the pair's.
        side: the one that is not active.
        until: no further page of its list is read after it; of those not met by then, some are asked for by name.
    """
    ledger = {
        summary.name: summary
        for summary in world.ledgers[plan.pair].summaries(plan.pair)
        if summary.hub is side and summary.status is JobStatus.RUNNING
    }
    if not ledger:
        return
    ended: list[str] = []
    met: set[str] = set()
    for page in world.jobs.pages(plan.side(side)):
        here = [job for job in page if job["name"] in ledger]
        ended += [job["name"] for job in here if has_ended(status_of(job))]
        met.update(job["name"] for job in here)
        if len(met) == len(ledger):
            break
        if until and world.clock.now() >= until:
            ended += _some_not_met(ledger, met, world.clock.now())
            break
    yield from _in_chunks(plan, side, ended)


def _in_chunks(plan: Plan, side: Role, jobs: Sequence[str]) -> Iterator[CaptureOrder]:
    for start in range(0, len(jobs), CHUNK):
        yield CaptureOrder(pair=plan.pair, side=side, jobs=tuple(jobs[start : start + CHUNK]))


def _some_not_met(ledger: Mapping[str, JobSummary], met: Collection[str], now: datetime) -> list[str]:
    """A few of the jobs that run by the ledger's word and were not listed in time: other ones each minute."""
    unseen = sorted(name for name, known in ledger.items() if known.status is JobStatus.RUNNING and name not in met)
    return rotate(unseen, CHUNK, now)


def _under_way(plan: Plan, summaries: Iterable[JobSummary]) -> Iterator[CaptureOrder]:
    """Orders for the submissions of both sides that nobody has reported an end of."""
    waiting: dict[Role, list[str]] = {role: [] for role in Role}
    for summary in summaries:
        if summary.status is JobStatus.SUBMITTING:
            waiting[summary.hub].append(summary.name)
    for role, found in waiting.items():
        yield from _in_chunks(plan, role, found)


def _differs(job: dict[str, Any], ledger: dict[str, JobSummary]) -> bool:
    """Whether a listed job needs a look: the ledger does not have it, or has missed its end."""
    known = ledger.get(job["name"])
    if is_ours(job):
        return False
    if known is not None and known.status is JobStatus.NOT_SUBMITTED:
        return True
    if has_ended(status_of(job)):
        return known is not None and known.status is JobStatus.RUNNING
    return known is None


async def reconcile(process: Process, engine: Engine) -> int:
    """Start capture runs for every job whose ledger record and hub differ; how many.

    Where the last switch is over, what it left behind is seen to as well. Pairs take turns: those that a tick has no
    time for come first in the next one. Nothing is begun in the second half of the slot, so that every list has some
    time.
    """
    states = await readable_states(process, engine)
    quiet = {pair: state.active for pair, state in states.items() if state and is_quiet(state)}
    started: list[int] = []
    loop, length = asyncio.get_running_loop(), process.settings.reconcile_slot
    until = process.clock.now() + length * LISTED_UNTIL

    async def turn(pair: str) -> None:
        process.memory.reconciliations.note(pair, process.clock.now())
        plan, side = process.plans[pair], quiet[pair]
        try:
            orders = await loop.run_in_executor(process.memory.threads, _orders, process, plan, side, until)
        except HubswitchError as fault:
            LOG.warning("%s: the %s could not be listed: %s", pair, side, fault)
            return
        started.append(await calls.capture(engine, dict(process.plans), orders))
        await _see_to_jobs(process, engine, plan, states[pair])

    slot = TickBounds(length, length / 2, LISTED_AT_ONCE)
    ended = await run_tick(process.memory.reconciliations.order(dict.fromkeys(quiet)), turn, slot)
    if ended.unreached:
        LOG.info("%d of %d pairs are reconciled later, %s first", *count_unreached(ended, quiet))
    raise_first(ended, "reconciling")
    return sum(started)


async def _see_to_jobs(process: Process, engine: Engine, plan: Plan, state: PairState | None) -> None:
    """Retry jobs that wait, and settle old runs, once the run that holds the epoch has ended. The leader does."""
    if state is None or follows(state):
        return
    try:
        order = await asyncio.to_thread(order_after, process.world, plan, state)
    except HubswitchError as fault:
        LOG.warning("%s: what waits could not be listed: %s", plan.pair, fault)
        return
    if order:
        await calls.settle_jobs(engine, order)


def _orders(process: Process, plan: Plan, side: Role, until: datetime) -> list[CaptureOrder]:
    """Orders for what differs, from as much of the hub's list as can be read in time."""
    statuses: dict[str, str] = {}

    def heed(page: Sequence[dict[str, Any]]) -> None:
        statuses.update({job["name"]: status_of(job) for job in page})

    orders = list(find_differing(process.world, plan, side, heed, until))
    if process.clock.now() > until:
        LOG.warning("%s: the list of the %s is too long to be read at once; its newest part was", plan.pair, side)
    process.memory.canaries.listed(plan, side, statuses, process.clock.now())
    try:
        orders += find_left(process.world, plan, side.other, until)
    except HubswitchError as fault:
        LOG.warning("%s: what runs in the %s could not be listed: %s", plan.pair, side.other, fault)
    return orders
