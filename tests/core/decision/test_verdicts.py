"""What evidence amounts to at a moment: how long each kind of it counts, and the words in which it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from stories import AUTO, BAD, BLIND, DEGRADED, OK, PRIMARY, SECONDARY, START, minutes

from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role, Surface
from orchestrator.core.decision.brown_out import append_answer
from orchestrator.core.decision.evidence import Evidence, Incident, Reported, Spell, Track
from orchestrator.core.decision.verdicts import (
    REASONS_TOLD,
    Verdict,
    assess,
    is_down,
    is_open,
    lifetime_of,
    spell_of,
    track_is_bad,
    unsteadiness_of,
)

TICK = timedelta(microseconds=1)
LIFETIME = AUTO.evidence_lifetime


def well(at: Any = START, **fields: Any) -> Track:
    return Track(**{"at": at, "seen": OK, "ok_at": at, "oks": AUTO.bad_after} | fields)


def ill(at: Any = START, **fields: Any) -> Track:
    usual = {"at": at, "seen": BAD, "bad_at": at, "bad_since": at - minutes(2), "bads": AUTO.bad_after, "why": "503"}
    return Track(**usual | {"bad_why": "503"} | fields)


def reported(evidence_class: EvidenceClass = EvidenceClass.DEPENDENCY, **fields: Any) -> Reported:
    usual: dict[str, Any] = {"role": PRIMARY, "name": "sa1", "at": START, "bad": True, "since": START}
    return Reported(**{"observation": BAD, "why": "sa1 is down", "evidence_class": evidence_class} | usual | fields)


def verdict(now: Any = START, surface: EvidenceClass = EvidenceClass.HUB, **evidence: Any) -> Verdict:
    return assess(Evidence(**evidence), now, AUTO).of(PRIMARY, surface)


def hub(track: Track) -> dict[str, Any]:
    return {"tracks": {"primary.hub": track}}


# --- how long it counts -------------------------------------------------------------------------------------------


def test_so_many_bad_answers_in_a_row_count_for_a_lifetime() -> None:
    """One fewer does not, nor one whose last is older, nor what is the effect of somebody's change."""
    assert track_is_bad(ill(), START + LIFETIME, AUTO)
    assert not track_is_bad(ill(), START + LIFETIME + TICK, AUTO)
    assert not track_is_bad(ill(bads=AUTO.bad_after - 1), START, AUTO)
    assert not track_is_bad(ill(change="ana did write"), START, AUTO)
    assert not track_is_bad(ill(bad_at=None), START, AUTO)


def test_an_incident_counts_for_a_lifetime_while_it_is_active() -> None:
    """The newest message says so."""
    assert is_open(Incident(at=START, active=True), START + AUTO.notice_lifetime, AUTO)
    assert not is_open(Incident(at=START, active=True), START + AUTO.notice_lifetime + TICK, AUTO)
    assert not is_open(Incident(at=START, active=False), START, AUTO)


@pytest.mark.parametrize("evidence_class", [EvidenceClass.METRICS, EvidenceClass.DEPENDENCY, EvidenceClass.NOTICE])
def test_a_statement_counts_for_its_own_lifetime(evidence_class: EvidenceClass) -> None:
    """That of an alert is shorter."""
    is_alert = evidence_class is EvidenceClass.METRICS
    length = AUTO.metrics_lifetime if is_alert else AUTO.notice_lifetime
    assert lifetime_of(evidence_class, AUTO) == length
    item = reported(evidence_class)
    assert is_down(item, Evidence(), START + length, AUTO)
    assert not is_down(item, Evidence(), START + length + TICK, AUTO)
    assert not is_down(reported(evidence_class, bad=False), Evidence(), START, AUTO)
    assert not is_down(reported(evidence_class, change="ana did write"), Evidence(), START, AUTO)


