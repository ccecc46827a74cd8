"""Jobs that live: accepted, queued, prepared, running, done; killed with their region, and sometimes back as zombies.

A job's durations come from a generator seeded with the kernel's seed and the job's name, so they do not depend on
what else happens. The kernel's speed divides them. Tags steer single jobs: ``local.duration`` (seconds of running,
before the division) and ``local.outcome`` (``Completed`` or ``Failed``).

When a region goes down, whatever has not ended stops. When it comes back, a seeded share runs on where it stopped
(zombies), and the rest has failed. Azure documents that jobs are not moved and that it is "unlikely" that they finish
by themselves; how they are reported afterwards is not documented.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import NAMESPACE_URL, uuid5

from orchestrator.core.base.codec import Value
from orchestrator.simulator.arm.resources import Resource, stamp
from orchestrator.simulator.loop import ServingLoop
from orchestrator.simulator.services import Kernel

TERMINAL = frozenset({"Completed", "Failed", "Canceled"})
_STAGES = ("NotStarted", "Starting", "Queued", "Preparing", "Running")
_SILENT = frozenset({"NotStarted", "Starting", "CancelRequested"})
"""Statuses that no event tells. Which ones Azure tells is not documented; decided here."""

_OWN_TAGS = "_aml_system"
_PROVIDER = "Microsoft.MachineLearningServices"

ECHO = 2.0
"""Seconds of running of a job that only echoes something, before the kernel's speed divides them."""


class Emitter(Protocol):
    """What takes the events of a project's system topic."""

    def emit(self, topic: str, event_type: str, subject: str, data: dict[str, Any]) -> object: ...


class Pace(Value, kw_only=True):
    """How long jobs take, in seconds before the kernel's speed divides them, and how they end."""

    not_started: tuple[float, float] = (0.2, 1.0)
    """Half of it as ``NotStarted``, half as ``Starting``."""

    queued: tuple[float, float] = (1.0, 5.0)
    preparing: tuple[float, float] = (2.0, 10.0)
    running: tuple[float, float] = (60.0, 600.0)
    cancelling: float = 1.0
    failures: float = 0.0
    """Share of jobs that fail by themselves."""

    zombies: float = 0.2
    """Share of killed jobs that run on when their region returns."""


class Wishes(NamedTuple):
    """What a job's tags ask of the simulation; None for what they leave to the dice."""

    duration: float | None
    outcome: str | None


def wishes_in(tags: Mapping[str, str]) -> Wishes:
    """The wishes in a job's tags.

    Raises:
        ValueError: a tag of ours with a value that makes no sense.
    """
    duration, outcome = tags.get("local.duration"), tags.get("local.outcome")
    if outcome not in {None, "Completed", "Failed"}:
        raise ValueError(f"local.outcome: Completed or Failed was expected, got {outcome!r}")
    try:
        seconds = None if duration is None else float(duration)
    except ValueError as fault:
        raise ValueError(f"local.duration: a number of seconds was expected, got {duration!r}") from fault
    return Wishes(seconds, outcome)


class Run(Value, kw_only=True):
    """A span in which a job used its compute; ``until`` is None while it does."""

    since: datetime
    until: datetime | None


class TrueJob(Value, kw_only=True):
    """What really happened to one job, for judges. No simulated service shows this."""

    name: str
    region: str
    workspace: str
    principal: str
    submitted: dict[str, Any]
    tags: dict[str, str]
    """Those of people; the service's own are left out."""

    status: str
    statuses: tuple[tuple[datetime, str], ...]
    runs: tuple[Run, ...]
    killed_at: datetime | None
    """When its region last took it away."""

    zombie: bool
    """Whether it ran on after that."""

    lacks: str | None
    """Why it could not run, if it could not."""


