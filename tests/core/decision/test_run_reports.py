"""Reports of runs: the run under way is believed, every other changes nothing."""

from __future__ import annotations

import msgspec
import pytest
from stories import AUTO, BAD, PRIMARY, SECONDARY, Story, minutes

from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision import run_reports
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.run_reports import Report, What

DOWN = {"primary.hub": BAD, "primary.jobs": BAD}


def switching() -> Story:
    story = Story(runs=False)
    story.live(minutes(3))
    story.live(minutes(6), DOWN)
    return story


def test_a_switch_and_its_jobs_settle_the_pair() -> None:
    """Switched, then resubmitted: the other side is active under the new epoch."""
    story = switching()
    story.report(What.SWITCHED)
    assert (story.state.phase, story.state.active, story.state.epoch) == (Phase.RESUBMITTING, SECONDARY, 1)
    story.report(What.RESUBMITTED)
    assert (story.state.phase, story.state.run, story.state.acknowledged) == (Phase.SETTLED, None, False)


@pytest.mark.parametrize("what", list(What))
@pytest.mark.parametrize(("run", "epoch"), [("failover-p-e7", 7), ("failback-p-e1", 1), ("", 0)])
def test_a_report_of_another_run_changes_nothing(what: What, run: str, epoch: int) -> None:
    """Whatever it claims, it is not the run that was ordered."""
    story = switching()
    report = Report(run=run, epoch=epoch, what=what, active=SECONDARY)
    decision = run_reports.report(story.state, report, story.now, AUTO)
    assert (decision.state, decision.orders, decision.rule) == (story.state, (), "stale-report")


@pytest.mark.parametrize(
    ("what", "epoch", "active"),
    [
        (What.SWITCHED, 0, SECONDARY),
        (What.SWITCHED, 2, SECONDARY),
        (What.SWITCHED, 1, PRIMARY),
        (What.RESUBMITTED, 1, SECONDARY),
    ],
)
def test_a_report_that_cannot_be_true_changes_nothing(what: What, epoch: int, active: object) -> None:
    """Another epoch, the wrong side, or jobs before the switch."""
    story = switching()
    report = Report(run=story.ordered[0].run, epoch=epoch, what=what, active=active)  # type: ignore[arg-type]
    assert run_reports.report(story.state, report, story.now, AUTO).state == story.state


def test_a_doubled_report_changes_nothing() -> None:
    """The switch is reported twice: the second time it is history."""
    story = switching()
    story.report(What.SWITCHED)
    before = story.state
    story.report(What.SWITCHED)
    assert story.state == before


def test_a_report_after_the_end_changes_nothing() -> None:
    """A run that has ended says nothing any more."""
    story = switching()
    story.report(What.SWITCHED)
    story.report(What.RESUBMITTED)
    before = story.state
    story.report(What.FAILED)
    assert story.state == before


def test_a_superseded_run_hands_over_to_what_others_did() -> None:
    """Side and epoch are those of the run that won, and the cooldown begins."""
    story = switching()
    report = Report(run=story.ordered[0].run, epoch=3, what=What.SUPERSEDED, active=PRIMARY, why="run x holds epoch 3")
    state = run_reports.report(story.state, report, story.now, AUTO).state
    assert (state.phase, state.active, state.epoch, state.run) == (Phase.SETTLED, PRIMARY, 3, None)


def test_the_epoch_never_goes_down() -> None:
    """A run that was fenced by an older record has failed; the pair's epoch stays."""
    story = switching()
    story.state = msgspec.structs.replace(story.state, epoch=5)
    report = Report(run=story.ordered[0].run, epoch=2, what=What.SUPERSEDED, active=SECONDARY, why="record went back")
    state = run_reports.report(story.state, report, story.now, AUTO).state
    assert (state.epoch, state.active, state.run) == (5, PRIMARY, None)


def test_a_run_that_fails_after_the_switch_leaves_the_pair_on_the_other_side() -> None:
    """The pointer has moved; what is left over is told."""
    story = switching()
    story.report(What.SWITCHED)
    story.report(What.FAILED, epoch=1)
    assert (story.state.phase, story.state.active) == (Phase.SETTLED, SECONDARY)
    assert story.told[-1].name == "RunFailed"


def test_an_aborted_run_leaves_the_pair_where_it_was_begun() -> None:
    """The rule had begun it: its like waits as after a failure, has an id of its own, and people are told."""
    story = switching()
    story.report(What.ABORTED)
    assert (story.state.phase, story.state.active, story.state.epoch, story.state.run) == (
        Phase.SUSPECT,
        PRIMARY,
        0,
        None,
    )
    assert (story.state.failed_at, story.told[-1].name) == (story.now, "RunAborted")
    story.live(minutes(8), DOWN)
    assert story.ordered[-1].run == f"{story.ordered[0].run}-again1"


def test_an_aborted_order_of_a_person_holds_nothing_afterwards() -> None:
    """The pair is steady again, and an outage that follows is left in time."""
    story = Story(runs=False)
    story.live(minutes(3))
    story.order(Do.FAILOVER, graceful=True)
    story.report(What.ABORTED)
    assert (story.state.phase, story.state.failed_at) == (Phase.STEADY, None)


def test_an_abort_after_the_switch_is_no_news() -> None:
    """The record had refused it; a report of it is out of date."""
    story = switching()
    story.report(What.SWITCHED)
    before = story.state
    story.report(What.ABORTED)
    assert story.state == before
