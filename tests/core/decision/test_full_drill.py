"""A full drill, as the pair takes part in it: when it may begin, what it orders, and what it may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, START, Story, deletion, minutes

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import Mode, Role, Surface
from orchestrator.core.decision import commands, full_drill
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.full_drill import DrillAsk, DrillSight, DrillStep
from orchestrator.core.decision.run_reports import What
from orchestrator.core.decision.stamps import Shared
from orchestrator.core.decision.standing import ReadinessStanding
from orchestrator.core.decision.state import Decision, StartRun, Tell
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.policy import Policy, Window

DRILL = "20260301t120000000000"
SHORT = msgspec.structs.replace(AUTO, failback_hold=minutes(5))
DOWN = {"primary.hub": BAD, "primary.jobs": BAD}


def standing(*, ready: bool = True, active: Role = Role.PRIMARY, age: timedelta = timedelta()) -> ReadinessStanding:
    at = START + minutes(10) - age
    return ReadinessStanding(at=at, active=active, ready=ready, score=90, why="" if ready else "no quota", due_at=at)


def ready_pair(policy: Policy = SHORT, readiness: ReadinessStanding | None = None, **story: Any) -> Story:
    """A pair that was looked at for ten minutes, with a standby that was found ready."""
    told = Story(policy, **story)
    told.live(minutes(10))
    told.look(shared=Shared(readiness=readiness or standing()))
    return told


def ask(story: Story, do: DrillStep, epoch: int, drill: str = DRILL) -> Decision:
    given = DrillAsk(now=story.now, do=do, drill=drill, by="ana", reason="quarterly", epoch=epoch)
    return story._take(full_drill.carry_out(story.state, given, story.now, story.policy))


def see(story: Story, drill: str = DRILL) -> DrillSight:
    return full_drill.see(story.state, drill, story.now, story.policy)


def test_a_ready_pair_goes_there_and_back_as_ordered_by_a_person() -> None:
    """Two runs, the first graceful; both reasons name the drill; each switch is acknowledged, so nothing cools down."""
    story = ready_pair()
    there = ask(story, DrillStep.THERE, 0)
    assert [order.graceful for order in there.orders if isinstance(order, StartRun)] == [True]
    assert f"graceful failover ordered by ana (full drill {DRILL}: quarterly)" in there.why
    assert (see(story).epoch, see(story).active, see(story).is_ours) == (1, "secondary", True)
    ask(story, DrillStep.ACKNOWLEDGE, 1)
    story.live(minutes(1))
    ask(story, DrillStep.BACK, 1)
    ask(story, DrillStep.ACKNOWLEDGE, 2)
    assert story.moves == [("failover", "secondary", 1), ("failback", "primary", 2)]
    assert (story.state.phase, story.state.active, story.state.acknowledged) == ("steady", "primary", True)


def test_a_real_failover_right_after_a_drill_is_not_kept_by_a_cooldown() -> None:
    """The drill has ended the cooldown of both of its switches."""
    story = ready_pair()
    for do, epoch in (
        (DrillStep.THERE, 0),
        (DrillStep.ACKNOWLEDGE, 1),
        (DrillStep.BACK, 1),
        (DrillStep.ACKNOWLEDGE, 2),
    ):
        ask(story, do, epoch)
    story.live(minutes(9), DOWN)
    assert story.moves[2:] == [("failover", "secondary", 3)]
    assert not see(story).is_ours


@pytest.mark.parametrize(
    ("readiness", "why"),
    [
        (standing(active=Role.SECONDARY), "nobody has looked yet whether the secondary is ready"),
        (standing(ready=False), "the secondary is not ready, as of .*: no quota"),
        (standing(age=timedelta(hours=3)), "counts no more"),
    ],
)
def test_a_standby_that_is_not_known_to_be_ready_refuses_it(readiness: ReadinessStanding, why: str) -> None:
    """Missing, red and too old alike."""
    story = ready_pair(readiness=readiness)
    before = story.state
    with pytest.raises(NotNow, match=why):
        ask(story, DrillStep.THERE, 0)
    assert story.state == before


def test_a_way_back_that_would_not_be_open_refuses_it_with_the_time() -> None:
    """A drill that could not go home is not begun; nothing is said of force, for it forces nothing."""
    story = ready_pair(msgspec.structs.replace(AUTO, failback_hold=timedelta(hours=12)))
    with pytest.raises(NotNow, match=r"the way back would not be open: .* earliest [-0-9: ]+Z$"):
        ask(story, DrillStep.THERE, 0)


@pytest.mark.parametrize("field", ["blackout_windows", "maintenance_windows"])
def test_a_closed_window_refuses_it_and_says_when_it_opens(field: str) -> None:
    """Without the offer to force it."""
    window = Window(since=START, until=START + timedelta(hours=2))
    story = ready_pair(msgspec.structs.replace(SHORT, **{field: (window,)}))
    with pytest.raises(NotNow, match=r"window until 2026-03-01 14:00:00Z$"):
        ask(story, DrillStep.THERE, 0)


def test_a_pair_that_is_not_at_rest_on_its_primary_refuses_it() -> None:
    """Suspect, switched, or never looked at."""
    with pytest.raises(NotNow, match="has not been looked at"):
        ask(Story(SHORT), DrillStep.THERE, 0)
    story = ready_pair()
    story.live(minutes(1), {"primary.inference": BAD})
    with pytest.raises(NotNow, match="the pair is suspect"):
        ask(story, DrillStep.THERE, 0)
    story = ready_pair()
    story.order(Do.FAILOVER)
    with pytest.raises(NotNow, match="ordered under epoch 0"):
        ask(story, DrillStep.THERE, 0)
    with pytest.raises(NotNow, match="it begins with the primary active, and the secondary is"):
        ask(story, DrillStep.THERE, 1)


def test_a_way_back_is_not_ordered_while_the_primary_is_bad() -> None:
    """Nor is it when nobody can see whether it is."""
    story = ready_pair()
    ask(story, DrillStep.THERE, 0)
    ask(story, DrillStep.ACKNOWLEDGE, 1)
    story.live(minutes(1), {"primary.keyvault": BLIND})
    with pytest.raises(NotNow, match="not known to be well"):
        ask(story, DrillStep.BACK, 1)
    story.live(minutes(8), DOWN)
    with pytest.raises(NotNow, match="has been well for"):
        ask(story, DrillStep.BACK, 1)
    assert (see(story).fails, see(story).ill) == (True, "hub and jobs")


def test_a_switch_of_somebody_else_is_neither_taken_for_the_drills_nor_acknowledged_by_it() -> None:
    """An acknowledgement would end a cooldown that people have to know of."""
    story = ready_pair()
    story.order(Do.FAILOVER)
    assert not see(story).is_ours
    with pytest.raises(NotNow, match="no switch of full drill"):
        ask(story, DrillStep.ACKNOWLEDGE, 1)
    assert not story.state.acknowledged


def test_a_run_that_was_aborted_is_seen_with_its_reason_also_after_later_looks() -> None:
    """The drill may ask later than that."""
    story = ready_pair(runs=False)
    ask(story, DrillStep.THERE, 0)
    story.report(What.ABORTED)
    story.live(minutes(1))
    assert (see(story).end_rule, see(story).run, see(story).epoch) == ("run-aborted", None, 0)


# --- a second person ------------------------------------------------------------------------------------------------


def approve(story: Story, by: str) -> Decision:
    answer = Command(do=Do.APPROVE, by=by, reason="go", proposal=see(story).request)
    return story._take(commands.command(story.state, answer, story.now, story.policy))


def asked() -> Story:
    story = ready_pair(msgspec.structs.replace(SHORT, second_person=True))
    ask(story, DrillStep.THERE, 0)
    return story


def test_a_drill_waits_for_another_person_once_and_not_again_for_the_way_back() -> None:
    """The approval is for there and back: with nobody awake at the end the pair would not come home."""
    story = asked()
    assert (story.moves, bool(see(story).request), see(story).is_ours) == ([], True, False)
    with pytest.raises(NotNow, match="somebody else"):
        approve(story, "ana")
    approve(story, "ben")
    assert (story.moves, see(story).request, see(story).is_ours) == ([("failover", "secondary", 1)], "", True)
    ask(story, DrillStep.BACK, 1)
    assert story.moves[1:] == [("failback", "primary", 2)]


def test_a_failback_that_no_drill_orders_still_needs_another_person() -> None:
    """Also one that names a drill which has ordered nothing."""
    story = ready_pair(msgspec.structs.replace(SHORT, second_person=True))
    ask(story, DrillStep.THERE, 0)
    approve(story, "ben")
    ask(story, DrillStep.BACK, 1, drill="20260101t000000000000")
    assert story.moves == [("failover", "secondary", 1)]


def test_what_was_approved_too_late_for_its_conditions_does_not_begin() -> None:
    """They are asked again when the second person answers."""
    story = asked()
    found = msgspec.structs.replace(standing(ready=False), at=story.now)
    story.look(shared=Shared(readiness=found))
    with pytest.raises(NotNow, match="no full drill now: the secondary is not ready"):
        approve(story, "ben")
    assert story.moves == []


def test_a_request_that_was_withdrawn_cannot_be_approved() -> None:
    """An aborted drill leaves nothing that somebody could begin; another drill's request stays."""
    story = asked()
    waiting = see(story).request
    ask(story, DrillStep.WITHDRAW, 0, drill="20260101t000000000000")
    assert see(story).request == waiting
    ask(story, DrillStep.WITHDRAW, 0)
    assert see(story).request == ""
    with pytest.raises(NotNow):
        approve(story, "ben")


