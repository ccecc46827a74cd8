"""File shares of an account, as far as they are read: List Directories and Files, Get File Properties.

learn.microsoft.com, rest/api/storageservices/list-directories-and-files and get-file-properties. With a token each
request has to declare ``x-ms-file-request-intent: backup``. They answer at the account's blob endpoint here, since
hosts bear no names; in Azure the host is another one (``<account>.file.core.windows.net``). The code of a refusal
without the intent is not documented.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from urllib.parse import unquote
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from orchestrator.simulator.services import AzureError, Kernel
from orchestrator.simulator.stores.blob_errors import AUDIENCE, BlobError, header_fault
from orchestrator.simulator.stores.blob_state import StoredBlob

INTENT = "x-ms-file-request-intent"
PAGE = 5000


@dataclass
class Shares:
    """Files by path, by share. Directories are what paths have in common."""

    kernel: Kernel
    shares: dict[str, dict[str, StoredBlob]] = field(default_factory=dict)

    def get(self, share: str, path: str) -> StoredBlob | None:
        return self.shares.get(share, {}).get(path)

    def answer(self, request: web.Request) -> web.Response:
        """The answer to a request that declares its intent.

        Raises:
            BlobError: as the service refuses.
        """
        if request.headers.get(INTENT) != "backup":
            raise header_fault("InvalidHeaderValue", INTENT, request.headers.get(INTENT, ""))
        try:
            self.kernel.admit(request, AUDIENCE, "file.read")
        except AzureError as fault:
            raise BlobError(
                "AuthorizationPermissionMismatch" if fault.status == 403 else "AuthenticationFailed"
            ) from fault
        share, _, path = unquote(request.path).strip("/").partition("/")
        files = self.shares.get(share)
        if files is None:
            raise BlobError("ShareNotFound")
        if request.method == "GET" and request.query.get("comp") == "list":
            return _list(files, share, path, request.query)
        if request.method == "HEAD" and path in files:
            return web.Response(headers=_headers(files[path]))
        raise BlobError("FileNotFound" if request.method == "HEAD" else "NotImplemented")


def _list(files: Mapping[str, StoredBlob], share: str, folder: str, query: Mapping[str, str]) -> web.Response:
    prefix = f"{folder}/" if folder else ""
    inside = sorted({path.removeprefix(prefix).partition("/")[0] for path in files if path.startswith(prefix)})
    if folder and not inside:
        raise BlobError("FileNotFound")
    start = base64.b64decode(query.get("marker", "")).decode()
    limit = min(int(query.get("maxresults", PAGE)), PAGE)
    names = [name for name in inside if name >= start]
    following = base64.b64encode(names[limit].encode()).decode() if len(names) > limit else ""
    lines = "".join(_line(name, files.get(prefix + name)) for name in names[:limit])
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://files/" '
        f"ShareName={quoteattr(share)} DirectoryPath={quoteattr(folder)}><Entries>{lines}</Entries>"
        f"<NextMarker>{following}</NextMarker></EnumerationResults>"
    )
    return web.Response(text=text, content_type="application/xml")


def _line(name: str, file: StoredBlob | None) -> str:
    if file is None:
        return f"<Directory><Name>{escape(name)}</Name><Properties/></Directory>"
    return (
        f"<File><Name>{escape(name)}</Name><Properties><Content-Length>{len(file.data)}</Content-Length>"
        f"<LastWriteTime>{file.modified.isoformat()}</LastWriteTime>"
        f"<Last-Modified>{format_datetime(file.modified, usegmt=True)}</Last-Modified>"
        f"<Etag>{escape(file.etag)}</Etag></Properties></File>"
    )


def _headers(file: StoredBlob) -> dict[str, str]:
    return {
        "ETag": file.etag,
        "Last-Modified": format_datetime(file.modified, usegmt=True),
        "Content-Length": str(len(file.data)),
        "x-ms-type": "File",
        "x-ms-file-last-write-time": file.modified.isoformat(),
    }
