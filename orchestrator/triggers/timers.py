"""The timers: looking at pairs, reconciling the ledger with the hubs, bringing the standbys up to date."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from azure.durable_functions import DurableFunctionsClient

from orchestrator import telemetry
from orchestrator.bootstrap import CANARY_THREADS, THREADS, Deployment
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.state import PairState
from orchestrator.core.jobs.azure_status import status_of
from orchestrator.core.plan.schema import Plan
from orchestrator.core.recording import Looked
from orchestrator.core.schedule import sides_by_subscription
from orchestrator.core.standby.canary import with_canaries
from orchestrator.ports import World
from orchestrator.triggers import engine
from orchestrator.triggers.slots import Ended, Slot, carried_out
from orchestrator.watch.canaries import Visit
from orchestrator.watch.look import is_due, left_for_later, look, looks_at_pointer, share_moving
from orchestrator.watch.revive import ended_early, needs_revival, order_again, reported_again
from orchestrator.watch.stamps import Surroundings
from orchestrator.workflows.activities.capture_jobs import reconciled
from orchestrator.workflows.activities.notify import summary_path
from orchestrator.workflows.activities.settle_jobs import order_after
from orchestrator.workflows.messages import CaptureOrder, Observed

LOG = telemetry.logger("timers")

AT_ONCE = THREADS
"""Pairs looked at together. Each look holds a handful of connections."""

LOOKS_PART = 0.9
"""Part of the slot after which looks are given up: the tick must be over when the next one begins."""

CANARIES_PART = 0.6
"""The same for canaries, which nobody waits for."""

LISTED_AT_ONCE = 4
"""Pairs reconciled together: each reads pages of one list through Resource Manager, one after another."""

LISTED_UNTIL = 0.7
"""Part of a reconciliation's slot after which no further page of a list is read."""

QUIET = frozenset({Phase.STEADY, Phase.SUSPECT, Phase.SETTLED, Phase.AWAITING_APPROVAL})
"""Phases in which the ledger may be reconciled: in the others a run is writing it."""


async def watch(deployment: Deployment, client: DurableFunctionsClient) -> int:
    """Look at every pair that is due and hand what was seen to its entity; how many were looked at.

    A pair whose stored state cannot be read is left alone. One that fails does not stop the others; what it raised
    is raised at the end, so that the host shows this invocation as failed. Those that the tick has no time for are
    looked at first in the next one.
    """
    states = await readable_states(deployment, client)
    now = deployment.clock.now()
    waiting = {p: s.looked_at if s else None for p, s in states.items() if is_due(s, deployment.plans[p], now)}
    world = await deployment.assembled()
    tick = Tick(deployment, client, world._replace(probes=world.probes.for_one_tick()), states)
    settings = deployment.settings
    slot = Slot(settings.watch_slot * LOOKS_PART, settings.probe_timeout + settings.connect_timeout, AT_ONCE)
    ended, _ = await asyncio.gather(
        carried_out(deployment.looks.in_order(waiting), tick.look_at, slot),
        _canaries(deployment, world, states, now),
    )
    if ended.unreached:
        LOG.warning("%d of %d pairs were not reached in time, %s first", *_unreached(ended, waiting))
    raised(ended, "looking at")
    return len(ended.well)