def switched(story: Story, epoch: int = 1, drill: str = DRILL) -> EpochRecord:
    """The epoch record after a switch that another stamp made."""
    active = Role.SECONDARY if epoch % 2 else Role.PRIMARY
    kind = "failover" if epoch % 2 else "failback"
    return EpochRecord(
        epoch=epoch, active=active, run=f"{kind}-p-e{epoch}", since=story.now, why="quarterly", drill=drill
    )


def test_the_order_of_a_drills_switch_names_the_drill() -> None:
    """For the epoch record, which other stamps read. A person's own names none."""
    story = ready_pair()
    orders = [ask(story, DrillStep.THERE, 0), ask(story, DrillStep.ACKNOWLEDGE, 1), ask(story, DrillStep.BACK, 1)]
    named = [order.drill for each in orders for order in each.orders if isinstance(order, StartRun)]
    assert named == [DRILL, DRILL]
    other = ready_pair()
    (start,) = [order for order in other.order(Do.FAILOVER).orders if isinstance(order, StartRun)]
    assert start.drill == ""


def test_another_stamp_knows_both_switches_of_a_drill_for_the_drills() -> None:
    """Neither leaves a cooldown there, nor is anybody told: the stamp that holds the drill has told of it."""
    story = ready_pair()
    for epoch, active in ((1, Role.SECONDARY), (2, Role.PRIMARY)):
        decision = story.look(record=switched(story, epoch))
        state = story.state
        assert (state.phase, state.active, state.epoch, state.acknowledged) == ("steady", active, epoch, True)
        assert state.run_drill == DRILL
        assert not [order for order in decision.orders if isinstance(order, Tell)]
        assert [entry.why for entry in state.journal if entry.rule == "superseded"][-1] == (
            f"full drill {DRILL} has switched to the {active} under epoch {epoch}: quarterly"
        )
        assert f"acknowledged by full drill {DRILL}" in " ".join(entry.why for entry in state.journal)
        story.live(minutes(1))


