"""Looks at a standby whose plan says what of it is hot, warm and cold: what is as planned is no drift."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from standby_stage import Stage, blocking, by_plan, place, planned

from orchestrator.cli.commands_readiness import format_live
from orchestrator.core.base.vocabulary import Role, Tier
from orchestrator.core.plan.standby import (
    PartTier,
    Standby,
    StandbyAiDeployment,
    StandbyCluster,
    StandbyDeployment,
    StandbyEndpoint,
    StandbyTemplate,
)
from orchestrator.core.standby.readiness import Severity
from orchestrator.core.standby.readiness_record import view_of

WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
CLUSTER, ENDPOINT, BLUE = "project/computes/gpu-cluster", "project/onlineEndpoints/score", "deployments/blue"
LEAST = "properties.properties.scaleSettings.minNodeCount"
COLD = Standby(
    templates=(StandbyTemplate(template="cold.json"),),
    clusters=(StandbyCluster(name="gpu-cluster", min_nodes=2),),
    deployments=(StandbyDeployment(endpoint="score", deployment="blue", instances=4, idle_instances=2),),
    schedules=("nightly",),
)


def making(*things: tuple[str, str], **more: Any) -> dict[str, Any]:
    """A template that makes things of these types, below the workspace, under these names."""
    resources = [
        {"type": f"{WORKSPACES}/{kind}", "name": f"[format('{{0}}/{name}', parameters('project'))]"}
        for kind, name in things
    ]
    declared = {"project": {"type": "string", "defaultValue": "proj-westus3"}}
    return {"$schema": "https://example.com/t#", "resources": resources, "parameters": declared, **more}


EVERYTHING = making(
    ("computes", "gpu-cluster"),
    ("onlineEndpoints", "score"),
    ("onlineEndpoints/deployments", "score/blue"),
    ("schedules", "nightly"),
)


def absent(stage: Stage) -> list[str]:
    return [place(stage, each) for each in (CLUSTER, f"{ENDPOINT}/{BLUE}", ENDPOINT, "project/schedules/nightly")]


def test_what_is_cold_is_not_missing_while_a_template_makes_it(stage: Stage) -> None:
    """The look, its record, and what people read say by which template; hot, the same standby is not ready."""
    with stage.changed(delete=absent(stage)):
        with planned(stage, Tier.HOT_COLD, COLD, {"cold.json": EVERYTHING}) as cold:
            assert cold.look().ready
            assert cold.findings() == {}
            made = dict.fromkeys(
                ["computes.gpu-cluster", "online_deployments.blue", "online_endpoints.score", "schedules.nightly"],
                "cold by plan: cold.json",
            )
            assert by_plan(cold) == made
            view = view_of(cold.record(), "demo", cold.world.clock.now())
            assert "computes.gpu-cluster: cold by plan: cold.json" in format_live(json.loads(msgspec.json.encode(view)))
        with planned(stage, Tier.HOT_HOT, COLD, {"cold.json": EVERYTHING}) as hot:
            assert {"computes.gpu-cluster", "online_endpoints.score"} <= blocking(hot.findings())
            assert by_plan(hot) == {}
        assert {"computes.gpu-cluster", "online_endpoints.score"} <= blocking(stage.findings())


def test_a_missing_template_is_a_finding_and_what_it_would_make_is_missing(stage: Stage) -> None:
    """With the command that puts it there. While nothing is cold, it is only warned of."""
    with planned(stage, Tier.HOT_COLD, COLD) as cold:
        with stage.changed(delete=absent(stage)):
            found = cold.findings()
            assert {"templates.cold.json", "computes.gpu-cluster"} <= blocking(found)
            assert "no template of the plan makes it" in found["computes.gpu-cluster"].what
            lacking = found["templates.cold.json"]
            assert "has no template _templates/cold.json" in lacking.what
            assert "az storage blob upload" in lacking.fix
            assert "--name _templates/cold.json" in lacking.fix
        assert {path: each.severity for path, each in cold.findings().items()} == {"templates.cold.json": Severity.WARN}
        assert cold.look().ready


@pytest.mark.parametrize("body", [b"{", {"resources": []}, {"$schema": "x"}])
def test_what_is_no_template_is_like_a_missing_one(stage: Stage, body: Any) -> None:
    """A failover could not deploy it."""
    with stage.changed(delete=absent(stage)), planned(stage, Tier.HOT_COLD, COLD, {"cold.json": body}) as cold:
        assert {"templates.cold.json", "computes.gpu-cluster"} <= blocking(cold.findings())


def test_a_template_that_makes_other_things_does_not_make_this_one(stage: Stage) -> None:
    """What is cold and made by nothing is missing; where a name cannot be read from the text, that is said."""
    with stage.changed(delete=[place(stage, CLUSTER)]):
        for names, severity in ((("computes", "cpu"), Severity.BLOCK), (("computes", "{1}"), Severity.WARN)):
            with planned(stage, Tier.HOT_COLD, COLD, {"cold.json": making(names)}) as cold:
                found = cold.findings()["computes.gpu-cluster"]
                assert found.severity is severity
                assert found.check == 5
                assert "template" in found.fix or "parameters" in found.fix


def test_quota_is_asked_for_what_a_template_has_yet_to_make(stage: Stage) -> None:
    """A cluster that is not there yet needs the cores of its twin."""
    with (
        stage.changed(
            delete=[place(stage, CLUSTER)], set={place(stage, "region/usages/Clusters"): {"currentValue": 500}}
        ),
        planned(stage, Tier.HOT_COLD, COLD, {"cold.json": EVERYTHING}) as cold,
    ):
        assert blocking(cold.findings()) == {"usages.Clusters"}


SIZES = [
    (PartTier.WARM, 1, 1, None),
    (PartTier.WARM, 3, 1, "above"),
    (PartTier.WARM, 1, 2, "below"),
    (PartTier.COLD, 1, 1, None),
    (PartTier.COLD, 2, 1, "above"),
    (PartTier.HOT, 4, 1, None),
    (PartTier.HOT, 5, 1, None),
    (PartTier.HOT, 3, 1, "below"),
]


@pytest.mark.parametrize(("tier", "has", "idle", "than"), SIZES)
def test_a_size_is_held_against_the_plan(stage: Stage, tier: PartTier, has: int, idle: int, than: str | None) -> None:
    """Of deployments and clusters: what is warm has its idle size, neither more nor less; a finding says how much."""
    standby = Standby(
        clusters=(StandbyCluster(name="gpu-cluster", min_nodes=4, idle_nodes=idle, tier=tier),),
        deployments=(
            StandbyDeployment(endpoint="score", deployment="blue", instances=4, idle_instances=idle, tier=tier),
        ),
    )
    sizes = {
        place(stage, CLUSTER): {LEAST: has},
        place(stage, f"{ENDPOINT}/{BLUE}"): {"sku.capacity": has},
    }
    with stage.changed(set=sizes), planned(stage, Tier.HOT_HOT, standby) as warm:
        found = warm.findings()
        paths = {"computes.gpu-cluster.scaleSettings.minNodeCount", "online_deployments.blue.sku.capacity"}
        assert set(found) == (paths if than else set())
        expected = 4 if tier is PartTier.HOT else idle
        for each in found.values():
            assert each.severity is Severity.WARN
            assert f"{than} the plan's: {tier} by plan, {expected} " in each.what
            assert each.secondary == str(has)
        assert warm.look().ready


AI_SIZES = [(PartTier.WARM, 5, None), (PartTier.WARM, 9, "above"), (PartTier.WARM, 4, "below"), (PartTier.HOT, 5, "")]


@pytest.mark.parametrize(("tier", "has", "than"), AI_SIZES)
def test_the_capacity_of_a_model_is_held_against_the_plan(
    stage: Stage, tier: PartTier, has: int, than: str | None
) -> None:
    """A warm one has its idle capacity; a hot one with less than the primary's is not ready, as ever."""
    account = place(stage, "group/Microsoft.CognitiveServices/accounts/aoai-westus3")
    part = StandbyAiDeployment(account=account, deployment="gpt-4o", capacity=50, idle_capacity=5, tier=tier)
    sizes = {f"{account}/deployments/gpt-4o": {"sku.capacity": has}}
    with stage.changed(set=sizes), planned(stage, Tier.HOT_HOT, Standby(ai_deployments=(part,))) as warm:
        found = warm.findings()
        assert set(found) == (set() if than is None else {"openai_deployments.gpt-4o.sku.capacity"})
        for each in found.values():
            assert each.check == 8
            assert each.severity is (Severity.WARN if than else Severity.BLOCK)
            assert (than or "less capacity") in each.what


