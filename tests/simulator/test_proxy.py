"""Programs that know only the public names of storage accounts reach the simulated ones, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from orchestrator.simulator.cloud import LocalAzure


@pytest.fixture
def azure() -> Iterator[LocalAzure]:
    with LocalAzure(seed=3) as cloud:
        yield cloud


def _get(azure: LocalAzure, url: str) -> requests.Response:
    proxies = {"https": azure.urls["proxy"], "http": azure.urls["proxy"]}
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, proxies=proxies, verify=str(azure.ca_bundle), timeout=60)


def test_each_region_s_account_answers_under_its_public_name(azure: LocalAzure) -> None:
    """With a certificate for that name."""
    for site in azure.estate.sites:
        azure.call(lambda region=site.region: azure.blobs[region].put("given", region, b"here"))
        sas = azure.blobs[site.region].sas("given", "r")
        answer = _get(azure, f"https://{site.storage}.blob.core.windows.net/given/{site.region}?{sas}")
        assert (answer.status_code, answer.content) == (200, b"here")


@pytest.mark.parametrize(
    "url", ["https://example.com/", "https://somebodyelse.blob.core.windows.net/", "http://x.test/"]
)
def test_nothing_else_is_reached(azure: LocalAzure, url: str) -> None:
    """Not the network, and not an account that does not exist."""
    if url.startswith("http:"):
        assert _get(azure, url).status_code == 403
        return
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        _get(azure, url)


def test_an_account_that_is_down_is_down_under_its_name_too(azure: LocalAzure) -> None:
    """A region that is away takes its account along."""
    azure.region_down("eastus2")
    with pytest.raises(requests.exceptions.ConnectionError):
        _get(azure, "https://sthubeastus2.blob.core.windows.net/given/x")
