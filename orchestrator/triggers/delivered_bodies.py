"""What a delivery brings, whichever way it was sent: compressed or not, as a body or as a body with ``ce-`` headers.

In the binary mode of CloudEvents (CloudEvents 1.0, HTTP protocol binding, 3.1) the attributes are headers and the body
is the data alone. The structured and the batched mode have all of it in the body.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import azure.functions as func

from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.json_access import decode_leniently
from orchestrator.core.signals.parse import facts_from, facts_from_text
from orchestrator.triggers.answers import TooLarge

LIMIT = 2 * 1024 * 1024
"""Bytes: Event Grid sends at most 1 MB at once, action groups 256 KB (learn.microsoft.com, Event Grid quotas)."""

LARGE = 4 * 1024
"""Bytes from which on a body is read in a thread, so that other requests do not wait for it. What takes time is the
elements, not the bytes: 5,000 empty objects are 15 KB and take as long as a megabyte of events."""

_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype")


class Unreadable(Exception):
    """A body in an encoding that is not what its headers say, or that is not known here."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


async def read_facts(req: func.HttpRequest) -> list[Fact]:
    """The facts of a request. Raises ``TooLarge`` and ``Unreadable``."""
    body = req.get_body()
    if len(body) > LIMIT:
        raise TooLarge(LIMIT)
    if len(body) > LARGE or _encoding(req.headers):
        return await asyncio.to_thread(_facts, req.headers, body)
    return _facts(req.headers, body)


def _facts(headers: Mapping[str, str], body: bytes) -> list[Fact]:
    plain = _decompress(_encoding(headers), body)
    if _is_binary_mode(headers):
        return facts_from(_event(headers, plain))
    return facts_from_text(plain)


def _encoding(headers: Mapping[str, str]) -> str:
    said = (headers.get("content-encoding") or "").strip().casefold()
    return "" if said in {"identity", "utf-8"} else said


def _decompress(encoding: str, body: bytes) -> bytes:
    """The plain body. Some hosts have decompressed it already and left the header: then it is JSON as it is."""
    if not encoding:
        return body
    if encoding not in _COMPRESSED:
        raise Unreadable(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Encoding: expected gzip or none, got {encoding[:40]}"
        )
    if body.lstrip()[:1] in {b"{", b"["}:
        return body
    stream = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = stream.decompress(body, LIMIT + 1)
    except zlib.error as fault:
        raise Unreadable(HTTPStatus.BAD_REQUEST, f"the body is not {encoding}, as its Content-Encoding says") from fault
    if len(plain) > LIMIT:
        raise TooLarge(LIMIT)
    if not stream.eof:
        raise Unreadable(HTTPStatus.BAD_REQUEST, f"the body ends before its {encoding} does")
    return plain


def _is_binary_mode(headers: Mapping[str, str]) -> bool:
    if (headers.get("content-type") or "").strip().casefold().startswith("application/cloudevents"):
        return False
    return any(headers.get(f"ce-{name}") for name in ("specversion", "type", "id"))


def _event(headers: Mapping[str, str], body: bytes) -> Any:
    """The event as it would stand in a body."""
    told = {name: unquote(said) for name in _ATTRIBUTES if (said := headers.get(f"ce-{name}"))}
    return {**told, "data": _data(body)} if "type" in told else told


def _data(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return decode_leniently(body)
    except (ValueError, RecursionError) as fault:
        raise Unreadable(HTTPStatus.BAD_REQUEST, "the data of the event is not one JSON value") from fault
