"""S7, S8: a worker that wakes up after others have gone on does nothing; two at once cannot conflict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from crash_harness import (
    Bench,
    Outcome,
    Visit,
    Worker,
    is_certain,
    is_over,
    met,
    order_of,
    running,
    start,
    until_seen,
    wait_until_idle,
)
from durabletask.client import TaskHubGrpcClient
from places import compare, each

from orchestrator.core.base.vocabulary import Role
from orchestrator.local.engine import LocalEngine

PLACES = "frozen"


def _switch(visit: Visit, epoch: int) -> None:
    """Switch with another engine and another worker, as a second stamp would, to the end."""
    with _stamp(visit) as (engine, client, worker):
        start(client, order_of(visit, epoch))
        wait_until_idle(engine, f"the end of switch {epoch}", worker)


@contextmanager
def _stamp(visit: Visit, **options: object) -> Iterator[tuple[LocalEngine, TaskHubGrpcClient, Worker]]:
    with running() as (engine, client):
        worker = visit.worker(engine, **options)  # type: ignore[arg-type]
        try:
            yield engine, client, worker
        finally:
            worker.end()


def _frozen_and_overtaken(bench: Bench, freeze_at: str | None, log: str = "") -> tuple[Outcome, bool]:
    """The outcome when the first stamp freezes in epoch 1, and the second goes there and back; whether it froze.

    Before the first one wakes, a new job is running where the second one has led: it must be left alone.
    """
    visit = bench.visit()
    with _stamp(visit, act_at=freeze_at, act="stop", log=log) as (engine, client, worker):
        start(client, order_of(visit, 1))
        until_seen(lambda: worker.is_frozen() or engine.idle(), "an end, or the frost", engine, worker)
        frozen = worker.is_frozen()
        _switch(visit, 1)
        _switch(visit, 2)
        visit.record("plain", Role.PRIMARY, mark="late")
        worker.thaw()
        wait_until_idle(engine, "the end of the stale run", worker)
        return visit.outcome(client), frozen


@pytest.fixture(scope="module")
def undisturbed(both_well: Bench) -> Outcome:
    """What comes of two stamps of which none freezes."""
    outcome, frozen = _frozen_and_overtaken(both_well, None)
    assert not frozen
    return outcome


def test_an_undisturbed_run_is_overtaken_and_crosses_what_is_listed(
    both_well: Bench, undisturbed: Outcome, tmp_path: Path
) -> None:
    """Every place is visited by a test of its own, and every such test compares with two switches that went well."""
    assert undisturbed.epoch == (2, "primary", "failback-pair-e2")
    assert {pointer[:2] for pointer in undisturbed.pointers} == {(2, "primary")}
    log = tmp_path / "crossings"

    def record() -> list[str]:
        log.write_text("")
        assert _frozen_and_overtaken(both_well, None, str(log)) == (undisturbed, False)
        return log.read_text().splitlines()

    assert compare(PLACES, record, is_certain) > 0


@each(PLACES)
def test_a_stale_epoch_does_nothing_wherever_it_wakes_up(
    both_well: Bench, undisturbed: Outcome, place: str, record_property: Callable[[str, object], None]
) -> None:
    """S1, S2, S5, S8: a run of epoch 1 that wakes in epoch 2 leaves pointer, record, ledger and jobs as they are."""
    outcome, frozen = met(lambda at: _frozen_and_overtaken(both_well, at), place)
    record_property("visited" if frozen else "missed", "calls at which a run froze and was overtaken by two switches")
    assert outcome == undisturbed
    assert frozen or not is_certain(place)


def test_two_orchestrators_that_decide_alike_move_every_job_once(both_well: Bench) -> None:
    """S7: both stamps see the outage at the same time; there is one switch, and one successor per job."""
    visit = both_well.visit()
    with _stamp(visit) as first, _stamp(visit) as second:
        (_, here, _), (_, there, _) = first, second
        for client in (here, there):
            visit.outage(client)
        for engine, client, worker in (first, second):
            over: Callable[[], bool] = lambda e=engine, c=client: is_over(visit, c) and e.idle()  # type: ignore[misc] # noqa: E731
            until_seen(over, "the end of both runs", engine, worker)
        outcome = visit.outcome(here)
        assert outcome == visit.outcome(there)
    assert outcome.epoch == (1, "secondary", "failover-pair-e1")
    assert outcome.submitted == ("pair-coded-primary-e1", "pair-plain-primary-e1"), outcome


def test_an_order_that_skips_an_epoch_claims_nothing(both_well: Bench) -> None:
    """S1: epoch 3 cannot follow epoch 0; the run ends without having written anything."""
    visit = both_well.visit()
    before = visit.world.epochs[visit.pair].read(visit.pair)
    _switch(visit, 3)
    assert visit.world.epochs[visit.pair].read(visit.pair) == before


def test_an_order_whose_evidence_has_died_claims_nothing(both_well: Bench) -> None:
    """L2: a run that could not claim in time gives up, and says so."""
    visit = both_well.visit()
    order = order_of(visit, 1)
    late = type(order)(**{**{f: getattr(order, f) for f in order.__struct_fields__}, "claim_by": order.decided_at})
    with _stamp(visit) as (engine, client, worker):
        start(client, late)
        wait_until_idle(engine, "the end of the late run", worker)
        found = client.get_orchestration_state(late.run)
    assert found is not None
    assert '"outcome":"failed"' in (found.serialized_output or "").replace(" ", "")
    record = visit.world.epochs[visit.pair].read(visit.pair)
    assert record is not None
    assert record.value.epoch == 0
