"""A message of Service Health belongs to a run by region, service, time and tracking id, and to no other run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bodies import service_health

from orchestrator.core.base.codec import decode, encode
from orchestrator.core.evidence.incident import IncidentNotice, RunTimes, find_incident, notice_of, select_new
from orchestrator.core.plan.load import plan_from
from orchestrator.core.signals.facts import NoticeStep
from orchestrator.core.signals.health_updates import event_messages
from orchestrator.core.signals.parse import facts_from

PLAN = plan_from(
    """\
schema: 1
pair: a
primary: {region: westeurope, subscription: s, resource_group: rg, hub: h, project: p}
secondary: {region: northeurope, subscription: s, resource_group: rg2, hub: h2, project: p2}
pointer: {endpoint: "https://pointer.azconfig.io"}
ledger: {account: "https://ledger.blob.core.windows.net"}
""",
    "p.yaml",
)
T = datetime(2026, 3, 1, 7, tzinfo=UTC)
TIMES = RunTimes("westeurope", at := T + timedelta(minutes=5), at, T + timedelta(minutes=12), T + timedelta(minutes=30))


def minute(number: float) -> str:
    return (T + timedelta(minutes=number)).isoformat()


def notice(minutes: float = 53, **said: Any) -> IncidentNotice | None:
    """A message that is published so many minutes after seven."""
    body = service_health(**said)
    body["data"]["alertContext"]["eventTimestamp"] = minute(minutes)
    (fact,) = facts_from(body)
    return notice_of(fact, PLAN, T + timedelta(days=1))


def polled(*minutes: float, region: str = "West Europe", **said: Any) -> list[IncidentNotice]:
    """The messages of an event with updates at these minutes after seven, as a poll keeps them."""
    updates = [{"summary": f"at {number}", "updateDateTime": minute(number)} for number in minutes]
    there = {"impactedRegion": region, "status": said.get("status", "Active"), "updates": updates}
    properties = {
        "title": "Storage - West Europe",
        "eventType": "ServiceIssue",
        "status": "Active",
        "lastUpdateTime": minute(max(minutes)),
        "impact": [{"impactedService": "Storage", "impactedRegions": [there]}],
        **said,
    }
    facts = event_messages({"name": "ABCD-123", "properties": properties})
    read = (notice_of(fact, PLAN, T + timedelta(days=1), polled=True) for fact in facts)
    return [each for each in read if each is not None]


def found(*notices: IncidentNotice | None, times: RunTimes = TIMES) -> Any:
    return find_incident(times, [each for each in notices if each is not None])


def test_the_report_says_how_much_earlier_the_decision_was() -> None:
    """Against the first notice and against the claimed beginning of the impact."""
    first = notice(53, impactStartTime=minute(1))
    later = notice(90, impactStartTime=minute(-3), communicationId="2")
    over = notice(200, stage="Resolved", impactMitigationTime=minute(180), communicationId="3")
    review = notice(9000, stage="RCA", communication="<p>A <b>switch</b> &amp; a fibre</p>", communicationId="4")
    report = found(review, over, first, later)
    assert (report.decided_before_notice_s, report.suspected_before_notice_s) == (41 * 60, 48 * 60)
    assert (report.decided_after_impact_s, report.impact_start) == (15 * 60, T - timedelta(minutes=3))
    assert report.impact_end == T + timedelta(minutes=180)
    assert [each.step for each in report.notices] == ["active", "active", "resolved", "review"]
    assert report.notices[-1].text == "A switch & a fibre"
    assert "decided at 2026-03-01 07:12:00Z, 41 min before Azure's first notice (2026-03-01 07:53:00Z)" in report.why
    assert "Azure says that the impact began at 2026-03-01 06:57:00Z" in report.why


def test_a_notice_that_came_first_is_not_called_late() -> None:
    """The report is true in both directions."""
    report = found(notice(2))
    assert report.decided_before_notice_s == -600
    assert "10 min after Azure's first notice" in report.why


@pytest.mark.parametrize(
    "said",
    [
        {"region": "East US", "title": "Storage - East US"},
        {"service": "Azure Maps"},
        {"region": "East US", "impactedServices": '[{"ServiceName": "Storage", "ImpactedRegions": ["x"]}]'},
        {"incidentType": "Maintenance", "stage": "Planned"},
        {"incidentType": "Informational"},
        {"IsSynthetic": "True"},
        {"trackingId": ...},
    ],
)
def test_what_is_about_something_else_is_not_kept(said: dict[str, Any]) -> None:
    """Other regions, other services, planned work, advice, and tests."""
    assert notice(**said) is None


def test_the_region_must_be_touched_for_a_service_that_is_used() -> None:
    """One message lists many services with regions of their own."""
    services = [
        {"ServiceName": "Azure Maps", "ImpactedRegions": [{"RegionName": "West Europe"}]},
        {"ServiceName": "Storage", "ImpactedRegions": [{"RegionName": "East US"}]},
    ]
    assert notice(region="West Europe, East US", impactedServices=services) is None
    services[1]["ImpactedRegions"] = [{"RegionName": "North Europe"}]
    other = notice(region="West Europe, North Europe", impactedServices=services)
    assert other is not None
    assert found(other) is None
    assert found(other, times=TIMES._replace(region="northeurope")) is not None


@pytest.mark.parametrize(
    ("minutes", "said", "belongs"),
    [
        (53, {}, True),
        (53, {"impactStartTime": minute(60)}, True),
        (60 * 24 * 3, {"impactStartTime": minute(60 * 24 * 3)}, False),
        (-60 * 30, {}, False),
        (-60 * 20, {}, True),
        (-60, {"stage": "Resolved", "impactStartTime": minute(-300), "impactMitigationTime": minute(-70)}, False),
        (-60, {"impactStartTime": minute(-300), "impactMitigationTime": minute(-70)}, True),
        (60 * 24 * 9, {"stage": "RCA", "impactStartTime": minute(3), "impactMitigationTime": minute(99)}, True),
        (60 * 24 * 9, {"stage": "RCA", "impactStartTime": minute(-9000), "impactMitigationTime": minute(-99)}, False),
        (60 * 24 * 9, {"incidentType": "RCA", "stage": ..., "impactStartTime": minute(3)}, True),
    ],
)
def test_the_times_must_overlap(minutes: float, said: dict[str, Any], belongs: bool) -> None:
    """A review arrives days later and still belongs; an incident of last week does not."""
    assert (found(notice(minutes, **said)) is not None) is belongs


def test_a_message_without_region_belongs_by_its_tracking_id_alone() -> None:
    """Reviews leave out what was said before."""
    bare = notice(9000, region=..., service=..., stage="RCA", communicationId="9")
    assert bare is not None
    assert found(bare) is None
    assert len(found(notice(53), bare).notices) == 2
    assert found(notice(53, trackingId="ZZZZ-999", region="North Europe"), bare) is None


def test_a_second_event_of_the_same_outage_belongs_too() -> None:
    """An incident that follows another has a tracking id of its own."""
    report = found(notice(53), notice(70, trackingId="EFGH-456"))
    assert report.tracking == ("ABCD-123", "EFGH-456")


def test_what_is_withdrawn_is_said_to_be() -> None:
    """A false positive stays in the report as one."""
    withdrawn = notice(99, eventTags=["False Positive"], communicationId="5")
    assert withdrawn is not None
    assert withdrawn.step is NoticeStep.WITHDRAWN
    assert "withdrawn" in found(notice(53), withdrawn).why


def test_the_same_message_of_another_subscription_has_the_same_id() -> None:
    """Each subscription is told, and the report names it once."""
    one, other = notice(53), notice(54)
    assert one is not None
    assert other is not None
    assert one.id == other.id


@pytest.mark.parametrize("tag", ["Preliminary PIR", "Final PIR", "final-pir", "Post Incident Review"])
def test_a_review_is_known_by_its_tag_whatever_its_type(tag: str) -> None:
    """It is advice by its type, and still about the incident."""
    review = notice(9000, incidentType="Informational", eventTags=[tag], communicationId="7")
    assert review is not None
    assert review.step is NoticeStep.REVIEW
    assert [each.step for each in found(notice(53), review).notices] == ["active", "review"]


def test_what_polls_alone_have_found_is_reported_with_the_times_of_its_updates() -> None:
    """The incident, its end, and how much earlier the decision was, although nothing was ever delivered."""
    report = found(*polled(53, 90, 200, status="Resolved", impactMitigationTime=minute(180)))
    assert report.decided_before_notice_s == 41 * 60
    assert [(each.step, each.text) for each in report.notices] == [
        ("active", "at 53"),
        ("active", "at 90"),
        ("resolved", "at 200"),
    ]
    assert report.impact_end == T + timedelta(minutes=180)


def test_a_message_that_was_delivered_and_polled_is_reported_once() -> None:
    """With what was delivered and the earlier of its times; an update that was not delivered stands beside it."""
    delivered = notice(55), notice(201, stage="Resolved", communicationId="3")
    report = found(*delivered, *polled(53, 90, 200, status="Resolved"))
    minutes = [(each.published_at - T) / timedelta(minutes=1) for each in report.notices]
    assert [(each.step, each.polled) for each in report.notices] == [
        ("active", False),
        ("active", True),
        ("resolved", False),
    ]
    assert minutes == [53, 90, 200]
    assert report.decided_before_notice_s == 41 * 60


def test_two_updates_that_were_delivered_stay_two_beside_what_was_polled() -> None:
    """Minutes apart: each update that a poll finds is the nearest one that was delivered."""
    report = found(notice(54), notice(62, communicationId="2"), *polled(53, 61))
    assert [(each.published_at - T) / timedelta(minutes=1) for each in report.notices] == [53, 61]


def test_what_was_delivered_at_another_step_or_time_is_another_message() -> None:
    """Half an hour later it is another update."""
    report = found(notice(90), *polled(53))
    assert [(each.published_at - T) / timedelta(minutes=1) for each in report.notices] == [53, 90]
    report = found(notice(53, stage="Resolved"), *polled(53))
    assert sorted(each.step for each in report.notices) == ["active", "resolved"]


def test_a_polled_event_of_another_region_is_not_kept_also_when_it_is_over() -> None:
    """Its regions are well again then, and named all the same."""
    assert polled(53, region="Japan East", status="Resolved") == []
    assert [each.touches for each in polled(53, status="Resolved")] == [("westeurope",)]


def test_what_a_poll_lists_without_a_region_is_kept_only_with_its_incident() -> None:
    """A subscription lists reviews of everything; a delivery was meant for whoever has got it."""
    (incident,) = polled(53)
    bare = polled(53, impact=[], eventType="RCA")
    other = polled(54, impact=[], eventType="RCA")
    assert [each.touches for each in bare] == [()]
    assert select_new([], bare) == []
    assert select_new([], [incident, *bare]) == [incident, *bare]
    assert select_new([incident], other) == other
    assert select_new([incident, *bare], [incident, *bare]) == []
    delivered = notice(9000, region=..., service=..., stage="RCA", communicationId="9")
    assert delivered is not None
    assert select_new([], [delivered]) == [delivered]


def test_a_kept_message_of_an_older_version_was_delivered() -> None:
    """Nothing else was kept then."""
    (found_by_poll,) = polled(53)
    assert decode(encode(found_by_poll).replace(b',"polled":true', b""), IncidentNotice, "x").polled is False
