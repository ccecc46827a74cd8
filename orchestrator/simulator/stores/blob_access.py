"""Who may do what with an account's blobs: tokens, shared access signatures, and nobody else.

Signatures are service SAS of a container or of one blob, signed as learn.microsoft.com, "Create a service SAS", says
for version 2020-12-06 and later. Requests signed with the account's key itself are refused, as on accounts that
disallow shared keys; that such an account would refuse a SAS made with its key as well is left out, so that a SAS
here stands for a user delegation SAS.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web

from orchestrator.simulator.services import AzureError, Kernel
from orchestrator.simulator.stores.blob_errors import AUDIENCE, BlobError, header_fault

SAS_VERSION = "2021-06-08"
SAS_LIFETIME = timedelta(hours=1)
CHALLENGES_SINCE = "2019-12-12"
"""From this version on, a request without credentials is answered with a challenge."""

BEARER_SINCE = "2017-11-09"
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
# Order of the string to sign, after the canonicalised resource.
_BEFORE = ("sp", "st", "se")
_AFTER = ("si", "sip", "spr", "sv", "sr", "snapshot", "ses", "rscc", "rscd", "rsce", "rscl", "rsct")


class Access:
    """The gate of one account. ``key`` is its base64 account key, which only signs."""

    def __init__(self, kernel: Kernel, account: str) -> None:
        self._kernel = kernel
        self._account = account
        digest = hashlib.sha512(f"{kernel.seed}:{account}".encode()).digest()
        self.key = base64.b64encode(digest).decode()

    def sas(self, container: str, permissions: str, expiry: datetime | None) -> str:
        """A query string that gives these permissions in a container until ``expiry`` (default one hour)."""
        until = (expiry or self._kernel.now() + SAS_LIFETIME).astimezone(UTC)
        fields = {"sv": SAS_VERSION, "se": until.strftime(_TIME), "sr": "c", "sp": permissions}
        return urlencode({**fields, "sig": self._signature(container, fields)})

    def admit(self, request: web.Request, place: tuple[str, str], permission: str, letters: str) -> bool:
        """Let the request pass by its token or by its signature; whether it may also write over what exists.

        ``place`` is container and blob. ``permission`` is what a token's holder needs, ``letters`` those of which a
        signature needs one.

        Raises:
            BlobError: 401 without valid credentials, 403 without the permission.
        """
        version = request.headers.get("x-ms-version", "")
        if version and not _VERSION.fullmatch(version):
            raise header_fault("InvalidHeaderValue", "x-ms-version", version)
        if "Authorization" in request.headers:
            self._by_token(request, version, permission)
            return True
        if "sig" in request.query:
            return self._by_signature(request, place, letters)
        raise BlobError("NoAuthenticationInformation" if version >= CHALLENGES_SINCE else "PublicAccessNotPermitted")

    def _by_token(self, request: web.Request, version: str, permission: str) -> None:
        if request.headers["Authorization"].startswith("SharedKey"):
            raise BlobError("KeyBasedAuthenticationNotPermitted")
        if version < BEARER_SINCE:
            # The documentation asks for the header without saying which code its absence gives.
            raise header_fault("MissingRequiredHeader", "x-ms-version")
        try:
            self._kernel.admit(request, AUDIENCE, permission)
        except AzureError as fault:
            if fault.status == 403:
                raise BlobError("AuthorizationPermissionMismatch") from fault
            raise BlobError("InvalidAuthenticationInfo", {"AuthenticationErrorDetail": fault.message}) from fault

    def _by_signature(self, request: web.Request, place: tuple[str, str], letters: str) -> bool:
        query, (container, blob) = request.query, place
        signed = {"c": container, "b": f"{container}/{blob}" if blob else ""}.get(query.get("sr", ""))
        if not signed or not hmac.compare_digest(query["sig"], self._signature(signed, query)):
            raise _refuse_unsigned("Signature did not match.")
        if query.get("spr") == "https" and not request.secure:
            raise BlobError("AuthorizationProtocolMismatch")
        now = self._kernel.now()
        if now >= _time(query.get("se", "")) or ("st" in query and now < _time(query["st"])):
            raise _refuse_unsigned(f"Signature not valid in the specified time frame: Expiry [{query.get('se')}]")
        held = set(query.get("sp", ""))
        if not held & set(letters):
            raise BlobError("AuthorizationPermissionMismatch")
        return "w" in held

    def _signature(self, resource: str, fields: Mapping[str, str]) -> str:
        values = [*(fields.get(name, "") for name in _BEFORE), f"/blob/{self._account}/{resource}"]
        values += [fields.get(name, "") for name in _AFTER]
        digest = hmac.new(base64.b64decode(self.key), "\n".join(values).encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise _refuse_unsigned(f"se is not a valid time: [{text}]") from fault
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refuse_unsigned(detail: str) -> BlobError:
    return BlobError("AuthenticationFailed", {"AuthenticationErrorDetail": detail})
