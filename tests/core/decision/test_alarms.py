"""What people are told of a pair that is not switched: each thing once, and again when it comes back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, DEGRADED, OK, PRIMARY, SECONDARY, Story, change, minutes, notice, seconds

from orchestrator.core.base.vocabulary import EvidenceClass, Mode, NoticeName, Observation, Role, Surface
from orchestrator.core.decision.state import StartRun, Tell
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.signals.signal import Says

OBSERVE = msgspec.structs.replace(AUTO, mode=Mode.OBSERVE)


def told(decision: Any, name: NoticeName) -> list[str]:
    return [order.why for order in decision.orders if isinstance(order, Tell) and order.name is name]


STEP = seconds(30)


def look_for(story: Story, found: dict[str, Observation], length: Any, step: Any = STEP) -> list[Any]:
    end, decisions = story.now + length, []
    while story.now < end:
        story.now += step
        decisions.append(story.look(found))
    return decisions


def test_what_stays_bad_for_long_is_told_once_and_again_after_it_was_over() -> None:
    """With what a person can do."""
    story = Story(OBSERVE)
    look_for(story, {}, minutes(2))
    first = look_for(story, {"primary.hub": BAD}, minutes(90))
    (why,) = [why for each in first for why in told(each, NoticeName.ESCALATED)]
    assert why.startswith("order a failover with a reason to move the pair all the same, or pause it")
    assert "hub for 60 min bad on the primary and nothing was switched: only hub of the primary is bad" in why
    assert sum(bool(told(each, NoticeName.ESCALATED)) for each in first) == 1
    look_for(story, {}, minutes(5))
    again = look_for(story, {"primary.hub": BAD}, minutes(70))
    assert sum(bool(told(each, NoticeName.ESCALATED)) for each in again) == 1


def test_a_class_that_turns_bad_again_is_told_again_while_another_stays_bad() -> None:
    """What was over is forgotten by itself, not only with everything else."""
    story = Story(OBSERVE)
    look_for(story, {}, minutes(2))
    both = {"primary.hub": BAD, "primary.storage": BAD}
    look_for(story, both, minutes(70))
    for key, name in (("primary.hub", "hub"), ("primary.storage", "dependency")):
        look_for(story, {other: BAD for other in both if other != key}, minutes(5))
        again = look_for(story, both, minutes(70))
        (why,) = [why for each in again for why in told(each, NoticeName.ESCALATED)]
        assert f": {name} for 60 min bad on the primary" in why


def test_what_a_person_can_do_is_told_even_if_the_reason_is_cut_off() -> None:
    """A reason may be as long as three classes with their probes' words; a notice ends after 240 bytes."""
    story = Story(OBSERVE)
    look_for(story, {}, minutes(2))
    bad = {f"primary.{name}": BAD for name in ("hub", "jobs", "inference", "storage", "keyvault", "acr", "control")}
    whys = [why for each in look_for(story, bad, minutes(70)) for why in told(each, NoticeName.ESCALATED)]
    assert whys
    assert all(why.startswith("order a failover with a reason") for why in whys)
    assert max(len(why.encode()) for why in whys) > 200


def test_a_class_that_is_always_degraded_is_seen() -> None:
    """A slow hub speaks: it is not blind, the rule can be met, and sight is not lost."""
    story = Story(AUTO)
    found = look_for(story, {f"primary.{name}": DEGRADED for name in ("hub", "jobs", "inference")}, minutes(30))
    blind = {NoticeName.CLASS_BLIND, NoticeName.RULE_OUT_OF_REACH, NoticeName.SIGHT_LOST}
    assert not [name for each in found for name in blind if told(each, name)]
    verdict = assess(story.state.evidence, story.now, AUTO).of(PRIMARY, EvidenceClass.HUB)
    assert (verdict.observation, verdict.last_ok_at) == (DEGRADED, None)


