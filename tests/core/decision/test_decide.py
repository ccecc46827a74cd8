"""Deciding: from suspicion to a switch, the holds in between, and what people are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from stories import (
    AUTO,
    BAD,
    BLIND,
    OK,
    PRIMARY,
    SECONDARY,
    START,
    Story,
    alert,
    deletion,
    failed_over,
    minutes,
    notice,
    seconds,
    sweep,
)

from orchestrator.core.base.vocabulary import Mode, NoticeName, Observation, Phase, Role, Surface
from orchestrator.core.decision import decide
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.run_reports import What
from orchestrator.core.decision.state import initial
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.policy import Failback, Policy, Window
from orchestrator.core.signals.signal import Signal, probe_signal

DOWN = {"primary.hub": BAD, "primary.jobs": BAD}
HEALED = {"primary.hub": OK, "primary.jobs": OK}


def test_a_pair_on_which_all_is_well_stays_where_it_is() -> None:
    """An hour of good answers moves nothing and tells nobody."""
    story = Story()
    story.live(minutes(60))
    assert (story.state.phase, story.moves, story.told) == (Phase.STEADY, [], [])


def test_an_outage_switches_within_the_wait_and_three_suspect_looks() -> None:
    """From the first bad second to the order: the wait, three looks while suspect, and a little."""
    story = Story()
    story.live(minutes(10) - seconds(1))
    began = story.now
    story.live(minutes(8), DOWN)
    switched = story.state.switched_at
    assert switched is not None
    assert switched - began <= AUTO.confirm_after + 3 * AUTO.suspect_interval + seconds(15)


def test_the_run_is_ordered_in_the_decision_that_moves_the_phase() -> None:
    """State and order are stored together: switching, run under way, next epoch."""
    story = Story(runs=False)
    story.live(minutes(3))
    story.live(minutes(6), DOWN)
    order = story.ordered[0]
    assert (order.run, order.epoch, order.source, order.target) == ("failover-p-e1", 1, PRIMARY, SECONDARY)
    assert (story.state.phase, story.state.run, story.state.epoch) == (Phase.SWITCHING, "failover-p-e1", 0)


def test_nothing_is_ordered_while_a_run_is_under_way() -> None:
    """One run at a time, however bad it gets."""
    story = Story(runs=False)
    story.live(minutes(3))
    story.live(minutes(60), DOWN)
    assert (len(story.ordered), story.last.rule) == (1, "running")


def test_after_the_switch_the_same_rule_protects_the_other_side() -> None:
    """Acknowledged, and the secondary fails: the pair moves again, to the primary, under the next epoch."""
    story = failed_over()
    story.live(minutes(10))
    story.order(Do.ACKNOWLEDGE)
    story.live(minutes(2))
    story.live(minutes(6), {"secondary.hub": BAD, "secondary.storage": BAD})
    assert story.moves == [("failover", "secondary", 1), ("failover", "primary", 2)]


def test_the_cooldown_holds_and_says_until_when() -> None:
    """Nothing moves by itself within the cooldown; its end is in the reason."""
    story = failed_over()
    ends = story.state.switched_at + AUTO.cooldown  # type: ignore[operator]
    story.live(minutes(20), HEALED)
    story.live(minutes(10), {"secondary.hub": BAD, "secondary.storage": BAD})
    assert (len(story.moves), story.last.rule) == (1, "hold.cooldown")
    assert f"{ends:%H:%M}" in story.last.why


def test_the_end_of_the_cooldown_ends_the_hold() -> None:
    """What has been bad for long by then is left at once."""
    story = failed_over()
    story.live(minutes(20))
    story.live(minutes(45), {"secondary.hub": BAD, "secondary.storage": BAD})
    assert story.moves[1:] == [("failover", "primary", 2)]


def held_by(
    story: Story, found: dict[str, Observation] | None = None, *signals: Signal, pairs_moving: float = 0.0
) -> str:
    """The hold that stands after nine minutes of an outage of the primary."""
    story.live(minutes(3))
    for _ in range(54):
        if signals:
            story.hear(*(msgspec.structs.replace(s, occurred_at=story.now) for s in signals))
        story.look(DOWN | (found or {}), pairs_moving=pairs_moving)
        story.now += seconds(10)
    assert story.moves == []
    return story.last.rule


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        ({"elsewhere": BAD}, "hold.elsewhere"),
        ({"secondary.hub": BAD}, "hold.standby-bad"),
        ({"secondary.jobs": BLIND}, "hold.standby-unseen"),
        ({"secondary.identity": BAD}, "hold.standby-unseen"),
        ({"primary.control": BAD, "secondary.control": BAD}, "hold.standby-bad"),
    ],
)
def test_a_fault_that_is_not_only_the_primarys_holds(found: dict[str, Observation], rule: str) -> None:
    """Seen elsewhere, on the standby too, or on a standby that nobody can see: the pair stays."""
    assert held_by(Story(), found) == rule


def test_a_standby_that_is_bad_in_something_else_does_not_hold() -> None:
    """What counts is that the standby is well in what the primary is bad in."""
    story = Story()
    story.live(minutes(3))
    story.live(minutes(6), DOWN | {"secondary.acr": BAD})
    assert len(story.moves) == 1


def test_while_our_own_region_is_in_trouble_nothing_moves() -> None:
    """Blind ourselves, we see no outage, and hold if one had been seen before."""
    story = Story()
    story.live(minutes(3))
    story.live(minutes(6), DOWN | {"observer": BAD})
    assert (story.moves, story.state.phase) == ([], Phase.STEADY)


def test_an_observer_that_fails_at_the_last_moment_holds() -> None:
    """The evidence suffices, but our own region is in trouble now."""
    story = Story()
    story.live(minutes(3))
    story.order(Do.PAUSE)
    story.live(minutes(7), DOWN)
    story.order(Do.RESUME)
    story.now += seconds(5)
    assert (story.look(DOWN | {"observer": BAD}).rule, story.moves) == ("hold.observer", [])


@pytest.mark.parametrize(
    ("signal", "rule"),
    [
        (notice(START, BAD, everywhere=True), "hold.global-notice"),
        (notice(START, BAD, used=[SECONDARY]), "hold.standby-notice"),
        (deletion(PRIMARY, Surface.STORAGE, START), "hold.deleted"),
        (deletion(SECONDARY, Surface.ACR, START), "hold.deleted"),
    ],
)
def test_what_is_delivered_may_hold(signal: Signal, rule: str) -> None:
    """A worldwide incident, one at the standby, somebody's deletion."""
    found = {"primary.storage": BAD} if rule == "hold.deleted" and signal.role is PRIMARY else {}
    found |= {"secondary.acr": BLIND} if signal.role is SECONDARY else {}
    assert held_by(Story(), found, signal) == rule


