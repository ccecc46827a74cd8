"""What is polled reads as what is delivered: one key, one cause, one judgement."""

from __future__ import annotations

from typing import Any

import pytest
from bodies import AT, STORAGE, resource_health, service_health
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.base.vocabulary import Cause, EvidenceClass, Observation
from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.parse import facts_from
from orchestrator.core.signals.resource_health import event_fact, status_fact


def status(state: Any = "Unavailable", **properties: Any) -> dict[str, Any]:
    """A status by the platform's doing, unless said otherwise; ``...`` leaves a property out."""
    usual = {"availabilityState": state, "reasonType": "Unplanned", "occuredTime": AT, "reportedTime": AT}
    said = {name: value for name, value in (usual | properties).items() if value is not ...}
    tail = "providers/Microsoft.ResourceHealth/availabilityStatuses/current"
    return {"id": f"{STORAGE.upper()}/{tail}", "name": "current", "properties": said}


def event(**properties: Any) -> dict[str, Any]:
    """The incident of ``bodies.service_health``, as the REST API lists it."""
    there = [{"impactedRegion": "West Europe", "status": "Active"}]
    usual = {
        "title": "Storage - West Europe",
        "eventType": "ServiceIssue",
        "status": "Active",
        "eventLevel": "Error",
        "lastUpdateTime": AT,
        "impact": [{"impactedService": "Storage", "impactedRegions": there}],
    }
    said = {name: value for name, value in (usual | properties).items() if value is not ...}
    return {"name": "ABCD-123", "properties": said}


def known(fact: Fact | None) -> Fact:
    assert fact is not None
    return fact


def test_a_polled_status_and_a_delivered_one_are_the_same_fact() -> None:
    """Key, class, target, time, cause and judgement; only the name of the channel differs."""
    polled = known(status_fact(status()))
    (delivered,) = facts_from(resource_health("Unavailable", "PlatformInitiated"))
    alike = ("dedupe_key", "evidence_class", "observation", "cause", "target", "occurred_at", "counts", "why")
    assert [getattr(polled.parsed, name) for name in alike] == [getattr(delivered.parsed, name) for name in alike]
    assert polled.details == delivered.details


@pytest.mark.parametrize(
    ("said", "cause", "counts"),
    [
        ({"reasonType": "Unplanned"}, Cause.PLATFORM, True),
        ({"reasonType": "PlatformInitiated"}, Cause.PLATFORM, True),
        ({"reasonType": ..., "context": "Platform Initiated"}, Cause.PLATFORM, True),
        ({"reasonType": "Unplanned", "context": "Customer Initiated"}, Cause.USER, False),
        ({"reasonType": "UserInitiated"}, Cause.USER, False),
        ({"reasonType": "Unplanned", "context": "VM Initiated"}, Cause.GUEST, False),
        ({"reasonType": "Planned"}, Cause.PLANNED, False),
        ({"reasonType": "Unplanned", "category": "Planned"}, Cause.PLANNED, False),
        ({"reasonType": ""}, Cause.NONE, False),
        ({"reasonType": ..., "context": None}, Cause.NONE, False),
        ({"reasonType": "a new word"}, Cause.NONE, False),
    ],
)
def test_only_what_the_platform_did_counts(said: dict[str, Any], cause: Cause, counts: bool) -> None:
    """Whoever did it himself, or planned it, is outvoted by nothing; what nobody is named for is nobody's."""
    parsed = known(status_fact(status(**said))).parsed
    assert (parsed.observation, parsed.cause, parsed.counts) == (Observation.BAD, cause, counts)


@pytest.mark.parametrize(
    ("state", "observation"),
    [
        ("Available", Observation.OK),
        ("Degraded", Observation.DEGRADED),
        ("Unknown", Observation.BLIND),
        (None, Observation.BLIND),
        ("Brand New", Observation.BLIND),
    ],
)
def test_the_state_alone_decides(state: Any, observation: Observation) -> None:
    """An available resource keeps the reason of its last trouble for a day; an unknown word is nobody's failure."""
    parsed = known(status_fact(status(state))).parsed
    assert (parsed.evidence_class, parsed.observation, parsed.counts) == (
        EvidenceClass.DEPENDENCY,
        observation,
        False,
    )


def test_a_status_is_dated_by_its_change_and_without_one_by_its_report() -> None:
    """The service spells it with one r; events spell it with two. Without any time it is left out."""
    earlier = "2026-03-01T11:00:00Z"
    dated = [status(occuredTime=earlier), status(occuredTime=..., occurredTime=earlier), status(occuredTime=...)]
    hours = [at.hour for each in dated if (at := known(status_fact(each)).parsed.occurred_at)]
    assert hours == [11, 11, 12]
    assert status_fact(status(occuredTime=..., reportedTime=...)) is None


def test_a_polled_incident_says_what_a_delivered_one_says() -> None:
    """Class, regions, services, tracking id, judgement."""
    polled = known(event_fact(event()))
    (delivered,) = facts_from(service_health())
    alike = ("evidence_class", "observation", "cause", "regions", "occurred_at", "counts", "why")
    assert [getattr(polled.parsed, name) for name in alike] == [getattr(delivered.parsed, name) for name in alike]
    assert (polled.details.tracking, polled.details.places) == (delivered.details.tracking, delivered.details.places)
    assert polled.details.is_severe


@pytest.mark.parametrize(
    "said",
    [
        {"status": "Resolved"},
        {"eventLevel": "Informational"},
        {"eventType": "PlannedMaintenance"},
        {"eventType": "HealthAdvisory"},
        {"eventType": "RCA"},
        {"eventType": "EmergingIssues"},
        {"eventType": "Unheard Of"},
        {"status": "Unheard Of"},
        {"eventTags": ["Preliminary PIR", "False Positive"]},
        {"isSynthetic": "True"},
        {"impact": []},
        {"impact": [{"impactedService": "Storage", "impactedRegions": [{"impactedRegion": "Atlantis"}]}]},
    ],
)
def test_an_event_that_is_no_grave_active_real_incident_does_not_count(said: dict[str, Any]) -> None:
    """The same exclusions as for what is delivered."""
    fact = known(event_fact(event(**said)))
    assert (fact.parsed.counts, fact.details.is_severe) == (False, False)


def test_a_region_that_is_well_again_is_left_out_of_an_event_that_goes_on() -> None:
    """An incident of many regions stays active until its last one is well."""
    there = [
        {"impactedRegion": "West Europe", "status": "Resolved"},
        {"impactedRegion": "North Europe", "status": "Active"},
    ]
    impact = [{"impactedService": "Storage", "impactedRegions": there}]
    assert known(event_fact(event(impact=impact))).parsed.regions == ("northeurope",)


def test_an_event_without_a_name_or_an_update_is_left_out() -> None:
    """Nothing could end it, or date it. The beginning of the impact is no date: it is revised."""
    assert event_fact(event() | {"name": None}) is None
    assert event_fact(event(lastUpdateTime=..., impactStartTime=AT)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["availabilityState", "occuredTime", "context", "impact", "impactedRegions", "status", "lastUpdateTime"]


@given(
    element=JSON | st.fixed_dictionaries({"id": JSON, "name": JSON, "properties": JSON}),
    properties=st.dictionaries(st.sampled_from(NAMES), JSON),
)
def test_no_element_raises(element: Any, properties: dict[str, Any]) -> None:
    """Whatever is listed there."""
    for said in (element, {"id": STORAGE, "name": "X", "properties": properties}):
        for read in (status_fact, event_fact):
            fact = read(said)
            assert fact is None or fact.parsed.occurred_at
