"""The one transport under every SDK client: nothing waits longer than its limits, no dead host is asked for ever.

The SDK's own defaults wait 300 s for a connection and 300 s for an answer, sleep any Retry-After in full, and its
``timeout=`` bounds neither. Here:

- connecting, silence while reading, and one request all in all are bounded; ``deadline`` bounds several together,
  down to each read of the socket, so an answer that drips in is bounded too;
- sleeps (the SDK's retry policies and pollers sleep through the transport) are capped. A Retry-After that is longer
  than the cap, or than what is left of the deadline, is not slept: the answer that asked for it comes back at once
  as our error, with ``retry_after``;
- a breaker per host stops connecting to what cannot be connected to.

Limits of this: resolving a name in a blocking call is bounded only by the system's resolver.

Give clients ``transport=`` and the scalars of ``NO_RETRY``. Never give a policy *instance* to several clients: it
keeps its successor in itself, and credentials of one client then travel to the hosts of another.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
from collections.abc import MutableMapping
from contextvars import ContextVar
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import certifi
import requests
from azure.core.exceptions import (
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ReadTimeoutError

from orchestrator.adapters.http import exchanges
from orchestrator.adapters.http.deadline import deadline, remaining, within_budget
from orchestrator.adapters.http.errors import LONGEST_WISH, NotWaitedFor
from orchestrator.adapters.http.server_dates import ServerDates
from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import Unreachable
from orchestrator.settings import Settings


class Breaker:
    """Open after ``failures`` failed connections in a row; afterwards one attempt per ``cooldown`` is let through.

    Instants are seconds of one monotonic clock. Safe for use by many threads.
    """

    def __init__(self, failures: int, cooldown: timedelta) -> None:
        self._limit = failures
        self._cooldown = cooldown.total_seconds()
        self._failed: dict[str, int] = {}
        self._next_try: dict[str, float] = {}
        self._lock = threading.Lock()

    def admits(self, host: str, now: float) -> bool:
        """Whether a request may go out. While open, the first to ask after a cooldown is the trial."""
        with self._lock:
            next_try = self._next_try.get(host)
            if next_try is None:
                return True
            if now < next_try:
                return False
            self._next_try[host] = now + self._cooldown
            return True

    def connected(self, host: str) -> None:
        with self._lock:
            self._failed.pop(host, None)
            self._next_try.pop(host, None)

    def failed(self, host: str, now: float) -> None:
        with self._lock:
            self._failed[host] = self._failed.get(host, 0) + 1
            if self._failed[host] >= self._limit:
                self._next_try[host] = now + self._cooldown


NO_RETRY: MappingProxyType[str, Any] = MappingProxyType({"retry_total": 0, "permit_redirects": False})
"""For clients: repeating is the caller's business, who knows what a second write would mean.

No redirect is followed."""

_REFUSAL: ContextVar[Any] = ContextVar("hubswitch_refusal", default=None)
"""The answer to the last request of this thread or task, if it was an error: a sleep that follows is its wish."""


class Limits(Value, kw_only=True):
    """How long anything may take, and when to stop trying."""

    connect: timedelta = timedelta(seconds=2)
    read: timedelta = timedelta(seconds=8)
    request: timedelta = timedelta(seconds=60)
    """One request all in all, without a deadline around it. Only an answer that drips in ever takes so long."""

    sleep: timedelta = timedelta(seconds=5)
    failures: int = 5
    """Failed connections in a row after which a host is given a rest: two or three calls of two threads."""

    cooldown: timedelta = timedelta(seconds=10)
    """Rest between two trials. As long as the shortest sensible interval between two sweeps of a pair."""

    pool: int = 80
    """Connections kept per host. More threads than this never talk to one host at once."""


def limits_from(settings: Settings) -> Limits:
    return Limits(connect=settings.connect_timeout, read=settings.read_timeout, sleep=settings.retry_sleep)


class CircuitOpen(ServiceRequestError):
    """Nothing was sent: the host could not be connected to several times in a row, a moment ago."""


class Gate:
    """What both transports share: limits, breaker, and the judgement of sleeps."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._breaker = Breaker(limits.failures, limits.cooldown)
        self.dates = ServerDates()

    def enter(self, host: str) -> tuple[float, float]:
        """Seconds that the request may take to connect and to stay silent.

        Raises:
            CircuitOpen: the host is being given a rest.
            ServiceRequestTimeoutError: the deadline is over.
        """
        _REFUSAL.set(None)
        left = remaining()
        if left is not None and left <= timedelta():
            raise ServiceRequestTimeoutError("the time allowed for this call is over")
        if not self._breaker.admits(host, time.monotonic()):
            raise CircuitOpen(f"{host} could not be connected to {self.limits.failures} times in a row; not tried now")
        return within_budget(self.limits.connect).total_seconds(), within_budget(self.limits.read).total_seconds()

    def answered(self, host: str, response: Any, sent: float) -> None:
        """Note what an answer says of the host. ``sent`` is the instant before its request went out."""
        self._breaker.connected(host)
        self.dates.note(host, response.headers.get("Date"), sent, time.monotonic())
        _REFUSAL.set(response if response.status_code >= 400 else None)

    def not_connected(self, host: str, allowed: float) -> None:
        """Count a failed connection, unless it was a short deadline that ended it: that says nothing of the host."""
        if allowed >= self.limits.connect.total_seconds():
            self._breaker.failed(host, time.monotonic())

    def pause(self, asked: float) -> float:
        """Seconds to sleep when the SDK wants to sleep.

        Raises:
            NotWaitedFor: the service asks for more than is waited inside a call.
            Unreachable: the deadline would be over.
        """
        wanted, left = timedelta(seconds=min(asked, LONGEST_WISH)), remaining()
        capped, refusal = min(wanted, self.limits.sleep), _REFUSAL.get()
        if refusal is not None and (wanted > capped or (left is not None and wanted >= left)):
            raise NotWaitedFor(refusal)
        if left is not None and capped >= left:
            raise Unreachable("the time allowed for this call is over")
        return capped.total_seconds()


