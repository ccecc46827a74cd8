"""What is told of a job that was just taken in costs nothing, and never hides an end."""

from __future__ import annotations

import pytest

from orchestrator.core.base.vocabulary import Role
from orchestrator.watch import captured_lately as module
from orchestrator.watch.captured_lately import Recent
from orchestrator.workflows.messages import CaptureOrder, CaptureReport


def order(*jobs: str, told: str = "Running", pair: str = "p") -> CaptureOrder:
    return CaptureOrder(pair=pair, side=Role.PRIMARY, jobs=jobs, told=told)


@pytest.fixture
def recent() -> Recent:
    known = Recent()
    known.note(order("a", "b"), CaptureReport(captured=2))
    return known


def test_a_job_that_was_taken_in_is_no_news_while_it_runs(recent: Recent) -> None:
    """The others of the same delivery are."""
    assert recent.news(order("a", told="Starting")) is None
    assert recent.news(order("a", "c")) == order("c")


@pytest.mark.parametrize("told", ["Completed", "Failed", "Canceled", ""])
def test_an_end_and_what_the_timer_asks_for_are_always_news(recent: Recent, told: str) -> None:
    """Whatever is remembered."""
    assert recent.news(order("a", told=told)) == order("a", told=told)


def test_a_job_of_the_same_name_in_another_pair_is_another_job(recent: Recent) -> None:
    """Names are a hub's own."""
    assert recent.news(order("a", pair="q")) == order("a", pair="q")


@pytest.mark.parametrize("report", [CaptureReport(known=1), CaptureReport(failed=1), CaptureReport(finished=1)])
def test_what_was_not_taken_in_is_not_remembered(report: CaptureReport) -> None:
    """An event may come before the hub shows the job: the next one must be looked into."""
    known = Recent()
    known.note(order("a"), report)
    assert known.news(order("a")) == order("a")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten first, and cost a look as before."""
    monkeypatch.setattr(module, "LIMIT", 2)
    known = Recent()
    for job in "abc":
        known.note(order(job), CaptureReport(captured=1))
    assert [known.news(order(job)) is None for job in "abc"] == [False, True, True]
