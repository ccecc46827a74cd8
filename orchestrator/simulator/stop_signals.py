"""Signals that end a local program: interrupted, terminated, or its terminal closed. Each ends it cleanly."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_ending(call: Callable[[], object]) -> None:
    """Let the running loop call this when the program is to end."""
    for number in ENDINGS:
        asyncio.get_running_loop().add_signal_handler(number, call)
