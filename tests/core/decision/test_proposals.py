"""An answer counts for the proposal that it names, and for no other."""

from __future__ import annotations

import msgspec
import pytest
from stories import AUTO, BAD, Story, minutes, seconds

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import Mode, NoticeName, Phase
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.proposals import CLOSED_LIMIT, open_proposal
from orchestrator.core.decision.state import Tell

DOWN = {"primary.hub": BAD, "primary.jobs": BAD}
APPROVE = msgspec.structs.replace(AUTO, mode=Mode.APPROVE)
ANSWERS = pytest.mark.parametrize("do", [Do.APPROVE, Do.REJECT])


def proposed() -> tuple[Story, str]:
    """A story in which a failover has just been proposed for the first time, and the proposal's id."""
    story = Story(APPROVE)
    story.live(minutes(3))
    story.live(minutes(6), DOWN)
    return story, waiting(story)


def waiting(story: Story) -> str:
    found = open_proposal(story.state)
    assert found is not None
    return found


def refusal(story: Story, do: Do, proposal: str | None) -> str:
    """What an answer is refused with; it changes nothing."""
    before = story.state
    with pytest.raises(NotNow) as refused:
        story.answer(do, proposal)
    assert story.state == before
    return str(refused.value)


def test_the_notice_carries_the_id_that_answers_the_proposal() -> None:
    """Who reads it can answer without looking anything up."""
    story, first = proposed()
    (said,) = [tell.why for tell in story.told if tell.name is NoticeName.APPROVAL_REQUESTED]
    assert first in said
    story.answer(Do.APPROVE, first)
    assert story.moves == [("failover", "secondary", 1)]


def test_the_same_story_has_the_same_ids() -> None:
    """They follow from pair, epoch and time."""
    assert proposed()[1] == proposed()[1]


def test_the_id_may_be_left_out_while_there_has_been_only_one() -> None:
    """Then it cannot be mistaken."""
    story, _ = proposed()
    story.answer(Do.APPROVE, None)
    assert story.moves == [("failover", "secondary", 1)]


@ANSWERS
def test_a_late_answer_without_an_id_does_not_answer_the_next_proposal(do: Do) -> None:
    """Somebody who read of the first one has not read of the second."""
    story, first = proposed()
    story.live(minutes(31), DOWN)
    second = waiting(story)
    said = refusal(story, do, None)
    assert second != first
    assert second in said
    assert "name the one" in said


@ANSWERS
def test_an_answer_to_a_proposal_that_expired_says_so(do: Do) -> None:
    """With the id of the one that waits now."""
    story, first = proposed()
    story.live(minutes(31), DOWN)
    said = refusal(story, do, first)
    assert said.startswith(f"the proposal {first} expired at ")
    assert waiting(story) in said


@ANSWERS
def test_an_answer_between_the_expiry_and_the_next_look_is_too_late(do: Do) -> None:
    """Nothing has been judged anew yet; the evidence is older than an approval may be."""
    story, first = proposed()
    story.now = story.now + APPROVE.approval_expiry
    assert "expired" in refusal(story, do, first)


@ANSWERS
def test_an_answer_to_a_rejected_proposal_says_who_rejected_it(do: Do) -> None:
    """No means no, also for whoever says yes a minute later."""
    story, first = proposed()
    story.answer(Do.REJECT, first)
    story.live(minutes(1), DOWN)
    said = refusal(story, do, first)
    assert f"the proposal {first} was rejected by somebody (because) at " in said
    assert "nothing waits for approval" in said


@ANSWERS
def test_an_answer_to_a_rejected_proposal_does_not_answer_the_one_after_it(do: Do) -> None:
    """The second rests on other evidence."""
    story, first = proposed()
    story.answer(Do.REJECT, first)
    story.live(minutes(32), DOWN)
    assert "was rejected by" in refusal(story, do, first)
    story.answer(do, waiting(story))
    assert (story.moves != []) is (do is Do.APPROVE)


@pytest.mark.parametrize("left", [{"primary.hub": BAD}, {}])
def test_an_answer_to_a_withdrawn_proposal_says_so(left: dict[str, object]) -> None:
    """The evidence went while somebody thought about it."""
    story, first = proposed()
    story.live(minutes(2), dict.fromkeys(left, BAD))
    assert f"the proposal {first} was withdrawn" in refusal(story, Do.APPROVE, first)


def test_an_answer_to_a_proposal_that_was_approved_names_the_run() -> None:
    """Two people approve; the second learns that it is done."""
    story, first = proposed()
    story.answer(Do.APPROVE, first)
    assert f"the proposal {first} was followed by failover-p-e1 at " in refusal(story, Do.REJECT, first)


def test_an_id_that_nobody_gave_is_refused() -> None:
    """A slip of the keyboard answers nothing."""
    story, first = proposed()
    said = refusal(story, Do.APPROVE, first[:-1] + ("0" if first[-1] != "0" else "1"))
    assert "no proposal" in said
    assert first in said


def test_only_the_last_few_are_remembered() -> None:
    """The state stays small."""
    story, first = proposed()
    for _ in range(CLOSED_LIMIT + 2):
        story.live(minutes(31), DOWN)
    assert len(story.state.closed_proposals) == CLOSED_LIMIT
    assert "no proposal" in refusal(story, Do.APPROVE, first)
    assert story.state.phase is Phase.AWAITING_APPROVAL


def test_a_held_approval_can_still_be_rejected_by_its_id() -> None:
    """It stays the open proposal until a run follows."""
    story, first = proposed()
    story.order(Do.PAUSE)
    story.answer(Do.APPROVE, first)
    story.live(seconds(30), DOWN)
    decision = story.answer(Do.REJECT, first)
    assert [order.name for order in decision.orders if isinstance(order, Tell)] == [NoticeName.REJECTED]


def test_without_a_proposal_the_refusal_says_why_nothing_waits() -> None:
    """The pair's own reason, or that it is steady."""
    story = Story(APPROVE)
    assert "nothing waits for approval: the pair is steady" in refusal(story, Do.APPROVE, None)
    story.live(minutes(3))
    assert f"nothing waits for approval: {story.state.why}" in refusal(story, Do.APPROVE, None)
    assert story.state.why