@pytest.mark.parametrize("before", ["well", "never asked"])
def test_one_surface_of_a_class_that_cannot_be_seen_is_told(before: str) -> None:
    """The vault is blind while storage and registry answer: ``dependency`` is as blind as its least known part."""
    story = Story(AUTO)
    if before == "well":
        look_for(story, {}, minutes(2))
    found = look_for(story, {"primary.keyvault": BLIND}, minutes(16))
    (why,) = [why for each in found for why in told(each, NoticeName.CLASS_BLIND)]
    assert why.startswith("dependency of the primary cannot be seen for 15 min")
    assert "keyvault" in why


def test_what_is_bad_for_less_is_not_told() -> None:
    """An hour by default."""
    story = Story(OBSERVE)
    look_for(story, {}, minutes(2))
    assert not any(told(each, NoticeName.ESCALATED) for each in look_for(story, {"primary.hub": BAD}, minutes(55)))


def test_a_class_that_cannot_be_seen_for_long_is_told_once() -> None:
    """A quarter of an hour after its last word."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    before = look_for(story, {"primary.jobs": BLIND}, minutes(14))
    after = look_for(story, {"primary.jobs": BLIND}, minutes(10))
    assert not any(told(each, NoticeName.CLASS_BLIND) for each in before)
    assert sum(len(told(each, NoticeName.CLASS_BLIND)) for each in after) == 1


def test_a_class_that_has_never_been_seen_is_told_within_a_minute() -> None:
    """Whoever asks for the first time does not wait for a quarter of an hour."""
    story = Story(AUTO)
    found = look_for(story, {"secondary.storage": BLIND}, minutes(2))
    assert [n for n, each in enumerate(found) if told(each, NoticeName.CLASS_BLIND)] == []
    story = Story(AUTO)
    found = look_for(story, {"primary.hub": BLIND}, minutes(3))
    assert [n for n, each in enumerate(found) if told(each, NoticeName.CLASS_BLIND)] == [2]


def test_a_class_that_was_never_seen_does_not_hide_another_that_is_not_seen_any_more() -> None:
    """Each is told by itself."""
    story = Story(AUTO)
    look_for(story, {"primary.hub": BLIND}, minutes(3))
    found = look_for(story, {"primary.hub": BLIND, "primary.jobs": BLIND}, minutes(20))
    (why,) = [why for each in found for why in told(each, NoticeName.CLASS_BLIND)]
    assert why.startswith("jobs of the primary cannot be seen for 15 min")


def test_a_notice_of_several_classes_names_them_before_the_reasons() -> None:
    """A long reason is cut off at its end: no class may be lost with it."""
    found = look_for(Story(AUTO), {f"primary.{surface}": BLIND for surface in ("hub", "jobs", "inference")}, minutes(3))
    (why,) = [why for each in found for why in told(each, NoticeName.CLASS_BLIND)]
    assert why.startswith("primary.hub, primary.jobs and primary.inference: ")


@pytest.mark.parametrize("first", range(2, 31, 4))
def test_a_pair_that_nobody_can_see_says_so_within_a_minute_wherever_its_place_in_the_interval_is(first: int) -> None:
    """The second look comes at the pair's own place, and the others an interval apart."""
    story = Story(AUTO)
    begun, told_at = story.now, None
    blind = {f"primary.{surface}": BLIND for surface in ("hub", "jobs", "inference")}
    for step in (0, first, 30, 30, 30):
        story.now += seconds(step)
        if told(story.look(blind), NoticeName.RULE_OUT_OF_REACH):
            told_at = story.now
            break
    assert told_at is not None
    assert told_at - begun <= minutes(1)


def test_a_pair_that_can_never_meet_the_rule_says_so_until_it_can() -> None:
    """Only jobs speak: no second class could ever become bad."""
    blind = {f"primary.{surface}": BLIND for surface in ("hub", "inference", "storage", "keyvault", "acr", "control")}
    story = Story(AUTO)
    found = look_for(story, blind, minutes(3))
    (why,) = [why for each in found for why in told(each, NoticeName.RULE_OUT_OF_REACH)]
    assert why.startswith("this pair can never fail over by itself: only jobs of the primary has ever spoken")
    assert story.state.out_of_reach == why
    well = look_for(story, {}, minutes(1))
    assert [len(told(each, NoticeName.RULE_IN_REACH)) for each in well] == [1, 0]
    assert story.state.out_of_reach is None
    later = look_for(story, blind, minutes(20))
    assert not any(told(each, NoticeName.RULE_OUT_OF_REACH) for each in later)