def test_a_model_that_is_cold_is_made_by_a_template(stage: Stage) -> None:
    """Also of an account that no connection names, whose deployments nobody reads: nothing is said of those."""
    account = place(stage, "group/Microsoft.CognitiveServices/accounts/aoai-westus3")
    for of in (account, f"{account}-other"):
        part = StandbyAiDeployment(account=of, deployment="gpt-4o", capacity=50, tier=PartTier.COLD)
        standby = Standby(templates=(StandbyTemplate(template="ai.json"),), ai_deployments=(part,))
        kind = "Microsoft.CognitiveServices/accounts/deployments"
        made = {"$schema": "x", "resources": [{"type": kind, "name": "aoai-westus3/gpt-4o"}]}
        with (
            stage.changed(delete=[f"{account}/deployments/gpt-4o"]),
            planned(stage, Tier.HOT_HOT, standby, {"ai.json": made}) as cold,
        ):
            found = set(cold.findings())
            assert found == (set() if of == account else {"openai_deployments.gpt-4o"})


def test_traffic_that_a_failover_sets_is_no_drift(stage: Stage) -> None:
    """Of a warm endpoint; a hot one has to answer as its twin."""
    idle = {place(stage, ENDPOINT): {"properties.traffic": {"blue": 0}}}
    for tier, paths in ((PartTier.WARM, set()), (PartTier.HOT, {"online_endpoints.score.traffic"})):
        standby = Standby(endpoints=(StandbyEndpoint(name="score", traffic={"blue": 100}, tier=tier),))
        with stage.changed(set=idle), planned(stage, Tier.HOT_HOT, standby) as warm:
            assert set(warm.findings()) == paths
            told = {"online_endpoints.score": "warm by plan: a failover sets the traffic to blue 100 %"}
            assert by_plan(warm) == ({} if paths else told)


