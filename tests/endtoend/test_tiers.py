"""Three plans, hot/hot, hot/warm and hot/cold, through an outage and home again: the real app, engine and clients."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from deployed_app import SPEED, App, count_captured, deployed
from endless_jobs import submit_endless
from waiting import until

from orchestrator.adapters.assembly import assemble
from orchestrator.clock import SystemClock
from orchestrator.core.base.vocabulary import LeftJob, Mode, Role, Tier
from orchestrator.core.ledger_paths import template_path
from orchestrator.core.plan.policy import Policy
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
from orchestrator.core.plan.steps_standby import IfUnreachable
from orchestrator.local.engine import LocalEngine
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import User
from orchestrator.settings import settings_from
from orchestrator.simulator.cloud import LocalAzure

HOURS = 3600
"""So many times faster than by default passes the time for which a primary has to be well before the way back."""

BURST, NODES = "burst", 3
ROOT, MEANWHILE = "tier-root", "tier-meanwhile"
"""A job from before the outage, and one that is submitted in the secondary while that is active."""

MADE = "made-meanwhile"
"""An environment that only the secondary has, until it is needed at home."""

FULL, IDLE = 4, 1
MODEL_FULL, MODEL_IDLE = 120, 50
"""Capacity of the model: the second is what a simulated account begins with."""


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

    def model_capacity(self) -> int:
        place = f"{account_of(self.plan)}/deployments/gpt-4o"
        found = self.azure.call(lambda: self.azure.resources.get(place))
        assert found is not None
        return int(found["sku"]["capacity"])

    def batch_default(self) -> str:
        found = self.at("batchEndpoints/nightly-scores")
        assert found is not None
        return str(found["properties"]["defaults"]["deploymentName"])

    def pointer(self) -> tuple[int, str]:
        """What the origin and each replica of the store show, which is the same."""
        world = assemble(settings_from({**os.environ, "HUBSWITCH_PLANS": "."}), {"demo": self.plan}, SystemClock())
        endpoints = (self.plan.pointer.endpoint, *self.plan.pointer.replicas)
        ((epoch, active),) = {
            (found.epoch, found.active.value)
            for endpoint in endpoints
            if (found := world.pointers["demo"].read_from("demo", endpoint))
        }
        return epoch, active

    def running(self) -> set[tuple[str, str]]:
        """Name and region of every job of the two lines that runs, by the simulated Azure's own account."""
        jobs = self.azure.truth.jobs()
        return {(job.name, job.region) for job in jobs if job.name.startswith("tier-") and job.status == "Running"}

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


def account_of(plan: Plan) -> str:
    """ARM id of the secondary's AI services account."""
    side = plan.secondary
    return f"{side.group_id}/providers/Microsoft.CognitiveServices/accounts/aoai-{side.region}"


