"""Storms of deliveries: what is bounded forgets what there is much of, never the one thing that holds a switch."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from stories import AUTO, BAD, OK, PRIMARY, SECONDARY, START, alert, health, minutes, notice, seconds

from orchestrator.core.base.vocabulary import EvidenceClass, Role, Surface
from orchestrator.core.decision.evidence import INCIDENT_LIMIT, REPORTED_LIMIT, Evidence
from orchestrator.core.decision.fold import evict_fairly, fold
from orchestrator.core.decision.state import initial
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.signals.signal import Signal

MANY = range(3 * max(INCIDENT_LIMIT, REPORTED_LIMIT))
NOW = START + minutes(5)


def folded(*batches: list[Signal]) -> Evidence:
    evidence = initial("p", START).evidence
    for batch in batches:
        evidence = fold(evidence, batch, NOW, AUTO)
    return evidence


def test_a_fault_of_the_whole_world_is_remembered_in_a_storm_of_notices_about_one_region() -> None:
    """Of which one is as good as forty."""
    world = notice(START, everywhere=True, tracking="WORLD")
    storm = [notice(START + seconds(n % 200), used=[PRIMARY], tracking=f"T-{n}") for n in MANY]
    found = folded([world], storm).incidents.values()
    assert len(found) == INCIDENT_LIMIT
    assert any(incident.everywhere for incident in found)


def test_a_notice_about_the_standby_is_remembered_too() -> None:
    """Even one about a service that the hub does not use, among many of those."""
    standby = notice(START, named=[SECONDARY], tracking="STANDBY")
    storm = [notice(START + seconds(n % 200), named=[PRIMARY], tracking=f"T-{n}") for n in MANY]
    assert any(incident.named == (SECONDARY,) for incident in folded([standby], storm).incidents.values())


def test_an_alert_about_the_standby_is_remembered_in_a_storm_of_alerts_about_the_primary() -> None:
    """400 rules on one account do not make the other side well."""
    standby = alert(SECONDARY, BAD, START)
    storm = [alert(PRIMARY, BAD, START + seconds(n % 200), rule=f"m-{n}") for n in MANY]
    found = assess(folded([standby], storm), NOW, AUTO)
    assert found.bad(SECONDARY) == (EvidenceClass.METRICS,)


def test_an_old_failure_that_is_told_late_meets_the_newer_recovery_after_a_storm() -> None:
    """What came between is about something else."""
    well = health(PRIMARY, Surface.STORAGE, OK, START + minutes(1))
    storm = [alert(PRIMARY, BAD, START + minutes(2), rule=f"m-{n}") for n in MANY]
    late = health(PRIMARY, Surface.STORAGE, BAD, START)
    found = assess(folded([well], storm, [late]), NOW, AUTO)
    assert EvidenceClass.DEPENDENCY not in found.bad(PRIMARY)


def test_what_is_too_old_to_count_makes_room_first() -> None:
    """Used-up alerts of a morning do not push out the afternoon's."""
    before = START - timedelta(hours=1)
    storm = [alert(PRIMARY, BAD, before, rule=f"m-{n}") for n in MANY]
    kept = [alert(PRIMARY, BAD, START, rule=f"now-{n}") for n in range(REPORTED_LIMIT // 2)]
    names = {item.why for item in folded(storm, kept).reported.values()}
    assert {signal.why for signal in kept} <= names


class Thing(NamedTuple):
    kind: int
    at: datetime


things = st.builds(lambda kind, n: Thing(kind, START + seconds(n)), st.integers(0, 9), st.integers(0, 50))


@given(st.lists(things, max_size=80), st.integers(10, 40))
def test_the_newest_of_every_kind_stays(found: list[Thing], limit: int) -> None:
    """As many as there is room for, and the same whatever the order in which they came."""
    items = {str(n): thing for n, thing in enumerate(found)}
    kept = evict_fairly(items, limit, lambda thing: (thing.kind,))
    assert len(kept) == min(limit, len(items))
    newest = {kind: max(t.at for t in found if t.kind == kind) for kind in {t.kind for t in found}}
    assert all(any(t == Thing(kind, at) for t in kept.values()) for kind, at in newest.items())
    turned = evict_fairly(dict(reversed(items.items())), limit, lambda thing: (thing.kind,))
    assert turned == kept
    assert kept.items() <= items.items()


def test_a_state_says_the_same_in_whatever_order_a_storm_arrived() -> None:
    """What is forgotten follows from what it says, not from when it came."""
    storm = [notice(START + seconds(n), used=[Role.PRIMARY], tracking=f"T-{n}") for n in range(200)]
    assert folded(storm).incidents == folded(storm[::-1]).incidents
