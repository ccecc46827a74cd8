"""Servers of our own that misbehave on purpose, the simulated Azure, Azurite, and transports to all of them."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import jwt
import pytest
import trustme
from azure.core import PipelineClient
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest, HttpResponse

from orchestrator.adapters.http.credential import Identity, credential_for
from orchestrator.adapters.http.transport import BoundedTransport, Gate, Limits, limits_from
from orchestrator.adapters.stores.blobs import Container
from orchestrator.settings import Settings, settings_from
from orchestrator.simulator.cloud import LocalAzure

type Client = PipelineClient[HttpRequest, HttpResponse]
type Handler = Callable[[socket.socket], None]
"""What is done with one connection. It is closed afterwards."""


class Tls(NamedTuple):
    """A throwaway authority: what clients trust, and what servers on loopback show."""

    ca: str
    cert: str
    key: str
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """One throwaway authority for all tests of a session."""
    folder: Path = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    shown = authority.issue_cert("127.0.0.1", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.configure_cert(context)
    paths = {name: folder / f"{name}.pem" for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(str(paths["ca"]))
    for blob in shown.cert_chain_pems:
        blob.write_to_path(str(paths["cert"]), append=True)
    shown.private_key_pem.write_to_path(str(paths["key"]))
    return Tls(str(paths["ca"]), str(paths["cert"]), str(paths["key"]), context)


class RawServer:
    """A loopback server that gives each connection to a handler, and counts them."""

    def __init__(self, handler: Handler, context: ssl.SSLContext | None) -> None:
        self._handler = handler
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError), connection:
            if self._context:
                with self._context.wrap_socket(connection, server_side=True) as secured:
                    self._open.append(secured)
                    self._handler(secured)
            else:
                self._handler(connection)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(2)
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(2)


type Serve = Callable[[Handler], RawServer]


@pytest.fixture
def serve(tls: Tls) -> Iterator[Serve]:
    """Start TLS servers that end with the test."""
    started: list[RawServer] = []

    def start(handler: Handler) -> RawServer:
        started.append(RawServer(handler, tls.server))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def serve_plain() -> Iterator[Serve]:
    """Start servers without TLS that end with the test."""
    started: list[RawServer] = []

    def start(handler: Handler) -> RawServer:
        started.append(RawServer(handler, None))
        return started[-1]

    yield start
    for server in started:
        server.close()


def read_request(connection: socket.socket) -> str:
    """Head of one request, with as much of the body as it announces; empty when the peer is gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return ""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return (head + b"\r\n\r\n" + body).decode()


def answering(status: str, body: str = "", *headers: str) -> Handler:
    """A handler that answers every request of a connection in the same way."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Content-Type: application/json", *headers]
    answer = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(answer)

    return handle


@pytest.fixture
def answers() -> Callable[..., Handler]:
    """``answers("200 OK", body, "Header: value")`` makes a handler for ``serve``."""
    return answering


@pytest.fixture
def request_of() -> Callable[[socket.socket], str]:
    """Read one request from a connection."""
    return read_request


@pytest.fixture
def limits(request: pytest.FixtureRequest) -> Limits:
    """Limits that a busy machine does not reach, and short ones for a test that is marked with ``longest_wait``."""
    mark = request.node.get_closest_marker("longest_wait")
    wait = timedelta(seconds=mark.args[0] if mark else 20)
    return Limits(
        connect=wait,
        read=wait,
        request=wait * 1.5,
        sleep=timedelta(seconds=0.5),
        failures=3,
        cooldown=timedelta(seconds=0.3),
    )


@pytest.fixture
def transport(tls: Tls, limits: Limits) -> Iterator[BoundedTransport]:
    """A transport with those limits that trusts the throwaway authority."""
    made = BoundedTransport(Gate(limits), tls.ca)
    yield made
    made.close()


@pytest.fixture
def client(transport: BoundedTransport) -> Callable[..., Client]:
    """``client(retry_total=1)``: an SDK pipeline with the SDK's retry policy over the bounded transport."""

    def make(**retry: int) -> Client:
        return PipelineClient("", transport=transport, policies=[RetryPolicy(**retry)])

    return make


