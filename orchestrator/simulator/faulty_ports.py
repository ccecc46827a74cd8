"""One loopback port whose door can be open, closed, or deaf.

The port stays ours while the door is closed: a socket that is bound but does not listen holds it, and whoever
connects is refused by the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import ssl
import struct
from collections.abc import Callable
from enum import StrEnum

_log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_HANDSHAKE_TIMEOUT = 300.0
"""Seconds. Longer than a machine that hosts tests is put to sleep, or every handshake under way then would break."""


class Door(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    """Connections are refused by the kernel."""

    DEAF = "deaf"
    """Connections are accepted and never spoken to, not even for a TLS handshake."""


class Port:
    """A port chosen by the system, with a door.

    Args:
        context: TLS settings of the server, or None for plain HTTP.
        ignored: called for every connection that a deaf door accepts.
    """

    def __init__(self, context: ssl.SSLContext | None, ignored: Callable[[], None]) -> None:
        self._context = context
        self._ignored = ignored
        self._protocol: Callable[[], asyncio.Protocol] | None = None
        self._door = Door.CLOSED
        self._unheard: list[socket.socket] = []
        self._handshakes: set[asyncio.Task[None]] = set()
        self._socket = _bind(0)
        self.number: int = self._socket.getsockname()[1]

    def serve(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Open the door for the first time, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self.set(Door.OPEN)

    def set(self, door: Door) -> None:
        """Open, close or deafen. Returns when it has happened."""
        if door is self._door or self._protocol is None:
            return
        listened = self._door is not Door.CLOSED
        self._door = door
        self._drop_unheard()
        if door is Door.CLOSED:
            self._loop.remove_reader(self._socket.fileno())
            self._rebind()
        elif not listened:
            self._rebind()
            self._socket.listen(512)
            self._loop.add_reader(self._socket.fileno(), self._accept)

    async def close(self) -> None:
        """Give the port back."""
        self.set(Door.CLOSED)
        self._socket.close()
        for task in self._handshakes:
            task.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def _rebind(self) -> None:
        self._socket.close()
        self._socket = _bind(self.number)

    def _drop_unheard(self) -> None:
        for connection in self._unheard:
            connection.close()
        self._unheard.clear()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionAbortedError):
            while True:
                connection, _ = self._socket.accept()
                connection.setblocking(False)
                if self._door is Door.DEAF:
                    self._unheard.append(connection)
                    self._ignored()
                    continue
                task = self._loop.create_task(self._welcome(connection))
                self._handshakes.add(task)
                task.add_done_callback(functools.partial(self._close_failed, connection))

    async def _welcome(self, connection: socket.socket) -> None:
        assert self._protocol is not None  # noqa: S101 - serve() came first, or nothing would be accepted
        timeout = _HANDSHAKE_TIMEOUT if self._context else None
        await self._loop.connect_accepted_socket(
            self._protocol, connection, ssl=self._context, ssl_handshake_timeout=timeout
        )

    def _close_failed(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        """Close what became no connection: the client distrusts us, left during the handshake, or we are closing."""
        self._handshakes.discard(task)
        fault = None if task.cancelled() else task.exception()
        if task.cancelled() or fault is not None:
            connection.close()
        if fault is not None and not isinstance(fault, OSError):
            _log.error("a connection could not be taken", exc_info=fault)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Break a connection so that the other side sees a reset rather than an orderly end."""
    if not isinstance(transport, asyncio.WriteTransport) or transport.is_closing():
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def _bind(number: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    bound.bind((LOOPBACK, number))
    return bound