class Tick:
    """What the looks of one tick share: the states as they were read, what the stamps share, and one set of tokens."""

    def __init__(
        self,
        deployment: Deployment,
        client: DurableFunctionsClient,
        world: World,
        states: Mapping[str, PairState | None],
    ) -> None:
        self._deployment = deployment
        self._client = client
        self._world = world
        self._states = states
        self._sides = sides_by_subscription(deployment.plans.values())
        known = [state for state in states.values() if state]
        distinct = {plan.policy.mass_from: plan for plan in deployment.plans.values()}
        self._pointers = Counter(plan.pointer.endpoint for plan in deployment.plans.values())
        self._around = Surroundings(world, deployment.settings.stamp)
        self._moving = {number: share_moving(known, plan) for number, plan in distinct.items()}

    async def look_at(self, pair: str) -> None:
        """Look at one pair, hand over what was seen, and see after its run."""
        plan, state, now = self._deployment.plans[pair], self._states[pair], self._deployment.clock.now()
        self._deployment.looks.had(pair, now)
        sides = max(self._sides[plan.side(role).subscription.casefold()] for role in Role)
        seen = await look(
            self._world,
            plan,
            self._around,
            self._moving[plan.policy.mass_from],
            without=left_for_later(state, plan, sides, now),
            with_pointer=looks_at_pointer(state, plan, self._pointers[plan.pointer.endpoint], now),
            threads=self._deployment.threads,
        )
        canaries = self._deployment.canaries
        signals = with_canaries(seen.signals, canaries.results(plan, now), canaries.remarks(plan, now))
        seen = msgspec.structs.replace(seen, signals=signals)
        await engine.observe(self._client, plan.pair, seen)
        await asyncio.get_running_loop().run_in_executor(
            self._deployment.threads, _record, self._deployment, plan, state, seen
        )
        await _tell_stamps(self._deployment, plan, state)
        await _revive(self._deployment, self._client, plan, state, seen)


async def _canaries(
    deployment: Deployment, world: World, states: Mapping[str, PairState | None], now: datetime
) -> None:
    """Submit canaries and look at them, beside the looks: no look waits for Resource Manager.

    What they say is heard by the next look. One that is given up goes on in its thread, and is not begun a second time.
    """
    due = {
        f"{pair}/{side}": (pair, side)
        for pair in states
        for side in deployment.canaries.due(deployment.plans[pair], now)
    }
    order = deployment.canary_looks.in_order(dict.fromkeys(due))

    async def turn(name: str) -> None:
        pair, side = due[name]
        state = states[pair]
        deployment.canary_looks.had(name, now)
        may_submit = state is not None and state.phase in QUIET
        visit = Visit(world, deployment.plans[pair], side, now, may_submit)
        await asyncio.get_running_loop().run_in_executor(deployment.canary_threads, deployment.canaries.ask, visit)

    length = deployment.settings.watch_slot * CANARIES_PART
    ended = await carried_out(order, turn, Slot(length, length / 2, CANARY_THREADS))
    _told(ended, "the canary of")


def _unreached(ended: Ended, waiting: Mapping[str, object]) -> tuple[int, int, str]:
    return len(ended.unreached), len(waiting), ended.unreached[0]


def _told(ended: Ended, doing: str) -> None:
    for pair, fault in ended.faults.items():
        LOG.error("%s %s failed: %s", doing, pair, fault)


def raised(ended: Ended, doing: str) -> None:
    """Tell what went wrong with single pairs, and raise the first of it."""
    _told(ended, doing)
    for fault in ended.faults.values():
        raise fault


def _record(deployment: Deployment, plan: Plan, state: PairState | None, seen: Observed) -> None:
    line = Looked(
        pair=plan.pair,
        now=seen.now,
        signals=seen.signals,
        trouble=seen.trouble,
        shared=seen.shared,
        pairs_moving=seen.pairs_moving,
    )
    deployment.recorder.look(deployment.world.ledgers[plan.pair], plan, state, line)


async def _tell_stamps(deployment: Deployment, plan: Plan, state: PairState | None) -> None:
    """Let the other stamps know what this one saw at its last look. They do without if it cannot be told."""
    if state is None:
        return
    loop, tell = asyncio.get_running_loop(), deployment.teller.tell
    try:
        await loop.run_in_executor(deployment.threads, tell, deployment.world, plan, state)
    except HubswitchError as fault:
        LOG.warning("%s: the other stamps could not be told what is seen here: %s", plan.pair, fault)


