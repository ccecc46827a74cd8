"""What a region answers past Resource Manager, and the references that belong to nobody."""

from __future__ import annotations

from typing import Any

import pytest
from local_azure_client import Client, ClientMaker, command_job, eventually

from orchestrator.core.base.vocabulary import Role
from orchestrator.local.simulated_plan import plan_of
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import KNOWN_GOOD, Site
from orchestrator.simulator.identity import PROBE


@pytest.fixture
def probe(azure: LocalAzure, client_of: ClientMaker) -> Client:
    return client_of(azure, PROBE)


def history(azure: LocalAzure, site: Site, tail: str) -> str:
    return f"{azure.urls[f'{site.region}.api']}/history/v1.0{site.project_id}/{tail}"


def submit(client: Client, site: Site, name: str, **properties: Any) -> None:
    answer = client.arm("PUT", f"{site.project_id}/jobs/{name}", command_job(site, **properties))
    assert answer.status_code == 201, answer.text


def test_the_hub_can_be_asked_without_resource_manager(
    azure: LocalAzure, probe: Client, user: Client, primary: Site
) -> None:
    """Experiments of a workspace, newest first, before and after the first job."""
    url = history(azure, primary, "experiments:query")
    assert probe.ml("POST", url, json={"top": 1}).json() == {"value": []}
    submit(user, primary, "a", experimentName="first")
    submit(user, primary, "b", experimentName="second")
    found = probe.ml("POST", url, json={"top": 1}).json()["value"]
    assert [experiment["name"] for experiment in found] == ["second"]


def test_the_index_lists_runs(azure: LocalAzure, probe: Client, user: Client, primary: Site) -> None:
    """By type and page; what it cannot filter by is refused."""
    url = history(azure, primary, "entities").replace("/history/", "/index/")
    submit(user, primary, "a")
    submit(user, primary, "b")
    runs = {"field": "type", "operator": "eq", "values": ["runs"]}
    found = probe.ml("POST", url, json={"filters": [runs], "pageSize": 1}).json()
    assert (found["totalCount"], [each["entityObjectId"] for each in found["value"]]) == (2, ["b"])
    flows = {"filters": [runs | {"values": ["flows"]}]}
    assert probe.ml("POST", url, json=flows).json()["value"] == []
    for odd in ({"filters": [runs | {"field": "name"}]}, {"pageSize": 0}):
        assert probe.ml("POST", url, json=odd).status_code == 400
    assert probe.ml("POST", url.replace("entities", "others"), json={}).status_code == 404


def test_the_data_of_a_run_is_there_or_is_told_to_be_missing(
    azure: LocalAzure, probe: Client, user: Client, primary: Site
) -> None:
    """An unknown run is a 404 in the words of run history."""
    url = history(azure, primary, "rundata")
    submit(user, primary, "a")
    assert probe.ml("POST", url, json={"runId": "a"}).json()["runMetadata"]["runId"] == "a"
    missing = probe.ml("POST", url, json={"runId": "none"})
    error = missing.json()["error"]
    assert (missing.status_code, error["code"], error["innerError"]["code"]) == (404, "UserError", "NotFoundError")
    assert error["messageParameters"] == {"runId": "runId=none"}
    assert probe.ml("POST", url, json={}).status_code == 400


UNDOCUMENTED = ["GET experiments", "POST experiments", "GET runs", "POST runs:query", "POST runs"]


@pytest.mark.parametrize("question", UNDOCUMENTED)
def test_what_is_neither_documented_nor_recorded_is_not_answered(
    azure: LocalAzure, probe: Client, primary: Site, question: str
) -> None:
    """A probe that rests on a guess is to fail here, not on the real service."""
    method, tail = question.split(" ")
    assert probe.ml(method, history(azure, primary, tail), json={"top": 1}).status_code == 404


def test_runs_tell_whether_jobs_move(azure: LocalAzure, probe: Client, user: Client, primary: Site) -> None:
    """The newest runs of an experiment with status and times."""
    submit(user, primary, "old")
    submit(user, primary, "new")
    eventually(lambda: {job.status for job in azure.truth.jobs()} == {"Completed"})
    url = history(azure, primary, "experiments/iris/runs:query")
    found = probe.ml("POST", url, json={"top": 1}).json()["value"]
    assert [(run["runId"], run["status"]) for run in found] == [("new", "Completed")]
    assert found[0]["createdUtc"] < found[0]["startTimeUtc"] < found[0]["endTimeUtc"]


