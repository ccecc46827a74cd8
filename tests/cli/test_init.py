"""A first plan is read from two hubs that exist, passes the check against them, and carries an outage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from deployed_app import SPEED, count_captured, deployed
from ran import Ran, run_here
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure


@pytest.fixture(scope="module")
def azure() -> Iterator[LocalAzure]:
    """Both regions of a simulated Azure, and its addresses in the environment."""
    with LocalAzure(seed=3, speed=SPEED, canaries=False) as made, variables(made.environment()):
        yield made


@pytest.fixture
def plan(azure: LocalAzure) -> Plan:
    """What somebody who knows everything would write."""
    return plan_of(azure)


def init(capsys: pytest.CaptureFixture[str], plan: Plan, *more: str) -> Ran:
    usual = ["--pair", "demo", "--pointer", plan.pointer.endpoint, "--ledger", plan.ledger.account]
    return run_here(capsys, "init", plan.primary.project_id, plan.secondary.project_id, *usual, *more)


def test_the_plan_names_both_sides_as_they_are(plan: Plan, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Names, regions and addresses are those of Azure's answers; the file passes the check against both sides."""
    file = tmp_path / "demo.yaml"
    ran = init(capsys, plan, "--output", str(file), "--replica", plan.pointer.replicas[0], "--explain")
    assert (ran.status, "hubswitch plan check" in ran.out) == (0, True), ran.err
    assert "primary.region: eastus2: the workspace's location" in ran.err
    found = plan_from(file.read_text(encoding="utf-8"), str(file))
    for known, made in ((plan.primary, found.primary), (plan.secondary, found.secondary)):
        for field in ("region", "subscription", "resource_group", "hub", "project", "project_guid"):
            assert getattr(made, field) == getattr(known, field), field
        for field in ("storage", "keyvault", "acr"):
            assert getattr(made, field) == getattr(known, field), field
        assert set(known.resources) <= set(made.resources)
    assert found.jobs.computes == plan.jobs.computes
    assert status_of(["plan", "check", str(file), "--online"]) == 0, capsys.readouterr().err
    again = init(capsys, plan, "--output", str(file))
    assert (again.status, "--force" in again.err) == (3, True)


def test_json_has_the_plan_and_every_reason(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written without --output."""
    ran = init(capsys, plan, "--json")
    said = json.loads(ran.out)
    assert (ran.status, said["choices"][1]) == (0, {"field": "pair", "value": "demo", "why": "as given", "sure": True})
    assert yaml.safe_load(said["plan"])["secondary"]["region"] == "westus3"
    assert any("inference" in each for each in said["open"])


@pytest.mark.parametrize(
    ("given", "status", "what"),
    [
        ({"pair": "Demo Pair"}, 2, "pair"),
        ({"pointer": "not-a-url"}, 2, "pointer.endpoint"),
        ({"pair": ""}, 2, "--pair"),
        ({"primary": "proj-eastus2"}, 2, "ARM id"),
        ({"secondary": "{known}-gone"}, 1, "404"),
    ],
)
def test_what_cannot_be_a_plan_is_refused(
    plan: Plan, capsys: pytest.CaptureFixture[str], tmp_path: Path, given: dict[str, str], status: int, what: str
) -> None:
    """With a line that says what, and nothing is written."""
    usual = {
        "primary": plan.primary.project_id,
        "secondary": plan.secondary.project_id,
        "pair": "demo",
        "pointer": plan.pointer.endpoint,
        "ledger": plan.ledger.account,
    }
    usual |= {name: said.replace("{known}", usual[name]) for name, said in given.items()}
    options = [word for name in ("pair", "pointer", "ledger") for word in (f"--{name}", usual[name])]
    file = tmp_path / "plan.yaml"
    ran = run_here(capsys, "init", usual["primary"], usual["secondary"], *options, "--output", str(file))
    assert (ran.status, what in ran.err, file.exists()) == (status, True, False), ran.err


def test_what_may_not_be_read_is_told_and_the_rest_is_proposed(
    azure: LocalAzure, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list that is refused is no empty list."""
    path = f"{plan.secondary.project_id}/connections".casefold()
    refused = {"error": {"code": "AuthorizationFailed", "message": "The client does not have authorization."}}
    put = {"answers": {path: {"status": 403, "body": refused}}}
    admin = f"{azure.urls['admin']}/admin/resources"
    assert requests.post(admin, json=put, timeout=120).status_code == 200
    try:
        ran = init(capsys, plan, "--json")
    finally:
        requests.post(admin, json={"answers": {path: None}}, timeout=120)
    assert ran.status == 0
    assert "connections could not be read on both sides" in json.loads(ran.out)["open"]


def test_the_plan_carries_an_outage(
    azure: LocalAzure, plan: Plan, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With what a person has to add in any case: references that this machine can reach, and the mode."""
    file = tmp_path / "demo.yaml"
    assert init(capsys, plan, "--output", str(file)).status == 0
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    known: dict[str, Any] = yaml.safe_load(yaml_of(plan_of(azure, "demo", **scale_policy(SPEED))))
    written |= {name: known[name] for name in ("references", "polls", "policy")}
    file.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    with LocalEngine() as engine, deployed(azure, engine, file) as app:
        until(lambda: app.view().get("phase") == "steady", "the first look")
        submit_workload(azure, plan.primary, 4, seed=3)
        until(lambda: count_captured(azure, plan) == 4, "the jobs")
        azure.region_down(plan.primary.region)
        until(lambda: (v := app.view())["epoch"] == 1 and v["phase"] in {"settled", "steady"}, "the failover")
        counts = audit_jobs(azure, plan).counts()
    assert (counts["lost"], counts["duplicated"], counts["waiting"]) == (0, 0, 0)
