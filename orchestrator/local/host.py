"""A host for the function app on this machine: the ports and paths of ``func start``, without the Functions host.

HTTP, Event Grid and timer triggers and the durable engine are served; the functions are those that
``function_app.app`` declares. Function keys are checked as in Azure: header ``x-functions-key`` or query ``code``.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import ContentEncodingError
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum
from azure.functions.timer import TimerRequest
from croniter import croniter

from orchestrator.local.functions import Function, client_configuration, durable_worker, index_app

LOG = logging.getLogger("hubswitch.host")

MAX_BODY = 100 * 1024 * 1024
"""The Functions host's own limit (learn.microsoft.com, Functions HTTP trigger limits). The app has lower ones."""

GRACE = 5.0
"""Seconds that requests under way get when the host stops."""


@dataclass(frozen=True)
class HostOptions:
    """How to serve an app."""

    engine: str
    """Address of the durable engine."""

    port: int = 7071
    """Port on loopback; 0 lets the system choose."""

    keys: Sequence[str] = ()
    """Function keys that are accepted; none means that every keyed function answers 401."""

    speed: float = 1.0
    """Divides the time between two runs of a timer; nothing else."""

    timers: bool = True

    route_prefix: str = "api"
    """``extensions.http.routePrefix`` of the app's ``host.json``; the default is that of the Functions host."""


class LocalHost:
    """Serves one function app until it is stopped."""

    def __init__(self, app: Any, options: HostOptions) -> None:
        self._options = options
        self._functions = index_app(app)
        self._worker = durable_worker(self._functions, options.engine)
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[LocalHost]:
        """Serve within the block; everything is stopped at its end.

        Raises:
            ValueError: a timer's schedule cannot be understood.
            OSError: the port cannot be had.
        """
        timed = [function for function in self._functions if function.trigger == "timerTrigger"]
        for function in timed:
            until_next(function.settings["schedule"], datetime.now(UTC))
        try:
            await self._start(timed)
            yield self
        finally:
            await self._stop()

    async def _start(self, timed: Sequence[Function]) -> None:
        site_app = web.Application(client_max_size=MAX_BODY)
        for function in self._functions:
            if function.trigger == "httpTrigger":
                self._add_route(site_app, function)
        site_app.router.add_route("*", "/runtime/webhooks/EventGrid", self._event_grid)
        # Bodies reach the app as they were sent, as in Azure; and aiohttp 3.14 never answers a compressed body that
        # breaks off: its parser fails, and the handler that reads the body is not told.
        self._runner = web.AppRunner(
            site_app, access_log=None, handle_signals=False, shutdown_timeout=GRACE, auto_decompress=False
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._options.port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self._client = client_configuration(self._options.engine, self.url)
        self._worker.start()  # type: ignore[no-untyped-call]
        if self._options.timers:
            self._tasks = [asyncio.create_task(self._timer(function), name=function.name) for function in timed]

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner:
            await self._runner.cleanup()
        await asyncio.to_thread(self._worker.stop)

    def _add_route(self, site_app: web.Application, function: Function) -> None:
        route = "/" + "/".join(
            part for part in (self._options.route_prefix, function.settings["route"].strip("/")) if part
        )
        open_to_all = _enum_text(function.settings.get("authLevel", "function")) == "anonymous"

        async def respond(request: web.Request) -> web.Response:
            if not open_to_all and not self._has_key(request):
                return web.Response(status=401)
            return await self._respond(function, request)

        for method in function.settings.get("methods") or ["GET", "POST"]:
            site_app.router.add_route(_enum_text(method).upper(), route, respond)

    async def _respond(self, function: Function, request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except (web.RequestPayloadError, ClientPayloadError, ContentEncodingError):
            said = {"type": "about:blank", "title": "Bad Request", "status": 400}
            said |= {"detail": "the body ends too early, or is not encoded as its headers say"}
            return web.Response(status=400, body=json.dumps(said).encode(), content_type="application/problem+json")
        asked = func.HttpRequest(
            method=request.method,
            url=str(request.url),
            headers=dict(request.headers),
            params=dict(request.query),
            route_params=dict(request.match_info),
            body=body,
        )
        try:
            answer = await function.invoke(asked, self._client)
        except Exception:
            LOG.exception("%s failed", function.name)
            return web.Response(status=500)
        headers = {name: text for name, text in answer.headers.items() if name.casefold() != "content-type"}
        return web.Response(
            status=answer.status_code, body=answer.get_body(), headers={**headers, "Content-Type": content_type(answer)}
        )

    def _has_key(self, request: web.Request) -> bool:
        given = request.headers.get("x-functions-key") or request.query.get("code") or ""
        sent = given.encode(errors="surrogateescape")  # a header may hold bytes that are no text
        return any(hmac.compare_digest(sent, key.encode()) for key in self._options.keys)

    async def _event_grid(self, request: web.Request) -> web.Response:
        """The webhook of the Event Grid trigger, with the handshakes that the Functions host does itself."""
        wanted = request.query.get("functionName", "")
        named = [f for f in self._functions if f.trigger == "eventGridTrigger" and f.name == wanted]
        if not named:
            return web.Response(status=404, text=f"no Event Grid function named {wanted!r}")
        if request.method == "OPTIONS":
            origin = request.headers.get("WebHook-Request-Origin", "")
            return web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})
        try:
            body = json.loads(await request.read())
            events = body if isinstance(body, list) else [body]
            if request.headers.get("aeg-event-type") == "SubscriptionValidation":
                return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
        except (ValueError, LookupError, TypeError):
            return web.Response(status=400, text="neither an event nor a handshake")
        return await self._deliver(named[0], events)

    async def _deliver(self, function: Function, events: list[Any]) -> web.Response:
        try:
            for event in events:
                datum = Datum(json.dumps(event), "json")
                decoded = EventGridEventInConverter.decode(datum, trigger_metadata=None)
                await function.invoke(decoded, self._client)
        except Exception:
            LOG.exception("%s failed", function.name)
            return web.Response(status=500)
        return web.Response(status=202)

    async def _timer(self, function: Function) -> None:
        """Fire on the schedule of a clock that runs ``speed`` times as fast as the real one.

        A run that takes longer than the time to the next delays it, as in Azure.
        """
        schedule, speed, time = function.settings["schedule"], self._options.speed, asyncio.get_running_loop().time
        start, begun = datetime.now(UTC), time()
        due = start
        while True:
            now = max(due, start + timedelta(seconds=(time() - begun) * speed))
            wait = until_next(schedule, now)
            due = now + wait
            await asyncio.sleep(wait.total_seconds() / speed)
            try:
                await function.invoke(TimerRequest(past_due=False), self._client)
            except Exception:
                LOG.exception("%s failed", function.name)


def content_type(answer: func.HttpResponse) -> str:
    """What the worker library makes of an answer's type: only texts say their encoding."""
    given = answer.headers.get("content-type")
    if given:
        return str(given)
    return f"{answer.mimetype}; charset={answer.charset}" if answer.mimetype.startswith("text/") else answer.mimetype


def until_next(schedule: str, now: datetime) -> timedelta:
    """Time from ``now`` to the next moment of a six-field NCRONTAB schedule (seconds first).

    Raises:
        ValueError: it is none.
    """
    following: datetime = croniter(schedule, now, second_at_beginning=True).get_next(datetime)
    return following - now


def _enum_text(value: Any) -> str:
    return str(getattr(value, "value", value)).casefold()
