"""Every kind of job that azure-ai-ml has a YAML schema for is submitted, recorded and run."""

from __future__ import annotations

from pathlib import Path

import pytest
from local_azure_client import eventually

from orchestrator.adapters.hub.mlclient import quiet
from orchestrator.core.jobs.record import JobStatus
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.submit.api import Desk, submit

JOBS = Path(__file__).parent / "jobs"
KINDS = {
    "as-user": "Command",
    "automl": "AutoML",
    "command": "Command",
    "distillation": "FineTuning",
    "finetuning": "FineTuning",
    "finetuning-openai": "FineTuning",
    "parallel": "Pipeline",
    "pipeline-components": "Pipeline",
    "pipeline-inline": "Pipeline",
    "pipeline-steps": "Pipeline",
    "serverless": "Command",
    "spark": "Spark",
    "sweep": "Sweep",
}
NEEDS: dict[str, set[str]] = {
    "as-user": {"code", "environment"},
    "automl": set(),
    "command": {"code", "environment"},
    "distillation": set(),
    "finetuning": set(),
    "finetuning-openai": set(),
    "parallel": {"component", "code", "environment"},
    "pipeline-components": {"component", "data"},
    "pipeline-inline": {"component"},
    "pipeline-steps": {"component"},
    "serverless": {"code"},
    "spark": {"code"},
    "sweep": {"code", "environment", "data"},
}

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_there_is_a_file_for_every_kind() -> None:
    """None is forgotten."""
    assert {path.parent.name for path in JOBS.glob("*/job.yml")} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_yaml_file_of_each_kind_is_submitted_recorded_and_run(
    kind: str, azure: LocalAzure, at: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another folder than the file's; the record holds what the hub shows, and what the job needs."""
    monkeypatch.chdir(tmp_path)
    with quiet():
        done = submit(JOBS / kind / "job.yml", at)
    found = at.world.ledgers[at.plan.pair].read(at.plan.pair, done.name)
    assert found is not None
    record = found.value
    assert record.status is JobStatus.RUNNING
    assert record.body["properties"]["jobType"] == KINDS[kind]
    assert [line.what for line in record.history[:2]] == ["submitting", "submitted"]
    assert NEEDS[kind] <= {asset.kind for asset in record.closure}
    truth = {job.name: job for job in azure.truth.jobs()}
    assert truth[done.name].lacks is None
    eventually(lambda: {job.name: job.status for job in azure.truth.jobs()}[done.name] == "Completed")
