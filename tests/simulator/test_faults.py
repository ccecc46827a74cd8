"""Each fault as a client meets it."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests
from local_azure_client import Client, command_job, eventually

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.request_log import CONNECTION

HISTORY = "/history/v1.0"


def connected(url: str) -> int:
    """The error number of a plain TCP connection, 0 if it is made."""
    parts = urlsplit(url)
    with socket.socket() as plain:
        plain.settimeout(2)
        return plain.connect_ex((parts.hostname, parts.port))


def experiments(azure: LocalAzure, site: Site) -> str:
    return f"{azure.urls[f'{site.region}.api']}{HISTORY}{site.project_id}/experiments:query"


def runs(azure: LocalAzure, site: Site) -> str:
    return f"{azure.urls[f'{site.region}.api']}{HISTORY}{site.project_id}/runs/a"


@pytest.mark.parametrize(
    ("surface", "endpoint"),
    [
        ("storage", "eastus2.storage"),
        ("inference", "eastus2.inference"),
        ("keyvault", "eastus2.keyvault"),
        ("acr", "eastus2.acr"),
    ],
)
def test_refuse_closes_the_port(azure: LocalAzure, surface: str, endpoint: str) -> None:
    """The kernel answers ECONNREFUSED; the other region's port stays open; lifting it opens the same port."""
    azure.faults.set("eastus2", surface, "refuse")
    assert connected(azure.urls[endpoint]) == errno.ECONNREFUSED
    assert connected(azure.urls[endpoint.replace("eastus2", "westus3")]) == 0
    azure.faults.clear("eastus2", surface)
    assert connected(azure.urls[endpoint]) == 0


def test_refuse_breaks_connections_that_are_open(azure: LocalAzure, client: Client) -> None:
    """A pooled connection does not outlive its host."""
    assert client.send("GET", azure.urls["observer"]).status_code == 200
    azure.faults.set(None, "observer", "refuse")
    with pytest.raises(requests.ConnectionError):
        client.send("GET", azure.urls["observer"])


def test_black_hole_accepts_and_never_shakes_hands(azure: LocalAzure, client: Client) -> None:
    """The connection is made, the TLS handshake is not; the log knows of the connection."""
    azure.faults.set("eastus2", "storage", "black-hole")
    url = azure.urls["eastus2.storage"]
    assert connected(url) == 0
    with pytest.raises(requests.Timeout):
        client.send("GET", url, timeout=(0.2, 5))
    assert {entry.method for entry in azure.log if entry.surface == "storage"} == {CONNECTION}
    azure.faults.clear()
    assert client.send("GET", url).status_code != 0


def test_hang_reads_the_request_and_never_answers(azure: LocalAzure, client: Client) -> None:
    """The log has it, without a status."""
    azure.faults.set(None, "observer", "hang")
    with pytest.raises(requests.ReadTimeout):
        client.send("GET", azure.urls["observer"], timeout=(60, 0.2))
    eventually(lambda: len(azure.log) > 0)
    assert [(entry.service, entry.status) for entry in azure.log] == [("observer", None)]


def test_lifting_a_hang_breaks_what_hangs(azure: LocalAzure, client: Client) -> None:
    """Nobody waits for an answer that will not come."""
    azure.faults.set(None, "observer", "hang")

    def lift() -> None:
        eventually(lambda: len(azure.log) > 0)
        azure.faults.clear()

    lifting = threading.Thread(target=lift)
    lifting.start()
    with pytest.raises(requests.ConnectionError):
        client.send("GET", azure.urls["observer"], timeout=300)
    lifting.join()


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("5xx", {}, (503, None)),
        ("5xx", {"status": 500}, (500, None)),
        ("5xx", {"status": 504, "retry_after": 3}, (504, "3")),
        ("429", {}, (429, "1")),
        ("429", {"retry_after": 30}, (429, "30")),
        ("401", {}, (401, None)),
        ("403", {}, (403, None)),
    ],
)
def test_statuses_are_answered_as_told(
    azure: LocalAzure, client: Client, kind: str, parameters: dict[str, int], expected: tuple[int, str | None]
) -> None:
    """With Retry-After where one is given, and always with 429."""
    azure.faults.set(None, "observer", kind, **parameters)
    answer = client.send("GET", azure.urls["observer"])
    assert (answer.status_code, answer.headers.get("Retry-After")) == expected


