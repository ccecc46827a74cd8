"""Where tokens come from: a managed identity when running unattended, the developer's own login otherwise.

Three identities are kept apart: the *executor* switches and resubmits, the *probe* only looks, the *reader* reads the
inventories of both sides. With an identity of its own, looking spends nothing of the executor's share of Resource
Manager's writes, and reading inventories nothing of the probe's share of reads.

Every failure to get a token is a ``TemporaryError`` that names the identity: it says nothing about the service that
the token was meant for. Blocking credentials come from MSAL, which repeats a failed answer of the identity endpoint
from memory for five seconds, or for as long as a Retry-After says (msal, ``managed_identity.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential, TokenRequestOptions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential

from orchestrator.adapters.http.errors import shorten
from orchestrator.adapters.http.transport import NO_RETRY, AsyncBoundedTransport, BoundedTransport
from orchestrator.core.base.errors import TemporaryError
from orchestrator.settings import CredentialKind, Settings


class Identity(StrEnum):
    EXECUTOR = "executor"
    PROBE = "probe"
    READER = "reader"


def client_id_of(settings: Settings, identity: Identity) -> str:
    """The client id, or an empty text for the system-assigned identity."""
    if identity is Identity.EXECUTOR:
        return settings.executor_client_id
    return (identity is Identity.READER and settings.reader_client_id) or settings.probe_client_id


def name_of(settings: Settings, identity: Identity) -> str:
    """How people are told which identity is meant."""
    if settings.credential is CredentialKind.DEFAULT:
        return f"{identity} identity (this machine's login)"
    return f"{identity} identity ({client_id_of(settings, identity) or 'system-assigned'})"


class NamedCredential:
    """A credential whose failures say which identity failed. A ``TokenCredential`` that SDK clients accept."""

    def __init__(self, inner: Any, name: str) -> None:
        self._inner = inner
        self.name = name

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        with self._name_errors():
            token: AccessToken = self._inner.get_token(*scopes, **options)
        return token

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        with self._name_errors():
            token: AccessTokenInfo = self._inner.get_token_info(*scopes, options=options)
        return token

    @contextmanager
    def _name_errors(self) -> Iterator[None]:
        try:
            yield
        except AzureError as fault:
            raise TemporaryError(f"no token for the {self.name}: {shorten(str(fault.message))}") from fault


def credential_for(settings: Settings, identity: Identity, transport: BoundedTransport) -> TokenCredential:
    """The credential of one identity for blocking clients. It keeps its tokens: make one per process."""
    client_id = client_id_of(settings, identity) or None
    if settings.credential is CredentialKind.MANAGED_IDENTITY:
        inner: Any = ManagedIdentityCredential(client_id=client_id, transport=transport, **NO_RETRY)
    else:
        inner = DefaultAzureCredential(managed_identity_client_id=client_id, transport=transport, **NO_RETRY)
    return NamedCredential(inner, name_of(settings, identity))


def async_credential_for(
    settings: Settings, identity: Identity, transport: AsyncBoundedTransport
) -> AsyncTokenCredential:
    """The credential of one identity for asynchronous callers, with nothing in its cache."""
    client_id = client_id_of(settings, identity) or None
    if settings.credential is CredentialKind.MANAGED_IDENTITY:
        return AsyncManagedIdentityCredential(client_id=client_id, transport=transport, **NO_RETRY)
    return AsyncDefaultAzureCredential(managed_identity_client_id=client_id, transport=transport, **NO_RETRY)
