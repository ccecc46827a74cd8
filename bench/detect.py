"""From the fault of a region to a pointer that shows the other one, in real time, without any notice of Azure's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from bench.measure import Measured, at_most, say
from orchestrator.core.plan.policy import Policy
from orchestrator.local.client import pointer_on
from orchestrator.local.session import Local, session
from orchestrator.simulator.cloud import LocalAzure

SPEED = 1.0
"""The default policy as it stands: 30 s between looks, 10 s while suspect, five minutes of confirmation."""

QUICK_SPEED = 20.0
POLL = 0.1
PROBES = 3
GRACE = 15.0
"""Seconds on top of the confirmation and three looks. Not divided by the speed: calls take their time."""

HOW = """\
The whole app on the local host, the default policy in mode auto. Right after a look of the timer, the worst moment, \
every surface of the primary's region stops answering; nothing is delivered and nothing announced. Elapsed: from then \
to the first answer of the App Configuration replica that names the secondary, asked every 100 ms. Limit, computed \
from the policy in force: confirm_after + three suspect_intervals + 15 s. Steps by the pair's own journal."""

PATIENCE = 4
"""Times the limit after which what does not come is given up."""


def measured(*, quick: bool) -> Measured:
    found = asyncio.run(_outage(QUICK_SPEED if quick else SPEED))
    ratio = found["fault_to_pointer_s"] / found["limit_s"]
    goal = at_most(1.0, ratio, "detect: fault to pointer / (confirm_after + 3 suspect_intervals + 15 s)")
    return Measured(goals=(goal,), runs=1, how=HOW, figures=found)


def limit_of(policy: Policy) -> float:
    """Seconds within which a pair must have been moved."""
    return (policy.confirm_after + PROBES * policy.suspect_interval).total_seconds() + GRACE


async def _outage(speed: float) -> dict[str, Any]:
    azure = LocalAzure(seed=3, speed=speed)
    async with (
        session(seed=3, speed=speed, azure=azure) as local,
        aiohttp.ClientSession(headers={"x-functions-key": local.key}) as web,
    ):
        limit = limit_of(local.plan.policy)
        await _until("the first look", limit, lambda: _looked_at(web, local))
        first = await _looked_at(web, local)
        await _until("the second look", limit, lambda: _differs(web, local, first))
        begun = time.monotonic()
        azure.region_down(local.plan.primary.region)
        say(f"detect: {local.plan.primary.region} is down; the limit is {limit:.0f} s")
        await _until("the pointer", limit * PATIENCE, lambda: _moved(local))
        elapsed = time.monotonic() - begun
        view = await _view(web, local)
    return {"fault_to_pointer_s": round(elapsed, 2), "limit_s": limit, "why": view["why"], "phases": _phases(view)}


def _phases(view: dict[str, Any]) -> list[dict[str, str]]:
    return [{"at": line["at"], "phase": line["phase"], "rule": line["rule"]} for line in reversed(view["journal"])]


async def _view(web: aiohttp.ClientSession, local: Local) -> dict[str, Any]:
    async with web.get(f"{local.host.url}/api/pairs/{local.plan.pair}") as answer:
        return dict(await answer.json())


async def _looked_at(web: aiohttp.ClientSession, local: Local) -> str:
    return str((await _view(web, local)).get("looked_at") or "")


async def _differs(web: aiohttp.ClientSession, local: Local, first: str) -> bool:
    return await _looked_at(web, local) != first


async def _moved(local: Local) -> bool:
    return bool((await asyncio.to_thread(pointer_on, local.azure, local.plan)).get("active") == "secondary")


async def _until(what: str, longest: float, holds: Callable[[], Awaitable[object]]) -> None:
    deadline = time.monotonic() + longest
    while not await holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"within {longest:.0f} s this did not come: {what}")
        await asyncio.sleep(POLL)
