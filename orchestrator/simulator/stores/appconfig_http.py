"""App Configuration's requests and answers: who may ask, conditions, problem details, key-values and pages as JSON."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Any, NoReturn
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiMapping

from orchestrator.simulator.services import AzureError, Kernel
from orchestrator.simulator.stores.appconfig_filters import InvalidArgument
from orchestrator.simulator.stores.appconfig_replicas import Key, Setting

AUDIENCES = ("https://appconfig.azure.com", "https://azconfig.io")
"""What clients ask tokens for: azure-appconfiguration 1.10 takes the first unless the host is one of azconfig.io."""

VERSIONS = {
    "1.0",
    "2022-11-01-preview",
    "2023-05-01-preview",
    "2023-10-01",
    "2023-11-01",
    "2024-09-01",
    "2026-04-01",
}
SIZE = 10 * 1024
"""Most bytes of a key-value. The real service's front refuses the request's body, escapes included, with a page of
HTML; the exact number of bytes is not documented."""

KEY_LENGTH = 256
"""Characters of a key or label, as in Microsoft's emulator."""

_ERRORS = "https://azconfig.io/errors/"
_KIND = "application/vnd.microsoft.appconfig."
_BODY_TYPES = re.compile(r"application/(json|[\w.+-]+\+json)|text/json")
_FIELDS = ("etag", "key", "label", "content_type", "value", "last_modified", "locked", "tags")


class TooManyRequests(AzureError):
    """429 until the window is over."""

    def __init__(self, seconds: float) -> None:
        wait = str(max(1, int(seconds * 1000)))
        title = "Resource utilization has surpassed the assigned quota"
        super().__init__(429, "too-many-requests", title, {"retry-after-ms": wait})


class Bare(AzureError):
    """An answer that the real service gives without a body."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, "", "", headers)


class KeyLocked(AzureError):
    """409: the key-value is read-only."""

    def __init__(self, key: str) -> None:
        super().__init__(409, "key-locked", "The key is read-only. To allow modification unlock it first.")
        self.key = key


class ContentTooLarge(AzureError):
    """413 from the service's front."""

    def __init__(self) -> None:
        super().__init__(413, "", "Request Entity Too Large")


class NotOffered(AzureError):
    """501: the real service can, this one cannot."""

    def __init__(self, what: str) -> None:
        super().__init__(501, "not-offered", f"the local Azure does not offer {what}")


def admit(kernel: Kernel, request: web.Request) -> None:
    """Let the caller pass if its token is for App Configuration or this endpoint and its role allows the method.

    Deleting counts as writing, where Azure has an action of its own for it.

    Raises:
        AzureError: 401 with a challenge, or 403, both without a body.
    """
    permission = "appconfig.read" if request.method in {"GET", "HEAD"} else "appconfig.write"
    try:
        kernel.admit(request, (*AUDIENCES, f"https://{request.host}"), permission)
    except AzureError as fault:
        if fault.status == 403:
            raise Bare(403) from fault
        raise Bare(401, {"WWW-Authenticate": _challenge(request)}) from fault


def _challenge(request: web.Request) -> str:
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        return "HMAC-SHA256, Bearer"
    return 'HMAC-SHA256, Bearer error="invalid_token", error_description="Authorization token failed validation"'


def check_version(request: web.Request) -> None:
    """Refuse a request without exactly one known api-version."""
    given = request.query.getall("api-version", [])
    if not given:
        detail = "An API version is required, but was not specified."
        raise InvalidArgument("api-version", detail, "API version is not specified")
    if len(set(given)) > 1:
        detail = f"The following API versions were requested: {', '.join(given)}."
        raise InvalidArgument("api-version", detail, "Ambiguous API version")
    if given[0] not in VERSIONS:
        detail = (
            f"The HTTP resource that matches the request URI '{request.path}' does not support the API version"
            f" '{given[0]}'."
        )
        raise InvalidArgument("api-version", detail, "Unsupported API version")
    if "Accept-Datetime" in request.headers:
        raise NotOffered("Accept-Datetime")


