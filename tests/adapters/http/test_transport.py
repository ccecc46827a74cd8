"""Nothing that talks to Azure waits longer than its limits, whatever the other side does."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.rest import HttpRequest, HttpResponse
from urllib3.util import connection as sockets

from orchestrator.adapters.http.deadline import deadline, remaining
from orchestrator.adapters.http.errors import translate_errors
from orchestrator.adapters.http.transport import AsyncBoundedTransport, BoundedTransport, CircuitOpen, Gate, Limits
from orchestrator.core.base.errors import NotFound, TemporaryError, Throttled, Unreachable

type Get = Callable[..., HttpResponse]


BOUNDED = 20.0
"""Seconds, many more than any limit here, and fewer than what would be waited without them: a slow machine passes."""


@contextmanager
def lasting(shortest: float) -> Iterator[None]:
    """The block takes at least so many seconds, and does not wait for what the other side would have."""
    start = time.monotonic()
    yield
    assert shortest <= time.monotonic() - start <= BOUNDED


@contextmanager
def full_backlog() -> Iterator[str]:
    """A port that drops SYNs, as a black hole does: its queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        for filler in fillers:
            filler.close()


def silent(connection: socket.socket) -> None:
    """Accept, read, and never answer."""
    while connection.recv(4096):
        pass


def dripping(connection: socket.socket) -> None:
    """Announce a long body and send a byte of it now and then."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b"x")
        time.sleep(0.05)


def refused_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"https://127.0.0.1:{port}"


@pytest.mark.longest_wait(0.4)
def test_a_black_hole_costs_the_connect_timeout(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that drops packets costs the connect timeout, once."""
    tried: list[Any] = []
    connect = sockets.create_connection

    def counted(*args: Any, **options: Any) -> socket.socket:
        tried.append(args)
        return connect(*args, **options)

    monkeypatch.setattr(sockets, "create_connection", counted)
    with full_backlog() as url, lasting(0.35), pytest.raises(ServiceRequestError):
        get(url)
    assert len(tried) == 1


@pytest.mark.longest_wait(3)
def test_silence_costs_the_read_timeout(get: Get, serve: Any) -> None:
    """A host that accepts and never answers costs the read timeout, once."""
    server = serve(silent)
    with lasting(0.25), pytest.raises(ServiceResponseError):
        get(server.url)
    assert server.connections == 1


@pytest.mark.longest_wait(0.4)
def test_a_handshake_that_never_ends_costs_the_connect_timeout(get: Get, serve_plain: Any) -> None:
    """A host that accepts but does not speak TLS cannot be connected to: bounded and counted like that."""
    url = serve_plain(silent).url.replace("http:", "https:")
    with lasting(1.1):
        for _ in range(3):
            with pytest.raises(ServiceRequestError, match="handshake"):
                get(url)
    with pytest.raises(CircuitOpen):
        get(url)


@pytest.mark.longest_wait(3)
def test_an_answer_that_drips_in_is_cut_off(get: Get, serve: Any) -> None:
    """Bytes that arrive just often enough to never be silent still end with the bound on one request."""
    with lasting(0.6), pytest.raises((ServiceRequestError, ServiceResponseError)):
        get(serve(dripping).url)


def test_a_deadline_cuts_a_silent_answer_short(get: Get, serve: Any) -> None:
    """A deadline shorter than the read timeout wins."""
    clipped = pytest.raises((ServiceRequestError, ServiceResponseError), match=r"timeout=0\.[01]|time allowed")
    with clipped, deadline(timedelta(seconds=0.2)):
        get(serve(silent).url)


def test_a_deadline_bounds_several_requests_together(get: Get, serve: Any, answers: Any) -> None:
    """Once the deadline is over, nothing more is sent."""
    server = serve(answers("200 OK"))
    url = server.url
    get(url)  # so that the one that counts needs no new connection
    with deadline(timedelta(seconds=1)):
        get(url)
        time.sleep(1.02)
        with pytest.raises(ServiceRequestError, match="time allowed"):
            get(url)


def test_an_inner_deadline_cannot_extend_an_outer_one() -> None:
    """The shorter budget stays in force, and the outer one comes back afterwards."""
    with deadline(timedelta(seconds=1)):
        with deadline(timedelta(seconds=50)):
            left = remaining()
        assert left is not None
        assert left < timedelta(seconds=2)
    assert remaining() is None


