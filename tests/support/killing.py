"""Killing a worker at a durable checkpoint of a run, and starting another."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

from crash_harness import Bench, Outcome, Visit, Worker, is_over, running, until_seen, wait_until_idle
from durabletask.client import TaskHubGrpcClient

from orchestrator.local.engine import LocalEngine

DETAILS = re.compile(r"[-@]?p\d{4}|-\d{8}T\d+|-[0-9a-f]{8}(?=-|$)|-e\d+(?=-|$)")
"""What differs between visits in the ids of entities and runs."""


class Killer:
    """Counts what workers complete; at a chosen completion the worker dies, and the completion counts or is lost.

    A checkpoint is named ``<kind> of <whose>#<n>``, counted for each by itself: which of the instances that run side
    by side comes first differs from run to run.
    """

    def __init__(self, at: str | None, *, stored: bool) -> None:
        self.seen: list[str] = []
        self.worker: Worker | None = None
        self.at = at
        self._stored = stored
        self._count: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, kind: str, instance: str) -> bool:
        with self._lock:
            where = f"{kind} of {DETAILS.sub('', instance)}"
            self._count[where] += 1
            self.seen.append(f"{where}#{self._count[where]}")
            if self.seen[-1] != self.at or self.worker is None:
                return True
            os.kill(self.worker.pid, signal.SIGKILL)
            return self._stored


class ReplacedWorker:
    """A worker that a killer may kill, and the one that follows it then. Whichever is there ends with the block."""

    def __init__(self, visit: Visit, engine: LocalEngine, killer: Killer) -> None:
        self._visit, self._engine, self._killer = visit, engine, killer

    def __enter__(self) -> Self:
        self.worker = self._killer.worker = self._visit.worker(self._engine)
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.end()

    def wait_until_idle(self, what: str) -> bool:
        """Wait until the engine has nothing left to do; whether the first worker was killed."""
        first, engine = self.worker, self._engine
        until_seen(lambda: first.is_gone() or engine.idle(), f"{what}, or the kill", engine, first)
        killed = first.is_gone()
        if killed:
            first.end()
            self.worker = self._visit.worker(engine)
            wait_until_idle(engine, f"{what} after the kill at {self._killer.at}", self.worker)
        return killed


def run(bench: Bench, killer: Killer, **fields: Any) -> tuple[Outcome, bool]:
    """The outcome of one run, and whether its first worker was killed. ``fields`` are the plan's."""
    return run_visit(bench.visit(**fields), killer)


def run_visit(visit: Visit, killer: Killer) -> tuple[Outcome, bool]:
    """The same of a pair that is there already."""
    with running(killer) as (engine, client):

        def begin() -> Worker:
            killer.worker = visit.worker(engine)
            return killer.worker

        return run_to_the_end(visit, engine, client, killer.at, begin=begin, replace=begin)


def run_to_the_end(
    visit: Visit,
    engine: LocalEngine,
    client: TaskHubGrpcClient,
    kill_at: str | None,
    *,
    begin: Callable[[], Worker],
    replace: Callable[[], Worker],
) -> tuple[Outcome, bool]:
    """An outage until its run is over, with a second worker if the first is killed; and whether it was.

    Args:
        visit: the pair.
        engine: which the workers serve.
        client: of that engine.
        kill_at: where the first worker is to be killed; None: it is to live.
        begin: starts the first worker.
        replace: starts the one that follows it.
    """
    worker = begin()
    try:
        visit.outage(client)
        over: Callable[[], bool] = lambda: is_over(visit, client) and engine.idle()  # noqa: E731
        if kill_at is None:
            until_seen(over, "an end", engine, worker)
        else:
            until_seen(lambda: worker.is_gone() or over(), "an end, or the kill", engine, worker)
        killed = worker.is_gone()
        if killed:
            worker.end()
            worker = replace()
            until_seen(over, f"an end after the kill at {kill_at}", engine, worker)
        return visit.outcome(client), killed
    finally:
        worker.end()


def is_certain(place: str) -> bool:
    """Whether every run comes by this checkpoint.

    How many messages an entity or an orchestration takes at once is chance, and so is the number of its checkpoints.
    """
    return place.endswith("#1") or place.startswith("activity")
