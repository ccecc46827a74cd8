"""Blob storage's ways to say no: its error codes, and the XML they travel in.

Codes, statuses and messages: learn.microsoft.com, "Blob service error codes", "Common REST API error codes" and
"SAS error codes".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from orchestrator.simulator.services import TENANT, AzureError

AUDIENCE = "https://storage.azure.com"

_UNAUTHENTICATED = (
    "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
)
_UNSIGNED = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly"
    " including the signature."
)
_CATALOGUE: Mapping[str, tuple[int, str]] = {
    "AuthenticationFailed": (403, _UNSIGNED),
    "AuthorizationPermissionMismatch": (
        403,
        "This request is not authorized to perform this operation using this permission.",
    ),
    "AuthorizationProtocolMismatch": (
        403,
        "This request is not authorized to perform this operation using this protocol.",
    ),
    "BlobAlreadyExists": (409, "The specified blob already exists."),
    # The status is that of the source's own refusal; the sentences are not documented.
    "CannotVerifyCopySource": (404, "The specified source blob does not exist."),
    "BlobNotFound": (404, "The specified blob does not exist."),
    "BlockListTooLong": (400, "The block list may not contain more than 50,000 blocks."),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "ContainerAlreadyExists": (409, "The specified container already exists."),
    "ContainerNotFound": (404, "The specified container does not exist."),
    "EmptyMetadataKey": (400, "The key for one of the metadata key-value pairs is empty."),
    "InvalidAuthenticationInfo": (401, _UNAUTHENTICATED),
    "InvalidBlobOrBlock": (400, "The specified blob or block content is invalid."),
    "InvalidBlockList": (400, "The specified block list is invalid."),
    "InvalidHeaderValue": (400, "The value for one of the HTTP headers is not in the correct format."),
    "InvalidMetadata": (
        400,
        "The metadata specified is invalid. It has characters that are not permitted.",
    ),
    "InvalidQueryParameterValue": (
        400,
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    "InvalidResourceName": (400, "The specified resource name contains invalid characters."),
    "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
    "KeyBasedAuthenticationNotPermitted": (
        403,
        "Key based authentication is not permitted on this storage account.",
    ),
    "LeaseNotPresentWithBlobOperation": (412, "There is currently no lease on the blob."),
    "Md5Mismatch": (
        400,
        "The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
    ),
    "MetadataTooLarge": (400, "The size of the specified metadata exceeds the maximum size permitted."),
    "MissingContentLengthHeader": (411, "The Content-Length header was not specified."),
    "MissingRequiredHeader": (400, "An HTTP header that's mandatory for this request is not specified."),
    "MultipleConditionHeadersNotSupported": (400, "Multiple condition headers are not supported."),
    "NoAuthenticationInformation": (401, _UNAUTHENTICATED),
    "NotImplemented": (501, "The requested operation is not implemented on the specified resource."),
    "OutOfRangeInput": (400, "One of the request inputs is out of range."),
    "OutOfRangeQueryParameterValue": (
        400,
        "One of the query parameters specified in the request URI is outside the permissible range.",
    ),
    "PublicAccessNotPermitted": (409, "Public access is not permitted on this storage account."),
    "RequestBodyTooLarge": (413, "The request body is too large and exceeds the maximum permissible limit."),
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "FileNotFound": (404, "The specified resource does not exist."),
    "ShareNotFound": (404, "The specified share does not exist."),
    "SourceConditionNotMet": (
        412,
        "The source condition specified using HTTP conditional header(s) is not met.",
    ),
    "UnsatisfiableCondition": (
        400,
        "The request includes an unsatisfiable condition for this operation.",
    ),
    "UnsupportedHeader": (400, "One of the HTTP headers specified in the request is not supported."),
}
_CHALLENGE = {
    "WWW-Authenticate": (
        f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize resource_id={AUDIENCE}"
    )
}


class BlobError(AzureError):
    """A refusal by blob storage. ``details`` become further elements of the XML, such as ``HeaderName``."""

    def __init__(
        self, code: str, details: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        status, message = _CATALOGUE[code]
        super().__init__(status, code, message, {**(headers or {}), **(_CHALLENGE if status == 401 else {})})
        self.details = dict(details or {})


class NotModified(Exception):
    """A conditional read whose condition is not met: 304, without a body."""

    def __init__(self, etag: str) -> None:
        super().__init__(etag)
        self.etag = etag


def header_fault(code: str, name: str, value: str = "") -> BlobError:
    """A refusal that names the header at fault, as the service does."""
    return BlobError(code, {"HeaderName": name, "HeaderValue": value} if value else {"HeaderName": name})


def query_fault(code: str, name: str, value: str) -> BlobError:
    """A refusal that names the query parameter at fault, as the service does."""
    return BlobError(code, {"QueryParameterName": name, "QueryParameterValue": value})


def render(fault: AzureError, request_id: str) -> str:
    """The XML body of a refusal."""
    details = fault.details if isinstance(fault, BlobError) else {}
    further = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in details.items())
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    message = escape(f"{fault.message}\nRequestId:{request_id}\nTime:{moment}")
    return (
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{escape(fault.code)}</Code>'
        f"<Message>{message}</Message>{further}</Error>"
    )
