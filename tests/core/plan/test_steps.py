"""Steps of a plan: what is read, what is refused, and that a plan without them means what it always meant."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator.cli.plan_schema import plan_schema
from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.state import StartRun
from orchestrator.core.plan.channels import EventGridChannel
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.step_base import OnError, Retry, StepSide, kind_of
from orchestrator.core.plan.steps import SHAPES, AwaitStandby, MoveJobs, Parallel, ScaleCluster, WaitForUrl, steps_in
from orchestrator.local.simulated_plan import yaml_of
from orchestrator.workflows.messages import RunOrder, StepOrder, order_from

OLD_PLAN = Path(__file__).with_name("plan_without_steps.yaml").read_text(encoding="utf-8")
STEPS = """
steps:
  failover:
    - {kind: await_standby, timeout: 90s}
    - parallel:
        - {kind: scale_cluster, cluster: gpu, min_nodes: 4, timeout: 10m, on_error: continue, retry: {pause: 3s}}
        - {name: licences, kind: wait_for_url, url: "https://licences.example.com/health", retry: {tries: 5}}
    - {kind: move_jobs}
  failback:
    - {kind: scale_cluster, cluster: gpu, min_nodes: 0, side: source}
"""


def started(plan: Plan, kind: Any = "failover") -> RunOrder:
    start = StartRun(kind=kind, run="r", epoch=1, source=Role.PRIMARY, target=Role.SECONDARY, why="a test")
    return order_from(start, plan, datetime(2026, 3, 1, tzinfo=UTC))


def test_a_plan_without_steps_does_what_it_did() -> None:
    """It waits for the standby and moves the jobs; on the way back it moves them. Its order carries no list."""
    plan = plan_from(OLD_PLAN, "old")
    assert plan.steps.failover == (AwaitStandby(), MoveJobs())
    assert plan.steps.failback == (MoveJobs(),)
    assert started(plan).steps is None
    assert started(plan).workflow == (AwaitStandby(), MoveJobs())
    assert started(plan, "failback").workflow == (MoveJobs(),)
    assert plan.channels == (EventGridChannel(topic=plan.notices or ""),)


def test_an_order_of_an_older_version_is_read() -> None:
    """A run that was ordered before there were steps goes on; its step in the engine's store, too."""
    old = to_builtins(started(plan_from(OLD_PLAN, "old")))
    del old["steps"]
    assert from_builtins(old, RunOrder, "order").workflow == (AwaitStandby(), MoveJobs())
    assert from_builtins(old, StepOrder, "order").step is None


def test_steps_are_read_as_they_stand() -> None:
    """Groups, durations, and what every step has."""
    plan = plan_from(OLD_PLAN + STEPS, "new")
    wait, group, move = plan.steps.failover
    assert wait == AwaitStandby(timeout=timedelta(seconds=90))
    assert group == Parallel(
        parallel=(
            ScaleCluster(
                cluster="gpu",
                min_nodes=4,
                timeout=timedelta(minutes=10),
                on_error=OnError.CONTINUE,
                retry=Retry(pause=timedelta(seconds=3)),
            ),
            WaitForUrl(name="licences", url="https://licences.example.com/health", retry=Retry(tries=5)),
        )
    )
    assert move == MoveJobs()
    assert plan.steps.failback == (ScaleCluster(cluster="gpu", min_nodes=0, side=StepSide.SOURCE),)
    assert [step.title for _, step in steps_in(plan.steps.failover)] == [
        "await_standby",
        "scale_cluster",
        "licences",
        "move_jobs",
    ]


def test_the_order_of_a_run_carries_its_steps_through_the_engine() -> None:
    """A change of the plan does not touch a run that is under way."""
    plan = plan_from(OLD_PLAN + STEPS, "new")
    order = started(plan)
    assert order.steps == plan.steps.failover
    assert from_builtins(json.loads(msgspec.json.encode(order)), RunOrder, "order") == order


def test_a_plan_with_steps_is_written_and_read_again() -> None:
    """The form that a person writes and the one that is printed mean the same."""
    plan = plan_from(OLD_PLAN + STEPS, "new")
    assert plan_from(yaml_of(plan), "again") == plan


URL = '"https://a.example.com"'
SCALED = "kind: scale_deployment, endpoint: score"
TRAFFIC = "kind: set_traffic, endpoint: score, traffic:"
TM = (
    "kind: switch_traffic_manager, profile: "
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/trafficManagerProfiles/tm"
)


