"""S6: killing the worker just before or just after any durable checkpoint ends as not killing it."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from crash_harness import Bench, Outcome, Worker, is_over, met, running
from waiting import until

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
        self._at = at
        self._stored = stored
        self._count: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, kind: str, instance: str) -> bool:
        with self._lock:
            where = f"{kind} of {DETAILS.sub('', instance)}"
            self._count[where] += 1
            self.seen.append(f"{where}#{self._count[where]}")
            if self.seen[-1] != self._at or self.worker is None:
                return True
            os.kill(self.worker.pid, signal.SIGKILL)
            return self._stored


def _run(bench: Bench, killer: Killer) -> tuple[Outcome, bool]:
    """The outcome of one run, and whether its first worker was killed."""
    visit = bench.visit()
    with running(killer) as (engine, client):
        killer.worker = visit.worker(engine)
        try:
            visit.outage(client)
            over: Callable[[], bool] = lambda: is_over(visit, client) and engine.idle()  # noqa: E731
            until(lambda: killer.worker is None or killer.worker.is_gone() or over(), "an end, or the kill")
            killed = killer.worker.is_gone()
            if killed:
                killer.worker.end()
                killer.worker = visit.worker(engine)
                until(over, "an end after the kill")
            return visit.outcome(client), killed
        finally:
            killer.worker.end()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("stored", [False, True], ids=["just before it is stored", "just after it is stored"])
def test_a_worker_killed_at_any_durable_checkpoint_changes_nothing_in_the_end(
    dead_primary: Bench, record_property: Callable[[str, object], None], stored: bool
) -> None:
    """S1, S2, S5, S6: whatever the engine had stored when the worker died, the end is the same."""
    calm = Killer(None, stored=True)
    undisturbed, killed = _run(dead_primary, calm)
    assert not killed
    assert undisturbed.phase == "settled 1 secondary"
    differing = {}
    missed = []
    for checkpoint in calm.seen:
        outcome, killed = met(lambda at: _run(dead_primary, Killer(at, stored=stored)), checkpoint)
        if not killed:
            missed.append(checkpoint)
        if outcome != undisturbed:
            differing[checkpoint] = outcome
    moment = "after" if stored else "before"
    visited = len(calm.seen) - len(missed)
    record_property("said", f"killed just {moment} {visited} of {len(calm.seen)} durable checkpoints of a run")
    assert differing == {}
    # How many messages an entity or an orchestration takes at once is chance, and so is the number of its checkpoints.
    assert [checkpoint for checkpoint in missed if checkpoint.endswith("#1") or checkpoint.startswith("activity")] == []
