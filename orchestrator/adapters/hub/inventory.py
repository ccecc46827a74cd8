"""What exists in a project, and how much lies where: reads only, for reports and for checking a plan."""

from __future__ import annotations

import re
import time
from itertools import islice
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient, StorageErrorCode

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.errors import translate_errors
from orchestrator.adapters.http.one_host import OneHostTransport
from orchestrator.adapters.http.transport import NO_RETRY, BoundedTransport
from orchestrator.adapters.hub.datastores import BLOB_TYPES, DATASTORE_VERSION, FILE_TYPE, Datastores
from orchestrator.adapters.hub.storage_hosts import check_storage
from orchestrator.adapters.stores.blobs import IN_PARTS
from orchestrator.core.base.errors import NotFound, Refused
from orchestrator.core.base.numbers import number_in
from orchestrator.core.jobs.data_report import Amount
from orchestrator.core.plan.schema import Hub
from orchestrator.ports import ContainerPlace, IndexFile

COMPUTE_VERSION = "2023-08-01-preview"
"""What azure-ai-ml 1.35 reads computes and sizes of machines with."""

ENVIRONMENT_VERSION = "2023-04-01-preview"
MOST_FILES = 100_000
"""Files of one place that are counted; a place with more is told as unreadable, not half counted."""

MOST_INDEX_FILES = 20
"""MLTable and JSONL files of one place that are read."""

INDEX_BYTES = 2**20
"""Bytes of each of them."""

_INDEX_FILE = re.compile(r"(?:^|/)MLTable$|\.jsonl(?:ines)?$", re.IGNORECASE)
"""What azure-ai-ml 1.35 takes for an index of other data: a file ``MLTable`` in a folder, and JSON Lines of URIs."""

REMEMBERED = 60.0
"""Seconds for which the place of a datastore is not asked for again. It may be led to another account by hand."""


