"""Hosts, ports, paths, and names that are filled in later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import JobMap, Rewrite, Workspace, rewrite

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]

ONE, TWO, THREE = (f"{n}0000000-aaaa-4aaa-8aaa-000000000000" for n in (1, 2, 3))


def read(command: MakeJob, value: str, job_map: JobMap) -> tuple[Rewrite, str]:
    """A job that holds the value, rewritten; and what became of the value."""
    result = rewrite(command(environmentVariables={"X": value}), job_map)
    return result, result.body["properties"]["environmentVariables"]["X"]


@pytest.mark.parametrize(("given", "expected"), [(ONE, TWO), (TWO, ONE), (THREE, ONE)])
def test_identities_may_change_places(given: str, expected: str, make_map: MakeMap, command: MakeJob) -> None:
    """What the map lists is mapped, though it is a target as well."""
    job_map = make_map(identities={ONE: TWO, TWO: ONE, THREE: ONE})
    body = command(identity={"identityType": "Managed", "clientId": given})
    assert rewrite(body, job_map).body["properties"]["identity"]["clientId"] == expected


def test_a_client_id_is_known_in_any_casing_wherever_it_stands(make_map: MakeMap, command: MakeJob) -> None:
    """In the map as in the job."""
    mixed = "abcdef00-aaaa-4aaa-8aaa-000000000000"
    _, became = read(command, mixed, make_map(identities={mixed.upper(): TWO}))
    assert became == TWO


@pytest.mark.parametrize(
    ("table", "given", "expected"),
    [
        (("crold.azurecr.io", "reg.example.com"), "crold.azurecr.io/a:3", "reg.example.com/a:3"),
        (("crold.azurecr.io", "crnew.azurecr.us"), "crold.azurecr.io/a:3", "crnew.azurecr.us/a:3"),
        (("crold.azurecr.io", "crnew.azurecr.us"), "crold.x.data.azurecr.io/a", "crnew.x.data.azurecr.io/a"),
        (("reg.example.com", "reg-2.example.com"), "reg.example.com/a:3", "reg-2.example.com/a:3"),
        (("reg.example.com", "crnew"), "reg.example.com/a:3", "crnew.azurecr.io/a:3"),
    ],
)
def test_a_container_registry_may_have_a_host_of_its_own(
    table: tuple[str, str], given: str, expected: str, make_map: MakeMap, command: MakeJob
) -> None:
    """On either side of the map; nobody's host is made up from parts of it."""
    result, became = read(command, given, make_map(registries=dict([table])))
    assert (became, result.unmapped) == (expected, ())


ENDPOINTS = {"https://api.example.com:8443/score": "https://api-2.example.com:9443/score-2"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://api.example.com:8443/score", "https://api-2.example.com:9443/score-2"),
        ("https://api.example.com:8443/score/", "https://api-2.example.com:9443/score-2/"),
        ("https://api.example.com:8443/score?x=1", "https://api-2.example.com:9443/score-2?x=1"),
        ("https://api.example.com:8443/score2", "https://api-2.example.com:8443/score2"),
    ],
)
def test_the_address_of_an_endpoint_is_read_with_its_port_and_whole_names(
    given: str, expected: str, make_map: MakeMap, command: MakeJob
) -> None:
    """A path is no beginning of a longer name."""
    result, became = read(command, given, make_map(endpoints=ENDPOINTS))
    assert (became, result.unmapped) == (expected, ())


def test_a_path_that_no_entry_of_a_shared_host_names_is_unmapped(make_map: MakeMap, command: MakeJob) -> None:
    """Its entries lead to different hosts: which of them is meant cannot be told."""
    paths = {f"https://gw.example.com/{name}": f"https://gw-{name}.example.com/{name}" for name in "ab"}
    result, became = read(command, "https://gw.example.com/c", make_map(endpoints=paths))
    assert (became, len(result.unmapped)) == ("https://gw.example.com/c", 1)


@pytest.mark.parametrize(
    "value",
    [
        "runs:/${{inputs.run}}/model",
        "mlflow models serve -m runs:/$MLFLOW_RUN_ID/model",
        "azureml://jobs/<run>/outputs/model",
        "azureml://datastores/$STORE/paths/x",
        "docker pull $ACR.azurecr.io/train:3",
        "azureml://subscriptions/{s}/resourcegroups/{g}/workspaces/{w}/datastores/d/paths/",
    ],
)
def test_a_name_that_is_filled_in_later_is_no_reason_to_wait(value: str, make_map: MakeMap, command: MakeJob) -> None:
    """A binding, a variable of the shell, or a gap that a program fills."""
    result, became = read(command, value, make_map())
    assert (became, result.unmapped) == (value, ())


def test_what_is_needed_has_its_version_by_the_same_path_in_every_spelling(
    old: Workspace, new: Workspace, make_map: MakeMap, command: MakeJob
) -> None:
    """Whoever makes it there looks it up by that id."""
    needs = {
        need.id
        for tail in ("e:3", "e/versions/3")
        for need in rewrite(
            command(environmentId=f"{old.id}/environments/{tail}"), make_map(environments={"e": "e"})
        ).needs
    }
    assert needs == {f"{new.id}/environments/e/versions/3"}


def test_an_account_in_the_name_of_a_setting_is_reported(make_map: MakeMap) -> None:
    """Keys are not rewritten, and settings of Spark name accounts in theirs."""
    conf = {"spark.hadoop.fs.azure.account.auth.type.stold.dfs.core.windows.net": "OAuth"}
    body = {"properties": {"jobType": "Spark", "conf": conf}}
    missed = rewrite(body, make_map(storage_accounts={"stold": "stnew"})).unmapped
    assert [stayed.path.rpartition("/")[2] for stayed in missed] == list(conf)


def test_a_datastore_may_be_an_object_with_a_name(make_map: MakeMap, command: MakeJob) -> None:
    """Its type is no datastore's name."""
    body = command(inputs={"x": {"datastore": {"name": "lake", "type": "blob"}}})
    result = rewrite(body, make_map(datastores={"lake": "lake-2"}))
    assert result.unmapped == ()
    assert result.body["properties"]["inputs"]["x"]["datastore"] == {"name": "lake-2", "type": "blob"}
