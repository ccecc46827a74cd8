"""Files of a code, a build context or a model: read from the storage they lie in, written to where Azure ML wants them.

Contents pass through in parts; no file is held in memory whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from azure.core.credentials import TokenCredential
from azure.storage.blob import ContainerClient

from orchestrator.adapters.http.errors import translate_errors
from orchestrator.adapters.http.one_host import OneHostTransport
from orchestrator.adapters.http.transport import NO_RETRY, BoundedTransport
from orchestrator.adapters.hub.storage_hosts import OwnStorage
from orchestrator.adapters.hub.upload_places import OpenBlob
from orchestrator.adapters.stores.blobs import IN_PARTS, read_parts
from orchestrator.core.base.errors import InvalidInput, Refused
from orchestrator.core.jobs.asset_snapshot import KeptFile
from orchestrator.core.plan.schema import Hub
from orchestrator.ports import Shelf

LARGEST = 2 * 2**30
"""Bytes of one folder that are kept. Azure ML itself stops at 300 MB of code (learn.microsoft.com,
resource-limits-capacity); what a build context may have is not documented, and a model may have any size."""


class CodeFiles:
    """Files below a URI such as ``https://<account>.blob.core.windows.net/<container>/<folder>``."""

    def __init__(self, credential: TokenCredential, transport: BoundedTransport, own: OwnStorage) -> None:
        self._credential = credential
        self._transport = transport
        self._own = own

    def keep(self, hub: Hub, uri: str, shelf: Shelf) -> dict[str, KeptFile]:
        """Take every file of a hub's asset to the shelf; what is kept, by path relative to the URI.

        Raises:
            Refused: there are more than ``LARGEST`` bytes, or the account is not the hub's own.
        """
        account, container, folder = _parts(uri)
        self._own.check(hub, account)
        prefix = f"{folder}/" if folder else ""
        client = self._client(account, container)
        with translate_errors(f"reading the files at {uri}"):
            found = [blob for blob in client.list_blobs(name_starts_with=prefix) if blob.name != prefix]
            _check_size(uri, sum(blob.size or 0 for blob in found))
            return {
                blob.name.removeprefix(prefix): shelf.keep(read_parts(client.download_blob(blob.name)))
                for blob in found
            }

    def keep_file(self, hub: Hub, uri: str, shelf: Shelf) -> KeptFile:
        """Take one file to the shelf.

        Raises:
            NotFound: there is none.
            Refused: it has more than ``LARGEST`` bytes, or the account is not the hub's own.
        """
        account, container, path = _parts(uri)
        self._own.check(hub, account)
        with translate_errors(f"reading the file at {uri}"):
            client = self._client(account, container).get_blob_client(path)
            _check_size(uri, client.get_blob_properties().size)
            return shelf.keep(read_parts(client.download_blob()))

    def write(self, open_blob: OpenBlob, folder: str, files: Mapping[str, KeptFile], shelf: Shelf) -> None:
        """Put files into a folder of an open container. Files that are there are written anew."""
        for path, file in files.items():
            place = f"{folder}/{path}"
            with translate_errors(f"writing {place}"):
                chunks = shelf.chunks(file.sha256)
                data = chunks if file.size > IN_PARTS["max_single_put_size"] else b"".join(chunks)
                open_blob(place, file.size).upload_blob(data, length=file.size, overwrite=True)

    def _client(self, account: str, container: str) -> ContainerClient:
        return ContainerClient(
            account,
            container,
            credential=self._credential,
            transport=OneHostTransport(self._transport, account),
            **IN_PARTS,
            **NO_RETRY,
        )


def _check_size(uri: str, total: int) -> None:
    if total > LARGEST:
        raise Refused(f"the files at {uri} have {total} bytes; more than {LARGEST} are not kept", status=413)


def in_storage(uri: str) -> bool:
    """Whether a URI leads into blob storage, by its shape: not to a repository of git, not to another service."""
    parts = urlsplit(uri)
    return parts.scheme == "https" and not parts.fragment and not parts.path.endswith(".git")


def _parts(uri: str) -> tuple[str, str, str]:
    """Account URL, container and folder of a URI."""
    parts = urlsplit(uri)
    container, _, folder = unquote(parts.path).strip("/").partition("/")
    if parts.scheme != "https" or not parts.netloc or not container:
        raise InvalidInput("a folder of files", "uri", "https://<account>/<container>/<folder>", repr(uri)[:100])
    return f"https://{parts.netloc}", container, folder
