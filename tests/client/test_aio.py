"""``hubswitch_client.aio.ActiveHub``: the same promises for the tasks of an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken, TokenCredential
from client_values import expected
from hubswitch_client import NothingKnown, Pointer
from hubswitch_client.aio import ActiveHub

from orchestrator.simulator.cloud import LocalAzure

type Follow = Callable[..., ActiveHub]
type Publish = Callable[..., None]


@pytest.fixture
def follow(pair: str, endpoints: list[str], executor: TokenCredential, options: dict[str, Any]) -> Follow:
    """``follow(cache=…, refresh=…)``: a client that asks in each ``current()``. Use it with ``async with``."""

    def make(**arguments: Any) -> ActiveHub:
        usual = {"pair": pair, "endpoints": endpoints, "credential": executor, "max_age": 0.0, **options}
        return ActiveHub(**{**usual, **arguments})

    return make


def run[T](coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


async def until(holds: Callable[[], object], what: str) -> None:
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"this did not come: {what}")


def test_a_switch_is_followed_and_told(follow: Follow, publish: Publish) -> None:
    """Plain functions and coroutine functions are called on the loop; one that fails or reads again harms nobody."""
    told: list[tuple[str, Pointer, Pointer]] = []

    async def scenario() -> None:
        async with follow() as hub:

            async def tell(now: Pointer, before: Pointer) -> None:
                assert await hub.refresh() == await hub.current() == now
                told.append((threading.current_thread().name, now, before))

            hub.on_switch(lambda *_: 1 / 0)
            hub.on_switch(tell)
            hub.on_switch(lambda now, before: told.append((threading.current_thread().name, now, before)))
            for epoch in (1, 2):
                await asyncio.to_thread(publish, epoch)
                assert await hub.current() == expected(epoch)

    run(scenario())
    assert told == [("MainThread", expected(2), expected(1))] * 2


def test_nothing_known_is_an_error_and_what_was_known_stays(
    follow: Follow, publish: Publish, azure: LocalAzure, tmp_path: Path
) -> None:
    """The same rule, and the same file, as for threads."""

    async def scenario() -> None:
        cache = tmp_path / "pointer.json"
        azure.faults.set(None, "appconfig", "5xx")
        async with follow(cache=cache) as hub:
            with pytest.raises(NothingKnown, match="503"):
                await hub.current()
            azure.faults.clear()
            await asyncio.to_thread(publish, 1)
            assert await hub.current() == expected(1)
            azure.faults.set(None, "appconfig", "5xx")
            assert await hub.current() == expected(1)
        async with follow(cache=cache) as other:
            assert await other.current() == expected(1)

    run(scenario())


@pytest.mark.usefixtures("lag")
def test_a_replica_that_lags_is_not_believed(follow: Follow, publish: Publish, azure: LocalAzure) -> None:
    """While the origin is away, the lower epoch of the replica is passed over."""
    publish(1, at=1)
    publish(2, at=0)

    async def scenario() -> None:
        async with follow() as hub:
            assert await hub.current() == expected(2)
            azure.faults.set(azure.estate.third, "appconfig", "5xx")
            assert await hub.current() == expected(2)

    run(scenario())


def test_tasks_that_come_together_share_one_read(
    follow: Follow, publish: Publish, azure: LocalAzure, endpoints: list[str]
) -> None:
    """A thousand requests that arrive at the start are one request to the store, and the loop is not blocked by it."""
    publish(1)
    azure.faults.set(azure.estate.third, "appconfig", "slow", delay=1.0)

    async def scenario() -> int:
        async with follow(endpoints=endpoints[:1], max_age=3600) as hub:
            reads = asyncio.gather(*(hub.current() for _ in range(1000)))
            turns = 0
            while not reads.done():
                turns += 1
                await asyncio.sleep(0.01)
            assert set(await reads) == {expected(1)}
            return turns

    since = datetime.now(UTC)
    assert run(scenario()) > 5
    assert len(azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="appconfig")) == 1


def test_a_reader_that_is_cancelled_loses_no_switch(follow: Follow, publish: Publish, azure: LocalAzure) -> None:
    """The read goes on for the others, and callbacks are told."""
    publish(1)
    told: list[Pointer] = []

    async def scenario() -> None:
        async with follow() as hub:
            await hub.current()
            hub.on_switch(lambda now, _: told.append(now))
            await asyncio.to_thread(publish, 2)
            azure.faults.set(azure.estate.third, "appconfig", "slow", delay=1.0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hub.current(), 0.05)
            assert told == []
            await until(lambda: told, "the switch")

    run(scenario())
    assert told == [expected(2)]


def test_switches_in_the_middle_of_a_thousand_reads_are_never_mixed(follow: Follow, publish: Publish) -> None:
    """Each value is one switch's, and no task ever goes back."""
    publish(1)

    async def read(hub: ActiveHub, over: asyncio.Event) -> list[Pointer]:
        found = []
        while len(found) < 125 or not over.is_set():
            found.append(await hub.current())
            await asyncio.sleep(0.001)
        return [*found, await hub.refresh()]

    async def scenario() -> list[list[Pointer]]:
        over = asyncio.Event()
        async with follow() as hub:
            tasks = [asyncio.create_task(read(hub, over)) for _ in range(8)]
            for epoch in range(2, 7):
                await asyncio.to_thread(publish, epoch)
            over.set()
            return await asyncio.gather(*tasks)

    for values in run(scenario()):
        assert [value for value in values if value != expected(value.epoch)] == []
        epochs = [value.epoch for value in values]
        assert epochs == sorted(epochs)
        assert epochs[-1] == 6


def test_a_refresh_of_its_own_sees_a_switch_and_ends(follow: Follow, publish: Publish) -> None:
    """Without anybody asking; after ``async with`` no task is left, and the last value stays."""
    publish(1)
    told: list[Pointer] = []

    async def scenario() -> None:
        async with follow(refresh=0.02) as hub:
            hub.on_switch(lambda now, _: told.append(now))
            assert await hub.current() == expected(1)
            await asyncio.to_thread(publish, 2)
            await until(lambda: told, "the switch")
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert await hub.current() == await hub.refresh() == expected(2)

    run(scenario())


def test_a_callback_may_close(follow: Follow, publish: Publish, caplog: pytest.LogCaptureFixture) -> None:
    """In the round of the refresh of its own, which it neither waits for nor is ended by."""
    publish(1)
    closed: list[bool] = []

    async def scenario() -> None:
        hub = follow(refresh=0.02)

        async def close(*_: Pointer) -> None:
            await hub.close()
            closed.append(True)

        hub.on_switch(close)
        assert await hub.current() == expected(1)
        await asyncio.to_thread(publish, 2)
        await until(lambda: closed, "the end of the callback")
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()}, "the end of the tasks")
        assert await hub.current() == expected(2)

    run(scenario())
    assert "a callback of on_switch failed" not in caplog.text


def test_a_credential_of_either_kind_will_do(follow: Follow, publish: Publish, executor: TokenCredential) -> None:
    """An asynchronous one makes its tokens on the loop, while the read waits in its thread."""
    publish(1)
    threads: list[str] = []

    class Asynchronous:
        async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            threads.append(threading.current_thread().name)
            return await asyncio.to_thread(executor.get_token, *scopes, **options)

    async def scenario() -> None:
        async with follow(credential=Asynchronous()) as hub:
            assert await hub.current() == expected(1)
            with pytest.raises(TypeError, match="expected credential="):
                await hub.ml_client()

    run(scenario())
    assert set(threads) == {"MainThread"}
