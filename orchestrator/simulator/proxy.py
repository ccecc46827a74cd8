"""A forward proxy that makes the public names of the simulated storage accounts reachable.

azure-ai-ml makes the address of a datastore's account itself, ``https://<account>.blob.core.windows.net``, and hands
the clients that upload files no transport of the caller's. ``HTTPS_PROXY`` reaches them all the same, so that a
program that knows nothing of loopback ports can upload. The tunnel carries TLS; the accounts show a certificate of
the local authority for their public names. Nothing but these accounts can be reached through it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from orchestrator.simulator.faulty_ports import LOOPBACK

SUFFIX = ".blob.core.windows.net"
_HEAD = 8192
_PART = 65536


class Proxy:
    """Answers CONNECT. ``ports`` says where the account of each name listens."""

    def __init__(self) -> None:
        self._ports: Mapping[str, int] = {}
        self._server: asyncio.Server | None = None
        self._tunnels: set[asyncio.Task[None]] = set()

    async def open(self, ports: Mapping[str, int]) -> str:
        """Begin to listen; the proxy's URL."""
        self._ports = {f"{account}{SUFFIX}:443": port for account, port in ports.items()}
        self._server = await asyncio.start_server(self._welcome, LOOPBACK, 0, limit=_HEAD)
        return f"http://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening, and end what is under way."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for tunnel in self._tunnels:
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tunnels.add(task)
            task.add_done_callback(self._tunnels.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head.split(b"\r\n", 1)[0].decode("latin-1"), reader, writer)
        writer.close()

    async def _answer(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, _, rest = line.partition(" ")
        port = self._ports.get(rest.partition(" ")[0].lower())
        if method != "CONNECT" or port is None:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        try:
            upstream = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_carry(reader, upstream[1]), _carry(upstream[0], writer))


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Carry bytes one way until either end is closed."""
    with contextlib.suppress(OSError):
        while data := await source.read(_PART):
            sink.write(data)
            await sink.drain()
    with contextlib.suppress(OSError, RuntimeError):
        sink.close()
