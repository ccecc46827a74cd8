"""Folding at its limits: to the microsecond, which of two statements stands, and whose change explains what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from stories import (
    AUTO,
    BAD,
    BLIND,
    DEGRADED,
    OK,
    PRIMARY,
    SECONDARY,
    START,
    alert,
    change,
    deletion,
    health,
    minutes,
    notice,
    probe,
    seconds,
)

from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.decision.evidence import Evidence, Reported
from orchestrator.core.decision.fold import OPERATION, evict_fairly, fold, without_deletions
from orchestrator.core.signals.signal import Says, Signal

TICK = timedelta(microseconds=1)
LIFETIME, WINDOW = AUTO.evidence_lifetime, AUTO.change_window


def folded(*signals: Signal, now: Any = None) -> Evidence:
    """One after another, each at its own time; then once more at ``now``."""
    evidence = Evidence()
    for signal in signals:
        evidence = fold(evidence, [signal], signal.occurred_at, AUTO)
    return fold(evidence, [], now, AUTO) if now else evidence


def only(evidence: Evidence) -> Reported:
    (item,) = evidence.reported.values()
    return item


# --- rows of answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "bads"), [(LIFETIME, 2), (LIFETIME + TICK, 1)])
def test_a_row_of_bad_answers_goes_on_for_a_lifetime(gap: timedelta, bads: int) -> None:
    """A later one is the first of a new row."""
    evidence = folded(probe("primary.hub", BAD, START), probe("primary.hub", BAD, START + gap))
    track = evidence.tracks["primary.hub"]
    assert (track.bads, track.bad_since) == (bads, START if bads == 2 else START + gap)
    assert (track.asked_since, track.bad_at) == (START, START + gap)


@pytest.mark.parametrize("eye", ["observer", "primary.identity"])
@pytest.mark.parametrize("seen", [BAD, BLIND, OK, DEGRADED])
@pytest.mark.parametrize("age", [LIFETIME, LIFETIME + TICK])
def test_an_eye_stays_closed_for_a_lifetime(eye: str, seen: Observation, age: timedelta) -> None:
    """A bad or blind one; what is asked through it is blind so long."""
    evidence = folded(probe(eye, seen, START), probe("primary.hub", BAD, START + age))
    closed = seen in {BAD, BLIND} and age == LIFETIME
    assert evidence.tracks["primary.hub"].seen is (BLIND if closed else BAD)


def test_an_identity_is_asked_with_no_other_token_and_closes_no_eye_of_the_other_side() -> None:
    """While our own network is in trouble it is blind, too."""
    evidence = folded(probe("primary.identity", BAD, START), probe("primary.identity", BAD, START + seconds(9)))
    assert evidence.tracks["primary.identity"].seen is BAD
    evidence = folded(probe("primary.identity", BAD, START), probe("secondary.hub", BAD, START + seconds(9)))
    assert evidence.tracks["secondary.hub"].seen is BAD
    evidence = folded(probe("observer", BAD, START), probe("primary.identity", BAD, START + seconds(9)))
    assert evidence.tracks["primary.identity"].seen is BLIND


def test_an_answer_of_the_same_moment_counts_once() -> None:
    """And an older one not at all."""
    evidence = folded(probe("primary.hub", BAD, START), probe("primary.hub", OK, START))
    assert evidence.tracks["primary.hub"].seen is BAD
    evidence = fold(evidence, [probe("primary.hub", OK, START - TICK)], START, AUTO)
    assert evidence.tracks["primary.hub"].seen is BAD


def test_good_answers_in_a_row_are_counted_and_blind_ones_leave_them() -> None:
    """A bad one ends the row."""
    kinds = (OK, OK, BLIND, OK)
    signals = [probe("primary.hub", seen, START + seconds(n)) for n, seen in enumerate(kinds)]
    assert folded(*signals).tracks["primary.hub"].oks == 3
    assert folded(*signals, probe("primary.hub", BAD, START + seconds(9))).tracks["primary.hub"].oks == 0


# --- deliveries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "since"), [(0, START), (1, None)])
def test_a_statement_that_is_repeated_in_time_goes_on(gap: int, since: Any) -> None:
    """Within its lifetime; a later one begins anew."""
    again = START + AUTO.notice_lifetime + gap * TICK
    evidence = folded(health(PRIMARY, Surface.ACR, BAD, START), health(PRIMARY, Surface.ACR, BAD, again))
    assert only(evidence).since == (since or again)


def test_a_good_answer_between_two_statements_begins_the_second_anew() -> None:
    """What answered since then was not down without a break."""
    first, again = (health(PRIMARY, Surface.ACR, BAD, START + minutes(n)) for n in (0, 2))
    between = folded(first, probe("primary.acr", OK, START + minutes(1)), again)
    assert only(between).since == START + minutes(2)
    before = folded(probe("primary.acr", OK, START), first, again)
    assert only(before).since == START


def test_a_bad_statement_that_was_overtaken_begins_the_row_earlier() -> None:
    """Unless a good one lies between, or it is older than a statement lives."""
    row = [alert(PRIMARY, BAD, START + minutes(5)), alert(PRIMARY, BAD, START)]
    assert only(folded(*row)).since == START
    assert only(folded(*row)).at == START + minutes(5)
    old = alert(PRIMARY, BAD, START + minutes(5) - AUTO.metrics_lifetime)
    assert only(folded(row[0], old)).since == old.occurred_at
    older = alert(PRIMARY, BAD, START + minutes(5) - AUTO.metrics_lifetime - TICK)
    assert only(folded(row[0], older)).since == START + minutes(5)
    good = alert(PRIMARY, OK, START + minutes(1))
    assert only(folded(row[0], good, row[1])).since == START + minutes(5)
    assert only(folded(row[0], alert(PRIMARY, OK, START), row[1])).since == START + minutes(5)
    assert only(folded(row[0], alert(PRIMARY, OK, START - TICK), row[1])).since == START


def test_a_good_statement_that_was_overtaken_breaks_the_row() -> None:
    """From then on it was bad only since the last one."""
    row = [alert(PRIMARY, BAD, START), alert(PRIMARY, BAD, START + minutes(5))]
    found = only(folded(*row, alert(PRIMARY, OK, START + minutes(3))))
    assert (found.since, found.good_at, found.bad) == (START + minutes(5), START + minutes(3), True)
    found = only(folded(*row, alert(PRIMARY, OK, START)))
    assert (found.since, found.good_at) == (START + minutes(5), START)
    found = only(folded(*row, alert(PRIMARY, OK, START - TICK)))
    assert (found.since, found.good_at) == (START, START - TICK)
    found = only(folded(*row, alert(PRIMARY, OK, START - TICK), alert(PRIMARY, OK, START - minutes(1))))
    assert found.good_at == START - TICK


def test_statements_that_nobody_needs_any_more_are_dropped() -> None:
    """Twice the longest lifetime after they were made."""
    old = health(PRIMARY, Surface.ACR, BAD, START)
    for late, left in ((timedelta(), 2), (TICK, 1)):
        new = health(SECONDARY, Surface.ACR, BAD, START + 2 * AUTO.notice_lifetime + late)
        assert len(folded(old, new).reported) == left
        told = notice(START, used=[PRIMARY], tracking="A")
        news = notice(START + 2 * AUTO.notice_lifetime + late, used=[PRIMARY], tracking="B")
        assert len(folded(told, news).incidents) == left


@pytest.mark.parametrize(("first", "second", "active"), [(BAD, OK, False), (OK, BAD, False), (BAD, BAD, True)])
def test_of_two_messages_of_one_moment_the_end_of_the_incident_stands(
    first: Observation, second: Observation, *, active: bool
) -> None:
    """Whichever arrived first."""
    said = [notice(START, seen, used=[PRIMARY]) for seen in (first, second)]
    (found,) = folded(*said).incidents.values()
    assert found.active is active


def test_an_incident_that_names_nothing_of_ours_is_not_kept() -> None:
    """One that is known is kept when it is narrowed to others."""
    assert folded(notice(START)).incidents == {}
    for named in ({"used": [PRIMARY]}, {"named": [PRIMARY]}, {"everywhere": True}):
        assert len(folded(notice(START, **named)).incidents) == 1  # type: ignore[arg-type]


def test_words_that_nobody_knows_are_counted_and_the_newest_is_kept() -> None:
    """One for each delivery that has any."""
    said = [
        msgspec.structs.replace(health(PRIMARY, Surface.ACR, BLIND, START + seconds(n)), unknown=words)
        for n, words in enumerate((("a=x", "b=y"), (), ("c=z",)))
    ]
    found = folded(*said)
    assert (found.unknown_words, found.last_unknown) == (2, "c=z")


# --- deletions ----------------------------------------------------------------------------------------------------


def test_a_deletion_stands_until_the_resource_has_answered_for_longer_than_a_lifetime() -> None:
    """By its last answer; a write of the same moment is no newer one."""
    gone = deletion(PRIMARY, Surface.STORAGE, START)
    assert len(folded(gone, probe("primary.storage", OK, START + LIFETIME)).deletions) == 1
    assert len(folded(gone, probe("primary.storage", OK, START + LIFETIME + TICK)).deletions) == 0
    back = probe("primary.storage", OK, START + LIFETIME + TICK)
    assert len(folded(gone, probe("primary.storage", BAD, START + LIFETIME + TICK)).deletions) == 1
    assert len(folded(gone, probe("secondary.storage", OK, back.occurred_at)).deletions) == 1
    assert len(folded(gone, deletion(PRIMARY, Surface.STORAGE, START, Says.WRITTEN)).deletions) == 1
    assert len(folded(gone, deletion(PRIMARY, Surface.STORAGE, START + TICK, Says.WRITTEN)).deletions) == 0
    assert without_deletions(folded(gone)).deletions == {}


def test_the_newest_deletion_of_a_resource_stands() -> None:
    """Whichever was told first."""
    early, late = (deletion(PRIMARY, Surface.STORAGE, START + minutes(n)) for n in (0, 1))
    for told in ((early, late), (late, early)):
        (found,) = folded(*told).deletions.values()
        assert found.at == START + minutes(1)


# --- changes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "explained"),
    [(-OPERATION, True), (-OPERATION - TICK, False), (WINDOW, True), (WINDOW + TICK, False)],
)
@pytest.mark.parametrize("told_late", [False, True])
def test_a_change_explains_what_turned_bad_around_it(since: timedelta, *, explained: bool, told_late: bool) -> None:
    """A little before the operation ended, and for a window after it; told early or late."""
    changed = change("sa1", START + minutes(60), Surface.STORAGE)
    bad = probe("primary.storage", BAD, changed.occurred_at + since)
    evidence = Evidence()
    for signal in (bad, changed) if told_late else (changed, bad):
        evidence = fold(evidence, [signal], max(bad.occurred_at, changed.occurred_at), AUTO)
    assert evidence.tracks["primary.storage"].change == ("sa1: ana did write" if explained else "")


@pytest.mark.parametrize(
    ("changed", "explained"),
    [
        (change("m-runs on primary", START), True),
        (change("other", START), False),
        (change("another", START), False),
        (change("m-runs on primary", START, role=SECONDARY), False),
        (change("m-runs on primary", START - WINDOW - TICK), False),
    ],
)
@pytest.mark.parametrize("told_late", [False, True])
def test_a_change_explains_the_alerts_about_what_was_changed(
    changed: Signal, *, explained: bool, told_late: bool
) -> None:
    """By its name on its side; told early or late."""
    fired = alert(PRIMARY, BAD, START)
    evidence = Evidence()
    for signal in (fired, changed) if told_late else (changed, fired):
        evidence = fold(evidence, [signal], START, AUTO)
    found = only(evidence).change
    assert found == (f"{changed.subject.rpartition('/')[2]}: ana did write" if explained else "")


def test_an_explained_alert_stays_explained_until_it_is_over() -> None:
    """Fired again after the window it is the same row; fired again after its end it is another."""
    changed = change("m-runs on primary", START)
    fired = [alert(PRIMARY, BAD, START + minutes(n)) for n in range(0, 50, 10)]
    assert only(folded(changed, *fired)).change
    over = alert(PRIMARY, OK, START + minutes(41))
    assert not only(folded(changed, *fired, over)).change
    assert not only(folded(changed, *fired, over, alert(PRIMARY, BAD, START + minutes(42)))).change


def test_what_azure_says_of_its_own_platform_is_nobodys_change() -> None:
    """A change of the resource explains its probe, and not its health."""
    changed = change("primary-storage", START, Surface.STORAGE)
    for told in (
        (changed, health(PRIMARY, Surface.STORAGE, BAD, START)),
        (health(PRIMARY, Surface.STORAGE, BAD, START), changed),
    ):
        assert only(folded(*told)).change == ""


def test_a_change_of_the_workspace_explains_hub_and_jobs_and_no_more() -> None:
    """Other resources without a probe explain nothing that is probed."""
    bad = [probe(f"primary.{name}", BAD, START + TICK) for name in ("hub", "jobs", "inference", "storage")]
    found = folded(change("ws", START, is_hub=True), *bad)
    assert [key for key, track in found.tracks.items() if track.change] == ["primary.hub", "primary.jobs"]
    found = folded(change("net", START), *bad)
    assert not any(track.change for track in found.tracks.values())


def test_changes_are_forgotten_once_they_explain_nothing() -> None:
    """A window and a lifetime after they were made; the newest of one resource stands."""
    evidence = folded(change("sa1", START, Surface.STORAGE))
    edge = START + WINDOW + LIFETIME
    assert len(fold(evidence, [], edge, AUTO).changes) == 1
    assert len(fold(evidence, [], edge + TICK, AUTO).changes) == 0
    for told in ((0, 1), (1, 0)):
        (found,) = folded(*(change("sa1", START + minutes(n), Surface.STORAGE) for n in told)).changes.values()
        assert found.at == START + minutes(1)


# --- the whole world ----------------------------------------------------------------------------------------------


def test_a_fault_elsewhere_is_remembered_with_its_last_time() -> None:
    """Also after it is over."""
    evidence = folded(*(probe("elsewhere", seen, START + seconds(n)) for n, seen in enumerate((BAD, BAD, OK))))
    assert evidence.global_at == START + seconds(1)
    assert evidence.global_why == "the same fault was seen in regions that belong to no pair: elsewhere is bad"


@pytest.mark.parametrize(
    ("used", "bad", "is_global"),
    [
        ([], None, True),
        ([PRIMARY, SECONDARY], None, True),
        ([PRIMARY], None, False),
        ([PRIMARY], "primary.hub", False),
        ([PRIMARY], "secondary.hub", True),
    ],
)
def test_an_incident_of_the_world_that_names_one_region_is_regional_while_the_other_side_is_well(
    used: list[Role], bad: str | None, *, is_global: bool
) -> None:
    """What is probed on the other side tells."""
    answers = [probe(bad, BAD, START + seconds(n)) for n in range(3)] if bad else []
    now = START + seconds(9)
    evidence = fold(folded(*answers), [notice(now, used=used, everywhere=True)], now, AUTO)
    assert (evidence.global_at == now) is is_global
    over = fold(Evidence(), [notice(now, OK, used=used, everywhere=True)], now, AUTO)
    assert over.global_at is None


def test_an_incident_of_one_region_is_not_the_worlds() -> None:
    """However many sides use it."""
    assert folded(notice(START, used=[PRIMARY, SECONDARY])).global_at is None


# --- wellness -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "grown"), [(LIFETIME, True), (LIFETIME + TICK, False)])
def test_time_counts_as_well_up_to_a_lifetime_without_a_look(gap: timedelta, *, grown: bool) -> None:
    """A longer silence adds nothing, and takes nothing away."""
    evidence = folded(*(probe("primary.hub", OK, START + seconds(n)) for n in range(5)))
    before = evidence.wellness[PRIMARY]
    assert before.is_well
    at = before.at + gap
    found = fold(evidence, [probe("primary.hub", OK, at)], at, AUTO).wellness[PRIMARY]
    assert found.length == before.length + (gap if grown else timedelta())


# --- room ---------------------------------------------------------------------------------------------------------


def test_the_newest_of_every_kind_stays() -> None:
    """Then the second ones; oldest first, and untouched where there is room."""
    items = {
        f"{kind}{n}": Reported(
            role=PRIMARY,
            evidence_class="metrics",
            name=kind,
            at=START + minutes(n),
            bad=True,
            observation=BAD,  # type: ignore[arg-type]
        )
        for kind in "ab"
        for n in range(3)
    }
    assert evict_fairly(items, 6, lambda item: (item.name,)) is items
    assert evict_fairly(items, 7, lambda item: (item.name,)) is items
    assert list(evict_fairly(items, 2, lambda item: (item.name,))) == ["a2", "b2"]
    assert list(evict_fairly(items, 3, lambda item: (item.name,))) == ["b1", "a2", "b2"]
    assert list(evict_fairly(items, 1, lambda item: (item.name,))) == ["b2"]
