"""S6: killing the worker just before or just after any durable checkpoint ends as not killing it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest
from crash_harness import Bench, Outcome, Worker, is_over, running
from waiting import until


class Killer:
    """Counts what workers complete; at a chosen completion the worker dies, and the completion counts or is lost."""

    def __init__(self, at: int | None, *, stored: bool) -> None:
        self.count = 0
        self.kinds: list[str] = []
        self.worker: Worker | None = None
        self._at = at
        self._stored = stored
        self._lock = threading.Lock()

    def __call__(self, kind: str, instance: str) -> bool:
        with self._lock:
            self.count += 1
            self.kinds.append(f"{kind} {instance.partition('@')[0]}")
            if self.count != self._at or self.worker is None:
                return True
            os.kill(self.worker.pid, signal.SIGKILL)
            return self._stored


def _run(bench: Bench, killer: Killer) -> Outcome:
    visit = bench.visit()
    with running(killer) as (engine, client):
        killer.worker = visit.worker(engine)
        try:
            visit.outage(client)
            over: Callable[[], bool] = lambda: is_over(visit, client) and engine.idle()  # noqa: E731
            until(lambda: killer.worker is None or killer.worker.is_gone() or over(), "an end, or the kill")
            if killer.worker.is_gone():
                killer.worker.end()
                killer.worker = visit.worker(engine)
                until(over, "an end after the kill")
            return visit.outcome(client)
        finally:
            killer.worker.end()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("stored", [False, True], ids=["just before it is stored", "just after it is stored"])
def test_a_worker_killed_at_any_durable_checkpoint_changes_nothing_in_the_end(
    dead_primary: Bench, record_property: Callable[[str, object], None], stored: bool
) -> None:
    """S1, S2, S5, S6: whatever the engine had stored when the worker died, the end is the same."""
    calm = Killer(None, stored=True)
    undisturbed = _run(dead_primary, calm)
    assert undisturbed.phase == "settled 1 secondary"
    differing = {}
    for number in range(1, calm.count + 1):
        outcome = _run(dead_primary, Killer(number, stored=stored))
        if outcome != undisturbed:
            differing[number] = outcome
    moment = "after" if stored else "before"
    record_property("said", f"killed just {moment} each of {calm.count} durable checkpoints of a run")
    assert differing == {}
