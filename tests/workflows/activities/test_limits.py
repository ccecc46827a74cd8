"""Places for long work: who finds none is turned away, comes again, and loses nothing by it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from durabletask.task import ActivityContext
from orchestrations import SHORT, played, run_order

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import TurnedAway
from orchestrator.core.base.vocabulary import Role
from orchestrator.workflows import names
from orchestrator.workflows.activities.limits import ConcurrencyLimits
from orchestrator.workflows.messages import (
    BUSY,
    AfterOrder,
    AfterReport,
    BatchOrder,
    BatchReport,
    CaptureOrder,
    CaptureReport,
    CaptureRun,
)
from orchestrator.workflows.names import CONCURRENCY_LIMITS
from orchestrator.workflows.orchestrators import capture, resubmit, settle

CAPTURE = CaptureOrder(pair="p", side=Role.PRIMARY, jobs=("a", "b"))
RUN = run_order(patience=timedelta(milliseconds=200))


class Activity:
    """One activity that gives these answers in turn, the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.orders: list[Any] = []

    def __call__(self, _: ActivityContext, order: Any) -> Any:
        self.orders.append(order)
        return to_builtins(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


def test_who_finds_no_place_is_turned_away_at_once_and_a_place_is_given_back() -> None:
    """Also by work that fails; what has no lane passes."""
    limits = ConcurrencyLimits({names.CAPTURE_JOBS: 1})
    inside, leave = threading.Event(), threading.Event()

    def long() -> CaptureReport:
        inside.set()
        leave.wait(300)
        return CaptureReport(captured=2)

    def broken() -> Any:
        raise ZeroDivisionError

    first = threading.Thread(target=limits.run, args=(names.CAPTURE_JOBS, CAPTURE, long))
    first.start()
    inside.wait(300)
    away = limits.run(names.CAPTURE_JOBS, CAPTURE, long)
    assert (away.busy, away.left) == (True, ("a", "b"))
    assert limits.run(names.CLAIM_EPOCH, CAPTURE, lambda: "passes") == "passes"
    leave.set()
    first.join(300)
    with pytest.raises(ZeroDivisionError):
        limits.run(names.CAPTURE_JOBS, CAPTURE, broken)
    assert limits.run(names.CAPTURE_JOBS, CAPTURE, long).captured == 2


def turned_away(kind: str, order: Any) -> Any:
    """What an activity answers while the one place of its kind is taken."""
    limits = ConcurrencyLimits({kind: 1})
    return limits.run(kind, order, lambda: limits.run(kind, order, lambda: "never"))


ORDERS = {names.CAPTURE_JOBS: CAPTURE, names.RESUBMIT_JOBS: BatchOrder(run=RUN, round=0, batch=0, size=50)}


@pytest.mark.parametrize("kind", sorted(set(CONCURRENCY_LIMITS) - {names.AWAIT_STANDBY}))
def test_a_report_says_that_nothing_was_tried(kind: str) -> None:
    """In the shape that the orchestrator expects."""
    assert turned_away(kind, ORDERS.get(kind, RUN)).busy


def test_a_step_without_a_report_fails_for_now() -> None:
    """With an error of its own, so that its try does not count."""
    with pytest.raises(TurnedAway, match="turn comes"):
        turned_away(names.AWAIT_STANDBY, RUN)


def test_an_order_that_is_turned_away_is_carried_out_later() -> None:
    """With the same jobs."""
    busy = CaptureReport(left=CAPTURE.jobs, busy=True)
    activity = Activity(busy, busy, CaptureReport(captured=2))
    with played(capture.capture_run, names.CAPTURE_JOBS, activity) as run:
        output = run(CaptureRun(order=CAPTURE, beat=SHORT))
    assert (output["captured"], output["left"]) == (2, [])
    assert [order["jobs"] for order in activity.orders] == [["a", "b"]] * 3


def test_an_order_that_is_always_turned_away_is_left_to_the_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, and says what it leaves."""
    monkeypatch.setattr(capture, "TURNS", 3)
    with played(capture.capture_run, names.CAPTURE_JOBS, Activity(CaptureReport(left=CAPTURE.jobs, busy=True))) as run:
        output = run(CaptureRun(order=CAPTURE, beat=SHORT))
    assert (output["captured"], output["left"], output["why"]) == (0, ["a", "b"], BUSY)


def test_patience_with_a_batch_counts_from_when_it_had_a_place() -> None:
    """Otherwise a batch that waited for its turn would be given up at its first try."""
    away = BatchReport(pending=50, busy=True, why=BUSY)
    activity = Activity(*[away] * 30, BatchReport(resubmitted=50))
    with played(resubmit.resubmit_run, names.RESUBMIT_JOBS, activity) as run:
        output = run(BatchOrder(run=RUN, round=0, batch=0, size=50))
    assert output["resubmitted"] == 50
    assert len(activity.orders) == 31
    assert "last" not in activity.orders[-1]


def test_what_is_done_after_a_switch_takes_its_turn() -> None:
    """Pairs whose old runs are settled in the same minute do not lose it to each other."""
    activity = Activity(AfterReport(busy=True), AfterReport(busy=True), AfterReport(settled=3))
    with played(settle.after_run, names.SETTLE_JOBS, activity) as run:
        output = run(AfterOrder(run=RUN))
    assert output["settled"] == 3
    assert len(activity.orders) == 3
