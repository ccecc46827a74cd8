"""``ActiveHub`` for asyncio.

The store is asked in a thread of the loop's executor, with the same blocking code: a read every half minute needs no
more, and no HTTP package besides the two dependencies. The loop is never blocked.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hubswitch_client.follower import Change, Follower, due_after
from hubswitch_client.ml import make_ml_client
from hubswitch_client.pointer import Pointer

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential
    from azure.core.credentials_async import AsyncTokenCredential

LOGGER = logging.getLogger("hubswitch_client")

TOKEN_WAIT = 60
"""Seconds that a read waits for a token of an asynchronous credential."""


class ActiveHub:
    """Which hub of a pair is active. For the tasks of one event loop.

    Args:
        pair: the pair's name, as in its plan.
        endpoints: the store's endpoints, ``https://….azconfig.io``, in the order in which they are asked.
        credential: azure-identity's, of either kind, with the role App Configuration Data Reader; None:
            ``azure.identity.DefaultAzureCredential()``.
        cache: a file for the last good value. Its folder must exist.
        refresh: seconds between two reads of a task of its own, which ``async with`` or the first ``current`` starts.
        max_age: without that task, seconds after which ``current`` asks the store again.
        options: for ``azure.appconfiguration.AzureAppConfigurationClient``, the blocking one.

    Raises:
        TypeError, ValueError: an argument is not what it must be.
    """

    def __init__(
        self,
        pair: str,
        endpoints: Sequence[str],
        credential: TokenCredential | AsyncTokenCredential | None = None,
        cache: str | Path | None = None,
        *,
        refresh: float | None = None,
        max_age: float = 30.0,
        **options: Any,
    ) -> None:
        self._due_after = due_after(refresh, max_age)
        is_async = inspect.iscoroutinefunction(getattr(credential, "get_token", None))
        self._on_loop = _LoopCredential(credential) if is_async else None
        blocking: Any = self._on_loop or credential
        self._follower = Follower(pair, endpoints, blocking, cache, options)
        self._refresh = refresh
        self._callbacks: list[Callable[[Pointer, Pointer], object]] = []
        self._round: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def current(self) -> Pointer:
        """The active hub: the last good value, read again if it is due.

        Of several tasks one waits for a read; the others get what is known. Never a lower epoch than before.

        Raises:
            NothingKnown: the store gave nothing, now or ever.
        """
        self._start_refreshing()
        due = not self._closed and self._follower.age > self._due_after
        if self._follower.value is None or (due and self._round is None):
            return await self.refresh()
        return self._follower.require()

    async def refresh(self) -> Pointer:
        """Ask the store now, or wait for the round that is on its way.

        Raises:
            NothingKnown: the store gave nothing, now or ever.
        """
        if self._round is None and not self._closed:
            self._round = asyncio.create_task(self._ask())
        if (
            self._round is not None and self._round is not asyncio.current_task()
        ):  # a callback that asks while it is told would wait for itself
            # A caller that is cancelled ends no round: others wait for it, and a change must be told.
            await asyncio.shield(self._round)
        return self._follower.require()

    def on_switch(self, callback: Callable[[Pointer, Pointer], object]) -> None:
        """Call ``callback(now, before)`` on the loop whenever the value changes; a coroutine function is awaited.

        In order and one at a time, so keep it short. What it raises is logged. The first value ever known is no change.
        """
        self._callbacks.append(callback)

    async def ml_client(self, **options: Any) -> Any:
        """A new ``azure.ai.ml.MLClient`` (which blocks) for the active project; it does not follow a later switch.

        Args:
            options: for ``MLClient``; ``credential`` among them replaces this object's own.

        Raises:
            MissingPackage: azure-ai-ml is not installed.
            NothingKnown: the store gave nothing, now or ever.
            TypeError: this object's credential is asynchronous, and ``options`` have none.
        """
        if self._on_loop is not None and "credential" not in options:
            raise TypeError("ml_client(): expected credential=, a blocking one; this object's own is asynchronous")
        value = await self.current()
        return await asyncio.to_thread(self._make_ml_client, value, options)

    async def close(self) -> None:
        """End the task and close connections. The last value can still be asked for."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._round is not None and self._round is not asyncio.current_task():
            await asyncio.shield(self._round)
        await asyncio.to_thread(self._follower.close)

    async def __aenter__(self) -> Self:
        self._start_refreshing()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _start_refreshing(self) -> None:
        if self._refresh is not None and self._task is None and not self._closed:
            self._task = asyncio.create_task(self._refresh_every(self._refresh))

    async def _ask(self) -> None:
        try:
            if self._on_loop is not None:
                self._on_loop.loop = asyncio.get_running_loop()
            change = await asyncio.to_thread(self._follower.ask)
            if change:
                await self._tell(change)
        finally:
            self._round = None

    async def _tell(self, change: Change) -> None:
        for callback in tuple(self._callbacks):
            try:
                result = callback(change.now, change.before)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                LOGGER.exception("a callback of on_switch failed")

    async def _refresh_every(self, seconds: float) -> None:
        while not self._closed:
            try:
                await self.refresh()
            except Exception as fault:  # noqa: BLE001 - a task that ends would leave its readers with an old value
                LOGGER.debug("the pointer is not known: %s", fault)
            await asyncio.sleep(seconds)

    def _make_ml_client(self, value: Pointer, options: dict[str, Any]) -> Any:
        return make_ml_client(value, options.get("credential") or self._follower.credential, options)


class _LoopCredential:
    """An asynchronous credential for blocking code in another thread: its loop makes the token."""

    def __init__(self, credential: Any) -> None:
        self._credential = credential
        self.loop: asyncio.AbstractEventLoop | None = None

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        if self.loop is None:
            raise RuntimeError("a token was asked for before the loop was known")
        coming = asyncio.run_coroutine_threadsafe(self._credential.get_token(*scopes, **options), self.loop)
        token: AccessToken = coming.result(TOKEN_WAIT)
        return token
