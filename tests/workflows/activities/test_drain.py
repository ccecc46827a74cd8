"""Which jobs a planned failover waits for before its claim, on the simulated Azure; and the wish that ends the wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit, order_of
from job_stories import changed, claimed, records, submitted, until_status
from waiting import until

from orchestrator.core.base.errors import EpochFenced, NotNow, RunAborted
from orchestrator.core.base.vocabulary import LeftJob, Role
from orchestrator.core.jobs.record import JobStatus
from orchestrator.workflows.activities.drain import look_at_drain
from orchestrator.workflows.activities.epoch import claim_epoch
from orchestrator.workflows.activities.wishes import abort_run, press_run, turn_ungraceful
from orchestrator.workflows.messages import DrainOrder, DrainReport, RunOrder, StopOrder, Wish

WISH = Wish(by="ana", reason="they come early", at=datetime(2026, 3, 1, 12, tzinfo=UTC))


def _visit(bench: Bench, **jobs: Any) -> Visit:
    """A pair without jobs of its own, whose plan says what becomes of those that run."""
    visit = bench.visit()
    for name in records(visit):
        changed(visit, name, status=JobStatus.FINISHED, azure_status="Completed")
    plan = msgspec.structs.replace(visit.plan, jobs=msgspec.structs.replace(visit.plan.jobs, **jobs))
    visit.plan = plan
    visit.world = visit.world._replace(plans={plan.pair: plan})
    return visit


def _running(visit: Visit, side: Role = Role.PRIMARY, **properties: Any) -> str:
    name = submitted(visit, "train", side, **properties)
    until_status(visit, name, "Running")
    return name


def _order(visit: Visit) -> RunOrder:
    return msgspec.structs.replace(order_of(visit, 1), graceful=True)


def _look(visit: Visit, order: RunOrder | None = None) -> DrainReport:
    return look_at_drain(visit.world, DrainOrder(run=order or _order(visit)))


def test_a_job_that_runs_is_waited_for_until_it_has_ended(bench: Bench) -> None:
    """By its hub's word: the ledger may learn of its end later."""
    visit = _visit(bench)
    job = _running(visit)
    assert _look(visit) == DrainReport(running=1)
    visit.world.jobs.cancel(visit.plan.primary, job)
    until(lambda: _look(visit) == DrainReport(), "the end of the job")


def test_a_job_that_stands_in_a_queue_is_not_waited_for(bench: Bench) -> None:
    """It is moved at once after the claim and loses nothing."""
    visit = _visit(bench)
    speed, bench.azure.kernel.speed = bench.azure.kernel.speed, 0.0001
    try:
        submitted(visit, "train")
        assert _look(visit) == DrainReport()
    finally:
        bench.azure.kernel.speed = speed


@pytest.mark.parametrize(
    ("plan", "tag", "waited"),
    [
        (LeftJob.FINISH, "move", 0),
        (LeftJob.MOVE, "finish", 1),
        (LeftJob.MOVE, "", 0),
        (LeftJob.MOVE, "soon", 1),
        (LeftJob.DEADLINE, "", 1),
    ],
)
def test_what_is_moved_while_it_runs_is_not_waited_for(bench: Bench, plan: LeftJob, tag: str, waited: int) -> None:
    """Its tag says so, or the plan. A tag that is not understood throws no work away."""
    visit = _visit(bench, failback=plan)
    _running(visit, tags={"hubswitch.failback": tag} if tag else {})
    assert _look(visit).running == waited


def test_a_job_whose_time_there_is_over_is_not_waited_for(bench: Bench) -> None:
    """It is moved as soon as the run has switched."""
    visit = _visit(bench, failback=LeftJob.DEADLINE, failback_deadline=timedelta(hours=1))
    _running(visit)
    order = _order(visit)
    assert _look(visit, order).running == 1
    visit.plan = msgspec.structs.replace(
        visit.plan, jobs=msgspec.structs.replace(visit.plan.jobs, failback_deadline=timedelta())
    )
    visit.world = visit.world._replace(plans={visit.plan.pair: visit.plan})
    assert _look(visit, order).running == 0


def test_work_that_came_after_the_order_is_not_waited_for(bench: Bench) -> None:
    """New submissions go to the source until the claim, and would keep the drain from ending."""
    visit = _visit(bench)
    order = _order(visit)
    _running(visit)
    assert _look(visit, order) == DrainReport()


def test_jobs_of_the_other_side_are_not_waited_for(bench: Bench) -> None:
    """They are on the side that becomes active."""
    visit = _visit(bench)
    _running(visit, Role.SECONDARY)
    assert _look(visit) == DrainReport()


