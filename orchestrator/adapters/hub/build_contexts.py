"""Folders from which environments are built: found behind their URI, and put where the other side can read them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.hub.code_files import CodeFiles, in_storage
from orchestrator.adapters.hub.datastores import Datastores
from orchestrator.adapters.hub.upload_places import UploadPlaces
from orchestrator.core.base.errors import NotFound
from orchestrator.core.jobs.asset_snapshot import KeptFile
from orchestrator.core.jobs.rewrite.references import STORAGE_SUFFIX
from orchestrator.core.plan.schema import Hub
from orchestrator.ports import Shelf

_DATASTORE_PATH = re.compile(r"^azureml:.*/datastores/(?P<store>[^/]+)/paths/(?P<path>.+)$", re.IGNORECASE)


class BuildContexts:
    """Keeps and uploads build contexts. What lies in a repository of git or elsewhere in public stays there."""

    def __init__(
        self, files: CodeFiles, stores: Datastores, places: UploadPlaces, pacer_of: Callable[[Hub], Pacer]
    ) -> None:
        self._files = files
        self._stores = stores
        self._places = places
        self._pacer_of = pacer_of

    def keep(self, hub: Hub, body: Mapping[str, Any], shelf: Shelf) -> dict[str, KeptFile]:
        """Take the folder of an environment's body to the shelf; nothing if it is built without one of ours.

        Raises:
            NotFound: the folder is empty, or its datastore is gone.
            Refused: it lies in an account that is not the hub's own.
        """
        uri = self._folder(hub, context_of(body))
        if not uri:
            return {}
        found = self._files.keep(hub, uri, shelf)
        if not found:
            raise NotFound(f"{uri}: the folder that the environment is built from is empty")
        return found

    def upload(self, target: Hub, files: Mapping[str, KeptFile], shelf: Shelf) -> str:
        """Put a folder into the target's default datastore, where azure-ai-ml puts such; its URI there.

        The place follows from the content: the same folder is the same place.

        Raises:
            Refused: the default datastore leads to an account that is not the target's own, or lets nobody write.
        """
        store = self._stores.default(target)
        content = "\n".join(f"{path} {file.sha256}" for path, file in sorted(files.items()))
        folder = f"LocalUpload/{hashlib.sha256(content.encode()).hexdigest()[:32]}/context"
        self._files.write(self._places.of_store(target, store, self._pacer_of(target)), folder, files, shelf)
        return f"{store.url}/{store.container}/{folder}/"

    def _folder(self, hub: Hub, uri: str) -> str:
        found = _DATASTORE_PATH.match(uri)
        if found:
            store = self._stores.get(hub, found["store"])
            if store is None:
                raise NotFound(f"{uri}: the project has no datastore {found['store']}")
            return f"{store.url}/{store.container}/{found['path']}"
        return uri if uri and in_storage(uri) and _is_storage(uri, hub) else ""


def context_of(body: Mapping[str, Any]) -> str:
    """The URI of the folder that an environment is built from, or an empty string."""
    build = (body.get("properties") or {}).get("build")
    uri = build.get("contextUri") if isinstance(build, Mapping) else None
    return uri if isinstance(uri, str) else ""


def _is_storage(uri: str, hub: Hub) -> bool:
    host = (urlsplit(uri).hostname or "").casefold()
    _, dot, rest = host.partition(".")
    own = hub.storage is not None and uri.startswith(f"{hub.storage.rstrip('/')}/")
    return own or bool(STORAGE_SUFFIX.fullmatch(dot + rest))
