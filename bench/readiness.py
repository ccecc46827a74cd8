"""What a look at a standby costs of Resource Manager's reads: the first one, the next ones, and those of many pairs."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

from bench.measure import Measured, at_most, say
from bench.stage import Stage, stage
from orchestrator.adapters.assembly import assemble
from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.credential import Identity, credential_for
from orchestrator.adapters.http.pacing import Budget, Pacer
from orchestrator.adapters.http.transport import BoundedTransport, Gate, limits_from
from orchestrator.adapters.hub.search_services import SearchServices
from orchestrator.adapters.hub.side_inventory import READ_BURST, READS_PER_SECOND, ArmSideInventories
from orchestrator.clock import SystemClock
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.decision.standing import EVERY
from orchestrator.core.jobs.record import Asset, JobRecord, JobStatus
from orchestrator.core.plan.schema import Plan
from orchestrator.local.simulated_plan import plan_of
from orchestrator.local.workload import User
from orchestrator.ports import World
from orchestrator.settings import Settings, settings_from
from orchestrator.simulator.estate import estate_of
from orchestrator.simulator.identity import READER
from orchestrator.standby.readiness import look_at_standby
from orchestrator.workflows.activities.assets import AssetCopier

WITHIN = 1.1
SECOND = 0.1
HUNDRED = 100
LATENCY = 0.1
"""Seconds added to every answer of Resource Manager."""

SPEED = 100.0
"""Of what the simulated Azure does by itself: a workspace's diagnosis is over within a second or two."""

PAIR = "demo"
"""The pair whose jobs need assets."""

PER_JOB = 5
"""Assets that one job names."""

AT_ONCE = 8
PAIRS_AT_ONCE = 2
"""Pairs that are looked at together; each look has a dozen reads under way by itself."""

HOW = """\
Running jobs of the ledger name so many environments in all, each of a name of its own, which stand in both hubs. A \
look reads both sides and compares them, as the timer's does: real clients, over HTTPS, one subscription for both \
sides. reads: GETs that Resource Manager got from the reader, pages and results of diagnoses included. first: the \
reader may spend all that Azure grants one identity there, 250 reads and 25 a second, which the simulated Resource \
Manager enforces with 429; bound: max(0, reads - burst) / rate seconds. The goal is seconds / bound; every answer \
takes 0.1 s more than the simulation needs. (With --quick the burst is 60 and the rate 50/s, for few assets stay \
within the real burst.) first_without_budget_s: the same look with no budget to keep to; where that is not well below \
the bound, the machine was too busy for the goal to say anything. second: the same look half an hour later by the \
clock of what is remembered; the goal is its reads / those of the first one. day: the looks of a day, one each half \
hour by that clock; from their mean follow the seconds that a hundred such pairs of one subscription take of half an \
hour, at the share of reads that readiness has beside probes and polls (10/s). The first look is one of them, and \
nothing that pairs share is taken off. hundred_first_looks_s: the same if all hundred are first looks, as after a \
restart. pairs_without_assets: two looks at each of many pairs of one subscription, as counted: what one pair has \
read serves others. bytes: of answers of Resource Manager."""


class Size(NamedTuple):
    assets: int
    burst: int
    rate: float
    pairs: int
    looks: int
    """Looks of the day that are done; their mean stands for all."""


class Cost(NamedTuple):
    """What one look took."""

    reads: int
    refused: int
    """Reads that met 429."""

    bytes: int
    seconds: float


