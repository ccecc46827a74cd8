"""Jobs through Resource Manager: submission, repetition, lists, cancellation."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest
from azure.identity import ManagedIdentityCredential
from azure.mgmt.core import ARMPipelineClient
from local_azure_client import Client, command_job, eventually

from orchestrator.simulator.arm.throttle import Throttle
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.identity import EXECUTOR
from orchestrator.simulator.job_lifecycle import Pace

SLOW = Pace(not_started=(3600, 3600))


@pytest.fixture
def azure() -> Iterator[LocalAzure]:
    """Jobs that do not move by themselves, small pages, no limits."""
    with LocalAzure(seed=7, pace=SLOW, page=4, throttle=Throttle(enabled=False)) as cloud:
        yield cloud


def submit(client: Client, site: Site, name: str, **properties: object) -> None:
    answer = client.arm("PUT", f"{site.project_id}/jobs/{name}", command_job(site, **properties))
    assert answer.status_code == 201, answer.text


def pages(client: Client, site: Site, **query: str) -> Iterator[list[str]]:
    answer = client.arm("GET", f"{site.project_id}/jobs", **query).json()
    while True:
        yield [job["name"] for job in answer["value"]]
        if "nextLink" not in answer:
            return
        answer = client.arm("GET", answer["nextLink"]).json()


def test_the_answer_adds_what_azure_adds(client: Client, primary: Site) -> None:
    """Status, services, reserved properties, the default output, and who submitted it when."""
    code = f"{primary.project_id}/codes/c/versions/1"
    client.azure.call(lambda: client.azure.resources.put(code, {"properties": {"codeUri": "x"}}))
    job = client.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary, codeId=code)).json()
    properties = job["properties"]
    assert (job["name"], job["type"]) == ("a", "Microsoft.MachineLearningServices/workspaces/jobs")
    assert properties["status"] == "NotStarted"
    assert set(properties["services"]) == {"Tracking", "Studio"}
    assert {"ContentSnapshotId", "_azureml.ComputeTargetType"} <= set(properties["properties"])
    assert properties["outputs"]["default"]["uri"].endswith("/ExperimentRun/dcid.a")
    assert job["systemData"]["createdBy"] == EXECUTOR


def test_a_command_job_shows_what_nobody_set(client: Client, primary: Site) -> None:
    """The service's defaults and nulls, which a client must know from what somebody chose."""
    submit(client, primary, "a", inputs={"rows": {"jobInputType": "uri_file", "uri": "https://example.com/rows.csv"}})
    shown = client.arm("GET", f"{primary.project_id}/jobs/a").json()["properties"]
    assert (shown["componentId"], shown["identity"], shown["distribution"]) == (None, None, None)
    assert (shown["queueSettings"], shown["parameters"]) == ({"jobTier": "Null"}, {})
    assert (shown["resources"]["shmSize"], shown["limits"]["timeout"]) == ("2g", None)
    assert (shown["inputs"]["rows"]["mode"], shown["inputs"]["rows"]["description"]) == ("ReadOnlyMount", None)


def test_what_somebody_chose_is_shown(client: Client, primary: Site) -> None:
    """The defaults stand behind it."""
    submit(client, primary, "a", resources={"instanceCount": 3}, queueSettings={"jobTier": "Spot"})
    shown = client.arm("GET", f"{primary.project_id}/jobs/a").json()["properties"]
    assert (shown["resources"]["instanceCount"], shown["resources"]["shmSize"]) == (3, "2g")
    assert shown["queueSettings"] == {"jobTier": "Spot"}


def test_an_answer_201_says_where_the_job_is(client: Client, primary: Site) -> None:
    """With the api-version of the request."""
    path = f"{primary.project_id}/jobs/a"
    answer = client.arm("PUT", path, command_job(primary))
    assert answer.headers["Location"].startswith(f"{client.azure.urls['resource-manager']}{path}?api-version=")
    assert "Location" not in client.arm("PUT", path, command_job(primary)).headers


