"""Templates from the ledger, deployed into the simulated Azure through the real clients."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import msgspec
import pytest
from carried_steps import carry, carry_until_done
from crash_harness import Bench, Visit
from job_stories import claimed
from waiting import until

from orchestrator.core.base.errors import InvalidInput, NotFound, Refused, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import template_path
from orchestrator.core.plan.steps_standby import DeployTemplate
from orchestrator.workflows.activities.steps import STEPS
from orchestrator.workflows.activities.steps_templates import deployment_name, innermost_errors

COMPUTES = "Microsoft.MachineLearningServices/workspaces/computes"


def template_of(name: str, **parameters: Any) -> bytes:
    """A template that makes one cluster, in whatever project its name says."""
    body = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": parameters,
        "resources": [
            {
                "type": COMPUTES,
                "apiVersion": "2024-10-01",
                "name": name,
                "location": "[parameters('region')]",
                "properties": {"computeType": "AmlCompute", "properties": {"vmSize": "STANDARD_DS3_V2"}},
            }
        ],
    }
    return json.dumps(body).encode()


def upload(visit: Visit, name: str, content: bytes) -> None:
    assert visit.world.ledgers[visit.pair].put_once(template_path(name), content)


def upload_cluster(visit: Visit, name: str, cluster: str, project: str | None = None) -> DeployTemplate:
    content = template_of(f"{project or visit.plan.secondary.project}/{cluster}", region={"type": "string"})
    upload(visit, name, content)
    return DeployTemplate(template=name, parameters={"region": "westus3"})


def compute(visit: Visit, name: str) -> dict[str, Any] | None:
    place = f"{visit.plan.secondary.project_id}/computes/{name}"
    return visit.bench.azure.call(partial(visit.bench.azure.resources.get, place))


def puts(visit: Visit) -> list[str]:
    entries = visit.bench.azure.log.entries()
    return [e.path.rpartition("/")[2] for e in entries if e.method == "PUT" and "Microsoft.Resources" in e.path]


def test_a_template_is_deployed_once_with_its_parameters(bench: Bench) -> None:
    """A second try meets the first: it waits for it, and then finds it done."""
    visit = bench.visit()
    run, sent = claimed(visit), len(puts(visit))
    step = upload_cluster(visit, "once.json", "made-once")
    whys = carry_until_done(visit, run, step)
    assert whys[0] == "the deployment of once.json is begun"
    carry(visit, run, step)
    made = compute(visit, "made-once")
    assert made is not None
    assert (made["location"], made["properties"]["provisioningState"]) == ("westus3", "Succeeded")
    assert puts(visit)[sent:] == [deployment_name(run.run, "deploy_template")]


def test_what_failed_is_told_with_its_inner_errors_and_begun_again(bench: Bench) -> None:
    """The outermost error says only that something failed. When the cause is gone, the next try succeeds."""
    visit = bench.visit()
    run = claimed(visit)
    step = upload_cluster(visit, "late.json", "late", project="not-yet")
    whys: list[str] = []

    def has_failed() -> bool:
        with pytest.raises(TemporaryError) as why:
            carry(visit, run, step)
        whys.append(str(why.value))
        return "Failed" in whys[-1]

    until(has_failed, "the deployment failed")
    assert "is Failed, and begun again: ParentResourceNotFound: Failed to perform 'write'" in whys[-1]
    place = visit.plan.secondary.project_id.rpartition("/")[0] + "/not-yet"
    bench.azure.call(partial(bench.azure.resources.put, place, {"location": "westus3", "properties": {}}))
    carry_until_done(visit, run, step)


def test_a_template_that_resource_manager_refuses_is_told_of(bench: Bench) -> None:
    """With its reason, and nothing is there afterwards."""
    visit = bench.visit()
    step = upload_cluster(visit, "refused.json", "refused")
    with pytest.raises(Refused, match=r"InvalidTemplate: .*'region' is missing"):
        carry(visit, claimed(visit), msgspec.structs.replace(step, parameters={}))
    assert compute(visit, "refused") is None


@pytest.mark.parametrize("content", [b"no JSON", b"[]", b"{}", b'{"$schema": "x"}'])
def test_what_is_no_template_is_refused_with_its_path(bench: Bench, content: bytes) -> None:
    """Nothing is sent."""
    visit = bench.visit()
    sent, name = len(puts(visit)), f"odd-{content.hex()[:8]}{len(content)}.json"
    upload(visit, name, content)
    with pytest.raises(InvalidInput, match=f"_templates/{name}"):
        carry(visit, claimed(visit), DeployTemplate(template=name))
    assert len(puts(visit)) == sent


def test_a_tabletop_says_what_would_be_deployed_or_what_lacks(bench: Bench) -> None:
    """The template, a parameter that has no default, and one that the template does not know."""
    visit = bench.visit()
    preview = STEPS["deploy_template"].preview
    assert preview is not None
    step = upload_cluster(visit, "shown.json", "shown")

    def told(step: DeployTemplate) -> str:
        return preview(visit.world, visit.plan, Role.SECONDARY, step)

    assert told(step) == f"shown.json would be deployed into {visit.plan.secondary.resource_group}"
    with pytest.raises(Refused, match="needs parameter region"):
        told(msgspec.structs.replace(step, parameters={}))
    with pytest.raises(Refused, match="has no parameter size"):
        told(msgspec.structs.replace(step, parameters={"region": "westus3", "size": 1}))
    with pytest.raises(NotFound, match="no template _templates/gone"):
        told(DeployTemplate(template="gone.json"))


def test_names_of_deployments_are_short_and_told_apart() -> None:
    """Resource Manager takes 64 characters; a pair's name may have as many."""
    long = [deployment_name(f"failover-{'p' * 60}-e{epoch}", "make") for epoch in (1, 2)]
    assert [len(name) for name in long] == [64, 64]
    assert len({*long, deployment_name("failover-p-e1", "make")}) == 3
    assert deployment_name("failover-p-e1", "make") == "failover-p-e1-make"


def test_errors_inside_errors_are_found_whatever_their_form() -> None:
    """Nothing that a service answers breaks the sentence."""
    inner = {"code": "QuotaExceeded", "message": "no cores", "details": []}
    error = {"code": "A", "details": [{"code": "B", "details": [inner]}, {"message": "other"}, "odd"]}
    assert list(innermost_errors(error)) == ["QuotaExceeded: no cores", "other"]
    assert list(innermost_errors({})) == ["an error without a word"]
    assert list(innermost_errors("odd")) == []
