"""A job and assets as the real service answered them; the recordings lie beside the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import asset_without_read_only, without_read_only

WIRE = Path(__file__).resolve().parents[5] / "shared" / "corpus" / "wire"

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the corpus is not beside the repository")


def body(name: str) -> Any:
    return json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))["response"]["body"]


def nulls(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in nulls(item, f"{path}.{key}")]
    return [path] if value is None else []


@pytest.mark.parametrize("name", ["jobs--job-get-completed", "jobs--job-put-created"])
def test_of_a_recorded_job_only_what_somebody_chose_goes_back(name: str) -> None:
    """No null, no word of the run, no service of the platform."""
    job = without_read_only(body(name))["properties"]
    assert nulls(job) == []
    assert not {"status", "parameters", "queueSettings", "componentId"} & job.keys()
    assert not [key for bag in ("properties", "tags") for key in job[bag] if key.startswith(("_", "Process", "Start"))]
    assert (job["services"], job["outputs"]) == ({}, {})
    assert job["resources"] == {"instanceCount": 1, "shmSize": "2g"}


@pytest.mark.parametrize("name", ["assets--environment-put-created", "assets--component-put-over-existing"])
def test_of_a_recorded_asset_what_the_service_added_goes(name: str) -> None:
    """The label that it keeps, its state, what nobody described."""
    asset = asset_without_read_only(body(name))["properties"]
    assert nulls(asset) == []
    assert asset["properties"] == {}
    assert not {"provisioningState", "environmentType", "condaFile"} & asset.keys()


def test_of_a_recorded_model_the_run_goes() -> None:
    """And its stage stays."""
    model = asset_without_read_only(body("assets--model-versions-list")["value"][0])["properties"]
    assert "jobName" not in model
    assert model["stage"] == "Development"
