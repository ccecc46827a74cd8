"""What people order: carried out, or refused with a sentence and without a trace."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, PRIMARY, Story, deletion, failed_over, minutes, notice, seconds

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import Mode, Observation, Phase, Role, Surface
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.run_reports import What
from orchestrator.core.decision.state import StartRun

DOWN = {"primary.hub": BAD, "primary.jobs": BAD}
APPROVE = msgspec.structs.replace(AUTO, mode=Mode.APPROVE)
SHORT = msgspec.structs.replace(AUTO, failback_hold=timedelta(hours=1))


def proposed() -> Story:
    """A story in which a failover has just been proposed."""
    story = Story(APPROVE)
    story.live(minutes(3))
    story.live(minutes(6), DOWN)
    assert (story.state.phase, story.moves) == (Phase.AWAITING_APPROVAL, [])
    return story


def test_a_proposal_waits_for_a_person() -> None:
    """In mode approve nothing moves by itself, and people are asked once."""
    story = proposed()
    story.live(minutes(15), DOWN)
    assert story.moves == []
    assert [tell.name for tell in story.told] == ["Suspect", "ApprovalRequested"]


def test_an_approved_proposal_goes_at_once() -> None:
    """Approval while the evidence stands orders the run in the same decision."""
    story = proposed()
    story.order(Do.APPROVE)
    assert story.moves == [("failover", "secondary", 1)]


def test_an_approval_that_something_holds_goes_when_the_hold_ends() -> None:
    """A hold is a hold; the approval outlives it until it expires."""
    story = proposed()
    story.order(Do.PAUSE)
    story.order(Do.APPROVE)
    story.live(minutes(2), DOWN)
    assert (story.moves, story.last.rule) == ([], "hold.paused")
    story.order(Do.RESUME)
    story.live(seconds(10), DOWN)
    assert len(story.moves) == 1


def test_an_approval_after_the_fault_is_over_is_refused() -> None:
    """There is nothing left to move away from."""
    story = proposed()
    story.live(minutes(2))
    with pytest.raises(NotNow, match="nothing waits for approval"):
        story.order(Do.APPROVE)
    assert (story.state.phase, story.moves) == (Phase.STEADY, [])


def test_a_rejected_proposal_is_not_made_again_for_a_while() -> None:
    """No means no, for as long as an approval would have been valid."""
    story = proposed()
    story.order(Do.REJECT)
    story.live(minutes(29), DOWN)
    assert (story.state.phase, story.last.rule) == (Phase.SUSPECT, "hold.rejected")
    story.live(minutes(2), DOWN)
    assert story.state.phase is Phase.AWAITING_APPROVAL


def test_a_proposal_that_nobody_answers_is_judged_anew() -> None:
    """Evidence of half an hour ago is not approved; what still stands is proposed again."""
    story = proposed()
    story.live(minutes(31), DOWN)
    assert [entry.rule for entry in story.state.journal][-2:] == ["approval-expired", "hold.approval"]
    assert [tell.name for tell in story.told].count("ApprovalRequested") == 2


def test_a_proposal_that_the_evidence_no_longer_carries_is_withdrawn() -> None:
    """One class is well again: what is left is not enough."""
    story = proposed()
    story.live(minutes(1), {"primary.hub": BAD})
    assert (story.state.phase, story.state.approval) == (Phase.SUSPECT, None)


def test_when_the_mode_becomes_auto_a_standing_proposal_goes() -> None:
    """Nobody has to answer a question that is no longer asked."""
    story = proposed()
    story.policy = AUTO
    story.live(seconds(10), DOWN)
    assert len(story.moves) == 1


@pytest.mark.parametrize("do", [Do.APPROVE, Do.REJECT, Do.ACKNOWLEDGE, Do.RESUME, Do.FAILBACK])
def test_what_makes_no_sense_is_refused_and_changes_nothing(do: Do) -> None:
    """On a steady pair there is nothing to approve, acknowledge, resume or go back from."""
    story = Story()
    story.live(minutes(5))
    before = story.state
    with pytest.raises(NotNow):
        story.order(do)
    assert story.state == before


def test_a_person_may_order_a_failover_of_a_healthy_pair() -> None:
    """Planned work: the pair moves although nothing is bad."""
    story = Story()
    story.live(minutes(5))
    story.order(Do.FAILOVER)
    assert story.moves == [("failover", "secondary", 1)]


def test_a_graceful_failover_is_a_planned_run() -> None:
    """The run knows it, and so does its reason."""
    story = Story()
    story.live(minutes(5))
    decision = story.order(Do.FAILOVER, "patch day", graceful=True)
    assert [order.graceful for order in decision.orders if isinstance(order, StartRun)] == [True]
    assert decision.why == "graceful failover ordered by somebody (patch day)"


def test_a_side_that_is_ill_is_not_left_gracefully_unless_forced() -> None:
    """Its jobs would be waited for."""
    story = Story()
    story.live(minutes(1))
    story.live(minutes(2), {"primary.hub": BAD})
    with pytest.raises(NotNow, match="hub of the primary is bad"):
        story.order(Do.FAILOVER, graceful=True)
    story.order(Do.FAILOVER, "it still runs jobs", graceful=True, force=True)
    assert len(story.moves) == 1


def test_an_ordered_failover_to_a_bad_standby_is_refused_unless_forced() -> None:
    """The reason says what is wrong; force needs a reason of its own."""
    story = Story()
    story.live(minutes(5), DOWN | {"secondary.hub": BAD})
    with pytest.raises(NotNow, match="the secondary is bad in hub too"):
        story.order(Do.FAILOVER)
    with pytest.raises(NotNow, match="needs a reason"):
        story.order(Do.FAILOVER, "", force=True)
    story.order(Do.FAILOVER, "the primary burns", force=True)
    assert len(story.moves) == 1


def test_a_second_order_while_a_run_is_under_way_is_refused() -> None:
    """One run at a time, forced or not."""
    story = Story(runs=False)
    story.live(minutes(5))
    story.order(Do.FAILOVER)
    with pytest.raises(NotNow, match="failover-p-e1 is under way"):
        story.order(Do.FAILOVER, force=True)


def test_a_failback_before_its_time_is_refused_with_the_earliest_time() -> None:
    """The person is told when to ask again."""
    story = failed_over(SHORT)
    story.live(minutes(31))
    earliest = story.now + minutes(60) - story.state.evidence.wellness["primary"].length
    with pytest.raises(NotNow, match=f"earliest {earliest:%Y-%m-%d %H:%M:%S}Z"):
        story.order(Do.FAILBACK)


def test_a_failback_after_the_hold_is_begun() -> None:
    """An hour of health, and somebody who asks."""
    story = failed_over(SHORT)
    story.live(minutes(62))
    story.order(Do.FAILBACK)
    assert story.moves[1:] == [("failback", "primary", 2)]


def test_a_failback_may_be_forced_with_a_reason() -> None:
    """The reason is kept with the decision."""
    story = failed_over(SHORT)
    story.order(Do.FAILBACK, "the secondary is on fire", force=True)
    assert "forced by somebody (the secondary is on fire)" in story.ordered[-1].why


def test_a_failback_never_begins_on_what_is_not_seen() -> None:
    """Well for hours, blind now: not known to be well."""
    story = failed_over(SHORT)
    story.live(minutes(70))
    story.live(minutes(1), {"primary.keyvault": BLIND})
    with pytest.raises(NotNow, match="keyvault was not seen well"):
        story.order(Do.FAILBACK)


@pytest.mark.parametrize("surface", ["control", "inference", "acr"])
def test_any_bad_class_starts_the_hold_anew(surface: str) -> None:
    """Control included: every class of the old side has to be well."""
    story = failed_over(SHORT)
    story.live(minutes(50))
    story.live(minutes(2), {f"primary.{surface}": BAD})
    story.live(minutes(50))
    with pytest.raises(NotNow, match="of 60 min"):
        story.order(Do.FAILBACK)


def test_a_notice_of_the_old_region_starts_the_hold_anew() -> None:
    """As long as Azure declares an incident there, it is not well."""
    story = failed_over(SHORT)
    story.live(minutes(50))
    story.hear(notice(story.now, BAD, used=[PRIMARY]))
    story.live(minutes(20))
    with pytest.raises(NotNow, match="notice bad"):
        story.order(Do.FAILBACK)


def test_a_paused_pair_is_not_moved_by_an_order_either() -> None:
    """Who pauses is asked first; force is there for who knows better."""
    story = Story()
    story.live(minutes(5))
    story.order(Do.PAUSE, "we are testing")
    with pytest.raises(NotNow, match="we are testing"):
        story.order(Do.FAILOVER)


def test_pausing_again_keeps_the_first_moment() -> None:
    """Since when it is paused is since the first pause."""
    story = Story()
    story.order(Do.PAUSE, "one")
    first = story.state.paused
    story.now += minutes(5)
    story.order(Do.PAUSE, "two")
    assert first is not None
    assert story.state.paused == msgspec.structs.replace(first, reason="two")


def test_an_acknowledgement_ends_the_cooldown() -> None:
    """Seen by a person, the pair is armed again at once."""
    story = failed_over()
    assert story.state.phase is Phase.SETTLED
    story.order(Do.ACKNOWLEDGE)
    assert (story.state.phase, story.state.acknowledged) == (Phase.STEADY, True)


def test_an_acknowledgement_ends_the_hold_of_a_deletion() -> None:
    """The person knows that it is gone, and says so."""
    story = Story()
    story.hear(deletion(PRIMARY, Surface.STORAGE, story.now))
    story.order(Do.ACKNOWLEDGE)
    assert story.state.evidence.deletions == {}


def test_a_run_that_never_reports_can_be_given_up_by_force_only() -> None:
    """The epoch record fences it should it live after all."""
    story = Story(runs=False)
    story.live(minutes(3))
    story.live(minutes(6), DOWN)
    with pytest.raises(NotNow, match="force this"):
        story.order(Do.ACKNOWLEDGE)
    story.order(Do.ACKNOWLEDGE, "its engine is gone", force=True)
    assert (story.state.run, story.state.phase) == (None, Phase.SUSPECT)


def test_from_the_secondary_people_go_back_and_do_not_fail_over() -> None:
    """The failover command is no way round the hold of the failback."""
    story = failed_over()
    with pytest.raises(NotNow, match="ask for the failback"):
        story.order(Do.FAILOVER)


def test_a_failback_that_failed_leaves_the_pair_settled() -> None:
    """Nothing has moved; it can be asked for again."""
    story = failed_over(SHORT)
    story.live(minutes(62))
    story.runs = False
    story.order(Do.FAILBACK)
    assert story.state.phase is Phase.RETURNING
    story.report(What.FAILED)
    assert (story.state.phase, story.state.active, story.state.run) == (Phase.SETTLED, Role.SECONDARY, None)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"secondary.hub": BAD, "secondary.jobs": BAD}, "the secondary is bad in hub and jobs too"),
        ({"secondary.inference": BLIND}, "inference of the secondary was last seen well 6 min ago"),
    ],
)
def test_nobody_is_sent_from_a_well_side_to_one_that_is_not(found: dict[str, Observation], said: str) -> None:
    """Whatever the active side is like: an order without force asks for a standby that is seen well."""
    story = Story()
    story.live(minutes(5))
    story.live(minutes(6), found)
    with pytest.raises(NotNow, match=said):
        story.order(Do.FAILOVER)
    story.order(Do.FAILOVER, "there is no other way", force=True)
    assert story.moves == [("failover", "secondary", 1)]


def test_nobody_is_sent_to_a_standby_that_was_never_looked_at() -> None:
    """Before the first look nothing is known of it."""
    with pytest.raises(NotNow, match="has never been seen well"):
        Story().order(Do.FAILOVER)


@pytest.mark.parametrize("do", [Do.FAILOVER, Do.FAILBACK])
def test_an_order_that_is_taken_in_after_a_switch_is_refused(do: Do) -> None:
    """S1, S3: given before the switch and late in the queue, it would lead back to the side that was left."""
    story = failed_over()
    before = story.state
    with pytest.raises(NotNow, match="ordered under epoch 0"):
        story.order(do, force=True, reason="the region is down", epoch=0)
    assert story.state == before
    story.order(do, force=True, reason="the region is down", epoch=1)
    assert story.moves[-1][2] == 2
