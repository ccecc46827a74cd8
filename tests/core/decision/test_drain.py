"""A planned failover that drains: ordered with a bound, and ended early when one of its two sides turns bad."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, PRIMARY, SECONDARY, Story, minutes

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.commands import LONGEST_DRAIN, Command, Do, command
from orchestrator.core.decision.run_reports import What
from orchestrator.core.decision.second_person import waiting_id
from orchestrator.core.decision.state import PressRun, StartRun, StopRun

DOWN = {"primary.hub": BAD, "primary.jobs": BAD}
HOUR = timedelta(hours=1)


def draining(*, drain: timedelta = HOUR, force: bool = False) -> Story:
    """A pair that is well, and a person who has ordered the planned failover."""
    story = Story(runs=False)
    story.live(minutes(3))
    story.order(Do.FAILOVER, graceful=True, drain=drain, force=force)
    assert story.state.phase is Phase.SWITCHING
    return story


def given(story: Story, kind: type[StopRun | PressRun]) -> list[StopRun | PressRun]:
    """What was ordered of the run after its start."""
    return [order for decision in story.decisions for order in decision.orders if isinstance(order, kind)]


def test_the_run_is_told_how_long_it_may_drain() -> None:
    """People read it in the reason."""
    story = draining()
    assert [order.drain for order in story.ordered] == [HOUR]
    assert "after a drain of at most 60 min" in story.state.why
    assert story.state.run_drains


def test_a_run_without_a_drain_is_ordered_as_before() -> None:
    """Nothing ends it early but a person."""
    story = draining(drain=timedelta())
    story.live(minutes(8), DOWN)
    assert (story.ordered[0].drain, story.state.run_drains) == (timedelta(), False)
    assert given(story, PressRun) == given(story, StopRun) == []


@pytest.mark.parametrize("drain", [timedelta(seconds=-1), LONGEST_DRAIN + timedelta(seconds=1)])
def test_a_drain_that_is_too_long_is_refused(drain: timedelta) -> None:
    """The sentence has the limit."""
    with pytest.raises(NotNow, match="at most 24 h"):
        draining(drain=drain)


def test_only_a_graceful_failover_drains() -> None:
    """An outage waits for no job."""
    story = Story(runs=False)
    story.live(minutes(3))
    with pytest.raises(NotNow, match="order it as graceful"):
        story.order(Do.FAILOVER, drain=HOUR)


def test_a_second_person_approves_the_drain_too() -> None:
    """The run that is approved drains as long as was asked for."""
    story = Story(msgspec.structs.replace(AUTO, second_person=True), runs=False)
    story.live(minutes(3))
    story.order(Do.FAILOVER, graceful=True, drain=HOUR)
    answer = Command(do=Do.APPROVE, by="ben", proposal=waiting_id(story.state, story.now, story.policy))
    decision = command(story.state, answer, story.now, story.policy)
    (start,) = [order for order in decision.orders if isinstance(order, StartRun)]
    assert (start.drain, decision.state.run_drains) == (HOUR, True)


def test_a_source_that_fails_ends_the_drain_once() -> None:
    """The run goes on to the same side, and no second one is begun."""
    story = draining()
    run = story.state.run
    story.live(minutes(8), DOWN)
    (press,) = given(story, PressRun)
    assert (press.run, "primary" in press.why) == (run, True)
    assert (story.state.run, story.state.phase, len(story.ordered)) == (run, Phase.SWITCHING, 1)
    assert given(story, StopRun) == []
    story.report(What.SWITCHED)
    story.report(What.RESUBMITTED)
    assert (story.state.active, story.state.epoch) == (SECONDARY, 1)


@pytest.mark.parametrize("found", [{}, {"primary.hub": BLIND, "primary.jobs": BLIND}, {"primary.storage": BAD}])
def test_a_source_that_a_failover_would_not_leave_does_not_end_the_drain(found: dict[str, object]) -> None:
    """Blindness decides nothing; the drain has its own bound."""
    story = draining()
    story.live(minutes(8), found)  # type: ignore[arg-type]
    assert given(story, PressRun) == given(story, StopRun) == []


@pytest.mark.parametrize("found", [{"secondary.jobs": BAD}, {"secondary.hub": BAD, **DOWN}])
def test_a_target_that_turns_bad_ends_the_run(found: dict[str, object]) -> None:
    """Also if the source is bad: whether to go there then is for the rule and its holds."""
    story = draining()
    story.live(minutes(8), {"secondary.hub": BAD})
    story.live(minutes(1), found)  # type: ignore[arg-type]
    (stop,) = given(story, StopRun)
    assert (stop.run, "secondary is bad" in stop.why) == (story.state.run, True)
    assert given(story, PressRun) == []
    story.report(What.ABORTED)
    assert (story.state.active, story.state.epoch, story.state.run) == (PRIMARY, 0, None)


def test_a_target_that_turns_bad_does_not_end_a_run_that_was_forced() -> None:
    """The person knew."""
    story = draining(force=True)
    story.live(minutes(8), {"secondary.hub": BAD})
    assert given(story, StopRun) == []


def test_nothing_ends_a_drain_after_the_switch() -> None:
    """The rule decides from there on."""
    story = draining()
    story.report(What.SWITCHED)
    story.live(minutes(8), {**DOWN, "secondary.storage": BAD})
    assert given(story, PressRun) == given(story, StopRun) == []
    assert story.state.run_drains


def test_the_next_run_does_not_drain() -> None:
    """A rule's failover after a planned one waits for nothing."""
    story = draining()
    story.report(What.ABORTED)
    story.live(minutes(10), DOWN)
    assert [order.drain for order in story.ordered] == [HOUR, timedelta()]
    assert not story.state.run_drains
