"""Files are written with the least right that does: our token, a signature, or a key that signs for one file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from asset_fixtures import API, Bound, files_of

from orchestrator.adapters.hub import upload_places
from orchestrator.core.base.errors import Refused
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
