"""How Event Grid's events reach a subscriber: at least once, in no promised order, with retries.

Rules: learn.microsoft.com, "Event Grid message delivery and retry" and "Webhook event delivery". Left out: the
delay that the real service imposes on new events for an endpoint that has been failing, batches, and the retry of
a delivery whose answer was late.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import random
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from orchestrator.simulator.services import AzureError
from orchestrator.simulator.stores.event_shapes import VALIDATION, Event, Schema, timestamp

RETRY_AFTER = (10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200)
"""Seconds before the second, third, … attempt; the last one repeats."""

ATTEMPTS, LIFETIME = 30, 86400.0
"""Defaults of a subscription: attempts, and seconds after which an event is given up."""

REPLY_WINDOW = 30.0
"""Seconds in which a subscriber must answer."""

HELD_BACK = 1.0
"""Longest time, in seconds, for which an event that is to be overtaken is held back."""

PATIENCE = 1.0
"""Seconds after which the next event is sent although the last one has not been answered."""

ORIGIN = "eventgrid.azure.net"
_SUCCESS = frozenset({200, 201, 202, 203, 204})
_FINAL = frozenset({400, 401, 403, 404, 413})
"""After these Event Grid never tries again."""


@dataclass(slots=True)
class Letter:
    """An event on its way to one subscriber. ``attempts`` counts those that failed."""

    event: Event
    written: float
    attempts: int = 0
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that will not be tried again, and why."""

    subscription: str
    event: Event
    attempts: int
    outcome: str


@dataclass(slots=True)
class Subscription:
    """Where events of a topic go. Probabilities are between 0 and 1, times in seconds.

    ``duplicates`` is how many of the events are delivered twice, ``reorder`` how many are held back so that later
    ones overtake them, ``delay`` what every event takes at least.
    """

    name: str
    topic: str
    url: str
    schema: Schema
    headers: dict[str, str] = field(default_factory=dict)
    included_types: frozenset[str] | None = None
    duplicates: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0

    def wants(self, event: Event) -> bool:
        """Event types compare without regard to case."""
        return self.included_types is None or event.type.casefold() in self.included_types


class Courier:
    """Delivers one subscription's events. Use it from its loop's thread only."""

    def __init__(
        self, subscription: Subscription, dice: random.Random, dead: list[DeadLetter], retry_speedup: float
    ) -> None:
        self.subscription = subscription
        self.accepted = 0
        self._dice = dice
        self._dead = dead
        self._speedup = retry_speedup
        self._queue: list[tuple[float, int, Letter]] = []
        self._ties = itertools.count()
        self._wake = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """Deliveries that are waiting or under way."""
        return len(self._queue) + len(self._under_way)

    def post(self, event: Event, now: float) -> None:
        """Take an event on; a copy of it, too, if the dice say so."""
        copies = 2 if self._dice.random() < self.subscription.duplicates else 1
        for _ in range(copies):
            held = self._dice.uniform(0, HELD_BACK) if self._dice.random() < self.subscription.reorder else 0.0
            self._push(Letter(event, now), now + self.subscription.delay + held)

    async def work(self, client: aiohttp.ClientSession) -> None:
        """Deliver for ever. Events go out in order of their time; a slow answer does not hold up the next."""
        clock = time.monotonic
        while True:
            wait = self._queue[0][0] - clock() if self._queue else None
            if wait is None or wait > 0:
                self._wake.clear()
                await self._rest(wait)
                continue
            _, _, letter = heapq.heappop(self._queue)
            task = asyncio.create_task(self._deliver(client, letter, clock()))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            await asyncio.wait({task}, timeout=PATIENCE)

    async def close(self) -> None:
        """Break off what is under way."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _rest(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _push(self, letter: Letter, due: float) -> None:
        heapq.heappush(self._queue, (due, next(self._ties), letter))
        self._wake.set()

    async def _deliver(self, client: aiohttp.ClientSession, letter: Letter, now: float) -> None:
        status = await self._attempt(client, letter)
        if status in _SUCCESS:
            self.accepted += 1
            return
        letter.attempts += 1
        wait = RETRY_AFTER[min(letter.attempts, len(RETRY_AFTER)) - 1] / self._speedup
        spent = letter.attempts >= ATTEMPTS or now + wait - letter.written > LIFETIME / self._speedup
        if status in _FINAL or spent:
            self._dead.append(DeadLetter(self.subscription.name, letter.event, letter.attempts, letter.outcome))
            return
        self._push(letter, now + wait)

    async def _attempt(self, client: aiohttp.ClientSession, letter: Letter) -> int:
        """The subscriber's answer; 0 if there was none."""
        subscription, event = self.subscription, letter.event
        headers = {
            **subscription.headers,
            "Content-Type": _CONTENT_TYPES[subscription.schema],
            "aeg-event-type": "Notification",
            "aeg-subscription-name": subscription.name.upper(),
            "aeg-delivery-count": str(letter.attempts),
            "aeg-data-version": event.data_version,
            "aeg-metadata-version": "1",
        }
        body = event.shown(subscription.schema)
        try:
            async with client.post(_url(subscription.url), data=body, headers=headers, allow_redirects=False) as answer:
                await answer.read()
                letter.outcome = f"HTTP {answer.status}"
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            letter.outcome = type(fault).__name__
            return 0


