"""People are told of every class what it counts for, and it is what the rule makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role, Surface
from orchestrator.core.decision.class_effect import counts_as
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.fold import fold
from orchestrator.core.decision.rule import judge
from orchestrator.core.decision.verdicts import Assessment, assess
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import probe_signal

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
POLICY = Policy(confirm_after=timedelta(minutes=5))
EVERY = timedelta(seconds=10)


def _after(length: timedelta, **found: Observation) -> Assessment:
    """The view of a side on which the probes of these surfaces have found this for so long."""
    evidence, at = Evidence(), START
    while at <= START + length:
        signals = [probe_signal(Role.PRIMARY, Surface(name), seen, at, f"{name}") for name, seen in found.items()]
        evidence = fold(evidence, signals, at, POLICY)
        at += EVERY
    return assess(evidence, at - EVERY, POLICY)


def test_a_class_counts_once_it_has_been_bad_for_long_enough() -> None:
    """Not a second before; with two such classes the rule is met."""
    early = _after(timedelta(minutes=4), hub=Observation.BAD, storage=Observation.BAD)
    assert counts_as(early, Role.PRIMARY, EvidenceClass.HUB, POLICY).startswith(
        "bad for 4 min of the 5 min needed: not yet"
    )
    late = _after(timedelta(minutes=5), hub=Observation.BAD, storage=Observation.BAD)
    told = {name: counts_as(late, Role.PRIMARY, name, POLICY) for name in judge(late, Role.PRIMARY, POLICY).bad}
    assert judge(late, Role.PRIMARY, POLICY).met
    assert told == {
        EvidenceClass.HUB: "bad for 5 min, 5 min needed: counts (work class)",
        EvidenceClass.DEPENDENCY: "bad for 5 min, 5 min needed: counts (second witness, not a work class)",
    }


def test_a_dead_management_plane_only_confirms() -> None:
    """However long it lasts."""
    seen = _after(timedelta(minutes=30), control=Observation.BAD, hub=Observation.OK)
    assert counts_as(seen, Role.PRIMARY, EvidenceClass.CONTROL, POLICY) == "bad: confirms; never decides"


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (Observation.OK, "well: nothing of it counts"),
        (Observation.BLIND, "blind: counts neither for nor against, and no way back opens"),
    ],
)
def test_what_is_not_bad_does_not_count(seen: Observation, told: str) -> None:
    """Neither what is well nor what could not be asked."""
    assert counts_as(_after(EVERY, hub=seen), Role.PRIMARY, EvidenceClass.HUB, POLICY) == told


def test_what_was_never_asked_says_so() -> None:
    """A class without a probe, of which nothing was delivered."""
    seen = _after(EVERY, hub=Observation.OK)
    assert counts_as(seen, Role.PRIMARY, EvidenceClass.METRICS, POLICY) == "nothing was asked or heard"