@pytest.mark.parametrize(
    ("item", "track", "down"),
    [
        (reported(surface=Surface.STORAGE), well(START + TICK), False),
        (reported(surface=Surface.STORAGE), well(START), True),
        (reported(surface=Surface.STORAGE), ill(START + TICK), True),
        (reported(), well(START + TICK), True),
        (reported(EvidenceClass.METRICS, surface=Surface.STORAGE), well(START + TICK), True),
    ],
)
def test_a_later_good_answer_of_the_resource_itself_outdoes_its_health(
    item: Reported, track: Track, *, down: bool
) -> None:
    """An alert speaks of more than one answer shows."""
    assert is_down(item, Evidence(tracks={"primary.storage": track}), START + minutes(1), AUTO) is down


@pytest.mark.parametrize(
    ("age", "tracks", "expected"),
    [
        (LIFETIME, {"primary.hub": well()}, True),
        (LIFETIME, {"primary.hub": well(seen=DEGRADED)}, True),
        (LIFETIME + TICK, {"primary.hub": well()}, False),
        (timedelta(), {"primary.hub": well(seen=BLIND)}, False),
        (timedelta(), {"primary.hub": well(seen=BAD)}, False),
        (timedelta(), {"secondary.hub": well()}, False),
        (timedelta(), {}, False),
    ],
)
def test_a_class_answers_well_if_all_of_it_did_lately(age: timedelta, tracks: Any, *, expected: bool) -> None:
    """What nobody asked answers nothing."""
    assert assess(Evidence(tracks=tracks), START + age, AUTO).answers_well(PRIMARY, EvidenceClass.HUB) is expected


def test_one_part_of_a_class_is_enough_not_to_answer_well() -> None:
    """And a class that is bad by its deliveries does not, whatever its probes say."""
    tracks = {"primary.storage": well(), "primary.keyvault": ill(bads=1)}
    assert not assess(Evidence(tracks=tracks), START, AUTO).answers_well(PRIMARY, EvidenceClass.DEPENDENCY)
    tracks = {"primary.storage": well(), "primary.keyvault": well()}
    assert assess(Evidence(tracks=tracks), START, AUTO).answers_well(PRIMARY, EvidenceClass.DEPENDENCY)
    down = Evidence(tracks=tracks, reported={"sa2": reported()})
    assert not assess(down, START, AUTO).answers_well(PRIMARY, EvidenceClass.DEPENDENCY)


def test_what_belongs_to_no_side_is_known_for_a_lifetime() -> None:
    """Later nothing is known of it."""
    tracks = {"world.observer": well()}
    assert assess(Evidence(tracks=tracks), START + LIFETIME, AUTO).world(Surface.OBSERVER) == well()
    assert assess(Evidence(tracks=tracks), START + LIFETIME + TICK, AUTO).world(Surface.OBSERVER) is None
    assert assess(Evidence(), START, AUTO).world(Surface.OBSERVER) is None


# --- since when ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "until", "begun"),
    [
        (-9, -1, 0),  # it was over before
        (-9, 0, -9),  # it touches
        (-9, 3, -9),
        (1, 3, 0),
    ],
)
def test_a_spell_goes_on_if_it_touches_the_last_one(since: int, until: int, begun: int) -> None:
    """A break of any length begins another."""
    last = Spell(since=START + minutes(since), until=START + minutes(until))
    found = spell_of(Evidence(spells={"primary.hub": last}), PRIMARY, EvidenceClass.HUB, (START, START + minutes(2)))
    assert found == Spell(since=START + minutes(begun), until=START + minutes(2))