@pytest.fixture
def get(client: Callable[..., Client]) -> Callable[..., HttpResponse]:
    """``get(url, retry_total=1)``: the answer to a GET; no retries unless asked for."""

    def send(url: str, retry_total: int = 0) -> HttpResponse:
        return client(retry_total=retry_total).send_request(HttpRequest("GET", url))

    return send


@pytest.fixture(scope="session")
def local_azure() -> Iterator[LocalAzure]:
    """One simulated Azure for all contract tests of a session."""
    with LocalAzure(seed=11) as made:
        yield made


@pytest.fixture
def azure(local_azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAzure]:
    """The simulated Azure, well, with full buckets, as this process's own Azure."""
    for name, value in local_azure.environment().items():
        monkeypatch.setenv(name, value)
    local_azure.throttle.reset()
    yield local_azure
    local_azure.faults.clear()
    local_azure.faults.latency(0.0, "*", *local_azure.urls)


@pytest.fixture
def settings(azure: LocalAzure, request: pytest.FixtureRequest) -> Settings:
    """Settings that lead to the simulated Azure.

    Nothing is given up that a busy machine delays: whoever needs an answer waits up to 20 seconds for it. A test
    that waits for silence says how long: ``@pytest.mark.longest_wait(4)``.
    """
    mark = request.node.get_closest_marker("longest_wait")
    wait = f"{mark.args[0] if mark else 20}s"
    bounds = {f"HUBSWITCH_{what}_TIMEOUT": wait for what in ("CONNECT", "READ", "PROBE")}
    return settings_from({**azure.environment(), **bounds, "HUBSWITCH_PLANS": "plans"})


@pytest.fixture
def azure_transport(settings: Settings) -> Iterator[BoundedTransport]:
    """The process's transport to the simulated Azure."""
    made = BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle)
    yield made
    made.close()


@pytest.fixture
def executor(settings: Settings, azure_transport: BoundedTransport) -> TokenCredential:
    """The executor's credential, from the simulated identity endpoint."""
    return credential_for(settings, Identity.EXECUTOR, azure_transport)


@pytest.fixture
def pair() -> str:
    """The name of a pair that no other test uses."""
    return f"p-{uuid4().hex[:12]}"


class SelfMadeToken:
    """A token such as Azurite's basic OAuth accepts: it checks audience, issuer and times, but no signature."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        now = int(time.time())
        issuer = "https://sts.windows.net/11111111-1111-1111-1111-111111111111/"
        claims = {"aud": "https://storage.azure.com", "iss": issuer, "iat": now, "nbf": now - 5, "exp": now + 3600}
        return AccessToken(jwt.encode(claims, "k" * 32, algorithm="HS256"), now + 3600)


@pytest.fixture(scope="session")
def azurite(tls: Tls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Blob endpoint of an Azurite of our own, if it is installed."""
    program = Path(__file__).parents[2] / ".azurite" / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        pytest.skip("Azurite is not installed in .azurite; the simulated Azure is tested all the same")
    folder = tmp_path_factory.mktemp("azurite")
    flags = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--oauth", "basic"]
    place = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--cert", tls.cert, "--key", tls.key]
    said = folder / "said.txt"
    with said.open("w") as output, subprocess.Popen([program, *flags, *place], stdout=output, cwd=folder) as process:
        try:
            yield f"{listening(process, said)}/devstoreaccount1"
        finally:
            process.terminate()
            process.wait(300)


def listening(process: subprocess.Popen[bytes], said: Path) -> str:
    """Where a program that was just started says that it listens."""
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"successfully listens on (https://\S+)", said.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"Azurite did not start: {said.read_text()}")


@pytest.fixture(params=["local", "azurite"])
def container(request: pytest.FixtureRequest, tls: Tls) -> Iterator[Container]:
    """A container that does not exist yet, in the simulated Azure and in Azurite."""
    name = f"c-{uuid4().hex[:12]}"
    if request.param == "local":
        azure: LocalAzure = request.getfixturevalue("azure")
        transport, credential = request.getfixturevalue("azure_transport"), request.getfixturevalue("executor")
        yield Container(azure.urls["ledger"], name, credential, transport)
        return
    account: str = request.getfixturevalue("azurite")
    own = BoundedTransport(Gate(Limits()), tls.ca)
    yield Container(account, name, SelfMadeToken(), own)
    own.close()
