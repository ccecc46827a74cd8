"""Three plans, hot/hot, hot/warm and hot/cold, through an outage and home again: the real app, engine and clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from deployed_app import SPEED, App, deployed
from waiting import until

from orchestrator.core.base.vocabulary import Mode, Role, Tier
from orchestrator.core.ledger_paths import template_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.standby import (
    Standby,
    StandbyCluster,
    StandbyDeployment,
    StandbyEndpoint,
    StandbyTemplate,
)
from orchestrator.core.plan.steps_standby import IfUnreachable
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure

BURST, NODES = "burst", 3
FULL, IDLE = 4, 1


class Stage(NamedTuple):
    """Everything up."""

    azure: LocalAzure
    plan: Plan
    app: App

    def at(self, tail: str, side: Role = Role.SECONDARY) -> dict[str, Any] | None:
        place = f"{self.plan.side(side).project_id}/{tail}"
        return self.azure.call(lambda: self.azure.resources.get(place))

    def capacity(self) -> int:
        found = self.at("onlineEndpoints/score/deployments/blue")
        assert found is not None
        return int(found["sku"]["capacity"])

    def least_nodes(self, cluster: str) -> int | None:
        found = self.at(f"computes/{cluster}")
        return None if found is None else int(found["properties"]["properties"]["scaleSettings"]["minNodeCount"])

    def schedules(self) -> tuple[bool, bool]:
        found = [self.at("schedules/nightly", role) for role in Role]
        first, second = (bool(each and each["properties"]["isEnabled"]) for each in found)
        return first, second

    def steps_of(self, run: str) -> dict[str, dict[str, Any]]:
        """The steps of a run in its report, when it is over."""

        def output() -> Any:
            found = self.app.get(f"runs/{run}").json()
            return found.get("output") if found.get("status") == "completed" else None

        return {step["name"]: step for step in until(output, f"the end of {run}", pause=0.1)["steps"]}


def standby_of(tier: Tier, project: str) -> Standby:
    """What stands in the secondary; in hot/cold a template makes the cluster that the others have."""
    is_cold = tier is Tier.HOT_COLD
    made = StandbyTemplate(template="burst.json", parameters={"name": f"{project}/{BURST}"})
    return Standby(
        timeout=timedelta(minutes=2),
        templates=(made,) if is_cold else (),
        clusters=(StandbyCluster(name=BURST if is_cold else "cpu-cluster", min_nodes=NODES),),
        deployments=(StandbyDeployment(endpoint="score", deployment="blue", instances=FULL, idle_instances=IDLE),),
        endpoints=(StandbyEndpoint(name="score", traffic={"blue": 100}),),
        schedules=("nightly",),
        if_unreachable=IfUnreachable.ENABLE,
    )


def template() -> bytes:
    """A cluster without nodes."""
    scaling = {"minNodeCount": 0, "maxNodeCount": 10, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    cluster = {
        "type": "Microsoft.MachineLearningServices/workspaces/computes",
        "apiVersion": "2024-10-01",
        "name": "[parameters('name')]",
        "properties": {"computeType": "AmlCompute", "properties": {"scaleSettings": scaling}},
    }
    body = {"$schema": "https://example.com/deploymentTemplate.json#", "contentVersion": "1.0.0.0"}
    return json.dumps({**body, "parameters": {"name": {"type": "string"}}, "resources": [cluster]}).encode()


@contextmanager
def stage_of(folder: Path, tier: Tier) -> Iterator[Stage]:
    azure = LocalAzure(seed=7, speed=SPEED)
    with azure, LocalEngine() as engine, variables(azure.environment()):
        plan = plan_of(azure, **scale_policy(SPEED, Mode.AUTO))
        plan = msgspec.structs.replace(plan, tier=tier, standby=standby_of(tier, plan.secondary.project))
        place = folder / "demo.yaml"
        place.write_text(yaml_of(plan), encoding="utf-8")
        with deployed(azure, engine, place) as app:
            stage = Stage(azure, plan, app)
            until(lambda: app.view().get("phase") == "steady", "the first look", pause=0.1)
            azure.call(lambda: azure.ledger.put(plan.ledger.container, template_path("burst.json"), template()))
            _make_idle(stage, tier)
            yield stage


def _make_idle(stage: Stage, tier: Tier) -> None:
    """What the tier says of quiet times: a hot standby has its size, the others have not."""
    deployment, cluster = stage.at("onlineEndpoints/score/deployments/blue"), stage.at("computes/cpu-cluster")
    assert deployment is not None
    assert cluster is not None
    is_hot = tier is Tier.HOT_HOT

    def change() -> None:
        deployment["sku"]["capacity"] = FULL if is_hot else IDLE
        cluster["properties"]["properties"]["scaleSettings"]["minNodeCount"] = NODES if is_hot else 0

    stage.azure.call(change)


@pytest.mark.parametrize("tier", list(Tier))
def test_what_a_tier_promises_is_there_after_an_outage_and_given_back_at_home(tmp_path: Path, tier: Tier) -> None:
    """Each step has its time in the run's report, in the order in which one rests on the other."""
    with stage_of(tmp_path, tier) as stage:
        cluster = BURST if tier is Tier.HOT_COLD else "cpu-cluster"
        assert (stage.least_nodes(BURST), stage.schedules()) == (None, (True, False))
        stage.azure.region_down(stage.plan.primary.region)
        steps = stage.steps_of("failover-demo-e1")
        warm_up = [f"cluster-{cluster}", "deployment-score-blue", "traffic-score", "schedules"]
        made = ["template-burst"] if tier is Tier.HOT_COLD else []
        assert sorted(steps) == sorted(["await_standby", "move_jobs", *made, *warm_up])
        assert {name: step["outcome"] for name, step in steps.items()} == dict.fromkeys(steps, "done")
        assert all(step["from"] <= step["to"] for step in steps.values())
        orders = [*((one, name) for one in made for name in warm_up[:2]), *pairwise(warm_up[1:])]
        for before, after in orders:
            assert steps[before]["to"] <= steps[after]["from"], (before, after)
        assert (stage.capacity(), stage.least_nodes(cluster)) == (FULL, NODES)

        stage.azure.region_up(stage.plan.primary.region)
        until(lambda: stage.schedules() == (False, True), "the old side's schedule disabled", pause=0.1)
        until(lambda: stage.app.view().get("phase") in {"settled", "steady"}, "a pair at rest", pause=0.1)
        stage.app.switch("failback", force=True)
        back = stage.steps_of("failback-demo-e2")
        given = [] if tier is Tier.HOT_HOT else warm_up[:2]
        assert sorted(back) == sorted(["move_jobs", "schedules", *given])
        assert {step["outcome"] for step in back.values()} == {"done"}
        assert (stage.capacity(), stage.least_nodes(cluster)) == ((FULL, NODES) if tier is Tier.HOT_HOT else (IDLE, 0))
        assert stage.schedules() == (True, False)