def test_get_and_list_show_a_job_alike(client: Client, primary: Site) -> None:
    """A page saves a request per job."""
    submit(client, primary, "a")
    got = client.arm("GET", f"{primary.project_id}/jobs/a").json()
    assert client.arm("GET", f"{primary.project_id}/jobs").json()["value"] == [got]


def test_a_second_put_of_a_name_answers_with_the_existing_job(client: Client, primary: Site) -> None:
    """The name is the idempotency key, whatever the second body says."""
    submit(client, primary, "a", displayName="first")
    again = client.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary, displayName="second"))
    assert (again.status_code, again.json()["properties"]["displayName"]) == (200, "first")
    assert len(client.azure.truth.jobs()) == 1


def test_a_second_put_with_another_command_is_refused(client: Client, primary: Site) -> None:
    """The inner code says why; the job stays as it was."""
    submit(client, primary, "a")
    again = client.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary, command="python other.py"))
    error = again.json()["error"]
    assert (again.status_code, error["code"]) == (400, "UserError")
    assert error["additionalInfo"][0]["info"]["value"]["code"] == "JobPropertyImmutable"
    assert "command" in error["message"]


def test_a_second_put_merges_tags(client: Client, primary: Site) -> None:
    """Tags are the one thing that it changes."""
    submit(client, primary, "a", tags={"one": "1", "two": "2"})
    again = client.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary, tags={"two": "3"}))
    assert again.json()["properties"]["tags"] == {"one": "1", "two": "3"}


def test_every_second_put_can_be_refused(client: Client, primary: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that normalises what it stores takes a job's own body for a changed one."""
    submit(client, primary, "a")
    monkeypatch.setattr(client.azure.kernel, "refuses_second_puts", True)
    assert client.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary)).status_code == 400
    assert client.arm("PUT", f"{primary.project_id}/jobs/b", command_job(primary)).status_code == 201


def test_names_compare_without_regard_to_case(client: Client, primary: Site) -> None:
    """As all of Resource Manager's names do."""
    submit(client, primary, "Train")
    again = client.arm("PUT", f"{primary.project_id}/jobs/train", command_job(primary))
    assert (again.status_code, again.json()["name"]) == (200, "Train")


def test_puts_of_one_name_at_once_make_one_job(client: Client, primary: Site) -> None:
    """Exactly one of them is answered with 201."""
    with ThreadPoolExecutor(8) as pool:
        body, path = command_job(primary), f"{primary.project_id}/jobs/a"
        statuses = sorted(pool.map(lambda _: client.arm("PUT", path, body).status_code, range(8)))
    assert statuses == [200] * 7 + [201]


def test_both_sides_may_have_a_job_of_one_name(client: Client, primary: Site, secondary: Site) -> None:
    """Names are per workspace."""
    submit(client, primary, "a")
    submit(client, secondary, "a")
    assert sorted(job.region for job in client.azure.truth.jobs()) == ["eastus2", "westus3"]


def test_lists_give_the_newest_first_in_pages(client: Client, primary: Site) -> None:
    """The next link leads through all of them."""
    for number in range(10):
        submit(client, primary, f"j{number}")
    assert list(pages(client, primary)) == [["j9", "j8", "j7", "j6"], ["j5", "j4", "j3", "j2"], ["j1", "j0"]]


def test_jobs_submitted_while_a_client_pages_hide_none(client: Client, primary: Site) -> None:
    """The continuation token stays where it was."""
    for number in range(6):
        submit(client, primary, f"j{number}")
    walk = pages(client, primary)
    first = next(walk)
    submit(client, primary, "late")
    assert [*first, *next(walk)] == ["j5", "j4", "j3", "j2", "j1", "j0"]


def test_a_token_that_is_none_is_refused(client: Client, primary: Site) -> None:
    """Rather than starting over."""
    answer = client.arm("GET", f"{primary.project_id}/jobs", **{"$skip": "x"})
    assert answer.status_code == 400


