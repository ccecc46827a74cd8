"""What can be asked of blob storage, one function per operation, and what a caller needs for each.

Every function runs from beginning to end without giving way to another request: conditions and the write that
depends on them are one step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from xml.etree import ElementTree as ET

from aiohttp import web

from orchestrator.simulator.stores.blob_call import BlobCall, answer_write, properties, version_headers
from orchestrator.simulator.stores.blob_errors import BlobError, NotModified, header_fault, query_fault
from orchestrator.simulator.stores.blob_lists import list_blobs, list_containers
from orchestrator.simulator.stores.blob_state import StoredBlob, StoredContainer, checksum, meets

_IF_MATCH, _IF_NONE_MATCH = "If-Match", "If-None-Match"

_IF_MODIFIED, _IF_UNMODIFIED = "If-Modified-Since", "If-Unmodified-Since"


def check_write(headers: Mapping[str, str], blob: StoredBlob | None, *, creates: bool) -> None:
    """Let a write pass if its conditions hold for what is there.

    Raises:
        BlobError: 412 ConditionNotMet; 409 BlobAlreadyExists if a blob that must not exist does and the operation
            would have created it. For operations that never create, ``If-None-Match: *`` is answered with 412: the
            documentation says that it must fail but not how.
    """
    match, none_match = _etag(headers, _IF_MATCH), _etag(headers, _IF_NONE_MATCH)
    if match is not None and (blob is None or not meets(blob.etag, match)):
        raise BlobError("ConditionNotMet")
    if none_match is not None and blob is not None and meets(blob.etag, none_match):
        raise BlobError("BlobAlreadyExists" if none_match == "*" and creates else "ConditionNotMet")
    if blob is None:
        return
    if match is None and _has_changed(headers, _IF_UNMODIFIED, blob) is True:
        raise BlobError("ConditionNotMet")
    if none_match is None and _has_changed(headers, _IF_MODIFIED, blob) is False:
        raise BlobError("ConditionNotMet")


def check_read(headers: Mapping[str, str], blob: StoredBlob) -> None:
    """Let a read pass if its conditions hold.

    Raises:
        BlobError: 412 for If-Match and If-Unmodified-Since; 400 for ``If-None-Match: *``, which no read can satisfy.
        NotModified: for If-None-Match and If-Modified-Since.
    """
    match, none_match = _etag(headers, _IF_MATCH), _etag(headers, _IF_NONE_MATCH)
    if none_match == "*":
        raise BlobError("UnsatisfiableCondition")
    if match is not None and not meets(blob.etag, match):
        raise BlobError("ConditionNotMet")
    if _has_changed(headers, _IF_UNMODIFIED, blob) is True:
        raise BlobError("ConditionNotMet")
    same = None if none_match is None else meets(blob.etag, none_match)
    changed = _has_changed(headers, _IF_MODIFIED, blob)
    # Either of the two is enough to be answered: the same ETag, or no change since.
    if (same is True and changed is not True) or (changed is False and same is not False):
        raise NotModified(blob.etag)


def _etag(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name)
    if value is not None and "," in value:
        raise BlobError("MultipleConditionHeadersNotSupported")
    return value.strip() if value is not None else None


def _has_changed(headers: Mapping[str, str], name: str, blob: StoredBlob) -> bool | None:
    """Whether the blob has changed since the header's time; None without the header."""
    value = headers.get(name)
    return None if value is None else blob.modified.replace(microsecond=0) > _moment(name, value)


def _moment(name: str, value: str) -> datetime:
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except ValueError as fault:
        raise header_fault("InvalidHeaderValue", name, value) from fault


BLOCKS = 50_000
"""Most blocks of one blob."""

_BLOCK_ID = re.compile(r"[A-Za-z0-9+/]+={0,2}")

_RANGE_MD5_LIMIT = 4 * 1024 * 1024


class BlobOperation(NamedTuple):
    """An operation, the permission it needs from a token's holder, and the letters of which a SAS needs one.

    No letters: a signature for a container cannot allow it.
    """

    run: Callable[[BlobCall], web.Response]
    permission: str
    letters: str = ""
    copies: bool = False
    """Whether its content may be another blob's, named by a URL."""


def create_container(call: BlobCall) -> web.Response:
    if call.container_name in call.account.containers:
        raise BlobError("ContainerAlreadyExists")
    container = StoredContainer(call.container_name, call.account.etag(), call.now, call.metadata())
    call.account.containers[call.container_name] = container
    return web.Response(status=201, headers=version_headers(container))


def delete_container(call: BlobCall) -> web.Response:
    """The name can be used again at once; the real service keeps it for at least 30 seconds."""
    del call.account.containers[call.container().name]
    return web.Response(status=202)


