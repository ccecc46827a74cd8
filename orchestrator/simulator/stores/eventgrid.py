"""Event Grid: system topics of projects, one custom topic, and subscriptions to either."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import ssl
import time
import uuid
from collections.abc import Collection, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from orchestrator.simulator.services import AzureError, Kernel
from orchestrator.simulator.stores.delivery import REPLY_WINDOW, Courier, DeadLetter, Subscription, shake_hands
from orchestrator.simulator.stores.event_shapes import Event, Malformed, Schema, parse_events, timestamp

CUSTOM = "custom"
"""The name under which subscribers ask for the custom topic's events."""

AUDIENCE = "https://eventgrid.azure.net"
API_VERSION = "2018-01-01"
DATA_VERSION = "2"
"""Of Azure ML's events, as seen on the wire in 2019 and 2020."""


class EventGrid:
    """Topics, subscriptions and their deliveries. Everything but the constructor belongs to one loop's thread.

    Args:
        kernel: tokens, roles, time and the seed of all dice.
        retry_speedup: divides the waits of the retry schedule and an event's lifetime.
        reply_window: seconds in which a subscriber must answer.
        trust: what to trust when a subscriber is asked over HTTPS; None for the system's authorities. May be set
            until the first subscription.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        retry_speedup: float = 1.0,
        reply_window: float = REPLY_WINDOW,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.trust = trust
        self.published: list[dict[str, Any]] = []
        self.emitted: list[Event] = []
        self.dead_letters: list[DeadLetter] = []
        digest = hashlib.sha256(f"event-grid-{kernel.seed}".encode()).digest()
        self.topic_key = base64.b64encode(digest).decode()
        self._kernel = kernel
        self._speedup = retry_speedup
        self._reply_window = reply_window
        self._dice = random.Random(f"event-grid-{kernel.seed}")
        self._couriers: dict[str, Courier] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._running = False

    async def start(self) -> None:
        """Begin to deliver, what was emitted before included."""
        self._running = True
        for courier in self._couriers.values():
            self._employ(courier)

    async def stop(self) -> None:
        """Break off deliveries. What has not been accepted stays and goes out after the next start."""
        self._running = False
        workers = list(self._workers.values())
        self._workers.clear()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for courier in self._couriers.values():
            await courier.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def emit(self, topic: str, event_type: str, subject: str, data: Mapping[str, Any]) -> str:
        """Let a system topic (the ARM id of its project, in any casing) say something; the event's id.

        Returns at once, whoever listens.
        """
        identity = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        cloud = {
            "id": identity,
            "source": topic,
            "subject": subject,
            "type": event_type,
            "time": timestamp(self._kernel.now()),
            "data": dict(data),
            "specversion": "1.0",
        }
        event = Event(cloud, DATA_VERSION)
        self.emitted.append(event)
        self._spread(topic, event)
        return identity

    async def subscribe(  # noqa: PLR0913 - as Event Grid has them, and its faults
        self,
        topic: str,
        url: str,
        schema: str = Schema.EVENT_GRID,
        headers: Mapping[str, str] | None = None,
        *,
        included_types: Collection[str] | None = None,
        duplicates: float = 0.0,
        reorder: float = 0.0,
        delay: float = 0.0,
        name: str = "",
    ) -> Subscription:
        """Send a topic's events to a URL on this machine, once its owner has agreed.

        ``topic`` is the ARM id of a project, or ``CUSTOM``. A name that is in use is replaced.

        Raises:
            AzureError: 400 if the handshake fails, or the topic cannot speak that schema: what comes in as a
                CloudEvent never goes out in the Event Grid schema.
        """
        wanted = Schema(schema)
        if topic == CUSTOM and wanted is Schema.EVENT_GRID:
            raise AzureError(400, "InvalidRequest", "The topic's input schema is CloudEventSchemaV1_0.")
        subscription = Subscription(
            name or f"subscription-{len(self._couriers) + 1}",
            topic.casefold(),
            url,
            wanted,
            dict(headers or {}),
            None if included_types is None else frozenset(kind.casefold() for kind in included_types),
            duplicates,
            reorder,
            delay,
        )
        await shake_hands(self._client(), subscription)
        await self.unsubscribe(subscription.name)
        self._take_on(subscription)
        return subscription

    async def unsubscribe(self, name: str) -> None:
        """Stop sending to a subscription, if there is one of that name."""
        courier, worker = self._couriers.pop(name, None), self._workers.pop(name, None)
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        if courier is not None:
            await courier.close()

    def subscriptions(self) -> list[Subscription]:
        return [courier.subscription for courier in self._couriers.values()]

    @property
    def pending(self) -> int:
        """Deliveries that are waiting or under way, of all subscriptions."""
        return sum(courier.pending for courier in self._couriers.values())

    def routes(self) -> list[web.RouteDef]:
        """The custom topic's endpoint."""
        return [web.post("/api/events", self._publish)]

    async def _publish(self, request: web.Request) -> web.Response:
        try:
            self._admit(request)
            _check_version(request)
            events = parse_events(await request.content.read(), request.content_type)
        except AzureError as fault:
            return _refusal(fault)
        for event in events:
            self.published.append(event)
            self._spread(CUSTOM, Event(event))
        return web.Response(headers={"Api-Supported-Versions": API_VERSION})

    def _admit(self, request: web.Request) -> None:
        key = request.headers.get("aeg-sas-key")
        if key is not None:
            if not hmac.compare_digest(key, self.topic_key):
                raise AzureError(401, "Unauthorized", "The request authorization key is not authorized.")
        elif "Authorization" in request.headers:
            self._kernel.admit(request, AUDIENCE, "eventgrid.send")
        else:
            raise AzureError(
                401,
                "Unauthorized",
                "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key.",
            )

    def _spread(self, topic: str, event: Event) -> None:
        now = time.monotonic()
        for courier in self._couriers.values():
            if courier.subscription.topic == topic.casefold() and courier.subscription.wants(event):
                courier.post(event, now)

    def _take_on(self, subscription: Subscription) -> None:
        dice = random.Random(f"{self._kernel.seed}-{subscription.name}")
        courier = Courier(subscription, dice, self.dead_letters, self._speedup)
        self._couriers[subscription.name] = courier
        if self._running:
            self._employ(courier)

    def _employ(self, courier: Courier) -> None:
        name = courier.subscription.name
        if name not in self._workers:
            self._workers[name] = asyncio.create_task(courier.work(self._client()))

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._reply_window),
                connector=aiohttp.TCPConnector(ssl=self.trust if self.trust is not None else True),
            )
        return self._session


def _check_version(request: web.Request) -> None:
    version = request.query.get("api-version")
    if version != API_VERSION:
        raise AzureError(400, "BadRequest", f"The api-version '{version}' is not supported.")


def _refusal(fault: AzureError) -> web.Response:
    detail = {"code": "InputJsonInvalid" if isinstance(fault, Malformed) else fault.code, "message": fault.message}
    body = {"error": {"code": fault.code, "message": fault.message, "details": [detail]}}
    return web.json_response(body, status=fault.status, headers=fault.headers)
