"""Datastores of a project: which account and container a name leads to."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.hub.storage_hosts import account_of
from orchestrator.core.base.errors import NotFound
from orchestrator.core.plan.schema import Hub

DATASTORE_VERSION = "2024-10-01-preview"
"""What azure-ai-ml 1.35 reads datastores with."""

BLOB_TYPES = frozenset({"azureblob", "azuredatalakegen2"})
"""Kinds of datastores whose content the blob service shows."""

FILE_TYPE = "azurefile"
"""The kind of a datastore that is a file share."""

_STORAGE_HOST = re.compile(r"(?P<account>[a-z0-9-]+)\.(?:z\d+\.)?(?:blob|dfs)\.", re.IGNORECASE)


ATTACHED_FOR = timedelta(minutes=1)
"""How long the list of a project's accounts counts: ten thousand jobs do not ask for it ten thousand times."""


class Datastore(NamedTuple):
    """One datastore, as far as where its data lie."""

    name: str
    type: str
    account: str
    container: str
    """Container, file share or file system."""

    url: str
    """The account's blob endpoint."""

    is_default: bool
    credentials: str
    """``credentialsType``: ``AccountKey``, ``Sas``, ``ServicePrincipal``, ``Certificate`` or ``None``."""


class Datastores:
    """Reads datastores through Resource Manager. Safe to share between threads."""

    def __init__(self, manager: ResourceManager) -> None:
        self._manager = manager
        self._attached: dict[str, tuple[float, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def accounts(self, hub: Hub) -> frozenset[str]:
        """The accounts that the project's datastores lead to, as ``account_of`` names them; a minute old at most."""
        key = hub.project_id.casefold()
        with self._lock:
            asked_at, found = self._attached.get(key, (float("-inf"), frozenset[str]()))
        if time.monotonic() - asked_at >= ATTACHED_FOR.total_seconds():
            pages = self._manager.pages(f"{hub.project_id}/datastores", DATASTORE_VERSION)
            stores = [_datastore(hub, body) for page in pages for body in page]
            found = frozenset(account_of(store.url) for store in stores if store.account)
            with self._lock:
                self._attached[key] = (time.monotonic(), found)
        return found

    def get(self, hub: Hub, name: str) -> Datastore | None:
        """The datastore, or None if the project has none of that name."""
        try:
            return _datastore(hub, self._manager.get(f"{hub.project_id}/datastores/{name}", DATASTORE_VERSION))
        except NotFound:
            return None

    def default(self, hub: Hub) -> Datastore:
        """The project's default datastore.

        Raises:
            NotFound: it has none.
        """
        path = f"{hub.project_id}/datastores"
        for page in self._manager.pages(path, DATASTORE_VERSION, isDefault="true", count="30", orderByAsc="false"):
            for body in page:
                return _datastore(hub, body)
        raise NotFound(f"{path}: none is the default")

    def secrets(self, hub: Hub, store: Datastore, pacer: Pacer) -> dict[str, Any]:
        """What opens the datastore's container: a signature of an hour if the service makes one, as azure-ai-ml asks.

        The answer has ``secretsType`` with ``sasToken`` or ``key``; that of a request without a body has been recorded
        with ``AccountKey``. Never to be kept or logged.
        """
        path = f"{hub.project_id}/datastores/{store.name}/listSecrets"
        asked = {"expirableSecret": True, "expireAfterHours": 1}
        return self._manager.write("POST", path, DATASTORE_VERSION, asked, pacer=pacer)


def _datastore(hub: Hub, body: Mapping[str, Any]) -> Datastore:
    properties = body.get("properties") or {}
    name = str(body.get("name") or "")
    account = str(properties.get("accountName") or properties.get("storeName") or "")
    place = properties.get("containerName") or properties.get("filesystem") or properties.get("fileShareName")
    endpoint = properties.get("endpoint") or "core.windows.net"
    is_default = bool(properties.get("isDefault"))
    credentials = (properties.get("credentials") or {}).get("credentialsType")
    url = f"{properties.get('protocol') or 'https'}://{account}.blob.{endpoint}"
    if hub.storage and _is_own(hub.storage, account, name):
        url = hub.storage.rstrip("/")
    kind = str(properties.get("datastoreType") or "")
    return Datastore(name, kind, account, str(place or ""), url, is_default, str(credentials or "None"))


def _is_own(storage: str, account: str, name: str) -> bool:
    """Whether the plan's blob endpoint is this account's: by its name or, where hosts bear none, by the datastore's."""
    found = _STORAGE_HOST.match(urlsplit(storage).hostname or "")
    return found["account"].casefold() == account.casefold() if found else name.casefold().startswith("workspace")