def get_container(call: BlobCall) -> web.Response:
    container = call.container()
    metadata = {f"x-ms-meta-{name}": value for name, value in container.metadata.items()}
    lease = {"x-ms-lease-status": "unlocked", "x-ms-lease-state": "available"}
    return web.Response(headers={**version_headers(container), **metadata, **lease})


def set_container_metadata(call: BlobCall) -> web.Response:
    container = call.container()
    container.metadata, container.etag, container.modified = call.metadata(), call.account.etag(), call.now
    return web.Response(headers=version_headers(container))


def put_blob(call: BlobCall) -> web.Response:
    kind = call.headers.get("x-ms-blob-type")
    if kind is None:
        raise header_fault("MissingRequiredHeader", "x-ms-blob-type")
    if kind in {"PageBlob", "AppendBlob"}:
        raise BlobError("NotImplemented")
    if kind != "BlockBlob":
        raise header_fault("InvalidHeaderValue", "x-ms-blob-type", kind)
    call.check_write_headers()
    if call.source is None:
        return answer_write(_commit(call, call.body, {}))
    if call.body:
        raise header_fault("InvalidHeaderValue", "Content-Length", str(len(call.body)))
    return answer_write(_commit(call, call.source.data, {}))


def put_block(call: BlobCall) -> web.Response:
    container = call.container()
    block = call.query.get("blockid", "")
    if not _BLOCK_ID.fullmatch(block):
        raise query_fault("InvalidQueryParameterValue", "blockid", block)
    call.check_write_headers()
    staged = container.staged.setdefault(call.name, {})
    if any(len(other) != len(block) for other in staged):
        raise BlobError("InvalidBlobOrBlock")
    data = call.body
    if call.source is not None:
        first, end = call.span(len(call.source.data), "x-ms-source-range") or (0, len(call.source.data))
        data = call.source.data[first:end]
    staged[block] = data
    headers = {"Content-MD5": checksum(data), "x-ms-request-server-encrypted": "true"}
    return web.Response(status=201, headers=headers)


def put_block_list(call: BlobCall) -> web.Response:
    container = call.container()
    call.check_write_headers()
    existing = container.blobs.get(call.name)
    committed = existing.blocks if existing is not None else {}
    staged = container.staged.get(call.name, {})
    sources: dict[str, Mapping[str, bytes]] = {
        "Latest": {**committed, **staged},
        "Committed": committed,
        "Uncommitted": staged,
    }
    blocks: list[tuple[str, bytes]] = []
    for place, block in _block_list(call.body):
        if block not in sources[place]:
            raise BlobError("InvalidBlockList")
        blocks.append((block, sources[place][block]))
    return answer_write(_commit(call, b"".join(data for _, data in blocks), dict(blocks)))


def get_block_list(call: BlobCall) -> web.Response:
    blob = call.blob()
    check_read(call.headers, blob)
    lines = "".join(f"<Block><Name>{name}</Name><Size>{len(data)}</Size></Block>" for name, data in blob.blocks.items())
    headers = {**version_headers(blob), "x-ms-blob-content-length": str(len(blob.data))}
    text = f'<?xml version="1.0" encoding="utf-8"?><BlockList><CommittedBlocks>{lines}</CommittedBlocks></BlockList>'
    return web.Response(text=text, content_type="application/xml", headers=headers)


def get_blob(call: BlobCall) -> web.Response:
    """Get Blob, and Get Blob Properties where only the head is sent."""
    blob = call.blob()
    check_read(call.headers, blob)
    headers = properties(blob)
    span = call.span(len(blob.data))
    if span is None:
        return web.Response(body=blob.data, headers=headers)
    first, end = span
    part = blob.data[first:end]
    if "Content-MD5" in headers:
        headers["x-ms-blob-content-md5"] = headers.pop("Content-MD5")
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(blob.data)}"
    if call.headers.get("x-ms-range-get-content-md5", "").lower() == "true":
        if len(part) > _RANGE_MD5_LIMIT:
            raise header_fault("InvalidHeaderValue", "x-ms-range-get-content-md5", "true")
        headers["Content-MD5"] = checksum(part)
    return web.Response(status=206, body=part, headers=headers)


def head_blob(call: BlobCall) -> web.Response:
    """Get Blob Properties: the whole blob's, whatever range is asked for."""
    blob = call.blob()
    check_read(call.headers, blob)
    return web.Response(body=blob.data, headers=properties(blob))


def get_metadata(call: BlobCall) -> web.Response:
    blob = call.blob()
    check_read(call.headers, blob)
    metadata = {f"x-ms-meta-{name}": value for name, value in blob.metadata.items()}
    return web.Response(headers={**version_headers(blob), **metadata})


def set_metadata(call: BlobCall) -> web.Response:
    blob = _writable(call)
    blob.metadata = call.metadata()
    return answer_write(_touch(call, blob), status=200)


