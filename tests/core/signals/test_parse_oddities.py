"""Deliveries that contradict themselves, leave something out, or are spelt as few senders spell them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bodies import AT, STORAGE, SUB, cloud, common, grid, legacy, resource_health, service_health

from orchestrator.core.signals.facts import Parsed
from orchestrator.core.signals.parse import facts_from, parse, parse_text

WRITTEN = "Microsoft.Resources.ResourceWriteSuccess"


def one(body: Any) -> Parsed:
    (parsed,) = parse(body)
    return parsed


def test_a_change_that_two_topics_tell_of_has_one_key() -> None:
    """A subscription's topic and a resource group's send the same event under the same id."""
    topics = (f"/subscriptions/{SUB}", f"/subscriptions/{SUB}/resourceGroups/rg-1")
    keys = {
        one(said(WRITTEN, {"resourceUri": STORAGE}, subject=STORAGE, **{where: topic})).dedupe_key
        for topic in topics
        for said, where in ((grid, "topic"), (cloud, "source"))
    }
    assert len(keys) == 1


@pytest.mark.parametrize("stage", ["Investigating", "Final PIR", 7])
def test_an_unknown_stage_is_not_made_known_by_the_status_beside_it(stage: Any) -> None:
    """Only a stage that is left out may be read from there."""
    parsed = one(service_health(stage=stage, status="Active"))
    assert (parsed.observation, parsed.counts) == ("blind", False)
    left_out = one(service_health(stage=..., status="Active"))
    assert (left_out.observation, left_out.counts) == ("bad", True)


@pytest.mark.parametrize("state", ["Unavailable", "Unknown", "Degraded", None])
def test_a_health_alert_that_is_resolved_is_over_whatever_state_it_repeats(state: str | None) -> None:
    """The state of an activity-log alert is in its context; what it repeats beside may be old."""
    resolved, active = (one(resource_health(state, "PlatformInitiated", status)) for status in ("Resolved", "Active"))
    assert (resolved.observation, resolved.counts) == ("ok", False)
    assert resolved.dedupe_key != active.dedupe_key


def test_the_end_of_a_notice_is_no_copy_of_its_beginning() -> None:
    """Both may carry one stage and one communication; dropped as a copy, the all-clear would be lost."""
    active, resolved = (one(service_health(status=status)) for status in ("Active", "Resolved"))
    assert (active.observation, resolved.observation) == ("bad", "ok")
    assert active.dedupe_key != resolved.dedupe_key


def test_a_notice_without_a_communication_has_one_key_in_all_subscriptions() -> None:
    """Each subscription's record has an id of its own."""
    keys = set()
    for record in ("r-1", "r-2"):
        body = service_health(communicationId=...)
        body["data"]["alertContext"]["eventDataId"] = record
        keys.add(one(body).dedupe_key)
    assert len(keys) == 1


@pytest.mark.parametrize("regions", [["West Europe"], [{"RegionName": "West Europe"}]])
def test_the_regions_of_a_notice_are_found_beside_services_without_a_name(regions: list[Any]) -> None:
    """As objects or as texts, and with nothing else that names a region."""
    parsed = one(service_health(region=..., impactedServices=[{"ImpactedRegions": regions}]))
    assert (parsed.regions, parsed.counts) == (("westeurope",), True)


def test_an_alert_about_an_operation_may_name_its_resource_in_the_scope_only() -> None:
    """The scope that was asked for is the resource."""
    context = {
        "authorization": {"scope": STORAGE},
        "eventSource": "Administrative",
        "eventTimestamp": AT,
        "operationName": "Microsoft.Storage/storageAccounts/write",
        "status": "Succeeded",
    }
    assert one(common("Activity Log - Administrative", context, alertTargetIDs=[])).target == STORAGE.lower()


def test_an_alert_without_a_service_is_told_by_its_record() -> None:
    """What stands in the activity log's own words."""
    body = service_health()
    body["data"]["essentials"]["monitoringService"] = None
    body["data"]["alertContext"]["eventSource"] = "ServiceHealth"
    assert one(body).evidence_class == "notice"


def test_the_words_of_a_record_may_be_objects() -> None:
    """The activity log itself has a value and a translation for each."""
    source = {"value": "ServiceHealth", "localizedValue": "Service Health"}
    record = service_health()["data"]["alertContext"] | {"eventSource": source}
    assert one(legacy(**record)).evidence_class == "notice"


def test_ids_that_are_numbers_are_ids() -> None:
    """Else two events that are alike but for them would be one."""
    first, second = (one(cloud("Some.Type", {}, id=number)).dedupe_key for number in (5, 6))
    assert first != second


def test_an_envelope_may_be_spelt_in_capitals() -> None:
    """The resource is found all the same."""
    shouted = {key.upper(): value for key, value in grid(WRITTEN, {}, subject=STORAGE).items()}
    assert one(shouted).target == STORAGE.lower()


