"""Who leads of several stamps, what a follower leaves to the leader, and what it shows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, OK, START, Story, minutes, notice, seconds, stamp_view

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import Mode, NoticeName, Phase, Role
from orchestrator.core.decision.acting import is_fit
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.explain import explain
from orchestrator.core.decision.leadership import LeaderRecord, Leadership, leadership_of, record_to_write
from orchestrator.core.decision.stamps import Shared, StampView
from orchestrator.core.decision.state import PairState, read_state
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.policy import Failback

SPAN = seconds(60)
OUTAGE = {"primary.hub": BAD, "primary.jobs": BAD}


def record(stamp: str = "north", term: int = 3, beat: int = 7, pairs: Iterable[str] = ("p",)) -> LeaderRecord:
    return LeaderRecord(stamp=stamp, term=term, beat=beat, pairs=tuple(pairs))


def led(by: LeaderRecord, now: datetime, *, lasts: timedelta = SPAN) -> Shared:
    """What a look of the stamp south reads of the leader."""
    found = leadership_of(by, "p", "south", now, until=now + lasts, take_over_after=SPAN)
    return Shared(leadership=found)


def live(story: Story, length: timedelta, found: dict[str, object] | None, by: LeaderRecord, **more: object) -> None:
    """Looks every twenty seconds, each with the same leader."""
    for _ in range(int(length / seconds(20))):
        story.now += seconds(20)
        shared = msgspec.structs.replace(led(by, story.now), **more)
        story.look(found, shared=shared)  # type: ignore[arg-type]


# --- the record ---------------------------------------------------------------------------------------------------


def test_a_stamp_that_finds_no_leader_leads() -> None:
    """The only stamp leads from its first pass on."""
    wanted = record_to_write(None, "south", ["p"], unchanged_for=timedelta(), take_over_after=SPAN)
    assert wanted == record("south", 1, 0)


def test_a_leader_whose_record_was_deleted_goes_on_above_its_term() -> None:
    """A term that was heard of is never used twice."""
    wanted = record_to_write(None, "south", [], unchanged_for=timedelta(), take_over_after=SPAN, highest_term=4)
    assert wanted == record("south", 5, 0, ())


def test_a_stamp_that_finds_its_own_name_goes_on_at_once() -> None:
    """After a restart, and whoever else is silent: its own lead needs no wait."""
    wanted = record_to_write(record("south"), "south", ["q", "p"], unchanged_for=timedelta(), take_over_after=SPAN)
    assert wanted == record("south", 3, 8, ("p", "q"))


@pytest.mark.parametrize(("silent", "takes"), [(0, False), (59, False), (60, True)])
def test_a_follower_takes_over_after_its_own_span_alone(silent: float, takes: bool) -> None:
    """No time of the leader's clock is compared: the record has none."""
    wanted = record_to_write(record(), "south", ["p"], unchanged_for=seconds(silent), take_over_after=SPAN)
    assert wanted == (record("south", 4, 0) if takes else None)


@pytest.mark.parametrize(
    ("by", "follows"),
    [(record(), True), (record(pairs=["q"]), False), (record("south"), False)],
    ids=["another leads", "another leads and leaves this pair", "this one leads"],
)
def test_a_stamp_follows_where_another_acts_for_the_pair(by: LeaderRecord, follows: bool) -> None:
    """A pair that the leader does not know, or cannot judge, is nobody's to wait for."""
    assert leadership_of(by, "p", "south", START, until=START, take_over_after=SPAN).follows is follows


# --- what a follower leaves to the leader -------------------------------------------------------------------------


def test_a_follower_switches_nothing_and_says_who_leads() -> None:
    """One acts, both watch."""
    story = Story()
    live(story, minutes(3), None, record())
    live(story, minutes(8), OUTAGE, record())
    assert (story.moves, story.state.phase, story.last.rule) == ([], Phase.SUSPECT, "hold.follower")
    assert "the stamp north leads" in story.last.why
    told = explain(story.state, story.now, AUTO)
    assert "this one takes over if it is silent for" in told.text
    assert told.would_change == ("this stamp taking over from one that is silent, or a person's order",)


