"""A program that is killed while it submits leaves a record, and the same command makes one job of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.plan.schema import Plan
from orchestrator.local.simulated_plan import yaml_of
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.submit.api import Desk
from orchestrator.watch.reconcile import find_differing
from orchestrator.workflows.activities.capture_jobs import capture_jobs

JOB = Path(__file__).parent / "jobs" / "serverless" / "job.yml"
PATIENCE = 600
"""Seconds. azure-ai-ml takes some to be imported while other tests run."""


@contextmanager
def submitting(azure: LocalAzure, plan: Plan, folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """``hubswitch submit`` as a process of its own; killed at the end if it still lives."""
    (folder / "plan.yaml").write_text(yaml_of(plan), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **azure.user_environment()}
    command = [sys.executable, "-m", "orchestrator", "submit", str(JOB), "--plan", "plan.yaml", "--name", name]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def _record(at: Desk, name: str) -> JobRecord | None:
    found = at.world.ledgers[at.plan.pair].read(at.plan.pair, name)
    return found.value if found else None


def _awaited(at: Desk, name: str) -> JobRecord:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        record = _record(at, name)
        if record is not None:
            return record
        time.sleep(0.05)
    pytest.fail("the record did not come")


def _jobs(azure: LocalAzure, name: str) -> list[str]:
    return [job.name for job in azure.truth.jobs() if job.name == name]


def test_a_command_that_is_killed_while_its_hub_says_nothing_can_be_repeated(
    azure: LocalAzure, at: Desk, tmp_path: Path
) -> None:
    """The first leaves a record and no job; the second makes the job, and the record is whole."""
    name = f"{at.plan.pair}-killed"
    azure.faults.set(at.plan.primary.region, "control", "hang", path=f"/jobs/{name}")
    with submitting(azure, at.plan, tmp_path, name) as process:
        assert _awaited(at, name).status is JobStatus.SUBMITTING
        process.kill()
    azure.faults.clear()
    assert _jobs(azure, name) == []
    for order in find_differing(at.world, at.plan, Role.PRIMARY):
        if name in order.jobs:
            capture_jobs(at.world, order)
    record = _record(at, name)
    assert record is not None
    assert record.status is JobStatus.SUBMITTING
    with submitting(azure, at.plan, tmp_path, name) as process:
        assert process.wait(PATIENCE) == 0
    record = _record(at, name)
    assert record is not None
    assert record.status is JobStatus.RUNNING
    assert [line.what for line in record.history].count("submitting") == 2
    assert _jobs(azure, name) == [name]
