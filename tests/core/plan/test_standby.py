"""The section ``standby``: which steps follow from it, and what in it is refused or warned of."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.state import StartRun
from orchestrator.core.plan.exchange import exchange_sides
from orchestrator.core.plan.load import plan_from, read_plan
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.step_base import OnError, StepSide
from orchestrator.core.plan.steps import (
    FAILBACK,
    FAILOVER,
    AwaitStandby,
    MoveJobs,
    Parallel,
    ScaleCluster,
    StepOrGroup,
    steps_in,
)
from orchestrator.core.plan.steps_models import ScaleAiDeployment, SetBatchDefault
from orchestrator.core.plan.steps_standby import (
    DeployTemplate,
    IfUnreachable,
    ScaleDeployment,
    SetSchedules,
    SetTraffic,
)
from orchestrator.local.simulated_plan import yaml_of
from orchestrator.workflows.messages import order_from

OLD_PLAN = Path(__file__).with_name("plan_without_steps.yaml").read_text(encoding="utf-8")
SECTION = """
standby:
  timeout: 20m
  clusters:
    - {name: GPU, min_nodes: 4}
    - {name: cpu, min_nodes: 2, idle_nodes: 1, tier: hot}
  deployments:
    - {endpoint: score, deployment: blue, instances: 6}
    - {endpoint: score, deployment: green, instances: 3, idle_instances: 2, tier: cold}
  endpoints:
    - {name: score, traffic: {blue: 90, green: 10}}
"""
DERIVED: dict[str, Any] = {"timeout": timedelta(minutes=20), "on_error": OnError.CONTINUE}


def derived(section: str = SECTION, direction: str = "failover") -> tuple[StepOrGroup, ...]:
    items: tuple[StepOrGroup, ...] = getattr(plan_from(OLD_PLAN + section, "p").workflow, direction)
    return items


def test_a_failover_brings_everything_to_its_size_beside_the_moving_of_jobs() -> None:
    """Whatever its tier. Traffic comes after the deployments that it goes to; the run goes on without what fails."""
    scaled = {"endpoint": "score", **DERIVED}
    assert derived() == (
        AwaitStandby(),
        Parallel(
            parallel=(
                MoveJobs(),
                ScaleCluster(name="cluster-gpu", cluster="GPU", min_nodes=4, **DERIVED),
                ScaleCluster(name="cluster-cpu", cluster="cpu", min_nodes=2, **DERIVED),
                ScaleDeployment(name="deployment-score-blue", deployment="blue", instances=6, **scaled),
                ScaleDeployment(name="deployment-score-green", deployment="green", instances=3, **scaled),
                SetTraffic(
                    name="traffic-score",
                    traffic={"blue": 90, "green": 10},
                    after=("deployment-score-blue", "deployment-score-green"),
                    **scaled,
                ),
            )
        ),
    )


def test_a_failback_gives_back_what_is_not_hot_when_the_jobs_have_moved() -> None:
    """The plan is hot/warm, so what names no tier is warm. What is hot stays, and so does the traffic."""
    back: dict[str, Any] = {"side": StepSide.SOURCE, **DERIVED}
    scaled = {"endpoint": "score", **back}
    assert derived(direction="failback") == (
        MoveJobs(),
        Parallel(
            parallel=(
                ScaleCluster(name="cluster-gpu", cluster="GPU", min_nodes=0, **back),
                ScaleDeployment(name="deployment-score-blue", deployment="blue", instances=1, **scaled),
                ScaleDeployment(name="deployment-score-green", deployment="green", instances=2, **scaled),
            )
        ),
    )


def test_what_is_cold_is_made_by_templates_before_everything_else() -> None:
    """Side by side; a cluster, a deployment, and the traffic of an endpoint whose deployments are not listed wait."""
    section = """
standby:
  templates:
    - {template: search.json, parameters: {region: westus3}}
    - {template: folder/search.json}
  clusters: [{name: gpu, min_nodes: 4}]
  endpoints: [{name: score, traffic: {blue: 100}}]