def test_an_alert_at_the_standby_holds_what_rests_on_alerts() -> None:
    """Metrics of the standby are well only as long as nothing bad is known of them."""
    story = Story()
    story.live(minutes(3))
    story.hear(alert(PRIMARY, BAD, story.now), alert(SECONDARY, BAD, story.now))
    story.live(minutes(7), {"primary.jobs": BAD})
    assert (story.moves, story.last.rule) == ([], "hold.standby-bad")


def test_more_than_half_of_all_pairs_at_once_holds() -> None:
    """The fault is taken to be ours, or everybody's."""
    assert held_by(Story(), pairs_moving=0.51) == "hold.mass"


def test_half_of_all_pairs_does_not_hold() -> None:
    """The limit itself is still allowed."""
    story = Story()
    story.live(minutes(3))
    for _ in range(40):
        story.look(DOWN, pairs_moving=0.5)
        story.now += seconds(10)
    assert len(story.moves) == 1


def test_a_maintenance_window_holds_until_its_end() -> None:
    """From its first moment on, up to but without its last."""
    window = Window(since=START + minutes(5), until=START + minutes(30))
    story = Story(msgspec.structs.replace(AUTO, maintenance_windows=(window,)))
    story.live(minutes(4))
    story.live(minutes(25), DOWN)
    assert (story.moves, story.last.rule) == ([], "hold.maintenance")
    story.live(minutes(2), DOWN)
    assert len(story.moves) == 1


