"""``hubswitch demo``: a regional outage, from the fault to the last job accepted elsewhere.

Two simulated regions, the real function app on the local host, jobs, and an outage of the primary region. What is
reported at the end comes from the simulated Azure's own truth, not from what the app believes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.azure_status import CANARY_TAG
from orchestrator.core.jobs.record import JobStatus
from orchestrator.local.job_audit import Accounts, audit_jobs
from orchestrator.local.screen import Screen
from orchestrator.local.session import Local, session
from orchestrator.local.up import subscribe_projects
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.stop_signals import on_ending

CAPTURE_PATIENCE = 120.0
"""Seconds to wait until every job is in the ledger. It takes a few."""

OUTAGE_PATIENCE = 180.0
"""Seconds to wait for the end of the failover, jobs included. The rate limit makes 1,000 jobs take 80."""

POLL = 0.2
"""Seconds between two looks at the app's status."""

DECIDED = frozenset({"switching", "resubmitting", "settled"})
"""Phases after the decision; the first view in one of them still shows what it rested on."""


@dataclass
class Story:
    """What happened so far, as an onlooker sees it."""

    timeline: list[dict[str, str]] = field(default_factory=list)
    marks: dict[str, datetime] = field(default_factory=dict)
    view: Mapping[str, Any] = field(default_factory=dict)
    rested_on: Mapping[str, Any] = field(default_factory=dict)
    """Evidence by side and class as first seen after the decision."""

    shown: set[str] = field(default_factory=set)

    def tell(self, what: str, why: str, at: datetime | None = None) -> None:
        moment = at or datetime.now(UTC)
        self.timeline.append({"at": moment.isoformat(), "what": what, "why": why})
        self.marks.setdefault(what, moment)

    def follow(self, view: Mapping[str, Any]) -> None:
        """Take over what is new in a pair's journal."""
        self.view = view
        if not self.rested_on and view.get("phase") in DECIDED:
            self.rested_on = view.get("evidence", {})
        for entry in reversed(view.get("journal", [])):
            key = f"{entry['at']}{entry['phase']}{entry['why']}"
            if key not in self.shown:
                self.shown.add(key)
                self.tell(entry["phase"], entry["why"], datetime.fromisoformat(entry["at"]))


ENDED = 130
"""Exit status of what was interrupted, as shells have it."""


class DemoFailed(Exception):
    """The demo could not be shown to its end; the message says which step did not come."""


def demo_command(*, jobs: int, seed: int, speed: float, as_json: bool) -> int:
    """Run the demo; 0 if every job is accounted for, 1 if not, ``ENDED`` if a signal ended it."""
    logging.getLogger().setLevel(logging.CRITICAL)
    with Screen(silent=as_json) as screen:
        try:
            result = asyncio.run(_demo(jobs, seed, speed, screen))
        except asyncio.CancelledError:
            return ENDED
        if not as_json:
            screen.finish(result)
    if as_json:
        print(json.dumps(result))  # noqa: T201
    if result.get("error"):
        print(result["error"], file=sys.stderr)  # noqa: T201
    return 0 if result["ok"] else 1


async def _demo(jobs: int, seed: int, speed: float, screen: Screen) -> dict[str, Any]:
    story = Story()
    task = asyncio.current_task()
    on_ending(lambda: task.cancel() if task else None)
    async with session(seed=seed, speed=speed, azure=LocalAzure(seed=seed, speed=speed)) as local:
        local.azure.throttle.enabled = False
        await asyncio.to_thread(subscribe_projects, local)
        screen.note("submitting jobs to the primary")
        await asyncio.to_thread(submit_workload, local.azure, local.plan.primary, jobs, seed)
        try:
            await _show(local, jobs, story, screen)
            error = ""
        except DemoFailed as fault:
            error = str(fault)
        accounts = await asyncio.to_thread(audit_jobs, local.azure, local.plan)
        return _result(story, accounts, await asyncio.to_thread(_pointer, local), error)


