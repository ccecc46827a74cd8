"""Lists of blobs and containers, in the XML that clients of blob storage read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from orchestrator.simulator.stores.blob_call import BlobCall, http_date
from orchestrator.simulator.stores.blob_errors import query_fault
from orchestrator.simulator.stores.blob_state import ListedBlob, StoredBlob, StoredContainer

PAGE = 5000
"""Most entries of one page, whatever is asked for (learn.microsoft.com, "List Blobs")."""

_INCLUDABLE = {
    "copy", "deleted", "deletedwithversions", "immutabilitypolicy", "legalhold", "metadata", "permissions",
    "snapshots", "tags", "uncommittedblobs", "versions",
}  # fmt: skip
"""Of these only metadata exists here; the others are understood and add nothing."""

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def list_blobs(call: BlobCall) -> web.Response:
    """List Blobs: by prefix, with or without a delimiter, a page at a time."""
    container = call.container()
    included = _parse_include(call)
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    start = max(_start(call), call.query.get("startFrom", ""))
    entries, following = container.page(prefix, delimiter, start, _limit(call))
    asked = _ask_for(call, ("prefix", "marker", "maxresults", "delimiter"))
    lines = "".join(_line(entry, with_metadata="metadata" in included) for entry in entries)
    origin = f' ServiceEndpoint="https://{call.headers.get("Host", "")}/" ContainerName={quoteattr(container.name)}'
    return _document(f"{origin}>{asked}<Blobs>{lines}</Blobs>", following)


def list_containers(call: BlobCall) -> web.Response:
    """List Containers: by prefix, a page at a time."""
    prefix, start, limit = call.query.get("prefix", ""), _start(call), _limit(call)
    names = [name for name in sorted(call.account.containers) if name.startswith(prefix) and name >= start]
    lines = "".join(_container_line(call.account.containers[name]) for name in names[:limit])
    asked = _ask_for(call, ("prefix", "marker", "maxresults"))
    following = names[limit] if len(names) > limit else ""
    return _document(f">{asked}<Containers>{lines}</Containers>", following)


def _document(inner: str, following: str) -> web.Response:
    marker = base64.urlsafe_b64encode(following.encode()).decode()
    return web.Response(
        text=f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults{inner}<NextMarker>{marker}</NextMarker>'
        "</EnumerationResults>",
        content_type="application/xml",
    )


def _parse_include(call: BlobCall) -> set[str]:
    words = {word for word in call.query.get("include", "").split(",") if word}
    unknown = words - _INCLUDABLE
    if unknown:
        raise query_fault("InvalidQueryParameterValue", "include", min(unknown))
    return words


def _limit(call: BlobCall) -> int:
    wanted = call.number("maxresults")
    if wanted is not None and wanted < 1:
        raise query_fault("OutOfRangeQueryParameterValue", "maxresults", str(wanted))
    return min(wanted or PAGE, PAGE)


def _start(call: BlobCall) -> str:
    marker = call.query.get("marker", "")
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as fault:
        raise query_fault("OutOfRangeInput", "marker", marker) from fault


def _ask_for(call: BlobCall, names: Iterable[str]) -> str:
    tags = {"prefix": "Prefix", "marker": "Marker", "maxresults": "MaxResults", "delimiter": "Delimiter"}
    return "".join(f"<{tags[name]}>{escape(call.query[name])}</{tags[name]}>" for name in names if name in call.query)


def _line(entry: ListedBlob, *, with_metadata: bool) -> str:
    if entry.blob is None:
        return f"<BlobPrefix>{_name(entry.name)}</BlobPrefix>"
    metadata = _metadata(entry.blob.metadata) if with_metadata else ""
    return f"<Blob>{_name(entry.name)}{_properties(entry.blob)}{metadata}</Blob>"


def _name(name: str) -> str:
    """A name that XML cannot carry is sent percent-encoded and says so."""
    if _NOT_XML.search(name):
        return f'<Name Encoded="true">{quote(name)}</Name>'
    return f"<Name>{escape(name)}</Name>"


def _properties(blob: StoredBlob) -> str:
    content = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in blob.properties.items())
    content += f"<Content-MD5>{blob.md5}</Content-MD5>" if blob.md5 else ""
    return (
        f"<Properties><Creation-Time>{http_date(blob.created)}</Creation-Time>"
        f"<Last-Modified>{http_date(blob.modified)}</Last-Modified><Etag>{blob.etag.strip('"')}</Etag>"
        f"<Content-Length>{len(blob.data)}</Content-Length>{content}"
        "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
        "<ServerEncrypted>true</ServerEncrypted></Properties>"
    )


def _metadata(metadata: dict[str, str]) -> str:
    return f"<Metadata>{''.join(f'<{name}>{escape(value)}</{name}>' for name, value in metadata.items())}</Metadata>"


def _container_line(container: StoredContainer) -> str:
    return (
        f"<Container><Name>{container.name}</Name><Properties>"
        f"<Last-Modified>{http_date(container.modified)}</Last-Modified><Etag>{container.etag.strip('"')}</Etag>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState></Properties></Container>"
    )
