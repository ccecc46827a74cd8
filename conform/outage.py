"""A whole outage on this machine, with a job of every type, and every request and answer of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from http import HTTPStatus

import aiohttp

from orchestrator.adapters import assembly
from orchestrator.local.sample_jobs import kinds
from orchestrator.local.session import Local, session
from orchestrator.local.up import subscribe_projects
from orchestrator.local.workload import User
from orchestrator.settings import settings_from
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.request_log import LoggedExchange, LoggedRequest, RequestLog

SEED = 11
SPEED = 120.0
COPIES = 2
"""Jobs of each type."""

PATIENCE = 240.0
"""Seconds to wait for each step."""


class NotShown(Exception):
    """The outage could not be shown to its end; the message says which step did not come."""


def exchanges_of_an_outage() -> list[LoggedExchange]:
    """Jobs, an outage, the failover, the old region's return, and what on-call looks at afterwards.

    Raises:
        NotShown: a step did not come.
    """
    return asyncio.run(_live()).exchanges()


def requests_of_an_outage() -> list[LoggedRequest]:
    """The same outage: who asked what, with requests that got no answer.

    Raises:
        NotShown: a step did not come.
    """
    return asyncio.run(_live()).entries()


async def _live() -> RequestLog:
    azure = LocalAzure(seed=SEED, speed=SPEED)
    azure.log.keep_bodies()
    async with session(seed=SEED, speed=SPEED, azure=azure) as local:
        # Limits that nobody meets: the headers that tell of them are a part of every answer.
        azure.throttle.write_burst = azure.throttle.read_burst = azure.throttle.delete_burst = 1e9
        await asyncio.to_thread(subscribe_projects, local)
        names = await asyncio.to_thread(_submit, local)
        await _until("every job in the ledger", lambda: _captured(local) >= len(names))
        await _until("every job running", lambda: _running(local) >= len(names))
        await _ask(local, "readiness", "data")
        await asyncio.to_thread(_read_inventory, local)
        await _be_refused(local)
        azure.region_down(local.plan.primary.region)
        await _until("the switch and its jobs", lambda: _phase_is(local, {"settled", "steady"}, "secondary"))
        azure.region_up(local.plan.primary.region)
        await _until("the old runs stopped", lambda: not _risen(local))
        await _ask(local, "readiness", "data", "explain")
        return azure.log


def _submit(local: Local) -> set[str]:
    hub, user = local.plan.primary, User(local.azure)
    environment = user.environment(hub)
    bodies = kinds(hub, user.code(hub), environment, duration="7200")
    step = {"type": "command", "componentId": user.component(hub, environment)}
    bodies["registered"] = {**bodies["pipeline"], "jobs": {"prepare": step}}
    named = {f"kind-{kind}-{copy}": body for kind, body in bodies.items() for copy in range(COPIES)}
    for name, body in named.items():
        user.submit(hub, name, body)
    return set(named)


def _read_inventory(local: Local) -> None:
    """What reports and the check of a plan read, which an outage does not."""
    settings = settings_from(os.environ)
    inventory, hub = assembly.inventory(settings), local.plan.primary
    inventory.computes(hub)
    inventory.datastores(hub)
    inventory.environments(hub)
    place = inventory.place(hub, "workspaceblobstore")
    if place is not None:
        inventory.amount(hub, place, "rows")


async def _be_refused(local: Local) -> None:
    """Let the probes of the standby be refused for a moment: the words of a refusal are looked at, too."""
    faults, region = local.azure.faults, local.plan.secondary.region
    faults.set(region, "hub", "403")
    await _until(
        "a refused probe", lambda: any(each.status == HTTPStatus.FORBIDDEN for each in local.azure.log.exchanges())
    )
    faults.clear(region, "hub")


async def _until(what: str, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(holds):
        if time.monotonic() > end:
            raise NotShown(f"within {PATIENCE:.0f} s this did not come: {what}")
        await asyncio.sleep(0.3)


async def _ask(local: Local, *views: str) -> None:
    async with aiohttp.ClientSession(headers={"x-functions-key": local.key}) as web:
        for view in views:
            async with web.get(f"{local.host.url}/api/pairs/{local.plan.pair}/{view}") as answer:
                await answer.read()


def _captured(local: Local) -> int:
    prefix = f"{local.plan.pair}/jobs/"
    return len(local.azure.call(lambda: local.azure.ledger.names(local.plan.ledger.container, prefix)))


def _running(local: Local) -> int:
    region = local.plan.primary.region
    jobs = [job for job in local.azure.truth.jobs() if job.name.startswith("kind-")]
    return sum(1 for job in jobs if job.region == region and job.status == "Running")


def _risen(local: Local) -> bool:
    """Whether a job still runs in the region that was down."""
    return _running(local) > 0


def _phase_is(local: Local, phases: set[str], active: str) -> bool:
    import requests

    url = f"{local.host.url}/api/pairs/{local.plan.pair}"
    answer = requests.get(url, headers={"x-functions-key": local.key}, timeout=60)
    view = answer.json() if answer.ok else {}
    return view.get("phase") in phases and view.get("active") == active
