"""Codes, environments, components, data and models."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from azure.storage.blob import ContainerClient
from local_azure_client import Client, command_job, eventually

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site

IMAGE = {"image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"}


def put(client: Client, site: Site, path: str, **properties: Any) -> requests.Response:
    return client.arm("PUT", f"{site.project_id}/{path}", {"properties": properties})


def uploaded(client: Client, site: Site, name: str, files: dict[str, bytes]) -> str:
    """Files in a new container of the site's account, put there as azure-ai-ml does; the folder's URI."""
    path = f"{site.project_id}/codes/{name}/versions/1/startPendingUpload"
    place = client.arm("POST", path, {"pendingUploadType": "TemporaryBlobReference"}).json()
    reference = place["blobReferenceForConsumption"]
    url, ca = reference["credential"]["sasUri"], str(client.azure.ca_bundle)
    with ContainerClient.from_container_url(url, connection_verify=ca) as container:
        for file, data in files.items():
            container.upload_blob(f"src/{file}", data)
    return f"{reference['blobUri']}/src"


def test_code_is_uploaded_with_a_signature_and_registered(client: Client, primary: Site) -> None:
    """The signature lets a real blob client into the region's own account."""
    uri = uploaded(client, primary, "c", {"train.py": b"print(1)"})
    assert uri.startswith(client.azure.urls["eastus2.storage"])
    assert put(client, primary, "codes/c/versions/1", codeUri=uri).status_code == 201
    assert client.arm("GET", f"{primary.project_id}/codes/c/versions/1").json()["properties"]["codeUri"] == uri


def test_code_is_found_by_its_hash_under_any_name(client: Client, primary: Site, secondary: Site) -> None:
    """So that the same folder is not uploaded twice."""
    uri = uploaded(client, primary, "c", {"train.py": b"print(1)"})
    put(client, primary, "codes/c/versions/1", codeUri=uri, properties={"hash_sha256": "abc"})
    found = {
        (site.region, text): len(client.arm("GET", f"{site.project_id}/codes/z/versions", hash=text).json()["value"])
        for site in (primary, secondary)
        for text in ("abc", "other")
    }
    assert found == {("eastus2", "abc"): 1, ("eastus2", "other"): 0, ("westus3", "abc"): 0, ("westus3", "other"): 0}


def test_code_must_lie_in_the_workspaces_own_account(client: Client, primary: Site, secondary: Site) -> None:
    """A code that points into the dead region would be no copy."""
    uri = uploaded(client, primary, "c", {"train.py": b"print(1)"})
    answer = put(client, secondary, "codes/c/versions/1", codeUri=uri)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("properties.codeUri: ")


