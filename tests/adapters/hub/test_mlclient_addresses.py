"""azure-ai-ml goes nowhere but to Azure ML, whatever an answer names, and uploads to nothing but storage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken

from orchestrator.adapters.hub import mlclient
from orchestrator.adapters.hub.submission_policy import SubmissionPolicy
from orchestrator.core.base.errors import InvalidInput, Refused
from orchestrator.core.plan.schema import Hub

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::UserWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

REDIRECTS = ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent")


class Token:
    """A credential that gives a token to anybody who asks."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("s3cr3t", 2**33)


class Nobody:
    """A journal that knows no side: nothing is written down."""

    def side_of(self, _: str) -> None:
        return None


@pytest.fixture
def foreign(serve: Any, answers: Any) -> Any:
    """A host that nobody may reach, and that would answer."""
    return serve(answers("200 OK", json.dumps({"value": [], "status": "Succeeded"})))


@pytest.fixture
def client_at(tls: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """``client_at(url)``: the client of a project whose Resource Manager is there."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", tls.ca)
    monkeypatch.setitem(mlclient.BOUNDS, "retry_total", 0)  # type: ignore[arg-type]
    policy: Any = SubmissionPolicy(Nobody())  # type: ignore[arg-type]

    def make(url: str) -> Any:
        hub = Hub(region="eastus2", subscription="s", resource_group="g", hub="h", project="p", api=url)
        return mlclient.make_client(hub, Token(), url, policy)

    return make


@pytest.mark.parametrize("status", REDIRECTS)
def test_it_follows_no_redirect(
    serve: Any, answers: Any, foreign: Any, client_at: Callable[[str], Any], status: str
) -> None:
    """Neither for a read, nor for a write; the other host hears nothing."""
    host = serve(answers(status, "", f"Location: {foreign.url}/anywhere"))
    client = client_at(host.url)
    for call in (
        lambda: client.datastores.get("a"),
        lambda: list(client.datastores.list()),
        lambda: client.compute.begin_start("a"),
    ):
        with pytest.raises(Exception):  # noqa: B017, PT011 - of azure-ai-ml's many kinds
            call()
    assert foreign.connections == 0


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_it_follows_no_link_to_another_host(
    *, serve: Any, answers: Any, foreign: Any, client_at: Callable[[str], Any], scheme: str
) -> None:
    """The next page of a list is asked where the first one was."""
    link = f"{scheme}://{urlsplit(foreign.url).netloc}/next"
    host = serve(answers("200 OK", json.dumps({"value": [], "nextLink": link})))
    with pytest.raises(InvalidInput, match=str(foreign.port)):
        list(client_at(host.url).datastores.list())
    assert foreign.connections == 0


@pytest.mark.parametrize("header", ["Location", "Azure-AsyncOperation"])
def test_it_polls_nowhere_else(
    serve: Any, answers: Any, foreign: Any, client_at: Callable[[str], Any], header: str
) -> None:
    """The place of a long-running operation comes from an answer, too."""
    host = serve(answers("202 Accepted", "{}", f"{header}: {foreign.url}/operations/1", "Retry-After: 0"))
    with pytest.raises(InvalidInput, match=str(foreign.port)):
        client_at(host.url).compute.begin_start("a").result(timeout=20)
    assert foreign.connections == 0


@pytest.mark.parametrize(
    "uri",
    ["https://evil.example/box?sig=x", "http://account.blob.core.windows.net/box?sig=x", "https://127.0.0.1:1/b?s", ""],
)
def test_it_uploads_code_to_storage_only(
    *, serve: Any, answers: Any, client_at: Callable[[str], Any], tmp_path: Path, uri: str
) -> None:
    """The SAS URI of a pending upload is looked at before a file leaves."""
    from azure.ai.ml.entities._assets import Code

    (tmp_path / "train.py").write_text("x", encoding="utf-8")
    upload = {"blobReferenceForConsumption": {"blobUri": uri, "credential": {"credentialType": "SAS", "sasUri": uri}}}
    host = serve(answers("200 OK", json.dumps({"value": [], **upload})))
    with mlclient.quiet(), pytest.raises(Refused, match="is not asked"):
        client_at(host.url)._code.create_or_update(Code(name="c", version="1", path=str(tmp_path)))


@pytest.mark.parametrize("account", ["evil.example/", "x@evil.example", "", "a/b", 7])
def test_an_account_that_is_no_account_is_refused(
    serve: Any, answers: Any, client_at: Callable[[str], Any], account: object
) -> None:
    """azure-ai-ml would put it into a host's name, and send a signature or a token there."""
    store = {"properties": {"datastoreType": "AzureBlob", "accountName": account, "containerName": "c"}}
    host = serve(answers("200 OK", json.dumps(store | {"name": "a", "value": [store]})))
    with pytest.raises(InvalidInput, match="accountName"):
        client_at(host.url).datastores.get("a")
