"""Files are written with the least right that does: our token, a signature, or a key that signs for one file."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from asset_fixtures import API, Bound, files_of
from azure_fixtures import SelfMadeToken, read_request

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.pacing import Budget, Pacer
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.hub import upload_places
from orchestrator.adapters.hub.assets import ArmAssets
from orchestrator.core.base.errors import InvalidInput, Refused
from orchestrator.core.plan.schema import LedgerAccount, Plan
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.request_log import LoggedRequest

FILES = {"Dockerfile": b"FROM python:3.13\n", "conda/env.yml": b"name: x\n"}


@pytest.fixture
def environment(put: Any, context: str, pair: str) -> str:
    """An environment of the primary that is built from a folder; its id."""
    return str(put("environments", pair, {"build": {"contextUri": context, "dockerfilePath": "Dockerfile"}}))


@pytest.fixture
def keys_only(azure: LocalAzure) -> Iterator[None]:
    """``listSecrets`` answers with the account's key."""
    azure.kernel.gives_keys_only = True
    yield
    azure.kernel.gives_keys_only = False


def of_default_store(azure: LocalAzure, plan: Plan, **changed: Any) -> dict[str, Any]:
    """Change the secondary's default datastore; what was there before."""

    def change() -> dict[str, Any]:
        found = azure.resources.get(f"{plan.secondary.project_id}/datastores/workspaceblobstore")
        assert found is not None
        before = {name: found["properties"][name] for name in changed}
        found["properties"] |= changed
        return before

    return azure.call(change)


@pytest.fixture
def identity_based(azure: LocalAzure, plan: Plan) -> Iterator[None]:
    """The secondary's datastores have no credentials."""
    before = of_default_store(azure, plan, credentials={"credentialsType": "None"})
    yield
    of_default_store(azure, plan, **before)


def requests_since(azure: LocalAzure, since: datetime, surface: str) -> list[LoggedRequest]:
    return azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface=surface)


def recreated(azure: LocalAzure, assets: Bound, plan: Plan, environment: str) -> dict[str, bytes]:
    """Recreate the environment; the files of its folder in the secondary."""
    new = assets.recreate(plan.primary, plan.secondary, environment, assets.capture(plan.primary, environment))
    uri = assets.service._manager.get(new, API)["properties"]["build"]["contextUri"]
    return files_of(azure, plan.secondary.region, uri.rstrip("/"))


@pytest.mark.usefixtures("identity_based")
def test_a_datastore_without_credentials_is_written_with_our_own_token(
    azure: LocalAzure, assets: Bound, plan: Plan, environment: str
) -> None:
    """``listSecrets``, which has nothing to give, is not called."""
    since = datetime.now(UTC)
    assert recreated(azure, assets, plan, environment) == FILES
    assert [r.path for r in requests_since(azure, since, "control") if "listsecrets" in r.path.lower()] == []
    puts = [r for r in requests_since(azure, since, "storage") if r.method == "PUT"]
    assert puts
    assert {r.principal is not None and "sig=" not in r.query for r in puts} == {True}


def test_a_datastore_with_a_signature_is_written_with_it(
    azure: LocalAzure, assets: Bound, plan: Plan, environment: str
) -> None:
    """The signature that the project gives is asked for an hour; our token stays at home."""
    since = datetime.now(UTC)
    assert recreated(azure, assets, plan, environment) == FILES
    puts = [r for r in requests_since(azure, since, "storage") if r.method == "PUT"]
    assert {(r.principal, parse_qs(r.query)["sr"][0]) for r in puts} == {(None, "c")}


@pytest.mark.usefixtures("keys_only")
def test_with_an_account_key_each_file_is_signed_for_by_itself(
    azure: LocalAzure, assets: Bound, plan: Plan, environment: str
) -> None:
    """To create and write that one name, over https, for minutes."""
    since = datetime.now(UTC)
    assert recreated(azure, assets, plan, environment) == FILES
    puts = [r for r in requests_since(azure, since, "storage") if r.method == "PUT"]
    for put in puts:
        fields = {name: value[0] for name, value in parse_qs(put.query).items()}
        assert (put.principal, fields["sr"], fields["sp"], fields["spr"]) == (None, "b", "cw", "https")
        assert datetime.fromisoformat(fields["se"]) - datetime.now(UTC) <= upload_places.CLOCKS_DIFFER
    assert len({parse_qs(put.query)["sig"][0] for put in puts}) == len(FILES)


def test_a_default_datastore_that_leads_to_the_ledger_is_not_written(
    azure: LocalAzure, assets: Bound, plan: Plan, environment: str
) -> None:
    """Whoever may change a datastore of the standby may not make us write over records with our token."""
    ledger = LedgerAccount(account="https://sthubswitch.blob.core.windows.net")
    assets.service._places._own._plans = {"demo": msgspec.structs.replace(plan, ledger=ledger)}
    kept = assets.capture(plan.primary, environment)
    # A host that bears the account's name, as in Azure: the datastore is told by its account, not by its own name.
    target = msgspec.structs.replace(plan.secondary, storage="https://sthubwestus3.blob.core.windows.net")
    before = of_default_store(azure, plan, accountName="sthubswitch", credentials={"credentialsType": "None"})
    try:
        with pytest.raises(Refused, match="sthubswitch holds a ledger"):
            assets.recreate(plan.primary, target, environment, kept)
    finally:
        of_default_store(azure, plan, **before)


@pytest.mark.parametrize(
    ("signed", "place"),
    [
        ("https://collector.example/box?sig=x", "https://collector.example/box"),
        ("http://account.blob.core.windows.net/box?sig=x", "http://account.blob.core.windows.net/box"),
        ("https://sthubswitch.blob.core.windows.net/box?sig=x", "https://sthubswitch.blob.core.windows.net/box"),
        ("https://a.blob.core.windows.net/box?sig=x", "https://a.blob.core.windows.net/other"),
        ("https://a.blob.core.windows.net/box?sig=x", "https://b.blob.core.windows.net/box"),
    ],
)
def test_a_pending_upload_that_leads_elsewhere_gets_no_file(
    *,
    serve: Any,
    transport: BoundedTransport,
    assets: Bound,
    plan: Plan,
    code: str,
    signed: str,
    place: str,
) -> None:
    """Where files go is looked at before the first one leaves, whoever named it."""
    kept = assets.capture(plan.primary, code)
    reference = {"blobUri": place, "credential": {"credentialType": "SAS", "sasUri": signed}}

    def handle(connection: socket.socket) -> None:
        while head := read_request(connection):
            is_upload = head.startswith("POST") and "startPendingUpload" in head
            body = json.dumps({"value": [], **({"blobReferenceForConsumption": reference} if is_upload else {})})
            status = "404 Not Found" if head.startswith("GET") and "/versions/1" in head else "200 OK"
            answer = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            connection.sendall(answer.encode())

    ledger = LedgerAccount(account="https://sthubswitch.blob.core.windows.net")
    manager = ResourceManager(serve(handle).url, SelfMadeToken(), transport)
    service = ArmAssets(
        manager,
        SelfMadeToken(),
        transport,
        plans={"demo": msgspec.structs.replace(plan, ledger=ledger)},
        pacer_of=lambda _: Pacer(Budget(10, 200)),
    )
    with pytest.raises((Refused, InvalidInput), match=r"collector|account|sthubswitch|sasUri"):
        service.recreate(plan.primary, plan.secondary, code, kept, assets.shelf)