@pytest.mark.parametrize(
    ("speaking", "told_of"),
    [
        (("hub", "jobs"), False),
        (("jobs", "storage"), False),
        (("hub",), True),
        (("storage", "keyvault", "acr"), True),
    ],
)
def test_the_rule_is_in_reach_once_two_classes_speak_and_one_is_a_work_class(
    speaking: tuple[str, ...], *, told_of: bool
) -> None:
    """Storage, vault and registry are one class, and none of hub, jobs and inference."""
    every = ("hub", "jobs", "inference", "storage", "keyvault", "acr", "control")
    story = Story(AUTO)
    found = look_for(story, {f"primary.{name}": BLIND for name in every if name not in speaking}, minutes(3))
    assert any(told(each, NoticeName.RULE_OUT_OF_REACH) for each in found) is told_of


@pytest.mark.parametrize("order", ["change first", "change told late"])
def test_what_turned_bad_after_somebody_had_changed_it_is_no_evidence(order: str) -> None:
    """The second class that would be needed is that change's effect; people are told who changed what."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    write = change("storage", story.now, Surface.STORAGE, says=Says.WRITTEN)
    if order == "change first":
        story.hear(write)
    bad = {"primary.storage": BAD, "primary.jobs": BAD}
    found = look_for(story, bad, minutes(2))
    if order == "change told late":
        found.append(story.hear(write))
    found += look_for(story, bad, minutes(90))
    assert not any(isinstance(each, StartRun) for decision in found for each in decision.orders)
    (why,) = [why for each in found for why in told(each, NoticeName.CHANGE_SUSPECTED)]
    assert "storage: ana did write" in why


def test_what_was_bad_before_the_change_counts_and_so_does_what_turns_bad_long_after_it() -> None:
    """Somebody who mends during an outage does not stop the switch."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    bad = {"primary.storage": BAD, "primary.jobs": BAD}
    found = look_for(story, bad, minutes(3))
    found.append(story.hear(change("storage", story.now, Surface.STORAGE, says=Says.WRITTEN)))
    found += look_for(story, bad, minutes(6))
    assert any(isinstance(each, StartRun) for decision in found for each in decision.orders)


def test_after_a_good_answer_the_next_fault_is_a_new_one() -> None:
    """The change is over when its effect is, unless the window still stands."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    story.hear(change("storage", story.now, Surface.STORAGE, says=Says.WRITTEN))
    bad = {"primary.storage": BAD, "primary.jobs": BAD}
    look_for(story, bad, minutes(10))
    look_for(story, {}, minutes(40))
    found = look_for(story, bad, minutes(8))
    assert any(isinstance(each, StartRun) for decision in found for each in decision.orders)


def test_a_change_of_the_workspace_itself_explains_hub_and_jobs() -> None:
    """Both are asked through it."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    story.hear(change("hub", story.now, is_hub=True))
    found = look_for(story, {"primary.hub": BAD, "primary.jobs": BAD}, minutes(15))
    assert not any(isinstance(each, StartRun) for decision in found for each in decision.orders)


def test_a_brown_out_moves_the_pair_once_azure_declares_it_and_the_standby_is_steady() -> None:
    """Every second answer is bad: never three in a row, but half of half an hour."""
    flapping: list[Any] = []
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    for n in range(80):
        bad = {"primary.hub": BAD, "primary.jobs": BAD} if n % 2 else {}
        flapping += look_for(story, bad, seconds(30))
    assert not any(isinstance(each, StartRun) for decision in flapping for each in decision.orders)
    found = [story.hear(notice(story.now, BAD, used=[PRIMARY]))]
    assert any(isinstance(each, StartRun) for decision in found for each in decision.orders)