def test_a_class_is_bad_from_its_first_evidence_to_its_last() -> None:
    """Over all that speaks for it: probes, statements, and for notices the oldest open incident."""
    tracks = {"primary.storage": ill(START), "primary.acr": ill(START + minutes(1), bad_since=START)}
    found = verdict(START + minutes(2), EvidenceClass.DEPENDENCY, tracks=tracks)
    assert (found.since, found.until, found.bad_for) == (START - minutes(2), START + minutes(1), minutes(3))
    item = reported(at=START, since=START - minutes(5))
    found = verdict(START + minutes(2), EvidenceClass.DEPENDENCY, tracks=tracks, reported={"sa1": item})
    assert (found.since, found.until) == (START - minutes(5), START + minutes(2))
    item = reported(at=START, since=START)
    found = verdict(START + minutes(2), EvidenceClass.DEPENDENCY, tracks=tracks, reported={"sa1": item})
    assert (found.since, found.until) == (START - minutes(2), START + minutes(2))
    several = {str(n): reported(name=str(n), since=START - minutes(n)) for n in (1, 3, 2)}
    found = verdict(START, EvidenceClass.DEPENDENCY, reported=several)
    assert (found.since, found.until) == (START - minutes(3), START)
    incidents = {name: Incident(at=START - minutes(n), active=True, used=(PRIMARY,)) for n, name in enumerate("abc")}
    found = verdict(START, EvidenceClass.NOTICE, incidents=incidents)
    assert (found.since, found.until) == (START - minutes(2), START)


def test_an_incident_is_of_the_sides_that_use_its_service() -> None:
    """Naming their region alone is not enough, and one that is over counts for nothing."""
    named = Incident(at=START, active=True, named=(PRIMARY,), used=(SECONDARY,), why="T-1")
    found = assess(Evidence(incidents={"T-1": named}), START, AUTO)
    assert (found.bad(PRIMARY), found.bad(SECONDARY)) == ((), (EvidenceClass.NOTICE,))
    assert found.of(SECONDARY, EvidenceClass.NOTICE).why == "T-1"
    over = Incident(at=START, active=False, used=(PRIMARY,))
    assert assess(Evidence(incidents={"T-1": over}), START, AUTO).bad(PRIMARY) == ()


# --- what is said -------------------------------------------------------------------------------------------------


def test_a_class_of_which_nothing_is_known_says_so() -> None:
    """It is neither well nor blind."""
    assert verdict() == Verdict(observation=None, why="nothing bad is known")


def test_a_class_is_well_for_a_lifetime_after_it_was_seen_well() -> None:
    """As well as its least known part; a slow one is degraded."""
    found = verdict(START + LIFETIME, **hub(well()))
    assert (found.observation, found.why, found.last_ok_at) == (OK, "last seen well 5 min ago", START)
    assert verdict(START + LIFETIME, **hub(well(seen=DEGRADED))).observation is DEGRADED
    tracks = {"primary.storage": well(START + minutes(1)), "primary.acr": well()}
    assert verdict(START + minutes(1), EvidenceClass.DEPENDENCY, tracks=tracks).last_ok_at == START
    tracks = {"primary.storage": well(), "primary.acr": well(seen=BLIND, ok_at=None, why="401")}
    found = verdict(START, EvidenceClass.DEPENDENCY, tracks=tracks)
    assert (found.observation, found.why, found.last_ok_at) == (BLIND, "cannot be told (acr: 401)", None)


def test_a_class_is_blind_once_it_was_not_seen_for_a_lifetime() -> None:
    """It says what was seen last, and when it was well."""
    track = well(seen=BLIND, why="a timeout")
    found = verdict(START + LIFETIME + TICK, **hub(track))
    assert found.observation is BLIND
    assert found.why == "cannot be told (hub: a timeout), last seen well 5 min ago"
    assert verdict(**hub(well(seen=BLIND, ok_at=None))).why == "cannot be told (hub: blind)"


def test_a_class_that_is_slow_for_long_is_degraded() -> None:
    """It is seen, though not seen well."""
    track = well(START, ok_at=None, seen=DEGRADED, degraded_at=START, why="12 s")
    found = verdict(START + LIFETIME, **hub(track))
    assert (found.observation, found.why) == (DEGRADED, "hub: 12 s")
    assert verdict(START + LIFETIME + TICK, **hub(track)).observation is BLIND
    before = well(START, ok_at=None, seen=BLIND, degraded_at=START)
    found = verdict(START, **hub(before))
    assert (found.observation, found.why) == (DEGRADED, "was degraded a while ago")


