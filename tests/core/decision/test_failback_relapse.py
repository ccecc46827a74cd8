"""A way back that has not moved the pointer ends when the side that it leads to turns bad."""

from __future__ import annotations

import pytest
from stories import BAD, BLIND, PRIMARY, SECONDARY, Story, minutes

from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.run_reports import What
from orchestrator.core.decision.state import StopRun

DOWN = {"primary.hub": BAD, "primary.jobs": BAD}


def returning(*, force: bool = False) -> Story:
    """The secondary is active, the primary has been well for long, and a person has ordered the way back."""
    story = Story(runs=False)
    story.live(minutes(3))
    story.live(minutes(6), DOWN)
    story.report(What.SWITCHED)
    story.report(What.RESUBMITTED)
    story.live(minutes(13 * 60))
    story.order(Do.FAILBACK, force=force)
    assert story.state.phase is Phase.RETURNING
    return story


def stops(story: Story) -> list[StopRun]:
    return [order for decision in story.decisions for order in decision.orders if isinstance(order, StopRun)]


@pytest.mark.parametrize("surface", ["hub", "jobs", "storage", "control"])
def test_a_relapse_in_any_class_ends_the_way_back_once(surface: str) -> None:
    """The order names the class and the run; the pair is told of it once, and stays when the run has reported."""
    story = returning()
    run = story.state.run
    story.live(minutes(5), {f"primary.{surface}": BAD})
    (stop,) = stops(story)
    named = "dependency" if surface == "storage" else surface
    assert (stop.run, f"{named} of the primary is bad" in stop.why) == (run, True)
    story.report(What.ABORTED)
    state = story.state
    assert (state.active, state.epoch, state.run) == (SECONDARY, 1, None)
    assert state.phase in {Phase.STEADY, Phase.SETTLED}
    assert story.told[-1].name == "RunAborted"


@pytest.mark.parametrize("found", [{}, {"primary.hub": BLIND}, {"secondary.storage": BAD}])
def test_what_is_no_relapse_of_the_target_ends_nothing(found: dict[str, object]) -> None:
    """Blindness changes nothing, and the side that is left may be ill."""
    story = returning()
    story.live(minutes(5), found)  # type: ignore[arg-type]
    assert stops(story) == []


def test_a_way_back_that_was_forced_goes_on() -> None:
    """The person knew."""
    story = returning(force=True)
    story.live(minutes(5), DOWN)
    assert stops(story) == []


def test_a_relapse_after_the_switch_ends_nothing() -> None:
    """The pointer has moved: the rule decides from there on."""
    story = returning()
    story.report(What.SWITCHED)
    story.live(minutes(5), DOWN)
    assert (stops(story), story.state.active) == ([], PRIMARY)
