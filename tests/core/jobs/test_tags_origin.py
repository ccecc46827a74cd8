"""What a job's own body says about where it comes from and when it is wanted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs import checkpoint
from orchestrator.core.jobs import tags as tags_module


def _job(**properties: Any) -> dict[str, Any]:
    return {"name": "own", "properties": {"jobType": "Command", "command": "python train.py", **properties}}


@pytest.mark.parametrize(
    "uri",
    [
        "azureml://jobs/train/outputs/model",
        "runs:/train/model",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/jobs/train",
    ],
)
def test_a_job_that_reads_another_one_s_output_names_it_in_any_spelling(uri: str) -> None:
    """Also in the data of fine-tuning, AutoML and nodes of pipelines."""
    assert tags_module.lineage_of(_job(inputs={"x": {"jobInputType": "uri_folder", "uri": uri}})) == ("train",)
    assert tags_module.lineage_of(_job(taskDetails={"trainingData": {"uri": uri}})) == ("train",)
    assert tags_module.lineage_of(_job(jobs={"step": {"inputs": {"x": {"uri": uri}}}})) == ("train",)


def test_what_is_no_input_makes_no_lineage() -> None:
    """Outputs, texts, and the job itself."""
    uri = "azureml://jobs/train/outputs/model"
    assert tags_module.lineage_of(_job(outputs={"y": {"uri": uri}}, tags={"from": uri}, description=uri)) == ()
    assert tags_module.lineage_of(_job(inputs={"x": {"uri": "azureml://jobs/own/outputs/y"}})) == ()


@pytest.mark.parametrize(
    "properties",
    [
        {"parentJobName": "whole"},
        {"properties": {"azureml.pipelinerunid": "whole"}},
        {"properties": {"azureml.parentRunId": "whole"}},
        {"tags": {"mlflow.parentRunId": "whole"}},
    ],
)
def test_a_part_names_its_whole(properties: dict[str, Any]) -> None:
    """In the field, the property bag or the tags."""
    assert tags_module.parent_of(_job(**properties)) == "whole"


def test_a_whole_has_no_parent() -> None:
    """Also if it names itself, as the root of a pipeline does."""
    assert tags_module.parent_of(_job()) == ""
    assert tags_module.parent_of(_job(properties={"azureml.pipelinerunid": "own"})) == ""
    assert (tags_module.sweep_of("tune_12"), tags_module.sweep_of("tune"), tags_module.sweep_of("tune_x")) == (
        "tune",
        "",
        "",
    )


def test_a_run_of_a_schedule_is_known_by_its_marks() -> None:
    """Its display name, or an entry of its property bag."""
    assert tags_module.schedule_of(_job(displayName="nightly-20260301T020000Z")) == "nightly"
    assert tags_module.schedule_of(_job(properties={"azureml.scheduleName": "weekly"})) == "weekly"
    assert tags_module.schedule_of(_job(displayName="nightly")) == ""


def test_a_deadline_is_a_time_with_a_zone() -> None:
    """Anything else is told, naming the tag."""
    tags = {"hubswitch.deadline": "2026-03-01T12:00:00Z"}
    assert tags_module.deadline_of(_job(tags=tags)) == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert tags_module.deadline_of(_job()) is None
    for wrong in ("soon", "2026-03-01T12:00:00", ""):
        with pytest.raises(InvalidInput, match=r"hubswitch\.deadline"):
            tags_module.deadline_of(_job(tags={"hubswitch.deadline": wrong}))


def test_checkpoints_go_into_the_job_s_variables_and_replace_none() -> None:
    """Of a command job and of a sweep's trial."""
    tags = {"hubswitch.checkpoint": "azureml://datastores/x/paths/c"}
    plain = checkpoint.with_checkpoint(_job(tags=tags))["properties"]
    own = checkpoint.with_checkpoint(_job(tags=tags, environmentVariables={"HUBSWITCH_CHECKPOINT": "mine", "A": "b"}))
    sweep = checkpoint.with_checkpoint({"properties": {"jobType": "Sweep", "trial": {"command": "x"}, "tags": tags}})
    pipeline = {"properties": {"jobType": "Pipeline", "jobs": {}, "tags": tags}}
    assert plain["environmentVariables"] == {"HUBSWITCH_CHECKPOINT": "azureml://datastores/x/paths/c"}
    assert own["properties"]["environmentVariables"] == {"HUBSWITCH_CHECKPOINT": "mine", "A": "b"}
    assert "HUBSWITCH_CHECKPOINT" in sweep["properties"]["trial"]["environmentVariables"]
    assert checkpoint.with_checkpoint(pipeline) == pipeline
