"""Key Vault and container registry, as somebody asks them who wants to know whether they answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from stores_support import Credential, Host

from orchestrator.simulator.services import Kernel
from orchestrator.simulator.stores import registry, vault


@pytest.fixture
def http(host: Host) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = host.ca
        yield session


@pytest.fixture
def vault_url(kernel: Kernel, host: Host) -> str:
    return host.serve(vault.routes(kernel, "kv-local"))


@pytest.fixture
def registry_url(kernel: Kernel, host: Host) -> str:
    return host.serve(registry.routes(kernel, "crlocal"))


def secrets(url: str, credential: Credential, host: Host) -> SecretClient:
    return SecretClient(url, credential, verify_challenge_resource=False, connection_verify=host.ca, retry_total=0)


def test_the_real_client_finds_an_empty_vault(vault_url: str, host: Host, credential: Credential) -> None:
    """It follows the challenge to the vault's audience, and lists nothing; a secret is not found."""
    with secrets(vault_url, credential, host) as client:
        assert list(client.list_properties_of_secrets(max_page_size=1)) == []
        with pytest.raises(ResourceNotFoundError):
            client.get_secret("any")
    assert set(credential.scopes) == {"https://vault.azure.net/.default"}


def test_a_vault_challenges_a_caller_without_a_token(vault_url: str, http: requests.Session) -> None:
    """401 with where to get a token and for what, whatever is asked."""
    answer = http.get(f"{vault_url}/secrets")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")
    assert 'resource="https://vault.azure.net"' in answer.headers["WWW-Authenticate"]


def test_a_vault_refuses_strangers(vault_url: str, host: Host, kernel: Kernel) -> None:
    """403 without the role, 401 with a token for another service."""
    kernel.grant("reader", "blob.read")
    with secrets(vault_url, Credential(kernel, "reader"), host) as client, pytest.raises(HttpResponseError) as caught:
        list(client.list_properties_of_secrets())
    assert caught.value.status_code == 403
    stranger = Credential(kernel, audience="https://management.azure.com")
    with secrets(vault_url, stranger, host) as client, pytest.raises(ClientAuthenticationError):
        list(client.list_properties_of_secrets())


@pytest.mark.parametrize(
    "query", ["", "api-version=1.0", "api-version=7.4&maxresults=26", "api-version=7.4&maxresults=x"]
)
def test_a_vault_checks_its_parameters(
    vault_url: str, http: requests.Session, credential: Credential, query: str
) -> None:
    """400 BadParameter without a version it knows, or for pages it does not make."""
    answer = http.get(f"{vault_url}/secrets?{query}", headers=credential.bearer("https://vault.azure.net"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")


def test_a_registry_says_where_to_get_a_token(registry_url: str, http: requests.Session) -> None:
    """The challenge of /v2/ names realm and service."""
    answer = http.get(f"{registry_url}/v2/")
    host_name = registry_url.removeprefix("https://")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="https://{host_name}/oauth2/token",service="{host_name}"'
    )
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def exchange(url: str, http: requests.Session, token: str, **more: str) -> requests.Response:
    form = {"grant_type": "access_token", "service": url.removeprefix("https://"), "access_token": token, **more}
    return http.post(f"{url}/oauth2/exchange", data=form)


@pytest.mark.parametrize("resource_manager", [True, False])
def test_a_token_is_exchanged_in_two_steps(
    registry_url: str, http: requests.Session, kernel: Kernel, resource_manager: bool
) -> None:
    """Entra's token for a refresh token, that for an access token, and with it /v2/ answers 200."""
    audience = kernel.resource_manager if resource_manager else registry.AUDIENCE
    refresh = exchange(registry_url, http, kernel.token("tester", audience)[0]).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "service": "crlocal.azurecr.io", "refresh_token": refresh}
    access = http.post(f"{registry_url}/oauth2/token", data=form).json()["access_token"]
    answer = http.get(f"{registry_url}/v2/", headers={"Authorization": f"Bearer {access}"})
    assert (answer.status_code, answer.json()) == (200, {})


def test_a_registry_refuses_other_tokens(registry_url: str, http: requests.Session, kernel: Kernel) -> None:
    """Another audience, no role, a refresh token in place of an access token: 401 each."""
    good = kernel.token("tester", kernel.resource_manager)[0]
    refresh = exchange(registry_url, http, good).json()["refresh_token"]
    answers = [
        exchange(registry_url, http, kernel.token("tester", "https://vault.azure.net")[0]),
        exchange(registry_url, http, kernel.token("nobody", kernel.resource_manager)[0]),
        http.get(f"{registry_url}/v2/", headers={"Authorization": f"Bearer {refresh}"}),
        http.post(
            f"{registry_url}/oauth2/token",
            data={"grant_type": "refresh_token", "service": "crlocal.azurecr.io", "refresh_token": good},
        ),
    ]
    assert [answer.status_code for answer in answers] == [401] * 4


@pytest.mark.parametrize("more", [{"grant_type": "password"}, {"service": "other.azurecr.io"}, {"access_token": ""}])
def test_an_exchange_must_be_well_formed(
    registry_url: str, http: requests.Session, kernel: Kernel, more: dict[str, str]
) -> None:
    """400 for another grant, another registry, or no token."""
    token = kernel.token("tester", kernel.resource_manager)[0]
    assert exchange(registry_url, http, **{"token": token, **more}).status_code == 400
