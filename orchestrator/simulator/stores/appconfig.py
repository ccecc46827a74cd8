"""App Configuration: one store with an origin and replicas, each an endpoint of its own.

Key-values, labels, keys, revisions and locks as azure-appconfiguration and its provider use them, checked against
learn.microsoft.com's REST reference and, where that is silent, against Microsoft's App Configuration emulator.
Snapshots, ``Accept-Datetime`` and ranges of revisions are not offered: 501.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from aiohttp import web

from orchestrator.simulator.services import AzureError, Kernel
from orchestrator.simulator.stores import appconfig_http as http
from orchestrator.simulator.stores.appconfig_filters import matcher, no_label, tag_matcher
from orchestrator.simulator.stores.appconfig_replicas import Key, Replication, Setting, StoreEndpoint, new_etag

PAGE = 100
"""Items of one page, as in Microsoft's emulator."""


class RequestQuota(NamedTuple):
    """How many requests each replica answers in a window of seconds before it says 429."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Call:
    """An admitted request and the replica that it reached."""

    request: web.Request
    index: int
    replica: StoreEndpoint
    body: bytes


class ConfigurationStore:
    """A store with ``replicas`` besides its origin. All of them can be written.

    Args:
        kernel: tokens, roles and time.
        replicas: endpoints besides the origin.
        lag: seconds until a write is seen at the other endpoints.
        clock: monotonic seconds by which lag and budget are measured.
    """

    def __init__(
        self,
        kernel: Kernel,
        replicas: int = 1,
        lag: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget: RequestQuota | None = None
        self.loses_writes = False
        """Fault: a PUT is answered with success, and nothing is stored. A guess: no document says that this happens."""

        self.page_size = PAGE
        self._kernel = kernel
        self._clock = clock
        self._replication = Replication(replicas + 1, lag, clock)
        self._windows = [(clock(), 0)] * (replicas + 1)
        self._writes = 0

    @property
    def lag(self) -> float:
        """Seconds until a write is seen at the other endpoints; counts for writes under way, too."""
        return self._replication.lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        self._replication.lag = seconds

    def routes(self, index: int = 0) -> list[web.RouteDef]:
        """The endpoint of the origin (0) or of a replica (1 and up)."""
        if not 0 <= index < len(self._replication):
            raise IndexError(f"replica {index} of {len(self._replication) - 1}")
        table: list[tuple[str, str, Callable[[_Call], web.Response]]] = [
            ("GET", "/kv", self._list),
            ("GET", "/kv/{key:.+}", self._get),
            ("PUT", "/kv/{key:.+}", self._put),
            ("DELETE", "/kv/{key:.+}", self._delete),
            ("PUT", "/locks/{key:.+}", self._lock),
            ("DELETE", "/locks/{key:.+}", self._lock),
            ("GET", "/keys", self._keys),
            ("GET", "/labels", self._labels),
            ("GET", "/revisions", self._revisions),
        ]
        found = [web.route(verb, path, self._guard(index, action)) for verb, path, action in table]
        found += [web.head(path, self._guard(index, action)) for verb, path, action in table if verb == "GET"]
        return [*found, web.route("*", "/{path:.*}", self._guard(index, lambda call: http.not_offered(call.request)))]

    def put(
        self, key: str, value: str, label: str | None = None, *, content_type: str | None = None, replica: int = 0
    ) -> str:
        """Write a key-value at one endpoint, whatever was there; its ETag."""
        setting = Setting(key, label or None, value, content_type, {}, "", self._kernel.now(), False)
        return self._store(replica, setting).etag

    def get(self, key: str, label: str | None = None, *, replica: int = 0) -> Setting | None:
        """A key-value as one endpoint would show it now."""
        return self._replication.at(replica).settings.get((key, label or ""))

    def _guard(
        self, index: int, action: Callable[[_Call], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            try:
                http.admit(self._kernel, request)
                self._spend(index)
                http.check_version(request)
                body = await http.body_of(request)
                replica = self._replication.at(index, request.headers.get("Sync-Token", ""))
                response = action(_Call(request, index, replica, body))
            except AzureError as fault:
                response = http.problem(fault)
            return http.finish(request, response, self._replication.at(index).sync_token)

        return serve

    def _spend(self, index: int) -> None:
        if self.budget is None:
            return
        now, (began, spent) = self._clock(), self._windows[index]
        if now - began >= self.budget.seconds:
            began, spent = now, 0
        if spent >= self.budget.requests:
            raise http.TooManyRequests(self.budget.seconds - (now - began))
        self._windows[index] = (began, spent + 1)

    def _get(self, call: _Call) -> web.Response:
        setting = call.replica.settings.get(_key(call))
        http.check_etag(call.request, setting.etag if setting else None, reads=True)
        if setting is None:
            return web.Response(status=404)
        return http.one(call.request, setting)

    def _put(self, call: _Call) -> web.Response:
        key, label = _key(call)
        existing = call.replica.settings.get((key, label))
        http.check_etag(call.request, existing.etag if existing else None, reads=False)
        http.check_unlocked(existing)
        wanted = http.parse_setting(call.request, call.body, key, label or None, self._kernel.now())
        if existing is not None and http.same(existing, wanted):
            return http.one(call.request, existing)
        return http.one(call.request, self._store(call.index, wanted))

    def _delete(self, call: _Call) -> web.Response:
        key = _key(call)
        existing = call.replica.settings.get(key)
        http.check_etag(call.request, existing.etag if existing else None, reads=False)
        http.check_unlocked(existing)
        if existing is None:
            return web.Response(status=204)
        self._replication.write(call.index, key, None)
        return http.one(call.request, existing)

    def _lock(self, call: _Call) -> web.Response:
        existing = call.replica.settings.get(_key(call))
        http.check_etag(call.request, existing.etag if existing else None, reads=False)
        if existing is None:
            return web.Response(status=404)
        locked = call.request.method == "PUT"
        if existing.locked != locked:
            existing = self._store(call.index, existing._replace(locked=locked, modified=self._kernel.now()))
        return http.one(call.request, existing)

    def _list(self, call: _Call) -> web.Response:
        query = call.request.query
        if "snapshot" in query:
            return http.not_offered(call.request)
        key, label = matcher("key", query.get("key")), matcher("label", query.get("label"))
        tags = tag_matcher(query.getall("tags", []))
        after = http.after(query)
        settings = [
            setting
            for name, setting in sorted(call.replica.settings.items())
            if name > after and key(setting.key) and label(setting.label) and tags(setting.tags)
        ]
        return http.page_of_settings(call.request, settings[: self.page_size], full=len(settings) >= self.page_size)

    def _revisions(self, call: _Call) -> web.Response:
        """All that this endpoint has seen, newest first, in one page."""
        query = call.request.query
        key, label = matcher("key", query.get("key")), matcher("label", query.get("label"))
        tags = tag_matcher(query.getall("tags", []))
        found = [
            one for one in reversed(call.replica.revisions) if key(one.key) and label(one.label) and tags(one.tags)
        ]
        return http.page_of_settings(call.request, found, full=False)

    def _keys(self, call: _Call) -> web.Response:
        wanted = matcher("name", call.request.query.get("name"))
        names = sorted({one.key for one in call.replica.settings.values() if wanted(one.key)})
        return http.page_of_names(call.request, "keyset", list(names), self.page_size)

    def _labels(self, call: _Call) -> web.Response:
        wanted = matcher("name", call.request.query.get("name"))
        names = sorted({one.label or "" for one in call.replica.settings.values() if wanted(one.label)})
        return http.page_of_names(call.request, "labelset", [name or None for name in names], self.page_size)

    def _store(self, index: int, setting: Setting) -> Setting:
        self._writes += 1
        kept = setting._replace(etag=new_etag(self._writes, (setting.key, setting.label, setting.value)))
        if not self.loses_writes:
            self._replication.write(index, (kept.key, kept.label or ""), kept)
        return kept


def _key(call: _Call) -> Key:
    request = call.request
    return http.key_of(request), no_label(request.query.get("label")) or ""
