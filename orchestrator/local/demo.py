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
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import aiohttp

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.azure_status import CANARY_TAG
from orchestrator.core.jobs.record import JobStatus
from orchestrator.local.job_audit import Accounts, audit_jobs
from orchestrator.local.pace import FASTEST, choose_speed, is_slow, measure
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

POLL = 0.25
"""Seconds between two looks at the app's status."""

SETTLED = "settled"
DECIDED = frozenset({"switching", "resubmitting", SETTLED})
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

    def begin_outage(self, region: str) -> None:
        """From here on phases are measured: what was suspected before was no part of it."""
        self.marks.clear()
        self.tell("outage", f"{region} goes down")

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
                self._take(entry)

    def _take(self, entry: Mapping[str, Any]) -> None:
        """Tell an entry, unless it says no more than that the end is still the end."""
        if entry["phase"] == SETTLED and SETTLED in self.marks:
            return
        self.tell(entry["phase"], entry["why"], datetime.fromisoformat(entry["at"]))


ENDED = 130
"""Exit status of what was interrupted, as shells have it."""


class DemoFailed(Exception):
    """The demo could not be shown to its end; the message says which step did not come."""


class DemoOptions(NamedTuple):
    """What is wanted; each is an option of the command."""

    jobs: int
    seed: int
    speed: float | None
    """None: as fast as this machine is now."""

    as_json: bool = False
    keep: bool = False
    """Leave the app running at the end, until a signal ends it."""


def demo_command(wanted: DemoOptions) -> int:
    """Run the demo; 0 if every job is accounted for, 1 if not, ``ENDED`` if a signal ended it before."""
    ended: list[int] = []
    with _quiet_logs(), Screen(silent=wanted.as_json) as screen:
        try:
            asyncio.run(_demo(wanted, screen, ended))
        except asyncio.CancelledError:
            return ended[0] if ended else ENDED
    return ended[0]


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep log lines off the screen for a while."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        root.setLevel(before)


async def _demo(wanted: DemoOptions, screen: Screen, ended: list[int]) -> None:
    """``ended`` takes the exit status as soon as it is known: what comes after it is for looking around."""
    story, seed, jobs = Story(), wanted.seed, wanted.jobs
    task = asyncio.current_task()
    on_ending(lambda: task.cancel() if task else None)
    speed = await _speed_of(wanted, screen)
    screen.note("starting two simulated regions, and the app")
    async with session(seed=seed, speed=speed, azure=LocalAzure(seed=seed, speed=speed)) as local:
        local.azure.throttle.enabled = False
        await asyncio.to_thread(subscribe_projects, local)
        screen.note("submitting jobs to the primary")
        await asyncio.to_thread(submit_workload, local.azure, local.plan.primary, jobs, seed)
        try:
            await _show(local, jobs, story, screen, FASTEST / speed)
            error = ""
        except DemoFailed as fault:
            error = f"{fault}; give it a quieter machine, --jobs {max(jobs // 4, 1)}, or --speed {speed / 2:g}"
        accounts = await asyncio.to_thread(audit_jobs, local.azure, local.plan)
        result = _result(story, accounts, await asyncio.to_thread(_pointer, local), error)
        ended.append(0 if result["ok"] else 1)
        _tell_end(result, screen, as_json=wanted.as_json)
        if wanted.keep:
            told = f"page      {local.host.url}/ until Ctrl-C; it asks for the key {local.key}"
            print(told, file=sys.stderr if wanted.as_json else sys.stdout, flush=True)
            await asyncio.Event().wait()


async def _speed_of(wanted: DemoOptions, screen: Screen) -> float:
    """The speed that was asked for, or the one that this machine can keep now."""
    if wanted.speed is not None:
        return wanted.speed
    screen.note("measuring this machine")
    seconds = await asyncio.to_thread(measure)
    speed = choose_speed(seconds)
    if speed < FASTEST:
        slow = "; it may be too slow for this: --jobs 20 asks less of it" if is_slow(seconds) else ""
        screen.note(f"this machine is slow or busy now: the demo goes at {speed:g} instead of {FASTEST:g}{slow}")
    return speed


def _tell_end(result: Mapping[str, Any], screen: Screen, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result), flush=True)  # noqa: T201
    else:
        screen.finish(result)
    if result.get("error"):
        print(result["error"], file=sys.stderr)  # noqa: T201


async def _show(local: Local, jobs: int, story: Story, screen: Screen, slowness: float) -> None:
    """``slowness``: how many times more patient to be than at full speed."""
    patience = max(slowness, 1.0)
    async with _watch(local, story, screen) as until:
        screen.note("waiting until every job is in the ledger and running")
        await until("all jobs captured", CAPTURE_PATIENCE * patience, lambda: _count_captured(local) >= jobs)
        await until("all jobs running", CAPTURE_PATIENCE * patience, lambda: _count_running(local) >= jobs)
        local.azure.throttle.enabled = True
        story.begin_outage(local.plan.primary.region)
        screen.note(f"{local.plan.primary.region} is down")
        local.azure.region_down(local.plan.primary.region)
        await until("pair settled on the secondary", OUTAGE_PATIENCE * patience, lambda: _is_settled(story))


@contextlib.asynccontextmanager
async def _watch(local: Local, story: Story, screen: Screen) -> AsyncIterator[Any]:
    """Follow the app over HTTP meanwhile, as any onlooker could."""
    url = f"{local.host.url}/api/pairs/{local.plan.pair}"
    async with aiohttp.ClientSession(headers={"x-functions-key": local.key}) as web:

        async def look() -> None:
            async with web.get(url) as answer:
                if answer.status == 200:
                    story.follow(await answer.json())
            # Each audit reads the whole ledger. Where nobody sees the bar, that would cost more than the app does.
            counts = await asyncio.to_thread(audit_jobs, local.azure, local.plan) if screen.is_live else None
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
    return story.view.get("phase") in {SETTLED, "steady"} and story.view.get("active") == Role.SECONDARY.value


def _pointer(local: Local) -> dict[str, Any]:
    """What clients see: the pointer, read from a replica by its own client."""
    from orchestrator.local.client import pointer_on

    return pointer_on(local.azure, local.plan)


def _result(story: Story, accounts: Accounts, pointer: Mapping[str, Any], error: str) -> dict[str, Any]:
    jobs = accounts.counts(is_over=_is_settled(story))
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
    """Seconds: fault to suspicion, suspicion to decision, decision to pointer, and fault to first and last job.

    None for a phase that did not come, or that began before the fault.
    """
    marks = story.marks

    def between(begin: str, end: str) -> float | None:
        if begin not in marks or end not in marks or marks[end] < marks[begin]:
            return None
        return round((marks[end] - marks[begin]).total_seconds(), 3)

    def since_outage(at: datetime | None) -> float | None:
        if at is None or "outage" not in marks or at < marks["outage"]:
            return None
        return round((at - marks["outage"]).total_seconds(), 3)

    return {
        "detect_s": between("outage", "suspect"),
        "decide_s": between("suspect", "switching"),
        "switch_s": between("switching", "resubmitting"),
        "first_job_s": since_outage(accounts.first_accepted),
        "all_jobs_s": since_outage(accounts.last_accepted),
    }