def test_lists_can_be_narrowed_by_kind_and_tag(client: Client, primary: Site) -> None:
    """There is no filter by status, as in Azure."""
    submit(client, primary, "tagged", tags={"team": "vision"})
    submit(client, primary, "plain", tags={})
    assert list(pages(client, primary, tag="team")) == [["tagged"]]
    assert list(pages(client, primary, jobType="Sweep")) == [[]]


def test_archived_jobs_are_listed_on_demand(client: Client, primary: Site) -> None:
    """Active ones by default."""
    submit(client, primary, "old", isArchived=True)
    submit(client, primary, "new")
    views = {view: next(pages(client, primary, listViewType=view)) for view in ("ActiveOnly", "ArchivedOnly", "All")}
    assert views == {"ActiveOnly": ["new"], "ArchivedOnly": ["old"], "All": ["new", "old"]}


def test_cancellation_is_a_long_running_operation() -> None:
    """202 with a Location until the job has stopped, then 200."""
    with LocalAzure(pace=SLOW, speed=10) as azure:
        client, site = Client(azure, EXECUTOR), azure.estate.pair("demo").primary
        submit(client, site, "a")
        begun = client.arm("POST", f"{site.project_id}/jobs/a/cancel")
        location = begun.headers["Location"]
        assert (begun.status_code, begun.headers["Retry-After"]) == (202, "1")
        assert client.arm("GET", location).status_code == 202
        assert client.arm("GET", f"{site.project_id}/jobs/a").json()["properties"]["status"] == "CancelRequested"
        eventually(lambda: client.arm("GET", location).status_code == 200)
        assert client.arm("GET", f"{site.project_id}/jobs/a").json()["properties"]["status"] == "Canceled"
        client.close()


def test_cancelling_what_has_ended_changes_nothing() -> None:
    """Answered at once."""
    with LocalAzure(speed=100_000) as azure:
        client, site = Client(azure, EXECUTOR), azure.estate.pair("demo").primary
        submit(client, site, "a")
        eventually(lambda: azure.truth.jobs()[0].status == "Completed")
        assert client.arm("POST", f"{site.project_id}/jobs/a/cancel").status_code == 200
        assert azure.truth.jobs()[0].status == "Completed"
        client.close()


def test_cancelling_what_is_not_there_is_not_found(client: Client, primary: Site) -> None:
    """So is polling an operation that is none."""
    assert client.arm("POST", f"{primary.project_id}/jobs/none/cancel").status_code == 404
    place = f"/subscriptions/{primary.subscription}/providers/Microsoft.MachineLearningServices/locations/eastus2"
    assert client.arm("GET", f"{place}/mfeOperationResults/none").status_code == 404


def test_jobs_cannot_be_deleted(user: Client, primary: Site) -> None:
    """Nothing here needs it."""
    submit(user, primary, "a")
    assert user.arm("DELETE", f"{primary.project_id}/jobs/a").status_code == 405


def test_the_thin_client_of_azure_mgmt_core_works_against_it(
    azure: LocalAzure, primary: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raw JSON through a real pipeline, with a real credential."""
    for name, value in azure.environment().items():
        monkeypatch.setenv(name, value)
    manager = azure.urls["resource-manager"]
    with ManagedIdentityCredential(client_id=EXECUTOR) as credential:
        policy = BearerTokenCredentialPolicy(credential, f"{manager}/.default")
        pipeline: ARMPipelineClient[HttpRequest, object] = ARMPipelineClient(manager, policies=[policy])
        with pipeline:
            url = f"{manager}{primary.project_id}/jobs/raw?api-version=2025-01-01-preview"
            answer = pipeline.send_request(HttpRequest("PUT", url, json=command_job(primary)))
            assert answer.status_code == 201
            assert pipeline.send_request(HttpRequest("GET", url)).json()["name"] == "raw"
