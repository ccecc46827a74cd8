"""S6: killing the worker around any call of a run, and starting another, ends as not killing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from crash_harness import Bench, Outcome, is_over, met, running, unsure
from waiting import until


def _run(bench: Bench, *, kill_at: str | None = None, log: str = "") -> tuple[Outcome, bool]:
    """The outcome of one run, and whether its first worker was killed."""
    visit = bench.visit()
    with running() as (engine, client):
        worker = visit.worker(engine, act_at=kill_at, log=log)
        try:
            visit.outage(client)
            until(lambda: worker.is_gone() or (is_over(visit, client) and engine.idle()), "an end, or the kill")
            killed = worker.is_gone()
            if killed:
                worker.end()
                worker = visit.worker(engine)
                until(lambda: is_over(visit, client) and engine.idle(), f"an end after the kill at {kill_at}")
            return visit.outcome(client), killed
        finally:
            worker.end()


@pytest.mark.timeout(1200)
def test_a_worker_killed_around_any_call_changes_nothing_in_the_end(
    dead_primary: Bench, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """S1, S2, S5, S6: pointer, epoch, ledger and jobs are the same wherever the worker died."""
    log = tmp_path / "crossings"
    undisturbed, killed = _run(dead_primary, log=str(log))
    assert not killed
    assert undisturbed.epoch == (1, "secondary", "failover-pair-e1")
    assert undisturbed.submitted == ("pair-coded-primary-e1", "pair-plain-primary-e1")
    assert len(undisturbed.made) == len(dead_primary.needed_there()) > 0
    crossings = log.read_text().splitlines()
    differing = {}
    missed = []
    for crossing in crossings:
        outcome, killed = met(lambda at: _run(dead_primary, kill_at=at), crossing)
        if not killed:
            missed.append(crossing)
        if outcome != undisturbed:
            differing[crossing] = outcome
    visited = len(crossings) - len(missed)
    record_property("said", f"killed around {visited} of {len(crossings)} crossings of a port in a run")
    assert differing == {}
    assert [crossing for crossing in missed if not unsure(crossing)] == []
