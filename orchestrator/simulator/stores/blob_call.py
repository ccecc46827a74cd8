"""One request to blob storage, taken apart; and the parts that many answers share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from multidict import CIMultiDictProxy, MultiMapping

from orchestrator.simulator.stores.blob_errors import BlobError, header_fault, query_fault
from orchestrator.simulator.stores.blob_state import Account, StoredBlob, StoredContainer, checksum, size_of

METADATA_LIMIT = 8 * 1024
_META = "x-ms-meta-"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_CONTENT = {
    "x-ms-blob-content-type": "Content-Type",
    "x-ms-blob-content-encoding": "Content-Encoding",
    "x-ms-blob-content-language": "Content-Language",
    "x-ms-blob-content-disposition": "Content-Disposition",
    "x-ms-blob-cache-control": "Cache-Control",
}
_UNSUPPORTED = (
    "x-ms-encryption-key",
    "x-ms-if-tags",
    "x-ms-structured-body",
    "x-ms-tags",
)
"""Asked for by headers, these would change what a write means, and are not offered here."""


@dataclass(slots=True)
class BlobCall:
    """A request whose caller has been admitted.

    ``now`` is the time for Last-Modified; ``overwrites`` is False for a signature that may create blobs but not write
    over them.
    """

    account: Account
    headers: CIMultiDictProxy[str]
    query: MultiMapping[str]
    container_name: str
    name: str
    body: bytes
    now: datetime
    overwrites: bool
    source: StoredBlob | None = None
    """What ``x-ms-copy-source`` names, as it was read for this request."""

    def container(self) -> StoredContainer:
        found = self.account.containers.get(self.container_name)
        if found is None:
            raise BlobError("ContainerNotFound")
        return found

    def blob(self) -> StoredBlob:
        found = self.container().blobs.get(self.name)
        if found is None:
            raise BlobError("BlobNotFound")
        return found

    def metadata(self) -> dict[str, str]:
        """The metadata that the headers carry, names as given.

        Raises:
            BlobError: 400 for names that are no C# identifiers, double names, or more than 8 KB.
        """
        found: dict[str, str] = {}
        for header, value in self.headers.items():
            if header[: len(_META)].lower() == _META:
                name = header[len(_META) :]
                if not name:
                    raise BlobError("EmptyMetadataKey")
                if not (name.isascii() and name.isidentifier()) or name.lower() in map(str.lower, found):
                    raise BlobError("InvalidMetadata")
                found[name] = value
        if size_of(found) > METADATA_LIMIT:
            raise BlobError("MetadataTooLarge")
        return found

    def content_headers(self) -> dict[str, str]:
        """The properties that a new blob is served with."""
        given = {served: self.headers[sent] for sent, served in _CONTENT.items() if sent in self.headers}
        given.setdefault("Content-Type", "application/octet-stream")
        return given

    def check_write_headers(self) -> None:
        """Refuse what is not offered here, and a body that is not what its checksum says."""
        for name in _UNSUPPORTED:
            if name in self.headers:
                raise header_fault("UnsupportedHeader", name)
        if "x-ms-copy-source" in self.headers and self.source is None:
            raise header_fault("UnsupportedHeader", "x-ms-copy-source")
        said = self.headers.get("Content-MD5")
        if said is not None and said != checksum(self.body):
            raise BlobError("Md5Mismatch", {"UserSpecifiedMd5": said, "ServerCalculatedMd5": checksum(self.body)})

    def number(self, name: str) -> int | None:
        """A whole number in the query."""
        value = self.query.get(name)
        if not value:
            return None
        if not value.isascii() or not value.removeprefix("-").isdigit():
            raise query_fault("InvalidQueryParameterValue", name, value)
        return int(value)

    def span(self, size: int, header: str = "") -> tuple[int, int] | None:
        """First byte and byte after the last that a range header asks for; None for all.

        A header that is no range of bytes is ignored, as RFC 9110 lets servers do.
        """
        said = self.headers.get(header) if header else self.headers.get("x-ms-range") or self.headers.get("Range")
        wanted = _RANGE.fullmatch(said or "")
        if wanted is None:
            return None
        first, last = int(wanted[1]), int(wanted[2]) if wanted[2] else size - 1
        if first >= size or last < first:
            raise BlobError("InvalidRange", headers={"Content-Range": f"bytes */{size}"})
        return first, min(last + 1, size)


def version_headers(item: StoredBlob | StoredContainer) -> dict[str, str]:
    """ETag and time of the last change."""
    return {"ETag": item.etag, "Last-Modified": http_date(item.modified)}


def answer_write(item: StoredBlob, status: int = 201) -> web.Response:
    """The answer to a successful write."""
    headers = {**version_headers(item), **_md5(item), "x-ms-request-server-encrypted": "true"}
    return web.Response(status=status, headers=headers)


def properties(blob: StoredBlob) -> dict[str, str]:
    """The headers with which a blob is described."""
    return {
        **version_headers(blob),
        **blob.properties,
        **_md5(blob),
        **{f"{_META}{name}": value for name, value in blob.metadata.items()},
        "x-ms-lease-status": "unlocked",
        "x-ms-lease-state": "available",
        "x-ms-blob-type": "BlockBlob",
        "x-ms-creation-time": http_date(blob.created),
        "x-ms-server-encrypted": "true",
        "x-ms-access-tier": "Hot",
        "x-ms-access-tier-inferred": "true",
        "Accept-Ranges": "bytes",
    }


def _md5(blob: StoredBlob) -> dict[str, str]:
    return {"Content-MD5": blob.md5} if blob.md5 else {}


def http_date(moment: datetime) -> str:
    return f"{_DAYS[moment.weekday()]}, {moment:%d} {_MONTHS[moment.month - 1]} {moment:%Y %H:%M:%S} GMT"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
