"""One outage with a job of every type, from capture to the end of each successor, on the real engine."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from crash_harness import Bench, Nursery, Visit, Worker, order_of, running, start, until_seen, wait_until_idle
from durabletask.client import TaskHubGrpcClient
from job_stories import records
from judged import complaints
from waiting import until

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord, JobStatus, OldRun
from orchestrator.local.engine import LocalEngine
from orchestrator.local.sample_jobs import kinds
from orchestrator.local.session import variables
from orchestrator.local.workload import User
from orchestrator.simulator.arm.throttle import Throttle
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import Pace, TrueJob
from orchestrator.workflows import names
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.messages import AfterOrder, CaptureOrder, RunOrder

SPEED = 200.0
"""From the outage on. Before it, jobs run at the speed of real ones: none may end while it is still captured."""

BURST = 6
"""Writes after which the management plane answers 429."""

COPIES = 2
"""Jobs of each kind."""

KILLS = 2
"""How often the worker dies on the way."""


@dataclass(frozen=True)
class Aftermath:
    """What an outage has come to."""

    seed: int
    submitted: frozenset[str]
    records: Mapping[str, JobRecord]
    truth: Mapping[str, TrueJob]
    complaints: list[str]
    throttled: int
    """Calls that the management plane met with 429."""

    killed: int
    """Workers that died in the middle of the run."""

    def successors(self) -> dict[str, TrueJob]:
        """By name of the job that each continues."""
        return {job.tags["hubswitch.source"]: job for job in self.truth.values() if "hubswitch.source" in job.tags}

    def zombies(self) -> list[TrueJob]:
        return [job for job in self.truth.values() if job.zombie]


class RefusalClock:
    """The throttle's clock, in seconds: it runs only while a refusal lasts.

    So it is the number of writes that decides when one is refused, and not how fast this machine makes them; and who
    waits as long as was asked is let through.
    """

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._now = 0.0
        self._looked = time.monotonic()

    def __call__(self) -> float:
        """Called in the loop of the simulated Azure only."""
        before, self._looked = self._looked, time.monotonic()
        if any(bucket.closed_until > self._now for bucket in self._throttle._buckets.values()):
            self._now += self._looked - before
        return self._now


@contextmanager
def outage_bench(folder: Path, seed: int) -> Iterator[Bench]:
    """Two regions whose jobs start at once and then run for long, and most of which rise again after an outage."""
    pace = Pace(not_started=(0.001, 0.005), queued=(0.005, 0.025), preparing=(0.01, 0.05), zombies=0.7)
    with LocalAzure(seed=seed, pace=pace) as azure, variables(azure.environment()):
        azure.throttle.enabled = False
        nursery = Nursery(folder)
        try:
            yield Bench(azure, nursery, folder)
        finally:
            nursery.close()


def suffered(bench: Bench, seed: int, *, lossy: bool = False) -> Aftermath:
    """Capture, an outage, a failover with a worker that dies and a slow management plane, zombies, and the end.

    If lossy, no PUT in the standby is ever answered, and a second one of a job's name is refused.
    """
    dice = random.Random(f"outage-{seed}")  # noqa: S311 - repeatable, not secret
    visit = _captured(bench)
    azure, primary = bench.azure, visit.plan.primary.region
    azure.region_down(primary)
    if lossy:
        azure.kernel.refuses_second_puts = True
        azure.faults.set(visit.plan.secondary.region, "control", "lost-answer", method="PUT")
    azure.kernel.speed = SPEED
    throttle = azure.throttle
    throttle.clock = RefusalClock(throttle)
    throttle.write_burst, throttle.write_rate, throttle.read_burst, throttle.enabled = BURST, 15, 1e6, True
    azure.call(throttle.reset)
    order = order_of(visit, 1)
    with running() as (engine, client):
        start(client, order)
        killed = sum(_until_killed(visit, engine, act_at=dice.randint(2, 60)) for _ in range(KILLS))
        worker = visit.worker(engine)
        try:
            until_seen(lambda: bool(_successors(bench, visit)), "the first successor", engine, worker)
            azure.region_up(primary)
            wait_until_idle(engine, "the end of the run", worker)
            azure.throttle.enabled = False
            _settled(visit, client, order, engine, worker)
        finally:
            worker.end()
    until(
        lambda: all(job.status == "Completed" for job in _successors(bench, visit)),
        "every successor's end",
        moved=lambda: [job.status for job in _successors(bench, visit)],
    )
    ours = {job.name: job for job in azure.truth.jobs() if job.name.startswith(f"{visit.pair}-")}
    submitted = frozenset(name for name, job in ours.items() if job.region == primary)
    kept = records(visit)
    throttled = sum(entry.status == 429 for entry in azure.log.entries())
    return Aftermath(seed, submitted, kept, ours, complaints(kept, ours.values()), throttled, killed)


def _captured(bench: Bench) -> Visit:
    """A pair with jobs of every kind, running in its primary and in its ledger."""
    visit = bench.visit()
    visit.plan = msgspec.structs.replace(visit.plan, jobs=msgspec.structs.replace(visit.plan.jobs, batch=5))
    ledger = visit.world.ledgers[visit.pair]
    for summary in list(ledger.summaries(visit.pair)):
        found = ledger.read(visit.pair, summary.name)
        assert found is not None
        ended = msgspec.structs.replace(found.value, status=JobStatus.FINISHED, azure_status="Completed")
        ledger.replace(ended, found.etag)
    user, hub = User(bench.azure), visit.plan.primary
    made = []
    environment, code = (asset.id for asset in bench.templates.closures["coded"])
    for kind, properties in kinds(hub, code, environment).items():
        for number in range(COPIES):
            made.append(f"{visit.pair}-{kind}-{number}")
            user.submit(hub, made[-1], properties)
    report = capture_jobs(visit.world, CaptureOrder(pair=visit.pair, side=Role.PRIMARY, jobs=tuple(made)))
    assert (report.captured, report.failed) == (len(made), 0), report.why
    return visit


def _until_killed(visit: Visit, engine: LocalEngine, *, act_at: int) -> bool:
    """Let a worker work until it dies at one of its calls; whether it came so far before the run was over."""
    worker = visit.worker(engine, act_at=act_at)
    until_seen(lambda: worker.is_gone() or engine.idle(), "a call to die at, or the end of the run", engine, worker)
    died = worker.is_gone()
    worker.end()
    return died


def _settled(visit: Visit, client: TaskHubGrpcClient, order: RunOrder, engine: LocalEngine, worker: Worker) -> None:
    """What the reconciling timer does after a switch, again and again, until no old run is unaccounted for."""
    given: Any = to_builtins(AfterOrder(run=order))

    def is_done() -> bool:
        client.schedule_new_orchestration(names.AFTER_RUN, input=given)
        wait_until_idle(engine, "the end of a step after the run", worker)
        left = [r for r in records(visit).values() if r.status is JobStatus.RESUBMITTED]
        return all(record.old_run not in {OldRun.UNKNOWN, OldRun.STOPPING} for record in left)

    until(is_done, "every old run accounted for")


def _successors(bench: Bench, visit: Visit) -> list[TrueJob]:
    mine = f"{visit.pair}-"
    return [j for j in bench.azure.truth.jobs() if j.tags.get("hubswitch.source", "").startswith(mine)]