class DeadlineSocket(ssl.SSLSocket):
    """A TLS socket whose every read and write ends with the deadline in force, however slowly bytes arrive."""

    def do_handshake(self, *args: Any, **kwargs: Any) -> None:
        """A host that takes connections but does not speak TLS cannot be connected to; it must not look like silence.

        Raises:
            ssl.SSLError: the handshake failed, or was not over within the time to connect.
        """
        try:
            super().do_handshake(*args, **kwargs)
        except TimeoutError as fault:
            raise ssl.SSLError("the TLS handshake took too long") from fault

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._hurry()
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self._hurry()
        return super().send(*args, **kwargs)

    def _hurry(self) -> None:
        left = remaining()
        if left is None:
            return
        if left <= timedelta():
            raise TimeoutError("the time allowed for this call is over")
        allowed = self.gettimeout()
        if allowed is None or left.total_seconds() < allowed:
            self.settimeout(left.total_seconds())


def tls_context(ca_bundle: str) -> ssl.SSLContext:
    """A client's TLS settings, loaded once; a bundle is not read again for every connection.

    Without a bundle of our own the variable that ``requests`` knows counts, then the authorities it brings along.
    """
    bundle = ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    return ssl.create_default_context(cafile=bundle)


class _Adapter(HTTPAdapter):
    """requests' adapter with one TLS context for all connections, and no retries of its own."""

    def __init__(self, context: ssl.SSLContext, pool: int) -> None:
        self._context = context
        super().__init__(pool_connections=pool, pool_maxsize=pool, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context knows the authorities already; keep requests from loading them anew per connection."""


class BoundedTransport(RequestsTransport):  # type: ignore[misc] # azure.core exports it through __getattr__
    """The transport of all blocking clients. One per process: clients share its connections and its breaker.

    Leaving or closing a client does not close it; its owner calls ``close``.
    """

    def __init__(self, gate: Gate, ca_bundle: str = "") -> None:
        context = tls_context(ca_bundle)
        context.sslsocket_class = DeadlineSocket
        session = requests.Session()
        adapter = _Adapter(context, gate.limits.pool)
        for scheme in ("https://", "http://"):
            session.mount(scheme, adapter)
        super().__init__(session=session)
        self.gate = gate
        self._adapter = adapter
        self._is_closed = False

    def close(self) -> None:
        self._is_closed = True
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        """Nothing: see the class."""

    def sleep(self, duration: float) -> None:
        time.sleep(self.gate.pause(duration))

    def send(self, request: Any, *, proxies: MutableMapping[str, str] | None = None, **kwargs: Any) -> Any:
        host = urlsplit(request.url).netloc
        connect, read = self.gate.enter(host)
        kwargs.update(connection_timeout=connect, read_timeout=read, connection_verify=True)
        sent = time.monotonic()
        try:
            with deadline(self.gate.limits.request):
                response = super().send(request, proxies=proxies, **kwargs)
        except ServiceRequestError as fault:
            if not _fell_silent(fault):
                self.gate.not_connected(host, connect)
            raise
        finally:
            if self._is_closed:  # meanwhile, by another thread: nobody else would close what this one has opened since
                self._adapter.close()
        exchanges.hear(request, response, streamed=bool(kwargs.get("stream")))
        self.gate.answered(host, response, sent)
        return response


def _fell_silent(fault: ServiceRequestError) -> bool:
    """Whether it was the body that stopped arriving, which azure.core takes for a request that was never sent."""
    inner = fault.inner_exception
    return bool(inner and inner.args and isinstance(inner.args[0], ReadTimeoutError))


class AsyncBoundedTransport(AioHttpTransport):  # type: ignore[misc] # as above
    """The same bounds for asynchronous clients. One per event loop; ``close`` it there.

    Args:
        gate: limits and breaker.
        ca_bundle: PEM file of authorities, or empty for the usual ones.
        keep: whether connections are used again.
    """

    def __init__(self, gate: Gate, ca_bundle: str = "", *, keep: bool = True) -> None:
        connector = aiohttp.TCPConnector(
            ssl=tls_context(ca_bundle), limit=0, limit_per_host=gate.limits.pool, force_close=not keep
        )
        jar = aiohttp.DummyCookieJar()
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=jar,
            trust_env=True,
            auto_decompress=False,
            trace_configs=exchanges.traces(),
        )
        super().__init__(session=session)
        self.gate = gate

    async def close(self) -> None:
        """Close all connections at once, TLS farewells unsaid: an event loop that ends right after would leave them."""
        if self.session and self.session.connector:
            await self.session.connector.close(abort_ssl=True)
        await super().close()

    async def sleep(self, duration: float) -> None:
        await asyncio.sleep(self.gate.pause(duration))

    async def send(self, request: Any, **kwargs: Any) -> Any:
        host = urlsplit(request.url).netloc
        connect, read = self.gate.enter(host)
        kwargs.update(connection_timeout=connect, read_timeout=read, connection_verify=True)
        sent = time.monotonic()
        try:
            async with asyncio.timeout(within_budget(self.gate.limits.request).total_seconds()):
                response = await super().send(request, **kwargs)
        except TimeoutError as fault:
            raise ServiceResponseTimeoutError(f"{host} took too long", error=fault) from fault
        except ServiceRequestError as fault:
            if isinstance(fault.inner_exception, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
                self.gate.not_connected(host, connect)
            raise
        self.gate.answered(host, response, sent)
        return response
