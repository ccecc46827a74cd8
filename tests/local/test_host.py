"""The local host does for an app what the Functions host does: routes, keys, webhooks, timers, and a clean end."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import azure.functions as func
import pytest
from bodies import cloud, grid
from live import until
from small_app import Seen, small_app

from orchestrator.local.engine import LocalEngine
from orchestrator.local.host import HostOptions, LocalHost, until_next

KEY = "the-key"
HOOK = "/runtime/webhooks/EventGrid?functionName=on_event"


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    with LocalEngine() as running:
        yield running


@asynccontextmanager
async def hosted(
    engine: LocalEngine, seen: Seen, *, schedule: str = "* * * * * *", **options: Any
) -> AsyncIterator[tuple[LocalHost, aiohttp.ClientSession]]:
    """The small app on a host, and a client of it."""
    usual = {"port": 0, "keys": [KEY], "timers": False}
    host = LocalHost(small_app(seen, schedule=schedule), HostOptions(engine=engine.address, **usual | options))
    async with host.serve(), aiohttp.ClientSession(host.url) as client:
        yield host, client


def asked(engine: LocalEngine, *requests: tuple[str, str, Any], **options: Any) -> list[tuple[int, str, bytes]]:
    """Status, media type and body of the answers to some requests (method, path, body)."""

    async def ask() -> list[tuple[int, str, bytes]]:
        found = []
        async with hosted(engine, options.pop("seen", Seen()), **options) as (_, client):
            for method, path, body in requests:
                headers = {"x-functions-key": options.get("key", KEY)}
                async with client.request(method, path, data=body, headers=headers) as answer:
                    found.append((answer.status, answer.headers.get("Content-Type", ""), await answer.read()))
        return found

    return asyncio.run(ask())


def test_a_request_reaches_its_function_as_it_was_sent(engine: LocalEngine) -> None:
    """Method, path parameters, query, headers and body; and the answer comes back whole."""
    seen = Seen()
    ((status, kind, body),) = asked(engine, ("POST", "/api/echo/some%20name?a=1", b'{"x": 2}'), seen=seen)
    (request,) = seen.requests
    assert (status, kind, body) == (200, "application/json", b'{"x": 2}')
    assert (request.method, dict(request.route_params), dict(request.params)) == (
        "POST",
        {"name": "some name"},
        {"a": "1"},
    )
    assert request.headers["X-Functions-Key"] == KEY


def test_a_function_that_is_not_asynchronous_does_not_hold_up_the_others(engine: LocalEngine) -> None:
    """It runs in a thread of its own, as the worker would run it."""
    seen = Seen()
    asked(engine, ("GET", "/api/echo/x", None), seen=seen)
    assert threading.current_thread().name not in seen.threads


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/echo/x", "application/json"),
        ("/api/text", "text/plain; charset=utf-8"),
        ("/api/typed", "text/csv"),
    ],
)
def test_media_types_are_those_that_azure_would_send(engine: LocalEngine, path: str, kind: str) -> None:
    """Only texts say their encoding, and an explicit type is left alone."""
    assert [found[1] for found in asked(engine, ("GET", path, None))] == [kind]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/nothing", 404), ("DELETE", "/api/text", 405), ("GET", "/api/broken", 500)],
)
def test_what_cannot_be_answered_has_its_status(engine: LocalEngine, method: str, path: str, status: int) -> None:
    """A function that fails costs one answer, not the host."""
    answers = asked(engine, (method, path, None), ("GET", "/api/text", None))
    assert [found[0] for found in answers] == [status, 200]


@pytest.mark.parametrize(("keys", "status"), [([], 401), (["other"], 401), (["other", KEY], 200)])
def test_a_keyed_function_answers_to_known_keys_alone(engine: LocalEngine, keys: list[str], status: int) -> None:
    """Without any key nobody gets in; what is open to all stays open."""
    answers = asked(engine, ("GET", "/api/echo/x", None), ("GET", "/api/text", None), keys=keys)
    assert [found[0] for found in answers] == [status, 200]


@pytest.mark.parametrize("event", [grid("Some.Kind", {"a": 1}), cloud("Some.Kind", {"a": 1})], ids=["grid", "cloud"])
def test_the_webhook_hands_events_to_their_function(engine: LocalEngine, event: dict[str, Any]) -> None:
    """As the classes that the binding makes of them, one by one."""
    seen = Seen()
    ((status, _, _),) = asked(engine, ("POST", HOOK, json.dumps([event, event])), seen=seen)
    kind = func.CloudEvent if "specversion" in event else func.EventGridEvent
    assert (status, [type(found).__name__ for found in seen.events]) == (202, [kind.__name__] * 2)


def test_an_event_that_its_function_cannot_handle_is_to_be_delivered_again(engine: LocalEngine) -> None:
    """500: Event Grid tries once more."""
    ((status, _, _),) = asked(engine, ("POST", HOOK, json.dumps([grid("Some.Kind", {}, subject="spoilt")])))
    assert status == 500


@pytest.mark.parametrize("body", ["{", "[]", '[{"data": null}]', "[5]"])
def test_a_handshake_that_cannot_be_understood_is_refused(engine: LocalEngine, body: str) -> None:
    """400, and the host goes on."""

    async def ask() -> int:
        async with hosted(engine, Seen()) as (_, client):
            headers = {"aeg-event-type": "SubscriptionValidation"}
            async with client.post(HOOK, data=body, headers=headers) as answer:
                return answer.status

    assert asyncio.run(ask()) == 400


def test_the_webhook_answers_both_handshakes_by_itself(engine: LocalEngine) -> None:
    """As the Functions host does for an Event Grid trigger."""
    seen = Seen()

    async def ask() -> tuple[Any, str | None]:
        async with hosted(engine, seen) as (_, client):
            body = json.dumps([grid("Microsoft.EventGrid.SubscriptionValidationEvent", {"validationCode": "c0de"})])
            headers = {"aeg-event-type": "SubscriptionValidation"}
            async with client.post(HOOK, data=body, headers=headers) as answer:
                code = await answer.json()
            async with client.options(HOOK, headers={"WebHook-Request-Origin": "grid"}) as answer:
                return code, answer.headers.get("WebHook-Allowed-Origin")

    assert asyncio.run(ask()) == ({"validationResponse": "c0de"}, "grid")
    assert seen.events == []


def test_the_webhook_of_an_unknown_function_is_not_found(engine: LocalEngine) -> None:
    """Nor that of a function with another trigger."""
    places = [HOOK.replace("on_event", name) for name in ("nope", "text")]
    assert [found[0] for found in asked(engine, *(("POST", place, "[]") for place in places))] == [404, 404]


def test_a_timer_fires_again_and_again_although_it_fails(engine: LocalEngine) -> None:
    """Every second, divided by the speed."""
    seen = Seen()

    async def wait() -> None:
        async with hosted(engine, seen, timers=True, speed=100.0):
            await asyncio.to_thread(until, lambda: seen.ticks >= 3, "three ticks")

    asyncio.run(wait())


def test_a_fast_timer_keeps_its_pace_all_through_the_minute(engine: LocalEngine) -> None:
    """Every ten seconds at a fifty-fold speed is five times a second, not a storm before the full minute."""
    seen = Seen()

    async def wait() -> tuple[int, float]:
        """Ticks, and the seconds in which they came."""
        began = time.monotonic()
        async with hosted(engine, seen, schedule="*/10 * * * * *", timers=True, speed=50.0):
            await asyncio.sleep(1.1)
            await asyncio.to_thread(until, lambda: seen.ticks >= 3, "three ticks")
            return seen.ticks, time.monotonic() - began

    ticks, seconds = asyncio.run(wait())
    assert ticks <= seconds * 5 + 1


def test_a_timer_whose_schedule_cannot_be_understood_is_refused_before_anything_is_served(engine: LocalEngine) -> None:
    """A timer that silently never fires would be an orchestrator that silently never looks."""

    async def serve() -> None:
        async with hosted(engine, Seen(), schedule="now and then"):
            raise AssertionError("it was served")

    with pytest.raises(ValueError, match="columns"):
        asyncio.run(serve())


@pytest.mark.parametrize(
    ("schedule", "wait"),
    [
        ("*/10 * * * * *", timedelta(seconds=5)),
        ("0 * * * * *", timedelta(seconds=55)),
        ("30 1 12 * * *", timedelta(seconds=85)),
        ("5 0 12 * * *", timedelta(days=1)),
    ],
)
def test_schedules_have_their_seconds_first(schedule: str, wait: timedelta) -> None:
    """As Azure's NCRONTAB has them; a moment that is now is not the next one."""
    assert until_next(schedule, datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)) == wait


def test_a_port_that_is_taken_is_told_and_nothing_is_left_behind(engine: LocalEngine) -> None:
    """The second host fails, the first one goes on."""

    async def serve() -> int:
        async with hosted(engine, Seen()) as (first, client):
            port = int(first.url.rpartition(":")[2])
            with pytest.raises(OSError, match="in use"):
                async with hosted(engine, Seen(), port=port):
                    raise AssertionError("it was served")
            async with client.get("/api/text") as answer:
                return answer.status

    assert asyncio.run(serve()) == 200


def test_a_host_listens_on_this_machine_only(engine: LocalEngine) -> None:
    """Whoever reaches it with the key commands pairs."""

    async def url() -> str:
        async with hosted(engine, Seen()) as (host, _):
            return host.url

    assert asyncio.run(url()).startswith("http://127.0.0.1:")