@pytest.mark.parametrize(
    ("surface", "endpoint", "kind"),
    [
        ("storage", "eastus2.storage", "application/xml"),
        ("ledger", "ledger", "application/xml"),
        ("appconfig", "configuration.0", "application/problem+json"),
        ("acr", "eastus2.acr", "application/json"),
        ("identity", "identity", "application/json"),
    ],
)
def test_injected_refusals_are_worded_by_their_service(
    azure: LocalAzure, client: Client, surface: str, endpoint: str, kind: str
) -> None:
    """A client's error handling meets the shape it expects."""
    azure.faults.set(None, surface, "5xx")
    answer = client.send("GET", f"{azure.urls[endpoint]}/")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (503, kind)


def test_slow_answers_late(azure: LocalAzure, client: Client) -> None:
    """By the delay, and rightly."""
    azure.faults.set(None, "observer", "slow", delay=0.2)
    began = time.monotonic()
    assert client.send("GET", azure.urls["observer"]).status_code == 200
    assert time.monotonic() - began >= 0.2


def test_flaky_fails_every_second_request(azure: LocalAzure, client: Client) -> None:
    """Never twice in a row."""
    azure.faults.set(None, "observer", "flaky")
    assert [client.send("GET", azure.urls["observer"]).status_code for _ in range(4)] == [200, 503, 200, 503]


def test_a_lost_answer_is_one_to_a_request_that_was_carried_out(
    azure: LocalAzure, client: Client, primary: Site
) -> None:
    """The job exists, and its submitter does not know."""
    azure.faults.set("eastus2", "control", "lost-answer", times=1, method="PUT")
    path = f"{primary.project_id}/jobs/a"
    with pytest.raises(requests.ConnectionError):
        client.arm("PUT", path, command_job(primary))
    assert [job.name for job in azure.truth.jobs()] == ["a"]
    assert client.arm("PUT", path, command_job(primary)).status_code == 200


def test_a_fault_can_be_counted(azure: LocalAzure, client: Client) -> None:
    """It ends by itself."""
    azure.faults.set(None, "observer", "5xx", times=2)
    assert [client.send("GET", azure.urls["observer"]).status_code for _ in range(3)] == [503, 503, 200]


def test_a_fault_can_be_narrowed_to_some_requests(azure: LocalAzure, client: Client, primary: Site) -> None:
    """By method and path."""
    azure.faults.set(None, "control", "5xx", method="PUT", path=r"/jobs/b$")
    statuses = {
        name: client.arm("PUT", f"{primary.project_id}/jobs/{name}", command_job(primary)).status_code
        for name in ("a", "b")
    }
    assert statuses == {"a": 201, "b": 503}
    assert client.arm("GET", f"{primary.project_id}/jobs/b").status_code == 404


def test_a_narrow_fault_leaves_the_general_one_to_others(azure: LocalAzure, client: Client, primary: Site) -> None:
    """What does not concern a request does not protect it."""
    azure.faults.set(None, "control", "429")
    azure.faults.set("eastus2", "control", "5xx", method="PUT")
    assert client.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary)).status_code == 503
    assert client.arm("GET", primary.project_id).status_code == 429


def test_surfaces_that_share_a_port_fail_by_themselves(azure: LocalAzure, client: Client, primary: Site) -> None:
    """Refused requests meet a reset there; the other surface goes on."""
    azure.faults.set("eastus2", "jobs", "refuse")
    assert client.ml("POST", experiments(azure, primary)).status_code == 200
    with pytest.raises(requests.ConnectionError):
        client.ml("GET", runs(azure, primary))


def test_a_port_closes_when_all_its_surfaces_refuse(azure: LocalAzure) -> None:
    """Hub and jobs together are the region's whole API."""
    azure.faults.set("eastus2", "jobs", "refuse")
    azure.faults.set("eastus2", "hub", "refuse")
    assert connected(azure.urls["eastus2.api"]) == errno.ECONNREFUSED
    azure.faults.clear("eastus2", "hub")
    assert connected(azure.urls["eastus2.api"]) == 0


def test_a_black_hole_on_a_shared_port_is_silence(azure: LocalAzure, client: Client, primary: Site) -> None:
    """The handshake cannot know which surface is meant."""
    azure.faults.set("eastus2", "jobs", "black-hole")
    with pytest.raises(requests.ReadTimeout):
        client.ml("GET", runs(azure, primary), timeout=(60, 0.2))


def test_resource_manager_fails_for_one_region(
    azure: LocalAzure, client: Client, primary: Site, secondary: Site
) -> None:
    """One endpoint, told apart by the resource group's region."""
    azure.faults.set("eastus2", "control", "5xx")
    assert client.arm("GET", primary.project_id).status_code == 503
    assert client.arm("GET", secondary.project_id).status_code == 200


def test_resource_manager_fails_for_all(azure: LocalAzure, client: Client, primary: Site, secondary: Site) -> None:
    """A fault of the management plane is everybody's."""
    azure.faults.set(None, "control", "5xx")
    assert {client.arm("GET", site.project_id).status_code for site in (primary, secondary)} == {503}
    azure.faults.set(None, "control", "refuse")
    assert connected(azure.urls["resource-manager"]) == errno.ECONNREFUSED