def test_a_follower_that_takes_over_switches_at_once_and_says_so() -> None:
    """It has watched all the time: the evidence is ripe."""
    story = Story()
    live(story, minutes(3), None, record())
    live(story, minutes(8), OUTAGE, record())
    assert story.told == []
    story.now += seconds(10)
    story.look(OUTAGE, shared=led(record("south", 4, 0), story.now))
    assert story.moves == [("failover", "secondary", 1)]
    changed = next(tell for tell in story.told if tell.name is NoticeName.LEADER_CHANGED)
    assert changed.why.startswith("the stamp north gave no sign that it leads: the stamp south leads under term 4; ")


def test_a_follower_acts_for_a_pair_that_the_leader_leaves() -> None:
    """The leader cannot see it, or its own region is in trouble: never to fail over would be worse than two notices."""
    story = Story()
    live(story, minutes(3), None, record())
    live(story, minutes(8), OUTAGE, record(pairs=()))
    assert story.moves == [("failover", "secondary", 1)]
    assert NoticeName.LEADER_CHANGED not in {tell.name for tell in story.told}


def test_a_follower_does_not_fail_back_by_itself() -> None:
    """The way home is the leader's too."""
    policy = msgspec.structs.replace(AUTO, failback=Failback.AUTO, failback_hold=minutes(20), cooldown=minutes(30))
    story = Story(policy)
    there = EpochRecord(epoch=1, active=Role.SECONDARY, run="failover-p-e1", since=START, why="it was down")
    for _ in range(3 * 60):
        story.now += seconds(30)
        story.look(record=there, shared=led(record(), story.now))
    assert (story.moves, story.last.rule) == ([], "hold.follower")
    story.look(record=there, shared=led(record("south", 4), story.now))
    assert story.moves == [("failback", "primary", 2)]


def test_a_follower_tells_people_of_its_own_trouble_alone() -> None:
    """Each notice comes once, from the leader; but who cannot read the stores cannot know whether anybody leads."""
    story = Story()
    live(story, minutes(3), None, record())
    live(story, minutes(8), OUTAGE, record())
    live(story, minutes(3), {"primary.hub": BLIND, "primary.jobs": BLIND}, record())
    assert story.told == []
    story.look(OUTAGE, trouble="the ledger does not answer")
    assert [tell.name for tell in story.told] == [NoticeName.TROUBLE_BEGAN]


def test_what_the_old_leader_may_not_have_told_is_told_by_the_new_one() -> None:
    """It may have died before it could."""
    story = Story()
    live(story, minutes(3), None, record())
    live(story, minutes(20), {"primary.hub": BLIND, "primary.jobs": BLIND}, record())
    assert story.told == []
    live(story, seconds(20), {"primary.hub": BLIND, "primary.jobs": BLIND}, record("south", 4))
    assert NoticeName.SIGHT_LOST in {tell.name for tell in story.told}


def test_a_person_may_order_a_switch_at_a_follower() -> None:
    """The leader may be dead; the claim fences."""
    story = Story()
    live(story, minutes(3), None, record())
    story.order(Do.FAILOVER)
    assert story.moves == [("failover", "secondary", 1)]


def test_an_approval_at_a_stamp_that_has_come_to_follow_counts() -> None:
    """The proposal was its own, made while it led."""
    story = Story(msgspec.structs.replace(AUTO, mode=Mode.APPROVE))
    live(story, minutes(3), None, record("south"))
    live(story, minutes(8), OUTAGE, record("south"))
    live(story, seconds(20), OUTAGE, record())
    assert (story.state.phase, story.last.rule) == (Phase.AWAITING_APPROVAL, "hold.follower")
    story.order(Do.APPROVE)
    assert story.moves == [("failover", "secondary", 1)]


