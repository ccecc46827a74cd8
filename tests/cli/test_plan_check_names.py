"""`hubswitch plan check --online` looks up what `standby` and steps name, and what the executor may do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ran import Ran, run_here

from orchestrator.core.base.vocabulary import Tier
from orchestrator.core.ledger_paths import template_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.standby import (
    Standby,
    StandbyAiDeployment,
    StandbyBatchEndpoint,
    StandbyCluster,
    StandbyDeployment,
    StandbyEndpoint,
    StandbyTemplate,
)
from orchestrator.core.plan.step_base import StepSide
from orchestrator.core.plan.steps import MoveJobs, ScaleCluster, Workflow
from orchestrator.core.plan.steps_standby import DeployTemplate, ScaleDeployment, SetSchedules, SetTraffic
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.identity import EXECUTOR


@pytest.fixture(scope="module")
def azure() -> Iterator[LocalAzure]:
    """A simulated Azure with one template in its ledger, and its addresses in the environment."""
    with LocalAzure(seed=3, canaries=False) as made, variables(made.environment()):
        cluster = {"type": "Microsoft.MachineLearningServices/workspaces/computes", "name": "[parameters('name')]"}
        template = {"$schema": "x", "parameters": {"name": {"type": "string"}}, "resources": [cluster]}
        container = plan_of(made, "demo").ledger.container
        made.call(lambda: made.ledger.put(container, template_path("burst.json"), json.dumps(template).encode()))
        yield made


SECONDARY = (
    "/subscriptions/{}/resourceGroups/rg-hub-westus3/providers/Microsoft.CognitiveServices/accounts/aoai-westus3"
)


def with_models(azure: LocalAzure, **changes: Any) -> Standby:
    """A section with a model and a batch endpoint of the simulated secondary."""
    account = SECONDARY.format(plan_of(azure, "demo").secondary.subscription)
    model: dict[str, Any] = {"account": account, "deployment": "gpt-4o", "capacity": 60} | changes
    batch: dict[str, Any] = {"name": "nightly-scores", "deployment": model.pop("default", "full")}
    return Standby(
        ai_deployments=(StandbyAiDeployment(**model),),
        batch_endpoints=(StandbyBatchEndpoint(**batch),),
    )


USUAL = Standby(
    templates=(StandbyTemplate(template="burst.json", parameters={"name": "p/burst"}),),
    clusters=(StandbyCluster(name="gpu-cluster", min_nodes=2),),
    deployments=(StandbyDeployment(endpoint="score", deployment="blue", instances=2),),
    endpoints=(StandbyEndpoint(name="score", traffic={"blue": 100}),),
    schedules=("nightly",),
)


def check(azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str], **changes: Any) -> Ran:
    plan: Plan = msgspec.structs.replace(plan_of(azure, "demo"), **changes)
    file = tmp_path / "demo.yaml"
    file.write_text(yaml_of(plan), encoding="utf-8")
    return run_here(capsys, "plan", "check", str(file), "--online")


def line_of(ran: Ran, field: str, which: str = "") -> str:
    (line,) = (line for line in ran.err.splitlines() if f": {field}: expected" in line and which in line)
    return line


def test_what_is_there_is_no_fault(azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither under `standby` nor in steps."""
    assert check(azure, tmp_path, capsys, standby=USUAL).status == 0
    steps = Workflow(
        failover=(
            ScaleCluster(cluster="gpu-cluster", min_nodes=1),
            ScaleDeployment(endpoint="score", deployment="blue", instances=2),
            SetTraffic(endpoint="score", traffic={"blue": 100}),
            SetSchedules(schedules=("nightly",)),
            DeployTemplate(template="burst.json", parameters={"name": "p/burst"}),
            MoveJobs(),
        ),
        failback=(ScaleCluster(name="small", cluster="gpu-cluster", min_nodes=0, side=StepSide.SOURCE), MoveJobs()),
    )
    ran = check(azure, tmp_path, capsys, steps=steps)
    assert (ran.status, [line for line in ran.err.splitlines() if "steps." in line]) == (0, [])


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"clusters": (StandbyCluster(name="gpu-clusterr", min_nodes=2),)}, "clusters[0].name", "gpu-cluster?"),
    (
        {"deployments": (StandbyDeployment(endpoint="scores", deployment="blue", instances=2),)},
        "deployments[0].endpoint",
        "score?",
    ),
    (
        {"deployments": (StandbyDeployment(endpoint="score", deployment="blu", instances=2),)},
        "deployments[0].deployment",
        "blue?",
    ),
    ({"endpoints": (StandbyEndpoint(name="scor", traffic={"blue": 100}),)}, "endpoints[0].name", "score?"),
    ({"endpoints": (StandbyEndpoint(name="score", traffic={"bluee": 100}),)}, "endpoints[0].traffic.bluee", "blue?"),
    ({"schedules": ("nightly", "nightlyy")}, "schedules[1]", "nightly?"),
    ({"templates": (StandbyTemplate(template="bursts.json"),)}, "templates[0].template", "burst.json?"),
]


