"""azure-ai-ml's client as a person makes it by its documentation, but for the cloud that it talks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from azure.core.credentials import TokenCredential
from azure.identity import ManagedIdentityCredential

from orchestrator.simulator.cloud import LocalAzure


class Project(Protocol):
    """A hub of a plan, or a site of the simulated estate."""

    @property
    def subscription(self) -> str: ...

    @property
    def resource_group(self) -> str: ...

    @property
    def project(self) -> str: ...


@contextmanager
def user_credential(azure: LocalAzure) -> Iterator[TokenCredential]:
    """The login of a person of the simulated Azure."""
    with ManagedIdentityCredential(client_id=azure.user_client_id) as credential:
        yield credential


def user_client(azure: LocalAzure, of: Project, credential: TokenCredential, **options: Any) -> Any:
    """A client of one project."""
    from azure.ai.ml import MLClient

    return MLClient(
        credential,
        of.subscription,
        of.resource_group,
        of.project,
        enable_telemetry=False,
        show_progress=False,
        **options,
        **azure.mlclient_kwargs(),
    )
