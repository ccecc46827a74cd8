"""Jobs of a hub's project as raw ARM JSON.

azure-ai-ml is not used: getting a job and giving it to ``create_or_update`` patches the old run instead of submitting
a new one, and its models lose fields. A PUT is sent with the api-version that the job was once submitted with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from azure.core.credentials import TokenCredential

from orchestrator.adapters.http.arm import WORKSPACE_VERSION, ResourceManager
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.core.plan.schema import Hub

READ_VERSION = "2024-01-01-preview"
"""What azure-ai-ml 1.35 reads and lists jobs of every type with."""

CANCEL_VERSION = "2023-04-01-preview"
"""What azure-ai-ml 1.35 cancels with."""

ML_SCOPE = "https://ml.azure.com/.default"
TOKEN_HEADER = "x-azureml-token"  # noqa: S105 - the name of a header


class ArmJobs:
    """``JobService`` through Resource Manager. Safe to share between threads.

    Args:
        manager: Resource Manager, as the executor.
        credential: the executor again, for the token that pipelines carry along.
        pacer_of: the share of writes in a hub's subscription.
    """

    def __init__(self, manager: ResourceManager, credential: TokenCredential, pacer_of: Callable[[Hub], Pacer]) -> None:
        self._manager = manager
        self._credential = credential
        self._pacer_of = pacer_of

    def get(self, hub: Hub, name: str) -> dict[str, Any]:
        """The job. NotFound if there is none."""
        return self._manager.get(_path(hub, name), READ_VERSION)

    def put(self, hub: Hub, name: str, body: Mapping[str, Any], api_version: str) -> dict[str, Any]:
        """Submit, in turn with all other writes of this process; a name that exists answers with the existing job."""
        return self._manager.write(
            "PUT", _path(hub, name), api_version, body, pacer=self._pacer_of(hub), headers=self._headers(body)
        )

    def cancel(self, hub: Hub, name: str) -> None:
        """Ask for the job's end; what it comes to is seen in the job's status. NotFound if there is none."""
        self._manager.write("POST", f"{_path(hub, name)}/cancel", CANCEL_VERSION, None, pacer=self._pacer_of(hub))

    def pages(self, hub: Hub) -> Iterator[Sequence[dict[str, Any]]]:
        """All active jobs, newest first, a page at a time."""
        yield from self._manager.pages(f"{hub.project_id}/jobs", READ_VERSION, listViewType="ActiveOnly")

    def reachable(self, hub: Hub) -> None:
        """Return if Resource Manager answers for this hub's project; raise otherwise. A read: it spends no write."""
        self._manager.get(hub.project_id, WORKSPACE_VERSION)

    def _headers(self, body: Mapping[str, Any]) -> dict[str, str]:
        """azure-ai-ml sends pipelines with a token for Azure ML itself; the service submits their steps with it."""
        properties = body.get("properties")
        if not isinstance(properties, Mapping) or properties.get("jobType") != "Pipeline":
            return {}
        return {TOKEN_HEADER: self._credential.get_token(ML_SCOPE).token}


def _path(hub: Hub, name: str) -> str:
    return f"{hub.project_id}/jobs/{quote(name, safe='')}"
