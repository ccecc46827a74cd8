"""Where files are written in a hub's storage, and with which right: a signature that Azure gave, or our own token.

==============================  ===================================================================================
the datastore's credentials     what writes
==============================  ===================================================================================
``AccountKey``, ``Sas``         what ``listSecrets`` gives: a signature of the container, as azure-ai-ml asks for one;
                                or else the account's key
``None``, others                the executor's own token; ``listSecrets`` is not called
==============================  ===================================================================================

With an account's key each file is signed for by itself, to create and write that one name, for as long as its upload
may take. A signature for a folder exists only in accounts with a hierarchical namespace (learn.microsoft.com,
"Create a service SAS", ``sr=d``), and a datastore does not say whether its account has one. The key is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from azure.core.credentials import AzureSasCredential, TokenCredential
from azure.storage.blob import BlobClient, BlobSasPermissions, ContainerClient, generate_blob_sas

from orchestrator.adapters.http.errors import shorten
from orchestrator.adapters.http.one_host import OneHostTransport, place_of
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.http.transport import NO_RETRY, BoundedTransport
from orchestrator.adapters.hub.datastores import Datastore, Datastores
from orchestrator.adapters.hub.storage_hosts import OwnStorage
from orchestrator.adapters.stores.blobs import IN_PARTS
from orchestrator.core.base.errors import InvalidInput, Refused
from orchestrator.core.plan.schema import Hub

SIGNED = frozenset({"accountkey", "sas"})
"""Kinds of credentials for which ``listSecrets`` gives what a blob client can use."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""What two clocks may differ by. A signature that begins now would be refused by a clock that is behind; it has no
beginning."""

SLOWEST = 2**20
"""Bytes of a second that an upload is given time for."""

type OpenBlob = Callable[[str, int], BlobClient]
"""Client for one blob, by its path in the container and its size in bytes."""


class UploadPlaces:
    """Opens containers for writing. Safe to share between threads."""

    def __init__(
        self, stores: Datastores, credential: TokenCredential, transport: BoundedTransport, own: OwnStorage
    ) -> None:
        self._stores = stores
        self._credential = credential
        self._transport = transport
        self._own = own

    def of_store(self, hub: Hub, store: Datastore, pacer: Pacer) -> OpenBlob:
        """A datastore's container.

        Raises:
            Refused: the account is not the hub's own, or the project gives nothing to write with.
        """
        self._own.check(hub, store.url)
        if store.credentials.casefold() not in SIGNED:
            return self._with_token(store)
        secrets = self._stores.secrets(hub, store, pacer)
        token, key = secrets.get("sasToken"), secrets.get("key")
        if isinstance(token, str) and token:
            return self._in_container(f"{store.url}/{store.container}?{token.removeprefix('?')}")
        if isinstance(key, str) and key:
            return self._with_key(store, key)
        given = f"neither a signature nor a key was given, only {secrets.get('secretsType')!r}"
        raise Refused(f"{hub.project_id}/datastores/{store.name}/listSecrets: {given}")

    def signed(self, hub: Hub, url: str, place: str) -> OpenBlob:
        """The container that a SAS URI opens, as a pending upload gives one.

        Args:
            hub: whose answer it is.
            url: the SAS URI.
            place: the same container without the signature: what the asset's body will name.

        Raises:
            Refused: it leads to no storage of Azure, to a ledger or another pair's account, or not over https.
            InvalidInput: it opens another container than the place.
        """
        self._own.check_given(hub, url)
        if (place_of(url), urlsplit(url).path.rstrip("/")) != (place_of(place), urlsplit(place).path.rstrip("/")):
            raise InvalidInput(f"a pending upload of {hub.project}", "sasUri", f"a signature for {place}", shorten(url))
        return self._in_container(url)

    def _in_container(self, url: str) -> OpenBlob:
        client = ContainerClient.from_container_url(
            url, transport=OneHostTransport(self._transport, url), **IN_PARTS, **NO_RETRY
        )
        return lambda path, _: client.get_blob_client(path)

    def _with_token(self, store: Datastore) -> OpenBlob:
        client = ContainerClient(
            store.url,
            store.container,
            credential=self._credential,
            transport=OneHostTransport(self._transport, store.url),
            **IN_PARTS,
            **NO_RETRY,
        )
        return lambda path, _: client.get_blob_client(path)

    def _with_key(self, store: Datastore, key: str) -> OpenBlob:
        def open_blob(path: str, size: int) -> BlobClient:
            signature = generate_blob_sas(
                account_name=store.account,
                container_name=store.container,
                blob_name=path,
                account_key=key,
                permission=BlobSasPermissions(create=True, write=True),
                expiry=datetime.now(UTC) + CLOCKS_DIFFER + timedelta(seconds=size / SLOWEST),
                protocol="https",
            )
            return BlobClient(
                store.url,
                store.container,
                path,
                credential=AzureSasCredential(signature),
                transport=OneHostTransport(self._transport, store.url),
                **IN_PARTS,
                **NO_RETRY,
            )

        return open_blob