def test_a_short_retry_after_is_honoured_inside_the_call(get: Get, serve: Any, request_of: Any) -> None:
    """What a service asks for in milliseconds is waited for, and the call succeeds."""
    seen: list[str] = []

    def once_busy(connection: socket.socket) -> None:
        while request_of(connection):
            busy = not seen
            seen.append("request")
            head = b"429 Busy\r\nRetry-After-Ms: 100" if busy else b"200 OK"
            connection.sendall(b"HTTP/1.1 " + head + b"\r\nContent-Length: 0\r\n\r\n")

    with lasting(0.1):
        assert get(serve(once_busy).url, retry_total=1).status_code == 200


@pytest.mark.parametrize("retries", [1, 3])
def test_a_long_retry_after_comes_back_at_once(get: Get, serve: Any, answers: Any, retries: int) -> None:
    """A wish longer than the cap is not slept: it is handed to the caller, however many retries are allowed."""
    server = serve(answers("429 Too Many Requests", '{"error": {"code": "Slow"}}', "Retry-After: 30"))
    with lasting(0), pytest.raises(Throttled) as caught:
        get(server.url, retry_total=retries)
    assert caught.value.retry_after == timedelta(seconds=30)
    assert server.connections == 1


def test_a_retry_after_beyond_the_deadline_comes_back_at_once(get: Get, serve: Any, answers: Any) -> None:
    """A wish shorter than the cap but longer than what is left is not slept either."""
    server = serve(answers("503 Busy", "", "Retry-After-Ms: 450"))
    assert get(server.url).status_code == 503  # so that the request that counts needs no new connection
    for left in reversed(range(10)):
        try:
            with pytest.raises(Throttled), deadline(timedelta(seconds=0.4)):
                get(server.url, retry_total=1)
            break
        except ServiceRequestError:  # a busy machine: the time was over before the answer came
            assert left
    assert server.connections == 1


def test_a_retry_after_does_not_hide_what_was_answered(get: Get, serve: Any, answers: Any) -> None:
    """The SDK would sleep and retry a 404 that carries a Retry-After; the caller learns that it is a 404."""
    server = serve(answers("404 Not Found", "", "Retry-After: 30"))
    with pytest.raises(NotFound, match="reading x: 127"), translate_errors("reading x"):
        get(server.url, retry_total=1)


def test_sleeps_of_pollers_are_capped(get: Get, transport: BoundedTransport, serve: Any, answers: Any) -> None:
    """A poller that was told 202 and would look again in 30 s looks again sooner."""
    get(serve(answers("202 Accepted", "", "Retry-After: 30")).url)
    with lasting(0.45):
        transport.sleep(30)


