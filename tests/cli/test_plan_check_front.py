"""`hubswitch plan check --online` and the doctor ask about what a plan's steps switch in front of the hubs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ran import Ran, run_here

from orchestrator.adapters.http import credential
from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import Forbidden
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import MoveJobs, Workflow
from orchestrator.core.plan.steps_alert import WaitForAlert
from orchestrator.core.plan.steps_front import SwitchFrontDoor, SwitchTrafficManager
from orchestrator.doctor.azure_checks import Subject, executor_checks
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.arm.dependencies import SHARED_GROUP
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.identity import EXECUTOR


@pytest.fixture(scope="module")
def azure() -> Iterator[LocalAzure]:
    """A simulated Azure, and its addresses in the environment."""
    with LocalAzure(seed=3, canaries=False) as made, variables(made.environment()):
        yield made


def plan_with(azure: LocalAzure, **changes: Any) -> Plan:
    plan = plan_of(azure, "demo")
    group = f"/subscriptions/{plan.primary.subscription}/resourceGroups/{SHARED_GROUP}/providers"
    here, there = (plan.primary.region,), (plan.secondary.region,)
    profile = f"{group}/Microsoft.Network/trafficManagerProfiles/tm-hubs"
    first = SwitchTrafficManager(**({"profile": profile, "primary": here, "secondary": there} | changes))
    origins = f"{group}/Microsoft.Cdn/profiles/afd-hubs/originGroups/hubs"
    second = SwitchFrontDoor(origin_group=origins, primary=here, secondary=there)
    return msgspec.structs.replace(plan, steps=Workflow(failover=(MoveJobs(), first), failback=(second,)))


def checked(plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ran:
    file = tmp_path / "demo.yaml"
    file.write_text(yaml_of(plan), encoding="utf-8")
    return run_here(capsys, "plan", "check", str(file), "--online")


@contextmanager
def without(azure: LocalAzure, permission: str) -> Iterator[None]:
    azure.call(lambda: azure.kernel.revoke(EXECUTOR, permission))
    try:
        yield
    finally:
        azure.call(lambda: azure.kernel.grant(EXECUTOR, permission))


def test_what_is_there_and_may_be_changed_is_no_fault(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan passes."""
    ran = checked(plan_with(azure), tmp_path, capsys)
    assert ran.status == 0, ran.err


@pytest.mark.parametrize(("field", "value"), [("profile", None), ("secondary", ("nobody",))])
def test_what_is_not_there_is_a_fault_at_its_line(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str, value: Any
) -> None:
    """Before the night in which the step is needed."""
    usual = plan_with(azure).steps.failover[1]
    assert isinstance(usual, SwitchTrafficManager)
    ran = checked(plan_with(azure, **{field: value or f"{usual.profile}-gone"}), tmp_path, capsys)
    assert ran.status == 2
    (line,) = (line for line in ran.err.splitlines() if "steps.failover[1].profile" in line)
    assert "expected what the step names, in Azure" in line
    assert ("nobody" if value else "tm-hubs-gone") in line


def test_a_permission_that_the_executor_lacks_is_a_fault(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named, for each step that needs it."""
    with without(azure, "front.write"):
        ran = checked(plan_with(azure), tmp_path, capsys)
    assert ran.status == 2
    assert (
        "a role of the executor that allows Microsoft.Network/trafficManagerProfiles/externalEndpoints/write" in ran.err
    )
    assert "that allows Microsoft.Cdn/profiles/originGroups/origins/write" in ran.err


def test_what_a_persons_own_login_may_not_do_is_a_warning(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing about the executor."""
    # The simulated Azure has no login without a client id: the token is the executor's, and the settings name none.
    monkeypatch.setattr(credential, "client_id_of", lambda *_: EXECUTOR)
    with without(azure, "front.write"), variables({"HUBSWITCH_EXECUTOR_CLIENT_ID": ""}):
        ran = checked(plan_with(azure), tmp_path, capsys)
    assert ran.status == 0
    (line, *_) = (line for line in ran.err.splitlines() if "steps.failover[1].profile" in line)
    assert line.startswith("warning: ")
    assert "this login" in line


def test_the_doctor_asks_as_the_executor(azure: LocalAzure, tmp_path: Path) -> None:
    """One line for each step; without the permission, the role that has it."""
    file = tmp_path / "demo.yaml"
    file.write_text(yaml_of(plan_with(azure)), encoding="utf-8")
    made = Deployment({**azure.environment(), "HUBSWITCH_PLANS": str(file)}, tmp_path)
    subject = Subject(made.plans["demo"], made.settings, made.world, made.trials)
    asked = {check.name: check for check in executor_checks(subject)}
    check = asked["step.switch_traffic_manager"]
    assert "externalEndpoints/write" in check.ask()
    assert "origins/write" in asked["step.switch_front_door"].ask()
    with without(azure, "front.write"), pytest.raises(Forbidden, match="externalEndpoints/write"):
        check.ask()
    assert check.fix is not None
    assert 'role "Traffic Manager Contributor"' in check.fix


def test_alerts_that_cannot_be_listed_are_a_fault(
    azure: LocalAzure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A subscription that is not there, or a role that lacks; alerts that can be listed are none."""
    plan = plan_of(azure, "demo")
    rule = f"/subscriptions/{plan.primary.subscription}/resourceGroups/g/providers/Microsoft.Insights/metricAlerts/m"
    place = f"/subscriptions/{plan.primary.subscription}/providers/microsoft.alertsmanagement/alerts".lower()
    refusal = {"error": {"code": "AuthorizationFailed", "message": "no"}}

    def check(which: str) -> Ran:
        steps = Workflow(failover=(MoveJobs(), WaitForAlert(rule=which)))
        return checked(msgspec.structs.replace(plan, steps=steps), tmp_path, capsys)

    assert check(rule).status == 0
    gone = check(rule.replace(plan.primary.subscription, "99999999-9999-4999-8999-999999999999"))
    assert (gone.status, "steps.failover[1].rule: expected a subscription" in gone.err) == (2, True)
    azure.services.manager.answers[place] = (403, refusal)
    try:
        forbidden = check(rule)
    finally:
        del azure.services.manager.answers[place]
    assert (forbidden.status, "allows Microsoft.AlertsManagement/alerts/read" in forbidden.err) == (2, True)
