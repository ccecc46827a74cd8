"""The sample plans can be used as they are, as a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.base.vocabulary import Mode, Role, Tier
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Plan
from orchestrator.plan_files import check_plans, groups_in, plans_in

GROUP = "group.yaml"
TIERS = {"hot-hot.yaml": Tier.HOT_HOT, "hot-warm.yaml": Tier.HOT_WARM, "hot-cold.yaml": Tier.HOT_COLD}


@pytest.fixture(params=sorted(TIERS))
def plan(root: Path, request: pytest.FixtureRequest) -> Plan:
    """Each sample in turn."""
    path = root / "plans" / request.param
    return plan_from(path.read_text(encoding="utf-8"), request.param)


def test_there_is_a_sample_for_each_tier(root: Path) -> None:
    """Named after its tier, and loadable together."""
    loaded = plans_in(root / "plans")
    assert {path.name for path in (root / "plans").glob("*.yaml")} == {*TIERS, GROUP}
    assert {plan.tier for plan in loaded.values()} == set(Tier)


def test_the_sample_of_a_group_orders_the_pairs_of_the_sample_plans(root: Path) -> None:
    """The folder can be checked, and an app started with it, as it is; the group can be checked alone, too."""
    checked = check_plans([root / "plans"])
    assert (checked.faults, {file.name for file in checked.plans}) == ((), set(TIERS))
    assert [file.name for file in checked.groups] == [GROUP]
    assert check_plans([root / "plans" / GROUP]).faults == ()
    pairs = plans_in(root / "plans")
    (group,) = groups_in(root / "plans", pairs).values()
    assert {member.pair for member in group.pairs} == set(pairs)


def test_a_sample_is_of_the_tier_that_its_name_says(root: Path) -> None:
    """The file's name is what people choose by."""
    found = {name: plan_from((root / "plans" / name).read_text(encoding="utf-8"), name).tier for name in TIERS}
    assert found == TIERS


def test_a_sample_asks_the_same_of_both_sides(plan: Plan) -> None:
    """A class that is bad here and not asked there would hold every switch."""
    assert plan.surfaces(Role.PRIMARY) == plan.surfaces(Role.SECONDARY)


def test_a_sample_tells_its_own_faults_from_the_region_s(plan: Plan) -> None:
    """Without references, trouble of our network looks like an outage."""
    assert plan.references.observer
    assert plan.references.elsewhere


def test_a_sample_keeps_its_stores_out_of_the_primary_s_region(plan: Plan) -> None:
    """By their names, which is all that can be seen here."""
    places = [plan.ledger.account, plan.pointer.endpoint, *plan.pointer.replicas, plan.notices or ""]
    assert not any(plan.primary.region in place for place in places)


def test_no_sample_acts_alone_unless_both_sides_are_hot(plan: Plan) -> None:
    """What is copied without thinking should ask first."""
    assert plan.policy.mode is not Mode.AUTO or plan.tier is Tier.HOT_HOT