async def _revive(
    deployment: Deployment, client: DurableFunctionsClient, plan: Plan, state: PairState | None, seen: Observed
) -> None:
    """Begin the run again that holds the epoch, or report the one that never did, if the engine has lost it."""
    record, now = seen.record, deployment.clock.now()
    if record is None or seen.is_fenced:
        return
    if record.run and (plan.pair, record.run) not in deployment.summarised:
        path = summary_path(plan.pair, record.run)
        summary = await asyncio.to_thread(deployment.world.ledgers[plan.pair].get, path)
        if summary is not None:
            deployment.summarised.add((plan.pair, record.run))
        elif needs_revival(record, await engine.status_of(client, record.run), plan, now):
            LOG.warning("%s: %s is begun again", plan.pair, record.run)
            await engine.begin_again(client, order_again(record, plan, now))
    if state and (plan.pair, record.run) in deployment.summarised and state.run == record.run:
        for unheard in reported_again(state, record, await engine.status_of(client, record.run or ""), plan, now):
            await engine.report(client, plan.pair, unheard, now)
    if state and state.run:
        report = ended_early(state, record, await engine.status_of(client, state.run), plan, now)
        if report:
            await engine.report(client, plan.pair, report, now)


async def reconcile(deployment: Deployment, client: DurableFunctionsClient) -> int:
    """Start capture runs for every job whose ledger record and hub differ; how many.

    Where the last switch is over, what it left behind is seen to as well. Pairs take turns: those that a tick has no
    time for come first in the next one. Nothing is begun in the second half of the slot, so that every list has some
    time.
    """
    states = await readable_states(deployment, client)
    quiet = {pair: state.active for pair, state in states.items() if state and state.phase in QUIET}
    started: list[int] = []
    loop, length = asyncio.get_running_loop(), deployment.settings.reconcile_slot
    until = deployment.clock.now() + length * LISTED_UNTIL

    async def turn(pair: str) -> None:
        deployment.reconciliations.had(pair, deployment.clock.now())
        plan, side = deployment.plans[pair], quiet[pair]
        try:
            orders = await loop.run_in_executor(deployment.threads, _orders, deployment, plan, side, until)
        except HubswitchError as fault:
            LOG.warning("%s: the %s could not be listed: %s", pair, side, fault)
            return
        started.append(await engine.capture(client, dict(deployment.plans), orders))
        await _see_to_jobs(deployment, client, plan, states[pair])

    slot = Slot(length, length / 2, LISTED_AT_ONCE)
    ended = await carried_out(deployment.reconciliations.in_order(dict.fromkeys(quiet)), turn, slot)
    if ended.unreached:
        LOG.info("%d of %d pairs are reconciled later, %s first", *_unreached(ended, quiet))
    raised(ended, "reconciling")
    return sum(started)


async def _see_to_jobs(
    deployment: Deployment, client: DurableFunctionsClient, plan: Plan, state: PairState | None
) -> None:
    """Retry jobs that wait, and settle old runs, once the run that holds the epoch has ended."""
    if state is None:
        return
    try:
        order = await asyncio.to_thread(order_after, deployment.world, plan, state)
    except HubswitchError as fault:
        LOG.warning("%s: what waits could not be listed: %s", plan.pair, fault)
        return
    if order:
        await engine.see_to_jobs(client, order)


def _orders(deployment: Deployment, plan: Plan, side: Role, until: datetime) -> list[CaptureOrder]:
    """Orders for what differs, from as much of the hub's list as can be read in time."""
    statuses: dict[str, str] = {}

    def heed(page: Sequence[dict[str, Any]]) -> None:
        statuses.update({job["name"]: status_of(job) for job in page})

    orders = list(reconciled(deployment.world, plan, side, heed, until))
    if deployment.clock.now() > until:
        LOG.warning("%s: the list of the %s is too long to be read at once; its newest part was", plan.pair, side)
    deployment.canaries.listed(plan, side, statuses, deployment.clock.now())
    return orders


async def readable_states(deployment: Deployment, client: DurableFunctionsClient) -> dict[str, PairState | None]:
    """The state of every pair, None before its first look; pairs whose state cannot be read are left out."""
    found = await engine.pair_states(client, deployment.plans)
    for pair, state in found.items():
        if isinstance(state, HubswitchError):
            LOG.error("%s stands still: %s", pair, state)
    return {pair: state for pair, state in found.items() if not isinstance(state, HubswitchError)}
