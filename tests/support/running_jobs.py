"""Jobs that run in the primary of the real app's pair, and what became of each: by Azure's truth and by the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
from deployed_app import SPEED, App, deployed
from endless_jobs import submit_endless
from waiting import until

from orchestrator.core.base.vocabulary import LeftJob, Mode
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.jobs.record_schema import read_job_record
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import TERMINAL, TrueJob

AT_REST = {"settled", "steady"}


class Stage(NamedTuple):
    """Everything up, with jobs in the ledger."""

    azure: LocalAzure
    plan: Plan
    app: App
    roots: tuple[str, ...]

    def jobs(self) -> dict[str, TrueJob]:
        """What really happened, by the simulated Azure's own account."""
        return {job.name: job for job in self.azure.truth.jobs() if job.name.startswith("way-")}

    def alive(self) -> dict[str, list[str]]:
        """By root: the jobs of its line that have not ended."""
        live = [name for name, job in self.jobs().items() if job.status not in TERMINAL]
        return {root: sorted(name for name in live if name.startswith(root)) for root in self.roots}

    def records(self) -> dict[str, JobRecord]:
        container, prefix = self.plan.ledger.container, "demo/jobs/"

        def read() -> dict[str, bytes]:
            found = (
                (name, self.azure.ledger.get(container, name)) for name in self.azure.ledger.names(container, prefix)
            )
            return {name: blob.data for name, blob in found if blob}

        return {one.name: one for one in (read_job_record(data, at) for at, data in self.azure.call(read).items())}

    def rests(self, active: str) -> None:
        """Wait until the pair is at rest with that side active."""
        rest: Callable[[], bool] = lambda: (  # noqa: E731
            (view := self.app.view()).get("active") == active and view["phase"] in AT_REST and not view.get("run")
        )
        until(rest, f"a rest with the {active} active", pause=0.1)


@contextmanager
def running_jobs(
    folder: Path, roots: Mapping[str, str], *, seed: int, deadline: timedelta, failback: LeftJob = LeftJob.FINISH
) -> Iterator[Stage]:
    """These jobs run in the primary and are in the ledger.

    Args:
        folder: where the plan's file goes.
        roots: name of each job -> its tag ``hubswitch.failback``; empty if it has none. Names begin with ``way-``.
        seed: of the simulated Azure.
        deadline: of the plan: after how long a job that is left is moved.
        failback: what the plan says of a job without a tag.
    """
    azure = LocalAzure(seed=seed, speed=SPEED)
    with azure, LocalEngine() as engine, variables(azure.environment()):
        plan = plan_of(azure, **scale_policy(SPEED, Mode.AUTO))
        jobs = msgspec.structs.replace(
            plan.jobs, failback=failback, failback_deadline=deadline, retry=timedelta(seconds=3)
        )
        plan = msgspec.structs.replace(plan, jobs=jobs)
        place = folder / "demo.yaml"
        place.write_text(yaml_of(plan), encoding="utf-8")
        with deployed(azure, engine, place) as app:
            until(lambda: app.view().get("phase") == "steady", "the first look", pause=0.1)
            for root, wish in roots.items():
                submit_endless(azure, plan.primary, root, "way", {"hubswitch.failback": wish} if wish else {})
            stage = Stage(azure, plan, app, tuple(roots))
            until(lambda: len(stage.records()) == len(roots), "every job in the ledger", pause=0.1)
            until(lambda: are_running(stage), "every job running", pause=0.1)
            yield stage


def are_running(stage: Stage) -> bool:
    """Whether each line has exactly one job, and that runs."""
    jobs = stage.jobs()
    return all([jobs[name].status for name in names] == ["Running"] for names in stage.alive().values())


def overlaps(jobs: dict[str, TrueJob], root: str) -> list[str]:
    """Runs of one line that used a compute at once; without those that their region took away, which may rise again."""
    spans = sorted(
        (run.since, run.until, name)
        for name, job in jobs.items()
        if name.startswith(root) and job.killed_at is None
        for run in job.runs
    )
    return [f"{one[2]} beside {two[2]}" for one, two in pairwise(spans) if one[1] is None or one[1] > two[0]]


def leads_to(records: dict[str, JobRecord], root: str, heads: list[str]) -> bool:
    """Whether the records of a line lead from its root to its one head, which runs, and to nothing else."""
    line = {name: record for name, record in records.items() if record.root == root}
    name, way = root, [root]
    while line[name].status is JobStatus.RESUBMITTED:
        name = line[name].successor or ""
        way.append(name)
    return line[name].status is JobStatus.RUNNING and [name] == heads and sorted(way) == sorted(line)