# --- a lead that is not renewed -----------------------------------------------------------------------------------


def test_a_leader_that_could_not_renew_orders_nothing_where_there_is_another_stamp() -> None:
    """Another one may have taken over by now."""
    story = Story()
    other = (stamp_view(START),)
    live(story, minutes(3), None, record("south"), views=other)
    for _ in range(24):
        story.now += seconds(20)
        story.look(OUTAGE)  # the leader's record is not heard of
    assert (story.moves, story.last.rule) == ([], "hold.lead-lapsed")
    story.look(OUTAGE, shared=led(record("south"), story.now))
    assert story.moves == [("failover", "secondary", 1)]


def test_the_only_stamp_switches_as_ever() -> None:
    """Nobody could have taken over."""
    story = Story()
    live(story, minutes(3), None, record("south"))
    for _ in range(24):
        story.now += seconds(20)
        story.look(OUTAGE)
    assert story.moves == [("failover", "secondary", 1)]


# --- who sees otherwise -------------------------------------------------------------------------------------------


def other_view(now: datetime, **seen: Iterable[str]) -> tuple[StampView, ...]:
    return (stamp_view(now, **seen),)


def test_a_stamp_that_sees_well_what_the_leader_sees_bad_is_shown_and_not_obeyed() -> None:
    """One wrong view holds nobody but itself."""
    story = Story()
    live(story, minutes(3), None, record("south"))
    for _ in range(24):
        story.now += seconds(20)
        views = other_view(story.now, well=["hub", "jobs"])
        story.look(OUTAGE, shared=msgspec.structs.replace(led(record("south"), story.now), views=views))
        if story.moves:
            break
        if story.state.phase is Phase.SUSPECT:
            assert story.state.dissent == "the stamp north sees hub and jobs of the primary well, this one does not"
            assert (
                f"Shown, and no hold for the leader: {story.state.dissent}."
                in explain(story.state, story.now, AUTO).text
            )
    assert story.moves == [("failover", "secondary", 1)]


def test_what_another_stamp_alone_sees_bad_is_shown() -> None:
    """At the leader and at the follower."""
    for leader in ("north", "south"):
        story = Story()
        live(story, minutes(3), None, record(leader), views=other_view(START + minutes(3), bad=["hub"]))
        assert story.state.dissent == "the stamp north sees hub of the primary bad, this one does not"
        assert story.state.phase is Phase.STEADY


def test_an_order_at_a_follower_whose_leader_sees_well_needs_force() -> None:
    """Who follows may be the one that is wrong."""
    story = Story()
    live(story, minutes(3), None, record())
    well = ["hub", "jobs", "inference", "dependency", "control"]
    live(story, minutes(3), OUTAGE, record(), views=other_view(START + minutes(6), well=well))
    with pytest.raises(NotNow, match="the stamp north saw hub, jobs, inference, dependency and control of the primary"):
        story.order(Do.FAILOVER)
    story.order(Do.FAILOVER, force=True)
    assert story.moves == [("failover", "secondary", 1)]


# --- who cannot act -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "length", "fit"),
    [
        ({}, 12, True),
        (OUTAGE, 4, True),
        ({"observer": BAD}, 1, False),
        ({"primary.identity": BLIND, "secondary.identity": BLIND}, 1, False),
        ({**OUTAGE, "secondary.hub": BLIND, "secondary.jobs": BLIND}, 12, False),
        ({"primary.hub": BLIND, "primary.jobs": BLIND}, 12, False),
    ],
)
def test_a_stamp_leaves_what_it_cannot_judge_to_others(found: dict[str, object], length: int, fit: bool) -> None:
    """Its own network, tokens and roles are no reason for the others to stand still."""
    story = Story()
    live(story, minutes(3), None, record("south"))
    live(story, minutes(length), found, record("south"))
    assert story.moves == []
    assert is_fit(story.state, story.now, AUTO) is fit