def test_unused_alerts_have_one_key_in_both_schemas() -> None:
    """The record's own id says which it is."""
    record = {"eventSource": "Autoscale", "eventDataId": "d-1", "eventTimestamp": AT}
    assert one(legacy(**record)).dedupe_key == one(common("Activity Log - Autoscale", record)).dedupe_key


def test_a_time_with_a_small_z_is_a_time() -> None:
    """RFC 3339 allows it."""
    assert one(cloud("Some.Type", {}, time=AT.lower())).occurred_at == one(cloud("Some.Type", {})).occurred_at


def test_a_guest_s_own_doing_is_the_guest_s() -> None:
    """And never counts."""
    parsed = one(resource_health("Unavailable", "GuestInitiated"))
    assert (parsed.cause, parsed.counts) == ("guest", False)


def test_a_number_that_no_decoder_takes_stops_no_neighbour() -> None:
    """An array is read element by element, if it cannot be read as a whole."""
    good = json.dumps(grid("Some.Type", {}))
    body = f'[{good}, {{"id": {"1" * 5000}, "eventType": "x"}}, {good}]'
    assert [parsed.kind for parsed in parse_text(body)] == ["ignored", "invalid", "ignored"]


def test_places_without_a_name_are_nobody_s_service() -> None:
    """They say where, not what: the services beside them keep their own regions."""
    services = [{"ServiceName": "Storage", "ImpactedRegions": [{"RegionName": "West Europe"}]}]
    nameless = {"ImpactedRegions": [{"RegionName": "North Europe"}]}
    (fact,) = facts_from(service_health(region=..., impactedServices=[*services, nameless]))
    assert fact.details.places == (("Storage", ("westeurope",)), ("", ("northeurope",)))


def test_a_log_alert_names_the_regions_of_what_it_searched() -> None:
    """The first generation does; an alert that names none has none."""
    sources = [{"resourceId": STORAGE, "region": "East US"}, {"region": "westeurope"}, {}, "else"]
    searched = common("Log Analytics", {"SearchResults": {"dataSources": sources}}, severity="Sev1", signalType="Log")
    assert one(searched).regions == ("eastus", "westeurope")
    assert one(common("Log Analytics", {"SearchResults": {"dataSources": "x"}}, signalType="Log")).regions == ()


def test_a_change_without_a_time_of_its_own_happened_when_the_resource_says() -> None:
    """An envelope may lack the time; its data has it."""
    kind = "Microsoft.ResourceNotifications.Resources.CreatedOrUpdated"
    data = {
        "resourceInfo": {"id": STORAGE},
        "operationalInfo": {"resourceEventTime": "2026-01-02T03:00:00.1234567Z"},
    }
    body = cloud(kind, data, subject=STORAGE)
    assert one({key: value for key, value in body.items() if key != "time"}).occurred_at is not None
    assert one(body | {"time": AT}).occurred_at == one(cloud(kind, {}, subject=STORAGE) | {"time": AT}).occurred_at


def test_two_updates_of_a_notice_on_one_day_are_two_facts() -> None:
    """What they tell differs, although neither has a communication's number."""
    first, second = (one(service_health(communicationId=..., communication=said)) for said in ("We look.", "We see."))
    assert first.dedupe_key != second.dedupe_key


def test_a_notice_that_arrives_around_midnight_has_one_key_in_all_subscriptions() -> None:
    """Each record has its own time; the communication is the same."""
    keys = set()
    for at in ("2026-03-01T23:59:58Z", "2026-03-02T00:00:03Z"):
        body = service_health()
        body["data"]["alertContext"]["eventTimestamp"] = at
        keys.add(one(body).dedupe_key)
    assert len(keys) == 1


@pytest.mark.parametrize("field", ["healthEventCategory", "category", "reasonType"])
def test_planned_work_never_counts_wherever_it_is_called_so(field: str) -> None:
    """Even beside a cause that says whose work it was."""
    body = resource_health("Unavailable", "PlatformInitiated")
    body["data"]["alertContext"]["properties"][field] = "Planned"
    assert (one(body).cause, one(body).counts) == ("planned", False)


def test_a_notice_that_was_withdrawn_may_say_so_beside_its_properties() -> None:
    """A false positive is one wherever the tag stands."""
    body = service_health()
    body["data"]["alertContext"]["eventTags"] = ["False Positive"]
    assert one(body).counts is False


def test_an_alert_about_an_operation_may_name_its_resource_in_its_record_only() -> None:
    """Without targets and without a scope."""
    context = {"eventSource": "Administrative", "operationName": "a/b/write", "status": "x", "resourceId": STORAGE}
    assert one(common("Activity Log - Administrative", context, alertTargetIDs=[])).target == STORAGE.lower()