def test_a_backoff_beyond_the_deadline_gives_up(
    get: Get, transport: BoundedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sleeping past the deadline is pointless: the call ends."""
    with pytest.raises(ServiceRequestError):
        get(refused_url())
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it slept"))
    with pytest.raises(Unreachable), deadline(timedelta(seconds=0.3)):
        transport.sleep(0.45)


def test_the_circuit_opens_after_failures_in_a_row(get: Get) -> None:
    """A host that refuses is not tried again and again, but for one trial after each rest."""
    url = refused_url()
    said = []
    for _ in range(20):
        with pytest.raises(ServiceRequestError) as caught:
            get(url)
        said.append(str(caught.value))
    assert all("refused" in text for text in said[:3])
    assert "not tried now" in "".join(said[3:])


def test_the_circuit_closes_when_the_host_comes_back(
    get: Get, transport: BoundedTransport, serve: Any, answers: Any
) -> None:
    """After the cooldown one trial goes out; if it is answered, everything does."""
    server = serve(answers("200 OK"))
    url = server.url
    for _ in range(3):
        transport.gate.not_connected(url.removeprefix("https://"), 20.0)
    with pytest.raises(CircuitOpen):
        get(url)
    time.sleep(0.35)
    assert [get(url).status_code for _ in range(2)] == [200, 200]


def test_statuses_never_open_the_circuit(get: Get, serve: Any, answers: Any) -> None:
    """A host that answers 503 is there; only what cannot be connected to is given a rest."""
    url = serve(answers("503 Unavailable")).url
    assert [get(url).status_code for _ in range(6)] == [503] * 6


@pytest.mark.longest_wait(3)
@pytest.mark.parametrize("handler", [silent, dripping])
def test_silence_never_opens_the_circuit(transport: BoundedTransport, serve: Any, handler: Any) -> None:
    """Resource Manager is one host for all regions: a region that hangs must not cut off the other."""
    url = serve(handler).url

    def fault(_: int) -> type[BaseException] | None:
        try:
            transport.send(HttpRequest("GET", url))
        except (ServiceRequestError, ServiceResponseError) as caught:
            return type(caught)
        return None

    with ThreadPoolExecutor(transport.gate.limits.failures) as threads:
        list(threads.map(fault, range(transport.gate.limits.failures)))
    assert fault(0) not in {None, CircuitOpen}


def test_a_connection_cut_short_by_a_deadline_is_not_held_against_the_host(get: Get) -> None:
    """Only a host that had the full connect timeout is counted as failing."""
    with full_backlog() as url:
        for _ in range(4):
            with pytest.raises(ServiceRequestError) as caught, deadline(timedelta(seconds=0.05)):
                get(url)
            assert not isinstance(caught.value, CircuitOpen)


def test_leaving_a_client_leaves_the_shared_transport_open(client: Any, get: Get, serve: Any, answers: Any) -> None:
    """Clients share one transport; one of them going away must not close it for the rest."""
    url = serve(answers("200 OK")).url
    with client() as first:
        first.send_request(HttpRequest("GET", url))
    assert get(url).status_code == 200


def test_connections_are_kept(get: Get, serve: Any, answers: Any) -> None:
    """Requests in a row use one connection: a TLS handshake per request would cost more than the request."""
    server = serve(answers("200 OK", "{}"))
    for _ in range(5):
        get(server.url)
    assert server.connections == 1


def test_an_unknown_authority_is_refused(serve: Any, answers: Any, limits: Limits) -> None:
    """Without the bundle that issued a certificate there is no connection."""
    stranger = BoundedTransport(Gate(limits))
    request = HttpRequest("GET", serve(answers("200 OK")).url)
    with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.send(request)
    stranger.close()


def asynchronously(limits: Limits, ca: str, use: Callable[[AsyncBoundedTransport], Any]) -> Any:
    """What ``use`` gives with an asynchronous transport in an event loop of its own."""

    async def run() -> Any:
        transport = AsyncBoundedTransport(Gate(limits), ca)
        try:
            return await use(transport)
        finally:
            await transport.close()
            await asyncio.sleep(0.05)  # TLS farewells of connections that were given up

    return asyncio.run(run())


async def fetched(transport: AsyncBoundedTransport, url: str) -> int:
    response = await transport.send(HttpRequest("GET", url))
    return int(response.status_code)


def test_the_asynchronous_twin_answers(serve: Any, answers: Any, limits: Limits, tls: Any) -> None:
    """The twin speaks TLS with the same authority."""
    url = serve(answers("200 OK", "{}")).url
    assert asynchronously(limits, tls.ca, lambda t: fetched(t, url)) == 200


@pytest.mark.longest_wait(3)
@pytest.mark.parametrize("handler", [silent, dripping])
def test_the_asynchronous_twin_is_bounded(serve: Any, limits: Limits, tls: Any, handler: Any) -> None:
    """Silence and dripping end an asynchronous request as they end a blocking one."""
    url = serve(handler).url
    with lasting(0.25), pytest.raises(ServiceResponseError):
        asynchronously(limits, tls.ca, lambda t: fetched(t, url))


def test_the_asynchronous_twin_opens_its_circuit(limits: Limits, tls: Any) -> None:
    """The twin counts failed connections in the same way."""
    url = refused_url()

    async def hammer(transport: AsyncBoundedTransport) -> list[type[Exception]]:
        kinds: list[type[Exception]] = []
        for _ in range(4):
            try:
                await fetched(transport, url)
            except ServiceRequestError as fault:
                kinds.append(type(fault))
        return kinds

    assert asynchronously(limits, tls.ca, hammer)[-1] is CircuitOpen


def test_the_asynchronous_twin_caps_its_sleeps(limits: Limits, tls: Any) -> None:
    """An asynchronous poller looks again within the cap too."""
    with lasting(0.45):
        asynchronously(limits, tls.ca, lambda t: t.sleep(30))


def test_refused_sleeps_are_temporary_errors() -> None:
    """What a refused sleep raises says that the same call may succeed later."""
    assert issubclass(Throttled, TemporaryError)
    assert issubclass(Unreachable, TemporaryError)


@pytest.mark.parametrize("asked", [1e14, 1e300, float("inf")])
def test_a_wish_that_no_duration_can_hold_is_capped(transport: BoundedTransport, asked: float) -> None:
    """A Retry-After may hold any number; it is a long sleep, not a fault of ours."""
    assert transport.gate.pause(asked) == transport.gate.limits.sleep.total_seconds()