@pytest.mark.parametrize(("change", "field", "nearest"), WRONG, ids=[each[1] for each in WRONG])
def test_a_name_that_is_not_there_is_a_fault_at_its_place_with_the_nearest_one(
    azure: LocalAzure,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    field: str,
    nearest: str,
) -> None:
    """File, line and column of the field; nothing else of the section is at fault."""
    ran = check(azure, tmp_path, capsys, standby=msgspec.structs.replace(USUAL, **change))
    assert ran.status == 2
    faults = [line for line in ran.err.splitlines() if ": standby." in line and not line.startswith("warning")]
    assert {line.split(": ")[1] for line in faults} == {f"standby.{field}"}
    assert all(f"did you mean {nearest}" in line for line in faults)
    place, text = faults[0].split(": ")[0], (tmp_path / "demo.yaml").read_text(encoding="utf-8").splitlines()
    _, line, column = place.rsplit(":", 2)
    assert field.rpartition(".")[2].partition("[")[0] in "\n".join(text[int(line) - 3 : int(line)])
    assert int(column) > 1


def test_models_and_batch_endpoints_are_looked_up(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In their account and project; an account that is not there has none of the deployments."""
    assert check(azure, tmp_path, capsys, standby=with_models(azure)).status == 0
    wrong = check(azure, tmp_path, capsys, standby=with_models(azure, deployment="gpt-4", default="ful"))
    assert wrong.status == 2
    assert "did you mean gpt-4o?" in line_of(wrong, "standby.ai_deployments[0].deployment")
    assert "did you mean full?" in line_of(wrong, "standby.batch_endpoints[0].deployment")
    absent = SECONDARY.format(plan_of(azure, "demo").secondary.subscription) + "-absent"
    gone = check(azure, tmp_path, capsys, standby=with_models(azure, account=absent))
    assert gone.status == 2
    said = line_of(gone, "standby.ai_deployments[0].deployment", "one of")
    assert "one of the secondary's deployments of aoai-westus3-absent (none)" in said


def test_names_in_steps_are_looked_up_at_the_side_that_the_step_works_on(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both directions, inside groups too; every one that is wrong in one run."""
    place = f"{plan_of(azure, 'demo').primary.project_id}/computes/only-home"
    azure.call(lambda: azure.resources.put(place, {"properties": {}}))
    steps = Workflow(
        failover=(
            ScaleCluster(cluster="only-home", min_nodes=1),
            ScaleCluster(name="left", cluster="only-home", min_nodes=0, side=StepSide.SOURCE),
            SetSchedules(schedules=("weekly",)),
            MoveJobs(),
        ),
        failback=(ScaleDeployment(endpoint="absent", deployment="blue", instances=2), MoveJobs()),
    )
    ran = check(azure, tmp_path, capsys, steps=steps)
    assert ran.status == 2
    assert "one of the secondary's clusters" in line_of(ran, "steps.failover[0].cluster")
    assert "it is no cluster" in line_of(ran, "steps.failover[1].cluster")
    assert "one of the primary's online endpoints" in line_of(ran, "steps.failback[0].endpoint")
    lines = [line for line in ran.err.splitlines() if "steps.failover[2].schedules[0]" in line]
    assert sorted(line.startswith("warning: ") for line in lines) == [False, True]  # the side that is left may lack it


def test_what_a_template_makes_need_not_be_there(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless it makes something else; where its text does not say it, that is a warning."""
    for name, status, warned in (("p/burst", 0, False), ("p/other", 2, False), ("[uniqueString('x')]", 0, True)):
        made = (StandbyTemplate(template="burst.json", parameters={"name": name}),)
        cold = Standby(templates=made, clusters=(StandbyCluster(name="burst", min_nodes=2),))
        ran = check(azure, tmp_path, capsys, standby=cold, tier=Tier.HOT_COLD)
        lines = [line for line in ran.err.splitlines() if "standby.clusters[0].name" in line]
        assert (ran.status, [line.startswith("warning: ") for line in lines]) == (
            status,
            [True] if warned else [False] * (status // 2),
        )


def test_a_size_that_a_cluster_cannot_have_and_a_parameter_that_lacks_are_faults(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the step would be refused for in the night."""
    wrong = msgspec.structs.replace(
        USUAL,
        clusters=(StandbyCluster(name="gpu-cluster", min_nodes=999),),
        templates=(StandbyTemplate(template="burst.json", parameters={"nam": "p/burst"}),),
    )
    ran = check(azure, tmp_path, capsys, standby=wrong)
    assert ran.status == 2
    assert "the plan wants at least 999" in line_of(ran, "standby.clusters[0].name")
    assert "needs parameter name" in line_of(ran, "standby.templates[0].template")


def test_what_cannot_be_read_is_said_to_be_not_known(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning with Azure's answer, for each name that could not be looked up."""
    project = plan_of(azure, "demo").secondary.project_id
    place = f"{project}/onlineEndpoints".lower()
    azure.services.manager.answers[place] = (403, {"error": {"code": "AuthorizationFailed", "message": "no reader"}})
    try:
        ran = check(azure, tmp_path, capsys, standby=USUAL)
    finally:
        del azure.services.manager.answers[place]
    assert ran.status == 0
    for field in ("standby.deployments[0].endpoint", "standby.endpoints[0].name"):
        line = line_of(ran, field)
        assert line.startswith("warning: ")
        assert "not known: " in line


def test_a_permission_that_a_step_needs_is_a_fault_at_the_first_that_needs_it(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also that of the template's group; and those of the moving of jobs, at both projects."""
    models = with_models(azure)
    both = {"ai_deployments": models.ai_deployments, "batch_endpoints": models.batch_endpoints}
    azure.call(lambda: azure.kernel.revoke(EXECUTOR, "arm.write"))
    try:
        ran = check(azure, tmp_path, capsys, standby=msgspec.structs.replace(USUAL, **both))
    finally:
        azure.call(lambda: azure.kernel.grant(EXECUTOR, "arm.write"))
    assert ran.status == 2
    for field, action in (
        ("primary.project", "workspaces/jobs/write"),
        ("secondary.project", "workspaces/jobs/cancel/action"),
        ("standby.templates[0].template", "Microsoft.Resources/deployments/write"),
        ("standby.clusters[0].name", "computes/write"),
        ("standby.deployments[0].endpoint", "onlineEndpoints/deployments/write"),
        ("standby.endpoints[0].name", "onlineEndpoints/write"),
        ("standby.batch_endpoints[0].name", "batchEndpoints/write"),
        ("standby.ai_deployments[0].deployment", "Microsoft.CognitiveServices/accounts/deployments/write"),
    ):
        assert action in line_of(ran, field)
        assert "a role of the executor that allows" in line_of(ran, field)
    assert sum("schedules/write" in line for line in ran.err.splitlines()) == 2  # at both projects


def test_permissions_that_cannot_be_listed_are_not_known(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once for each place."""
    place = f"{plan_of(azure, 'demo').secondary.project_id}/providers/Microsoft.Authorization/permissions".lower()
    azure.services.manager.answers[place] = (403, {"error": {"code": "AuthorizationFailed", "message": "no"}})
    try:
        ran = check(azure, tmp_path, capsys, standby=USUAL)
    finally:
        del azure.services.manager.answers[place]
    assert ran.status == 0
    assert "not known: " in line_of(ran, "secondary.project")
