"""The one event loop in which everything is served: in a thread of its own, or in the caller's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

_PATIENCE = 30.0


class ServingLoop:
    """Runs coroutines and functions where the services live, from whatever thread asks."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: int | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin a thread with a loop."""
        begun = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(begun,), name="local-azure", daemon=True)
        self._thread.start()
        begun.wait(_PATIENCE)

    def adopt(self) -> None:
        """Use the loop that is running in this thread."""
        self._loop = asyncio.get_running_loop()
        self._serving = threading.get_ident()

    def stop(self) -> None:
        """End the thread."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._thread = self._serving = self._loop = None

    def wait_for[T](self, begin: Callable[[], Awaitable[T]]) -> T:
        """The result of a coroutine, run in the loop. Not to be called from the loop itself."""

        async def run() -> T:
            return await begin()

        return asyncio.run_coroutine_threadsafe(run(), self._running_loop()).result(_PATIENCE)

    def call[T](self, function: Callable[[], T]) -> T:
        """The result of a function, run in the loop's thread."""
        if self._serving in {None, threading.get_ident()}:
            return function()
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as fault:  # noqa: BLE001 - it is raised again where it was asked for
                done.set_exception(fault)

        self._running_loop().call_soon_threadsafe(run)
        return done.result(_PATIENCE)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the local Azure has not been started")
        return self._loop

    def _run(self, begun: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._serving = threading.get_ident()
            self._loop.call_soon(begun.set)
            self._loop.run_forever()
