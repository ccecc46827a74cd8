"""What the page offers and says: from how a pair stands, and from what its reader may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, START, Story, failed_over, minutes

from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.decision.commands import Do
from orchestrator.core.plan.policy import Policy
from orchestrator.web.guidance import APPROVE, NARROWEST, OPERATE, WIDTH, offers_of, story_of, timeline_of, todo_of
from orchestrator.web.views import pair_view

ALL = frozenset({OPERATE, APPROVE})
ASKING = msgspec.structs.replace(AUTO, mode=Mode.APPROVE)


def asking() -> Story:
    """The app has proposed a failover."""
    story = Story(ASKING)
    story.live(minutes(3))
    story.live(minutes(6), {"primary.hub": BAD, "primary.jobs": BAD})
    return story


def view_of(plan_of: Any, story: Story, policy: Policy = AUTO) -> dict[str, Any]:
    return pair_view(plan_of("demo", policy), story.state, story.now)


@pytest.mark.parametrize(
    ("may", "offered"),
    [
        (frozenset(), []),
        ({APPROVE}, ["approve", "reject"]),
        ({OPERATE}, ["pause", "failover", "drill"]),
        (ALL, ["approve", "reject", "pause", "failover", "drill"]),
    ],
)
def test_nobody_is_offered_what_their_role_does_not_allow(plan_of: Any, may: set[str], offered: list[str]) -> None:
    """And what the pair waits for comes first."""
    assert [offer.do for offer in offers_of(view_of(plan_of, asking(), ASKING), may)] == offered


def test_a_switch_that_nobody_has_seen_is_to_be_acknowledged(plan_of: Any, moved: Story) -> None:
    """First of all; the way back is offered, and no second failover."""
    view = view_of(plan_of, moved)
    assert [offer.do for offer in offers_of(view, ALL)] == ["acknowledge", "pause", "failback", "drill"]
    assert todo_of(view)[0].startswith("Acknowledge the switch")


def test_a_paused_pair_can_be_resumed_and_not_paused(plan_of: Any, suspect: Story) -> None:
    """One button, and a reminder."""
    view = view_of(plan_of, suspect)
    assert next(offer.do for offer in offers_of(view, {OPERATE})) == "resume"
    assert any("Resume it" in what for what in todo_of(view))


def test_a_pair_that_is_well_asks_nothing_of_anybody(plan_of: Any, quiet: Story) -> None:
    """No sentence, no timeline, nothing urgent."""
    view = view_of(plan_of, quiet)
    assert todo_of(view) == []
    assert timeline_of(view, quiet.now) == []
    assert not any(offer.is_urgent for offer in offers_of(view, ALL))


def test_a_pair_without_a_state_offers_nothing(plan_of: Any) -> None:
    """Nothing is known that an order could be about."""
    assert offers_of(pair_view(plan_of("fresh"), None, START), ALL) == []


def test_after_a_switch_its_reason_comes_before_how_things_are_now(plan_of: Any) -> None:
    """Not "nothing about the secondary is bad": what failed, and that it still does."""
    story = failed_over()
    story.live(minutes(3), {"primary.hub": BAD, "primary.jobs": BAD})
    told = story_of(view_of(plan_of, story))
    assert "hub" in told[0]
    assert "bad on the primary" in told[0]
    assert told[1:] == ["The primary is still bad in hub, jobs.", "The secondary is not seen bad."]
    story.live(minutes(1), {"primary.hub": BAD, "primary.jobs": BAD, "secondary.inference": BAD})
    assert story_of(view_of(plan_of, story))[2] == "The secondary is bad in inference."


def test_the_timeline_is_to_scale_and_without_gaps(plan_of: Any) -> None:
    """Each phase is as wide as it was long, from the suspicion until now; the calm before is left out."""
    story = asking()
    story.live(minutes(2), {"primary.hub": BAD, "primary.jobs": BAD})
    parts = timeline_of(view_of(plan_of, story, ASKING), story.now)
    whole = parts[-1].ended - parts[0].begun
    assert [part.phase for part in parts] == ["suspect", "awaiting_approval"]
    assert parts[0].ended == parts[1].begun
    assert parts[-1].ended == story.now
    for part in parts:
        assert part.width == pytest.approx((part.ended - part.begun) / whole * WIDTH, abs=0.1)
    assert parts[0].x == 0.0
    assert parts[1].x + parts[1].width == pytest.approx(WIDTH, abs=0.1)


def test_a_phase_that_took_no_time_is_seen(plan_of: Any, moved: Story) -> None:
    """And stays within the drawing."""
    parts = timeline_of(view_of(plan_of, moved), moved.now + timedelta(days=3))
    assert min(part.width for part in parts) == NARROWEST
    assert max(part.x + part.width for part in parts) <= WIDTH


def test_a_request_of_a_person_is_to_be_answered_too(plan_of: Any) -> None:
    """It waits for somebody else like a proposal of the app."""
    policy = msgspec.structs.replace(AUTO, second_person=True)
    story = Story(policy)
    story.live(minutes(10))
    story.order(Do.FAILOVER)
    view = view_of(plan_of, story, policy)
    assert [offer.do for offer in offers_of(view, {APPROVE})] == ["approve", "reject"]
    assert view["proposal"] in todo_of(view)[0]
