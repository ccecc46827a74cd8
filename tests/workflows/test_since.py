"""What is told of an outage says since when something has been bad, and not only when it was told."""

from __future__ import annotations

from pathlib import Path

import pytest
from stories import BAD, Story, minutes

from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.decision.state import Tell
from orchestrator.core.plan.load import plan_from
from orchestrator.workflows.messages import Tidings
from orchestrator.workflows.pair_entity import CARRIERS, Taken

PLAN = plan_from((Path(__file__).parents[1] / "core/plan/plan_without_steps.yaml").read_text(encoding="utf-8"), "p")


def tidings(story: Story, name: NoticeName) -> Tidings:
    carried = CARRIERS[Tell](Tell(name=name, why="a test"), Taken(story.state, story.state, PLAN, story.now, None))
    assert isinstance(carried.given, Tidings)
    return carried.given


@pytest.fixture
def ill() -> Story:
    """A pair whose jobs have been bad for some minutes."""
    story = Story()
    story.live(minutes(10))
    story.live(minutes(4), {"primary.jobs": BAD})
    return story


def test_a_notice_of_an_outage_says_since_when_the_side_is_bad(ill: Story) -> None:
    """Since the first bad answer."""
    since = tidings(ill, NoticeName.SUSPECT).since
    assert since is not None
    assert minutes(3) < ill.now - since <= minutes(4)


def test_a_notice_of_another_matter_has_just_happened(ill: Story) -> None:
    """The outage is not its beginning."""
    assert tidings(ill, NoticeName.DRILLS_LAPSED).since is None