@dataclass
class Job:
    """One job: its resource as Resource Manager shows it, and what only the simulation knows."""

    name: str
    region: str
    workspace: str
    principal: str
    submitted: dict[str, Any]
    resource: Resource
    order: int
    created: datetime
    durations: dict[str, float]
    outcome: str
    lacks: str | None = None
    zombie: bool = False
    killed_at: datetime | None = None
    timer: asyncio.TimerHandle | None = None
    statuses: list[tuple[datetime, str]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    @property
    def status(self) -> str:
        return str(self.resource["properties"]["status"])

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL

    @property
    def experiment(self) -> str:
        return str(self.resource["properties"]["experimentName"])

    @property
    def experiment_id(self) -> str:
        return str(uuid5(NAMESPACE_URL, f"{self.workspace.lower()}/{self.experiment}"))

    def truth(self) -> TrueJob:
        tags: dict[str, str] = self.resource["properties"].get("tags") or {}
        return TrueJob(
            name=self.name,
            region=self.region,
            workspace=self.workspace,
            principal=self.principal,
            submitted=self.submitted,
            tags={key: text for key, text in tags.items() if not key.startswith(_OWN_TAGS)},
            status=self.status,
            statuses=tuple(self.statuses),
            runs=tuple(self.runs),
            killed_at=self.killed_at,
            zombie=self.zombie,
            lacks=self.lacks,
        )


class JobsLife:
    """All jobs of the estate. Everything here runs in the serving loop."""

    def __init__(self, kernel: Kernel, events: Emitter, pace: Pace) -> None:
        self._kernel = kernel
        self._events = events
        self._pace = pace
        self._jobs: dict[str, dict[str, Job]] = {}
        self._down: set[str] = set()
        self._orders = 0

    def get(self, workspace: str, name: str) -> Job | None:
        return self._jobs.get(workspace.lower(), {}).get(name.lower())

    def of(self, workspace: str) -> list[Job]:
        """The jobs of a workspace, newest first."""
        return list(reversed(self._jobs.get(workspace.lower(), {}).values()))

    def everything(self) -> Iterator[Job]:
        for jobs in self._jobs.values():
            yield from jobs.values()

    def submit(
        self,
        *,
        region: str,
        workspace: str,
        principal: str,
        submitted: Any,
        resource: Resource,
        lacks: str | None = None,
    ) -> Job:
        """Begin the life of a job whose resource is complete but for its status.

        ``lacks`` says why it cannot run; it will fail once it is prepared.
        """
        name = resource["name"]
        wishes = wishes_in(resource["properties"].get("tags") or {})
        dice = random.Random(f"{self._kernel.seed}/{name}")
        self._orders += 1
        job = Job(
            name=name,
            region=region,
            workspace=workspace,
            principal=principal,
            submitted=submitted,
            resource=resource,
            order=self._orders,
            created=self._kernel.now(),
            durations=self._durations(dice, wishes, str(resource["properties"].get("command") or "")),
            outcome=self._outcome(dice, wishes),
            lacks=lacks,
        )
        self._jobs.setdefault(workspace.lower(), {})[name.lower()] = job
        self._turn(job, _STAGES[0])
        return job

    def cancel(self, job: Job) -> None:
        """Ask a job to stop; it does a little later."""
        if not job.ended and job.status != "CancelRequested":
            self._turn(job, "CancelRequested")

    def region_down(self, region: str) -> None:
        """Stop everything that has not ended in a region. Nothing is told: its system topics are down as well."""
        self._down.add(region)
        now = self._kernel.now()
        for job in self.everything():
            if job.region == region and job.timer is not None:
                self._stop(job, now)
                job.killed_at = now

    def region_up(self, region: str) -> None:
        """Let a region return: its zombies run on, its other killed jobs have failed."""
        self._down.discard(region)
        for job in self.everything():
            if job.region != region or job.ended or job.timer is not None:
                continue
            if job.killed_at is None:
                self._schedule(job)
            elif job.status != "CancelRequested" and self._rises(job):
                job.zombie = True
                self._turn(job, "Running")
            else:
                self._turn(job, "Failed")

    def is_down(self, region: str) -> bool:
        return region in self._down

    def close(self) -> None:
        """Stop all clocks."""
        for job in self.everything():
            self._stop(job, self._kernel.now())

    def _rises(self, job: Job) -> bool:
        return random.Random(f"{self._kernel.seed}/{job.name}/zombie").random() < self._pace.zombies

    def _durations(self, dice: random.Random, wishes: Wishes, command: str) -> dict[str, float]:
        pace = self._pace
        spans = {
            "NotStarted": pace.not_started,
            "Queued": pace.queued,
            "Preparing": pace.preparing,
            "Running": pace.running,
        }
        durations = {stage: dice.uniform(*span) for stage, span in spans.items()}
        durations["NotStarted"] = durations["Starting"] = durations["NotStarted"] / 2
        if command.startswith("echo "):
            durations["Running"] = min(durations["Running"], ECHO)
        if wishes.duration is not None:
            durations["Running"] = wishes.duration
        return durations | {"CancelRequested": pace.cancelling}

    def _outcome(self, dice: random.Random, wishes: Wishes) -> str:
        drawn = "Failed" if dice.random() < self._pace.failures else "Completed"
        return wishes.outcome or drawn

    def _turn(self, job: Job, status: str) -> None:
        """Give a job its next status, tell it, and set its clock."""
        now = self._kernel.now()
        self._stop(job, now)
        job.resource["properties"]["status"] = status
        _note(job.resource["properties"], status, now)
        job.resource["systemData"]["lastModifiedAt"] = stamp(now)
        job.statuses.append((now, status))
        if status == "Running":
            job.runs.append(Run(since=now, until=None))
        self._tell(job, status)
        if status not in TERMINAL and job.region not in self._down:
            self._schedule(job)

    def _schedule(self, job: Job) -> None:
        wait = job.durations[job.status] / self._kernel.speed
        job.timer = asyncio.get_running_loop().call_later(wait, self._turn, job, self._after(job))

    def _after(self, job: Job) -> str:
        if job.status == "CancelRequested":
            return "Canceled"
        if job.status == "Preparing" and job.lacks:
            return "Failed"
        following = _STAGES.index(job.status) + 1
        return _STAGES[following] if following < len(_STAGES) else job.outcome

    def _stop(self, job: Job, now: datetime) -> None:
        """Stop a job's clock, and take the time it has run off what it still has to run."""
        if job.timer is not None:
            job.timer.cancel()
            job.timer = None
        if job.runs and job.runs[-1].until is None:
            last = job.runs[-1]
            job.runs[-1] = Run(since=last.since, until=now)
            used = (now - last.since).total_seconds() * self._kernel.speed
            job.durations["Running"] = max(0.0, job.durations["Running"] - used)

    def _tell(self, job: Job, status: str) -> None:
        if status in _SILENT or job.region in self._down:
            return
        properties = job.resource["properties"]
        data = {
            "experimentId": job.experiment_id,
            "experimentName": job.experiment,
            "runId": job.name,
            "runType": properties["jobType"].lower(),
            "runTags": dict(properties.get("tags") or {}),
            "runProperties": dict(properties.get("properties") or {}),
        }
        subject = f"experiments/{job.experiment_id}/runs/{job.name}"
        changed = data | {"runStatus": status}
        self._events.emit(job.workspace, f"{_PROVIDER}.RunStatusChanged", subject, changed)
        if status == "Completed":
            # Whether a failed or cancelled run raises it too is not documented: it does not here.
            self._events.emit(job.workspace, f"{_PROVIDER}.RunCompleted", subject, data)


def _note(properties: dict[str, Any], status: str, now: datetime) -> None:
    """What the service writes into a job's tags and properties on its way (recorded of a job that had completed)."""
    when = now.strftime("%Y-%m-%d %H:%M:%S")
    if status == "Preparing" and properties.get("computeId"):
        state = {"AllocationState": "steady", "PreparingNodeCount": 1, "RunningNodeCount": 0, "CurrentNodeCount": 1}
        told = json.dumps(state, separators=(",", ":"))
        properties["tags"] = {**(properties.get("tags") or {}), "_aml_system_ComputeTargetStatus": told}
    if status == "Running":
        files = {"ProcessInfoFile": "azureml-logs/process_info.json"}
        files |= {"ProcessStatusFile": "azureml-logs/process_status.json"}
        properties["properties"] = {**(properties.get("properties") or {}), **files, "StartTimeUtc": when}
    elif status in TERMINAL:
        properties["properties"] = {**(properties.get("properties") or {}), "EndTimeUtc": when}


class Truth:
    """What really happened, for judges."""

    def __init__(self, life: JobsLife, loop: ServingLoop) -> None:
        self._life = life
        self._loop = loop

    def jobs(self) -> list[TrueJob]:
        """Every job ever submitted, in any region."""
        return self._loop.call(lambda: [job.truth() for job in self._life.everything()])