@pytest.mark.parametrize(
    ("steps", "field", "expected"),
    [
        ("[{kind: dance}]", "steps.failover[0].kind", "await_standby or move_jobs or wait_for_url"),
        ("[{name: a}]", "steps.failover[0].kind", "a value"),
        ("[{kind: move_jobs, colour: red}]", "steps.failover[0].colour", "a field that is known here"),
        ("[{kind: move_jobs, on_error: shrug}]", "steps.failover[0].on_error", "stop or continue"),
        ("[{parallel: [{kind: await_standby, on_error: shrug}]}]", "steps.failover[0].parallel[0].on_error", "stop or"),
        ("[{kind: await_standby, timeout: 5}, {kind: move_jobs}]", "steps.failover[0].timeout", "a duration"),
        ("[{kind: await_standby, timeout: 0s}, {kind: move_jobs}]", "steps.failover[0].timeout", "above zero"),
        ("[{kind: await_standby, retry: {tries: 0}}, {kind: move_jobs}]", "steps.failover[0].retry.tries", "from 1"),
        ("[{kind: await_standby, retry: {pause: 0s}}, {kind: move_jobs}]", "steps.failover[0].retry.pause", "above"),
        ("[{kind: await_standby, on_error: continue}, {kind: move_jobs}]", "steps.failover[0].on_error", "timeout"),
        ("[{kind: move_jobs, timeout: 5m}]", "steps.failover[0].timeout", "jobs.patience"),
        ("[{kind: move_jobs, on_error: continue}]", "steps.failover[0].on_error", "stop"),
        ("[{kind: move_jobs, retry: {tries: 2}}]", "steps.failover[0].retry", "jobs.patience"),
        ("[{kind: move_jobs, name: 'Move Jobs'}]", "steps.failover[0].name", "lower-case"),
        ("[{kind: move_jobs}, {kind: move_jobs, name: b}]", "steps.failover", "exactly one step of kind move_jobs"),
        ("[{kind: await_standby}]", "steps.failover", "exactly one step of kind move_jobs"),
        ("[]", "steps.failover", "exactly one step of kind move_jobs"),
        ("[{kind: move_jobs}, {parallel: []}]", "steps.failover[1].parallel", "at least one step"),
        ("[{kind: move_jobs}, {parallel: [{parallel: []}]}]", "steps.failover[1].parallel[0].kind", "a value"),
        (f"[{{kind: move_jobs}}, {{kind: wait_for_url, name: move_jobs, url: {URL}}}]", "[1].name", "no other step"),
        ('[{kind: move_jobs}, {kind: wait_for_url, url: "http://a"}]', "steps.failover[1].url", "an https URL"),
        ("[{kind: move_jobs}, {kind: wait_for_url}]", "steps.failover[1].url", "a value"),
        ("[{kind: move_jobs}, {kind: scale_cluster, cluster: a/b, min_nodes: 1}]", "[1].cluster", "a cluster's name"),
        ("[{kind: move_jobs}, {kind: scale_cluster, cluster: a, min_nodes: -1}]", "[1].min_nodes", "at least 0"),
        ("[{kind: move_jobs}, {kind: scale_cluster, cluster: a, min_nodes: 1.5}]", "[1].min_nodes", "int"),
        (f"[{{kind: move_jobs}}, {{{SCALED}, deployment: a, instances: 2}}]", "[1].deployment", "3 to 32 letters"),
        (f"[{{kind: move_jobs}}, {{{SCALED}, deployment: blue, instances: 0}}]", "[1].instances", "at least 1"),
        (f"[{{kind: move_jobs}}, {{{TRAFFIC} {{blue: 60}}}}]", "[1].traffic", "add up to 0 or 100"),
        (f"[{{kind: move_jobs}}, {{{TRAFFIC} {{blue: 130, red: -30}}}}]", "[1].traffic.blue", "from 0 to 100"),
        (f"[{{kind: move_jobs}}, {{{TRAFFIC} {{b/c: 100}}}}]", "[1].traffic.b/c", "a deployment's name"),
        ("[{kind: move_jobs}, {kind: set_schedules, schedules: []}]", "[1].schedules", "at least one schedule"),
        ("[{kind: move_jobs}, {kind: set_schedules, schedules: [a, A]}]", "[1].schedules[1]", "each schedule once"),
        ("[{kind: move_jobs}, {kind: deploy_template, template: /a.json}]", "[1].template", "below _templates/"),
        ("[{kind: move_jobs}, {kind: deploy_template, template: a.bicep}]", "[1].template", "ends in .json"),
        ("[{kind: move_jobs}, {kind: set_traffic, endpoint: -x, traffic: {}}]", "[1].endpoint", "its name"),
        (
            f"[{{kind: move_jobs}}, {{{TM}, primary: [a], secondary: [b]}}]".replace("/tm", ""),
            "[1].profile",
            "an ARM id",
        ),
        (
            f"[{{kind: move_jobs}}, {{{TM}, primary: [a], secondary: [b]}}]".replace("/tm", "/tm/x/y"),
            "[1].profile",
            "an",
        ),
        (
            f"[{{kind: move_jobs}}, {{{TM}, primary: [a], secondary: [b]}}]".replace("Network", "Cdn"),
            "[1].profile",
            "an",
        ),
        (f"[{{kind: move_jobs}}, {{{TM}, primary: [], secondary: [b]}}]", "[1].primary", "from 1 to 30 names"),
        (f"[{{kind: move_jobs}}, {{{TM}, primary: [a], secondary: [b/c]}}]", "[1].secondary[0]", "a name"),
        (f"[{{kind: move_jobs}}, {{{TM}, primary: [a], secondary: [b, A]}}]", "[1].secondary[1]", "does not lead to"),
        (f"[{{kind: move_jobs}}, {{{TM}, primary: [a]}}]", "[1].secondary", "a value"),
        (
            "[{kind: move_jobs}, {kind: switch_front_door, origin_group: x, primary: [a], secondary: [b]}]",
            "[1].origin_group",
            "an ARM id",
        ),
        (
            "[{kind: move_jobs}, {kind: switch_api_management, pool: x, primary: [a], secondary: [b]}]",
            "[1].pool",
            "an ARM id",
        ),
        (
            "[{kind: move_jobs}, {kind: call_webhook, url: 'https://a.example', secret_setting: s3cr3t}]",
            "setting",
            "name of",
        ),
        ("[{kind: move_jobs}, {kind: call_webhook, url: 'http://a.example', secret_setting: A}]", "[1].url", "https"),
        ("[{kind: move_jobs}, {kind: call_webhook, secret_setting: A}]", "[1].url", "either url or url_setting"),
        (
            "[{kind: move_jobs}, {kind: call_webhook, url_setting: a b, secret_setting: A}]",
            "url_setting",
            "the name of",
        ),
        ("[{kind: move_jobs}, {kind: wait_for_alert}]", "[1].rule", "a rule, a target or both"),
        ("[{kind: move_jobs}, {kind: wait_for_alert, target: st}]", "[1].target", "an ARM id of a resource"),
        (
            f"[{{kind: move_jobs}}, {{kind: wait_for_alert, rule: {TM.rsplit(maxsplit=1)[-1]}}}]",
            "[1].rule",
            "an alert rule",
        ),
        ("{kind: move_jobs}", "steps.failover", "array"),
        ("null", "steps.failover", "array"),
    ],
)
def test_steps_that_cannot_be_meant_are_refused_where_they_stand(steps: str, field: str, expected: str) -> None:
    """File and line, field, what was expected."""
    text = f"{OLD_PLAN}\nsteps:\n  failover: {steps}\n"
    with pytest.raises(InvalidInput) as refused:
        plan_from(text, "p.yaml")
    assert refused.value.field.endswith(field)
    assert expected in refused.value.expected
    assert re.fullmatch(r"p\.yaml:\d+", refused.value.where)


