"""A first plan from what Azure answered: every value has its reason, and what comes out passes the check."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.plan.load import plan_from, read_plan
from orchestrator.core.plan.schema import Plan
from orchestrator.core.standby.plan_proposal import Proposal, ProposalRequest, proposal_text, propose_plan

GROUP = "/subscriptions/5b0f1c9e-0000-4000-8000-0000000000{n}/resourceGroups/rg-{region}/providers"
ABSENT = f"{GROUP.format(n='09', region='x')}/Microsoft.MachineLearningServices/workspaces/y"
NUMBERS = {"francecentral": "01", "swedencentral": "02"}


def side(region: str, **clusters: str) -> dict[str, Any]:
    """What Azure answers about a hub with a project, clusters by name and size, a datastore and an endpoint."""
    group = GROUP.format(n=NUMBERS[region], region=region)
    workspaces = f"{group}/Microsoft.MachineLearningServices/workspaces"
    hub = {"id": f"{workspaces}/hub-{region}", "name": f"hub-{region}", "location": region, "properties": {}}
    project = {
        "id": f"{workspaces}/proj-{region}",
        "name": f"proj-{region}",
        "location": region,
        "properties": {
            "hubResourceId": hub["id"],
            "workspaceId": f"0f0f0f0f-0000-4000-8000-0000000000{NUMBERS[region]}",
        },
    }
    return {
        "hub": hub,
        "projects": [project],
        "computes": [
            {"name": name, "properties": {"computeType": "AmlCompute", "properties": {"vmSize": size}}}
            for name, size in clusters.items()
        ],
        "datastores": [{"name": "workspaceblobstore", "properties": {}}],
        "connections": [],
        "online_endpoints": [{"name": "score", "properties": {}}],
        "storage": {
            "name": "st",
            "properties": {"primaryEndpoints": {"blob": f"https://st{region}.blob.core.windows.net/"}},
        },
        "keyvault": {"name": "kv", "properties": {"vaultUri": f"https://kv-{region}.vault.azure.net/"}},
        "acr": {"name": "cr", "properties": {"loginServer": "crshared.azurecr.io"}},
    }


def wanted(**more: Any) -> ProposalRequest:
    ids = {
        role: side(region)["projects"][0]["id"]
        for role, region in (("primary", "francecentral"), ("secondary", "swedencentral"))
    }
    given = {"pair": "demo", "pointer": "https://appcs-x.azconfig.io", "ledger": "https://stx.blob.core.windows.net"}
    return ProposalRequest(**{**ids, **given, **more})


def proposed(primary: dict[str, Any], secondary: dict[str, Any], **more: Any) -> tuple[Proposal, Plan]:
    """The proposal, and the plan that its text is; the text has passed the check."""
    proposal = propose_plan(primary, secondary, wanted(**more))
    return proposal, plan_from(proposal_text(proposal), "proposed")


def unsure(proposal: Proposal) -> set[tuple[str, ...]]:
    return {choice.path for choice in proposal.choices if not choice.is_sure}


def test_two_sides_that_are_alike_give_a_plan_without_open_names() -> None:
    """Addresses are those that Azure gave; nothing is decided before its evidence is trusted."""
    proposal, plan = proposed(
        side("francecentral", cpu="STANDARD_D4S_V5", gpu="STANDARD_NC24ADS_A100_V4"),
        side("swedencentral", cpu="Standard_D4s_v5", gpu="STANDARD_NC24ADS_A100_V4"),
        replicas=("https://appcs-x-eu.azconfig.io",),
        home="northeurope",
    )
    assert (plan.primary.hub, plan.primary.project, plan.primary.region) == (
        "hub-francecentral",
        "proj-francecentral",
        "francecentral",
    )
    assert plan.primary.storage == "https://stfrancecentral.blob.core.windows.net"
    assert plan.secondary.keyvault == "https://kv-swedencentral.vault.azure.net"
    assert plan.secondary.acr == "https://crshared.azurecr.io"
    assert (plan.canary.compute, plan.jobs.computes, str(plan.policy.mode)) == ("cpu", {}, "observe")
    assert plan.references.elsewhere == ("https://uksouth.api.azureml.ms/", "https://eastus.api.azureml.ms/")
    assert unsure(proposal) == {("tier",), ("references", "observer"), ("references", "elsewhere")}
    assert len(proposal.open) == 1
    assert "inference" in proposal.open[0]
    assert not read_plan(proposal_text(proposal), "proposed").faults


def test_a_cluster_of_another_name_is_matched_by_its_size_and_marked() -> None:
    """Only if one alone has that size; else a person has to say which."""
    proposal, plan = proposed(
        side("francecentral", cpu="STANDARD_D4S_V5", train="STANDARD_NC6", spare="STANDARD_F8"),
        side("swedencentral", small="STANDARD_D4S_V5", a="STANDARD_NC6", b="STANDARD_NC6"),
    )
    assert plan.jobs.computes == {"cpu": "small"}
    assert ("jobs", "computes", "cpu") in unsure(proposal)
    assert "# not sure: the only free cluster" in proposal_text(proposal)
    text = "\n".join(proposal.open)
    assert "train (standard_nc6) has no counterpart" in text
    assert "spare (standard_f8) has no counterpart" in text
    assert "canary.compute" in text


@pytest.mark.parametrize(
    ("secondary", "tier"),
    [
        (side("swedencentral", cpu="STANDARD_D2"), "hot/hot"),
        ({**side("swedencentral", cpu="STANDARD_D2"), "online_endpoints": []}, "hot/warm"),
        ({**side("swedencentral"), "online_endpoints": []}, "hot/cold"),
    ],
)
def test_the_tier_follows_from_what_stands_there(secondary: dict[str, Any], tier: str) -> None:
    """And is never taken for sure."""
    proposal, plan = proposed(side("francecentral", cpu="STANDARD_D2"), secondary)
    assert plan.tier == tier
    assert ("tier",) in unsure(proposal)


def test_what_is_absent_or_was_not_read_is_told() -> None:
    """By name."""
    primary, secondary = side("francecentral"), side("swedencentral")
    primary["datastores"].append({"name": "curated"})
    secondary["connections"] = {"error": {"code": "AuthorizationFailed"}}
    proposal, _ = proposed(primary, secondary)
    assert "the datastore curated does not exist in the secondary" in proposal.open
    assert "connections could not be read on both sides" in proposal.open


def test_a_workspace_without_a_hub_is_its_own() -> None:
    """As Azure ML knew them before there were hubs."""
    primary = side("francecentral")
    del primary["projects"][0]["properties"]["hubResourceId"]
    _, plan = proposed(primary, side("swedencentral"))
    assert plan.primary.hub == plan.primary.project == "proj-francecentral"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"primary": "proj-francecentral"}, "the ARM id of a project"),
        (
            {"secondary": ABSENT},
            "no answer",
        ),
    ],
)
def test_a_project_that_is_not_there_is_refused(change: dict[str, str], what: str) -> None:
    """With the side that is meant."""
    with pytest.raises(InvalidInput, match=what) as raised:
        propose_plan(side("francecentral"), side("swedencentral"), wanted(**change))
    assert next(iter(change)) in str(raised.value)


HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(
        ["a: b", "x # y", "x\ny: 1", "- z", "{a}", "null", "yes", "&a", "*a", "1e3", "a:", "a\n", "'", '"', ""]
    ),
    st.just([]),
    st.just({}),
    st.just([None, 1, {"name": 3}, {"name": "a\nb: 1", "properties": []}]),
)


@settings(max_examples=1000)
@given(st.data())
def test_nonsense_anywhere_never_raises_and_never_leaks_into_the_plan(data: st.DataObject) -> None:
    """The text stays YAML in which every value is the one that was chosen, whatever names Azure sends."""
    both = {
        "primary": side("francecentral", cpu="STANDARD_D4S_V5", gpu="STANDARD_NC6"),
        "secondary": side("swedencentral", cpu="STANDARD_D4S_V5", other="STANDARD_NC6"),
    }
    place: Any = both
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
        if place[key] and isinstance(place[key], dict | list) and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(HOSTILE)
        break
    kept = copy.deepcopy(both)
    if not all(isinstance(both[role], dict) for role in both):
        return
    try:
        proposal = propose_plan(both["primary"], both["secondary"], wanted())
    except InvalidInput:
        return
    assert both == kept or repr(both) == repr(kept)
    document = read_plan(proposal_text(proposal), "proposed").document
    assert not document.faults
    for choice in proposal.choices:
        found: Any = document.value
        for part in choice.path:
            found = found[part]
        assert found == choice.value
