"""The closing scan finds what the way through the body does not understand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from orchestrator.core.jobs.rewrite import JobMap, Workspace, leaks, map_from, rewrite

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]


def hidden(old: Workspace) -> dict[str, str]:
    """Spellings that nobody can rewrite, each of the old workspace."""
    return {
        "percent-encoded": quote(old.id, safe=""),
        "percent-encoded twice": quote(quote(old.id, safe=""), safe=""),
        "escaped slashes": old.id.replace("/", "\\/"),
        "escaped letters": old.id.replace("/", "\\u002f"),
        "double slashes": old.id.replace("/", "//"),
        "upper case": quote(old.id.upper(), safe=""),
        "in a query": f"https://ml.azure.com/?wsid={quote(old.id, safe='')}&tid=1",
    }


@pytest.mark.parametrize("spelling", hidden(Workspace(subscription="s", resource_group="g", workspace="w")))
def test_a_hidden_spelling_of_the_old_workspace_is_unmapped(
    spelling: str, make_map: MakeMap, command: MakeJob, old: Workspace
) -> None:
    """Only the scan knows these; without it they would go out to the new workspace."""
    value = hidden(old)[spelling]
    result = rewrite(command(environmentVariables={"X": value}), make_map(same_names=True))
    assert [(missed.path, missed.value) for missed in result.unmapped] == [
        ("/properties/environmentVariables/X", value)
    ]


def test_lists_are_searched_too(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """Libraries of Spark stand in lists."""
    result = rewrite(command(jars=["a.jar", quote(old.id, safe="")]), make_map(same_names=True))
    assert [missed.path for missed in result.unmapped] == ["/properties/jars/1"]


def test_a_value_with_a_leak_goes_back_to_what_it_was(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """Half a rewriting is none: the value is whole again, and no longer among the rewritten."""
    value = f"{old.id}/computes/gpu and {quote(old.id, safe='')}"
    result = rewrite(command(command=value), make_map(same_names=True))
    assert result.body["properties"]["command"] == value
    assert (result.rewritten, [missed.path for missed in result.unmapped]) == ((), ["/properties/command"])


def test_a_leak_beside_a_third_workspace_is_unmapped_not_kept(
    make_map: MakeMap, command: MakeJob, old: Workspace
) -> None:
    """A report about one reference does not cover another one in the same value."""
    value = f"{old.id.replace('ml-north', 'ml-third')} {quote(old.id, safe='')}"
    result = rewrite(command(command=value), make_map(same_names=True))
    assert ([kept.path for kept in result.kept], [missed.path for missed in result.unmapped]) == (
        [],
        ["/properties/command"],
    )


def test_a_leak_in_a_text_for_people_is_kept(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """It is reported, and stops nothing."""
    result = rewrite(command(tags={"studio": quote(old.id, safe="")}), make_map(same_names=True))
    assert (result.unmapped, [kept.path for kept in result.kept]) == ((), ["/properties/tags/studio"])


def test_a_key_that_names_the_old_workspace_is_unmapped(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """Names of members are not rewritten; they are read."""
    body = command(resources={"properties": {f"{old.id}/computes/gpu": {}}})
    paths = [missed.path for missed in rewrite(body, make_map(same_names=True)).unmapped]
    assert paths == [f"/properties/resources/properties/{(old.id + '/computes/gpu').replace('/', '~1')}"]


@pytest.mark.parametrize(
    "value",
    [
        "https%3A%2F%2Fstnorth.blob.core.windows.net%2Fc",
        "crnorth.azurecr.io%2Fimage",
        "https%3A%2F%2Fnorth.api.azureml.ms%2Fx",
        "azureml%3A%2F%2Fregistries/contoso/models/net",
    ],
)
def test_old_accounts_registries_and_hosts_are_found_too(value: str, make_map: MakeMap, command: MakeJob) -> None:
    """Whatever the map gives another name must not be named any more."""
    job_map = make_map(
        storage_accounts={"stnorth": "stsouth"},
        registries={"crnorth": "crsouth", "contoso": "contoso-south"},
        endpoints={"north.api.azureml.ms": "south.api.azureml.ms"},
    )
    assert [leak.path for leak in leaks(command(command=value), job_map)] == ["/properties/command"]


@pytest.mark.parametrize(
    "value",
    [
        "ml-north",
        "{id}-2/computes/gpu",
        "https://stnorth2.blob.core.windows.net/c",
        "https://xnorth.api.azureml.ms/",
        "/subscriptions/x/resourceGroups/rg-north/providers/Microsoft.MachineLearningServices/workspaces/ml-north",
        "100 %",
    ],
)
def test_what_only_looks_alike_is_no_leak(value: str, make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """Longer names, and the same name in another subscription, are other things."""
    job_map = make_map(
        storage_accounts={"stnorth": "stsouth"}, endpoints={"north.api.azureml.ms": "south.api.azureml.ms"}
    )
    assert list(leaks(command(command=value.replace("{id}", old.id)), job_map)) == []


def test_names_that_change_places_are_no_leaks(make_map: MakeMap, command: MakeJob) -> None:
    """A map may swap two names: then the old one is right where it is."""
    job_map = make_map(storage_accounts={"st1": "st2", "st2": "st1"})
    result = rewrite(command(command="https://st1.blob.core.windows.net/c"), job_map)
    assert (result.body["properties"]["command"], result.unmapped) == ("https://st2.blob.core.windows.net/c", ())


def test_a_reported_value_does_not_end_the_scan(make_map: MakeMap, command: MakeJob, old: Workspace) -> None:
    """What the way through the body has reported, and what only the scan finds behind it."""
    body = command(codeId=f"{old.id}/jobs/x", environmentId="azureml:e:1", command=quote(old.id, safe=""))
    body["properties"]["zeal"] = quote(old.id, safe="")
    missed = {missed.path for missed in rewrite(body, make_map(same_names=True)).unmapped}
    assert missed == {"/properties/codeId", "/properties/command", "/properties/zeal"}


def test_names_of_a_map_are_compared_without_regard_to_case(old: Workspace) -> None:
    """In the scan as on the way through the body."""
    shouted = {name: getattr(old, name).upper() for name in old.__struct_fields__}
    data = {"from": shouted, "to": {**shouted, "workspace": "x"}}
    swapped = {"STONE": "STtwo", "sttwo": "stone", "STGone": "stnew"}
    job_map = map_from({**data, "storage_accounts": swapped}, "m")
    texts = [old.id, "https://stone.blob.core.windows.net", "https://stgone.blob.core.windows.net"]
    assert [leak.path for leak in leaks(texts, job_map)] == ["/0", "/2"]
