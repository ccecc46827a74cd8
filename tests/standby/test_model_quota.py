"""Models of AI services that the plan names: whether the region's quota lets a failover bring them to their size."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from standby_stage import Stage, blocking, place, planned

from orchestrator.core.base.vocabulary import Role, Tier
from orchestrator.core.plan.standby import PartTier, Standby, StandbyAiDeployment, StandbyTemplate
from orchestrator.core.standby.model_quota import MODEL_QUOTA_CHECK
from orchestrator.core.standby.readiness import Finding, Severity

ACCOUNT = "group/Microsoft.CognitiveServices/accounts/aoai-westus3"
QUOTA = "OpenAI.GlobalStandard.gpt-4o"
PATH = "ai_accounts.aoai-westus3/gpt-4o"


def usage(stage: Stage, region: str = "westus3") -> str:
    subscription = stage.plan.secondary.subscription
    return f"/subscriptions/{subscription}/providers/Microsoft.CognitiveServices/locations/{region}/usages/{QUOTA}"


def model(stage: Stage, tier: PartTier = PartTier.WARM, *, more: tuple[StandbyAiDeployment, ...] = ()) -> Standby:
    """50 units in the primary and after a failover, 5 before it, unless it is hot."""
    part = StandbyAiDeployment(
        account=place(stage, ACCOUNT), deployment="gpt-4o", capacity=50, idle_capacity=5, tier=tier
    )
    cold = (StandbyTemplate(template="ai.json"),) if tier is PartTier.COLD else ()
    return Standby(templates=cold, ai_deployments=(part, *more))


def sizes(stage: Stage, has: int, used: float, limit: float) -> dict[str, Any]:
    """Capacity of the standby's deployment, and the region's quota."""
    return {
        f"{place(stage, ACCOUNT)}/deployments/gpt-4o": {"sku.capacity": has},
        usage(stage): {"currentValue": used, "limit": limit},
    }


def of_quota(found: dict[str, Finding]) -> dict[str, Finding]:
    return {path: each for path, each in found.items() if each.check == MODEL_QUOTA_CHECK}


@pytest.mark.parametrize(
    ("used", "limit", "is_enough"), [(5, 50, True), (5, 49, False), (40, 80, False), (40, 85, True), (5, -1, True)]
)
def test_a_warm_model_needs_quota_for_the_rest_of_its_size(
    stage: Stage, used: float, limit: float, is_enough: bool
) -> None:
    """What it has is part of the use; a negative limit is none."""
    with stage.changed(set=sizes(stage, 5, used, limit)), planned(stage, Tier.HOT_HOT, model(stage)) as warm:
        found = warm.findings()
        assert set(found) == (set() if is_enough else {PATH})
        for each in found.values():
            assert (each.check, each.severity) == (MODEL_QUOTA_CHECK, Severity.BLOCK)
            left = f"{limit - used:g} of {limit:g} are left of {QUOTA} in westus3"
            assert each.what == f"a failover cannot bring it from 5 to 50: 45 more are needed, {left}"
            assert (each.primary, each.secondary) == ("45", f"{limit - used:g}")
            assert "az cognitiveservices usage list --location westus3" in each.fix


def test_a_model_at_its_size_needs_no_quota(stage: Stage) -> None:
    """Hot, as planned; a hot one that has less needs the rest, beside what check 8 says of it."""
    with stage.changed(set=sizes(stage, 50, 50, 50)), planned(stage, Tier.HOT_HOT, model(stage, PartTier.HOT)) as hot:
        assert hot.findings() == {}
    with stage.changed(set=sizes(stage, 20, 20, 20)), planned(stage, Tier.HOT_HOT, model(stage, PartTier.HOT)) as hot:
        assert set(of_quota(hot.findings())) == {PATH}


def test_models_of_one_quota_need_it_together(stage: Stage) -> None:
    """A second deployment of the model: each would fit alone."""
    account = place(stage, ACCOUNT)
    second = copy.deepcopy(stage.azure.resources.get(f"{account}/deployments/gpt-4o") or {})
    for field in ("id", "name", "type"):
        del second[field]
    second["sku"]["capacity"] = 5
    part = StandbyAiDeployment(account=account, deployment="chat", capacity=30, idle_capacity=5, tier=PartTier.WARM)
    put = {f"{account}/deployments/chat": second}
    for limit, paths in ((80.0, set[str]()), (79.0, {PATH})):
        with (
            stage.changed(put=put, set=sizes(stage, 5, 10, limit)),
            planned(stage, Tier.HOT_HOT, model(stage, more=(part,))) as warm,
        ):
            found = of_quota(warm.findings())
            assert set(found) == paths
            for each in found.values():
                assert "bring aoai-westus3/gpt-4o from 5 to 50 and aoai-westus3/chat from 5 to 30" in each.what
                assert "70 more are needed, 69 of 79 are left" in each.what


def test_a_cold_model_needs_quota_for_all_of_its_size(stage: Stage) -> None:
    """Which model it is is known from its twin."""
    kind = "Microsoft.CognitiveServices/accounts/deployments"
    made = {"$schema": "x", "resources": [{"type": kind, "name": "aoai-westus3/gpt-4o"}]}
    gone = [f"{place(stage, ACCOUNT)}/deployments/gpt-4o"]
    for limit, paths in ((50.0, set[str]()), (49.0, {PATH})):
        with (
            stage.changed(delete=gone, set={usage(stage): {"currentValue": 0.0, "limit": limit}}),
            planned(stage, Tier.HOT_HOT, model(stage, PartTier.COLD), {"ai.json": made}) as cold,
        ):
            found = cold.findings()
            assert set(found) == paths
            for each in found.values():
                assert "cannot bring it from 0 to 50: 50 more are needed" in each.what


def test_a_warm_model_that_is_missing_blocks_once(stage: Stage) -> None:
    """By check 8, which knows accounts that connections name; of another account by this one."""
    account = place(stage, ACCOUNT)
    with (
        stage.changed(delete=[f"{account}/deployments/gpt-4o"]),
        planned(stage, Tier.HOT_HOT, model(stage)) as warm,
    ):
        assert blocking(warm.findings()) == {"openai_deployments.gpt-4o"}
    part = StandbyAiDeployment(account=f"{account}-own", deployment="gpt-4o", capacity=50, tier=PartTier.WARM)
    with planned(stage, Tier.HOT_HOT, Standby(ai_deployments=(part,))) as warm:
        found = warm.findings()
        assert blocking(found) == {"ai_accounts.aoai-westus3-own/gpt-4o"}
        assert "is missing in the secondary" in found["ai_accounts.aoai-westus3-own/gpt-4o"].what


def test_the_quota_counts_that_the_account_s_list_of_models_names(stage: Stage) -> None:
    """Its name does not follow from the model's: Azure calls the quota of gpt-4.1 gpt4.1."""
    odd = "OpenAI.GlobalStandard.gpt4o"
    listed = stage.azure.resources.get(f"{place(stage, ACCOUNT)}/models/gpt-4o")
    assert listed is not None
    skus = [{**listed["skus"][0], "usageName": odd}]
    row = copy.deepcopy(stage.azure.resources.get(usage(stage)) or {})
    row |= {"name": {"value": odd}, "currentValue": 5.0, "limit": 20.0}
    for field in ("id", "type"):
        del row[field]
    with (
        stage.changed(
            set={**sizes(stage, 5, 5, 500), f"{place(stage, ACCOUNT)}/models/gpt-4o": {"skus": skus}},
            put={usage(stage).replace(QUOTA, odd): row},
        ),
        planned(stage, Tier.HOT_HOT, model(stage)) as warm,
    ):
        assert odd in of_quota(warm.findings())[PATH].what