def test_a_failback_moves_jobs_once_or_not_at_all() -> None:
    """The side that is left is well; a plan may leave its jobs there."""
    steps = "{kind: move_jobs}, {kind: move_jobs, name: again}"
    with pytest.raises(InvalidInput, match="at most one step of kind move_jobs"):
        plan_from(f"{OLD_PLAN}\nsteps:\n  failback: [{steps}]\n", "p")
    assert plan_from(f"{OLD_PLAN}\nsteps:\n  failback: []\n", "p").steps.failback == ()


def test_a_list_has_a_bound() -> None:
    """The history of a run grows with each step."""
    many = ", ".join(f"{{kind: wait_for_url, name: w{number}, url: {URL}}}" for number in range(100))
    with pytest.raises(InvalidInput, match="at most 100 steps"):
        plan_from(f"{OLD_PLAN}\nsteps:\n  failover: [{{kind: move_jobs}}, {many}]\n", "p")


def test_the_schema_knows_every_kind_and_a_group_without_its_tag() -> None:
    """What editors check is what is read."""
    shapes = plan_schema()["$defs"]
    kinds = {kind for shape in shapes.values() for kind in shape.get("properties", {}).get("kind", {}).get("enum", ())}
    assert {kind_of(shape) for shape in SHAPES} <= kinds
    assert shapes["Parallel"]["required"] == ["parallel"]
