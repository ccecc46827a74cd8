"""The query API takes the real client's questions, knows what happened minutes ago, and refuses what it cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.monitor.query import LogsQueryClient, LogsQueryStatus
from local_azure_client import Client, command_job, eventually

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.identity import EXECUTOR, PROBE
from orchestrator.simulator.stores.loganalytics import RUNS, TRAFFIC

HOUR = timedelta(hours=1)


@pytest.fixture
def logs(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogsQueryClient]:
    """The real client, as the probe identity."""
    azure.logs.delay = 0.0
    for name, value in azure.environment().items():
        monkeypatch.setenv(name, value)
    endpoint = azure.urls["logs"]
    with (
        ManagedIdentityCredential(client_id=PROBE) as credential,
        LogsQueryClient(credential, endpoint=endpoint, retry_total=0, connection_verify=str(azure.ca_bundle)) as made,
    ):
        yield made


def rows(logs: LogsQueryClient, site: Site, query: str) -> list[dict[str, Any]]:
    found = logs.query_workspace(site.logs, query, timespan=HOUR)
    assert found.status is LogsQueryStatus.SUCCESS
    return [dict(zip(table.columns, row, strict=True)) for table in found.tables for row in table.rows]


def code_of(logs: LogsQueryClient, workspace: str, query: str) -> str:
    """The innermost code of what was refused."""
    with pytest.raises(HttpResponseError) as refused:
        logs.query_workspace(workspace, query, timespan=HOUR)
    said = refused.value.response.json()["error"]  # type: ignore[union-attr]
    while "innererror" in said:
        said = said["innererror"]
    return str(said["code"])


def test_runs_are_found_by_their_last_status(
    logs: LogsQueryClient, azure: LocalAzure, user: Client, primary: Site
) -> None:
    """As they really went, with times that the client understands."""
    for name in ("a", "b"):
        tags = {"local.duration": "0.1", "local.outcome": "Failed" if name == "a" else "Completed"}
        user.arm("PUT", f"{primary.project_id}/jobs/{name}", command_job(primary, tags=tags))
    eventually(lambda: {job.status for job in azure.truth.jobs()} == {"Failed", "Completed"})
    found = rows(
        logs,
        primary,
        f'{RUNS}\n| where _ResourceId =~ "{primary.project_id}"\n'
        "| summarize arg_max(TimeGenerated, Status) by RunId\n"
        "| summarize Runs=count(), Oldest=min(TimeGenerated), Newest=max(TimeGenerated) by Status",
    )
    assert {(row["Status"], row["Runs"]) for row in found} == {("Failed", 1), ("Completed", 1)}
    assert all(row["Newest"].tzinfo for row in found)


def test_scoring_requests_are_found_by_response_code(
    logs: LogsQueryClient, azure: LocalAzure, client: Client, primary: Site
) -> None:
    """Those that were answered, whatever with. A refused connection leaves no trace, as in Azure."""
    url = f"{azure.urls[f'{primary.region}.inference']}/score"
    client.send("POST", url, json={})
    azure.faults.set(primary.region, "inference", "5xx", status=502)
    client.send("POST", url, json={})
    azure.faults.set(primary.region, "inference", "refuse")
    with pytest.raises(requests.ConnectionError):
        client.send("POST", url, json={})
    query = f'{TRAFFIC} | where _ResourceId startswith "{primary.project_id}/" | summarize N=count() by ResponseCode'
    assert {(row["ResponseCode"], row["N"]) for row in rows(logs, primary, query)} == {(401, 1), (502, 1)}


def test_rows_are_late(logs: LogsQueryClient, azure: LocalAzure, client: Client, primary: Site) -> None:
    """A table in which nothing has arrived yet cannot even be named."""
    azure.logs.delay = 1e7
    client.send("POST", f"{azure.urls[f'{primary.region}.inference']}/score", json={})
    assert code_of(logs, primary.logs, f"{TRAFFIC} | summarize N=count() by ResponseCode") == "SEM0100"
    azure.logs.delay = 0.0
    assert rows(logs, primary, f"{TRAFFIC} | summarize N=count() by ResponseCode") == [{"ResponseCode": 401, "N": 1}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("NoSuchTable", "SEM0100"),
        (f'{RUNS} | where NoSuchColumn =~ "x"', "SEM0100"),
        (f"{RUNS} | summarize N=count() by NoSuchColumn", "SEM0100"),
        (f"{RUNS} | summarize N=count(RunId) by Status", "SYN0002"),
        (f"{RUNS} | summarize N=min() by Status", "SYN0002"),
        (f"{RUNS} | where Status == 'Failed'", "SYN0002"),
        (f"{RUNS} | take 3", "SYN0002"),
        ("drop everything", "SYN0002"),
        ("", "SYN0002"),
    ],
)
def test_what_is_not_simulated_is_refused_and_never_answered_wrongly(
    logs: LogsQueryClient, azure: LocalAzure, primary: Site, query: str, code: str
) -> None:
    """Names that are not known are semantic errors, everything else is one of syntax."""
    azure.logs.insert(primary.logs, RUNS, {"TimeGenerated": azure.kernel.now(), "RunId": "r", "Status": "Failed"})
    assert code_of(logs, primary.logs, query) == code


def test_only_the_right_callers_are_told_and_only_of_workspaces_that_exist(
    logs: LogsQueryClient, azure: LocalAzure, client: Client, primary: Site
) -> None:
    """Audience, role, workspace, path, method."""
    endpoint = azure.urls["logs"]
    url = f"{endpoint}/v1/workspaces/{primary.logs}/query"
    body = {"query": RUNS}
    assert client.client_id == EXECUTOR
    assert client.send("POST", url, json=body).status_code == 401
    assert client.send("POST", url, audience=azure.urls["resource-manager"], json=body).status_code == 401
    refused = client.send("POST", url, audience=endpoint, json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "InsufficientAccessError")
    assert code_of(logs, "00000000-0000-0000-0000-000000000000", RUNS) == "WorkspaceNotFoundError"
    assert client.send("GET", url, audience=endpoint).status_code == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"query": 3}', b'{"query": "T", "limit": 3}'])
def test_a_body_that_makes_no_sense_is_a_bad_argument(
    azure: LocalAzure, client_of: Any, primary: Site, body: bytes
) -> None:
    """Strictly: a field that is not known is not ignored."""
    url = f"{azure.urls['logs']}/v1/workspaces/{primary.logs}/query"
    answer = client_of(azure, PROBE).send("POST", url, audience=azure.urls["logs"], data=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgumentError")


def test_a_regions_workspace_falls_with_its_region(
    logs: LogsQueryClient, azure: LocalAzure, primary: Site, secondary: Site
) -> None:
    """And no other does."""
    for site in (primary, secondary):
        row = {"TimeGenerated": azure.kernel.now(), "RunId": "r", "Status": "Failed"}
        azure.logs.insert(site.logs, RUNS, row)
    azure.region_down(primary.region, "5xx")
    query = f"{RUNS} | summarize N=count() by Status"
    with pytest.raises(HttpResponseError):
        logs.query_workspace(primary.logs, query, timespan=HOUR)
    assert rows(logs, secondary, query) == [{"Status": "Failed", "N": 1}]