def test_one_run_can_be_read(azure: LocalAzure, probe: Client, user: Client, primary: Site) -> None:
    """With details and children, as azure-ai-ml asks for them."""
    submit(user, primary, "a")
    for tail in ("runs/a", "runs/a/details"):
        assert probe.ml("GET", history(azure, primary, tail)).json()["runId"] == "a"
    assert probe.ml("GET", history(azure, primary, "runs/a/children")).json() == {"value": []}
    assert probe.ml("GET", history(azure, primary, "runs/none")).status_code == 404


def test_a_run_can_be_patched(azure: LocalAzure, user: Client, primary: Site) -> None:
    """Tags are merged, and Resource Manager shows them."""
    submit(user, primary, "a", tags={"local.duration": "60"})
    url = history(azure, primary, "experiments/iris/runs/a")
    assert user.ml("PATCH", url, json={"tags": {"x": "y"}, "hidden": True, "description": "d"}).status_code == 200
    properties = user.arm("GET", f"{primary.project_id}/jobs/a").json()["properties"]
    assert properties["tags"].items() >= {"local.duration": "60", "x": "y"}.items()
    assert (properties["isArchived"], properties["description"]) == (True, "d")


def test_the_probing_identity_cannot_patch(azure: LocalAzure, probe: Client, user: Client, primary: Site) -> None:
    """It only looks."""
    submit(user, primary, "a")
    assert probe.ml("PATCH", history(azure, primary, "runs/a"), json={}).status_code == 403


def test_a_region_knows_its_own_workspaces_only(
    azure: LocalAzure, probe: Client, primary: Site, secondary: Site
) -> None:
    """The other region's are not found there."""
    url = f"{azure.urls['westus3.api']}/history/v1.0{primary.project_id}/experiments:query"
    assert probe.ml("POST", url).status_code == 404
    assert probe.ml("POST", history(azure, secondary, "experiments:query")).status_code == 200


def test_both_audiences_that_clients_use_are_accepted(azure: LocalAzure, probe: Client, primary: Site) -> None:
    """Azure ML's own, and Resource Manager's, which azure-ai-ml sends; no other."""
    url = history(azure, primary, "experiments:query")
    audiences = ("https://ml.azure.com", azure.urls["resource-manager"], "https://storage.azure.com")
    assert [probe.send("POST", url, audience=audience).status_code for audience in audiences] == [200, 200, 401]
    assert probe.send("POST", url).status_code == 401


def test_discovery_leads_to_the_region(azure: LocalAzure, client: Client, primary: Site) -> None:
    """By the URL that the workspace names."""
    url = client.arm("GET", primary.project_id).json()["properties"]["discoveryUrl"]
    assert client.send("GET", url).json()["api"] == azure.urls["eastus2.api"]


def test_a_scoring_endpoint_answers_a_known_good_request(azure: LocalAzure, probe: Client) -> None:
    """The one that the plan names."""
    inference = plan_of(azure).side(Role.PRIMARY).inference
    assert inference is not None
    assert probe.ml("POST", inference.url, json=inference.body).status_code == 200


@pytest.mark.parametrize("body", [None, {}, {"input_data": []}, {"input_data": "x"}, [1]])
def test_a_scoring_endpoint_refuses_a_bad_request(azure: LocalAzure, probe: Client, body: Any) -> None:
    """With 400, which says nothing about its health."""
    assert probe.ml("POST", f"{azure.urls['eastus2.inference']}/score", json=body).status_code == 400


def test_a_scoring_endpoint_wants_key_or_token(azure: LocalAzure, client: Client) -> None:
    """401 without, 403 with the wrong role."""
    url = f"{azure.urls['eastus2.inference']}/score"
    assert client.send("POST", url, json=KNOWN_GOOD).status_code == 401
    assert client.ml("POST", url, json=KNOWN_GOOD).status_code == 403


@pytest.mark.parametrize("name", ["observer", "northeurope.api"])
def test_references_answer_anybody(azure: LocalAzure, client: Client, name: str) -> None:
    """One says that our network works, the other that another region does."""
    assert client.send("GET", f"{azure.urls[name]}/").status_code == 200


def test_an_unknown_path_is_not_found(azure: LocalAzure, client: Client) -> None:
    """In the service's own words."""
    answer = client.ml("GET", f"{azure.urls['eastus2.api']}/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
    assert answer.json()["error"]["innerError"] == {"code": "ResourceNotFound", "innerError": None}
    assert (answer.json()["statusCode"], answer.json()["location"]) == (404, "eastus2")


def test_a_body_that_is_not_json_is_refused(azure: LocalAzure, probe: Client, primary: Site) -> None:
    """With 400."""
    assert probe.ml("POST", history(azure, primary, "experiments:query"), data=b"{").status_code == 400
