"""Raw HTTP requests to a local Azure, and the bodies that tests send with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests
from waiting import until

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site

API_VERSION = "2025-01-01-preview"


class Client:
    """One identity's raw HTTP requests."""

    def __init__(self, azure: LocalAzure, client_id: str) -> None:
        self.azure = azure
        self.client_id = client_id
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(azure.ca_bundle)

    def close(self) -> None:
        self._session.close()

    def send(self, method: str, url: str, *, audience: str | None = None, **options: Any) -> requests.Response:
        """A request with a token for an audience, or without one."""
        headers = dict(options.pop("headers", {}))
        if audience:
            token, _ = self.azure.kernel.token(self.client_id, audience)
            headers["Authorization"] = f"Bearer {token}"
        options.setdefault("timeout", 120)
        return self._session.request(method, url, headers=headers, **options)

    def arm(self, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        """A request to Resource Manager."""
        manager = self.azure.urls["resource-manager"]
        url = path if path.startswith("https:") else f"{manager}{path}"
        params = {} if "api-version=" in url else {"api-version": API_VERSION} | query
        return self.send(method, url, audience=manager, json=body, params=params)

    def ml(self, method: str, url: str, **options: Any) -> requests.Response:
        """A request to a region's Azure ML API."""
        return self.send(method, url, audience="https://ml.azure.com", **options)


type ClientMaker = Callable[[LocalAzure, str], Client]
"""Makes a client of a local Azure for an identity; closed by the fixture that made the maker."""


def command_job(site: Site, **properties: Any) -> dict[str, Any]:
    """The body of the usual command job of a site's project."""
    usual = {
        "jobType": "Command",
        "command": "python train.py",
        "environmentId": f"{site.project_id}/environments/train-env/versions/1",
        "computeId": f"{site.project_id}/computes/cpu-cluster",
        "experimentName": "iris",
        "tags": {"local.duration": "60"},
    }
    return {"properties": usual | properties}


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for a while."""
    until(holds, "what the test waits for", pause=0.005)
