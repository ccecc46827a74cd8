"""Who calls, and what they may do: a machine with a key, or somebody whom App Service authentication has signed in.

App Service puts the claims of whoever signed in into ``x-ms-client-principal``, base64 of JSON, and lets no request
from outside set that header (learn.microsoft.com, app-service/configure-authentication-user-identities). Without that
authentication it is anybody's text, so it is believed only where ``HUBSWITCH_SIGNED_IN_HEADER`` says that it is on.

The Functions host knows keys and no roles: it would ask a person who has signed in for a key as well. Where the setting
is on, routes that have a role are therefore open to the host, and every request is judged here.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

import azure.functions as func
import msgspec

from orchestrator.settings import Settings, digest_of
from orchestrator.triggers.answers import problem


class CallerRole(StrEnum):
    """App roles of the app's registration in Entra ID. The values are those of the token's claim ``roles``."""

    READER = "Reader"
    OPERATOR = "Operator"
    APPROVER = "Approver"


IMPLIED: Mapping[CallerRole, frozenset[CallerRole]] = {
    CallerRole.READER: frozenset({CallerRole.READER}),
    CallerRole.OPERATOR: frozenset({CallerRole.OPERATOR, CallerRole.READER}),
    CallerRole.APPROVER: frozenset({CallerRole.APPROVER, CallerRole.READER}),
}
"""What each role may do: who acts must see. Operator and Approver are apart, so that they can be two people."""

EVERYTHING = frozenset(CallerRole)
"""What a key may do."""

OWN_HEADER = "x-hubswitch-request"
"""A page of another site cannot set it without being asked first (Fetch standard, CORS-safelisted request headers): an
order of a browser that is signed in must carry it."""

_ROLE_CLAIMS = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
_NAME_CLAIMS = ("preferred_username", "upn", "name", "appid", "azp", "oid")
"""What a caller is called by, if the platform gives no name: people first, then applications."""

_PRINCIPAL, _NAME = "x-ms-client-principal", "x-ms-client-principal-name"
_LONGEST = 64 * 1024
"""Characters of a principal. App Service's own limit for all headers is lower."""


class CallerIdentity(NamedTuple):
    """Who calls. ``name`` is empty for a key: the body says who, and nobody has checked it."""

    name: str
    may: frozenset[CallerRole]


class _PrincipalClaim(msgspec.Struct):
    typ: str
    val: str


class _Principal(msgspec.Struct):
    claims: list[_PrincipalClaim]
    role_typ: str | None = None
    name_typ: str | None = None


class UnreadablePrincipal(Exception):
    """The header holds no principal. It is our platform's, so this is no caller's slip."""


def caller_of(req: func.HttpRequest, settings: Settings) -> str:
    """The signed-in caller; empty where no authentication of the platform validates the headers that name it."""
    if not settings.signed_in_header:
        return ""
    named = req.headers.get(_NAME)
    if named:
        return str(named)
    try:
        principal = _principal_of(req)
    except UnreadablePrincipal:
        return ""
    return _name_of(principal) if principal else ""


def name_caller(req: func.HttpRequest, settings: Settings, said: str) -> str:
    """Who gives an order: the signed-in caller, else whoever its body names, which nobody has checked."""
    return caller_of(req, settings) or said or "unnamed"


def identify(req: func.HttpRequest, settings: Settings) -> CallerIdentity | None:
    """Who calls, where roles count; None for nobody who is known.

    Raises:
        UnreadablePrincipal: the platform's header cannot be understood.
    """
    if _has_key(req, settings.machine_keys):
        return CallerIdentity(caller_of(req, settings), EVERYTHING)
    principal = _principal_of(req)
    if principal is None:
        return None
    kinds = _ROLE_CLAIMS | ({principal.role_typ} if principal.role_typ else set())
    values = {claim.val for claim in principal.claims if claim.typ in kinds}
    roles = [role for role in CallerRole if role.value in values]
    return CallerIdentity(caller_of(req, settings), frozenset().union(*(IMPLIED[role] for role in roles)))


def may_of(req: func.HttpRequest, settings: Settings) -> frozenset[CallerRole]:
    """What the caller of a request that was let in may do."""
    if not settings.signed_in_header:
        return EVERYTHING
    try:
        found = identify(req, settings)
    except UnreadablePrincipal:
        return frozenset()
    return found.may if found else frozenset()


def refuse(req: func.HttpRequest, needed: CallerRole, settings: Settings) -> func.HttpResponse | None:
    """The answer to a request that may not be carried out; None if it may. For routes that the host leaves open.

    401 without a body for nobody, as the host has it; 403 with the role that is needed for somebody without it, and for
    an order that a browser was made to send by a page of another site.
    """
    try:
        caller = identify(req, settings)
    except UnreadablePrincipal as fault:
        return problem(HTTPStatus.FORBIDDEN, f"who you are cannot be read: {fault}")
    if caller is None:
        return func.HttpResponse(status_code=HTTPStatus.UNAUTHORIZED)
    if needed not in caller.may:
        name = caller.name or "this login"
        told = f"{name} lacks the role {needed}: an administrator assigns it in Entra ID, under the app's registration"
        return problem(HTTPStatus.FORBIDDEN, told, needed=needed.value)
    if req.method != "GET" and not _has_key(req, settings.machine_keys) and not _is_meant(req, settings):
        told = f"an order of somebody who has signed in comes from this app's own page, or has the header {OWN_HEADER}"
        return problem(HTTPStatus.FORBIDDEN, told)
    return None


def _has_key(req: func.HttpRequest, digests: str) -> bool:
    given = req.headers.get("x-functions-key") or req.params.get("code") or ""
    known = [each.strip().casefold() for each in digests.split(",") if each.strip()]
    found = digest_of(given)
    return bool(given) and any(hmac.compare_digest(found, each) for each in known)


def _is_meant(req: func.HttpRequest, settings: Settings) -> bool:
    """Whether a request that a browser may have sent by itself, with its cookie, was meant by the person before it."""
    if str(req.headers.get("authorization") or "").casefold().startswith("bearer "):
        return True  # no browser adds one on its own
    if not req.headers.get(OWN_HEADER):
        return False
    site = req.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = req.headers.get("origin")
    own = {req.headers.get("host"), urlsplit(req.url).netloc, urlsplit(settings.app_url).netloc}
    return origin is None or urlsplit(origin).netloc in own - {None, ""}


def _principal_of(req: func.HttpRequest) -> _Principal | None:
    given = req.headers.get(_PRINCIPAL)
    if not given:
        return None
    if len(given) > _LONGEST:
        raise UnreadablePrincipal(f"{_PRINCIPAL} has more than {_LONGEST} characters")
    try:
        return msgspec.json.decode(base64.b64decode(given, validate=True), type=_Principal)
    except (binascii.Error, ValueError, RecursionError, msgspec.MsgspecError) as fault:
        raise UnreadablePrincipal(f"{_PRINCIPAL} is not base64 of a JSON object with claims") from fault


def _name_of(principal: _Principal) -> str:
    values = {claim.typ: claim.val for claim in reversed(principal.claims)}
    kinds = (principal.name_typ, *_NAME_CLAIMS)
    return next((values[kind] for kind in kinds if kind and values.get(kind)), "a login without a name")
