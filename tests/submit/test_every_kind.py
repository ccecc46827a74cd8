"""Every kind of job that azure-ai-ml has a YAML schema for is submitted, recorded and run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from local_azure_client import eventually
from user_client import user_client, user_credential

from orchestrator.adapters.hub.mlclient import quiet
from orchestrator.core.jobs.record import JobStatus
from orchestrator.core.plan.schema import Plan
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

WORK = (
    "jobType",
    "command",
    "codeId",
    "environmentId",
    "computeId",
    "inputs",
    "taskDetails",
    "entry",
    "objective",
    "trial",
)
"""What of a body says what is to be done, where azure-ai-ml makes no new names."""

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def client(azure: LocalAzure, plan: Plan) -> Iterator[Any]:
    """A person's own, who looks at a job."""
    with user_credential(azure) as credential:
        yield user_client(azure, plan.primary, credential)


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


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"automl"}))  # which azure-ai-ml 1.35 cannot print itself
def test_what_az_ml_job_show_prints_of_each_kind_is_submitted_again(
    kind: str, azure: LocalAzure, at: Desk, tmp_path: Path, client: Any
) -> None:
    """The hub runs it as another job that does the same work."""
    with quiet():
        first = submit(JOBS / kind / "job.yml", at)
        shown = tmp_path / "shown.yml"
        # The extension of the Azure CLI prints the entity's own dictionary, with the group that it was found in.
        seen = client.jobs.get(first.name)
        seen = seen._to_job() if hasattr(seen, "_to_job") else seen
        printed = seen._to_dict() | {"resourceGroup": at.plan.primary.resource_group}
        shown.write_text(yaml.safe_dump(json.loads(json.dumps(printed, default=str))), encoding="utf-8")
        again = submit(shown, at)
    jobs = {job.name: job for job in azure.truth.jobs()}
    assert again.name != first.name
    assert jobs[again.name].lacks is None
    one, other = (jobs[name].submitted["properties"] for name in (first.name, again.name))
    assert {field: _leave_out_defaults(other.get(field)) for field in WORK} == {field: one.get(field) for field in WORK}


def _leave_out_defaults(value: Any) -> Any:
    """What a person wrote, without the mode of an input, which the hub fills in and `az ml job show` prints."""
    match value:
        case dict():
            kept = {name: each for name, each in value.items() if (name, each) != ("mode", "ReadOnlyMount")}
            return {name: _leave_out_defaults(each) for name, each in kept.items()}
        case list():
            return [_leave_out_defaults(each) for each in value]
    return value
