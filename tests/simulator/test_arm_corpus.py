"""Bodies of jobs as azure-ai-ml makes them from Microsoft's examples, where they were made for and elsewhere.

They lie beside the repository; without them there is nothing to try here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from local_azure_client import Client, ClientMaker

from orchestrator.simulator.arm.throttle import Throttle
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Estate, Pair, Site

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
COMPUTES = ("cpu-cluster", "gpu-cluster", "gpu-cluster-big", "batch-cluster")

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the repository")


def site(subscription: str, region: str, side: str) -> Site:
    return Site(
        subscription=subscription,
        region=region,
        resource_group=f"rg-{side}",
        hub=f"hub-{side}",
        project=f"proj-{side}",
        storage=f"st{region}",
        keyvault=f"kv-{region}",
        acr=f"cr{region}",
        computes=dict.fromkeys(COMPUTES, "STANDARD_DS3_V2"),
    )


def captured() -> list[dict[str, Any]]:
    bodies = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((CORPUS / "jobs").glob("*.json"))]
    return [body for body in bodies if "put" in body]


@pytest.fixture
def azure() -> Iterator[LocalAzure]:
    """Two workspaces, the first with the assets that the bodies name."""
    subscription = captured()[0]["put"]["url"].split("/")[2]
    primary, secondary = site(subscription, "eastus2", "primary"), site(subscription, "westus3", "secondary")
    pair = Pair(name="demo", primary=primary, secondary=secondary, computes={})
    estate = Estate(subscription=subscription, regions=("eastus2", "westus3"), third="northeurope", pairs=(pair,))
    assets = json.loads((CORPUS / "jobs_assets.json").read_text(encoding="utf-8"))
    with LocalAzure(estate=estate, throttle=Throttle(enabled=False)) as cloud:
        for name, asset in assets.items():
            properties = asset.get("body", {}).get("properties", {"codeUri": "none"})
            cloud.resources.put(name, {"properties": properties})
        yield cloud


@pytest.fixture
def submitter(azure: LocalAzure, client_of: ClientMaker) -> Client:
    return client_of(azure, azure.user_client_id)


def put(client: Client, job: dict[str, Any], url: str) -> requests.Response:
    manager = client.azure.urls["resource-manager"]
    token, _ = client.azure.kernel.token(client.client_id, "https://ml.azure.com")
    options = {"params": {"api-version": job["put"]["api-version"]}, "headers": {"x-azureml-token": token}}
    return client.send("PUT", manager + url, audience=manager, json=job["body"], **options)


def test_every_example_is_accepted_where_it_belongs(submitter: Client) -> None:
    """All that may be missing there is a named asset or cluster that nobody captured."""
    answers = [put(submitter, job, job["put"]["url"]) for job in captured()]
    refusals = [answer.json()["error"]["message"] for answer in answers if answer.status_code != 201]
    assert [message for message in refusals if "does not exist in workspace" not in message] == []
    assert len(answers) - len(refusals) >= 60


def test_no_example_is_accepted_elsewhere(submitter: Client) -> None:
    """Not one body goes through unchanged."""
    urls = [job["put"]["url"].replace("-primary", "-secondary") for job in captured()]
    answers = [put(submitter, job, url) for job, url in zip(captured(), urls, strict=True)]
    assert {answer.status_code for answer in answers} == {400}
