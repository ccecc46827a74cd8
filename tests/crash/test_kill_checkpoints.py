"""S6: killing the worker just before or just after any durable checkpoint ends as not killing it."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from crash_harness import Bench, Outcome, Worker, is_over, met, running, until_seen
from places import compare, each

PLACES = "checkpoints"

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


def _run(bench: Bench, killer: Killer) -> tuple[Outcome, bool]:
    """The outcome of one run, and whether its first worker was killed."""
    visit = bench.visit()
    with running(killer) as (engine, client):
        worker = killer.worker = visit.worker(engine)
        try:
            visit.outage(client)
            over: Callable[[], bool] = lambda: is_over(visit, client) and engine.idle()  # noqa: E731
            if killer.at is None:
                until_seen(over, "an end", engine, worker)
            else:
                until_seen(lambda: worker.is_gone() or over(), "an end, or the kill", engine, worker)
            killed = worker.is_gone()
            if killed:
                worker.end()
                worker = killer.worker = visit.worker(engine)
                until_seen(over, f"an end after the kill at {killer.at}", engine, worker)
            return visit.outcome(client), killed
        finally:
            worker.end()


def is_certain(place: str) -> bool:
    """Whether every run comes by this checkpoint.

    How many messages an entity or an orchestration takes at once is chance, and so is the number of its checkpoints.
    """
    return place.endswith("#1") or place.startswith("activity")


@pytest.fixture(scope="module")
def undisturbed(dead_primary: Bench) -> Outcome:
    """What comes of a run whose worker lives."""
    outcome, killed = _run(dead_primary, Killer(None, stored=True))
    assert not killed
    return outcome


def test_an_undisturbed_run_switches_and_completes_what_is_listed(dead_primary: Bench, undisturbed: Outcome) -> None:
    """Every checkpoint is visited by tests of its own, and each of them compares with a switch that went well."""
    assert undisturbed.phase == "settled 1 secondary"

    def record() -> list[str]:
        calm = Killer(None, stored=True)
        assert _run(dead_primary, calm) == (undisturbed, False)
        return calm.seen

    assert compare(PLACES, record, is_certain) > 0


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@each(PLACES)
def test_a_worker_killed_at_any_durable_checkpoint_changes_nothing_in_the_end(
    dead_primary: Bench, undisturbed: Outcome, place: str, record_property: Callable[[str, object], None], stored: bool
) -> None:
    """S1, S2, S5, S6: whatever the engine had stored when the worker died, the end is the same."""
    outcome, killed = met(lambda at: _run(dead_primary, Killer(at, stored=stored)), place)
    moment = "just after" if stored else "just before"
    record_property("visited" if killed else "missed", f"durable checkpoints {moment} which the worker was killed")
    assert outcome == undisturbed
    assert killed or not is_certain(place)
