"""The admin API: faults, regions, log and truth for other processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from local_azure_client import Client, command_job, eventually

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site


class Admin:
    def __init__(self, azure: LocalAzure) -> None:
        self._url = azure.urls["admin"]

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200, **query: str) -> Any:
        answer = requests.request(method, f"{self._url}/admin{path}", json=body, params=query, timeout=60)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def admin(azure: LocalAzure) -> Admin:
    return Admin(azure)


def test_faults_are_set_listed_and_cleared(admin: Admin, azure: LocalAzure, client: Client) -> None:
    """With the parameters of the Python side."""
    listed = admin("POST", "/faults", {"region": None, "surface": "observer", "kind": "5xx", "status": 504})
    assert [(fault["surface"], fault["kind"], fault["status"]) for fault in listed] == [("observer", "5xx", 504)]
    assert client.send("GET", azure.urls["observer"]).status_code == 504
    assert admin("DELETE", "/faults", surface="observer") == []
    assert client.send("GET", azure.urls["observer"]).status_code == 200


def test_a_region_is_taken_away_and_brought_back(admin: Admin, client: Client, primary: Site) -> None:
    """And the state says so."""
    assert admin("POST", "/regions/eastus2/down", {"kind": "5xx"})["down"] == ["eastus2"]
    assert client.arm("GET", primary.project_id).status_code == 503
    assert admin("POST", "/regions/eastus2/up")["down"] == []
    assert client.arm("GET", primary.project_id).status_code == 200


def test_the_request_log_can_be_read(admin: Admin, azure: LocalAzure, client: Client) -> None:
    """Between two moments, by service."""
    start = azure.kernel.now().isoformat()
    client.send("GET", azure.urls["observer"])
    end = azure.kernel.now().isoformat()
    client.send("GET", azure.urls["observer"])
    found = admin("GET", "/requests", since=start, until=end, service="observer")
    assert [(entry["method"], entry["status"]) for entry in found] == [("GET", 200)]
    assert admin("GET", "/requests", since=start, until=end, service="ledger") == []


def test_the_state_counts_jobs_by_region(admin: Admin, client: Client, primary: Site) -> None:
    """And the truth about each of them can be read."""
    client.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary))
    eventually(lambda: admin("GET", "/state")["jobs"] == {"eastus2": {"Completed": 1}})
    (job,) = admin("GET", "/jobs")
    assert (job["name"], job["zombie"]) == ("a", False)
    assert job["submitted"] == command_job(primary)


def test_clock_and_endpoints_are_told(admin: Admin, azure: LocalAzure) -> None:
    """So that a driver needs to know one address only."""
    assert admin("GET", "/endpoints") == dict(azure.urls)
    assert (admin("GET", "/clock")["seed"], admin("GET", "/clock")["speed"]) == (7, 1000)


def test_latency_and_limits_can_be_set(admin: Admin, azure: LocalAzure, client: Client, primary: Site) -> None:
    """For measurements from outside."""
    admin("POST", "/latency", {"seconds": 0.01, "endpoints": ["observer"]})
    assert azure.faults.latency_of("observer") == 0.01
    admin("POST", "/throttle", {"read_burst": 1, "read_rate": 0.1})
    assert [client.arm("GET", primary.project_id).status_code for _ in range(2)] == [200, 429]
    admin("POST", "/throttle", {"enabled": False})
    assert client.arm("GET", primary.project_id).status_code == 200


def test_replica_lag_and_notices_are_within_reach(admin: Admin, azure: LocalAzure) -> None:
    """What a driver in another process needs of the stores."""
    admin("POST", "/replica-lag", {"seconds": 2.5})
    assert azure.configuration.lag == 2.5
    assert admin("GET", "/notices") == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/faults", {"surface": "moon", "kind": "refuse"}),
        ("POST", "/faults", {"surface": "storage"}),
        ("POST", "/faults", [1]),
        ("POST", "/regions/mars/down", {}),
        ("POST", "/regions/mars/up", {}),
        ("POST", "/latency", {}),
        ("POST", "/throttle", {"speed": 3}),
        ("GET", "/requests?since=yesterday", None),
        ("GET", "/requests?since=2026-01-01T00:00:00", None),
        ("POST", "/subscriptions", {"url": "http://127.0.0.1:1/"}),
    ],
)
def test_what_cannot_be_understood_is_refused(admin: Admin, method: str, path: str, body: Any) -> None:
    """With 400 and a reason."""
    assert admin(method, path, body, status=400)["error"]


class Hook(BaseHTTPRequestHandler):
    """A CloudEvents webhook that keeps what it is sent."""

    kept: list[bytes]

    def do_OPTIONS(self) -> None:
        self.send_response(200)
        self.send_header("WebHook-Allowed-Origin", self.headers["WebHook-Request-Origin"])
        self.end_headers()

    def do_POST(self) -> None:
        self.kept.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[tuple[str, list[bytes]]]:
    """URL of a webhook, and what it has been sent."""
    kept: list[bytes] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Hook,), {"kept": kept}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", kept
    server.shutdown()
    thread.join()
    server.server_close()


def test_job_events_reach_a_subscriber(
    admin: Admin, client: Client, primary: Site, hook: tuple[str, list[bytes]]
) -> None:
    """From a job's stages through the project's topic to a webhook."""
    url, kept = hook
    admin("POST", "/subscriptions", {"topic": primary.project_id, "url": url, "schema": "CloudEventSchemaV1_0"})
    client.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary))
    eventually(lambda: any(b"RunCompleted" in body for body in kept))
    assert any(b'"runStatus":"Running"' in body.replace(b" ", b"") for body in kept)
