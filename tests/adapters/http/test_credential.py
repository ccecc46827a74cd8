"""Tokens come from the identity endpoint of App Service, within bounds, and failures name the identity."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.adapters.http.credential import Identity, async_credential_for, credential_for, name_of
from orchestrator.adapters.http.transport import AsyncBoundedTransport, BoundedTransport, Gate, Limits
from orchestrator.core.base.errors import TemporaryError
from orchestrator.settings import CredentialKind, Settings

SETTINGS = Settings(plans="plans", executor_client_id="exec-id", probe_client_id="probe-id")
SCOPE = "https://vault.azure.net/.default"

SDK_DEFAULT = 100.0
"""Seconds, fewer than the client's own defaults would wait. Far more than ours take: a machine may sleep in between."""


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch, serve_plain: Any) -> Callable[[Any], Any]:
    """Make a handler the identity endpoint of this process."""

    def use(handler: Any) -> Any:
        server = serve_plain(handler)
        monkeypatch.setenv("IDENTITY_ENDPOINT", server.url + "/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header-1")
        return server

    return use


def granting(seen: list[str], request_of: Any) -> Any:
    """A handler that grants tokens and keeps what it was asked."""

    def handle(connection: Any) -> None:
        while asked := request_of(connection):
            seen.append(asked)
            expires = str(int(time.time()) + 3600)
            token = {"access_token": f"t{len(seen)}", "expires_on": expires, "resource": "r", "token_type": "Bearer"}
            body = json.dumps(token)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall((head + body).encode())

    return handle


def test_each_identity_asks_under_its_own_client_id(
    identity: Any, request_of: Any, transport: BoundedTransport
) -> None:
    """Executor and probe are two identities; the audience is the scope's."""
    seen: list[str] = []
    identity(granting(seen, request_of))
    for who in Identity:
        credential_for(SETTINGS, who, transport).get_token(SCOPE)
    assert ["client_id=exec-id" in seen[0], "client_id=probe-id" in seen[1]] == [True, True]
    assert "resource=https://vault.azure.net&" in seen[0]
    assert "x-identity-header: header-1" in seen[0].lower()


def test_a_credential_keeps_its_token(identity: Any, request_of: Any, transport: BoundedTransport) -> None:
    """A thousand calls cost one question to the identity endpoint."""
    seen: list[str] = []
    identity(granting(seen, request_of))
    credential = credential_for(SETTINGS, Identity.EXECUTOR, transport)
    assert {credential.get_token(SCOPE).token for _ in range(3)} == {"t1"}


def test_a_system_assigned_identity_names_no_client_id(
    identity: Any, request_of: Any, transport: BoundedTransport
) -> None:
    """An empty client id means the system-assigned identity."""
    seen: list[str] = []
    identity(granting(seen, request_of))
    credential_for(Settings(plans="p"), Identity.EXECUTOR, transport).get_token(SCOPE)
    assert "client_id" not in seen[0]


@pytest.mark.parametrize("status", ["500 Oops", "400 Bad Request", "429 Slow"])
def test_an_identity_that_says_no_is_named(
    identity: Any, answers: Any, transport: BoundedTransport, status: str
) -> None:
    """The message says whose token is missing; no other service is suspected."""
    identity(answers(status, '{"error": "x"}'))
    with pytest.raises(TemporaryError, match=r"no token for the probe identity \(probe-id\)"):
        credential_for(SETTINGS, Identity.PROBE, transport).get_token(SCOPE)


@pytest.mark.longest_wait(1)
def test_an_identity_that_hangs_is_bounded(identity: Any, transport: BoundedTransport) -> None:
    """A silent identity endpoint costs one read timeout."""

    def silent(connection: Any) -> None:
        while connection.recv(4096):
            pass

    identity(silent)
    start = time.monotonic()
    with pytest.raises(TemporaryError, match="executor identity"):
        credential_for(SETTINGS, Identity.EXECUTOR, transport).get_token(SCOPE)
    assert time.monotonic() - start < SDK_DEFAULT


def test_an_asynchronous_credential_starts_without_tokens(
    identity: Any, request_of: Any, limits: Limits, tls: Any
) -> None:
    """Each one made asks anew: that is how a sweep learns whether tokens can be had now."""
    seen: list[str] = []
    identity(granting(seen, request_of))

    async def tokens() -> list[str]:
        transport = AsyncBoundedTransport(Gate(limits), tls.ca)
        try:
            made = [async_credential_for(SETTINGS, Identity.PROBE, transport) for _ in range(2)]
            return [(await credential.get_token(SCOPE)).token for credential in made]
        finally:
            await transport.close()

    assert asyncio.run(tokens()) == ["t1", "t2"]


def test_identities_are_named_for_people() -> None:
    """The name says which identity, and where it comes from."""
    own = Settings(plans="p", credential=CredentialKind.DEFAULT)
    assert name_of(Settings(plans="p"), Identity.PROBE) == "probe identity (system-assigned)"
    assert name_of(own, Identity.EXECUTOR) == "executor identity (this machine's login)"
