"""The roles of the templates are enough for everything that the app does, and no request is without a row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from deployed_app import SPEED, App, count_captured, deployed
from template_roles import TemplateRoles, is_ours, rows_of
from waiting import until

from orchestrator.adapters.permissions import Where, Who, rows_for
from orchestrator.core.plan.drills import PartialDrill
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.sample_jobs import kinds
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import User
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.workflows.messages import DrillKind

LONG = "36000000"


def submit(azure: LocalAzure, plan: Plan) -> int:
    """A job of every type, and those that a drill practises with; how many."""
    hub, user = plan.primary, User(azure)
    environment = user.environment(hub)
    bodies = kinds(hub, user.code(hub), environment, duration=LONG)
    plain = next(body for body in bodies.values() if body["jobType"] == "Command")
    bodies["practised"] = {**plain, "tags": {**plain.get("tags", {}), "hubswitch.workload": "nightly"}}
    for kind, body in bodies.items():
        user.submit(hub, f"kind-{kind}", body)
    return len(bodies)


def practise(app: App, kind: DrillKind) -> dict[str, Any]:
    """The output of a drill, asked for until nothing is missing for it."""
    more = {"workload": "nightly"} if kind is DrillKind.PARTIAL else {}
    answer = until(
        lambda: (said := app.send("drill", kind=kind.value, **more)).status_code == 202 and said,
        f"a {kind} drill that is taken",
        pause=0.3,
    )
    run = answer.json()["run"]
    found = until(
        lambda: (seen := app.get(f"runs/{run}").json())["status"] == "completed" and seen, f"the {kind} drill's end"
    )
    return dict(found["output"])


def live(azure: LocalAzure, file: Path, plan: Plan) -> dict[str, Any]:
    """Capture, readiness, the doctor, every drill, an outage with its failover, and the failback. What came of it."""
    came: dict[str, Any] = {}
    with LocalEngine() as engine, deployed(azure, engine, file) as app:
        until(lambda: app.view().get("phase") == "steady", "the first look")
        jobs = submit(azure, plan)
        until(lambda: count_captured(azure, plan) == jobs, "every job in the ledger")
        until(lambda: app.get("pairs/demo/readiness").json().get("ready"), "a standby that is ready")
        came["doctor"] = app.get("doctor").json()["checks"]
        came["drills"] = {kind: practise(app, kind)["ok"] for kind in DrillKind}
        for view in ("readiness", "data", "explain"):
            app.get(f"pairs/demo/{view}")
        until(lambda: app.view()["phase"] == "steady", "a pair at rest")
        before = app.view()["epoch"]
        azure.region_down(plan.primary.region)
        until(lambda: (v := app.view())["active"] == "secondary" and v["phase"] in {"settled", "steady"}, "failover")
        azure.region_up(plan.primary.region)
        app.switch("failback", force=True)
        until(lambda: (v := app.view())["active"] == "primary" and v["phase"] in {"settled", "steady"}, "failback")
        came["epochs"] = app.view()["epoch"] - before
    return came


class Life:
    """Everything that was asked, what was refused, and what came of it."""

    def __init__(self, asked: list[LoggedRequest], roles: TemplateRoles, came: dict[str, Any]) -> None:
        self.asked = [each for each in asked if is_ours(each)]
        self.refused = roles.refused
        self.came = came


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The whole of it, with the roles of the templates in force from the first request on."""
    folder = tmp_path_factory.mktemp("life")
    roles = TemplateRoles()
    azure = LocalAzure(seed=8, speed=SPEED)
    azure.kernel.roles = roles
    with azure, variables(azure.environment()):
        azure.throttle.write_burst = azure.throttle.read_burst = azure.throttle.delete_burst = 1e9
        policy = scale_policy(SPEED) | {"failback_hold": timedelta(seconds=2)}
        plan = plan_of(azure, "demo", **policy)
        plan = msgspec.structs.replace(plan, partial_drill=PartialDrill(until="running"))
        file = folder / "demo.yaml"
        file.write_text(yaml_of(plan), encoding="utf-8")
        came = live(azure, file, plan)
        yield Life(azure.log.entries(), roles, came)


def shown(requests: list[LoggedRequest]) -> list[str]:
    return sorted({f"{each.principal} {each.service} {each.method} {each.path}" for each in requests})


def test_no_request_of_all_that_the_app_does_is_without_a_row(life: Life) -> None:
    """Outage, failback, every kind of drill, readiness, the doctor: whoever adds a call adds its row."""
    assert len(life.asked) > 1000
    assert shown([each for each in life.asked if not rows_of(each)]) == []


def test_each_request_needs_one_permission_at_one_place(life: Life) -> None:
    """Patterns do not overlap: a request that looked like a harmless one would need no role of its own."""
    assert shown([each for each in life.asked if len({(row.needs, row.where) for row in rows_of(each)}) != 1]) == []


def test_a_workspace_of_logs_is_no_workspace_of_machine_learning() -> None:
    """Both types are called ``workspaces``; a role at a project gives nothing at the other."""
    place = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/logs"
    found = {(row.needs, row.where) for row in rows_for(Who.PROBE, "resource-manager", "GET", place)}
    assert found == {("Microsoft.OperationalInsights/workspaces/read", Where.GROUP)}
    assert rows_for(Who.EXECUTOR, "resource-manager", "GET", place) == []


def test_the_roles_of_the_templates_let_everything_through(life: Life) -> None:
    """A role that is missing in ``infra/`` would make the app blind, or stop a run, in Azure alone."""
    assert shown(life.refused) == []


def test_everything_was_really_done(life: Life) -> None:
    """A life in which nothing happens needs no role."""
    assert life.came["drills"] == dict.fromkeys(DrillKind, True)
    assert life.came["epochs"] >= 2
    assert [each for each in life.came["doctor"] if each["ok"] is False] == []
