"""``ActiveHub`` for programs with threads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hubswitch_client.follower import Change, Follower, due_after
from hubswitch_client.ml import make_ml_client
from hubswitch_client.pointer import Pointer

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

LOGGER = logging.getLogger("hubswitch_client")


class ActiveHub:
    """Which hub of a pair is active. For any number of threads.

    Args:
        pair: the pair's name, as in its plan.
        endpoints: the store's endpoints, ``https://….azconfig.io``, in the order in which they are asked.
        credential: azure-identity's, with the role App Configuration Data Reader; None: ``DefaultAzureCredential()``.
        cache: a file for the last good value. Its folder must exist.
        refresh: seconds between two reads of a daemon thread; None: no thread.
        max_age: without that thread, seconds after which ``current`` asks the store again.
        options: for ``AzureAppConfigurationClient``: timeouts, proxies, ``audience``.

    Raises:
        TypeError, ValueError: an argument is not what it must be.
    """

    def __init__(
        self,
        pair: str,
        endpoints: Sequence[str],
        credential: TokenCredential | None = None,
        cache: str | Path | None = None,
        *,
        refresh: float | None = None,
        max_age: float = 30.0,
        **options: Any,
    ) -> None:
        self._due_after = due_after(refresh, max_age)
        self._follower = Follower(pair, endpoints, credential, cache, options)
        self._callbacks: list[Callable[[Pointer, Pointer], object]] = []
        self._asking = threading.Lock()
        self._asker: int | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        if refresh is not None:
            self._thread = threading.Thread(
                target=self._refresh_every, args=(refresh,), name=f"hubswitch-{pair}", daemon=True
            )
            self._thread.start()

    def current(self) -> Pointer:
        """The active hub: the last good value, read again if it is due.

        Of several threads one reads; the others get what is known. Never a lower epoch than before.

        Raises:
            NothingKnown: the store gave nothing, now or ever.
        """
        if self._follower.value is None:
            return self.refresh()
        if self._is_due() and self._asking.acquire(blocking=False):
            try:
                if self._is_due():
                    self._ask()
            finally:
                self._asking.release()
        return self._follower.require()

    def refresh(self) -> Pointer:
        """Ask the store now; for example after an error of the hub. A round that ends while this waits counts.

        Raises:
            NothingKnown: the store gave nothing, now or ever.
        """
        began = time.monotonic()
        # A callback that asks while it is told would wait for itself.
        if not self._closed.is_set() and self._asker != threading.get_ident():
            with self._asking:
                if self._follower.asked < began:
                    self._ask()
        return self._follower.require()

    def on_switch(self, callback: Callable[[Pointer, Pointer], object]) -> None:
        """Call ``callback(now, before)`` whenever the value changes, in the thread that has read it.

        In order and one at a time, so keep it short. What it raises is logged. The first value ever known is no change.
        """
        self._callbacks.append(callback)

    def ml_client(self, **options: Any) -> Any:
        """A new ``azure.ai.ml.MLClient`` for the active project; it does not follow a later switch.

        Args:
            options: for ``MLClient``; ``credential`` among them replaces this object's own.

        Raises:
            MissingPackage: azure-ai-ml is not installed.
            NothingKnown: the store gave nothing, now or ever.
        """
        value = self.current()
        return make_ml_client(value, options.get("credential") or self._follower.credential, options)

    def close(self) -> None:
        """End the thread and close connections, after a read that is under way. The last value stays."""
        self._closed.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._follower.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_due(self) -> bool:
        return not self._closed.is_set() and self._follower.age > self._due_after

    def _ask(self) -> None:
        """One round, and tell of it. The caller holds ``_asking``."""
        self._asker = threading.get_ident()
        try:
            change = self._follower.ask()
            if change:
                self._tell(change)
        finally:
            self._asker = None

    def _tell(self, change: Change) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback(change.now, change.before)
            except Exception:
                LOGGER.exception("a callback of on_switch failed")

    def _refresh_every(self, seconds: float) -> None:
        while not self._closed.is_set():
            # Not waited for: whoever asks now may close from a callback, and then waits for this thread.
            if self._asking.acquire(blocking=False):
                try:
                    self._ask()
                except Exception:  # a thread that ends would leave its readers with an old value
                    LOGGER.exception("reading the pointer failed")
                finally:
                    self._asking.release()
            self._closed.wait(seconds)
