"""One outage with a job of every type, from capture to the end of each successor, on the real engine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from crash_harness import Bench, Nursery, Visit, order_of, running, start
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
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import Pace, TrueJob
from orchestrator.workflows import names
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.messages import AfterOrder, CaptureOrder, RunOrder

SPEED = 200.0
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


@contextmanager
def outage_bench(folder: Path, seed: int) -> Iterator[Bench]:
    """Two regions whose jobs take some seconds, and most of which rise again after an outage."""
    pace = Pace(not_started=(0.2, 1.0), queued=(1.0, 5.0), preparing=(2.0, 10.0), zombies=0.7)
    with LocalAzure(seed=seed, speed=SPEED, pace=pace) as azure, variables(azure.environment()):
        azure.throttle.enabled = False
        nursery = Nursery()
        try:
            yield Bench(azure, nursery, folder)
        finally:
            nursery.close()


def suffered(bench: Bench, seed: int) -> Aftermath:
    """Capture, an outage, a failover with a worker that dies and a slow management plane, zombies, and the end."""
    dice = random.Random(f"outage-{seed}")  # noqa: S311 - repeatable, not secret
    visit = _captured(bench)
    azure, primary = bench.azure, visit.plan.primary.region
    azure.region_down(primary)
    azure.throttle.write_burst, azure.throttle.write_rate, azure.throttle.enabled = 6, 15, True
    azure.call(azure.throttle.reset)
    order = order_of(visit, 1)
    with running() as (engine, client):
        start(client, order)
        killed = sum(_until_killed(visit, engine, act_at=dice.randint(2, 60)) for _ in range(KILLS))
        worker = visit.worker(engine)
        try:
            until(lambda: bool(_successors(bench, visit)), "the first successor")
            azure.region_up(primary)
            until(engine.idle, "the end of the run")
            azure.throttle.enabled = False
            _settled(visit, client, order)
        finally:
            worker.end()
    until(lambda: all(job.status == "Completed" for job in _successors(bench, visit)), "every successor's end")
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
    until(lambda: worker.is_gone() or engine.idle(), "a call to die at, or the end of the run")
    died = worker.is_gone()
    worker.end()
    return died


def _settled(visit: Visit, client: TaskHubGrpcClient, order: RunOrder) -> None:
    """What the reconciling timer does after a switch, again and again, until no old run is unaccounted for."""
    given: Any = to_builtins(AfterOrder(run=order))

    def is_done() -> bool:
        run = client.schedule_new_orchestration(names.AFTER_RUN, input=given)
        client.wait_for_orchestration_completion(run, timeout=60)
        left = [r for r in records(visit).values() if r.status is JobStatus.RESUBMITTED]
        return all(record.old_run not in {OldRun.UNKNOWN, OldRun.STOPPING} for record in left)

    until(is_done, "every old run accounted for")


def _successors(bench: Bench, visit: Visit) -> list[TrueJob]:
    mine = f"{visit.pair}-"
    return [j for j in bench.azure.truth.jobs() if j.tags.get("hubswitch.source", "").startswith(mine)]
