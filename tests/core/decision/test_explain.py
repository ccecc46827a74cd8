"""Explaining: one paragraph that says where the pair stands, why, and what would change it."""

from __future__ import annotations

import pytest
from stories import AUTO, BAD, PRIMARY, Story, alert, failed_over, minutes

from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.explain import CHANGES, Explanation, explain, reason_of
from orchestrator.core.decision.holds import ALWAYS, AUTOMATIC_SWITCH, STANDBY


def explained(story: Story) -> Explanation:
    return explain(story.state, story.now, story.policy)


def test_a_well_pair_says_what_it_would_take() -> None:
    """Nothing is bad; two classes being bad would change that."""
    story = Story()
    story.live(minutes(5))
    told = explained(story)
    assert "p: the primary is active under epoch 0, steady since 2026-03-01 12:00:00Z." in told.text
    assert told.would_change == (CHANGES["quiet"],)


def test_a_pair_that_is_being_confirmed_says_when_it_would_move() -> None:
    """The moment, if no good answer comes before it."""
    story = Story()
    story.live(minutes(3))
    story.live(minutes(3), {"primary.hub": BAD, "primary.jobs": BAD})
    left = AUTO.confirm_after - (story.now - story.state.evidence.tracks["primary.hub"].bad_since)  # type: ignore[operator]
    assert f"no good answer before {story.now + left:%Y-%m-%d %H:%M:%S}Z" in explained(story).would_change[0]


def test_the_moment_is_that_of_the_work_class_where_it_turned_bad_last() -> None:
    """Two classes that have been bad for long decide nothing without hub, jobs or inference."""
    story = Story()
    story.live(minutes(3))
    story.hear(alert(PRIMARY, BAD, story.now))
    story.live(minutes(9), {"primary.storage": BAD})
    story.live(minutes(3), {"primary.storage": BAD, "primary.hub": BAD})
    left = AUTO.confirm_after - (story.now - story.state.evidence.tracks["primary.hub"].bad_since)  # type: ignore[operator]
    (change,) = explained(story).would_change
    assert change.startswith(f"no good answer before {story.now + left:%Y-%m-%d %H:%M:%S}Z (wait: ")


def test_the_moment_is_that_of_the_second_class_where_a_third_turned_bad_later() -> None:
    """What turned bad last of three is not waited for."""
    story = Story()
    story.live(minutes(3))
    story.live(minutes(2), {"primary.hub": BAD})
    story.live(minutes(1), {"primary.hub": BAD, "primary.jobs": BAD})
    story.live(minutes(2), {"primary.hub": BAD, "primary.jobs": BAD, "primary.storage": BAD})
    left = AUTO.confirm_after - (story.now - story.state.evidence.tracks["primary.jobs"].bad_since)  # type: ignore[operator]
    assert f"no good answer before {story.now + left:%Y-%m-%d %H:%M:%S}Z" in explained(story).would_change[0]


def test_a_held_pair_says_what_holds_and_what_would_end_it() -> None:
    """The hold's own sentence, and the command that ends it."""
    story = Story()
    story.order(Do.PAUSE, "the network is being rebuilt")
    story.live(minutes(9), {"primary.hub": BAD, "primary.jobs": BAD})
    told = explained(story)
    assert "the network is being rebuilt" in told.text
    assert told.would_change == ("the command resume",)


def test_a_cooldown_is_visible_with_its_end_while_all_is_well() -> None:
    """People see that the pair is not armed, and until when; and when the way back opens."""
    told = explained(failed_over())
    assert "Held besides: cooldown after the last switch until 2026-03-01 13:0" in told.text
    assert "The way back is closed: the primary has been well for 0 s of 12 h" in told.text


def test_a_pair_that_has_switched_says_why_until_it_is_acknowledged() -> None:
    """And how it is now. A later state of calm speaks for itself."""
    story = failed_over()
    story.live(minutes(3), {"primary.hub": BAD, "primary.jobs": BAD})
    switched = "switched as ordered"  # what the run reported
    assert reason_of(story.state) == f"{switched}; now nothing about the secondary is bad"
    assert switched.capitalize() in explain(story.state, story.now, AUTO).text
    story.order(Do.ACKNOWLEDGE)
    story.live(minutes(1), {"primary.hub": BAD, "primary.jobs": BAD})
    assert reason_of(story.state) == "nothing about the secondary is bad"


@pytest.mark.parametrize("name", [check.rule for check in (*ALWAYS, *STANDBY, *AUTOMATIC_SWITCH)])
def test_every_hold_has_a_sentence_on_what_would_end_it(name: str) -> None:
    """No hold without a way out."""
    assert CHANGES[name]
