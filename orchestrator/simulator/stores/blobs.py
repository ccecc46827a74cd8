"""Blob storage: one account whose containers are directly under the root of its endpoint.

Block blobs with metadata, staged blocks, conditional requests, lists, copies from a URL and shared access signatures,
as azure-storage-blob uses them. Snapshots, versions, tags, asynchronous copies, page and append blobs are not offered:
501, or 400 UnsupportedHeader where a header asks for them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from orchestrator.simulator.services import AzureError, Kernel
from orchestrator.simulator.stores.blob_access import Access
from orchestrator.simulator.stores.blob_call import BlobCall
from orchestrator.simulator.stores.blob_errors import BlobError, NotModified, render
from orchestrator.simulator.stores.blob_operations import OPERATIONS, BlobOperation
from orchestrator.simulator.stores.blob_sources import read_source
from orchestrator.simulator.stores.blob_state import Account, StoredBlob, StoredContainer, checksum
from orchestrator.simulator.stores.share_files import INTENT, Shares

BODY_LIMIT = 256 * 1024 * 1024
"""Bytes of one upload. The real limit of 5,000 MiB would be kept in this process's memory."""

NAME_LIMIT = 1024
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*|\$root|\$web|\$logs")
_SERVER = "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0"


class BlobStore:
    """One storage account of a region.

    Args:
        kernel: tokens, roles and time.
        name: the account's name, part of what its signatures sign.
        region: the region that the account belongs to; kept for those who inject faults.
    """

    def __init__(self, kernel: Kernel, name: str, region: str) -> None:
        self.name = name
        self.region = region
        self._kernel = kernel
        self._account = Account(name)
        self._access = Access(kernel, name)
        self._shares = Shares(kernel)
        self.others: Mapping[str, BlobStore] = {}
        """Accounts that may be copied from, this one included, by host and port."""

    @property
    def key(self) -> str:
        """The account key with which its signatures are made."""
        return self._access.key

    def routes(self) -> list[web.RouteDef]:
        """Everything under the root of the account's endpoint."""
        return [web.route("*", "/{path:.*}", self._serve)]

    def sas(self, container: str, permissions: str = "racwl", expiry: datetime | None = None) -> str:
        """A query string that lets its bearer into one container; ``expiry`` defaults to an hour from now."""
        return self._access.sas(container, permissions, expiry)

    def create_container(self, name: str) -> StoredContainer:
        """The container of that name, made if there is none."""
        found = self._account.containers.get(name)
        if found is None:
            found = StoredContainer(_check_name(name), self._account.etag(), self._kernel.now())
            self._account.containers[name] = found
        return found

    def containers(self) -> list[str]:
        return sorted(self._account.containers)

    def put(self, container: str, blob: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Keep a blob, whatever was there before; its new ETag."""
        now, etag = self._kernel.now(), self._account.etag()
        kind = {"Content-Type": "application/octet-stream"}
        self.create_container(container).keep(
            blob, StoredBlob(data, dict(metadata or {}), etag, now, now, kind, checksum(data))
        )
        return etag

    def put_file(self, share: str, path: str, data: bytes) -> None:
        """Keep a file of a share, whatever was there before."""
        now, etag = self._kernel.now(), self._account.etag()
        self._shares.shares.setdefault(share, {})[path] = StoredBlob(data, {}, etag, now, now, {}, "")

    def get_file(self, share: str, path: str) -> StoredBlob | None:
        """The file as it is, or None."""
        return self._shares.get(share, path)

    def get(self, container: str, blob: str) -> StoredBlob | None:
        """The blob as it is, or None."""
        found = self._account.containers.get(container)
        return found.blobs.get(blob) if found else None

    def names(self, container: str, prefix: str = "") -> list[str]:
        """Names of the blobs under a prefix, sorted."""
        found = self._account.containers.get(container)
        return [name for name in found.names if name.startswith(prefix)] if found else []

    async def _serve(self, request: web.Request) -> web.Response:
        request_id = str(uuid.uuid4())
        try:
            response = await self._answer(request)
        except NotModified as same:
            response = web.Response(status=304, headers={"ETag": same.etag, "x-ms-error-code": "ConditionNotMet"})
        except AzureError as fault:
            headers = {**fault.headers, "x-ms-error-code": fault.code}
            text = render(fault, request_id)
            response = web.Response(status=fault.status, text=text, content_type="application/xml", headers=headers)
        response.headers["x-ms-request-id"] = request_id
        response.headers["x-ms-version"] = request.headers.get("x-ms-version", "2021-06-08")
        response.headers["Server"] = _SERVER
        if "x-ms-client-request-id" in request.headers:
            response.headers["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        if INTENT in request.headers and "x-ms-copy-source" not in request.headers:
            return self._shares.answer(request)
        container, _, name = request.path.removeprefix("/").partition("/")
        operation = _operation(request, container, name)
        overwrites = self._access.admit(request, (container, name), operation.permission, operation.letters)
        body = await _body(request)
        call = BlobCall(
            self._account,
            request.headers,
            request.query,
            container,
            name,
            body,
            self._kernel.now(),
            overwrites,
            read_source(self._kernel, self.others, request.headers) if operation.copies else None,
        )
        return operation.run(call)


def _operation(request: web.Request, container: str, name: str) -> BlobOperation:
    query = request.query
    level = "account"
    if container:
        _check_name(container)
        level = "blob" if name else "container"
    if level == "container" and query.get("restype") != "container":
        # A name directly under the root is a blob in $root, which no account here has.
        raise BlobError("ResourceNotFound")
    if len(name) > NAME_LIMIT:
        raise BlobError("OutOfRangeInput")
    operation = OPERATIONS.get((level, request.method, query.get("comp", "")))
    if operation is None or "snapshot" in query or "versionid" in query:
        raise BlobError("NotImplemented")
    return operation


def _check_name(container: str) -> str:
    if not _CONTAINER.fullmatch(container):
        raise BlobError("InvalidResourceName")
    return container


async def _body(request: web.Request) -> bytes:
    """The request's body. Read past aiohttp's own limit, which belongs to the application and may be small."""
    if request.method != "PUT":
        return b""
    if request.content_length is None:
        raise BlobError("MissingContentLengthHeader")
    if request.content_length > BODY_LIMIT:
        raise BlobError("RequestBodyTooLarge")
    return await request.content.read() if request.content_length else b""