def test_a_pair_that_only_observes_stays_and_says_so() -> None:
    """A new deployment watches; the reason tells what it would have done."""
    story = Story(Policy())
    assert held_by(story) == "hold.mode"
    assert "hub for 8 min and jobs for 8 min" in story.last.why


def test_paused_means_paused_and_resumed_goes_on_at_once() -> None:
    """What has waited for long enough need not wait again."""
    story = Story()
    story.order(Do.PAUSE)
    assert held_by(story) == "hold.paused"
    story.order(Do.RESUME)
    story.tick()
    assert len(story.moves) == 1


def test_a_store_that_cannot_be_read_holds() -> None:
    """Trouble stops the pair, visibly, until a look finds it gone; deliveries do not end it."""
    story = Story()
    story.live(minutes(3))
    for _ in range(40):
        story.look(DOWN, trouble="the epoch record answers 503")
        story.now += seconds(10)
    assert (story.moves, story.last.rule) == ([], "hold.trouble")
    signals = tuple(sweep(story.now, DOWN))
    delivery = Observed(now=story.now, signals=signals)
    assert decide.step(story.state, delivery, story.now, AUTO).rule == "hold.trouble"
    look = msgspec.structs.replace(delivery, is_look=True)
    assert decide.step(story.state, look, story.now, AUTO).rule == "two-classes"


@pytest.mark.parametrize(("epoch", "active"), [(0, Role.SECONDARY), (1, Role.PRIMARY)])
def test_an_epoch_record_that_contradicts_what_was_seen_stops_the_pair(epoch: int, active: Role) -> None:
    """A record that went back, or names another side under the same epoch, cannot be true."""
    story = failed_over()
    record = EpochRecord(epoch=epoch, active=active, run=None, since=START, why="")
    assert story.look(record=record).state.trouble is not None


def test_a_clock_that_jumps_back_decides_nothing() -> None:
    """Half an hour back: nothing that depends on time is believed."""
    story = Story()
    story.live(minutes(60))
    story.now -= minutes(30)
    before = story.state.evidence
    assert (story.look(DOWN).rule, story.state.evidence) == ("hold.clock", before)


def test_a_clock_that_is_put_right_by_a_little_changes_nothing() -> None:
    """A minute back is taken as no time having passed."""
    story = Story()
    story.live(minutes(10))
    latest = story.state.last_now
    story.now -= minutes(1)
    story.look()
    assert story.state.last_now == latest


def test_a_class_that_turned_bad_later_and_went_blind_keeps_the_pair_suspect() -> None:
    """The one that was bad first is well again; of the other nobody knows."""
    story = Story()
    story.live(minutes(3))
    story.live(minutes(2), {"primary.hub": BAD})
    story.live(minutes(2), {"primary.hub": BAD, "primary.jobs": BAD})
    story.live(minutes(8), {"primary.jobs": BLIND})
    assert (story.state.phase, [*story.state.suspects]) == (Phase.SUSPECT, ["jobs"])
    story.live(minutes(1))
    assert (story.state.phase, story.state.suspects) == (Phase.STEADY, ())


def test_another_reason_to_hold_is_told_whichever_it_is() -> None:
    """Each once; back to the first one is news again."""
    story = Story()
    story.live(minutes(3))
    story.order(Do.PAUSE, "network work")
    story.live(minutes(8), DOWN)
    found = DOWN | {"elsewhere": BAD}
    story.live(minutes(1), found)
    story.order(Do.RESUME)
    story.live(minutes(1), found)
    story.order(Do.PAUSE, "more of it")
    story.live(minutes(1), found)
    held = [tell.why for tell in story.told if tell.name is NoticeName.SWITCH_HELD]
    assert [why.split()[0] for why in held] == ["paused", "the", "paused"]


