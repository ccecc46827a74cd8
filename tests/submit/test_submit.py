"""One call submits, once, to where jobs go now, and says what came of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from orchestrator.adapters.hub import mlclient
from orchestrator.core.base.errors import InvalidInput, NotNow, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import EpochRecord, pointer_for
from orchestrator.core.jobs.record import JobStatus
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.submit.api import Desk, desk, follow, submit

JOB = Path(__file__).parent / "jobs" / "serverless" / "job.yml"

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def _pointed(at: Desk, side: Role, epoch: int) -> None:
    """Publish the pointer, as a run does."""
    now = at.world.clock.now()
    record = EpochRecord(epoch=epoch, active=side, run=None, since=now, why="a test")
    as_app = desk(at.plan, _executor(at))
    pointers = as_app.world.pointers[at.plan.pair]
    pointers.publish(at.plan.pair, pointer_for(at.plan, record), pointers.snapshot(at.plan.pair))


def _executor(at: Desk) -> object:
    from azure.identity import ManagedIdentityCredential

    from orchestrator.simulator.identity import EXECUTOR

    assert at.settings.executor_client_id != EXECUTOR
    return ManagedIdentityCredential(client_id=EXECUTOR)


def test_a_job_goes_where_the_pointer_points(at: Desk) -> None:
    """After a switch the same command reaches the other hub."""
    _pointed(at, Role.SECONDARY, 1)
    with mlclient.quiet():
        done = submit(JOB, at)
    assert (done.side, done.region, done.warnings) == (Role.SECONDARY, "westus3", ())
    found = at.world.ledgers[at.plan.pair].read(at.plan.pair, done.name)
    assert found is not None
    assert found.value.hub is Role.SECONDARY


def test_a_pointer_that_cannot_be_read_stops_a_submission_unless_a_side_is_named(azure: LocalAzure, at: Desk) -> None:
    """Nothing is guessed, and nobody is stuck."""
    for region in (azure.estate.third, azure.estate.regions[1]):
        azure.faults.set(region, "appconfig", "5xx", status=500)
    with mlclient.quiet():
        with pytest.raises(TemporaryError):
            submit(JOB, at)
        done = submit(JOB, at, side=Role.PRIMARY)
    assert done.side is Role.PRIMARY
    assert len(done.warnings) == 1


@pytest.mark.parametrize("name", ["two words", "a/b", "-first", "x" * 256, "line\n"])
def test_what_is_no_job_s_name_is_refused_before_anything_is_sent(azure: LocalAzure, at: Desk, name: str) -> None:
    """One line names the field and the rule; neither ledger nor hub was asked."""
    before = len(azure.log)
    with mlclient.quiet(), pytest.raises(InvalidInput, match="name: expected letters, digits"):
        submit(JOB, at, name=name, side=Role.PRIMARY)
    assert len(azure.log) == before


def test_a_name_that_is_another_hub_s_job_is_refused_before_anything_is_sent(azure: LocalAzure, at: Desk) -> None:
    """It could run in both."""
    name = f"{at.plan.pair}-mine"
    with mlclient.quiet():
        submit(JOB, at, name=name, side=Role.PRIMARY)
        before = len(azure.truth.jobs())
        with pytest.raises(NotNow, match="choose another name"):
            submit(JOB, at, name=name, side=Role.SECONDARY)
    assert len(azure.truth.jobs()) == before


def test_another_job_under_a_name_in_use_is_refused(azure: LocalAzure, at: Desk) -> None:
    """The hub would answer with the first job. The same job, submitted again, is taken."""
    name = f"{at.plan.pair}-again"
    with mlclient.quiet():
        submit(JOB, at, name=name, side=Role.PRIMARY)
        before = len(azure.truth.jobs())
        with pytest.raises(NotNow, match=r"/properties/command.*choose another name"):
            submit(JOB, at, name=name, side=Role.PRIMARY, sets=["command=echo another"])
        again = submit(JOB, at, name=name, side=Role.PRIMARY)
    assert (again.name, again.warnings, len(azure.truth.jobs())) == (name, (), before)


def test_a_job_whose_answer_azure_ai_ml_cannot_read_is_said_to_be_submitted(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its owner would submit it again."""
    from azure.ai.ml.entities import Job

    def fail(_: object) -> None:
        raise TypeError("an answer of a shape that it does not know")

    monkeypatch.setattr(Job, "_from_rest_object", fail)
    with mlclient.quiet():
        done = submit(JOB, at)
    assert "was taken" in done.warnings[-1]
    found = at.world.ledgers[at.plan.pair].read(at.plan.pair, done.name)
    assert found is not None
    assert found.value.status is JobStatus.RUNNING


def test_a_job_is_followed_to_its_successor(at: Desk) -> None:
    """Whoever waits for a job learns that it was moved, and how the successor ended."""
    with mlclient.quiet():
        first, second = (submit(JOB, at, name=f"{at.plan.pair}-{mark}", side=Role.PRIMARY) for mark in ("a", "b"))
    ledger = at.world.ledgers[at.plan.pair]
    found = ledger.read(at.plan.pair, first.name)
    assert found is not None
    moved = msgspec.structs.replace(
        found.value, status=JobStatus.RESUBMITTED, successor=second.name, hub=Role.SECONDARY
    )
    ledger.replace(moved, found.etag)
    seen = list(follow(at, first.name, Role.PRIMARY, poll=0.05))
    assert {name for name, _, _ in seen} == {second.name}
    assert seen[-1] == (second.name, Role.PRIMARY, "Completed")


