"""The stage itself: a worker that dies is seen at once and told of, and slow is not taken for stuck."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from crash_harness import Bench, Worker, WorkerDied, order_of, running, start, until_seen, wait_until_idle
from outage import RefusalClock
from waiting import until

from orchestrator.simulator.arm.throttle import Throttle
from orchestrator.simulator.services import AzureError


def test_a_dead_worker_is_told_of_at_once_with_how_it_ended(both_well: Bench) -> None:
    """And not when the longest wait is over."""
    visit = both_well.visit()
    with running() as (engine, client):
        worker = visit.worker(engine, act_at="before epochs.read#1")
        start(client, order_of(visit, 1))
        with pytest.raises(WorkerDied, match=rf"the end.*process {worker.pid} was ended by SIGKILL.*failover-p"):
            wait_until_idle(engine, "the end", worker)
        worker.end()


def test_what_a_worker_wrote_before_it_died_is_told(both_well: Bench) -> None:
    """A fault of the interpreter itself leaves its stacks."""
    visit = both_well.visit()
    with running() as (engine, _):
        worker = visit.worker(engine)
        until(lambda: len(worker._process.threads()) > 1, "its threads")
        os.kill(worker.pid, signal.SIGSEGV)
        with pytest.raises(WorkerDied, match=r"(?s)SIGSEGV; it wrote:.*Segmentation fault.*nursery.py"):
            until_seen(lambda: None, "what never comes", engine, worker)


def test_a_worker_that_cannot_begin_says_why(both_well: Bench) -> None:
    """With its traceback."""
    visit = both_well.visit()
    visit._place.write_text("schema: none\n", encoding="utf-8")
    with running() as (engine, _):
        worker = visit.worker(engine)
        with pytest.raises(WorkerDied, match=r"(?s)ended with status 70; it wrote:.*Traceback.*InvalidInput"):
            until_seen(lambda: None, "what never comes", engine, worker)


def test_the_last_thing_that_a_worker_did_counts(both_well: Bench) -> None:
    """A wait for a worker's end, or for what it had done before, is over and not failed."""
    visit = both_well.visit()
    with running() as (engine, _):
        worker = visit.worker(engine)
        worker.end()
        assert until_seen(worker.is_gone, "its end", engine, worker)


def test_slow_is_not_stuck() -> None:
    """As long as something moves there is no end to the patience; when nothing does, it has one."""
    left = iter(range(400))
    seen: list[int] = []

    def moved() -> int:
        return len(seen)

    def holds() -> bool:
        seen.append(next(left))
        return seen[-1] == 399

    assert until(holds, "the end", longest=0.06, pause=0.001, moved=moved)
    with pytest.raises(AssertionError, match="did not come: the end"):
        until(lambda: False, "the end", longest=0.06, pause=0.001, moved=lambda: 1)


def waits(throttle: Throttle, writes: int) -> Iterator[str]:
    for _ in range(writes):
        try:
            throttle.admit("s", "p", "PUT")
            yield "0"
        except AzureError as refusal:
            yield refusal.headers["Retry-After"]


def test_the_clock_of_refusals_depends_on_no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the writes take: the burst passes, the next is refused, and after the announced wait it goes on."""
    now: list[float] = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    throttle: Any = Throttle(write_burst=3, write_rate=15)
    throttle.clock = RefusalClock(throttle)
    found = []
    for wait in waits(throttle, 9):
        found.append(wait)
        now[0] += 10.0 if wait == "0" else 1.0
    assert found == ["0", "0", "0", "1", "0", "0", "0", "1", "0"]


def test_a_worker_is_asked_for_its_end_only_once(both_well: Bench) -> None:
    """Telling of it and ending it are both allowed, in any order."""
    visit = both_well.visit()
    with running() as (engine, _):
        worker: Worker = visit.worker(engine)
        worker.end()
        assert "SIGKILL" in worker.why_gone()
        assert worker.told() == worker.why_gone()
        worker.end()
