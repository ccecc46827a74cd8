"""An event that Service Health lists is a message for each of its updates, with the time at which it was published."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.signals.facts import Fact, IncidentMessage
from orchestrator.core.signals.health_updates import event_messages

HOUR = datetime(2026, 3, 1, 7, tzinfo=UTC)


def minute(number: int) -> str:
    return f"2026-03-01T07:{number:02}:00.1234560Z"


def update(number: int, said: str = "", *tags: str) -> dict[str, Any]:
    return {"summary": said, "updateDateTime": minute(number), "eventTags": list(tags)}


def event(*updates: dict[str, Any], regions: tuple[str, ...] = ("West Europe",), **properties: Any) -> dict[str, Any]:
    """An incident of Storage, as the REST API lists it; ``...`` leaves a property out."""
    there = [{"impactedRegion": region, "status": "Active", "updates": list(updates)} for region in regions]
    usual = {
        "title": "ACTIVE: Storage - West Europe",
        "summary": "We are investigating.",
        "eventType": "ServiceIssue",
        "status": "Active",
        "eventLevel": "Error",
        "impactStartTime": minute(1),
        "lastUpdateTime": minute(59),
        "impact": [{"impactedService": "Storage", "impactedRegions": there}],
    }
    said = {name: value for name, value in (usual | properties).items() if value is not ...}
    return {"name": "ABCD-123", "properties": said}


def read(listed: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Minute, step and words of each message."""
    return [(_at(fact).minute, _said(fact).step.value, _said(fact).text) for fact in event_messages(listed)]


def _at(fact: Fact) -> datetime:
    assert fact.parsed.occurred_at is not None
    return fact.parsed.occurred_at


def _said(fact: Fact) -> IncidentMessage:
    assert fact.details.incident is not None
    return fact.details.incident


def test_each_update_is_a_message_of_its_own_time() -> None:
    """Oldest first, though the newest is listed first; a poll that comes late knows when the first was published."""
    found = read(event(update(44, "<p>We see <b>less</b></p>"), update(20, "We look")))
    assert found == [(20, "active", "We look"), (44, "active", "We see less")]


def test_an_update_for_two_regions_and_services_is_one_message_that_names_both() -> None:
    """It is listed at each of them."""
    listed = event(update(20, "We look"), regions=("West Europe", "North Europe"))
    impact = listed["properties"]["impact"]
    impact.append({**impact[0], "impactedService": "Key Vault"})
    (fact,) = event_messages(listed)
    assert fact.parsed.regions == ("northeurope", "westeurope")
    assert fact.details.places == (
        ("Storage", ("northeurope", "westeurope")),
        ("Key Vault", ("northeurope", "westeurope")),
    )


def test_an_update_for_one_region_names_no_other() -> None:
    """What is said of a region that is none of a pair's is no message for it."""
    listed = event(update(20, "We look"), regions=("West Europe", "North Europe"))
    listed["properties"]["impact"][0]["impactedRegions"][1]["updates"] = [update(30, "Here too")]
    assert [fact.parsed.regions for fact in event_messages(listed)] == [("westeurope",), ("northeurope",)]


def test_a_region_that_is_well_again_is_named_all_the_same() -> None:
    """The report is about what was; only what is still touched is evidence."""
    listed = event(update(20, "We look"), update(50, "It is over"), status="Resolved", impactMitigationTime=minute(45))
    listed["properties"]["impact"][0]["impactedRegions"][0]["status"] = "Resolved"
    facts = event_messages(listed)
    assert {fact.parsed.regions for fact in facts} == {("westeurope",)}
    assert _said(facts[-1]).impact_end == datetime(2026, 3, 1, 7, 45, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("updates", "said", "steps"),
    [
        ((20, 50), {"status": "Resolved"}, ["active", "resolved"]),
        ((20, 50, (55, "Preliminary PIR")), {"status": "Resolved"}, ["active", "resolved", "review"]),
        ((20, 50), {"status": "Resolved", "eventTags": ["Final PIR"]}, ["resolved", "review"]),
        ((20, (50, "False Positive")), {}, ["active", "withdrawn"]),
        ((20, 50), {"eventTags": ["False Positive"]}, ["active", "withdrawn"]),
        (((20, "Action Recommended"),), {}, ["active"]),
        ((20,), {"eventType": "RCA"}, ["review"]),
    ],
)
def test_how_far_each_update_says_that_it_has_come(updates: tuple[Any, ...], said: dict[str, Any], steps: Any) -> None:
    """By its own tags; which one ended the incident is the last one that is no review."""
    made = [update(each, "") if isinstance(each, int) else update(each[0], "", *each[1:]) for each in updates]
    assert [step for _, step, _ in read(event(*made, **said))] == steps


def test_an_event_without_updates_is_one_message() -> None:
    """Dated by its last update, with its summary."""
    assert read(event()) == [(59, "active", "We are investigating.")]
    assert read(event(status="Resolved")) == [(59, "resolved", "We are investigating.")]


@pytest.mark.parametrize(
    "said",
    [
        {"eventType": "HealthAdvisory"},
        {"eventType": "PlannedMaintenance"},
        {"eventType": "Billing"},
        {"isSynthetic": "True"},
        {"lastUpdateTime": ...},
    ],
)
def test_what_is_about_no_incident_is_no_message(said: dict[str, Any]) -> None:
    """Advice, planned work and tests."""
    assert event_messages(event(update(20), **said)) == ()


def test_the_same_update_has_the_same_key_at_every_poll() -> None:
    """Also when the event has changed meanwhile; a step that is known better makes it another message."""
    keys = [fact.parsed.dedupe_key for fact in event_messages(event(update(20)))]
    later = [fact.parsed.dedupe_key for fact in event_messages(event(update(20), update(50), title="New"))]
    assert later[0] == keys[0]
    assert len(set(later)) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(updates=JSON, regions=JSON, impact=JSON, tags=JSON)
def test_no_element_raises(updates: Any, regions: Any, impact: Any, tags: Any) -> None:
    """Whatever is listed there."""
    for listed in (
        event(impact=impact, eventTags=tags),
        event(impact=[{"impactedService": impact, "impactedRegions": regions}]),
        event(
            impact=[{"impactedService": "Storage", "impactedRegions": [{"impactedRegion": "x", "updates": updates}]}]
        ),
        event({"updateDateTime": minute(3), "summary": updates, "eventTags": tags}),
    ):
        assert all(fact.details.incident for fact in event_messages(listed))
    assert event_messages(updates) == ()