async def body_of(request: web.Request) -> bytes:
    """The body of a write, if it is small enough."""
    if (request.content_length or 0) > SIZE:
        raise ContentTooLarge
    body = await request.content.read()
    if len(body) > SIZE:
        raise ContentTooLarge
    return body


def key_of(request: web.Request) -> str:
    """The key in the path.

    Raises:
        InvalidArgument: a key that App Configuration reserves, with a control character, or too long.
    """
    key = request.match_info["key"]
    label = request.query.get("label", "")
    if key in {".", ".."} or "%" in key or len(key) > KEY_LENGTH or any(ord(one) < 32 for one in key):
        raise InvalidArgument("key", "")
    if len(label) > KEY_LENGTH or any(ord(one) < 32 for one in label.replace("\0", "")):
        raise InvalidArgument("label", "")
    return key


def check_etag(request: web.Request, etag: str | None, *, reads: bool) -> None:
    """Let the request pass if its If-Match or If-None-Match holds for what is there (None: nothing).

    Raises:
        AzureError: 412, or 304 for a read whose item has not changed.
    """
    match, none_match = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if match is not None:
        if etag is None or _tag(match) not in {"*", etag}:
            raise Bare(412)
    elif none_match is not None and etag is not None and _tag(none_match) in {"*", etag}:
        raise Bare(304, {"ETag": f'"{etag}"'}) if reads else Bare(412)


def check_unlocked(setting: Setting | None) -> None:
    if setting is not None and setting.locked:
        raise KeyLocked(setting.key)


def parse_setting(request: web.Request, body: bytes, key: str, label: str | None, now: datetime) -> Setting:
    """The key-value that a PUT's body describes; fields that the service sets itself are passed over.

    Raises:
        InvalidArgument: 400, naming the field that is not what it must be.
        Bare: 415 for a body that does not claim to be JSON.
    """
    if not _BODY_TYPES.fullmatch(request.content_type):
        raise Bare(415)
    try:
        document = json.loads(body)
    except ValueError as fault:
        raise InvalidArgument("model", "") from fault
    if not isinstance(document, dict):
        raise InvalidArgument("model", "")
    tags = document.get("tags") or {}
    if not isinstance(tags, dict) or not all(isinstance(value, str | None) for value in tags.values()):
        raise InvalidArgument("tags", "")
    value, kind = _string(document, "value"), _string(document, "content_type")
    return Setting(key, label, value, kind, tags, "", now, False)


def same(existing: Setting, wanted: Setting) -> bool:
    """Whether a write would change nothing. Microsoft's emulator then keeps item and ETag; so does this store."""
    return existing[2:5] == wanted[2:5]


def one(request: web.Request, setting: Setting) -> web.Response:
    """A key-value."""
    headers = {"ETag": f'"{setting.etag}"', "Last-Modified": format_datetime(setting.modified, usegmt=True)}
    return _json("kv+json", _show(request, setting), headers)


def page_of_settings(request: web.Request, settings: Sequence[Setting], *, full: bool) -> web.Response:
    """A page of key-values, with an ETag over all of it.

    A full page always names a next one, which may be empty, so that a watcher of ETags sees items being added.
    """
    continuation = f"{settings[-1].key}\n{settings[-1].label or ''}" if full and settings else ""
    digest = hashlib.sha256("\n".join([*(one.etag for one in settings), "", continuation]).encode()).digest()
    etag = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    link = _link(request, continuation)
    headers = {"ETag": f'"{etag}"', **({"Link": f'<{link}>; rel="next"'} if link else {})}
    try:
        check_etag(request, etag, reads=True)
    except Bare as answer:
        # A watcher finds the next page through the header of the unchanged one.
        answer.headers.update(headers)
        raise
    return _json("kvset+json", _page([_show(request, one) for one in settings], link), headers)


def page_of_names(request: web.Request, kind: str, names: Sequence[str | None], size: int) -> web.Response:
    """A page of keys or labels."""
    begin = after(request.query)[0] if "after" in request.query else None
    rest = [name for name in names if begin is None or (name or "") > begin]
    page = rest[:size]
    link = _link(request, f"{page[-1] or ''}\n") if len(rest) > size else ""
    headers = {"Link": f'<{link}>; rel="next"'} if link else {}
    return _json(f"{kind}+json", _page([{"name": name} for name in page], link), headers)