def set_properties(call: BlobCall) -> web.Response:
    blob = _writable(call)
    blob.properties = call.content_headers()
    return web.Response(headers=version_headers(_touch(call, blob)))


def delete_blob(call: BlobCall) -> web.Response:
    _writable(call)
    call.container().remove(call.name)
    return web.Response(status=202, headers={"x-ms-delete-type-permanent": "true"})


def account_information(call: BlobCall) -> web.Response:
    if call.query.get("restype") != "account":
        raise BlobError("NotImplemented")
    return web.Response(headers={"x-ms-sku-name": "Standard_LRS", "x-ms-account-kind": "StorageV2"})


def _commit(call: BlobCall, data: bytes, blocks: dict[str, bytes]) -> StoredBlob:
    container, existing = call.container(), call.container().blobs.get(call.name)
    metadata = call.metadata()
    if call.source is not None and not metadata:
        metadata = dict(call.source.metadata)
    check_write(call.headers, existing, creates=True)
    if existing is not None and not call.overwrites:
        raise BlobError("AuthorizationPermissionMismatch")
    _refuse_lease(call)
    blob = StoredBlob(
        data,
        metadata,
        call.account.etag(),
        call.now,
        existing.created if existing else call.now,
        dict(call.source.properties) if call.source is not None else call.content_headers(),
        "" if blocks else checksum(data),
        blocks,
    )
    container.keep(call.name, blob)
    return blob


def _writable(call: BlobCall) -> StoredBlob:
    """The blob, if it exists and meets the conditions."""
    blob = call.blob()
    check_write(call.headers, blob, creates=False)
    _refuse_lease(call)
    return blob


def _refuse_lease(call: BlobCall) -> None:
    """No client of the product leases blobs, so none is ever leased here."""
    if "x-ms-lease-id" in call.headers:
        raise BlobError("LeaseNotPresentWithBlobOperation")


def _touch(call: BlobCall, blob: StoredBlob) -> StoredBlob:
    blob.etag, blob.modified = call.account.etag(), call.now
    return blob


def _block_list(body: bytes) -> list[tuple[str, str]]:
    try:
        root = ET.fromstring(body)  # noqa: S314 - XML that this machine's own clients send
    except ET.ParseError as fault:
        raise BlobError("InvalidXmlDocument") from fault
    found = [(element.tag, (element.text or "").strip()) for element in root]
    if root.tag != "BlockList" or any(place not in {"Latest", "Committed", "Uncommitted"} for place, _ in found):
        raise BlobError("InvalidXmlDocument")
    if len(found) > BLOCKS:
        raise BlobError("BlockListTooLong")
    return found


_READ, _WRITE = "blob.read", "blob.write"

OPERATIONS: Mapping[tuple[str, str, str], BlobOperation] = {
    ("account", "GET", "list"): BlobOperation(list_containers, _READ),
    ("account", "GET", "properties"): BlobOperation(account_information, _READ, "racwdl"),
    ("account", "HEAD", "properties"): BlobOperation(account_information, _READ, "racwdl"),
    ("container", "PUT", ""): BlobOperation(create_container, _WRITE),
    ("container", "DELETE", ""): BlobOperation(delete_container, _WRITE),
    ("container", "GET", ""): BlobOperation(get_container, _READ),
    ("container", "HEAD", ""): BlobOperation(get_container, _READ),
    ("container", "GET", "metadata"): BlobOperation(get_container, _READ),
    ("container", "HEAD", "metadata"): BlobOperation(get_container, _READ),
    ("container", "PUT", "metadata"): BlobOperation(set_container_metadata, _WRITE),
    ("container", "GET", "list"): BlobOperation(list_blobs, _READ, "l"),
    ("blob", "PUT", ""): BlobOperation(put_blob, _WRITE, "cw", copies=True),
    ("blob", "PUT", "block"): BlobOperation(put_block, _WRITE, "w", copies=True),
    ("blob", "PUT", "blocklist"): BlobOperation(put_block_list, _WRITE, "w"),
    ("blob", "GET", "blocklist"): BlobOperation(get_block_list, _READ, "r"),
    ("blob", "GET", ""): BlobOperation(get_blob, _READ, "r"),
    ("blob", "HEAD", ""): BlobOperation(head_blob, _READ, "r"),
    ("blob", "GET", "metadata"): BlobOperation(get_metadata, _READ, "r"),
    ("blob", "HEAD", "metadata"): BlobOperation(get_metadata, _READ, "r"),
    ("blob", "PUT", "metadata"): BlobOperation(set_metadata, _WRITE, "w"),
    ("blob", "PUT", "properties"): BlobOperation(set_properties, _WRITE, "w"),
    ("blob", "DELETE", ""): BlobOperation(delete_blob, _WRITE, "d"),
}
"""By level, method and the query's ``comp``."""
