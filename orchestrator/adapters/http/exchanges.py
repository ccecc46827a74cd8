"""What was asked and answered while somebody listens: for `hubswitch doctor --wire`, and for nothing else.

Listeners are of the whole process, since every client has a transport of its own. Clients that were made before
somebody listens are heard as well, asynchronous ones excepted. Bodies that are streamed (blobs) are not kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import aiohttp


class WireExchange(NamedTuple):
    """A request, and the answer to it. The body is as it came, and None if it was not kept."""

    method: str
    url: str
    status: int
    headers: dict[str, str]
    """Names in lower case."""

    body: bytes | None


class Listener:
    """Keeps exchanges. Usable from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[WireExchange] = []
        self._open: WeakKeyDictionary[aiohttp.ClientResponse, int] = WeakKeyDictionary()

    def keep(self, exchange: WireExchange, response: aiohttp.ClientResponse | None = None) -> None:
        """``response``: the one whose body is still to come."""
        with self._lock:
            self._kept.append(exchange)
            if response is not None:
                self._open[response] = len(self._kept) - 1

    def add_body(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        with self._lock:
            number = self._open.pop(response, None)
            if number is not None:
                self._kept[number] = self._kept[number]._replace(body=body)

    def exchanges(self) -> tuple[WireExchange, ...]:
        with self._lock:
            return tuple(self._kept)


_listening: list[Listener] = []


@contextmanager
def listen() -> Iterator[Listener]:
    """Keep every exchange of this process until the block ends."""
    listener = Listener()
    _listening.append(listener)
    try:
        yield listener
    finally:
        _listening.remove(listener)


def hear(request: Any, response: Any, *, streamed: bool) -> None:
    """Keep an exchange of a blocking client, if somebody listens."""
    for listener in tuple(_listening):
        body = None if streamed else response.internal_response.content
        listener.keep(
            WireExchange(request.method, request.url, int(response.status_code), _lower(response.headers), body)
        )


def hear_body(response: aiohttp.ClientResponse, body: bytes) -> None:
    """Add the body of an answer that an asynchronous client reads piece by piece."""
    for listener in tuple(_listening):
        listener.add_body(response, body)


def traces() -> list[aiohttp.TraceConfig]:
    """What makes an asynchronous session heard, if somebody listens when it is made."""
    if not _listening:
        return []
    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(_hear_head)
    trace.on_response_chunk_received.append(_hear_whole)
    return [trace]


async def _hear_head(_: aiohttp.ClientSession, context: Any, ended: aiohttp.TraceRequestEndParams) -> None:
    context.response = ended.response
    exchange = WireExchange(ended.method, str(ended.url), ended.response.status, _lower(ended.response.headers), None)
    for listener in tuple(_listening):
        listener.keep(exchange, ended.response)


async def _hear_whole(_: aiohttp.ClientSession, context: Any, chunk: aiohttp.TraceResponseChunkReceivedParams) -> None:
    """A body that is read as a whole is handed over as a whole."""
    hear_body(context.response, chunk.chunk)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