async def _show(local: Local, jobs: int, story: Story, screen: Screen) -> None:
    async with _watch(local, story, screen) as until:
        screen.note("waiting until every job is in the ledger and running")
        await until("all jobs captured", CAPTURE_PATIENCE, lambda: _count_captured(local) >= jobs)
        await until("all jobs running", CAPTURE_PATIENCE, lambda: _count_running(local) >= jobs)
        local.azure.throttle.enabled = True
        story.tell("outage", f"{local.plan.primary.region} goes down")
        screen.note(f"{local.plan.primary.region} is down")
        local.azure.region_down(local.plan.primary.region)
        await until("pair settled on the secondary", OUTAGE_PATIENCE, lambda: _is_settled(story))


@contextlib.asynccontextmanager
async def _watch(local: Local, story: Story, screen: Screen) -> AsyncIterator[Any]:
    """Follow the app over HTTP meanwhile, as any onlooker could."""
    url = f"{local.host.url}/api/pairs/{local.plan.pair}"
    async with aiohttp.ClientSession(headers={"x-functions-key": local.key}) as web:

        async def look() -> None:
            async with web.get(url) as answer:
                if answer.status == 200:
                    story.follow(await answer.json())
            counts = await asyncio.to_thread(audit_jobs, local.azure, local.plan)
            screen.show(story.view, counts, story.timeline)

        async def until(what: str, patience: float, holds: Callable[[], bool]) -> None:
            deadline = asyncio.get_running_loop().time() + patience
            while not await asyncio.to_thread(holds):
                if asyncio.get_running_loop().time() > deadline:
                    raise DemoFailed(f"within {patience:.0f} s this did not come: {what}")
                await look()
                await asyncio.sleep(POLL)
            await look()

        yield until


def _count_captured(local: Local) -> int:
    """Jobs in the ledger, by the names of its blobs."""
    prefix = f"{local.plan.pair}/jobs/"
    return len(local.azure.call(lambda: local.azure.ledger.names(local.plan.ledger.container, prefix)))


def _count_running(local: Local) -> int:
    region = local.plan.primary.region
    jobs = [job for job in local.azure.truth.jobs() if CANARY_TAG not in job.tags]
    return sum(1 for job in jobs if job.region == region and job.status == "Running")


def _is_settled(story: Story) -> bool:
    return story.view.get("phase") in {"settled", "steady"} and story.view.get("active") == Role.SECONDARY.value


def _pointer(local: Local) -> dict[str, Any]:
    """What clients see: the pointer, read from a replica by its own client."""
    from orchestrator.local.client import pointer_on

    return pointer_on(local.azure, local.plan)


def _result(story: Story, accounts: Accounts, pointer: Mapping[str, Any], error: str) -> dict[str, Any]:
    jobs = accounts.counts()
    moved = pointer.get("active") == Role.SECONDARY.value and pointer.get("epoch") == 1
    fair = jobs["resubmitted"] == jobs["interrupted"] - jobs["skipped"] and not jobs["lost"] and not jobs["duplicated"]
    return {
        "pointer": dict(pointer),
        "jobs": jobs,
        "phases": _phases(story, accounts),
        "evidence": dict(story.rested_on),
        "timeline": sorted(story.timeline, key=lambda line: line["at"]),
        "why_skipped": accounts.reasons(JobStatus.SKIPPED),
        "why_waiting": accounts.reasons(JobStatus.WAITING),
        "ok": moved and fair and not error,
        **({"error": error} if error else {}),
    }


def _phases(story: Story, accounts: Accounts) -> dict[str, float | None]:
    """Seconds: fault to suspicion, suspicion to decision, decision to pointer, and fault to first and last job."""
    marks = story.marks

    def between(begin: str, end: str) -> float | None:
        return round((marks[end] - marks[begin]).total_seconds(), 3) if begin in marks and end in marks else None

    def since_outage(at: datetime | None) -> float | None:
        return round((at - marks["outage"]).total_seconds(), 3) if at and "outage" in marks else None

    return {
        "detect_s": between("outage", "suspect"),
        "decide_s": between("suspect", "switching"),
        "switch_s": between("switching", "resubmitting"),
        "first_job_s": since_outage(accounts.first_accepted),
        "all_jobs_s": since_outage(accounts.last_accepted),
    }
