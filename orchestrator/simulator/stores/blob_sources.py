"""Blobs of other accounts that a write names by ``x-ms-copy-source``: Put Blob From URL and Put Block From URL.

learn.microsoft.com, rest/api/storageservices/put-blob-from-url and put-block-from-url: the source is read with the
token in ``x-ms-copy-source-authorization``, under ``x-ms-source-if-match``, and has at most 5,000 MiB. Which codes
refusals of the source get is not documented but for ``SourceConditionNotMet`` and ``CannotVerifyCopySource``; that the
latter has the source's own status is our guess. A file of a share is named by ``x-ms-file-request-intent: backup``.
Sources with a signature in their URL are not offered here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import unquote, urlsplit

from multidict import CIMultiDictProxy

from orchestrator.simulator.services import AzureError, Kernel
from orchestrator.simulator.stores.blob_errors import AUDIENCE, BlobError, header_fault
from orchestrator.simulator.stores.blob_state import StoredBlob, meets

LARGEST = 5_000 * 2**20
"""Bytes of a source that is copied in one request."""


class SourceAccount(Protocol):
    """An account that may be copied from."""

    def get(self, container: str, blob: str) -> StoredBlob | None: ...

    def get_file(self, share: str, path: str) -> StoredBlob | None: ...


def read_source(
    kernel: Kernel, accounts: Mapping[str, SourceAccount], headers: CIMultiDictProxy[str]
) -> StoredBlob | None:
    """The blob that a write is to copy; None if it names none.

    Args:
        kernel: tokens and roles.
        accounts: by host and port.
        headers: the request's.

    Raises:
        BlobError: it is not there, may not be read, or is not as the condition says.
    """
    url = headers.get("x-ms-copy-source")
    if url is None:
        return None
    parts = urlsplit(url)
    account = accounts.get(parts.netloc)
    container, _, name = unquote(parts.path).removeprefix("/").partition("/")
    if account is None or not name:
        raise header_fault("InvalidHeaderValue", "x-ms-copy-source", url)
    is_file = headers.get("x-ms-file-request-intent") == "backup"
    _admit(kernel, headers.get("x-ms-copy-source-authorization", ""), "file.read" if is_file else "blob.read")
    found = account.get_file(container, name) if is_file else account.get(container, name)
    if found is None:
        raise BlobError("CannotVerifyCopySource")
    if len(found.data) > LARGEST:
        raise BlobError("RequestBodyTooLarge")
    wanted = headers.get("x-ms-source-if-match")
    if wanted is not None and not meets(found.etag, wanted):
        raise BlobError("SourceConditionNotMet")
    return found


def _admit(kernel: Kernel, authorization: str, permission: str) -> None:
    scheme, _, token = authorization.partition(" ")
    refusal = BlobError("CannotVerifyCopySource")
    if scheme.casefold() != "bearer" or not token:
        refusal.status = 401
        raise refusal
    try:
        kernel.authorise(token, AUDIENCE, permission)
    except AzureError as fault:
        refusal.status = fault.status
        raise refusal from fault