def test_an_anonymous_environment_may_be_put_again(client: Client, primary: Site) -> None:
    """Its name is made from its content, and clients put it with every job."""
    path = "environments/CliV2AnonymousEnvironment/versions/abc"
    assert [put(client, primary, path, **IMAGE, isAnonymous=True).status_code for _ in range(2)] == [201, 200]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("environments/e/versions/1", IMAGE, {"image": "other"}),
        ("components/c/versions/1", {"componentSpec": {"command": "ls"}}, {"componentSpec": {"command": "rm"}}),
        (
            "data/d/versions/1",
            {"dataType": "uri_file", "dataUri": "azureml://datastores/training-data/paths/a"},
            {"dataType": "uri_file", "dataUri": "azureml://datastores/training-data/paths/b"},
        ),
        ("models/m/versions/1", {"modelUri": "https://example.com/a"}, {"modelUri": "https://example.com/b"}),
    ],
)
def test_what_a_version_is_made_of_cannot_change(
    client: Client, primary: Site, path: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Tags may, content may not."""
    assert put(client, primary, path, **before).status_code == 201
    assert put(client, primary, path, **before, tags={"a": "b"}).status_code == 200
    answer = put(client, primary, path, **after)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Asset paths cannot be updated.")


@pytest.mark.parametrize(
    ("path", "properties", "field"),
    [
        ("codes/c/versions/1", {}, "properties.codeUri"),
        ("environments/e/versions/1", {"description": "x"}, "properties"),
        ("components/c/versions/1", {}, "properties.componentSpec"),
        ("data/d/versions/1", {"dataUri": "x"}, "properties.dataType"),
        ("models/m/versions/1", {}, "properties.modelUri"),
        ("models/m/versions/1", {"modelUri": "x", "provisioningState": "Succeeded"}, "properties.provisioningState"),
    ],
)
def test_what_an_asset_needs_must_be_there(
    client: Client, primary: Site, path: str, properties: dict[str, Any], field: str
) -> None:
    """Missing and read-only fields are refused by name."""
    answer = put(client, primary, path, **properties)
    assert (answer.status_code, answer.json()["error"]["message"].split(":")[0]) == (400, field)


def test_a_component_may_not_name_another_workspace(client: Client, primary: Site, secondary: Site) -> None:
    """One slash behind the prefix is the spelling of component specifications."""
    spec = {"command": "ls", "environment": f"azureml:{primary.project_id}/environments/train-env/versions/1"}
    answer = put(client, secondary, "components/c/versions/1", componentSpec=spec)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("properties.componentSpec.environment: ")


def test_the_newest_version_is_first_and_in_the_container(client: Client, primary: Site) -> None:
    """As clients look for ``latest``."""
    for version in ("2", "3"):
        put(client, primary, f"environments/train-env/versions/{version}", **IMAGE)
    newest = {"$orderBy": "createdtime desc", "$top": "1"}
    place = f"{primary.project_id}/environments/train-env"
    assert [v["name"] for v in client.arm("GET", f"{place}/versions", **newest).json()["value"]] == ["3"]
    assert client.arm("GET", place).json()["properties"]["latestVersion"] == "3"
    assert client.arm("GET", place).json()["properties"]["nextVersion"] == "4"


def test_archived_versions_are_not_listed(client: Client, primary: Site) -> None:
    """Unless they are asked for."""
    put(client, primary, "environments/train-env/versions/2", **IMAGE, isArchived=True)
    place = f"{primary.project_id}/environments/train-env/versions"
    assert [v["name"] for v in client.arm("GET", place).json()["value"]] == ["1"]
    assert [v["name"] for v in client.arm("GET", place, listViewType="All").json()["value"]] == ["2", "1"]


def test_a_version_can_be_deleted(user: Client, primary: Site) -> None:
    """Jobs that name it are refused from then on."""
    place = f"{primary.project_id}/environments/train-env/versions/1"
    assert [user.arm("DELETE", place).status_code for _ in range(2)] == [200, 204]
    assert user.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary)).status_code == 400


def test_a_job_whose_code_has_no_files_fails(azure: LocalAzure, client: Client, primary: Site) -> None:
    """A registration without its files is accepted, and found out when the job is prepared."""
    uri = uploaded(client, primary, "c", {})
    put(client, primary, "codes/c/versions/1", codeUri=uri)
    body = command_job(primary, codeId=f"{primary.project_id}/codes/c/versions/1")
    assert client.arm("PUT", f"{primary.project_id}/jobs/a", body).status_code == 201
    eventually(lambda: azure.truth.jobs()[0].status == "Failed")
    assert "has no files" in str(azure.truth.jobs()[0].lacks)


def test_a_components_code_is_looked_after_too(azure: LocalAzure, client: Client, primary: Site) -> None:
    """Through the component's specification."""
    uri = uploaded(client, primary, "c", {})
    put(client, primary, "codes/c/versions/1", codeUri=uri)
    code = f"azureml:{primary.project_id}/codes/c/versions/1"
    put(client, primary, "components/step/versions/1", componentSpec={"command": "ls", "code": code})
    node = {"componentId": f"{primary.project_id}/components/step/versions/1"}
    body = {"properties": {"jobType": "Pipeline", "jobs": {"step": node}}}
    assert client.arm("PUT", f"{primary.project_id}/jobs/a", body).status_code == 201
    eventually(lambda: azure.truth.jobs()[0].status == "Failed")


def test_a_job_with_its_files_runs(azure: LocalAzure, client: Client, primary: Site) -> None:
    """The counterpart."""
    uri = uploaded(client, primary, "c", {"train.py": b"print(1)"})
    put(client, primary, "codes/c/versions/1", codeUri=uri)
    body = command_job(primary, codeId=f"{primary.project_id}/codes/c/versions/1")
    client.arm("PUT", f"{primary.project_id}/jobs/a", body)
    eventually(lambda: azure.truth.jobs()[0].status == "Completed")


def test_an_environments_folder_must_lie_in_the_workspaces_own_account_with_its_dockerfile(
    client: Client, primary: Site, secondary: Site
) -> None:
    """An environment that points to a folder of the dead region, or to none, would be no copy."""
    own, other = (client.azure.urls[f"{site.region}.storage"] for site in (primary, secondary))
    client.azure.call(lambda: client.azure.blobs["eastus2"].put("azureml-blobstore", "ctx/Dockerfile", b"FROM x"))

    def status(name: str, uri: str) -> int:
        return put(client, primary, f"environments/{name}/versions/1", build={"contextUri": uri}).status_code

    assert status("good", f"{own}/azureml-blobstore/ctx/") == 201
    assert status("by-datastore", "azureml://datastores/workspaceblobstore/paths/ctx") == 201
    assert status("public", "https://github.com/contoso/images.git#main") == 201
    assert status("elsewhere", f"{other}/azureml-blobstore/ctx/") == 400
    assert status("empty", f"{own}/azureml-blobstore/nothing/") == 400


def test_a_version_shows_what_the_service_adds(client: Client, primary: Site) -> None:
    """Its stage, an empty conda file, a component's own name and resources; and where it is."""
    made = put(client, primary, "environments/e/versions/1", **IMAGE)
    assert made.headers["Location"].partition("?")[0].endswith("/environments/e/versions/1")
    shown = made.json()["properties"]
    assert (shown["stage"], shown["condaFile"], shown["autoRebuild"]) == ("Development", "", "Disabled")
    spec = {"type": "command", "name": "other", "command": "x", "environment": "azureml:e:1"}
    component = put(client, primary, "components/c/versions/2", componentSpec=spec).json()["properties"]
    assert component["componentSpec"]["name"] == "c"
    assert component["componentSpec"]["resources"] == {"instance_count": "1"}


def test_a_components_own_answer_can_be_put_again(client: Client, primary: Site) -> None:
    """What the service rewrites is no change."""
    spec = {"type": "command", "name": "other", "command": "x", "environment": "azureml:train-env:1"}
    first = put(client, primary, "components/c/versions/1", componentSpec=spec).json()["properties"]["componentSpec"]
    assert put(client, primary, "components/c/versions/1", componentSpec=first).status_code == 200
    assert put(client, primary, "components/c/versions/1", componentSpec=spec).status_code == 200