"""
    group = derived(section)[1]
    assert isinstance(group, Parallel)
    first, second, cluster, traffic = group.parallel[1:]
    assert first == DeployTemplate(
        name="template-search",
        template="search.json",
        parameters={"region": "westus3"},
        timeout=timedelta(minutes=30),
        on_error=OnError.CONTINUE,
    )
    assert second.title == "template-1"
    assert (first.after, second.after) == ((), ())
    assert cluster.after == traffic.after == ("template-search", "template-1")


ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/models-b"
MODELS = f"""
standby:
  templates: [{{template: search.json}}]
  clusters: [{{name: cpu, min_nodes: 2}}]
  ai_deployments:
    - {{account: {ACCOUNT}, deployment: gpt-4o, capacity: 120, idle_capacity: 5}}
    - {{account: {ACCOUNT}, deployment: embed, capacity: 40, tier: hot}}
  batch_endpoints: [{{name: scores, deployment: full}}]
"""


def test_models_are_scaled_and_batch_endpoints_set_after_what_they_rest_on() -> None:
    """A model after the templates, a batch endpoint's default after the clusters, for one of them runs its jobs."""
    group = derived(MODELS)[1]
    assert isinstance(group, Parallel)
    _, template, cluster, chat, embed, batch = group.parallel
    assert (template.title, cluster.title) == ("template-search", "cluster-cpu")
    assert chat == ScaleAiDeployment(
        name="ai-models-b-gpt-4o",
        account=ACCOUNT,
        deployment="gpt-4o",
        capacity=120,
        timeout=timedelta(minutes=30),
        on_error=OnError.CONTINUE,
        after=("template-search",),
    )
    assert embed.title == "ai-models-b-embed"
    assert batch == SetBatchDefault(
        name="batch-scores",
        endpoint="scores",
        deployment="full",
        timeout=timedelta(minutes=30),
        on_error=OnError.CONTINUE,
        after=("cluster-cpu",),
    )


def test_a_failback_gives_capacity_of_models_back_that_is_not_hot() -> None:
    """In the secondary's account, which the plan names; a batch endpoint's default stays as it is."""
    home = derived(MODELS, "failback")[1]
    assert isinstance(home, Parallel)
    assert [(step.title, getattr(step, "capacity", None)) for step in home.parallel] == [
        ("cluster-cpu", None),
        ("ai-models-b-gpt-4o", 5),
    ]


def test_a_cold_thing_that_nothing_makes_is_warned_of() -> None:
    """It may stand there at its idle size; who means that knows."""
    cold = "\nstandby: {clusters: [{name: gpu, min_nodes: 4, tier: cold}]"

    def warned(section: str) -> list[str]:
        return [each.field for each in read_plan(OLD_PLAN + section, "p").warnings if "cold" in each.expected]

    assert warned(cold + "}\n") == ["standby.templates"]
    assert warned(cold + ", templates: [{template: a.json}]}\n") == []
    assert warned(cold.replace("cold", "warm") + "}\n") == []


def test_schedules_change_sides_after_everything_else_and_on_the_way_home_beside_the_jobs() -> None:
    """Briefly: what the side that is left does not answer is gone on with after the run."""
    section = SECTION + "  schedules: [nightly, weekly]\n  if_unreachable: enable\n"
    _, group = derived(section)
    assert isinstance(group, Parallel)
    switch = group.parallel[-1]
    assert switch == SetSchedules(
        name="schedules",
        schedules=("nightly", "weekly"),
        if_unreachable=IfUnreachable.ENABLE,
        timeout=timedelta(minutes=5),
        on_error=OnError.CONTINUE,
        after=tuple(step.title for step in group.parallel[1:-1]),
    )
    home = derived(section, "failback")
    assert home[0] == Parallel(parallel=(MoveJobs(), msgspec.structs.replace(switch, after=())))
    assert home[1:] == derived(direction="failback")[1:]


@pytest.mark.parametrize(("tier", "back"), [("hot/hot", 0), ("hot/warm", 1), ("hot/cold", 1)])
def test_the_plans_tier_is_that_of_what_names_none(tier: str, back: int) -> None:
    """Only what is hot is left at its size by a way home."""
    section = f"\ntier: {tier}\nstandby: {{clusters: [{{name: gpu, min_nodes: 4}}]}}\n"
    text = re.sub(r"^tier:.*\n", "", OLD_PLAN, flags=re.MULTILINE)
    plan = plan_from(text + section, "p")
    assert len(plan.workflow.failback) == 1 + back
    assert len(list(steps_in(plan.workflow.failover))) == 3