def test_a_real_failover_of_another_stamp_is_not_kept_by_a_drills_cooldown() -> None:
    """When the stamp that held the drill is gone, the other one acts for the pair."""
    story = ready_pair()
    story.look(record=switched(story, 1))
    story.live(minutes(1))
    story.look(record=switched(story, 2))
    story.live(minutes(9), DOWN)
    assert story.moves == [("failover", "secondary", 3)]


def test_a_switch_of_another_stamp_that_no_drill_ordered_has_its_cooldown() -> None:
    """As before, and people are told."""
    story = ready_pair()
    decision = story.look(record=switched(story, drill=""))
    assert (story.state.phase, story.state.acknowledged, story.state.run_drill) == ("settled", False, "")
    assert [order.name for order in decision.orders if isinstance(order, Tell)] == ["Superseded"]


def test_a_drill_whose_primary_has_failed_is_for_people_to_acknowledge_at_every_stamp() -> None:
    """Its failover is a real one by then."""
    story = Story(msgspec.structs.replace(SHORT, mode=Mode.OBSERVE))
    story.live(minutes(10))
    story.live(minutes(9), DOWN)
    story.look(DOWN, record=switched(story))
    assert (story.state.phase, story.state.acknowledged) == ("settled", False)
    story.live(minutes(3))
    story.look(record=switched(story))
    assert (story.state.phase, story.state.acknowledged) == ("settled", False)


def test_a_drills_switch_hides_no_deletion_at_another_stamp() -> None:
    """A person has to see it."""
    story = ready_pair()
    story.hear(deletion(Role.SECONDARY, Surface.STORAGE, story.now))
    story.look(record=switched(story))
    assert (story.state.phase, story.state.acknowledged) == ("settled", False)
    assert story.state.evidence.deletions
