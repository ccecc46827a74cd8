"""Copies of jobs for a partial drill: they write beside their jobs, register nothing, and are told apart."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core.jobs.azure_status import is_ours
from orchestrator.core.jobs.drill_copy import make_copy, name_copy, workload_of
from orchestrator.core.jobs.record import JOB_NAME_LIMIT

DRILL = "20260301t120000000000"
WORKSPACE = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/"


def job(**properties: Any) -> dict[str, Any]:
    return {"properties": {"jobType": "Command", "command": "train", "tags": {"team": "a"}, **properties}}


def test_a_copy_is_marked_and_keeps_the_tags_of_its_job() -> None:
    """By these marks captures and accounts know that it is none of theirs."""
    body, why = make_copy(job(), "train-1", DRILL)
    assert why == ""
    assert body["properties"]["tags"] == {"team": "a", "hubswitch.drill": DRILL, "hubswitch.drill.of": "train-1"}
    assert is_ours(body)


def test_a_job_without_tags_is_marked_too_and_is_not_changed_itself() -> None:
    given = job(tags=None)
    body, _ = make_copy(given, "train-1", DRILL)
    assert body["properties"]["tags"] == {"hubswitch.drill": DRILL, "hubswitch.drill.of": "train-1"}
    assert given == job(tags=None)


@pytest.mark.parametrize(
    ("place", "moved"),
    [
        ("azureml://datastores/d/paths/out/a", f"azureml://datastores/d/paths/hubswitch-drills/{DRILL}/out/a"),
        (f"{WORKSPACE}datastores/d/paths/out", f"{WORKSPACE}datastores/d/paths/hubswitch-drills/{DRILL}/out"),
        (
            "https://acc.blob.core.windows.net/c/x/y",
            f"https://acc.blob.core.windows.net/c/hubswitch-drills/{DRILL}/x/y",
        ),
        ("abfss://fs@acc.dfs.core.windows.net/x", f"abfss://fs@acc.dfs.core.windows.net/hubswitch-drills/{DRILL}/x"),
    ],
)
def test_an_output_goes_to_a_place_of_its_own(place: str, moved: str) -> None:
    """Two jobs that write to one place spoil what both have made; so for the steps of a pipeline, and in any casing."""
    steps = {"jobs": {"one": {"outputs": {"o": {"Uri": place, "jobOutputType": "uri_folder"}}}}}
    body, why = make_copy(job(jobType="Pipeline", outputs={"o": {"uri": place}, "none": None}, **steps), "p", DRILL)
    assert why == ""
    properties = body["properties"]
    assert properties["outputs"]["o"]["uri"] == properties["jobs"]["one"]["outputs"]["o"]["Uri"] == moved


@pytest.mark.parametrize("place", ["${{name}}/out", "adl://old.store/x", 7, "azureml://jobs/other/outputs/o"])
def test_a_job_whose_output_cannot_be_moved_has_no_copy(place: object) -> None:
    """It is better not practised with than spoilt."""
    body, why = make_copy(job(outputs={"o": {"uri": place}}), "train-1", DRILL)
    assert body == {}
    assert why.startswith("a copy could write where the job writes: its output")


def test_a_signature_is_not_shown() -> None:
    _, why = make_copy(job(outputs={"o": {"uri": "https://elsewhere/x?sig=secret"}}), "train-1", DRILL)
    assert "secret" not in why
    assert "elsewhere" in why


def test_a_copy_registers_nothing_and_notifies_nobody() -> None:
    """A version that it took would be refused to the successor that a failover makes."""
    output = {"assetName": "model", "asset_version": "3", "autoDeleteSetting": {}, "jobOutputType": "uri_folder"}
    body, _ = make_copy(job(outputs={"o": output}, notificationSetting={"emails": ["a@b.c"]}), "train-1", DRILL)
    assert body["properties"]["outputs"]["o"] == {"jobOutputType": "uri_folder"}
    assert "notificationSetting" not in body["properties"]


def test_a_copy_has_checkpoints_of_its_own() -> None:
    """One that wrote into those of its job would make that one go on from a state that is none of its own."""
    place = "azureml://datastores/d/paths/ck"
    given = job(environmentVariables={"HUBSWITCH_CHECKPOINT": place}, tags={"hubswitch.checkpoint": place})
    body, why = make_copy(given, "train-1", DRILL)
    assert why == ""
    moved = f"azureml://datastores/d/paths/hubswitch-drills/{DRILL}/ck"
    assert body["properties"]["environmentVariables"]["HUBSWITCH_CHECKPOINT"] == moved
    assert "hubswitch.checkpoint" not in body["properties"]["tags"]
    body, why = make_copy(job(environmentVariables={"HUBSWITCH_CHECKPOINT": "/mnt/x"}), "train-1", DRILL)
    assert (body, why != "") == ({}, True)


def test_names_are_those_of_job_and_drill_and_fit() -> None:
    """The same for the same two, another for others, however long."""
    assert name_copy("train-1", DRILL) == f"train-1-d{DRILL}"
    first, second = (name_copy("x" * JOB_NAME_LIMIT + end, DRILL) for end in "ab")
    assert first != second
    assert {len(first), len(second)} == {JOB_NAME_LIMIT}


@pytest.mark.parametrize(
    "bag",
    [
        {"parentJobName": f"train-1-d{DRILL}"},
        {"properties": {"azureml.pipelinerunid": "some-step", "azureml.rootpipelinerunid": f"train-1-d{DRILL}"}},
    ],
)
def test_steps_of_a_copy_are_nobodys_job_either(bag: dict[str, Any]) -> None:
    """They do not carry its tags. A step of somebody's own pipeline is not meant."""
    assert is_ours({"name": "step", **job(**bag)})
    assert not is_ours({"name": "step", **job(parentJobName="train-1-delta")})


@pytest.mark.parametrize(("tags", "found"), [({"hubswitch.workload": " nightly "}, "nightly"), ({}, ""), (None, "")])
def test_a_workload_is_what_the_tag_says(tags: dict[str, str] | None, found: str) -> None:
    assert workload_of(job(tags=tags)) == found