def test_a_source_that_does_not_answer_may_still_run_them(bench: Bench) -> None:
    """They count, with the reason."""
    visit = _visit(bench)
    _running(visit)
    region = visit.plan.primary.region
    bench.azure.faults.set(region, "control", "5xx", status=503)
    try:
        report = _look(visit)
    finally:
        bench.azure.faults.clear(region, "control")
    assert (report.running, "503" in report.why) == (1, True)


def test_only_so_many_jobs_are_asked_about_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that come first are asked first; the others if none of them runs."""
    monkeypatch.setattr("orchestrator.workflows.activities.drain.ASKED", 1)
    visit = _visit(bench)
    first, second = submitted(visit, "first"), submitted(visit, "second")
    until_status(visit, first, "Running")
    until_status(visit, second, "Running")
    assert _look(visit) == DrainReport(running=1, is_least=True)
    visit.world.jobs.cancel(visit.plan.primary, first)
    until_status(visit, first, "Canceled")
    assert _look(visit) == DrainReport(running=1)


# --- wishes ---------------------------------------------------------------------------------------------------------


def test_a_look_finds_an_abort(bench: Bench) -> None:
    """The run ends by it, before it has claimed anything."""
    visit = _visit(bench)
    order = _order(visit)
    abort_run(visit.world, visit.pair, order.run, WISH)
    with pytest.raises(RunAborted, match="ana"):
        _look(visit, order)


def test_a_look_finds_that_nobody_waits_any_longer(bench: Bench) -> None:
    """Whatever runs; a second wish changes nothing, and the claim takes the first one over."""
    visit = _visit(bench)
    _running(visit)
    order = _order(visit)
    record = turn_ungraceful(visit.world, visit.pair, order.run, WISH, drains=True)
    later = Wish(by="ben", reason="indeed", at=datetime.now(UTC))
    assert turn_ungraceful(visit.world, visit.pair, order.run, later, drains=True) == record
    assert _look(visit, order).ended == "ana ended the drain: they come early"
    claimed_record = claim_epoch(visit.world, order)
    assert claimed_record.ungraceful is not None
    assert (claimed_record.ungraceful.by, claimed_record.ungraceful.at) == ("ana", WISH.at)
    assert claimed_record.pressed == ()
    assert turn_ungraceful(visit.world, visit.pair, order.run, later, drains=True) == claimed_record


@pytest.mark.parametrize("end", ["", "-by-hand"])
def test_a_look_finds_that_somebody_else_has_switched(bench: Bench, end: str) -> None:
    """Another stamp's failover of the epoch has the id of this run: its claim does not pass for this run's."""
    visit = _visit(bench)
    _running(visit)
    order = _order(visit)
    claimed(visit, 1, run=f"{order.run}{end}")
    with pytest.raises(EpochFenced, match="is at epoch 1"):
        _look(visit, order)


def test_a_wish_is_of_one_run_and_of_planned_switches_only(bench: Bench) -> None:
    """The next run of the epoch waits as it was ordered; one that was not planned has nothing to wait for."""
    visit = _visit(bench)
    order = _order(visit)
    turn_ungraceful(visit.world, visit.pair, order.run, WISH, drains=True)
    again = msgspec.structs.replace(order, run=f"{order.run}-again1", graceful=False)
    turn_ungraceful(visit.world, visit.pair, again.run, WISH, drains=True)
    assert claim_epoch(visit.world, again).ungraceful is None


def test_a_run_that_does_not_drain_is_asked_again_after_its_claim(bench: Bench) -> None:
    """Its claim is a matter of seconds."""
    visit = _visit(bench)
    order = _order(visit)
    with pytest.raises(NotNow, match="has not claimed its epoch yet"):
        turn_ungraceful(visit.world, visit.pair, order.run, WISH)


@pytest.mark.parametrize("aborted", [False, True])
def test_a_pair_ends_the_drain_of_a_run_unless_that_was_aborted(bench: Bench, aborted: bool) -> None:
    """An abort is the last word."""
    visit = _visit(bench)
    order = _order(visit)
    if aborted:
        abort_run(visit.world, visit.pair, order.run, WISH)
    stop = StopOrder(pair=visit.pair, run=order.run, wish=WISH, beat=order.beat, longest=order.longest)
    assert ("aborted" in press_run(visit.world, stop)) is aborted
    if aborted:
        with pytest.raises(RunAborted):
            claim_epoch(visit.world, order)
    else:
        assert claim_epoch(visit.world, order).ungraceful is not None