def test_a_stamp_in_a_region_in_trouble_leaves_its_pairs() -> None:
    """hold.own-region says that another stamp is not held by it: so nobody waits for this one."""
    story = Story()
    live(story, minutes(3), None, record("south"))
    ours = notice(story.now, used=[])
    story.hear(msgspec.structs.replace(ours, scope=msgspec.structs.replace(ours.scope, ours=True)))
    live(story, seconds(20), None, record("south"))
    assert not is_fit(story.state, story.now, AUTO)


def test_a_pair_that_was_never_looked_at_or_not_for_long_is_left_to_others() -> None:
    """The engine of this stamp may take nothing in."""
    story = Story()
    assert not is_fit(None, story.now, AUTO)
    assert not is_fit(story.state, story.now, AUTO)
    live(story, minutes(3), {"primary.hub": OK}, record("south"))
    assert is_fit(story.state, story.now, AUTO)
    assert not is_fit(story.state, story.now + minutes(30), AUTO)


def test_what_is_known_of_the_leader_survives_being_stored() -> None:
    """A span of time and two moments go with it."""
    story = Story()
    live(story, minutes(3), None, record("south"))
    before = story.state.leadership
    assert before is not None
    assert before.since == START + seconds(20)
    assert read_state(encode(story.state)).leadership == before
    assert isinstance(msgspec.convert(msgspec.to_builtins(story.state), PairState).leadership, Leadership)


# --- a follower that is silent -------------------------------------------------------------------------------------

OURS = record("south", 4)


def silences(story: Story) -> list[NoticeName]:
    return [tell.name for tell in story.told if tell.name in {NoticeName.STAMP_SILENT, NoticeName.STAMP_HEARD}]


def test_the_leader_tells_once_of_a_follower_that_looks_no_more() -> None:
    """Nobody else would notice, and nobody would take over; it is told again when it is back, and silent again."""
    story = Story()
    gone = stamp_view(START)
    live(story, AUTO.evidence_lifetime, None, OURS, views=(gone,))
    assert silences(story) == []
    live(story, 3 * AUTO.evidence_lifetime, None, OURS, views=(gone,))
    assert silences(story) == [NoticeName.STAMP_SILENT]
    silent = story.told[-1]
    assert "the stamp north looked last " in silent.why
    assert "nobody takes over" in silent.why
    live(story, seconds(20), None, OURS, views=(stamp_view(story.now),))
    assert silences(story) == [NoticeName.STAMP_SILENT, NoticeName.STAMP_HEARD]
    live(story, 3 * AUTO.evidence_lifetime, None, OURS, views=(stamp_view(story.now),))
    assert silences(story)[2:] == [NoticeName.STAMP_SILENT]


def test_a_view_that_was_removed_ends_the_silence() -> None:
    """A stamp that was taken away leaves its view behind until somebody deletes it."""
    story = Story()
    live(story, 3 * AUTO.evidence_lifetime, None, OURS, views=(stamp_view(START),))
    live(story, seconds(20), None, OURS, views=())
    assert silences(story) == [NoticeName.STAMP_SILENT, NoticeName.STAMP_HEARD]


def test_a_follower_tells_of_no_silence_and_one_that_takes_over_does() -> None:
    """The stamp that led is the one that is silent then."""
    story = Story()
    live(story, 3 * AUTO.evidence_lifetime, None, record(), views=(stamp_view(START),))
    assert silences(story) == []
    live(story, seconds(20), None, OURS, views=(stamp_view(START),))
    assert silences(story) == [NoticeName.STAMP_SILENT]


def test_a_single_stamp_tells_of_no_silence() -> None:
    """There is nobody who could be silent."""
    story = Story()
    live(story, 3 * AUTO.evidence_lifetime, None, OURS, views=())
    assert silences(story) == []
