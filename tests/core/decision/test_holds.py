"""Holds of our own distrust, of other stamps, of people and of drills: each by itself, with its way out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, PRIMARY, SECONDARY, START, Story, failed_over, minutes, probe, seconds, stamp_view

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Observation, Role
from orchestrator.core.decision import commands, decide, run_reports
from orchestrator.core.decision import state as state_module
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.stamps import GreenDrill, PauseRecord, Shared
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import Says, Scope, Signal, Source

DOWN = {"primary.hub": BAD, "primary.jobs": BAD}


def pause(at: datetime, *, paused: bool = True) -> PauseRecord:
    return PauseRecord(paused=paused, at=at, by="ana", reason="a change of the network")


def deliver(story: Story, **brought: Any) -> state_module.Decision:
    """Something that is no look."""
    seen = Observed(now=story.now, **brought)
    return story._take(decide.step(story.state, seen, story.now, story.policy))


def outage(story: Story, length: timedelta = timedelta(minutes=7)) -> Story:
    story.live(length, DOWN)
    return story


# --- pauses -----------------------------------------------------------------------------------------------------


def test_a_pause_of_everything_holds_from_the_moment_it_is_heard_of() -> None:
    """S3: it comes as a delivery, or with any look, and ends the same way."""
    story = Story()
    story.live(minutes(3))
    deliver(story, shared=Shared(pause_all=pause(story.now)))
    outage(story)
    assert (story.moves, story.last.rule) == ([], "hold.paused-all")
    assert "ana" in story.last.why
    story.look(DOWN, shared=Shared(pause_all=pause(story.now, paused=False)))
    assert len(story.moves) == 1


def test_a_pause_given_to_one_stamp_holds_in_the_other() -> None:
    """S3: the record is the same for both; the other one reads it at its next look."""
    story = Story()
    story.look(shared=Shared(pause=pause(START)))
    assert story.state.paused is not None
    outage(story)
    assert (story.moves, story.last.rule) == ([], "hold.paused")
    with pytest.raises(NotNow):
        story.order(Do.FAILOVER)


def test_a_look_that_read_before_a_command_does_not_undo_it() -> None:
    """A slow look brings a record that is older than the pause, or the end of one, that the pair has heard of."""
    story = Story()
    for number, do in enumerate([Do.PAUSE, Do.RESUME, Do.PAUSE]):
        command = commands.Command(do=do, by="ana", reason="r", stored_at=START + seconds(number))
        story._take(commands.command(story.state, command, story.now, AUTO))
    story.look(shared=Shared(pause=pause(START + seconds(1), paused=False)))
    assert story.state.paused is not None
    story.look(shared=Shared(pause=pause(START + seconds(3), paused=False)))
    assert story.state.paused is None


def test_a_record_that_is_gone_ends_no_pause() -> None:
    """Somebody deleted it. Only a command ends what a command began."""
    story = Story()
    story.look(shared=Shared(pause_all=pause(START), pause=pause(START)))
    story.look(shared=Shared())
    assert (story.state.paused is None, story.state.paused_all is None) == (False, False)


# --- drills -----------------------------------------------------------------------------------------------------


def drilled(*ages: timedelta) -> Shared:
    drills = [GreenDrill(drill=str(n), kind="dry", at=START - age) for n, age in enumerate(ages)]
    return Shared(drills=tuple(drills))


@pytest.mark.parametrize(
    ("ages", "why"),
    [([], "0 of 2"), ([timedelta(days=1)], "1 of 2"), ([timedelta(days=1), timedelta(days=200)], "1 of 2")],
)
def test_auto_does_not_act_before_its_drills(ages: list[timedelta], why: str) -> None:
    """Those that went well, and not too long ago; the sentence counts them."""
    story = Story(Policy(mode=Mode.AUTO, green_drills=2))
    story.look(shared=drilled(*ages))
    outage(story)
    assert (story.moves, story.last.rule) == ([], "hold.drills")
    assert why in story.last.why


def test_auto_acts_after_its_drills() -> None:
    """As many as the policy asks for."""
    story = Story(Policy(mode=Mode.AUTO, green_drills=2))
    story.look(shared=drilled(timedelta(days=1), timedelta(days=80)))
    assert len(outage(story).moves) == 1


@pytest.mark.parametrize("fields", [{"auto_without_drills": "the old tool was drilled"}, {"mode": Mode.APPROVE}])
def test_a_reason_in_the_plan_or_a_person_stands_in_for_drills(fields: dict[str, Any]) -> None:
    """Forced with a recorded reason, or with somebody to approve."""
    story = outage(Story(msgspec.structs.replace(Policy(mode=Mode.AUTO), **fields)))
    assert story.last.rule != "hold.drills"
    assert len(story.moves) == (1 if "auto_without_drills" in fields else 0)


def test_people_may_order_a_switch_without_drills() -> None:
    """The hold is for what goes alone."""
    story = Story(Policy(mode=Mode.AUTO))
    story.live(minutes(3))
    story.order(Do.FAILOVER)
    assert len(story.moves) == 1


def test_people_are_told_when_drills_have_grown_too_old() -> None:
    """Once; an arm that falls off in silence is found in the next outage."""
    story = Story(Policy(mode=Mode.AUTO))
    story.look(shared=drilled(timedelta(days=89)))
    story.now += timedelta(days=2)
    story.look()
    story.look()
    assert [tell.name for tell in story.told] == ["DrillsLapsed"]


# --- our own eyes -----------------------------------------------------------------------------------------------


def test_what_was_seen_before_a_blind_spell_does_not_confirm() -> None:
    """S3: bad before, bad after, and nobody looked for three minutes between: the wait is gone through anew."""
    story = Story()
    story.live(minutes(3))
    story.live(minutes(4), DOWN)
    story.now += minutes(3)
    resumed = story.now
    story.live(minutes(5) - seconds(1), DOWN)
    assert (story.moves, story.last.rule) == ([], "hold.blind-spell")
    assert "until 2026-03-01 12:15:00Z" in story.last.why
    story.live(seconds(20), DOWN)
    assert len(story.moves) == 1
    assert story.now - resumed < minutes(6)


def test_what_is_delivered_while_nobody_looks_confirms_nothing() -> None:
    """The timers are dead; an alert must not set off what they saw minutes ago."""
    story = Story(msgspec.structs.replace(AUTO, confirm_after=minutes(2)))
    story.live(minutes(3))
    story.live(minutes(2) - seconds(5), DOWN)
    story.now += minutes(3)
    deliver(story, signals=(probe("primary.hub", BAD, story.now), probe("primary.jobs", BAD, story.now)))
    assert (story.moves, story.last.rule) == ([], "hold.blind-spell")


def test_a_timer_that_is_a_little_late_is_no_blind_spell() -> None:
    """Three intervals without a look happen on any busy day."""
    story = Story()
    story.live(minutes(3))
    story.live(minutes(3), DOWN)
    story.now += seconds(90)
    outage(story, minutes(2))
    assert len(story.moves) == 1


def test_people_may_order_a_switch_in_a_blind_spell() -> None:
    """They have eyes of their own."""
    story = Story()
    story.live(minutes(3))
    story.now += minutes(10)
    story.live(minutes(4))
    story.order(Do.FAILOVER)
    assert len(story.moves) == 1


def our_notice(at: datetime, seen: Observation = BAD) -> Signal:
    return Signal(
        key=f"ours-{at.isoformat()}",
        source=Source.DELIVERY,
        role=None,
        subject="T-9",
        evidence_class=EvidenceClass.NOTICE,
        observation=seen,
        occurred_at=at,
        why="App Service in our region",
        says=Says.NOTICE,
        scope=Scope(ours=True),
    )


def test_an_incident_in_our_own_region_holds_until_it_is_over() -> None:
    """S3: it names neither side; it is our eyes that are in doubt."""
    story = Story()
    story.live(minutes(3))
    story.hear(our_notice(story.now))
    outage(story)
    assert (story.moves, story.last.rule) == ([], "hold.own-region")
    story.hear(our_notice(story.now, Observation.OK))
    assert len(story.moves) == 1


def test_no_token_for_either_side_holds_and_is_never_bad() -> None:
    """S4: what was confirmed before the identity failed is not acted on without eyes."""
    story = Story(msgspec.structs.replace(AUTO, secondary_fresh=minutes(20)))
    story.live(minutes(3))
    story.live(minutes(5) - seconds(5), DOWN)
    blind = {f"{role}.identity": BLIND for role in Role}
    story.policy = msgspec.structs.replace(story.policy, confirm_after=minutes(4))
    story.look(DOWN | blind)
    assert (story.moves, story.last.rule) == ([], "hold.identity")
    story.now += seconds(10)
    story.look(DOWN | {"primary.identity": BLIND})
    assert len(story.moves) == 1


def test_trouble_of_our_own_network_is_not_told_as_a_token_that_is_refused() -> None:
    """Nobody was asked for one."""
    story = Story(msgspec.structs.replace(AUTO, secondary_fresh=minutes(20)))
    story.live(minutes(3))
    story.live(minutes(5) - seconds(5), DOWN)
    story.policy = msgspec.structs.replace(story.policy, confirm_after=minutes(4))
    story.look(DOWN | {"observer": BAD})
    assert (story.moves, story.last.rule) == ([], "hold.observer")
    assert "token" not in story.last.why


def test_the_time_that_is_handed_in_is_the_one_that_is_judged() -> None:
    """A clock that went back by an hour is seen, not smoothed over; an acknowledgement with force believes it."""
    story = Story()
    story.live(minutes(3))
    story.now -= timedelta(hours=1)
    assert story.look(DOWN).rule == "hold.clock"
    with pytest.raises(NotNow, match="went back"):
        story.order(Do.ACKNOWLEDGE)
    story.order(Do.ACKNOWLEDGE, force=True)
    assert story.state.last_now == story.now
    story.live(minutes(3))
    outage(story)
    assert len(story.moves) == 1


# --- two stamps -------------------------------------------------------------------------------------------------


def stamps(story: Story, **of: Any) -> Story:
    """An outage while another stamp goes on telling the same."""
    story.live(minutes(3))
    end = story.now + minutes(7)
    while story.now < end and not story.moves:
        story.look(DOWN, shared=Shared(views=(stamp_view(story.now - of.pop("age", seconds(20)), **of),)))
        story.now += seconds(15)
    return story


def test_another_stamp_that_sees_well_what_we_see_bad_holds() -> None:
    """S3: one of the two is wrong, and nobody can say which."""
    story = stamps(Story(), well=("hub", "jobs", "dependency"))
    assert (story.moves, story.last.rule) == ([], "hold.other-stamp")
    assert "north saw hub and jobs of the primary well" in story.last.why


@pytest.mark.parametrize(
    "of",
    [{"well": ("hub",), "bad": ("jobs",)}, {"well": ("hub",)}, {"bad": ("hub", "jobs")}, {}],
    ids=["sees one bad", "is blind in one", "sees the same", "is blind"],
)
def test_another_stamp_that_is_blind_or_agrees_does_not_hold(of: dict[str, Any]) -> None:
    """Only well in *every* class in which we see bad is a contradiction."""
    assert len(stamps(Story(), **of).moves) == 1


def test_a_view_of_long_ago_does_not_hold() -> None:
    """The other stamp may be down with its region."""
    story = Story()
    story.look(shared=Shared(views=(stamp_view(START, well=("hub", "jobs")),)))
    story.live(minutes(3))
    outage(story)
    assert len(story.moves) == 1


def test_a_view_that_cannot_be_read_is_told_and_does_not_hold() -> None:
    """As above; what could not be read stands in the state."""
    story = Story()
    story.look(shared=Shared(caution="the view of north is no JSON"))
    assert story.state.caution == "the view of north is no JSON"
    outage(story)
    assert len(story.moves) == 1


# --- trouble ----------------------------------------------------------------------------------------------------


def test_people_are_told_when_trouble_begins_and_when_it_is_over() -> None:
    """Once each, however long it lasts."""
    story = Story()
    for trouble in (None, "503", "503", "timeout", None, None):
        story.look(trouble=trouble)
    assert [tell.name for tell in story.told] == ["TroubleBegan", "TroubleOver"]


def test_a_look_that_began_before_the_switch_proves_nothing_against_it() -> None:
    """What it read is older than what the run has reported since."""
    story = failed_over()
    old = EpochRecord(epoch=0, active=PRIMARY, run=None, since=START, why="set up")
    switched = story.state.switched_at
    assert switched is not None
    assert story.look(record=old, began=switched - seconds(1)).state.trouble is None
    assert story.look(record=old, began=switched + seconds(1)).state.trouble is not None


def test_a_look_with_trouble_still_takes_over_what_others_switched() -> None:
    """The record could be read; what could not be is the pointer."""
    story = Story()
    record = EpochRecord(epoch=4, active=SECONDARY, run="other", since=START - minutes(50), why="by hand")
    state = story.look(record=record, trouble="the pointer answers 503").state
    assert (state.active, state.epoch) == (SECONDARY, 4)
    assert state.switched_at == START - minutes(50)


def test_a_cooldown_after_a_failed_order_is_ended_by_an_acknowledgement() -> None:
    """Also where the pair did not settle: the sentence of the hold must be true."""
    story = failed_over()
    story.runs = False
    story.order(Do.FAILOVER, force=True)
    story.report(run_reports.What.FAILED)
    story.order(Do.ACKNOWLEDGE)
    assert (story.state.acknowledged, story.state.failed_at) == (True, None)
