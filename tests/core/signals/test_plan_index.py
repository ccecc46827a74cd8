"""Which plans a delivered fact can concern: looked up, and never fewer than asking each plan would find."""

from __future__ import annotations

import random
from typing import Any

import pytest
from bodies import SUB, cloud, common, grid, health_event, metric, resource_health, service_health

from orchestrator.core.plan.schema import Hub, LedgerAccount, Plan, Pointer, side_of
from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.ownership import Directory, attribute
from orchestrator.core.signals.parse import facts_from

LOGS = f"/subscriptions/{SUB}/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/shared"


def hub(name: str) -> Hub:
    return Hub(
        region="westeurope" if name.startswith("a") else "northeurope",
        subscription=SUB,
        resource_group=f"rg-{name}",
        hub=f"hub-{name}",
        project=f"project-{name}",
        api="https://westeurope.api.azureml.ms",
        storage=f"https://st{name}.blob.core.windows.net",
        resources=(LOGS,),
    )


def plan(number: int) -> Plan:
    return Plan(
        schema=1,
        pair=f"p{number}",
        primary=hub(f"a{number}"),
        secondary=hub(f"b{number}"),
        pointer=Pointer(endpoint="https://p.azconfig.io"),
        ledger=LedgerAccount(account="https://p.blob.core.windows.net"),
    )


PLANS = Directory({made.pair: made for made in map(plan, range(6))})


def resource(dice: random.Random) -> str:
    """Something of one of the pairs, inside of it, shared by all, or nobody's; in any casing."""
    name = f"{dice.choice('abc')}{dice.randrange(8)}"
    group = f"/subscriptions/{SUB}/resourceGroups/rg-{name}/providers"
    workspace = f"{group}/Microsoft.MachineLearningServices/workspaces"
    account = f"{group}/Microsoft.Storage/storageAccounts/st{name}"
    made = [account, f"{account}/blobServices/default", f"{workspace}/project-{name}", f"{workspace}/hub-{name}", LOGS]
    return dice.choice([str, str.lower, str.upper])(dice.choice(made))


def body(dice: random.Random) -> dict[str, Any]:
    one, other = resource(dice), resource(dice)
    return dice.choice(
        [
            metric(alertTargetIDs=[one, other]),
            metric(alertTargetIDs=[]),
            resource_health("Unavailable", "PlatformInitiated", alertTargetIDs=[one]),
            service_health(region=dice.choice(["West Europe", "Japan East"])),
            grid("Microsoft.MachineLearningServices.RunCompleted", {"runId": "r"}, topic=one),
            cloud("Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged", health_event("x", one)),
            cloud("Microsoft.Resources.ResourceDeleteSuccess", {}, subject=one),
            grid("Contoso.Unknown", {}, topic=one),
            common("CostAlerts", {}, alertTargetIDs=[one]),
            {"no": "event"},
        ]
    )


def concerns(fact: Fact, each: Plan) -> bool:
    """Whether a plan by itself finds something in the fact."""
    return bool(attribute(fact, each)) or bool(fact.parsed.target and side_of(each, fact.parsed.target))


@pytest.mark.parametrize("seed", range(20))
def test_no_plan_that_a_fact_concerns_is_left_out(seed: int) -> None:
    """Over bodies of all kinds: who is asked is everybody who has to do with it, each once."""
    dice = random.Random(seed)  # noqa: S311 - a fixed mixture
    for fact in facts_from([body(dice) for _ in range(100)]):
        asked = [found.pair for found in PLANS.find_concerned(fact)]
        used = fact.parsed.kind in {"signal", "change", "job"}
        assert {each.pair for each in PLANS.values() if used and concerns(fact, each)} <= set(asked)
        assert len(asked) == len(set(asked))


def test_a_resource_of_one_pair_asks_that_pair_alone() -> None:
    """The point of looking up: a thousand pairs cost no more than one."""
    (fact,) = facts_from(resource_health("Available", None, alertTargetIDs=[hub("b3").project_id]))
    assert [found.pair for found in PLANS.find_concerned(fact)] == ["p3"]


def test_a_shared_resource_and_a_message_of_service_health_ask_all() -> None:
    """The one belongs to every pair; the other names regions, and may end what an earlier one said of another."""
    shared, message = facts_from([metric(alertTargetIDs=[LOGS]), service_health(region="Japan East")])
    assert [len(list(PLANS.find_concerned(fact))) for fact in (shared, message)] == [len(PLANS)] * 2


def test_a_directory_reads_like_a_mapping_of_plans() -> None:
    """By pair, in the order given."""
    assert (list(PLANS), PLANS["p2"].primary.hub) == ([f"p{n}" for n in range(6)], "hub-a2")
