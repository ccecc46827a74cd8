"""A region dies: time until every pair is switched; and 400 alerts about one account. Beside the engine's floor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
import psutil
from durabletask.client import TaskHubGrpcClient
from durabletask.entities import EntityInstanceId

from bench import trivial
from bench.measure import Measured, at_most, say
from bench.stage import Pair, Stage, stage, working
from orchestrator.adapters.assembly import assemble
from orchestrator.clock import SystemClock
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.vocabulary import Mode, Observation, Role, Surface
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.stamps import Shared
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.signal import Signal, probe_signal
from orchestrator.local.engine import LocalEngine
from orchestrator.local.functions import ENGINE_LOG
from orchestrator.local.host import HostOptions, LocalHost
from orchestrator.local.session import function_app, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.ports import World
from orchestrator.settings import settings_from
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import estate_of
from orchestrator.workflows import names
from orchestrator.workflows.activities.epoch import ensure_pair

PAIRS, FEW = 1000, 40
ALERTS, FEW_ALERTS = 400, 40
LIMIT = 3.0
LONGEST = 900.0
SENDERS = 16
ARMED = {
    "mode": Mode.AUTO,
    "mass_limit": 1.0,
    "auto_without_drills": "a benchmark",
    "missed_looks": 30,
}
"""What holds a storm of all pairs by rights, and would hold this one: the mass breaker, and pairs without practice.
The looks of this storm are told in one go, so that setting up a thousand pairs would count as looks missed."""

SHARED = Shared(drills=(), views=())
BAD_SURFACES = frozenset({Surface.HUB, Surface.JOBS, Surface.STORAGE})
SEEN_EVERY = timedelta(seconds=28)
SEEN_BACK = 10
"""Looks before the storm: ten, so that what is bad has been so for 280 s, twenty less than ``confirm_after``."""

HOW = """\
region: pairs of one dead region, each with a plan of its own, their entities told ten bad looks beforehand; \
mass_limit is 1, or the breaker would rightly hold them all, \
and the plans act without drills. Then one more look is handed to each entity, which \
decides and begins its run; the run claims the epoch, publishes and verifies. Measured: from the first of these looks \
to the last pointer that is switched, in a worker process of its own whose Azure clients are loaded. The probes \
themselves are not part of it. The simulated Azure serves ledger and pointer from one thread of the benchmark's \
process, beside the engine: its processor time is told, and is not taken off. Floor: the same engine and worker with \
functions that do nothing, with as many entity operations and activities per pair as the storm had taken up to the \
last pointer, rounded, and an orchestration for each pair. alerts: metric alerts about one account of one pair, each \
of another rule, posted to the local host over sixteen connections, until all are answered and the entity has taken \
in the last. Floor: the same host and engine with a route that signals an entity that counts."""


class Storm(NamedTuple):
    """One region's storm."""

    switched: float
    """Seconds until the last pointer was switched."""

    ended: float
    """Seconds until all runs had ended, jobs and summary included."""

    items: dict[str, int]
    """Work items that the engine had completed by ``switched``, by kind."""

    cpu: dict[str, float]
    """Seconds of processor time up to ``switched``, by who used it."""


class Items:
    """Counts what the engine completes, with the time."""

    def __init__(self) -> None:
        self._done: list[tuple[float, str]] = []

    def __call__(self, kind: str, _instance: str) -> bool:
        self._done.append((time.monotonic(), kind))
        return True

    def between(self, start: float, end: float) -> dict[str, int]:
        return dict(Counter(kind for at, kind in self._done if start <= at <= end))


def measured(*, quick: bool, pairs: int | None = None) -> Measured:
    number = pairs or (FEW if quick else PAIRS)
    items = Items()
    estate = estate_of(pairs=[f"pair-{n}" for n in range(number)])
    with stage(estate=estate, checkpoint=items) as at:
        storm = _region(at, items, number)
        floor, floor_items, floor_cpu = _floor(at, number, storm.items)
    told = FEW_ALERTS if quick else ALERTS
    say(f"storm: {told} alerts")
    alerts, alerts_floor = asyncio.run(_alerts(told))
    return Measured(
        goals=(
            at_most(LIMIT, storm.switched / floor, f"storm, {number} pairs: last pointer / engine's floor"),
            at_most(LIMIT, alerts / alerts_floor, f"storm, {told} alerts: taken in / engine's floor"),
        ),
        runs=1,
        how=HOW,
        figures={
            "region": {
                "pairs": number,
                "last_pointer_s": round(storm.switched, 2),
                "all_runs_ended_s": round(storm.ended, 2),
                "floor_s": round(floor, 2),
                "items": storm.items,
                "floor_items": floor_items,
                "processor_s": {who: round(used, 2) for who, used in storm.cpu.items()},
                "floor_processor_s": {who: round(used, 2) for who, used in floor_cpu.items()},
                "local_azure_share_of_processor_time": round(storm.cpu["local_azure"] / sum(storm.cpu.values()), 3),
                "processor_time_without_local_azure_to_floor": round(
                    (sum(storm.cpu.values()) - storm.cpu["local_azure"]) / sum(floor_cpu.values()), 2
                ),
            },
            "alerts": {"alerts": told, "taken_in_s": round(alerts, 3), "floor_s": round(alerts_floor, 3)},
        },
    )


