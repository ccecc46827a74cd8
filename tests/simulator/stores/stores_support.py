"""A server in a thread of the test process, over HTTPS with its own authority, and credentials for real clients."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web
from azure.core.credentials import AccessToken, AccessTokenInfo

from orchestrator.simulator.services import Kernel


class Host:
    """Serves routes on loopback ports that the system chooses, and runs things in the servers' loop."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca = str(folder / "ca.pem")
        authority.cert_pem.write_to_path(self.ca)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(self._tls)
        self._runners: list[web.AppRunner] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def serve(self, routes: Iterable[web.RouteDef], *, tls: bool = True) -> str:
        """The URL under which the routes answer from now on, without a slash at its end."""
        return self.run(self._serve(routes, tls))

    def run[T](self, task: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that runs in the loop."""
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(20)

    def call[T](self, function: Callable[[], T]) -> T:
        """The result of a function that runs in the loop's thread."""
        answer: Future[T] = Future()
        self._loop.call_soon_threadsafe(lambda: answer.set_result(function()))
        return answer.result(20)

    def trust(self) -> ssl.SSLContext:
        """What a client of this host's servers trusts."""
        return ssl.create_default_context(cafile=self.ca)

    def clear(self) -> None:
        """Stop what has been served so far."""
        while self._runners:
            self.run(self._end(self._runners.pop()))

    def close(self) -> None:
        self.clear()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(300)
        self._loop.close()

    async def _serve(self, routes: Iterable[web.RouteDef], tls: bool) -> str:
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls if tls else None).start()
        self._runners.append(runner)
        return f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"

    async def _end(self, runner: web.AppRunner) -> None:
        for connection in runner.server.connections if runner.server else ():
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()


class Credential:
    """A TokenCredential whose tokens the kernel issues for whatever scope a client asks for.

    ``audience`` overrides it; ``scopes`` remembers what was asked.
    """

    def __init__(self, kernel: Kernel, client_id: str = "tester", audience: str = "") -> None:
        self._kernel = kernel
        self._client_id = client_id
        self._audience = audience
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        del options
        return AccessToken(*self._issue(scopes))

    def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        del options
        return AccessTokenInfo(*self._issue(scopes))

    def bearer(self, audience: str) -> dict[str, str]:
        """The header with which a plain HTTP client shows a token."""
        return {"Authorization": f"Bearer {self._kernel.token(self._client_id, audience)[0]}"}

    def _issue(self, scopes: tuple[str, ...]) -> tuple[str, int]:
        self.scopes.extend(scopes)
        return self._kernel.token(self._client_id, self._audience or scopes[0].removesuffix("/.default"))