def test_only_the_first_reasons_are_told_in_full() -> None:
    """And how many more there are."""
    few = {str(n): reported(why=f"r{n}") for n in range(REASONS_TOLD)}
    assert verdict(START, EvidenceClass.DEPENDENCY, reported=few).why == "r0; r1; r2"
    many = {str(n): reported(why=f"r{n}") for n in range(REASONS_TOLD + 2)}
    assert verdict(START, EvidenceClass.DEPENDENCY, reported=many).why == "r0; r1; r2 (and 2 more)"


def test_reasons_are_those_of_the_class_and_side() -> None:
    """Of a probe the answer that was bad, of a statement its words."""
    tracks = {"primary.storage": ill(bad_why="503"), "primary.acr": ill(bad_why=""), "primary.hub": ill()}
    others = {
        "1": reported(role=SECONDARY, why="elsewhere"),
        "2": reported(EvidenceClass.METRICS, why="an alert"),
        "3": reported(bad=False, why="well again"),
    }
    found = verdict(START, EvidenceClass.DEPENDENCY, tracks=tracks, reported=others)
    assert found.why == "storage probe: 503; acr probe: failed"


def test_a_brown_out_is_told_with_its_share_and_its_spells() -> None:
    """Bad for three quarters of the window, never often enough in a row; bad for as long as a switch needs."""
    at, history = START, None
    for number in range(80):
        at = START + number * AUTO.probe_interval
        history = append_answer(
            history, BAD if number % 4 else OK, at, stands=AUTO.probe_interval, window=AUTO.share_window
        )
    now = at + AUTO.probe_interval
    found = verdict(now, **hub(well(at, history=history)))
    assert (found.observation, found.bad_for) == (BAD, AUTO.confirm_after)
    assert found.why == "bad for 75% of the last 30 min, in 15 spells"
    assert assess(Evidence(**hub(well(at, history=history))), now, AUTO).browns_out(PRIMARY, EvidenceClass.HUB)
    explained = well(at, history=history, change="ana did write")
    assert verdict(now, **hub(explained)).observation is OK


# --- whether a side is steady -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("track", "age", "why"),
    [
        (None, 0, "nothing has been asked yet"),
        (well(), 5, ""),
        (well(), 6, "hub was not seen well at the last look: ok"),
        (well(seen=DEGRADED, why="12 s"), 0, "hub was not seen well at the last look: 12 s"),
        (well(oks=AUTO.bad_after - 1), 0, f"hub has not answered well {AUTO.bad_after} times in a row yet"),
    ],
)
def test_a_side_is_steady_once_all_of_it_answers_well_in_a_row(track: Track | None, age: int, why: str) -> None:
    """As often as bad answers would be needed."""
    evidence = Evidence(**hub(track)) if track else Evidence(tracks={"secondary.hub": well()})
    assert unsteadiness_of(evidence, PRIMARY, START + minutes(age), AUTO) == why


@pytest.mark.parametrize(
    ("role", "seen", "age", "later", "why"),
    [
        (PRIMARY, DEGRADED, 0, False, "sa1 is degraded: slow"),
        (PRIMARY, DEGRADED, 60, False, "sa1 is degraded: slow"),
        (PRIMARY, DEGRADED, 61, False, ""),
        (PRIMARY, DEGRADED, 0, True, ""),
        (PRIMARY, OK, 0, False, ""),
        (SECONDARY, DEGRADED, 0, False, ""),
    ],
)
def test_a_resource_that_azure_calls_degraded_is_not_steady(
    role: Role, seen: Observation, age: int, *, later: bool, why: str
) -> None:
    """Until that is old, or the resource has answered well since."""
    now = START + minutes(age)
    item = reported(role=role, bad=False, observation=seen, why="slow", surface=Surface.STORAGE)
    tracks = {"primary.storage": well(now, ok_at=START + TICK if later else START)}
    assert unsteadiness_of(Evidence(tracks=tracks, reported={"sa1": item}), PRIMARY, now, AUTO) == why