@pytest.mark.parametrize("sets", [["no-sign"], ["=3"], ["a.b={"]])
def test_an_overlay_that_makes_no_sense_is_refused(at: Desk, sets: list[str]) -> None:
    """With what would have been accepted."""
    with pytest.raises(InvalidInput, match="--set"):
        submit(JOB, at, sets=sets)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ("", "environment"),
        ("environment: azureml:train-env:1\ncolour: red\n", "colour"),
        ("environment: azureml:train-env:1\ntags: {a: {b: c}}\n", "tags.a"),
        ("environment: azureml:train-env:1\ncode: ./nowhere\n", "code"),
    ],
)
def test_a_file_that_is_wrong_names_its_field(tmp_path: Path, more: str, field: str) -> None:
    """azure-ai-ml says it amid pages of advice."""
    file = tmp_path / "job.yml"
    file.write_text(f"command: python -c pass\ncompute: azureml:cpu-cluster\n{more}", encoding="utf-8")
    with mlclient.quiet(), pytest.raises(InvalidInput) as refused:
        mlclient.load(file)
    assert (refused.value.where, refused.value.field) == (str(file), field)
    assert "\\n" not in refused.value.got


def test_tags_with_points_in_their_names_can_be_set(tmp_path: Path) -> None:
    """Ours have them; what the file says besides stays."""
    file = tmp_path / "job.yml"
    text = "command: python -c pass\ncompute: azureml:cpu-cluster\nenvironment: azureml:train-env:1\n"
    text += "tags: {team: vision}\n"
    file.write_text(text, encoding="utf-8")
    sets = ["tags.hubswitch.policy=never", "tags.hubswitch.priority='7'", "display_name=mine"]
    with mlclient.quiet():
        job = mlclient.load(file, sets)
    assert job.tags == {"team": "vision", "hubswitch.policy": "never", "hubswitch.priority": "7"}
    assert job.display_name == "mine"


@pytest.mark.parametrize("value", ["1500", "1.10", "true", "2026-01-01", "0x10", "1e3", "null", "'7'"])
@pytest.mark.parametrize("field", ["tags.budget", "environment_variables.BUDGET"])
def test_values_of_maps_of_texts_need_no_quotes(tmp_path: Path, field: str, value: str) -> None:
    """They arrive as they were written; quotes of YAML are taken off."""
    file = tmp_path / "job.yml"
    text = "command: python -c pass\ncompute: azureml:cpu-cluster\nenvironment: azureml:train-env:1\n"
    file.write_text(text, encoding="utf-8")
    with mlclient.quiet():
        job = mlclient.load(file, [f"{field}={value}"])
    name, _, key = field.partition(".")
    assert getattr(job, name)[key] == value.strip("'")


SHOWN = """
code: azureml:code:1
command: python a.py
compute: azureml:cpu-cluster
creation_context: {created_at: '2026-03-01T08:00:00+00:00', created_by: Ada, created_by_type: User}
display_name: grey_heron
environment: azureml:train-env:1
id: azureml:/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/jobs/heron
name: heron
outputs:
  default: {path: azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.heron, type: uri_folder}
  model: {mode: rw_mount, path: azureml://datastores/lake/paths/azureml/heron/model/, type: uri_folder}
  mine: {mode: rw_mount, path: azureml://datastores/lake/paths/mine/, type: uri_folder}
parameters: {}
properties: {_azureml.ComputeTargetType: amlctrain, ContentSnapshotId: x, mine: kept}
resourceGroup: g
services:
  Studio: {endpoint: 'https://ml.azure.com/runs/heron'}
  Tracking: {endpoint: 'azureml://northeurope.api.azureml.ms/mlflow/v1.0/x'}
status: Completed
tags: {_aml_system_ComputeTargetStatus: x, team: birds}
type: command
"""


def test_what_az_ml_job_show_prints_can_be_submitted(tmp_path: Path) -> None:
    """What the service added is gone, the run's name too; what people wrote stays, and options are laid over it."""
    file = tmp_path / "shown.yml"
    file.write_text(SHOWN, encoding="utf-8")
    with mlclient.quiet():
        job = mlclient.load(file, ["tags.again=yes"])
        named = mlclient.load(file, (), "heron-2")
    assert (job.name, named.name, job.command, job.display_name) == (None, "heron-2", "python a.py", "grey_heron")
    assert job.tags == {"team": "birds", "again": "yes"}
    assert job.properties == {"mine": "kept"}
    assert {name: output.path for name, output in job.outputs.items()} == {
        "model": None,
        "mine": "azureml://datastores/lake/paths/mine/",
    }
    assert not job.services


@pytest.mark.parametrize("sets", [[], ["tags.team=vision"]], ids=["as it is", "with a tag"])
def test_a_file_that_is_no_yaml_is_refused_by_name(tmp_path: Path, sets: list[str]) -> None:
    """Whoever reads it first."""
    file = tmp_path / "job.yml"
    file.write_text("command: [\n", encoding="utf-8")
    with mlclient.quiet(), pytest.raises(InvalidInput, match=r"job\.yml"):
        mlclient.load(file, sets)
