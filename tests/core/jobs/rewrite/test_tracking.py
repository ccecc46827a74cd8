"""A tracking URI in a job's environment is Azure's to set: it is noted, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import rewrite
from orchestrator.core.jobs.rewrite.leak_scan import leaks
from orchestrator.core.jobs.rewrite.name_map import JobMap, Workspace

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]

HOST = "northeurope.api.azureml.ms"


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "mlflow_tracking_uri", "MLFLOW_REGISTRY_URI"])
@pytest.mark.parametrize("scheme", ["azureml", "https"])
@pytest.mark.parametrize("where", ["job", "trial", "step"])
def test_a_tracking_uri_of_the_old_region_is_noted(
    where: str, scheme: str, variable: str, make_map: MakeMap, command: MakeJob
) -> None:
    """Its workspace is the new one, its host stays, a note says so, and nothing is unmapped."""
    spelt, old, new = f"{scheme}://{HOST}/mlflow/v1.0{{}}", make_map().from_, make_map().to
    holder = {"environmentVariables": {variable: spelt.format(old.id)}}
    fields = {"job": holder, "trial": {"trial": holder}, "step": {"jobs": {"a": {"component": holder}}}}[where]
    result = rewrite(command(**fields), make_map())
    assert (result.unmapped, list(leaks(result.body, make_map()))) == ((), [])
    assert [change.to for change in result.rewritten] == [spelt.format(new.id)]
    assert any("Azure ML sets this variable itself" in note and variable in note for note in result.notes)


def test_the_regional_host_under_another_name_still_waits(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """Only Azure's own variable is set anew; a program would use any other one as it stands."""
    text = f"https://{HOST}/mlflow/v1.0{old.id}"
    result = rewrite(command(environmentVariables={"TRACKING": text}), make_map())
    assert [missed.path for missed in result.unmapped] == ["/properties/environmentVariables/TRACKING"]


def test_with_an_entry_the_host_is_mapped(make_map: MakeMap, command: MakeJob, old: Workspace, new: Workspace) -> None:
    """A plan knows both hosts."""
    text = f"azureml://{HOST}/mlflow/v1.0{old.id}"
    made = make_map(endpoints={HOST: "francecentral.api.azureml.ms"})
    result = rewrite(command(environmentVariables={"MLFLOW_TRACKING_URI": text}), made)
    (value,) = result.body["properties"]["environmentVariables"].values()
    assert value == f"azureml://francecentral.api.azureml.ms/mlflow/v1.0{new.id}"