def test_a_brown_out_that_the_standby_shares_holds() -> None:
    """A tenth of the window is too much for where one would go."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    found: list[Any] = []
    for n in range(80):
        both = {"primary.hub": BAD, "primary.jobs": BAD, **({"secondary.hub": BAD} if n % 8 == 1 else {})}
        found += look_for(story, both if n % 2 else {}, seconds(30))
    found.append(story.hear(notice(story.now, BAD, used=[PRIMARY])))
    assert not any(isinstance(each, StartRun) for decision in found for each in decision.orders)
    assert story.state.rule == "hold.standby-bad"
    assert "hub of the secondary was bad for" in story.state.why


def test_an_incident_of_the_region_that_lists_a_global_service_too_is_regional_while_all_else_is_well() -> None:
    """Elsewhere and the standby are seen well: the world is not down."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    found = [story.hear(notice(story.now, BAD, used=[PRIMARY], everywhere=True))]
    found += look_for(story, {"primary.hub": BAD, "primary.jobs": BAD}, minutes(6))
    assert any(isinstance(each, StartRun) for decision in found for each in decision.orders)
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    found = [story.hear(notice(story.now, BAD, used=[PRIMARY], everywhere=True))]
    found += look_for(story, {"primary.hub": BAD, "primary.jobs": BAD, "secondary.storage": BLIND}, minutes(9))
    assert not any(isinstance(each, StartRun) for decision in found for each in decision.orders)


def test_the_rest_of_a_global_fault_is_waited_for() -> None:
    """It ended elsewhere and at the standby; at the primary it is about to end."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    bad = {"primary.hub": BAD, "primary.jobs": BAD}
    look_for(story, {**bad, "elsewhere": BAD}, minutes(10))
    found = look_for(story, bad, minutes(14))
    assert not any(isinstance(each, StartRun) for decision in found for each in decision.orders)
    assert story.state.rule in {"hold.global-settle", "hold.elsewhere"}
    found = look_for(story, bad, minutes(3))
    assert any(isinstance(each, StartRun) for decision in found for each in decision.orders)


def test_an_incident_of_a_service_that_nobody_uses_does_not_hold_the_standby() -> None:
    """A region always has some incident."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    found = [story.hear(notice(story.now, BAD, named=[SECONDARY]))]
    found += look_for(story, {"primary.hub": BAD, "primary.jobs": BAD}, minutes(7))
    assert any(isinstance(each, StartRun) for decision in found for each in decision.orders)


@pytest.mark.parametrize("used", [[PRIMARY, SECONDARY], [PRIMARY]])
def test_the_rest_of_a_fault_that_was_told_as_global_is_waited_for(used: list[Role]) -> None:
    """The notice named the world and regions of the pair, and the standby was down with the primary for a while."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    story.hear(notice(story.now, BAD, used=used, everywhere=True))
    bad = {"primary.hub": BAD, "primary.jobs": BAD}
    look_for(story, {**bad, "secondary.hub": BAD, "secondary.jobs": BAD}, minutes(10))
    story.hear(notice(story.now, OK, used=used, everywhere=True))
    found = look_for(story, bad, minutes(14))
    assert not any(isinstance(each, StartRun) for decision in found for each in decision.orders)
    assert story.state.rule == "hold.global-settle"
    found = look_for(story, bad, minutes(3))
    assert any(isinstance(each, StartRun) for decision in found for each in decision.orders)


def test_a_regional_incident_is_not_taken_for_a_global_one_because_the_standby_was_not_seen_for_a_moment() -> None:
    """Blind is not bad: what nobody can see while an incident begins delays no switch for a quarter of an hour."""
    story = Story(AUTO)
    look_for(story, {}, minutes(2))
    bad = {"primary.hub": BAD, "primary.jobs": BAD}
    story.hear(notice(story.now, BAD, used=[PRIMARY], everywhere=True))
    look_for(story, {**bad, "secondary.storage": BLIND, "elsewhere": BLIND}, minutes(1))
    found = look_for(story, bad, minutes(5))
    assert any(isinstance(each, StartRun) for decision in found for each in decision.orders)