class Clock:
    """The time of what is remembered, which a benchmark moves on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def measured(*, quick: bool) -> Measured:
    size = Size(60, 60, 50.0, 3, 4) if quick else Size(500, 250, 25.0, 25, 48)
    names = [PAIR, *(f"pair-{number}" for number in range(1, size.pairs))]
    with stage(estate=estate_of(pairs=names), speed=SPEED) as at:
        plans = {name: plan_of(at.azure, name) for name in names}
        world = assemble(settings_of(), plans, SystemClock())
        make_assets(at, world, plans[PAIR], size.assets)
        with patient_reads(at):
            first = look_within_budget(at, world, plans[PAIR], size)
        later = look_for_a_day(at, first.world, plans[PAIR], first.clock, size.looks)
        many = look_at_many(at, world, [plans[name] for name in names[1:]])
    costs = [first.cost, *later]
    bound = max(0.0, first.cost.reads - size.burst) / size.rate
    mean = sum(each.reads for each in costs) / len(costs)
    goals = (
        at_most(WITHIN, first.cost.seconds / bound, "readiness: seconds of the first look / bound by reads"),
        at_most(SECOND, later[0].reads / first.cost.reads, "readiness: reads of the second look / of the first"),
        at_most(
            EVERY.total_seconds(), share_of_many(mean), "readiness: seconds of reads for 100 pairs in half an hour"
        ),
    )
    return Measured(
        goals=goals,
        runs=1,
        how=HOW,
        figures=_figures(size, costs, bound, mean, many) | {"first_without_budget_s": round(first.unpaced.seconds, 3)},
    )


def share_of_many(mean: float) -> float:
    """Seconds that the looks at a hundred pairs take at the share of reads that readiness has."""
    return max(0.0, HUNDRED * mean - READ_BURST) / READS_PER_SECOND


def settings_of() -> Settings:
    """Settings of an app that waits long for answers: what is counted is calls, however busy the machine."""
    patient = {f"HUBSWITCH_{what}_TIMEOUT": "60s" for what in ("CONNECT", "READ")}
    return settings_from({**os.environ, **patient, "HUBSWITCH_PLANS": "plans"})


def make_assets(at: Stage, world: World, plan: Plan, number: int) -> None:
    """Let running jobs of the ledger need so many assets, which stand on both sides."""
    say(f"readiness: making {number} assets on both sides")
    user = User(at.azure)
    copier = AssetCopier(world, plan, Role.PRIMARY)

    def make(index: int) -> Asset:
        asset = Asset(kind="environment", id=user.registered_environment(plan.primary, f"env-{index:04}"))
        copier.ensure(copier.keep([asset]))
        return asset

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        assets = list(pool.map(make, range(number)))
        records = [_record(plan, index, assets[index : index + PER_JOB]) for index in range(0, number, PER_JOB)]
        list(pool.map(world.ledgers[plan.pair].create, records))


def _record(plan: Plan, number: int, closure: Sequence[Asset]) -> JobRecord:
    name = f"job-{number:05}"
    return JobRecord(
        pair=plan.pair,
        name=name,
        root=name,
        hub=Role.PRIMARY,
        status=JobStatus.RUNNING,
        policy=JobPolicy.IF_INTERRUPTED,
        api_version="2025-01-01-preview",
        body={"properties": {"jobType": "Command", "environmentId": closure[0].id}},
        azure_status="Running",
        captured_at=datetime.now(UTC),
        epoch=0,
        closure=tuple(closure),
    )


@contextlib.contextmanager
def patient_reads(at: Stage) -> Iterator[None]:
    """Every answer of Resource Manager takes longer."""
    at.azure.faults.latency(LATENCY, "resource-manager")
    try:
        yield
    finally:
        at.azure.faults.latency(0.0, "resource-manager")


class Read(NamedTuple):
    """A first look, and what remembers it."""

    cost: Cost
    unpaced: Cost
    """The same with no budget to keep to."""

    world: World
    clock: Clock


def look_within_budget(at: Stage, world: World, plan: Plan, size: Size) -> Read:
    """The first look of a process, by a reader that may spend all that Azure grants, and no more."""
    say(f"readiness: the first look, with {size.burst} reads + {size.rate:g}/s")
    clock, pace = Clock(), SwitchedPace(Pacer(Budget(size.rate, size.burst)))
    world = world._replace(sides=reading(pace, clock))
    throttle = at.azure.throttle
    throttle.read_burst, throttle.read_rate, throttle.enabled = size.burst, size.rate, True
    at.azure.call(throttle.reset)
    try:
        cost = look(at, world, plan)
    finally:
        throttle.enabled = False
    pace.pacer = UNPACED
    say(f"readiness: {cost.reads} reads in {cost.seconds:.1f} s; the same with no budget")
    unpaced = look(at, world._replace(sides=reading(SwitchedPace(UNPACED), Clock())), plan)
    return Read(cost, unpaced, world, clock)


class SwitchedPace:
    """The share of reads of every subscription, which may be lifted."""

    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer

    def __call__(self, _subscription: str) -> Pacer:
        return self.pacer


UNPACED = Pacer(Budget(1e6, 1_000_000))


def reading(pace: SwitchedPace, clock: Clock) -> ArmSideInventories:
    """What reads sides, as the reader, over connections of its own."""
    settings = settings_of()
    transport = BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle)
    credential = credential_for(settings, Identity.READER, transport)
    manager = ResourceManager(settings.resource_manager, credential, transport)
    searches = SearchServices(credential, transport, lambda _: UNPACED, manager.endpoint)
    return ArmSideInventories(manager, pace, searches, clock.now)


def look_for_a_day(at: Stage, world: World, plan: Plan, clock: Clock, looks: int) -> list[Cost]:
    """The looks that follow the first one, half an hour after each other."""
    say(f"readiness: {looks - 1} more looks")
    costs = list[Cost]()
    for _ in range(looks - 1):
        clock.ahead += EVERY
        costs.append(look(at, world, plan))
        if len(costs) == 1:
            say(f"readiness: the second look: {costs[0].reads} reads")
    return costs


def look_at_many(at: Stage, world: World, plans: Sequence[Plan]) -> dict[str, Any]:
    """The first and the second looks at many pairs without assets, by one process."""
    say(f"readiness: {len(plans)} more pairs")
    clock = Clock()
    world = world._replace(sides=reading(SwitchedPace(UNPACED), clock))
    first = measure(at, lambda: look_at_all(world, plans))
    clock.ahead += EVERY
    second = measure(at, lambda: look_at_all(world, plans))
    return {"pairs": len(plans), "reads_of_first_looks": first.reads, "reads_of_second_looks": second.reads}


def look_at_all(world: World, plans: Sequence[Plan]) -> None:
    with ThreadPoolExecutor(max_workers=PAIRS_AT_ONCE) as pool:
        list(pool.map(lambda plan: look_once(world, plan), plans))


def look(at: Stage, world: World, plan: Plan) -> Cost:
    """One look, and what it took."""
    return measure(at, lambda: look_once(world, plan))


def look_once(world: World, plan: Plan) -> None:
    standing = look_at_standby(world, plan, Role.PRIMARY)
    if not standing.ready:
        raise RuntimeError(f"{plan.pair}: the standby was to be ready: {standing.why}")


def measure(at: Stage, work: Callable[[], None]) -> Cost:
    """What Resource Manager got from the reader meanwhile."""
    at.azure.log.keep_bodies()
    moment, began = datetime.now(UTC), time.monotonic()
    work()
    seconds = time.monotonic() - began
    calls = at.azure.log.between(moment, datetime.now(UTC), surface="control")
    reads = [call for call in calls if call.method == "GET" and call.principal == READER]
    told = [each for each in at.azure.log.exchanges() if each.surface == "control" and each.method == "GET"]
    return Cost(
        reads=len(reads),
        refused=sum(1 for call in reads if call.status == HTTPStatus.TOO_MANY_REQUESTS),
        bytes=sum(len(each.answered) for each in told),
        seconds=seconds,
    )


def _figures(size: Size, costs: Sequence[Cost], bound: float, mean: float, many: dict[str, Any]) -> dict[str, Any]:
    first, second = costs[:2]
    return {
        "assets": size.assets,
        "first": first._asdict() | {"bound_s": round(bound, 3), "seconds": round(first.seconds, 3)},
        "second": second._asdict() | {"seconds": round(second.seconds, 3)},
        "bytes_second_to_first": round(second.bytes / first.bytes, 4),
        "day": {"looks": len(costs), "reads": [cost.reads for cost in costs], "mean_reads": round(mean, 1)},
        "share": {"reads_per_second": READS_PER_SECOND, "burst": READ_BURST},
        "hundred_first_looks_s": round(share_of_many(first.reads), 1),
        "pairs_without_assets": many,
    }