def after(query: MultiMapping[str]) -> Key:
    """Key and label of the last item of the page before. A token that is none begins anew, as in the emulator."""
    try:
        key, _, label = base64.urlsafe_b64decode(query.get("after", "")).decode().partition("\n")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, label


def not_offered(request: web.Request) -> NoReturn:
    """Everything that this store has no answer for: 405, 501 or 404."""
    if re.match(r"/(kv|locks|keys|labels|revisions)(/|$)", request.path) and "snapshot" not in request.query:
        raise Bare(405)
    if request.path.startswith(("/snapshots", "/operations")) or "snapshot" in request.query:
        raise NotOffered("snapshots")
    raise Bare(404)


def problem(fault: AzureError) -> web.Response:
    """A refusal as problem details, or without a body where the service sends none."""
    if isinstance(fault, Bare):
        return web.Response(status=fault.status, headers=fault.headers)
    if isinstance(fault, ContentTooLarge):
        text = f"<html><head><title>413 {fault.message}</title></head><body><h1>413 {fault.message}</h1></body></html>"
        return web.Response(status=413, text=text, content_type="text/html")
    details: dict[str, Any] = {"type": f"{_ERRORS}{fault.code}", "title": fault.message, "status": fault.status}
    if isinstance(fault, InvalidArgument):
        details |= {"title": fault.title, "name": fault.name, "detail": fault.message}
    elif isinstance(fault, KeyLocked):
        title = f"Modifing key '{fault.key}' is not allowed"
        details |= {"title": title, "name": fault.key, "detail": fault.message}
    elif isinstance(fault, TooManyRequests):
        details["policy"] = "TotalRequests"
    body = json.dumps(details).encode()
    headers = {**fault.headers, "Content-Type": "application/problem+json; charset=utf-8"}
    return web.Response(status=fault.status, body=body, headers=headers)


def finish(request: web.Request, response: web.Response, sync_token: str) -> web.Response:
    """The answer with what every answer carries."""
    response.headers["x-ms-request-id"] = response.headers["x-ms-correlation-request-id"] = str(uuid.uuid4())
    if sync_token:
        response.headers["Sync-Token"] = sync_token
    if request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        response.headers["x-ms-client-request-id"] = request.headers.get("x-ms-client-request-id", "")
    return response


def _tag(header: str) -> str:
    return header.partition(",")[0].strip().removeprefix("W/").strip('"')


def _string(document: Mapping[str, Any], field: str) -> str | None:
    value = document.get(field)
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(field, "")
    return value


def _show(request: web.Request, setting: Setting) -> dict[str, Any]:
    whole = {
        "etag": setting.etag,
        "key": setting.key,
        "label": setting.label,
        "content_type": setting.content_type,
        "value": setting.value,
        "last_modified": setting.modified.replace(microsecond=0).isoformat(),
        "locked": setting.locked,
        "tags": setting.tags,
    }
    wanted = {word.lower() for word in request.query.get("$select", "").split(",") if word}
    return {name: whole[name] for name in _FIELDS if not wanted or name in wanted}


def _page(items: Iterable[dict[str, Any]], link: str) -> dict[str, Any]:
    page: dict[str, Any] = {"items": list(items)}
    if link:
        page["@nextLink"] = link
    return page


def _link(request: web.Request, continuation: str) -> str:
    if not continuation:
        return ""
    kept = [(name, value) for name, value in request.query.items() if name.lower() != "after"]
    token = base64.urlsafe_b64encode(continuation.encode()).decode()
    return f"{request.path}?{urlencode([*kept, ('after', token)])}"


def _json(kind: str, document: Mapping[str, Any], headers: Mapping[str, str]) -> web.Response:
    kind = f"{_KIND}{kind}; charset=utf-8"
    return web.Response(body=json.dumps(document).encode(), headers={**headers, "Content-Type": kind})
