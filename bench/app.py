"""The app in a process of its own: ``python -m bench.app <engine's address> <key>``. Ends with its input.

It serves HTTP as the local host does, without timers, so that only what a benchmark asks for is done. Beside it ticks
a task on the same event loop: how late it comes is how long everybody else has had to wait. Each line of input is
answered by one line of JSON: what was seen since the line before.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from bench.measure import ROOT, mebibytes
from bench.stage import Pair, Stage, end
from orchestrator.local.host import HostOptions, LocalHost
from orchestrator.local.session import function_app

TICK = 0.002
"""Seconds between two ticks. A gap is told without it."""

KEY = "a-key-of-a-benchmark"


class Ticker:
    """The longest time for which the event loop did nothing else.

    ``blocked`` is that time as far as the app itself worked meanwhile: what neighbours took on a full machine is not in
    it, nor in what the app is to blame for.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.blocked = 0.0
        self.ticks = 0

    async def tick(self) -> None:
        last, worked = time.perf_counter(), time.process_time()
        while True:
            await asyncio.sleep(TICK)
            now, spent = time.perf_counter(), time.process_time()
            self.longest = max(self.longest, now - last - TICK)
            self.blocked = max(self.blocked, min(now - last - TICK, spent - worked))
            self.ticks += 1
            last, worked = now, spent

    def forget(self) -> None:
        self.longest, self.blocked, self.ticks = 0.0, 0.0, 0

    def take(self) -> dict[str, float]:
        """What was seen since the last time."""
        gc.collect()
        seen = {
            "longest_gap_ms": round(self.longest * 1000, 2),
            "blocked_ms": round(self.blocked * 1000, 2),
            "ticks": self.ticks,
            "memory_mib": mebibytes(psutil.Process().memory_info().rss),
        }
        self.forget()
        return seen


async def _serve(engine: str, key: str) -> None:
    module, ticker = function_app(), Ticker()
    host = LocalHost(module.app, HostOptions(engine=engine, port=0, keys=[key], timers=False, route_prefix=""))
    loop = asyncio.get_running_loop()
    try:
        async with host.serve():
            ticking = asyncio.create_task(ticker.tick())
            print(host.url, flush=True)
            while await loop.run_in_executor(None, sys.stdin.readline):
                print(json.dumps(ticker.take()), flush=True)
                await asyncio.sleep(TICK)
                ticker.forget()  # the collection of garbage was ours
            ticking.cancel()
    finally:
        await module.deployment.aclose()


@dataclass(frozen=True)
class App:
    """A process that serves the app."""

    url: str
    process: subprocess.Popen[str]

    def seen(self) -> dict[str, Any]:
        """Longest gap between two ticks, and memory, since this was asked the last time."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the app has no pipes")
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))


@contextlib.contextmanager
def serving(at: Stage, pair: Pair) -> Iterator[App]:
    """The app for one pair, until the end of the block."""
    command = [sys.executable, "-m", "bench.app", at.engine.address, KEY]
    environment = {**os.environ, "HUBSWITCH_PLANS": str(pair.file)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=pipe, stdout=pipe) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise RuntimeError("the app did not start; what it says is above")
            yield App(url, process)
        finally:
            end(process)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2]))