def test_what_the_plan_names_and_nobody_has_is_missing(stage: Stage) -> None:
    """Also where the primary has no twin of it: a failover would scale it."""
    standby = Standby(clusters=(StandbyCluster(name="burst", min_nodes=4),))
    with planned(stage, Tier.HOT_WARM, standby) as warm:
        assert blocking(warm.findings()) == {"computes.burst"}
    cold = msgspec.structs.replace(standby, templates=(StandbyTemplate(template="burst.json"),))
    with planned(stage, Tier.HOT_COLD, cold, {"burst.json": making(("computes", "burst"))}) as made:
        assert made.findings() == {}
        assert by_plan(made) == {"computes.burst": "cold by plan: burst.json"}


def test_the_way_home_has_no_tiers(stage: Stage) -> None:
    """What is cold in the secondary is no reason for the primary to lack it."""
    lacking = f"{stage.plan.primary.project_id}/computes/gpu-cluster"
    with stage.changed(delete=[lacking]), planned(stage, Tier.HOT_COLD, COLD, {"cold.json": EVERYTHING}) as cold:
        cold.look(Role.SECONDARY)
        assert "computes.gpu-cluster" in {each.path for each in cold.record().findings}
        assert by_plan(cold) == {}


def test_a_cold_endpoint_beside_another_one_is_told_apart(stage: Stage) -> None:
    """Deployments of the same name behind two endpoints, of which the standby has one."""
    project = stage.plan.primary.project_id
    second = dict(stage.azure.resources.get(f"{project}/onlineEndpoints/score") or {})
    blue = dict(stage.azure.resources.get(f"{project}/onlineEndpoints/score/{BLUE}") or {})
    for each in (second, blue):
        for field in ("id", "name", "type"):
            del each[field]
    put = {f"{project}/onlineEndpoints/rank": second, f"{project}/onlineEndpoints/rank/{BLUE}": blue}
    standby = Standby(
        templates=(StandbyTemplate(template="rank.json"),),
        deployments=(StandbyDeployment(endpoint="rank", deployment="blue", instances=2, tier=PartTier.COLD),),
    )
    made = making(("onlineEndpoints", "rank"), ("onlineEndpoints/deployments", "rank/blue"))
    with stage.changed(put=put):
        assert blocking(stage.findings()) == {"online_endpoints.rank", "online_deployments.rank/blue"}
        with planned(stage, Tier.HOT_HOT, standby, {"rank.json": made}) as cold:
            assert cold.findings() == {}
            assert set(by_plan(cold)) == {"online_endpoints.rank", "online_deployments.rank/blue"}
