"""Tokens: who gets them, for what, and who is turned away."""

from __future__ import annotations

import asyncio
import time

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential
from local_azure_client import Client, ClientMaker

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.identity import EXECUTOR, PROBE

STORAGE = "https://storage.azure.com"


@pytest.fixture
def environment(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in azure.environment().items():
        monkeypatch.setenv(name, value)
    return azure.environment()


def asked(azure: LocalAzure, secret: str | None, **query: str) -> requests.Response:
    usual = {"api-version": "2019-08-01", "resource": STORAGE, "client_id": EXECUTOR}
    headers = {} if secret is None else {"X-IDENTITY-HEADER": secret}
    return requests.get(f"{azure.urls['identity']}/msi/token", params=usual | query, headers=headers, timeout=60)


@pytest.mark.usefixtures("environment")
def test_azure_identity_gets_a_token_for_the_audience_it_asks_for() -> None:
    """The real credential takes the endpoint for App Service's."""
    with ManagedIdentityCredential(client_id=EXECUTOR) as credential:
        token = credential.get_token(f"{STORAGE}/.default")
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert (claims["aud"], claims["appid"]) == (STORAGE, EXECUTOR)
    assert 3500 < token.expires_on - time.time() <= 3600


@pytest.mark.usefixtures("environment")
def test_the_asynchronous_credential_gets_one_too() -> None:
    """Probes are asynchronous."""

    async def get() -> str:
        async with AsyncManagedIdentityCredential(client_id=PROBE) as credential:
            return (await credential.get_token("https://ml.azure.com/.default")).token

    assert jwt.decode(asyncio.run(get()), options={"verify_signature": False})["appid"] == PROBE


@pytest.mark.usefixtures("environment")
def test_an_identity_that_is_not_assigned_gets_nothing() -> None:
    """A client id that the app does not have is refused, and azure-identity says so."""
    with (
        ManagedIdentityCredential(client_id="c0000000-0000-4000-8000-000000000000") as credential,
        pytest.raises(ClientAuthenticationError, match="No User Assigned"),
    ):
        credential.get_token(f"{STORAGE}/.default")


@pytest.mark.parametrize(
    ("secret", "query", "status"),
    [
        ("wrong", {}, 401),
        (None, {}, 400),
        ("right", {"api-version": "2017-09-01"}, 400),
        ("right", {"resource": ""}, 400),
        ("right", {"client_id": ""}, 400),
        ("right", {}, 200),
    ],
)
def test_a_malformed_request_gets_no_token(
    azure: LocalAzure, secret: str | None, query: dict[str, str], status: int
) -> None:
    """Header, version, resource and identity must all be right."""
    right = azure.environment()["IDENTITY_HEADER"]
    assert asked(azure, right if secret == "right" else secret, **query).status_code == status


def test_tokens_live_as_long_as_they_are_told_to() -> None:
    """So that renewal can be tried out."""
    with LocalAzure(token_lifetime=90) as azure:
        answer = asked(azure, azure.environment()["IDENTITY_HEADER"]).json()
    assert 80 < int(answer["expires_on"]) - time.time() <= 90


def test_a_token_for_another_audience_is_refused(azure: LocalAzure, client: Client, primary: Site) -> None:
    """A storage token opens no workspace."""
    url = f"{azure.urls['resource-manager']}{primary.project_id}?api-version=2024-10-01"
    answer = client.send("GET", url, audience=STORAGE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationTokenAudience")


def test_an_expired_token_is_refused(azure: LocalAzure, client: Client, primary: Site) -> None:
    """Expiry is checked, not only shown."""
    token, _ = azure.kernel.token(EXECUTOR, azure.urls["resource-manager"], lifetime=-1)
    url = f"{azure.urls['resource-manager']}{primary.project_id}?api-version=2024-10-01"
    answer = client.send("GET", url, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "ExpiredAuthenticationToken")


def test_a_request_without_a_token_is_refused(azure: LocalAzure, client: Client, primary: Site) -> None:
    """Nothing but the references can be read anonymously."""
    url = f"{azure.urls['resource-manager']}{primary.project_id}?api-version=2024-10-01"
    answer = client.send("GET", url)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_missing_permission_is_forbidden(azure: LocalAzure, client: Client, primary: Site) -> None:
    """Roles are per identity, and can be taken away."""
    azure.kernel.revoke(EXECUTOR, "arm.read")
    answer = client.arm("GET", primary.project_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")


def test_the_probing_identity_cannot_write(client_of: ClientMaker, azure: LocalAzure, primary: Site) -> None:
    """A defect in probing cannot submit jobs."""
    answer = client_of(azure, PROBE).arm("PUT", f"{primary.project_id}/jobs/x", {"properties": {}})
    assert answer.status_code == 403