def _region(at: Stage, items: Items, number: int) -> Storm:
    plans, world = _plans(at, number)
    folder = at.folder / "plans"
    say(f"storm: {number} pairs are set up")
    with working(at.engine, folder) as process:
        at.warm_up(Pair(plans[0], folder, world))
        _hand_over(at, plans, _before(SystemClock().now()))
        _rest(at.engine)
        ready = time.monotonic()
        say(f"storm: the region has been bad for {SEEN_EVERY * SEEN_BACK}")
        time.sleep(max(0.0, 25.0 - (time.monotonic() - ready)))
        used = _used(at, process)
        start = time.monotonic()
        _hand_over(at, plans, _look(SystemClock().now()))
        switched = _switched(at, plans) - start
        cpu = {who: after - used[who] for who, after in _used(at, process).items()}
        _rest(at.engine)
        ended = time.monotonic() - start
    return Storm(switched, ended, items.between(start, start + switched), cpu)


def _plans(at: Stage, number: int) -> tuple[list[Plan], World]:
    """A plan per pair, in a folder, and its epoch record and pointer in their stores."""
    folder = at.folder / "plans"
    folder.mkdir()
    usual = plan_of(at.azure, "pair-0", **ARMED)
    plans = []
    for n in range(number):
        sides = plan_of(at.azure, f"pair-{n}")
        plan = msgspec.structs.replace(usual, pair=sides.pair, primary=sides.primary, secondary=sides.secondary)
        (folder / f"{plan.pair}.yaml").write_text(yaml_of(plan), encoding="utf-8")
        plans.append(plan)
    world = assemble(settings_from({**os.environ, "HUBSWITCH_PLANS": str(folder)}), {p.pair: p for p in plans}, CLOCK)
    with ThreadPoolExecutor(max_workers=SENDERS) as pool:
        list(pool.map(lambda plan: ensure_pair(world, plan, CLOCK.now()), plans))
    return plans, world


CLOCK = SystemClock()


def _seen(now: datetime) -> Iterator[Signal]:
    """What the probes of a pair see at one moment of the storm."""
    usual = [s for s in Surface if s not in {Surface.OBSERVER, Surface.ELSEWHERE}]
    for role in Role:
        for surface in usual:
            bad = role is Role.PRIMARY and surface in BAD_SURFACES
            yield probe_signal(role, surface, Observation.BAD if bad else Observation.OK, now, "as the storm has it")
    for of_nobody in (Surface.OBSERVER, Surface.ELSEWHERE):
        yield probe_signal(None, of_nobody, Observation.OK, now, "as the storm has it")


def _before(now: datetime) -> Observed:
    signals = [signal for back in range(SEEN_BACK, -1, -1) for signal in _seen(now - back * SEEN_EVERY)]
    return Observed(now=now, signals=tuple(signals), shared=SHARED, is_look=True)


def _look(now: datetime) -> Observed:
    return Observed(now=now, signals=tuple(_seen(now)), shared=SHARED, is_look=True, pairs_moving=1.0)


def _hand_over(at: Stage, plans: Sequence[Plan], seen: Observed) -> None:
    given = to_builtins(seen)
    with ThreadPoolExecutor(max_workers=SENDERS) as pool:
        list(pool.map(lambda p: _signal(at.client, names.PAIR_ENTITY, p.pair, names.OBSERVE, given), plans))


def _signal(client: TaskHubGrpcClient, entity: str, key: str, operation: str, given: Any) -> None:
    client.signal_entity(EntityInstanceId(entity, key), operation, input=given)


def _rest(engine: LocalEngine) -> None:
    until = time.monotonic() + LONGEST
    while not engine.idle():
        if time.monotonic() > until:
            raise TimeoutError(f"the engine did not come to rest within {LONGEST:g} s: {engine.told()[:300]}")
        time.sleep(0.1)


def _switched(at: Stage, plans: Sequence[Plan]) -> float:
    """The moment at which the last pointer says that its secondary is active."""
    waiting = [plan.pair for plan in plans]
    until = time.monotonic() + LONGEST
    while waiting:
        if time.monotonic() > until:
            raise TimeoutError(f"{len(waiting)} pointers were not switched within {LONGEST:g} s, {waiting[0]} first")
        time.sleep(0.1)
        waiting = _unswitched(at, waiting)
    return time.monotonic()


def _unswitched(at: Stage, pairs: Sequence[str]) -> list[str]:
    return at.azure.call(lambda: [pair for pair in pairs if not _is_switched(at, pair)])


def _is_switched(at: Stage, pair: str) -> bool:
    found = at.azure.configuration.get(f"hubswitch:{pair}:epoch")
    return found is not None and found.value == "1"