def standby_of(tier: Tier, plan: Plan) -> Standby:
    """What stands in the secondary; in hot/cold a template makes the cluster that the others have."""
    is_cold = tier is Tier.HOT_COLD
    made = StandbyTemplate(template="burst.json", parameters={"name": f"{plan.secondary.project}/{BURST}"})
    model = StandbyAiDeployment(
        account=account_of(plan), deployment="gpt-4o", capacity=MODEL_FULL, idle_capacity=MODEL_IDLE
    )
    return Standby(
        timeout=timedelta(minutes=2),
        templates=(made,) if is_cold else (),
        clusters=(StandbyCluster(name=BURST if is_cold else "cpu-cluster", min_nodes=NODES),),
        deployments=(StandbyDeployment(endpoint="score", deployment="blue", instances=FULL, idle_instances=IDLE),),
        endpoints=(StandbyEndpoint(name="score", traffic={"blue": 100}),),
        batch_endpoints=(StandbyBatchEndpoint(name="nightly-scores", deployment="full"),),
        ai_deployments=(model,),
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
        hold = {"failback_hold": Policy().failback_hold / HOURS}
        plan = plan_of(azure, **scale_policy(SPEED, Mode.AUTO) | hold)
        jobs = msgspec.structs.replace(plan.jobs, failback=LeftJob.MOVE, retry=timedelta(seconds=3))
        plan = msgspec.structs.replace(plan, tier=tier, standby=standby_of(tier, plan), jobs=jobs)
        place = folder / "demo.yaml"
        place.write_text(yaml_of(plan), encoding="utf-8")
        with deployed(azure, engine, place) as app:
            stage = Stage(azure, plan, app)
            until(lambda: app.view().get("phase") == "steady", "the first look", pause=0.1)
            azure.call(lambda: azure.ledger.put(plan.ledger.container, template_path("burst.json"), template()))
            _make_idle(stage, tier)
            submit(stage, Role.PRIMARY, ROOT)
            until(lambda: count_captured(azure, plan) == 1, "the job in the ledger")
            yield stage


def submit(stage: Stage, side: Role, name: str, environment: str = "train-env") -> None:
    """A job that no test outlives."""
    submit_endless(stage.azure, stage.plan.side(side), name, "tiers", environment=environment)


def _make_idle(stage: Stage, tier: Tier) -> None:
    """What the tier says of quiet times: a hot standby has its size, the others have not."""
    deployment, cluster = stage.at("onlineEndpoints/score/deployments/blue"), stage.at("computes/cpu-cluster")
    assert deployment is not None
    assert cluster is not None
    is_hot = tier is Tier.HOT_HOT
    model = stage.azure.resources.get(f"{account_of(stage.plan)}/deployments/gpt-4o")
    assert model is not None

    def change() -> None:
        model["sku"]["capacity"] = MODEL_FULL if is_hot else MODEL_IDLE
        deployment["sku"]["capacity"] = FULL if is_hot else IDLE
        cluster["properties"]["properties"]["scaleSettings"]["minNodeCount"] = NODES if is_hot else 0

    stage.azure.call(change)


@pytest.mark.parametrize("tier", list(Tier))
def test_what_a_tier_promises_is_there_after_an_outage_and_given_back_at_home(tmp_path: Path, tier: Tier) -> None:
    """Each step has its time in the run's report, in the order in which one rests on the other."""
    with stage_of(tmp_path, tier) as stage:
        cluster = BURST if tier is Tier.HOT_COLD else "cpu-cluster"
        assert (stage.least_nodes(BURST), stage.schedules()) == (None, (True, False))
        is_hot = tier is Tier.HOT_HOT
        assert (stage.model_capacity(), stage.batch_default()) == (MODEL_FULL if is_hot else MODEL_IDLE, "light")
        stage.azure.region_down(stage.plan.primary.region)
        steps = stage.steps_of("failover-demo-e1")
        warm_up = [f"cluster-{cluster}", "deployment-score-blue", "traffic-score", "schedules"]
        made = ["template-burst"] if tier is Tier.HOT_COLD else []
        model, batch = "ai-aoai-westus3-gpt-4o", "batch-nightly-scores"
        assert sorted(steps) == sorted(["await_standby", "move_jobs", *made, *warm_up, model, batch])
        assert {name: step["outcome"] for name, step in steps.items()} == dict.fromkeys(steps, "done")
        assert all(step["from"] <= step["to"] for step in steps.values())
        first = [*warm_up[:2], model]
        orders = [*((one, name) for one in made for name in first), *pairwise(warm_up[1:]), (warm_up[0], batch)]
        for before, after in orders:
            assert steps[before]["to"] <= steps[after]["from"], (before, after)
        assert (stage.capacity(), stage.least_nodes(cluster)) == (FULL, NODES)
        assert (stage.model_capacity(), stage.batch_default()) == (MODEL_FULL, "full")

        assert stage.pointer() == (1, "secondary")
        here, there = stage.plan.primary.region, stage.plan.secondary.region
        until(lambda: (f"{ROOT}-e1", there) in stage.running(), "the successor")
        User(stage.azure).registered_environment(stage.plan.secondary, MADE)
        submit(stage, Role.SECONDARY, MEANWHILE, MADE)
        until(lambda: (MEANWHILE, there) in stage.running(), "the job that is new over there")

        up = datetime.now(UTC)
        stage.azure.region_up(here)
        until(lambda: stage.schedules() == (False, True), "the old side's schedule disabled", pause=0.1)
        until(lambda: stage.app.view().get("phase") in {"settled", "steady"}, "a pair at rest", pause=0.1)
        stage.app.switch("failback")
        back = stage.steps_of("failback-demo-e2")
        given = [] if is_hot else [*warm_up[:2], model]
        assert sorted(back) == sorted(["move_jobs", "schedules", *given])
        assert {step["outcome"] for step in back.values()} == {"done"}
        assert (stage.capacity(), stage.least_nodes(cluster)) == ((FULL, NODES) if is_hot else (IDLE, 0))
        assert stage.model_capacity() == (MODEL_FULL if is_hot else MODEL_IDLE)
        assert stage.batch_default() == "full"  # as with traffic, a failback leaves it
        assert stage.schedules() == (True, False)
        assert stage.pointer() == (2, "primary")
        decided = stage.app.get("runs/failback-demo-e2").json()["output"]["milestones"]["decided_at"]
        assert datetime.fromisoformat(decided) - up >= timedelta(hours=12) / HOURS
        home = {(f"{ROOT}-e2", here), (f"{MEANWHILE}-e2", here)}
        until(lambda: stage.running() == home, "each job running once, at home", moved=stage.running)
        assert stage.at(f"environments/{MADE}/versions/1", Role.PRIMARY) is not None
        until(lambda: audit_jobs(stage.azure, stage.plan).counts()["duplicated"] == 0, "no job twice")
        assert audit_jobs(stage.azure, stage.plan).counts()["lost"] == 0