def test_a_plan_without_the_section_does_what_it_did() -> None:
    """So does one with an empty section."""
    for text in (OLD_PLAN, OLD_PLAN + "\nstandby: {timeout: 5m}\n"):
        plan = plan_from(text, "p")
        assert plan.workflow == plan.steps
        assert (plan.workflow.failover, plan.workflow.failback) == (FAILOVER, FAILBACK)


def test_steps_of_the_plans_own_stand_and_a_warning_says_that_nothing_follows() -> None:
    """The other direction's steps follow all the same."""
    own = "steps: {failover: [{kind: move_jobs}]}\n"
    reading = read_plan(OLD_PLAN + SECTION + own, "p")
    assert reading.plan is not None
    assert reading.plan.workflow.failover == (MoveJobs(),)
    assert reading.plan.workflow.failback == derived(direction="failback")
    said = [warning for warning in reading.warnings if "standby" in warning.expected]
    assert [warning.field for warning in said] == ["steps.failover"]


def test_a_run_carries_the_steps_that_follow() -> None:
    """As they were when it was ordered."""
    plan = plan_from(OLD_PLAN + SECTION, "p")
    start = StartRun(kind="failover", run="r", epoch=1, source=Role.PRIMARY, target=Role.SECONDARY, why="a test")
    assert order_from(start, plan, datetime(2026, 3, 1, tzinfo=UTC)).workflow == derived()


def test_every_step_has_a_name_of_its_own() -> None:
    """Names of things may be longer than those of steps, or differ in case alone."""
    long = "a-very-long-name-of-an-endpoint1"
    section = f"""
standby:
  clusters: [{{name: Gpu, min_nodes: 1}}, {{name: gpu-1, min_nodes: 1}}]
  deployments:
    - {{endpoint: {long}, deployment: blue, instances: 1}}
    - {{endpoint: {long}, deployment: green, instances: 1}}
"""
    titles = [step.title for _, step in steps_in(derived(section))]
    assert titles == ["await_standby", "move_jobs", "cluster-gpu", "cluster-gpu-1", "deployment-1", "deployment-2"]