def test_blindness_alone_changes_nothing() -> None:
    """Three hours in which every question about the primary ends in 403."""
    story = Story()
    story.live(minutes(5))
    blind = {f"primary.{s}": BLIND for s in ("hub", "jobs", "inference", "storage", "keyvault", "acr", "control")}
    story.live(timedelta(hours=3), blind)
    assert (story.state.phase, story.moves) == (Phase.STEADY, [])
    assert [tell.name for tell in story.told if tell.name != "ClassBlind"] == ["SightLost"]


UNSEEN = {"primary.hub": BLIND, "primary.jobs": BLIND}


def test_a_side_that_cannot_be_seen_is_told_once_and_when_it_is_over() -> None:
    """Nobody is to believe that all is well because nothing bad is seen."""
    story = Story()
    story.live(minutes(5))
    story.live(AUTO.confirm_after + minutes(20), UNSEEN)
    assert "hub and jobs of the primary cannot be seen" in story.state.why
    story.live(minutes(10), {"primary.hub": OK, "primary.jobs": OK})
    assert [tell.name for tell in story.told if tell.name != "ClassBlind"] == ["SightLost", "SightRegained"]
    assert (story.state.blind_since, story.state.phase) == (None, Phase.STEADY)


@pytest.mark.parametrize("unseen", [{"primary.hub": BLIND}, {"secondary.hub": BLIND, "secondary.jobs": BLIND}])
def test_half_a_view_and_the_other_side_are_told_by_class_only(unseen: dict[str, Observation]) -> None:
    """One work class that can be seen is enough to know whether work goes on; the blind class is told by itself."""
    story = Story()
    story.live(minutes(5))
    story.live(minutes(60), unseen)
    assert [tell.name for tell in story.told] == ["ClassBlind"]


def test_a_short_blindness_is_not_told() -> None:
    """Shorter than what an outage has to last."""
    story = Story()
    story.live(minutes(5))
    for _ in range(5):
        story.live(AUTO.confirm_after - minutes(1), UNSEEN)
        story.live(minutes(1), {"primary.hub": OK, "primary.jobs": OK})
    assert story.told == []


def test_a_suspect_pair_that_goes_blind_stays_suspect() -> None:
    """Not seeing it any more does not make it well."""
    story = Story()
    story.live(minutes(5))
    story.live(minutes(2), {"primary.hub": BAD})
    story.live(minutes(60), {"primary.hub": BLIND})
    assert story.state.phase is Phase.SUSPECT
    story.live(seconds(10))
    assert story.state.phase is Phase.STEADY


def test_a_notice_alone_alarms_nobody() -> None:
    """Service Health says much about regions in which this hub is well."""
    story = Story()
    story.hear(notice(story.now, BAD, used=[PRIMARY]))
    story.live(minutes(30))
    assert (story.state.phase, story.moves) == (Phase.STEADY, [])


def test_the_journal_has_a_line_per_change_and_not_per_look() -> None:
    """An hour of the same outage under the same hold is told once."""
    story = Story()
    story.order(Do.PAUSE)
    story.live(minutes(60), DOWN)
    rules = [entry.rule for entry in story.state.journal]
    assert rules == ["paused", "quiet", "suspect", "confirming", "hold.paused"]


def test_people_are_told_once_of_each_change() -> None:
    """Suspect, started, settled: one word each."""
    assert [tell.name for tell in failed_over().told] == ["Suspect", "FailoverStarted", "Settled"]


def test_looks_are_more_frequent_from_the_first_bad_answer_on() -> None:
    """Every half minute while well, every ten seconds from the first doubt on."""
    story = Story()
    story.look()
    assert decide.cadence(story.state, AUTO) == AUTO.probe_interval
    story.now += seconds(30)
    story.look({"primary.hub": BAD})
    assert decide.cadence(story.state, AUTO) == AUTO.suspect_interval


