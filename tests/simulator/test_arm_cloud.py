"""The simulated Azure as a whole: what it hands out, how it starts and ends, alone or in a test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from local_azure_client import Client, ClientMaker, command_job

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Mode, Surface
from orchestrator.core.plan.load import plan_from
from orchestrator.local.simulated_plan import plan_of, plan_yaml
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import estate_of
from orchestrator.simulator.identity import EXECUTOR


def test_every_endpoint_has_a_loopback_port_of_its_own(azure: LocalAzure) -> None:
    """So that faults are real."""
    assert len(set(azure.urls.values())) == len(azure.urls)
    assert {url.rsplit(":", 1)[0].split("//")[1] for url in azure.urls.values()} == {"127.0.0.1"}


def test_the_plan_survives_its_yaml(azure: LocalAzure) -> None:
    """What is written for another process is what a test gets."""
    policy = {
        "mode": Mode.AUTO,
        "green_drills": 0,
        "confirm_after": timedelta(seconds=30),
        "confirm_after_notice": timedelta(seconds=30),
        "suspect_interval": timedelta(milliseconds=250),
    }
    text = plan_yaml(azure, **policy)
    assert plan_from(text, "plan.yaml") == plan_of(azure, **policy)
    assert "confirm_after: 30s" in text
    assert "suspect_interval: 250ms" in text


def test_a_plan_that_contradicts_itself_is_not_made(azure: LocalAzure) -> None:
    """As one that is read from a file is refused."""
    with pytest.raises(InvalidInput, match="confirm_after_notice"):
        plan_of(azure, confirm_after=timedelta(seconds=60))


def test_the_plan_lets_every_surface_be_asked(azure: LocalAzure) -> None:
    """Both sides have storage, vault, registry and a scoring endpoint."""
    plan = plan_of(azure)
    wanted = set(Surface) - {Surface.OBSERVER, Surface.ELSEWHERE}
    assert {frozenset(plan.surfaces(role)) for role in ("primary", "secondary")} == {frozenset(wanted)}


def test_clusters_may_be_named_differently_on_the_other_side() -> None:
    """And the plan says how."""
    estate = estate_of(compute_map={"gpu-cluster": "gpu-west"})
    with LocalAzure(estate=estate) as azure:
        assert plan_of(azure).jobs.computes == {"gpu-cluster": "gpu-west"}
        site = azure.estate.pair("demo").secondary
        assert azure.resources.get(f"{site.project_id}/computes/gpu-west") is not None
        assert azure.resources.get(f"{site.project_id}/computes/gpu-cluster") is None


def test_there_may_be_several_pairs(client_of: ClientMaker) -> None:
    """In the same regions, each with its own hubs."""
    with LocalAzure(estate=estate_of(pairs=("demo", "vision"))) as azure:
        client = client_of(azure, EXECUTOR)
        plan = plan_of(azure, "vision")
        assert plan.primary.project == "proj-eastus2-vision"
        site = azure.estate.pair("vision").primary
        assert client.arm("PUT", f"{site.project_id}/jobs/a", command_job(site)).status_code == 201


def test_the_log_tells_what_was_called_between_two_moments(azure: LocalAzure, client: Client) -> None:
    """By service and region, with who asked and what was answered."""
    site = azure.estate.pair("demo").primary
    start = azure.kernel.now()
    client.arm("PUT", f"{site.project_id}/jobs/a", command_job(site))
    client.send("GET", azure.urls["observer"])
    end = azure.kernel.now()
    client.arm("GET", site.project_id)
    (entry,) = azure.log.between(start, end, service="resource-manager", region="eastus2")
    assert (entry.method, entry.status, entry.principal) == ("PUT", 201, EXECUTOR)
    assert entry.body_size > 0
    assert entry.duration is not None
    assert azure.log.between(start, end, service="resource-manager", region="westus3") == []
    assert len(azure.log.between(start, end)) == 2


def test_the_log_is_in_the_order_of_arrival(azure: LocalAzure, client: Client) -> None:
    """Its times never go back."""
    for _ in range(20):
        client.send("GET", azure.urls["observer"])
    entries = azure.log.entries()
    assert [entry.sequence for entry in entries] == list(range(1, 21))
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


@pytest.fixture
def process(tmp_path: Path) -> subprocess.Popen[str]:
    arguments = ["--seed", "3", "--speed", "1000", "--json", "--folder", str(tmp_path / "azure")]
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "azure", *arguments], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_as_a_process_and_leaves_nothing(
    process: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    """Plans and environment are in its folder while it runs; a signal ends it in order."""
    with process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        plan = plan_from(Path(told["plans"]["demo"]).read_text(encoding="utf-8"), "demo.yaml")
        assert plan.primary.api == told["endpoints"]["eastus2.api"]
        lines = (tmp_path / "azure" / "azure.env").read_text(encoding="utf-8").splitlines()
        assert dict(line.split("=", 1) for line in lines) == told["environment"]
        trusted = told["environment"]["HUBSWITCH_CA_BUNDLE"]
        assert requests.get(told["endpoints"]["observer"], verify=trusted, timeout=60).status_code == 200
        process.send_signal(number)
        assert process.wait(300) == 0
    assert not (tmp_path / "azure").exists()


def test_files_of_others_in_its_folder_stay(process: subprocess.Popen[str], tmp_path: Path) -> None:
    """It removes what it wrote."""
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        theirs = tmp_path / "azure" / "plans" / "theirs.yaml"
        theirs.write_text("schema: 1\n", encoding="utf-8")
        os.kill(process.pid, signal.SIGTERM)
        process.wait(300)
    assert [path.name for path in (tmp_path / "azure").rglob("*") if path.is_file()] == ["theirs.yaml"]