def test_identity_has_no_region(azure: LocalAzure, client: Client) -> None:
    """A region that is given is not looked at."""
    azure.faults.set("eastus2", "identity", "5xx")
    assert client.send("GET", azure.environment()["IDENTITY_ENDPOINT"]).status_code == 503
    azure.faults.clear(None, "identity")
    assert client.send("GET", azure.environment()["IDENTITY_ENDPOINT"]).status_code == 400


def test_a_replica_fails_without_its_origin(azure: LocalAzure) -> None:
    """The origin is in the third region, the replica in the secondary's."""
    azure.faults.set("westus3", "appconfig", "refuse")
    assert connected(azure.urls["configuration.1"]) == errno.ECONNREFUSED
    assert connected(azure.urls["configuration.0"]) == 0


def test_latency_is_added_to_one_endpoint_or_all(azure: LocalAzure, client: Client) -> None:
    """For measurements."""

    def took(name: str) -> float:
        began = time.monotonic()
        client.send("GET", azure.urls[name])
        return time.monotonic() - began

    azure.faults.latency(0.1, "observer")
    assert took("observer") >= 0.1
    assert min(took("northeurope.api") for _ in range(20)) < 0.1
    azure.faults.latency(0.1)
    assert took("northeurope.api") >= 0.1


@pytest.mark.parametrize(
    ("place", "kind", "parameters", "field"),
    [
        (("mars", "storage"), "refuse", {}, "region"),
        (("eastus2", "moon"), "refuse", {}, "surface"),
        (("eastus2", "storage"), "odd", {}, "kind"),
        (("eastus2", "storage"), "5xx", {"code": 3}, "parameters"),
        (("eastus2", "storage"), "5xx", {"status": "x"}, "parameters"),
        (("eastus2", "storage"), "5xx", {"path": "("}, "missing"),
    ],
)
def test_faults_that_are_none_are_refused(
    azure: LocalAzure, place: tuple[str, str], kind: str, parameters: dict[str, object], field: str
) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match=f"^{field}"):
        azure.faults.set(*place, kind, **parameters)


def test_a_region_goes_down_and_comes_back(azure: LocalAzure, client: Client, primary: Site, secondary: Site) -> None:
    """Its ports close, Resource Manager answers 503 for it, and the other region notices nothing."""
    azure.region_down("eastus2")
    for name in ("api", "inference", "storage", "keyvault", "acr"):
        assert connected(azure.urls[f"eastus2.{name}"]) == errno.ECONNREFUSED
    assert client.arm("GET", primary.project_id).status_code == 503
    assert client.arm("GET", secondary.project_id).status_code == 200
    assert client.ml("POST", experiments(azure, secondary)).status_code == 200
    azure.region_up("eastus2")
    assert client.arm("GET", primary.project_id).status_code == 200
    assert client.ml("POST", experiments(azure, primary)).status_code == 200
    assert azure.faults.listed() == []


def test_what_else_stands_in_a_region_goes_with_it(azure: LocalAzure) -> None:
    """The replica with the secondary; origin, ledger and topic with the third region."""
    azure.region_down("westus3")
    shared = ("configuration.0", "configuration.1", "ledger", "notices", "northeurope.api")
    assert [name for name in shared if connected(azure.urls[name])] == ["configuration.1"]
    azure.region_up("westus3")
    azure.region_down("northeurope")
    assert [name for name in shared if not connected(azure.urls[name])] == ["configuration.1"]


def test_a_region_can_go_silently(azure: LocalAzure, client: Client) -> None:
    """As when packets are dropped."""
    azure.region_down("eastus2", "black-hole")
    with pytest.raises(requests.Timeout):
        client.send("GET", azure.urls["eastus2.api"], timeout=(0.2, 5))


def test_nothing_is_left_behind(azure: LocalAzure) -> None:
    """Ports, files and threads are gone after the end, whatever hung."""
    with LocalAzure() as other:
        other.faults.set(None, "observer", "hang")
        client = Client(other, "nobody")

        def wait() -> None:
            with contextlib.suppress(requests.ConnectionError):
                client.send("GET", other.urls["observer"])

        hung = threading.Thread(target=wait)
        hung.start()
        eventually(lambda: len(other.log) == 1)
    hung.join(60)
    client.close()
    assert not hung.is_alive()
    assert not other.ca_bundle.parent.exists()
    assert {connected(address) for address in other.urls.values()} == {errno.ECONNREFUSED}
    assert connected(azure.urls["observer"]) == 0