def test_a_bad_standby_does_not_hasten_the_looks() -> None:
    """Only what is wrong with the active side is urgent."""
    story = failed_over()
    story.live(minutes(2), DOWN)
    assert decide.cadence(story.state, AUTO) == AUTO.probe_interval


def test_what_others_switched_is_taken_over() -> None:
    """A newer epoch record is the truth: side, epoch and a cooldown."""
    story = Story()
    story.live(minutes(3))
    story.look(record=EpochRecord(epoch=4, active=SECONDARY, run="other", since=story.now, why="by hand"))
    assert (story.state.phase, story.state.active, story.state.epoch) == (Phase.SETTLED, SECONDARY, 4)


def test_the_same_four_values_give_the_same_decision() -> None:
    """Deciding twice on the same values gives the same answer, word for word."""
    story = Story(runs=False)
    story.live(minutes(3))
    story.live(minutes(4), DOWN)
    later = story.now + minutes(1)
    one = decide.step(story.state, Observed(now=later), later, AUTO)
    assert one == decide.step(story.state, Observed(now=later), later, AUTO)


def test_an_automatic_way_back_waits_for_its_hold_and_for_the_cooldown() -> None:
    """Well since a few minutes after the switch: two hours later the pair goes home by itself."""
    policy = msgspec.structs.replace(AUTO, failback=Failback.AUTO, failback_hold=timedelta(hours=2))
    story = failed_over(policy)
    healed = story.now
    story.live(timedelta(hours=2) - minutes(1))
    assert len(story.moves) == 1
    story.live(minutes(5))
    assert story.moves[1:] == [("failback", "primary", 2)]
    assert story.state.switched_at - healed >= timedelta(hours=2)  # type: ignore[operator]


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.APPROVE])
def test_without_the_mode_auto_nobody_goes_home_by_itself(mode: Mode) -> None:
    """The way back is a switch like any other."""
    policy = msgspec.structs.replace(AUTO, failback=Failback.AUTO, failback_hold=minutes(90))
    story = failed_over(policy)
    story.policy = msgspec.structs.replace(policy, mode=mode)
    story.live(timedelta(hours=3))
    assert (len(story.moves), story.last.rule.startswith("hold.")) == (1, True)


def test_a_failed_run_is_tried_again_after_a_pause_under_its_own_name() -> None:
    """Nobody claimed the epoch: the next attempt has it, with an id of its own."""
    story = Story(runs=False)
    story.live(minutes(3))
    story.live(minutes(6), DOWN)
    story.report(What.FAILED)
    assert (story.state.phase, story.state.run) == (Phase.SUSPECT, None)
    story.live(minutes(4), DOWN)
    assert (len(story.ordered), story.last.rule) == (1, "hold.run-failed")
    story.live(minutes(2), DOWN)
    assert [(order.run, order.epoch) for order in story.ordered] == [("failover-p-e1", 1), ("failover-p-e1-again1", 1)]


def test_a_delivery_does_not_end_the_hold_of_a_mass_event() -> None:
    """S3: only looks know how many pairs move; what arrives between two of them goes by the last one."""
    policy = AUTO
    begin = datetime(2026, 3, 1, 12, tzinfo=UTC)
    state = initial("p", begin)
    for number in range(40):
        now = begin + number * timedelta(seconds=15)
        signals = tuple(
            probe_signal(role, surface, bad if role is Role.PRIMARY else Observation.OK, now, "looked")
            for role in Role
            for surface, bad in ((Surface.HUB, Observation.BAD), (Surface.STORAGE, Observation.BAD))
        )
        look = Observed(now=now, signals=signals, is_look=True, pairs_moving=1.0)
        state = decide.step(state, look, now, policy).state
    assert (state.phase, state.rule) == (Phase.SUSPECT, "hold.mass")
    after = decide.step(state, Observed(now=now), now + timedelta(seconds=1), policy)
    assert (after.state.phase, after.rule) == (Phase.SUSPECT, "hold.mass")
