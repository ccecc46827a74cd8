"""One blob container with conditional writes and nothing else.

The container is made when the first write finds it missing; until then it reads as empty. Every write is conditional
and sent once: if its answer is lost, the caller reads again and sees whether it is his own that stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any, NamedTuple

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient, ContentSettings, StorageStreamDownloader

from orchestrator.adapters.http.deadline import deadline
from orchestrator.adapters.http.errors import translate_errors, unexpected_answer
from orchestrator.adapters.http.one_host import OneHostTransport
from orchestrator.adapters.http.transport import NO_RETRY, BoundedTransport
from orchestrator.core.base.errors import Conflict, NotFound, TemporaryError

JSON = ContentSettings(content_type="application/json")
BYTES = ContentSettings(content_type="application/octet-stream")
IN_PARTS: Mapping[str, Any] = {
    "max_single_put_size": 4 * 2**20,
    "max_block_size": 4 * 2**20,
    "max_single_get_size": 4 * 2**20,
    "max_chunk_get_size": 4 * 2**20,
}
"""Bytes of one request, which is what a large blob costs in memory. Block blobs take 50,000 blocks
(learn.microsoft.com, understanding-block-blobs--append-blobs--and-page-blobs)."""

PAGE = 250
"""Blobs of one page of a listing. The service gives 5,000 unasked; read, one with its metadata takes some kilobytes."""

MISSING_CONTAINER = "ContainerNotFound"

NO_ETAG = '"0x0"'
"""Well formed, and the ETag of no blob: the service makes them from the time of a change."""


class Blob(NamedTuple):
    """Content and what Azure says about it."""

    data: bytes
    etag: str
    metadata: Mapping[str, str]


def read_parts(found: StorageStreamDownloader[bytes]) -> Iterator[bytes]:
    """The content of a blob whose download has begun, by a client made with ``IN_PARTS``.

    azure-storage-blob does not compare a part with the range that it asked for: short parts would be a blob with
    holes, and a size that is nonsense would never come to an end.

    Raises:
        TemporaryError: an answer has not as many bytes as were asked for.
    """
    left = found.size
    for part in found.chunks():
        asked = min(left, IN_PARTS["max_chunk_get_size"])
        if len(part) != asked:
            raise TemporaryError(f"{found.name}: {len(part)} bytes came instead of {asked}, of {found.size} in all")
        left -= len(part)
        yield part
    if left:
        raise TemporaryError(f"{found.name}: {left} of {found.size} bytes did not come")


def _check_etag(etag: str | None, doing: str) -> str:
    """The ETag of an answer. Each success of the service about a blob has one; a gateway's or a portal's has none.

    Raises:
        TemporaryError: there is none.
    """
    if not etag:
        raise unexpected_answer(doing, "an ETag", "none")
    return etag


@contextmanager
def _translate_errors(doing: str) -> Iterator[None]:
    """``translate_errors``, and a 404 that is not the service's own says nothing about what is stored.

    The service puts its code into ``x-ms-error-code``, of an answer to HEAD as well (learn.microsoft.com,
    rest/api/storageservices/status-and-error-codes2).
    """
    with translate_errors(doing):
        try:
            yield
        except ResourceNotFoundError as fault:
            if not getattr(fault, "error_code", None):
                raise TemporaryError(f"{doing}: a 404 that is not the service's own: it has no error code") from fault
            raise


class Container:
    """A container of one account. ``url`` is the account's blob endpoint. Safe to share between threads."""

    def __init__(self, account: str, name: str, credential: TokenCredential, transport: BoundedTransport) -> None:
        self.url = f"{account.rstrip('/')}/{name}"
        self._request = transport.gate.limits.request
        self._client = ContainerClient(
            account,
            name,
            credential=credential,
            transport=OneHostTransport(transport, account),
            **IN_PARTS,
            **NO_RETRY,
        )

    def read(self, path: str) -> Blob | None:
        """The blob, or None if it, or the whole container, is not there."""
        doing = f"reading {self.url}/{path}"
        with suppress(NotFound), _translate_errors(doing), deadline(self._request):
            found = self._client.download_blob(path)
            etag = _check_etag(found.properties.etag, doing)
            return Blob(b"".join(read_parts(found)), etag, found.properties.metadata or {})
        return None

    def create(self, path: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Write a new blob; its ETag. Conflict if there is one."""
        return self._write(path, data, metadata, overwrite=False)

    def create_from(self, path: str, content: IO[bytes]) -> str:
        """``create`` for a file, in blocks. Conflict if there is one; then it has been sent in vain."""
        start = content.tell()

        doing = f"writing {self.url}/{path}"

        def send() -> str:
            content.seek(start)
            answer = self._client.get_blob_client(path).upload_blob(content, content_settings=BYTES, overwrite=False)
            return _check_etag(answer["etag"], doing)

        with _translate_errors(doing):
            return self._with_container(send)

    def exists(self, path: str) -> bool:
        """Whether there is such a blob."""
        doing = f"looking for {self.url}/{path}"
        with suppress(NotFound), _translate_errors(doing), deadline(self._request):
            _check_etag(self._client.get_blob_client(path).get_blob_properties().etag, doing)
            return True
        return False

    def chunks(self, path: str) -> Iterator[bytes]:
        """The blob's content in parts. NotFound if there is none."""
        with _translate_errors(f"reading {self.url}/{path}"):
            yield from read_parts(self._client.download_blob(path))

    def replace(self, path: str, data: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> str:
        """Write over what was read under ``etag``; the new ETag. Conflict if it has changed, or is gone."""
        try:
            return self._write(
                path, data, metadata, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        except NotFound as fault:
            raise Conflict(f"replacing {self.url}/{path}: it is gone") from fault

    def drop(self, path: str, etag: str) -> None:
        """Take away what was read under ``etag``. Conflict if it has changed; nothing if it is gone."""
        with suppress(NotFound), _translate_errors(f"deleting {self.url}/{path}"):
            self._client.delete_blob(path, etag=etag, match_condition=MatchConditions.IfNotModified)

    def delete(self, path: str) -> None:
        """Remove a blob; nothing if it is not there."""
        with suppress(NotFound), _translate_errors(f"deleting {self.url}/{path}"):
            self._client.delete_blob(path)

    def try_write(self, path: str) -> None:
        """Return if a write of a blob would be let in. It is sent under an ETag that no blob has, so it is refused.

        Danger: never to a path that holds something. That the service looks at the condition before it writes is
        documented (rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations); that it looks
        at the role before the condition is our reading. The container is not made.

        Raises:
            Forbidden: the role is missing.
            NotFound: there is no container.
            TemporaryError: it was written all the same.
        """
        doing = f"trying to write {self.url}/{path}"
        with suppress(Conflict), _translate_errors(doing), deadline(self._request):
            self._client.get_blob_client(path).upload_blob(
                b"", overwrite=True, etag=NO_ETAG, match_condition=MatchConditions.IfNotModified
            )
            raise unexpected_answer(doing, "the condition to fail", "a success")

    def try_delete(self, path: str) -> None:
        """Return if a deletion would be let in. Danger: as for ``try_write``; a blob that is not there answers 404.

        Raises:
            Forbidden: the role is missing.
            TemporaryError: something was deleted.
        """
        doing = f"trying to delete {self.url}/{path}"
        with suppress(Conflict, NotFound), _translate_errors(doing), deadline(self._request):
            self._client.get_blob_client(path).delete_blob(etag=NO_ETAG, match_condition=MatchConditions.IfNotModified)
            raise unexpected_answer(doing, "the condition to fail", "a success")

    def listed(self, prefix: str, *, metadata: bool = False) -> Iterator[BlobProperties]:
        """Every blob whose path begins so, in the order of its bytes; metadata only if asked for."""
        include = ["metadata"] if metadata else None
        with suppress(NotFound), _translate_errors(f"listing {self.url}/{prefix}*"):
            yield from self._client.list_blobs(name_starts_with=prefix, include=include, results_per_page=PAGE)

    def _write(self, path: str, data: bytes, metadata: Mapping[str, str] | None, **condition: Any) -> str:
        doing = f"writing {self.url}/{path}"

        def send() -> str:
            answer = self._client.get_blob_client(path).upload_blob(
                data, metadata=dict(metadata) if metadata else None, content_settings=JSON, **condition
            )
            return _check_etag(answer["etag"], doing)

        with _translate_errors(doing):
            return self._with_container(send)

    def _with_container[T](self, call: Callable[[], T]) -> T:
        try:
            return call()
        except ResourceNotFoundError as fault:
            if getattr(fault, "error_code", "") != MISSING_CONTAINER:
                raise
        with suppress(ResourceExistsError):
            self._client.create_container()
        return call()