def _used(at: Stage, worker: psutil.Process) -> dict[str, float]:
    """Seconds of processor time so far."""
    azure = at.azure.call(time.thread_time)
    times = worker.cpu_times()
    return {
        "local_azure": azure,
        "engine_and_benchmark": time.process_time() - azure,
        "worker": times.user + times.system,
    }


def _floor(at: Stage, number: int, taken: dict[str, int]) -> tuple[float, dict[str, int], dict[str, float]]:
    """The same number of trivial items through the same engine and a worker of the same making."""
    activities = max(1, round(taken.get("activity", 0) / number))
    reports = min(activities, max(0, round(taken.get("entity", 0) / number) - 1))
    items = Items()
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(LocalEngine(checkpoint=items))
        client = TaskHubGrpcClient(host_address=engine.address, logger=ENGINE_LOG)
        stack.callback(client.close)
        process = stack.enter_context(working(engine, at.folder / "plans", "bench.trivial"))
        _signal(client, trivial.ENTITY, "warm-up", "begin", _steps(activities, reports, "warm-up"))
        _rest(engine)
        say(f"storm: the floor, {activities} activities and {reports + 1} entity operations per pair")
        used, start = _used(at, process), time.monotonic()
        keys = [f"pair-{n}" for n in range(number)]
        with ThreadPoolExecutor(max_workers=SENDERS) as pool:
            begin = [(key, _steps(activities, reports, key)) for key in keys]
            list(pool.map(lambda each: _signal(client, trivial.ENTITY, each[0], "begin", each[1]), begin))
        _rest(engine)
        took = time.monotonic() - start
        cpu = {who: after - used[who] for who, after in _used(at, process).items()}
    return took, items.between(start, start + took), cpu


def _steps(activities: int, reports: int, entity: str) -> Any:
    return to_builtins(trivial.Steps(activities=activities, reports=reports, entity=entity))


async def _alerts(number: int) -> tuple[float, float]:
    """Seconds for the alerts, and for as many requests that signal an entity that counts."""
    key = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="hubswitch-bench-") as folder, LocalAzure(canaries=False) as azure:
        account = f"{azure.estate.pairs[0].primary.group_id}/providers/Microsoft.Storage/storageAccounts/sthubeastus2"
        plan = plan_of(azure)
        primary = msgspec.structs.replace(plan.primary, resources=(account,))
        file = Path(folder) / "demo.yaml"
        file.write_text(yaml_of(msgspec.structs.replace(plan, primary=primary)), encoding="utf-8")
        with variables({**azure.environment(), "HUBSWITCH_PLANS": str(file)}):
            module = function_app()
            bodies = [_alert(account, n) for n in range(number)]
            async with _hosted(module.app, key) as (engine, url):
                taken = await _posted(engine, f"{url}/api/alerts", key, bodies)
                await module.deployment.aclose()
    async with _hosted(trivial.built(), key) as (engine, url):
        floor = await _posted(engine, f"{url}/api/poke/demo", key, bodies)
    return taken, floor


@contextlib.asynccontextmanager
async def _hosted(app: Any, key: str) -> AsyncIterator[tuple[LocalEngine, str]]:
    with LocalEngine() as engine:
        options = HostOptions(engine=engine.address, port=0, keys=[key], timers=False, route_prefix="")
        async with LocalHost(app, options).serve() as up:
            yield engine, up.url


async def _posted(engine: LocalEngine, url: str, key: str, bodies: Sequence[Any]) -> float:
    """Seconds until all are answered and the engine rests; the first request, which loads things, is not counted."""
    limit = asyncio.Semaphore(SENDERS)
    async with aiohttp.ClientSession(headers={"x-functions-key": key}) as session:

        async def post(body: Any) -> None:
            async with limit, session.post(url, json=body) as answer:
                if answer.status >= 300:
                    raise RuntimeError(f"{url} answered {answer.status}: {(await answer.text())[:200]}")

        await post(bodies[0])
        await asyncio.to_thread(_rest, engine)
        start = time.monotonic()
        await asyncio.gather(*(post(body) for body in bodies))
        await asyncio.to_thread(_rest, engine)
        return time.monotonic() - start


def _alert(target: str, number: int) -> dict[str, Any]:
    """A metric alert in the common schema, of one of many rules about one account."""
    now = CLOCK.now().isoformat()
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": f"/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/{number:032x}",
                "alertRule": f"availability of the account, rule {number}",
                "severity": "Sev1",
                "signalType": "Metric",
                "monitorCondition": "Fired",
                "monitoringService": "Platform",
                "alertTargetIDs": [target],
                "firedDateTime": now,
                "essentialsVersion": "1.0",
                "alertContextVersion": "1.0",
            },
            "alertContext": {
                "conditionType": "SingleResourceMultipleMetricCriteria",
                "condition": {"windowSize": "PT5M", "allOf": []},
            },
        },
    }