async def shake_hands(client: aiohttp.ClientSession, subscription: Subscription) -> None:
    """Ask the subscriber whether it wants the events, in the way of its schema.

    Only the answer at once is understood; the ``validationUrl`` of the real service, which a person may open later,
    leads nowhere here.

    Raises:
        AzureError: 400 if it does not say yes, or is not on this machine.
    """
    if not _is_local(subscription.url):
        raise _refuse(subscription, "only endpoints on this machine are called")
    try:
        if subscription.schema is Schema.CLOUD_EVENT:
            await _ask_options(client, subscription)
        else:
            await _ask_validation(client, subscription)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as fault:
        raise _refuse(subscription, type(fault).__name__) from fault


async def _ask_validation(client: aiohttp.ClientSession, subscription: Subscription) -> None:
    code = str(uuid.uuid4())
    event = {
        "id": str(uuid.uuid4()),
        "topic": subscription.topic,
        "subject": "",
        "data": {
            "validationCode": code,
            "validationUrl": f"https://rp-local.{ORIGIN}/eventsubscriptions/{subscription.name}/validate?id={code}",
        },
        "eventType": VALIDATION,
        "eventTime": timestamp(datetime.now(UTC)),
        "metadataVersion": "1",
        "dataVersion": "2",
    }
    headers = {
        **subscription.headers,
        "Content-Type": _CONTENT_TYPES[Schema.EVENT_GRID],
        "aeg-event-type": "SubscriptionValidation",
        "aeg-subscription-name": subscription.name.upper(),
    }
    question = json.dumps([event])
    async with client.post(_url(subscription.url), data=question, headers=headers, allow_redirects=False) as answer:
        body = await answer.read()
        if answer.status != 200:
            raise _refuse(subscription, f"it answered {answer.status}")
    said = json.loads(body)
    if not isinstance(said, dict) or said.get("validationResponse") != code:
        raise _refuse(subscription, "its answer has no validationResponse with the code sent")


async def _ask_options(client: aiohttp.ClientSession, subscription: Subscription) -> None:
    headers = {**subscription.headers, "WebHook-Request-Origin": ORIGIN, "WebHook-Request-Rate": "120"}
    async with client.options(_url(subscription.url), headers=headers, allow_redirects=False) as answer:
        await answer.read()
        if answer.status != 200:
            raise _refuse(subscription, f"it answered {answer.status}")
        allowed = answer.headers.get("WebHook-Allowed-Origin", "")
    if allowed not in {"*", ORIGIN}:
        raise _refuse(subscription, f"its WebHook-Allowed-Origin is '{allowed}'")


def _refuse(subscription: Subscription, why: str) -> AzureError:
    address = subscription.url.partition("?")[0]
    return AzureError(400, "Url validation", f"The attempt to validate the provided endpoint {address} failed: {why}.")


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _url(url: str) -> URL:
    """The URL as given: keys in it must not be quoted a second time."""
    return URL(url, encoded=True)


_CONTENT_TYPES = {
    Schema.EVENT_GRID: "application/json; charset=utf-8",
    Schema.CLOUD_EVENT: "application/cloudevents+json; charset=utf-8",
}
