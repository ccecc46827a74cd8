"""A small HTTP API by which other processes drive the simulated Azure. Loopback only, no token.

==========================================  =====================================================================
``GET /admin/endpoints``                    name of each endpoint -> its URL
``GET /admin/clock``                        ``{"now", "seed", "speed"}``
``GET /admin/faults``                       the faults in force
``POST /admin/faults``                      ``{"region", "surface", "kind", …}``: as ``faults.Faults.set``
``DELETE /admin/faults?region=&surface=``   as ``Faults.clear``
``POST /admin/latency``                     ``{"seconds", "endpoints": [name, …]}``: as ``Faults.latency``
``POST /admin/regions/{region}/down``       ``{"kind", …}`` or nothing: as ``LocalAzure.region_down``
``POST /admin/regions/{region}/up``         as ``LocalAzure.region_up``
``GET /admin/requests``                     the request log; ``since``, ``until`` (RFC 3339), ``service``, ``region``,
                                            ``surface``
``GET /admin/state``                        jobs by region and status, regions that are down, faults
``GET /admin/jobs``                         what really happened to every job
``POST /admin/throttle``                    any of ``{"enabled", "write_rate", "write_burst", …}``; fills the buckets
``POST /admin/subscriptions``               ``{"topic", "url", "schema", …}``: as ``EventGrid.subscribe``
``GET /admin/notices``                      what was published to the custom topic
``GET /admin/health``                       what Service Health would list now, and the delays
``POST /admin/health``                      any of ``{"resource_delay", "notice_delay", "log_delay"}`` (seconds),
                                            ``{"statuses": {ARM id: {"state", …}}}`` as ``HealthBoard.say``,
                                            ``{"events": {tracking id: {…}}}`` as ``HealthBoard.announce``,
                                            ``{"moods": {workspace id: mood}}`` as ``LogStore.mood``
``GET /admin/resources?id=``                  what Resource Manager keeps under an ARM id, and inside it
``POST /admin/resources``                   any of ``{"put": {ARM id: body}}``, ``{"set": {ARM id: {path: value}}}``
                                            (null takes one away), ``{"delete": [ARM id, …]}`` and ``{"purge": …}``
                                            as ``Changes``, and
                                            ``{"answers": {path: {"status", "body"}}}``: what is answered there from now
                                            on, null for the truth again
``POST /admin/replica-lag``                 ``{"seconds"}``: until a replica of the pointer store has what was written
==========================================  =====================================================================

What cannot be understood is answered with 400 and ``{"error": text}``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from orchestrator.core.base.codec import to_builtins
from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.assembly import Services
from orchestrator.simulator.estate import Estate
from orchestrator.simulator.faults import Faults
from orchestrator.simulator.job_lifecycle import Truth
from orchestrator.simulator.request_log import ALWAYS, EVER, RequestLog, as_json, moment
from orchestrator.simulator.services import AzureError, Kernel

_TUNABLE = frozenset({"enabled", "write_rate", "write_burst", "read_rate", "read_burst", "delete_rate", "delete_burst"})

_CHANGES = frozenset({"put", "set", "delete", "purge", "answers"})

_HEALTH = frozenset({"resource_delay", "notice_delay", "log_delay", "statuses", "events", "moods"})


class Administered(Protocol):
    """What the admin API drives: ``orchestrator.simulator.cloud.LocalAzure``, which serves it."""

    urls: Mapping[str, str]
    kernel: Kernel
    estate: Estate
    log: RequestLog
    faults: Faults
    services: Services
    truth: Truth

    def region_down(self, region: str, kind: str = "refuse", **parameters: Any) -> None: ...

    def region_up(self, region: str) -> None: ...

    def call[T](self, function: Callable[[], T]) -> T: ...


class Admin:
    """The admin API of one simulated Azure."""

    def __init__(self, azure: Administered) -> None:
        self._azure = azure

    def routes(self) -> list[web.RouteDef]:
        answers: list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]] = [
            ("GET", "/admin/endpoints", self._endpoints),
            ("GET", "/admin/clock", self._clock),
            ("GET", "/admin/faults", self._faults),
            ("POST", "/admin/faults", self._set_fault),
            ("DELETE", "/admin/faults", self._clear_faults),
            ("POST", "/admin/latency", self._latency),
            ("POST", "/admin/regions/{region}/down", self._down),
            ("POST", "/admin/regions/{region}/up", self._up),
            ("GET", "/admin/requests", self._requests),
            ("GET", "/admin/state", self._state),
            ("GET", "/admin/jobs", self._jobs),
            ("POST", "/admin/throttle", self._throttle),
            ("POST", "/admin/subscriptions", self._subscribe),
            ("GET", "/admin/notices", self._notices),
            ("GET", "/admin/resources", self._resources),
            ("POST", "/admin/resources", self._change_resources),
            ("POST", "/admin/replica-lag", self._lag),
            ("GET", "/admin/health", self._health),
            ("POST", "/admin/health", self._set_health),
        ]
        return [web.route(method, path, _guard(answer)) for method, path, answer in answers]

    async def _endpoints(self, _: web.Request) -> Any:
        return self._azure.urls

    async def _clock(self, _: web.Request) -> Any:
        kernel = self._azure.kernel
        return {"now": kernel.now().isoformat(), "seed": kernel.seed, "speed": kernel.speed}

    async def _faults(self, _: web.Request) -> Any:
        return self._azure.faults.listed()

    async def _set_fault(self, request: web.Request) -> Any:
        body = await _object_in(request)
        place = [body.pop(name, None) for name in ("region", "surface", "kind")]
        self._azure.faults.set(*place, **body)
        return self._azure.faults.listed()

    async def _clear_faults(self, request: web.Request) -> Any:
        self._azure.faults.clear(request.query.get("region"), request.query.get("surface"))
        return self._azure.faults.listed()

    async def _latency(self, request: web.Request) -> Any:
        body = await _object_in(request)
        self._azure.faults.latency(float(body["seconds"]), *body.get("endpoints", ()))
        return {}

    async def _down(self, request: web.Request) -> Any:
        self._azure.region_down(request.match_info["region"], **await _object_in(request))
        return self._summary()

    async def _up(self, request: web.Request) -> Any:
        self._azure.region_up(request.match_info["region"])
        return self._summary()

    async def _requests(self, request: web.Request) -> Any:
        query = request.query
        found = self._azure.log.between(
            moment(query.get("since"), EVER),
            moment(query.get("until"), ALWAYS),
            service=query.get("service"),
            region=query.get("region"),
            surface=query.get("surface"),
        )
        return [as_json(entry) for entry in found]

    async def _state(self, _: web.Request) -> Any:
        return self._summary()

    async def _jobs(self, _: web.Request) -> Any:
        return [to_builtins(job) for job in self._azure.truth.jobs()]

    async def _throttle(self, request: web.Request) -> Any:
        body = await _object_in(request)
        if unknown := body.keys() - _TUNABLE:
            raise ValueError(f"{', '.join(sorted(_TUNABLE))} were expected, got {', '.join(sorted(unknown))}")
        for name, value in body.items():
            setattr(self._azure.services.throttle, name, value)
        self._azure.services.throttle.reset()
        return {}

    async def _subscribe(self, request: web.Request) -> Any:
        body = await _object_in(request)
        topic, url = body.pop("topic"), body.pop("url")
        subscription = await self._azure.services.event_grid.subscribe(topic, url, **body)
        return {"name": subscription.name}

    async def _notices(self, _: web.Request) -> Any:
        return self._azure.services.event_grid.published

    async def _health(self, _: web.Request) -> Any:
        return self._azure.call(self._own_health)

    async def _set_health(self, request: web.Request) -> Any:
        body = await _object_in(request)
        if unknown := body.keys() - _HEALTH:
            raise ValueError(f"{', '.join(sorted(_HEALTH))} were expected, got {', '.join(sorted(unknown))}")
        self._azure.call(lambda: self._put_health(body))
        return self._azure.call(self._own_health)

    def _put_health(self, body: dict[str, Any]) -> None:
        board, logs = self._azure.services.health, self._azure.services.logs
        board.resource_delay = float(body.get("resource_delay", board.resource_delay))
        board.notice_delay = float(body.get("notice_delay", board.notice_delay))
        logs.delay = float(body.get("log_delay", logs.delay))
        for workspace, mood in body.get("moods", {}).items():
            logs.mood(workspace, mood)
        for resource, said in body.get("statuses", {}).items():
            board.say(resource, said.pop("state"), **said)
        for tracking, properties in body.get("events", {}).items():
            board.announce(tracking, **properties)

    def _own_health(self) -> dict[str, Any]:
        board, logs = self._azure.services.health, self._azure.services.logs
        delays = {"resource_delay": board.resource_delay, "notice_delay": board.notice_delay, "log_delay": logs.delay}
        return {**delays, "events": board.events()}

    async def _resources(self, request: web.Request) -> Any:
        resource_id, resources = request.query["id"], self._azure.services.manager.resources
        found = resources.get(resource_id)
        return [*([found] if found else []), *resources.under(f"{resource_id}/")]

    async def _change_resources(self, request: web.Request) -> Any:
        body = await _object_in(request)
        if unknown := body.keys() - _CHANGES:
            raise ValueError(f"{', '.join(sorted(_CHANGES))} were expected, got {', '.join(sorted(unknown))}")
        self._azure.call(lambda: self._do_changes(body))
        return {}

    def _do_changes(self, body: dict[str, Any]) -> None:
        services = self._azure.services
        changes = services.manager.changes(services.event_grid)
        for resource_id, resource in body.get("put", {}).items():
            changes.put(resource_id, resource)
        for resource_id, values in body.get("set", {}).items():
            changes.set(resource_id, values)
        for resource_id in body.get("delete", ()):
            changes.delete(resource_id)
        for resource_id in body.get("purge", ()):
            changes.purge(resource_id)
        for path, said in body.get("answers", {}).items():
            services.manager.answers.pop(path.lower(), None)
            if said is not None:
                services.manager.answers[path.lower()] = (int(said.get("status", 200)), said.get("body"))

    async def _lag(self, request: web.Request) -> Any:
        body = await _object_in(request)
        self._azure.services.configuration.lag = float(body["seconds"])
        return {}

    def _summary(self) -> dict[str, Any]:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for job in self._azure.truth.jobs():
            counts[job.region][job.status] += 1
        regions = self._azure.estate.regions
        return {
            "jobs": {region: dict(found) for region, found in counts.items()},
            "down": [region for region in regions if self._azure.services.life.is_down(region)],
            "faults": self._azure.faults.listed(),
            "requests": len(self._azure.log),
        }


def _guard(answer: Callable[[web.Request], Awaitable[Any]]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return json_answer(await answer(request))
        except (AzureError, ValueError, TypeError, KeyError, msgspec.DecodeError) as fault:
            return json_answer({"error": str(fault)}, 400)

    return handle


async def _object_in(request: web.Request) -> dict[str, Any]:
    data = await request.read()
    body = msgspec.json.decode(data) if data else {}
    if not isinstance(body, dict):
        raise ValueError(f"an object was expected, got {type(body).__name__}")  # noqa: TRY004 - it is input
    return body
