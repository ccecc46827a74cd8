"""Batch endpoints that the plan names: whether they are there, and which deployment is the default one."""

from __future__ import annotations

import pytest
from standby_stage import Stage, blocking, by_plan, place, planned

from orchestrator.core.base.vocabulary import Role, Tier
from orchestrator.core.plan.standby import PartTier, Standby, StandbyBatchEndpoint, StandbyTemplate
from orchestrator.core.standby.batch_readiness import BATCH_CHECK
from orchestrator.core.standby.readiness import Severity

ENDPOINT, FULL = "project/batchEndpoints/nightly-scores", "project/batchEndpoints/nightly-scores/deployments/full"
KIND = "Microsoft.MachineLearningServices/workspaces/batchEndpoints"


def scores(tier: PartTier, deployment: str = "full", name: str = "nightly-scores") -> Standby:
    cold = (StandbyTemplate(template="batch.json"),) if tier is PartTier.COLD else ()
    return Standby(templates=cold, batch_endpoints=(StandbyBatchEndpoint(name=name, deployment=deployment, tier=tier),))


def template(*kinds_and_names: tuple[str, str]) -> dict[str, object]:
    resources = [{"type": kind, "name": f"proj-westus3/{name}"} for kind, name in kinds_and_names]
    return {"$schema": "https://example.com/t#", "resources": resources}


BOTH = template((KIND, "nightly-scores"), (f"{KIND}/deployments", "nightly-scores/full"))


def test_a_warm_endpoint_may_have_another_default_until_a_failover(stage: Stage) -> None:
    """That sets it; the look says so, as of traffic."""
    with planned(stage, Tier.HOT_HOT, scores(PartTier.WARM)) as warm:
        assert warm.findings() == {}
        told = "warm by plan: a failover makes full the default deployment"
        assert by_plan(warm) == {"batch_endpoints.nightly-scores": told}


def test_a_hot_endpoint_has_the_plan_s_default_already(stage: Stage) -> None:
    """It is warned of, with the command; a failover sets it all the same, so the standby is ready."""
    with planned(stage, Tier.HOT_HOT, scores(PartTier.HOT)) as hot:
        (found,) = hot.findings().values()
        assert (found.path, found.check) == ("batch_endpoints.nightly-scores.defaults.deploymentName", BATCH_CHECK)
        assert found.severity is Severity.WARN
        assert found.what == "is not the plan's: hot by plan, full is expected"
        assert found.secondary == "light"
        assert "az ml batch-endpoint update --name nightly-scores --set defaults.deployment_name=full" in found.fix
        assert hot.look().ready
    with planned(stage, Tier.HOT_HOT, scores(PartTier.HOT, "light")) as hot:
        assert hot.findings() == {}


@pytest.mark.parametrize("tier", [PartTier.HOT, PartTier.WARM])
def test_a_missing_endpoint_or_deployment_blocks(stage: Stage, tier: PartTier) -> None:
    """A failover could not set what is not there."""
    gone = [place(stage, ENDPOINT)]
    with planned(stage, Tier.HOT_HOT, scores(tier, "light")) as named, stage.changed(delete=gone):
        found = named.findings()
        assert blocking(found) == {"batch_endpoints.nightly-scores", "batch_deployments.nightly-scores/light"}
        assert f"the plan's standby names it as {tier}" in found["batch_endpoints.nightly-scores"].what
    with planned(stage, Tier.HOT_HOT, scores(tier)) as named, stage.changed(delete=[place(stage, FULL)]):
        found = named.findings()
        assert blocking(found) == {"batch_deployments.nightly-scores/full"}
        assert "az ml batch-deployment create" in found["batch_deployments.nightly-scores/full"].fix


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        (ENDPOINT, "batch_endpoints.nightly-scores.provisioningState"),
        (FULL, "batch_deployments.nightly-scores/full.provisioningState"),
    ],
)
def test_what_is_not_provisioned_blocks(stage: Stage, broken: str, path: str) -> None:
    """The default must be a deployment that takes jobs. Another deployment of the endpoint may be broken."""
    changes = {place(stage, broken): {"properties.provisioningState": "Failed"}}
    with stage.changed(set=changes), planned(stage, Tier.HOT_HOT, scores(PartTier.WARM)) as warm:
        assert blocking(warm.findings()) == {path}
    other = {place(stage, f"{ENDPOINT}/deployments/light"): {"properties.provisioningState": "Failed"}}
    with stage.changed(set=other), planned(stage, Tier.HOT_HOT, scores(PartTier.WARM)) as warm:
        assert warm.findings() == {}


def test_what_is_cold_is_made_by_a_template(stage: Stage) -> None:
    """Endpoint and deployment each; one that no template makes is missing."""
    with stage.changed(delete=[place(stage, FULL), place(stage, ENDPOINT)]):
        with planned(stage, Tier.HOT_HOT, scores(PartTier.COLD), {"batch.json": BOTH}) as cold:
            assert cold.findings() == {}
            assert by_plan(cold) == dict.fromkeys(
                ["batch_endpoints.nightly-scores", "batch_deployments.nightly-scores/full"],
                "cold by plan: batch.json",
            )
        half = template((KIND, "nightly-scores"))
        with planned(stage, Tier.HOT_HOT, scores(PartTier.COLD), {"batch.json": half}) as cold:
            assert blocking(cold.findings()) == {"batch_deployments.nightly-scores/full"}


def test_endpoints_that_the_plan_does_not_name_are_not_compared(stage: Stage) -> None:
    """Neither is anything of them on the way home; and nobody asks for them."""
    with stage.changed(delete=[place(stage, ENDPOINT)]):
        assert stage.findings() == {}
        before = len(stage.azure.log)
        stage.look()
        assert not [entry for entry in list(stage.azure.log)[before:] if "batchEndpoints" in entry.path]
        with planned(stage, Tier.HOT_HOT, scores(PartTier.HOT)) as hot:
            hot.look(Role.SECONDARY)
            assert not {each.path for each in hot.record().findings if each.path.startswith("batch")}


@pytest.mark.parametrize("status", [403, 503])
def test_what_cannot_be_read_is_unknown_and_not_ready(stage: Stage, status: int) -> None:
    """The finding has Azure's answer."""
    refused = {"status": status, "body": {"error": {"code": "Refused", "message": "no such luck"}}}
    for path, key in (("project/batchEndpoints", "batch_endpoints"), (f"{ENDPOINT}/deployments", "batch_deployments")):
        with (
            stage.changed(answers={place(stage, path): refused}),
            planned(stage, Tier.HOT_HOT, scores(PartTier.WARM)) as warm,
        ):
            assert not warm.look().ready
            found = {each.path: each for each in warm.record().findings if each.check == BATCH_CHECK}
            assert set(found) == {key}
            assert "no such luck" in found[key].what
