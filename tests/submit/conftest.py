"""A simulated Azure as a person's own programs see it, with the tests' YAML files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from bench_fixture import bench  # noqa: F401
from leftovers import collected

from orchestrator.core.plan.schema import Plan
from orchestrator.local.simulated_plan import plan_of
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import Pace
from orchestrator.submit.api import Desk, desk

JOBS = Path(__file__).parent / "jobs"


@pytest.fixture(autouse=True)
def leftovers() -> Iterator[None]:
    """After everything else of a test."""
    yield
    collected()


@pytest.fixture(scope="session")
def running() -> Iterator[LocalAzure]:
    with LocalAzure(seed=5, speed=100, pace=Pace(running=(5, 10))) as made:
        yield made


@pytest.fixture
def azure(running: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAzure]:
    """Well, with full buckets, as this process's own Azure."""
    for name, value in running.user_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")
    running.throttle.reset()
    yield running
    running.faults.clear()


@pytest.fixture
def plan(azure: LocalAzure) -> Plan:
    """A pair of its own over the estate's hubs."""
    return msgspec.structs.replace(plan_of(azure), pair=f"p-{uuid4().hex[:10]}")


@pytest.fixture
def at(plan: Plan) -> Desk:
    return desk(plan)
