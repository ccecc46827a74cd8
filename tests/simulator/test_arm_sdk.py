"""azure-ai-ml, as people use it, against the local Azure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_azure_client import eventually
from user_client import user_client, user_credential

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.job_lifecycle import Pace

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:pkg_resources:UserWarning"
)


@pytest.fixture
def azure() -> Iterator[LocalAzure]:
    with LocalAzure(seed=7, speed=100, pace=Pace(running=(1000, 1000))) as cloud:
        yield cloud


@pytest.fixture
def ml(azure: LocalAzure, primary: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The client of the primary's project, made as its documentation says, but for the cloud."""
    for name, value in azure.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")
    with user_credential(azure) as credential:
        yield user_client(azure, primary, credential, polling_interval=1)


@pytest.fixture
def code(tmp_path: Path) -> str:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("print('hello')\n")
    (tmp_path / "src" / "model.py").write_text("SIZE = 3\n")
    return str(tmp_path / "src")


def training(code: str, name: str) -> Any:
    from azure.ai.ml import Input, command

    job = command(
        code=code,
        command="python train.py ${{inputs.data}}",
        environment="train-env:1",
        compute="cpu-cluster",
        inputs={"data": Input(type="uri_folder", path="azureml:iris:1")},
        experiment_name="iris",
    )
    job.name = name
    return job


def test_a_command_job_with_local_code_is_submitted_and_runs(azure: LocalAzure, ml: Any, code: str) -> None:
    """Code goes up through a signature, the job names it, and everything is found again."""
    submitted = ml.jobs.create_or_update(training(code, "first"))
    assert submitted.name == "first"
    assert "/codes/" in ml.jobs.get("first").code
    eventually(lambda: ml.jobs.get("first").status == "Running")
    snapshot = next(name for name in azure.blobs["eastus2"].containers() if name.startswith("snapshot-"))
    assert azure.blobs["eastus2"].names(snapshot) == ["src/model.py", "src/train.py"]


def test_the_same_code_is_uploaded_once(azure: LocalAzure, ml: Any, code: str) -> None:
    """The second job finds it by its hash."""
    for name in ("first", "second"):
        ml.jobs.create_or_update(training(code, name))
    snapshots = [name for name in azure.blobs["eastus2"].containers() if name.startswith("snapshot-")]
    assert len(snapshots) == 1


def test_jobs_are_listed_cancelled_and_archived(ml: Any, code: str) -> None:
    """The operations that people use every day."""
    for name in ("first", "second"):
        ml.jobs.create_or_update(training(code, name))
    assert [job.name for job in ml.jobs.list()] == ["second", "first"]
    ml.jobs.begin_cancel("first").result(timeout=60)
    assert ml.jobs.get("first").status == "Canceled"
    ml.jobs.archive("first")
    assert [job.name for job in ml.jobs.list()] == ["second"]


def test_assets_are_read_and_registered(ml: Any) -> None:
    """Environments, data and models, by version and by label."""
    from azure.ai.ml.entities import Data, Environment

    assert ml.environments.get("train-env", label="latest").version == "1"
    assert ml.data.get("iris", label="latest").version == "1"
    assert ml.models.get("iris-classifier", label="latest").version == "1"
    assert ml.datastores.get_default().name == "workspaceblobstore"
    ml.environments.create_or_update(Environment(name="new", image="mcr.microsoft.com/x:1"))
    ml.data.create_or_update(Data(name="new", type="uri_folder", path="azureml://datastores/training-data/paths/n"))
    assert [environment.name for environment in ml.environments.list()] == ["train-env", "new"]
    assert ml.data.get("new", version="1").path.endswith("/paths/n")


def test_workspaces_and_computes_are_read(ml: Any, primary: Site) -> None:
    """What a readiness check looks at."""
    assert ml.workspaces.get(primary.hub).location == "eastus2"
    assert [compute.name for compute in ml.compute.list()] == ["cpu-cluster", "gpu-cluster"]


def test_a_pipeline_with_an_anonymous_component_is_submitted(azure: LocalAzure, ml: Any, code: str) -> None:
    """Component, code and environment are registered on the way, and all of them are the workspace's own."""
    from azure.ai.ml import command, dsl

    step = command(
        name="step",
        code=code,
        command="python train.py",
        environment="train-env@latest",
        compute="cpu-cluster",
    )

    @dsl.pipeline(default_compute="cpu-cluster")
    def two_steps() -> None:
        step()
        step()

    job = two_steps()
    job.name = "pipeline"
    assert ml.jobs.create_or_update(job, experiment_name="iris").name == "pipeline"
    nodes = azure.truth.jobs()[0].submitted["properties"]["jobs"].values()
    assert all("/components/azureml_anonymous/versions/" in node["componentId"] for node in nodes)
