"""Where the plan wants a second person, nobody orders a switch alone."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from stories import AUTO, BAD, Story, failed_over, minutes

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.decision import commands
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.second_person import waiting_id
from orchestrator.core.decision.state import Decision

TWO = msgspec.structs.replace(AUTO, second_person=True)
DOWN = {"primary.hub": BAD, "primary.jobs": BAD}


def say(story: Story, do: Do, by: str, proposal: str | None = None, **more: bool) -> Decision:
    """Somebody with a name orders or answers something."""
    command = Command(do=do, by=by, reason="because", proposal=proposal, **more)
    return story._take(commands.command(story.state, command, story.now, story.policy))


def asked(**more: bool) -> Story:
    """Ana has asked for a failover of a pair that is well."""
    story = Story(TWO)
    story.live(minutes(10))
    say(story, Do.FAILOVER, "ana", **more)
    return story


def test_an_order_waits_for_somebody_else_and_people_are_told() -> None:
    """Nothing is begun; status shows what to answer, and the notice says who asks."""
    story = asked()
    assert story.moves == []
    assert waiting_id(story.state, story.now, TWO) is not None
    assert story.told[-1].name == "ApprovalRequested"
    assert "ana" in story.told[-1].why


def test_without_the_field_an_order_begins_at_once() -> None:
    """The default: there may be one person alone."""
    story = Story(AUTO)
    story.live(minutes(10))
    say(story, Do.FAILOVER, "ana")
    assert story.moves == [("failover", "secondary", 1)]


def test_somebody_else_lets_it_begin() -> None:
    """Both names are in the reason."""
    story = asked()
    decision = say(story, Do.APPROVE, "ben", waiting_id(story.state, story.now, TWO))
    assert story.moves == [("failover", "secondary", 1)]
    assert "ana" in decision.why
    assert "ben" in decision.why
    assert waiting_id(story.state, story.now, TWO) is None


@pytest.mark.parametrize("by", ["ana", " ANA ", "unnamed", ""])
def test_whoever_asked_does_not_approve(by: str) -> None:
    """In no spelling, and not by giving no name; the request goes on waiting."""
    story = asked()
    with pytest.raises(NotNow, match="somebody else approves"):
        say(story, Do.APPROVE, by)
    assert story.moves == []
    assert waiting_id(story.state, story.now, TWO) is not None


@pytest.mark.parametrize("by", ["unnamed", " "])
def test_an_order_without_a_name_is_refused(by: str) -> None:
    """Nobody could be told from a second person."""
    story = Story(TWO)
    story.live(minutes(10))
    with pytest.raises(NotNow, match="who gives it"):
        say(story, Do.FAILOVER, by)


def test_a_request_can_be_rejected_by_whoever_asked_too() -> None:
    """That begins nothing, so that one person is enough; afterwards nothing waits."""
    story = asked()
    say(story, Do.REJECT, "ana")
    assert waiting_id(story.state, story.now, TWO) is None
    with pytest.raises(NotNow, match="nothing waits for approval"):
        say(story, Do.APPROVE, "ben")


def test_a_request_expires() -> None:
    """An old wish is no wish any more."""
    story = asked()
    name = waiting_id(story.state, story.now, TWO)
    story.live(TWO.approval_expiry + timedelta(minutes=1))
    assert waiting_id(story.state, story.now, TWO) is None
    with pytest.raises(NotNow):
        say(story, Do.APPROVE, "ben", name)
    assert story.moves == []


def test_what_holds_when_it_is_approved_holds() -> None:
    """The order is judged again as if it were given then."""
    story = asked()
    say(story, Do.PAUSE, "cleo")
    with pytest.raises(NotNow, match="paused"):
        say(story, Do.APPROVE, "ben")
    assert story.moves == []


def test_an_order_that_makes_no_sense_is_refused_before_anybody_is_asked() -> None:
    """As without a second person."""
    story = Story(TWO)
    story.live(minutes(10))
    with pytest.raises(NotNow, match="nothing to go back from"):
        say(story, Do.FAILBACK, "ana")
    assert story.state.request is None


def test_a_switch_that_came_between_voids_the_request() -> None:
    """It would move the pair the wrong way."""
    story = asked()
    name = waiting_id(story.state, story.now, TWO)
    story.live(minutes(8), DOWN)
    assert story.moves == [("failover", "secondary", 1)]
    with pytest.raises(NotNow):
        say(story, Do.APPROVE, "ben", name)
    assert story.moves == [("failover", "secondary", 1)]


def test_a_failback_needs_a_second_person_too() -> None:
    """Forced or not."""
    story = failed_over(msgspec.structs.replace(TWO, failback_hold=timedelta(hours=1)))
    story.live(minutes(5))
    say(story, Do.FAILBACK, "ana", force=True)
    assert len(story.moves) == 1
    say(story, Do.APPROVE, "ben", waiting_id(story.state, story.now, TWO))
    assert story.moves[-1] == ("failback", "primary", 2)


def test_a_second_request_replaces_the_first_and_an_answer_has_to_name_it() -> None:
    """An answer to the first must not let the second begin."""
    story = asked()
    first = waiting_id(story.state, story.now, TWO)
    story.live(minutes(1))
    say(story, Do.FAILOVER, "cleo", graceful=True)
    second = waiting_id(story.state, story.now, TWO)
    assert first != second
    for given in (first, None):
        with pytest.raises(NotNow):
            say(story, Do.APPROVE, "ben", given)
    say(story, Do.APPROVE, "ben", second)
    assert story.ordered[-1].graceful


def test_a_proposal_of_the_app_is_answered_and_not_ordered_beside() -> None:
    """Nobody in particular asks for it, so that anybody who may approve may approve it."""
    story = Story(msgspec.structs.replace(TWO, mode=Mode.APPROVE))
    story.live(minutes(3))
    story.live(minutes(6), DOWN)
    with pytest.raises(NotNow, match="waits for approval"):
        say(story, Do.FAILOVER, "ana")
    say(story, Do.APPROVE, "ana")
    assert story.moves == [("failover", "secondary", 1)]


def test_a_request_outlives_the_stored_form() -> None:
    """It waits across a restart of the app."""
    story = asked(graceful=True)
    before = story.state.request
    story.restart()
    assert story.state.request == before