class ArmInventory:
    """``Inventory`` through Resource Manager and blob storage.

    Args:
        manager: Resource Manager, as the executor.
        credential: the executor again, to list blobs.
        transport: the process's transport.
    """

    def __init__(self, manager: ResourceManager, credential: TokenCredential, transport: BoundedTransport) -> None:
        self._manager = manager
        self._credential = credential
        self._transport = transport
        self._stores = Datastores(manager)
        self._places: dict[tuple[str, str], tuple[float, ContainerPlace]] = {}
        self._sizes: dict[tuple[str, str], dict[str, float]] = {}

    def computes(self, hub: Hub) -> dict[str, float | None]:
        """Gigabytes of memory of one machine of each compute, by name; None where that cannot be known."""
        found: dict[str, float | None] = {}
        for page in self._manager.pages(f"{hub.project_id}/computes", COMPUTE_VERSION):
            found |= {str(body.get("name")): self._memory(hub, body) for body in page}
        return found

    def datastores(self, hub: Hub) -> frozenset[str]:
        """Names of the datastores."""
        return self._names(f"{hub.project_id}/datastores", DATASTORE_VERSION)

    def environments(self, hub: Hub) -> frozenset[str]:
        """Names of the environments that were registered."""
        return self._names(f"{hub.project_id}/environments", ENVIRONMENT_VERSION)

    def place(self, hub: Hub, datastore: str) -> ContainerPlace | None:
        """Where a datastore leads; None if there is none of that name.

        Raises:
            Refused: it is no blob container, and what lies in it cannot be listed here.
        """
        key, now = (hub.project_id.casefold(), datastore.casefold()), time.monotonic()
        until, kept = self._places.get(key, (now, None))
        if kept is not None and now < until:
            return kept
        found = self._stores.get(hub, datastore)
        if found is None:
            return None  # not remembered: jobs wait until somebody has made it
        if found.type.casefold() not in BLOB_TYPES:
            raise Refused(f"the datastore {datastore} is of type {found.type}, which cannot be listed")
        place = ContainerPlace(found.account, found.container, found.url)
        self._places[key] = (now + REMEMBERED, place)
        return place

    def share(self, hub: Hub, datastore: str) -> ContainerPlace | None:
        """Where a datastore of a file share leads; None if there is none of that name. ``url`` is the file endpoint.

        Raises:
            Refused: it is no file share.
        """
        found = self._stores.get(hub, datastore)
        if found is None:
            return None
        if found.type.casefold() != FILE_TYPE:
            raise Refused(f"the datastore {datastore} is of type {found.type}, and no file share")
        return ContainerPlace(found.account, found.container, found.url.replace(".blob.", ".file.", 1))

    def amount(self, hub: Hub, place: ContainerPlace, path: str) -> Amount:
        """What lies below a path: its blobs, or the blob itself. Nothing if the container is not there.

        Raises:
            Refused: no container is named, it is no storage that we would ask, or it holds more than ``MOST_FILES``
                files.
        """
        client = self._client(hub, place)
        size, files, newest = 0, 0, None
        try:
            with translate_errors(f"listing {place.spelt}/{path}"):
                for blob in client.list_blobs(name_starts_with=path):
                    if path and blob.name != path and not blob.name.startswith(f"{path.rstrip('/')}/"):
                        continue
                    size, files = size + (blob.size or 0), files + 1
                    newest = blob.last_modified if newest is None else max(newest, blob.last_modified)
                    if files > MOST_FILES:
                        raise Refused(f"{place.spelt}/{path} has more than {MOST_FILES} files; they are not counted")
        except NotFound:
            return Amount(size=0, files=0)
        return Amount(size=size, files=files, newest=newest)

    def index_files(self, hub: Hub, place: ContainerPlace, path: str) -> list[IndexFile]:
        """MLTable and JSONL files below a path; of those after ``MOST_INDEX_FILES`` the name alone.

        Raises:
            Refused: it is no storage that we would ask.
        """
        client = self._client(hub, place)
        found: list[IndexFile] = []
        try:
            with translate_errors(f"reading the index files at {place.spelt}/{path}"):
                for blob in islice(client.list_blobs(name_starts_with=path), MOST_FILES):
                    if not _INDEX_FILE.search(blob.name) or len(found) > MOST_INDEX_FILES:
                        continue
                    if path and blob.name != path and not blob.name.startswith(f"{path.rstrip('/')}/"):
                        continue
                    if len(found) == MOST_INDEX_FILES or not blob.size:
                        found.append(IndexFile(blob.name, "", is_whole=not blob.size))
                        continue
                    data = client.download_blob(blob.name, offset=0, length=INDEX_BYTES).readall()
                    found.append(IndexFile(blob.name, data.decode("utf-8", "replace"), blob.size <= INDEX_BYTES))
        except NotFound:
            return []
        return found

    def holds(self, hub: Hub, place: ContainerPlace, path: str) -> bool:
        """Whether anything lies at or below a path, from the first entry of two lists. False without the container.

        Raises:
            Refused: no container is named, or it is no storage that we would ask.
        """
        client, path = self._client(hub, place), path.rstrip("/")
        with translate_errors(f"listing {place.spelt}/{path}"):
            try:
                if not path:
                    return next(iter(client.list_blobs(results_per_page=1)), None) is not None
                # Lists are in the order of names, so the blob itself comes first of all that begin like it.
                first = next(iter(client.list_blobs(name_starts_with=path, results_per_page=1)), None)
                if first is None or first.name == path:
                    return first is not None
                return next(iter(client.list_blobs(name_starts_with=f"{path}/", results_per_page=1)), None) is not None
            except ResourceNotFoundError as fault:
                if getattr(fault, "error_code", None) != StorageErrorCode.CONTAINER_NOT_FOUND:
                    raise
                return False

    def _client(self, hub: Hub, place: ContainerPlace) -> ContainerClient:
        if not place.container:
            raise Refused(f"{place.account} is named without a container")
        check_storage(hub, place.url)
        return ContainerClient(
            place.url,
            place.container,
            credential=self._credential,
            transport=OneHostTransport(self._transport, place.url),
            **IN_PARTS,
            **NO_RETRY,
        )

    def _names(self, path: str, api_version: str) -> frozenset[str]:
        return frozenset(str(body.get("name")) for page in self._manager.pages(path, api_version) for body in page)

    def _memory(self, hub: Hub, body: dict[str, Any]) -> float | None:
        properties = body.get("properties") or {}
        size = (properties.get("properties") or {}).get("vmSize")
        region = str(properties.get("computeLocation") or body.get("location") or hub.region)
        return self._memory_of(hub, region).get(str(size).casefold()) if size else None

    def _memory_of(self, hub: Hub, region: str) -> dict[str, float]:
        key = (hub.subscription, region)
        if key not in self._sizes:
            place = f"/subscriptions/{hub.subscription}/providers/Microsoft.MachineLearningServices/locations/{region}"
            self._sizes[key] = {
                str(one.get("name")).casefold(): size
                for page in self._manager.pages(f"{place}/vmSizes", COMPUTE_VERSION)
                for one in page
                if (size := number_in(one.get("memoryGB"))) is not None
            }
        return self._sizes[key]
