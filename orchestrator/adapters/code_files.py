"""Files of a code asset: read from the storage they lie in, written to where Azure ML wants them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from azure.core.credentials import TokenCredential
from azure.storage.blob import ContainerClient

from orchestrator.adapters.errors import shortened, translated
from orchestrator.adapters.transport import NO_RETRY, BoundedTransport
from orchestrator.core.errors import InvalidInput, Refused

LARGEST = 100 * 2**20
"""Bytes of one code asset that are kept. They are held in memory whole; Azure ML itself stops at 300 MB."""


class CodeFiles:
    """Files below a URI such as ``https://<account>.blob.core.windows.net/<container>/<folder>``."""

    def __init__(self, credential: TokenCredential, transport: BoundedTransport) -> None:
        self._credential = credential
        self._transport = transport

    def read(self, uri: str) -> dict[str, bytes]:
        """Content by path relative to the URI.

        Raises:
            Refused: there are more than ``LARGEST`` bytes.
        """
        account, container, folder = _parts(uri)
        prefix = f"{folder}/" if folder else ""
        client = ContainerClient(account, container, credential=self._credential, transport=self._transport, **NO_RETRY)
        with translated(f"reading the code at {uri}"):
            found = [blob for blob in client.list_blobs(name_starts_with=prefix) if blob.name != prefix]
            total = sum(blob.size or 0 for blob in found)
            if total > LARGEST:
                raise Refused(f"the code at {uri} has {total} bytes; more than {LARGEST} are not kept", status=413)
            return {blob.name.removeprefix(prefix): client.download_blob(blob.name).readall() for blob in found}

    def write(self, place: str, folder: str, files: Mapping[str, bytes]) -> None:
        """Put files into a folder of the container that a SAS URI opens. Files that are there are written anew."""
        client = ContainerClient.from_container_url(place, transport=self._transport, **NO_RETRY)
        with translated(f"writing code to {shortened(place)}"):
            for path, data in files.items():
                client.upload_blob(f"{folder}/{path}", data, overwrite=True)


def _parts(uri: str) -> tuple[str, str, str]:
    """Account URL, container and folder of a URI."""
    parts = urlsplit(uri)
    container, _, folder = unquote(parts.path).strip("/").partition("/")
    if parts.scheme != "https" or not parts.netloc or not container:
        raise InvalidInput("a code asset", "codeUri", "https://<account>/<container>/<folder>", repr(uri)[:100])
    return f"https://{parts.netloc}", container, folder
