"""A process that has imported everything and forks workers from that: a new one takes milliseconds, not seconds.

Reads one JSON object per line:
``{"do": "start", "environment": {…}, "engine": address, "act_at": "where#n" or n, "act": "kill", "said": path}``
answers ``{"pid": n}``, and that worker's standard error goes to the path; ``{"do": "reap", "pid": n}`` waits for a
worker's end and answers ``{"status": n}``.
Workers die with this process.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

import orchestrator.adapters.assembly
from orchestrator.bootstrap import Deployment
from orchestrator.local.functions import durable_worker, index_app
from orchestrator.ports import World
from orchestrator.triggers.registration import build

PR_SET_PDEATHSIG = 1
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
assert orchestrator.adapters.assembly


class Crossings:
    """Knows every passage into and out of a port, and acts on this process at a chosen one.

    A passage is named ``<before or after> <port>.<method>#<n>``, counted for each place by itself: which of the
    calls that run side by side comes first differs from run to run. A number alone means the n-th passage of all.
    """

    def __init__(self, act_at: str | int | None, act: str, log: str) -> None:
        self._act_at = act_at
        self._signal = SIGNALS[act]
        self._log = log
        self._count: Counter[str] = Counter()
        self._lock = threading.Lock()

    def cross(self, where: str) -> None:
        with self._lock:
            self._count[where] += 1
            crossing = f"{where}#{self._count[where]}"
            if self._log:
                with Path(self._log).open("a", encoding="utf-8") as log:
                    log.write(f"{crossing}\n")
            if self._act_at in {crossing, self._count.total()}:
                os.kill(os.getpid(), self._signal)


class Watched:
    """A port whose calls are counted before and after."""

    def __init__(self, port: Any, name: str, crossings: Crossings) -> None:
        self._port = port
        self._name = name
        self._crossings = crossings

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._port, method)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self._crossings.cross(f"before {self._name}.{method}")
            answer = call(*args, **kwargs)
            self._crossings.cross(f"after {self._name}.{method}")
            return answer

        return counted


def watched(world: World, crossings: Crossings) -> World:
    def each(ports: Mapping[str, Any], name: str) -> dict[str, Any]:
        return {pair: Watched(port, name, crossings) for pair, port in ports.items()}

    return world._replace(
        epochs=each(world.epochs, "epochs"),
        pointers=each(world.pointers, "pointers"),
        ledgers=each(world.ledgers, "ledgers"),
        jobs=Watched(world.jobs, "jobs", crossings),
        assets=Watched(world.assets, "assets", crossings),
        notices=Watched(world.notices, "notices", crossings),
        resources=Watched(world.resources, "resources", crossings),
    )


def work(order: Mapping[str, Any]) -> None:
    """What a forked worker does until it is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with Path(order["said"]).open("wb") as said:
        os.dup2(said.fileno(), sys.stderr.fileno())
    faulthandler.enable()
    os.environ.update(order["environment"])
    logging.disable(logging.CRITICAL)
    deployment = Deployment(os.environ, Path.cwd())
    crossings = Crossings(order.get("act_at"), order.get("act", "kill"), order.get("log", ""))
    deployment.__dict__["_world"] = watched(deployment.world, crossings)
    worker = durable_worker(index_app(build(deployment)), order["engine"])
    worker.start()
    # A process whose worker has ended would look alive and do nothing: it ends as well, and says so.
    worker._runLoop.join()  # type: ignore[union-attr]
    raise RuntimeError("the durable worker has ended")


def main() -> None:
    for line in sys.stdin:
        order = msgspec.json.decode(line)
        if order["do"] == "reap":
            _, status = os.waitpid(order["pid"], 0)
            print(json.dumps({"status": status}), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            try:
                work(order)
            except BaseException:  # noqa: BLE001 - whatever ended it is told before the process goes
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(70)
        print(json.dumps({"pid": pid}), flush=True)


if __name__ == "__main__":
    main()
