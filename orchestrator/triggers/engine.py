"""What triggers ask of the durable engine, with its client's types kept in this file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import grpc
from azure.durable_functions import DurableFunctionsClient
from durabletask.entities import EntityInstanceId

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError, InvalidInput, TemporaryError
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.run_reports import Report
from orchestrator.core.decision.state import PairState, read_state
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import beat_of
from orchestrator.watch.deliveries import Intake
from orchestrator.watch.revive import UNDER_WAY
from orchestrator.workflows import names
from orchestrator.workflows.messages import (
    AfterOrder,
    CaptureOrder,
    CaptureRun,
    Commanded,
    DrillOrder,
    Observed,
    Reported,
    RunOrder,
)

EngineError = grpc.RpcError

AT_ONCE = 64
"""Entities asked or told together: all pairs in a fraction of a tick, and no burst that an engine would refuse."""


class Run(NamedTuple):
    """One orchestration as people see it."""

    id: str
    name: str
    status: str
    waits_for: Any
    output: Any
    created_at: datetime
    updated_at: datetime


async def pair_state(client: DurableFunctionsClient, pair: str) -> PairState | None:
    """The stored state of a pair; None before its first look, also if an operation has left an entity without one.

    Raises:
        InvalidInput: it cannot be read.
    """
    found = await client.get_entity(EntityInstanceId(names.PAIR_ENTITY, pair))
    stored = found.get_state(str) if found else None
    return read_state(stored, f"state of {pair}") if stored else None


async def pair_states(
    client: DurableFunctionsClient, pairs: Iterable[str]
) -> dict[str, PairState | HubswitchError | None]:
    """What ``pair_state`` says of many pairs, asked side by side; in place of a state that cannot be read, why.

    Raises:
        EngineError: the engine does not answer for a single one.
    """
    limit = asyncio.Semaphore(AT_ONCE)
    lost: list[grpc.RpcError] = []

    async def asked(pair: str) -> PairState | HubswitchError | None:
        async with limit:
            try:
                return await pair_state(client, pair)
            except InvalidInput as fault:
                return fault
            except EngineError as fault:
                lost.append(fault)
                return TemporaryError(f"the engine did not tell the state of {pair}: {fault}")

    names_of = list(pairs)
    found = dict(zip(names_of, await asyncio.gather(*(asked(pair) for pair in names_of)), strict=True))
    if lost and len(lost) == len(names_of):
        raise lost[0]
    return found


async def observe(client: DurableFunctionsClient, pair: str, seen: Observed) -> None:
    await client.signal_entity(EntityInstanceId(names.PAIR_ENTITY, pair), names.OBSERVE, input=to_builtins(seen))


async def command(client: DurableFunctionsClient, pair: str, order: Command, now: datetime) -> None:
    said = Commanded(now=now, command=order)
    await client.signal_entity(EntityInstanceId(names.PAIR_ENTITY, pair), names.COMMAND, input=to_builtins(said))


async def hand_over(client: DurableFunctionsClient, plans: dict[str, Plan], found: Intake, now: datetime) -> None:
    """Give signals to their pairs' entities, side by side, and job names to capture runs."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def handed(pair: str) -> None:
        async with limit:
            await observe(client, pair, Observed(now=now, signals=found.signals[pair]))

    await asyncio.gather(*(handed(pair) for pair in found.signals))
    await capture(client, plans, found.captures)


async def capture(client: DurableFunctionsClient, plans: dict[str, Plan], orders: Iterable[CaptureOrder]) -> int:
    """Start a capture run per order; how many."""
    started = 0
    for order in orders:
        run = CaptureRun(order=order, beat=beat_of(plans[order.pair].policy))
        await client.schedule_new_orchestration(names.CAPTURE_RUN, input=to_builtins(run))
        started += 1
    return started


async def report(client: DurableFunctionsClient, pair: str, found: Report, now: datetime) -> None:
    said = Reported(now=now, report=found)
    await client.signal_entity(EntityInstanceId(names.PAIR_ENTITY, pair), names.REPORT, input=to_builtins(said))


async def status_of(client: DurableFunctionsClient, run_id: str) -> str | None:
    """The engine's word for an instance; None if it knows none."""
    found = await client.get_orchestration_state(run_id, fetch_payloads=False)
    return found.runtime_status.name.casefold() if found else None


async def begin_again(client: DurableFunctionsClient, order: RunOrder) -> None:
    """Start a run under an id that the engine may remember as ended."""
    await client.purge_orchestration(order.run)
    await client.schedule_new_orchestration(names.SWITCH_RUN, input=to_builtins(order), instance_id=order.run)


async def see_to_jobs(client: DurableFunctionsClient, order: RunOrder) -> bool:
    """Start what is done after a switch, unless it is under way; whether it was started."""
    instance = f"after-{order.pair}-e{order.epoch}"
    if await status_of(client, instance) in UNDER_WAY:
        return False
    await client.purge_orchestration(instance)
    given = to_builtins(AfterOrder(run=order))
    await client.schedule_new_orchestration(names.AFTER_RUN, input=given, instance_id=instance)
    return True


async def drill(client: DurableFunctionsClient, order: DrillOrder) -> str:
    """Start a drill; the id of its run."""
    return await client.schedule_new_orchestration(
        names.DRILL_RUN, input=to_builtins(order), instance_id=f"drill-{order.pair}-{order.drill}"
    )


async def run(client: DurableFunctionsClient, run_id: str) -> Run | None:
    found = await client.get_orchestration_state(run_id)
    if found is None:
        return None
    failure = found.failure_details
    return Run(
        id=run_id,
        name=found.name,
        status=found.runtime_status.name.casefold(),
        waits_for=found.get_custom_status() if found.serialized_custom_status else None,
        output=found.get_output() if found.serialized_output else (failure.message if failure else None),
        created_at=_utc(found.created_at),
        updated_at=_utc(found.last_updated_at),
    )


def _utc(at: datetime) -> datetime:
    """The engine gives UTC without a zone."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
