"""Conditional headers of blob requests.

Rules: learn.microsoft.com, "Specifying conditional headers for Blob service operations", of version 2013-08-15 or
later. Only one ETag per header is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from orchestrator.simulator.stores.blob_errors import BlobError, NotModified, header_fault
from orchestrator.simulator.stores.blob_state import Blob, meets

_IF_MATCH, _IF_NONE_MATCH = "If-Match", "If-None-Match"
_IF_MODIFIED, _IF_UNMODIFIED = "If-Modified-Since", "If-Unmodified-Since"


def check_write(headers: Mapping[str, str], blob: Blob | None, *, creates: bool) -> None:
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
    if match is None and _changed(headers, _IF_UNMODIFIED, blob) is True:
        raise BlobError("ConditionNotMet")
    if none_match is None and _changed(headers, _IF_MODIFIED, blob) is False:
        raise BlobError("ConditionNotMet")


def check_read(headers: Mapping[str, str], blob: Blob) -> None:
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
    if _changed(headers, _IF_UNMODIFIED, blob) is True:
        raise BlobError("ConditionNotMet")
    same = None if none_match is None else meets(blob.etag, none_match)
    changed = _changed(headers, _IF_MODIFIED, blob)
    # Either of the two is enough to be answered: the same ETag, or no change since.
    if (same is True and changed is not True) or (changed is False and same is not False):
        raise NotModified(blob.etag)


def _etag(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name)
    if value is not None and "," in value:
        raise BlobError("MultipleConditionHeadersNotSupported")
    return value.strip() if value is not None else None


def _changed(headers: Mapping[str, str], name: str, blob: Blob) -> bool | None:
    """Whether the blob has changed since the header's time; None without the header."""
    value = headers.get(name)
    return None if value is None else blob.modified.replace(microsecond=0) > _moment(name, value)


def _moment(name: str, value: str) -> datetime:
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except ValueError as fault:
        raise header_fault("InvalidHeaderValue", name, value) from fault
