"""A map is loaded strictly, and made from a plan for either direction."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.rewrite import job_map, map_from
from orchestrator.core.plan.schema import Hub, Jobs, LedgerAccount, Plan, Pointer

SIDE = {"subscription": "s", "resource_group": "g", "workspace": "w"}
OTHER = {**SIDE, "workspace": "v"}


def test_a_map_needs_only_where_from_and_where_to() -> None:
    """Tables that are not given are empty, and names are not the same unless said."""
    made = map_from({"from": SIDE, "to": OTHER}, "m.json")
    assert (made.from_.workspace, made.to.workspace, made.computes, made.same_names) == ("w", "v", {}, False)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (None, ""),
        ([], ""),
        ({}, "from"),
        ({"from": SIDE}, "to"),
        ({"from": SIDE, "to": "v"}, "to"),
        ({"from": SIDE, "to": {"subscription": "s", "resource_group": "g"}}, "to.workspace"),
        ({"from": {**SIDE, "subscription": ""}, "to": OTHER}, "from.subscription"),
        ({"from": {**SIDE, "resource_group": 3}, "to": OTHER}, "from.resource_group"),
        ({"from": SIDE, "to": {**OTHER, "workspace": "a/b"}}, "to.workspace"),
        ({"from": SIDE, "to": {**OTHER, "workspace": "a b"}}, "to.workspace"),
        ({"from": SIDE, "to": {"subscription": "S", "resource_group": "G", "workspace": "W"}}, "to"),
        ({"from": SIDE, "to": OTHER, "computes": []}, "computes"),
        ({"from": SIDE, "to": OTHER, "computes": None}, "computes"),
        ({"from": SIDE, "to": OTHER, "computes": {"a": 3}}, "computes.a"),
        ({"from": SIDE, "to": OTHER, "computes": {"a": " "}}, "computes.a"),
        ({"from": SIDE, "to": OTHER, "computes": {"": "a"}}, "computes."),
        ({"from": SIDE, "to": OTHER, "same_names": "yes"}, "same_names"),
    ],
)
def test_a_map_that_is_not_usable_is_refused_by_field(data: Any, field: str) -> None:
    """Nothing is repaired or guessed."""
    with pytest.raises(InvalidInput) as refused:
        map_from(data, "m.json")
    assert (refused.value.where, refused.value.field) == ("m.json", field)


@pytest.mark.parametrize(
    ("got", "said"), [(None, "nothing"), ({}, "an object"), ([], "an array"), (3, "3"), ("", "''")]
)
def test_a_refusal_says_what_was_there(got: Any, said: str) -> None:
    """In a few words."""
    with pytest.raises(InvalidInput) as refused:
        map_from({"from": SIDE, "to": {**OTHER, "workspace": got}}, "m.json")
    assert refused.value.got == said


@pytest.mark.parametrize("extra", [{"computs": {}}, {"to": {**OTHER, "regoin": "x"}}])
def test_an_unknown_field_of_a_map_is_refused(extra: dict[str, Any]) -> None:
    """A misspelt table would silently map nothing."""
    with pytest.raises(InvalidInput, match="unknown field"):
        map_from({"from": SIDE, "to": OTHER, **extra}, "m.json")


def side(region: str, **more: Any) -> Hub:
    return Hub(
        region=region,
        subscription=f"s-{region}",
        resource_group=f"g-{region}",
        hub=f"hub-{region}",
        project=f"proj-{region}",
        api=f"https://{region}.api.azureml.ms",
        **more,
    )


def plan(**jobs: Any) -> Plan:
    return Plan(
        schema=1,
        pair="p",
        primary=side("north", storage="https://stn.blob.core.windows.net", acr="https://crn.azurecr.io"),
        secondary=side("south", storage="https://sts.blob.core.windows.net", acr="https://crs.azurecr.io"),
        pointer=Pointer(endpoint="https://x.azconfig.io"),
        ledger=LedgerAccount(account="https://l.blob.core.windows.net"),
        jobs=Jobs(**jobs),
    )


def test_a_plan_maps_the_primary_to_the_secondary_as_listed() -> None:
    """Jobs run in projects, not in the hubs above them."""
    made = job_map(plan(computes={"gpu": "gpu-south"}, same_names=False), Role.PRIMARY)
    assert (made.from_.workspace, made.to.workspace) == ("proj-north", "proj-south")
    assert (made.computes, made.same_names) == ({"gpu": "gpu-south"}, False)


def test_the_other_direction_is_the_tables_turned_round() -> None:
    """Of two names that lead to one, the first listed is the way back."""
    made = job_map(plan(computes={"a": "one", "b": "one", "c": "two"}), Role.SECONDARY)
    assert (made.from_.workspace, made.to.workspace) == ("proj-south", "proj-north")
    assert made.computes == {"one": "a", "two": "c"}


def test_what_a_plan_says_of_its_hubs_is_part_of_the_map() -> None:
    """Regional API, storage account and registry need not be listed again."""
    made = job_map(plan(), Role.SECONDARY)
    assert made.endpoints == {"south.api.azureml.ms": "north.api.azureml.ms"}
    assert (made.storage_accounts, made.registries) == ({"sts": "stn"}, {"crs.azurecr.io": "crn.azurecr.io"})


def test_what_is_listed_counts_more_than_what_is_implied() -> None:
    """A person may know better."""
    made = job_map(plan(storage_accounts={"stn": "elsewhere"}), Role.PRIMARY)
    assert made.storage_accounts == {"stn": "elsewhere"}


def test_addresses_without_names_imply_nothing() -> None:
    """Hubs on loopback share a host; a map between them would be none."""
    base = plan()
    local = Plan(
        schema=1,
        pair="p",
        primary=Hub(**{**_fields(base.primary), "api": "https://127.0.0.1:1", "storage": None, "acr": None}),
        secondary=Hub(**{**_fields(base.secondary), "api": "https://localhost:2"}),
        pointer=base.pointer,
        ledger=base.ledger,
    )
    made = job_map(local, Role.PRIMARY)
    assert (made.endpoints, made.storage_accounts, made.registries) == ({}, {}, {})


def _fields(hub: Hub) -> dict[str, Any]:
    return {name: getattr(hub, name) for name in hub.__struct_fields__}