def test_the_region_is_that_of_the_account(stage: Stage) -> None:
    """Quota of another region counts for nothing."""
    account = place(stage, ACCOUNT)
    row = copy.deepcopy(stage.azure.resources.get(usage(stage)) or {})
    row |= {"currentValue": 5.0, "limit": 20.0}
    for field in ("id", "type"):
        del row[field]
    with (
        stage.changed(
            set={**sizes(stage, 5, 5, 500), account: {"location": "westus"}},
            put={usage(stage, "westus"): row},
        ),
        planned(stage, Tier.HOT_HOT, model(stage)) as warm,
    ):
        assert "15 of 20 are left" in of_quota(warm.findings())[PATH].what
        assert "in westus" in of_quota(warm.findings())[PATH].what


@pytest.mark.parametrize("status", [403, 503])
def test_what_cannot_be_read_of_an_account_is_unknown_and_not_ready(stage: Stage, status: int) -> None:
    """The finding has Azure's answer, whichever of the calls it was."""
    account = place(stage, ACCOUNT)
    refused = {"status": status, "body": {"error": {"code": "Refused", "message": "no such luck"}}}
    places = (account, f"{account}/deployments", f"{account}/models", usage(stage).rpartition("/")[0])
    for path in places:
        with stage.changed(answers={path: refused}), planned(stage, Tier.HOT_HOT, model(stage)) as warm:
            assert not warm.look().ready
            found = of_quota({each.path: each for each in warm.record().findings})
            assert set(found) == {"ai_accounts"}
            assert "no such luck" in found["ai_accounts"].what


@pytest.mark.parametrize("drop", ["models/gpt-4o", "usages"])
def test_a_quota_that_is_not_listed_is_unknown(stage: Stage, drop: str) -> None:
    """A model that the account does not offer, or a quota that the region has no row for."""
    gone = usage(stage) if drop == "usages" else f"{place(stage, ACCOUNT)}/{drop}"
    with (
        stage.changed(
            set={f"{place(stage, ACCOUNT)}/deployments/gpt-4o": {"sku.capacity": 5}},
            delete=[gone],
        ),
        planned(stage, Tier.HOT_HOT, model(stage)) as warm,
    ):
        assert not warm.look().ready
        assert "cannot be compared" in of_quota({each.path: each for each in warm.record().findings})[PATH].what


def test_without_models_in_the_plan_no_account_is_asked(stage: Stage) -> None:
    """Neither on the way home."""
    before = len(stage.azure.log)
    stage.look()
    with planned(stage, Tier.HOT_HOT, model(stage)) as warm:
        warm.look(Role.SECONDARY)
    asked = [entry.path for entry in list(stage.azure.log)[before:]]
    assert not [path for path in asked if "accounts/aoai-westus3/models" in path]
