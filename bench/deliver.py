"""One delivery with as many elements as one may have: how long everybody else waits for the event loop meanwhile."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import aiohttp

from bench.app import KEY, App, serving
from bench.measure import Measured, at_most, say, spread
from bench.stage import stage
from orchestrator.core.plan.schema import Plan

ELEMENTS = 5_000
QUICK_ELEMENTS = 500
TIMES = 10
QUICK_TIMES = 2
LIMIT_MS = 100.0
GROWTH = 1.2
"""Memory after the last delivery over that after the first of each kind."""

SPREAD = ("gaps_ms", "blocked_ms", "answers_ms")

SETTLE = 2.0
"""Seconds after a delivery in which what it has begun still counts."""

HOW = """\
The whole app in a process of its own, timers off, engine and simulated Azure in another. One body of 5,000 elements \
is posted with a key, several times: runs of jobs that the ledger does not know, changes of one dependency's health, \
what nobody understands, and all of them mixed. A task on the app's own event loop sleeps for 2 ms again and again; \
gaps_ms is how much later than that it came at worst, from the post until two seconds after its answer, so that the \
reading of the jobs is in it; blocked_ms is the same, but never more than the processor time that the app's process \
took in that gap, for on a full machine others make it late, too. Limit: 100 ms of blocked_ms. Memory: resident size \
after the last delivery / after the first of each kind, garbage collected."""


def measured(*, quick: bool) -> Measured:
    number, times = (QUICK_ELEMENTS, QUICK_TIMES) if quick else (ELEMENTS, TIMES)
    with stage() as at:
        pair = at.pair("deliver")
        with serving(at, pair) as app:
            found = asyncio.run(_post_all(app, pair.plan, number, times))
    blocked = [ms for kind in found["kinds"].values() for ms in kind["blocked_ms"]]
    figures = {
        name: {**kind, **{field: spread(kind[field], 1) for field in SPREAD}} for name, kind in found["kinds"].items()
    }
    growth = found["memory_mib"][-1] / found["memory_mib"][0]
    goals = (
        at_most(LIMIT_MS, max(blocked), f"deliver: longest block of the event loop, {number} elements, ms,"),
        at_most(GROWTH, growth, "deliver: memory after the last delivery / after the first of each kind"),
    )
    return Measured(
        goals=goals, runs=len(blocked), how=HOW, figures={"kinds": figures, "memory_mib": found["memory_mib"]}
    )


async def _post_all(app: App, plan: Plan, number: int, times: int) -> dict[str, Any]:
    kinds: dict[str, Any] = {name: {**{field: [] for field in SPREAD}, "status": 0, "taken": {}} for name in KINDS}
    memory: list[float] = []
    async with aiohttp.ClientSession(headers={"x-functions-key": KEY}) as web:
        await _post(web, app, [_run(plan, "warm-up", 0)])
        await asyncio.to_thread(app.seen)
        for turn in range(times):
            for name, make in KINDS.items():
                body = [make(plan, f"{name}-{turn}", at) for at in range(number)]
                status, taken, took = await _post(web, app, body)
                await asyncio.sleep(SETTLE)
                seen = await asyncio.to_thread(app.seen)
                kinds[name]["gaps_ms"].append(seen["longest_gap_ms"])
                kinds[name]["blocked_ms"].append(seen["blocked_ms"])
                kinds[name]["answers_ms"].append(round(took * 1000, 1))
                kinds[name] |= {"status": status, "taken": taken}
            memory.append(seen["memory_mib"])
            say(f"deliver: {turn + 1} of {times} rounds; blocked so far {_largest(kinds)}")
    return {"kinds": kinds, "memory_mib": memory}


def _largest(kinds: dict[str, Any]) -> str:
    return ", ".join(f"{name} {max(kind['blocked_ms'])} of {max(kind['gaps_ms'])} ms" for name, kind in kinds.items())


async def _post(web: aiohttp.ClientSession, app: App, body: list[dict[str, Any]]) -> tuple[int, dict[str, Any], float]:
    data, loop = json.dumps(body, separators=(",", ":")).encode(), asyncio.get_running_loop()
    begun = loop.time()
    async with web.post(f"{app.url}/api/events", data=data) as answer:
        told = await answer.json(content_type=None)
    taken = {word: told[word] for word in ("signals", "jobs", "ignored", "invalid") if isinstance(told.get(word), int)}
    return answer.status, taken, loop.time() - begun


def _run(plan: Plan, mark: str, number: int) -> dict[str, Any]:
    data = {"experimentName": "e", "runId": f"{mark}-{number}", "runStatus": "Running"}
    return _event(plan.primary.project_id, "Microsoft.MachineLearningServices.RunStatusChanged", data, mark, number)


def _health(plan: Plan, mark: str, number: int) -> dict[str, Any]:
    state = "Unavailable" if number % 2 else "Available"
    target = plan.primary.resources[0]
    properties = {"targetResourceId": target, "availabilityState": state}
    data = {"resourceInfo": {"properties": properties}}
    kind = "Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged"
    return _event("/health", kind, data, mark, number)  # once in an event: 5,000 have to fit into one body


def _nonsense(plan: Plan, mark: str, number: int) -> dict[str, Any]:
    del plan
    return {"id": f"{mark}-{number}", "specversion": "1.0", "type": 17, "time": "never", "data": [[{}]] * 3}


def _mixed(plan: Plan, mark: str, number: int) -> dict[str, Any]:
    return (_run, _health, _nonsense)[number % 3](plan, mark, number)


KINDS = {"runs": _run, "health": _health, "nonsense": _nonsense, "mixed": _mixed}


def _event(source: str, kind: str, data: dict[str, Any], mark: str, number: int) -> dict[str, Any]:
    """Short enough for 5,000 of them to stay below the limit of a body."""
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"specversion": "1.0", "id": f"{mark}-{number}", "source": source, "type": kind, "time": at, "data": data}
