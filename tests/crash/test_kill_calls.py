"""S6: killing the worker around any call of a run, and starting another, ends as not killing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from crash_harness import Bench, Outcome, is_certain, met, running
from killing import run_to_the_end
from places import compare, each

PLACES = "calls"


def _run(bench: Bench, *, kill_at: str | None = None, log: str = "") -> tuple[Outcome, bool]:
    """The outcome of one run, and whether its first worker was killed."""
    visit = bench.visit()
    with running() as (engine, client):
        return run_to_the_end(
            visit,
            engine,
            client,
            kill_at,
            begin=lambda: visit.worker(engine, act_at=kill_at, log=log),
            replace=lambda: visit.worker(engine),
        )


@pytest.fixture(scope="module")
def undisturbed(dead_primary: Bench) -> Outcome:
    """What comes of a run whose worker lives."""
    outcome, killed = _run(dead_primary)
    assert not killed
    return outcome


def test_an_undisturbed_run_switches_and_crosses_what_is_listed(
    dead_primary: Bench, undisturbed: Outcome, tmp_path: Path
) -> None:
    """Every place is visited by a test of its own, and every such test compares with a switch that went well."""
    assert undisturbed.epoch == (1, "secondary", "failover-pair-e1")
    assert undisturbed.submitted == ("pair-coded-primary-e1", "pair-plain-primary-e1")
    assert len(undisturbed.made) == len(dead_primary.needed_there()) > 0
    log = tmp_path / "crossings"

    def record() -> list[str]:
        log.write_text("")
        assert _run(dead_primary, log=str(log)) == (undisturbed, False)
        return log.read_text().splitlines()

    assert compare(PLACES, record, is_certain) > 0


@each(PLACES)
def test_a_worker_killed_around_any_call_changes_nothing_in_the_end(
    dead_primary: Bench, undisturbed: Outcome, place: str, record_property: Callable[[str, object], None]
) -> None:
    """S1, S2, S5, S6: pointer, epoch, ledger and jobs are the same wherever the worker died."""
    outcome, killed = met(lambda at: _run(dead_primary, kill_at=at), place)
    record_property("visited" if killed else "missed", "calls of a port around which the worker was killed")
    assert outcome == undisturbed
    assert killed or not is_certain(place)