@pytest.mark.parametrize(
    ("section", "field", "expected"),
    [
        ("{timeout: 0s}", "standby.timeout", "above zero"),
        ("{clusters: [{name: a/b, min_nodes: 1}]}", "standby.clusters[0].name", "a cluster's name"),
        ("{clusters: [{name: a, min_nodes: -1}]}", "standby.clusters[0].min_nodes", "at least 0"),
        ("{clusters: [{name: a, min_nodes: 2, idle_nodes: 3}]}", "standby.clusters[0].idle_nodes", "from 0 to min_nod"),
        ("{clusters: [{name: a, min_nodes: 2, tier: mild}]}", "standby.clusters[0].tier", "hot"),
        ("{clusters: [{nmae: a, min_nodes: 2}]}", "standby.clusters[0].nmae", "a field that is known"),
        ("{clusters: [{name: a, min_nodes: 1}, {name: A, min_nodes: 2}]}", "standby.clusters[1]", "clusters once"),
        ("{deployments: [{endpoint: score, deployment: blue}]}", "standby.deployments[0].instances", "a value"),
        (
            "{deployments: [{endpoint: score, deployment: blue, instances: 0}]}",
            "standby.deployments[0].instances",
            "at least 1",
        ),
        (
            "{deployments: [{endpoint: score, deployment: blue, instances: 2, idle_instances: 0}]}",
            "standby.deployments[0].idle_instances",
            "from 1 to instances, which is 2",
        ),
        ("{batch_endpoints: [{name: -, deployment: full}]}", "standby.batch_endpoints[0].name", "its name"),
        ("{batch_endpoints: [{name: scores, deployment: 1}]}", "standby.batch_endpoints[0].deployment", "str"),
        (
            "{ai_deployments: [{account: models, deployment: m, capacity: 2}]}",
            "standby.ai_deployments[0].account",
            "an ARM id of type Microsoft.CognitiveServices/accounts",
        ),
        (
            f"{{ai_deployments: [{{account: {ACCOUNT}, deployment: a/b, capacity: 2}}]}}",
            "standby.ai_deployments[0].deployment",
            "a deployment's name",
        ),
        (
            f"{{ai_deployments: [{{account: {ACCOUNT}, deployment: m, capacity: 0}}]}}",
            "standby.ai_deployments[0].capacity",
            "at least 1",
        ),
        (
            f"{{ai_deployments: [{{account: {ACCOUNT}, deployment: m, capacity: 2, idle_capacity: 3}}]}}",
            "standby.ai_deployments[0].idle_capacity",
            "from 1 to capacity, which is 2",
        ),
        ("{templates: [{template: ../a.json}]}", "standby.templates[0].template", "a path below _templates/"),
        ("{templates: [{template: a.json}, {template: a.json}]}", "standby.templates[1]", "each of the templates once"),
        ("{schedules: [nightly, a b]}", "standby.schedules[1]", "a schedule's name"),
        ("{schedules: [nightly, Nightly]}", "standby.schedules[1]", "each schedule once"),
        ("{schedules: [nightly], if_unreachable: hope}", "standby.if_unreachable", "wait or enable"),
        ("{endpoints: [{name: -, traffic: {blue: 100}}]}", "standby.endpoints[0].name", "its name"),
        ("{endpoints: [{name: score, traffic: {blue: 90}}]}", "standby.endpoints[0].traffic", "add up to"),
        ("{endpoints: [{name: score, traffic: {blue: 0}}]}", "standby.endpoints[0].traffic", "add up to 100"),
        ("{endpoints: [{name: score, traffic: {blue: -10, red: 110}}]}", "endpoints[0].traffic.blue", "from 0 to 100"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_stands(section: str, field: str, expected: str) -> None:
    """Field of the plan, not of a step that nobody wrote."""
    with pytest.raises(InvalidInput) as refused:
        plan_from(f"{OLD_PLAN}\nstandby: {section}\n", "p.yaml")
    assert refused.value.field.endswith(field)
    assert expected in refused.value.expected


def test_the_section_has_a_bound() -> None:
    """The history of a run grows with each step."""
    many = ", ".join(f"{{name: c{number}, min_nodes: 1}}" for number in range(98))
    with pytest.raises(InvalidInput, match="at most 97 things"):
        plan_from(f"{OLD_PLAN}\nstandby: {{clusters: [{many}]}}\n", "p")


def test_a_plan_with_the_section_is_written_and_read_again() -> None:
    """The form that a person writes and the one that is printed mean the same."""
    plan = plan_from(OLD_PLAN + SECTION, "p")
    assert plan_from(yaml_of(plan), "again") == plan


def test_an_exchange_names_the_parts_of_the_other_hub() -> None:
    """Those that the tables of the plan know, or the same; sizes and tiers stay."""
    plan = plan_from(OLD_PLAN + SECTION, "p")
    jobs = msgspec.structs.replace(plan.jobs, computes={"A100": "GPU"}, endpoints={"score-a": "score"})
    plan = msgspec.structs.replace(plan, jobs=jobs)
    after = exchange_sides(plan, "p").plan.standby
    assert [cluster.name for cluster in after.clusters] == ["A100", "cpu"]
    assert {each.endpoint for each in after.deployments} == {"score-a"} == {each.name for each in after.endpoints}
    assert exchange_sides(exchange_sides(plan, "p").plan, "p").plan == plan


def order_of(text: str) -> Plan:
    return plan_from(f"{OLD_PLAN}\nsteps:\n  failover: [{{parallel: [{text}]}}]\n", "p")


SCALED = "kind: scale_cluster, cluster: c, min_nodes: 1"


@pytest.mark.parametrize(
    ("group", "field", "expected"),
    [
        (f"{{kind: move_jobs}}, {{{SCALED}, after: [move_job]}}", "parallel[1].after", "of the same group"),
        (f"{{kind: move_jobs}}, {{{SCALED}, after: [scale_cluster]}}", "parallel[1].after", "no circle"),
        (
            f"{{kind: move_jobs}}, {{{SCALED}, name: a, after: [b]}}, {{{SCALED}, name: b, after: [a]}}",
            "parallel[1].after",
            "no circle",
        ),
    ],
)
def test_an_order_that_cannot_be_kept_is_refused(group: str, field: str, expected: str) -> None:
    """A run would never begin such a step."""
    with pytest.raises(InvalidInput) as refused:
        order_of(group)
    assert refused.value.field.endswith(field)
    assert expected in refused.value.expected


def test_an_order_outside_a_group_is_refused() -> None:
    """There each step comes after the one before it."""
    with pytest.raises(InvalidInput, match="nothing outside a group"):
        plan_from(f"{OLD_PLAN}\nsteps: {{failover: [{{kind: move_jobs}}, {{{SCALED}, after: [move_jobs]}}]}}\n", "p")
