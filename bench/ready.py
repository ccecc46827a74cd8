"""Anonymous callers of ``health/ready``: what they make the app read must not depend on how many they are."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from bench.app import App, serving
from bench.measure import Measured, at_most, say, spread
from bench.stage import Stage, stage
from orchestrator.triggers.http_health import LASTS

CLIENTS = 200
SECONDS = 60.0
QUICK_SECONDS = 4.0
PAUSE = 0.05
"""Seconds between two questions of one client."""

STORES = ("appconfig", "ledger")

HOW = """\
The whole app in a process of its own, timers off, one pair, so that nothing else reads the stores. 200 clients \
without a key ask GET health/ready, each again 50 ms after its last answer, for a minute; before that one client does \
the same. Counted: requests that arrive at the simulated App Configuration store and at the ledger's account. Limit, \
computed: what one reading asks, as counted by itself, times the readings that fit if each answer is given again for \
as long as the app says."""


def measured(*, quick: bool) -> Measured:
    seconds = QUICK_SECONDS if quick else SECONDS
    with stage() as at:
        pair = at.pair(
            "ready", policy={"missed_looks": 1000}
        )  # without timers nobody looks at it, which ``ready`` would say
        with serving(at, pair) as app:
            found = asyncio.run(_ask(at, app, seconds, wait=0.0 if quick else LASTS.total_seconds() + 0.5))
    readings = int(seconds / LASTS.total_seconds()) + 1
    limit = found["one_reading"]["total"] * readings
    crowd = found[f"{CLIENTS}_clients"]
    goals = (
        at_most(1.0, crowd["reads"]["total"] / limit, "ready: store reads under 200 clients / reads of one at a time"),
        at_most(0.0, crowd["failed"], "ready: answers that are no 200"),
    )
    figures = {**found, "seconds": seconds, "readings_that_fit": readings, "limit": limit}
    return Measured(goals=goals, runs=crowd["answers"], how=HOW, figures=figures)


async def _ask(at: Stage, app: App, seconds: float, *, wait: float) -> dict[str, Any]:
    """One reading, one client and many, each when the answer before it is not given again any more."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as web:
        first = await _asked_by(1, 0.5, web, at, app)
        await asyncio.sleep(wait)
        alone = await _asked_by(1, seconds, web, at, app)
        await asyncio.sleep(wait)
        await asyncio.to_thread(app.seen)
        crowd = await _asked_by(CLIENTS, seconds, web, at, app)
        seen = await asyncio.to_thread(app.seen)
    return {"one_reading": first["reads"], "1_client": alone, f"{CLIENTS}_clients": {**crowd, "app": seen}}


async def _asked_by(clients: int, seconds: float, web: aiohttp.ClientSession, at: Stage, app: App) -> dict[str, Any]:
    """Questions of some clients for some time, and what the stores were asked meanwhile."""
    begun, until = datetime.now(UTC), time.monotonic() + seconds
    found = await asyncio.gather(*(_client(web, app, until) for _ in range(clients)))
    answers = [answer for told in found for answer in told]
    end = datetime.now(UTC) + timedelta(milliseconds=1)
    reads = {name: len(at.azure.log.between(begun, end, service=name)) for name in STORES}
    say(f"ready: {clients} clients, {len(answers)} answers, {sum(reads.values())} store reads in {seconds:g} s")
    status = Counter(code for code, _ in answers)
    return {
        "answers": len(answers),
        "failed": sum(count for code, count in status.items() if code != 200),
        "answer_ms": spread([took * 1000 for _, took in answers], 1),
        "reads": {**reads, "total": sum(reads.values())},
        "reads_per_minute": round(sum(reads.values()) * 60 / seconds, 1),
    }


async def _client(web: aiohttp.ClientSession, app: App, until: float) -> list[tuple[int, float]]:
    found = []
    while time.monotonic() < until:
        found.append(await _once(web, app))
        await asyncio.sleep(PAUSE)
    return found


async def _once(web: aiohttp.ClientSession, app: App) -> tuple[int, float]:
    begun = time.monotonic()
    async with web.get(f"{app.url}/api/health/ready") as answer:
        await answer.read()
    return answer.status, time.monotonic() - begun
