"""The endpoints: one loopback port each, behind one gate that logs, delays, breaks, and words refusals.

An endpoint serves one or more *places* (region, surface). Where all its places share a fault that a closed or deaf
port can show, the port itself shows it; otherwise the gate does, request by request.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from orchestrator.simulator.answers import refusal
from orchestrator.simulator.faults import FaultKind, Faults, SimulatedFault
from orchestrator.simulator.faulty_ports import LOOPBACK, Door, Port, reset
from orchestrator.simulator.request_log import CONNECTION, LoggedExchange, RequestLog, principal_in
from orchestrator.simulator.services import LOGGED, AzureError

LARGEST_BODY = 256 * 2**20
_SHUTDOWN = 0.2
_CODES = {401: "InvalidAuthenticationToken", 403: "AuthorizationFailed", 429: "TooManyRequests"}
_DOORS = {FaultKind.REFUSE: Door.CLOSED, FaultKind.BLACK_HOLE: Door.DEAF}
_log = logging.getLogger(__name__)


class FaultPlace(NamedTuple):
    """Where a fault may sit."""

    region: str | None
    surface: str


class Broken(Exception):
    """The connection was broken on purpose; there is nothing to answer."""


@dataclass
class Endpoint:
    """A port, what answers there, and which places it stands for."""

    name: str
    service: str
    places: tuple[FaultPlace, ...]
    port: Port
    locate: Callable[[web.BaseRequest], FaultPlace]
    scheme: str
    runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{LOOPBACK}:{self.port.number}"

    def drop_connections(self) -> None:
        """Break what is connected now, as when a host goes away."""
        server = self.runner.server if self.runner else None
        for connection in server.connections if server else ():
            reset(connection.transport)


class Server:
    """All endpoints of one simulated Azure."""

    def __init__(self, faults: Faults, log: RequestLog, context: ssl.SSLContext) -> None:
        self._faults = faults
        self._log = log
        self._context = context
        self.endpoints: dict[str, Endpoint] = {}

    def add(
        self,
        name: str,
        service: str,
        places: Iterable[FaultPlace],
        *,
        locate: Callable[[web.BaseRequest], FaultPlace] | None = None,
        tls: bool = True,
    ) -> Endpoint:
        """Take a port for an endpoint. Nothing answers there before ``open``."""
        where = tuple(places)
        first = where[0] if where else FaultPlace(None, name)
        port = Port(self._context if tls else None, lambda: self._ignore(service, first))
        endpoint = Endpoint(name, service, where, port, locate or (lambda _: first), "https" if tls else "http")
        self.endpoints[name] = endpoint
        return endpoint

    async def open(self, endpoint: Endpoint, routes: Iterable[web.RouteDef], *, gated: bool = True) -> None:
        """Begin to answer. An endpoint that is not gated is neither logged nor broken."""
        app = web.Application(middlewares=[self._gate(endpoint)] if gated else [], client_max_size=LARGEST_BODY)
        app.add_routes(list(routes))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN)
        await runner.setup()
        endpoint.runner = runner
        server = runner.server
        if server is None:
            raise RuntimeError(f"{endpoint.name} has no server")
        endpoint.port.serve(server)
        self._adjust(endpoint)

    def adjust(self) -> None:
        """Set every door as the faults now in force demand."""
        for endpoint in self.endpoints.values():
            self._adjust(endpoint)

    async def close(self) -> None:
        """Stop answering and give all ports back."""
        for endpoint in self.endpoints.values():
            await endpoint.port.close()
            endpoint.drop_connections()
        await asyncio.gather(*(e.runner.cleanup() for e in self.endpoints.values() if e.runner))

    def _adjust(self, endpoint: Endpoint) -> None:
        found = [self._faults.at(*place) for place in endpoint.places]
        kinds = {fault.kind if fault and fault.whole else None for fault in found}
        kind = kinds.pop() if len(kinds) == 1 else None
        door = _DOORS.get(kind, Door.OPEN) if kind else Door.OPEN
        endpoint.port.set(door)
        if door is not Door.OPEN:
            endpoint.drop_connections()

    def _ignore(self, service: str, place: FaultPlace) -> None:
        self._log.begin(service, place.region, place.surface, CONNECTION, "")

    def _gate(self, endpoint: Endpoint) -> Middleware:
        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            place = endpoint.locate(request)
            entry = self._log.begin(endpoint.service, *place, request.method, request.path)
            entry.query = request.query_string
            entry.principal = principal_in(request.headers.get("Authorization", ""))
            entry.body_size = request.content_length or 0
            request[LOGGED] = entry
            began = time.perf_counter()
            try:
                answer = await self._answer(endpoint, place, request, handler)
            except Broken:
                return web.Response()
            entry.status, entry.duration = answer.status, time.perf_counter() - began
            if "x-ms-request-id" not in answer.headers:
                answer.headers["x-ms-request-id"] = str(uuid4())
            if self._log.keeps_bodies:
                self._log.keep(await _exchange(endpoint.service, place, request, answer))
            return answer

        return gate

    async def _answer(
        self, endpoint: Endpoint, place: FaultPlace, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """What the handler says, or what it refuses in the words of its service."""
        try:
            return await self._meet_fault(endpoint, place, request, handler)
        except AzureError as error:
            return refusal(endpoint.service, error, place.region or "")
        except web.HTTPException as error:
            return refusal(endpoint.service, _from_router(error, request), place.region or "")
        except Broken:
            raise
        except ConnectionResetError as fault:  # the client has gone, as one that was killed does
            raise Broken from fault
        except Exception:  # noqa: BLE001 - a defect of the simulation: told here in full, and a 500 to the client
            _log.exception("%s %s", request.method, request.path)
            return refusal(endpoint.service, AzureError(500, "InternalServerError", "The simulation failed."))

    async def _meet_fault(
        self, endpoint: Endpoint, place: FaultPlace, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if seconds := self._faults.latency_of(endpoint.name):
            await asyncio.sleep(seconds)
        fault = self._faults.met(*place, request.method, request.path)
        if fault is not None:
            await _suffer(fault, request)
        if fault is not None and fault.kind is FaultKind.UNKNOWN:
            return await _refuse_question(fault, request)
        answer = await handler(request)
        if fault is not None and fault.kind is FaultKind.LOST_ANSWER:
            reset(request.transport)
            raise Broken
        return answer


async def _exchange(
    service: str, place: FaultPlace, request: web.Request, answer: web.StreamResponse
) -> LoggedExchange:
    body = answer.body if isinstance(answer, web.Response) else b""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if isinstance(body, bytes | bytearray) and body:
        headers.setdefault("content-type", answer.content_type)
    return LoggedExchange(
        service=service,
        surface=place.surface,
        method=request.method,
        path=request.path,
        query=request.query_string,
        sent=await request.read(),
        status=answer.status,
        headers=headers,
        answered=bytes(body) if isinstance(body, bytes | bytearray) else b"",
    )


async def _suffer(fault: SimulatedFault, request: web.Request) -> None:
    """What a fault does before the request is looked at."""
    if fault.kind in {FaultKind.HANG, FaultKind.BLACK_HOLE}:
        await _silence(fault, request)
    if fault.kind in {FaultKind.REFUSE, FaultKind.HANG, FaultKind.BLACK_HOLE}:
        reset(request.transport)
        raise Broken
    if fault.kind is FaultKind.SLOW:
        await asyncio.sleep(fault.how.delay)
    status = _status_of(fault)
    if status:
        await request.read()
        headers = {"Retry-After": str(fault.how.retry_after)} if fault.how.retry_after is not None else {}
        if status == 429:
            headers.setdefault("Retry-After", "1")
        raise AzureError(status, _CODES.get(status, "ServiceUnavailable"), "Injected fault.", headers)


async def _refuse_question(fault: SimulatedFault, request: web.Request) -> web.Response:
    """What a gateway says; of 530 the words are recorded, of the others that there are none is our guess."""
    await request.read()
    words = "unknown to cluster" if fault.how.status == 530 else ""
    return web.Response(status=fault.how.status, text=words)


def _status_of(fault: SimulatedFault) -> int | None:
    if fault.kind is FaultKind.ERROR or (fault.kind is FaultKind.FLAKY and fault.met % 2 == 0):
        return fault.how.status
    return {FaultKind.THROTTLE: 429, FaultKind.UNAUTHORIZED: 401, FaultKind.FORBIDDEN: 403}.get(fault.kind)


async def _silence(fault: SimulatedFault, request: web.Request) -> None:
    """Say nothing until the fault is lifted or the client has gone."""

    def over() -> bool:
        return fault.lifted or request.transport is None or request.transport.is_closing()

    while not over():  # noqa: ASYNC110 - two things are waited for, and the client's leaving wakes nobody
        await asyncio.sleep(0.02)


def _from_router(error: web.HTTPException, request: web.Request) -> AzureError:
    codes = {404: "ResourceNotFound", 405: "MethodNotAllowed", 413: "RequestBodyTooLarge"}
    code = codes.get(error.status, "BadRequest")
    return AzureError(error.status, code, f"{error.reason}: {request.method} {request.path}")
