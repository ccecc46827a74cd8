"""What delivered bodies mean: one test per trap."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from bodies import (
    AT,
    HUB,
    STORAGE,
    VAULT,
    cloud,
    common,
    grid,
    health_event,
    legacy,
    metric,
    resource_health,
    service_health,
)

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.signals.facts import Parsed
from orchestrator.core.signals.parse import facts_from, parse, parse_text

HEALTH = "Microsoft.ResourceNotifications.HealthResources."
MOMENT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def one(body: Any) -> Parsed:
    """The only element of a body."""
    (parsed,) = parse(body)
    return parsed


def said(body: Any) -> tuple[str | None, str | None, bool]:
    """Class, observation and whether it counts."""
    parsed = one(body)
    return parsed.evidence_class, parsed.observation, parsed.counts


def test_the_printed_fields_are_the_promised_ones_in_their_order() -> None:
    """Scripts read these names."""
    fields = [
        "kind",
        "type",
        "class",
        "observation",
        "cause",
        "target",
        "regions",
        "occurred_at",
        "dedupe_key",
        "counts",
        "why",
    ]
    assert list(to_builtins(one(metric()))) == fields


@pytest.mark.parametrize(
    ("state", "cause", "status", "seen", "counts"),
    [
        ("Unavailable", "PlatformInitiated", "Active", "bad", True),
        ("Unavailable", "Platform Initiated", "In Progress", "bad", True),
        ("Unavailable", "UserInitiated", "Active", "bad", False),
        ("Unavailable", "Unknown", "Active", "bad", False),
        ("Unavailable", None, "Active", "bad", False),
        ("Available", "PlatformInitiated", "Resolved", "ok", False),
        ("Degraded", "PlatformInitiated", "Active", "degraded", False),
        ("Unknown", "PlatformInitiated", "Active", "blind", False),
        (None, None, "Updated", "blind", False),
        ("Wobbly", "PlatformInitiated", "Active", "blind", False),
    ],
)
def test_resource_health_is_read_from_its_context(
    state: str | None, cause: str | None, status: str, seen: str, counts: bool
) -> None:
    """Only unavailable by the platform's doing counts; nobody knows is blind; Fired says nothing."""
    assert said(resource_health(state, cause, status)) == ("dependency", seen, counts)


def test_an_id_is_lower_case_without_a_health_tail_and_stray_blanks() -> None:
    """Ids compare as Resource Manager compares them."""
    tail = "/providers/Microsoft.ResourceHealth/availabilityStatuses/current"
    untidy = STORAGE.upper().replace("STALPHA", " STALPHA") + tail
    assert one(resource_health("Available", None, alertTargetIDs=[untidy])).target == STORAGE.lower()


@pytest.mark.parametrize(
    ("changes", "seen", "counts"),
    [
        ({}, "bad", True),
        ({"level": 3}, "bad", True),
        ({"level": 1}, "bad", True),
        ({"level": 4}, "bad", False),
        ({"level": "Error"}, "bad", True),
        ({"level": "Informational"}, "bad", False),
        ({"level": None}, "bad", False),
        ({"stage": "Resolved"}, "ok", False),
        ({"status": "Resolved"}, "ok", False),
        ({"stage": "RCA"}, "ok", False),
        ({"stage": "In Progress"}, "bad", False),
        ({"stage": "Dancing", "status": "Dancing"}, "blind", False),
        ({"IsSynthetic": "True"}, "bad", False),
        ({"IsSynthetic": True}, "bad", False),
        ({"eventTags": ["False Positive"]}, "bad", False),
        ({"region": "Narnia"}, "bad", False),
        ({"region": "Global"}, "bad", False),
        ({"incidentType": "Maintenance", "stage": "In Progress"}, "degraded", False),
        ({"incidentType": "Maintenance", "stage": "Planned"}, "ok", False),
        ({"incidentType": "Informational"}, "ok", False),
        ({"incidentType": "ActionRequired"}, "ok", False),
        ({"incidentType": "Security"}, "ok", False),
        ({"incidentType": "Party"}, "blind", False),
    ],
)
def test_service_health_counts_only_as_a_real_grave_active_incident(
    changes: dict[str, Any], seen: str, counts: bool
) -> None:
    """Maintenance, advice, tests, reviews, low levels and unknown places never count."""
    assert said(service_health(**changes)) == ("notice", seen, counts)


@pytest.mark.parametrize("as_text", [True, False])
def test_the_services_of_an_incident_come_as_a_list_or_as_json_in_a_text(as_text: bool) -> None:
    """Both are read; each service keeps its own regions."""
    services = [
        {"ServiceName": "Storage", "ImpactedRegions": [{"RegionName": "West Europe"}]},
        {"ServiceName": "SQL Database", "ImpactedRegions": [{"RegionName": "North Europe"}]},
    ]
    body = service_health(impactedServices=json.dumps(services) if as_text else services)
    (fact,) = facts_from(body)
    assert fact.details.places == (("Storage", ("westeurope",)), ("SQL Database", ("northeurope",)))
    assert fact.parsed.regions == ("northeurope", "westeurope")


@pytest.mark.parametrize(
    ("severity", "condition", "seen", "counts"),
    [
        ("Sev0", "Fired", "bad", True),
        ("Sev1", "Fired", "bad", True),
        ("Sev2", "Fired", "bad", False),
        (None, "Fired", "bad", False),
        ("Sev1", "Resolved", "ok", False),
        ("Sev1", "Dancing", "blind", False),
    ],
)
def test_a_measured_alert_has_its_state_in_the_monitor_condition(
    severity: str | None, condition: str, seen: str, counts: bool
) -> None:
    """Sev0 and Sev1 count while fired."""
    assert said(metric(severity, condition)) == ("metrics", seen, counts)


def test_a_resolved_alert_happened_when_it_was_resolved() -> None:
    """Not when it had fired."""
    body = metric("Sev1", "Resolved", resolvedDateTime="2026-03-01T12:30:00Z")
    assert one(body).occurred_at == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("service", ["SmartDetector", "CostAlerts", "Prometheus", "Brand New Service"])
def test_alerts_of_other_kinds_are_of_no_use(service: str) -> None:
    """Anomalies, budgets and strangers are ignored, not invalid."""
    assert one(common(service, {})).kind == "ignored"


@pytest.mark.parametrize(
    "service", ["ResourceHealth", "Resource Health", "Activity Log - Resource Health", "RESOURCEHEALTH"]
)
def test_the_name_of_a_service_is_read_in_each_of_its_spellings(service: str) -> None:
    """Blanks, hyphens, case and a prefix do not matter; it is shown as sent."""
    body = resource_health("Unavailable", "PlatformInitiated", monitoringService=service)
    assert (one(body).evidence_class, one(body).type) == ("dependency", service)


@pytest.mark.parametrize("service", ["Azure Backup", "Site Recovery", "Nagios", "whatever comes"])
@pytest.mark.parametrize("signal", ["Log", "Metric"])
def test_an_alert_of_a_service_that_is_not_known_counts_for_nothing(service: str, signal: str) -> None:
    """Whatever it measures, and at any severity: nobody knows whether it speaks of the platform."""
    found = one(metric("Sev0", monitoringService=service, signalType=signal))
    assert (found.kind, found.counts, found.type) == ("ignored", False, service)


def test_an_alert_that_names_no_service_is_known_by_its_signal() -> None:
    """Essentials may be bare."""
    assert one(metric(monitoringService=None, signalType="Log")).evidence_class == "metrics"


def as_text(value: object) -> str:
    return json.dumps(value)


def as_base64(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("encode", [as_text, as_base64, lambda value: as_text(as_text(value))])
def test_an_object_that_was_encoded_once_more_counts_as_the_object(encode: Callable[[object], str]) -> None:
    """Senders and gateways encode twice."""
    plain = resource_health("Unavailable", "PlatformInitiated")
    outer = {**plain, "data": encode(plain["data"])}
    context = plain["data"]["alertContext"]
    inner = {
        **plain,
        "data": {**plain["data"], "alertContext": {**context, "properties": encode(context["properties"])}},
    }
    assert one(outer) == one(inner) == one(plain)


def test_what_is_no_json_in_a_text_is_no_object() -> None:
    """It is read as if nothing was there, and nothing raises."""
    plain = resource_health("Unavailable", "PlatformInitiated")
    for nonsense in ("{", "e30x", "null", '"\\ud800"', "[" * 5000, ""):
        context = plain["data"]["alertContext"] | {"properties": nonsense}
        found = one({**plain, "data": {**plain["data"], "alertContext": context}})
        assert (found.kind, found.counts) == ("signal", False)


def test_a_metric_alert_without_the_common_schema_says_the_same() -> None:
    """The older shape, fired and resolved."""
    context = {
        "timestamp": "2026-03-01T12:00:00Z",
        "id": "/subscriptions/s/resourceGroups/g/providers/microsoft.insights/metricAlerts/m",
        "name": "m",
        "severity": "1",
        "resourceId": STORAGE,
    }
    fired, resolved = (
        one({"schemaId": "AzureMonitorMetricAlert", "data": {"status": status, "context": context}})
        for status in ("Activated", "Deactivated")
    )
    assert (fired.evidence_class, fired.observation, fired.counts, fired.target) == (
        "metrics",
        "bad",
        True,
        STORAGE.lower(),
    )
    assert (resolved.observation, resolved.counts) == ("ok", False)
    assert fired.dedupe_key != resolved.dedupe_key


def test_a_log_alert_without_the_common_schema_is_read_as_far_as_it_says() -> None:
    """It names a workspace at most, and its time in the American way."""
    data = {"AlertRuleName": "errors", "Severity": "1", "SearchIntervalEndtimeUtc": "3/1/2026 1:36:31 PM"}
    found = one({"schemaId": "Microsoft.Insights/LogAlert", "data": data})
    assert (found.evidence_class, found.observation, found.target) == ("metrics", "bad", None)
    assert found.occurred_at == datetime(2026, 3, 1, 13, 36, 31, tzinfo=UTC)


def test_a_scope_beside_a_resource_is_not_what_an_alert_is_about() -> None:
    """The most specific of several is."""
    scope = STORAGE.partition("/resourceGroups")[0] if "/resourceGroups" in STORAGE else STORAGE[:51]
    for targets in ([scope, STORAGE], [STORAGE, scope], [STORAGE.rpartition("/providers")[0], STORAGE]):
        assert one(metric(alertTargetIDs=targets)).target == STORAGE.lower()


def test_more_elements_than_anybody_sends_at_once_are_one_invalid_line() -> None:
    """And nothing else is read."""
    assert [line.kind for line in parse([{}] * 5001)] == ["invalid"]
    assert len(parse([{}] * 5000)) == 5000
    assert [line.kind for line in parse_text(b"[" + b",".join([b"{}"] * 5001) + b"]")] == ["invalid"]


def test_one_element_that_is_nested_too_deeply_costs_only_itself() -> None:
    """A thousand levels or twenty thousand."""
    for depth in (1_000, 20_000):
        deep = b"[" * depth + b"]" * depth
        kinds = [
            line.kind for line in parse_text(b'[{"a": ' + deep + b'}, {"specversion": "1.0", "type": "x", "id": "1"}]')
        ]
        assert kinds == ["invalid", "ignored"]


def test_a_legacy_webhook_says_the_same_as_the_common_schema() -> None:
    """Same fact, same key, other envelope."""
    modern = resource_health("Unavailable", "PlatformInitiated")
    record = modern["data"]["alertContext"] | {"resourceId": STORAGE}
    old, new = one(legacy(**record)), one(modern)
    assert (old.evidence_class, old.observation, old.counts, old.target) == ("dependency", "bad", True, new.target)
    assert old.dedupe_key == new.dedupe_key


def test_a_legacy_webhook_without_a_source_is_a_change() -> None:
    """The smallest records tell only who was touched."""
    parsed = one(legacy(resourceId=VAULT, caller="someone"))
    assert (parsed.kind, parsed.target, parsed.type) == ("change", VAULT.lower(), None)


@pytest.mark.parametrize(
    ("operation", "status", "deletion"),
    [
        ("Microsoft.Storage/storageAccounts/delete", "Succeeded", True),
        ("Microsoft.Storage/storageAccounts/delete", "Started", False),
        ("Microsoft.Storage/storageAccounts/delete", "Failed", False),
        ("Microsoft.Storage/storageAccounts/blobServices/containers/delete", "Succeeded", False),
        ("Microsoft.Storage/storageAccounts/write", "Succeeded", False),
    ],
)
def test_only_a_finished_deletion_of_the_thing_itself_is_one(operation: str, status: str, deletion: bool) -> None:
    """Not an attempt, and not something inside it."""
    context = {"eventSource": "Administrative", "operationName": operation, "status": status, "eventTimestamp": AT}
    (fact,) = facts_from(common("Activity Log - Administrative", context))
    assert (fact.parsed.kind, fact.details.is_deletion) == ("change", deletion)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Microsoft.MachineLearningServices.RunStatusChanged", "job"),
        ("Microsoft.MachineLearningServices.RunCompleted", "job"),
        ("Microsoft.MachineLearningServices.ModelRegistered", "asset"),
        ("microsoft.machinelearningservices.MODELDEPLOYED", "asset"),
        ("Microsoft.AppConfiguration.KeyValueModified", "config"),
        ("Microsoft.AppConfiguration.KeyValueDeleted", "config"),
        ("Microsoft.Resources.ResourceDeleteSuccess", "change"),
        ("Microsoft.Resources.ResourceActionFailure", "change"),
        ("Microsoft.ResourceNotifications.Resources.Deleted", "change"),
        ("Microsoft.Storage.BlobCreated", "ignored"),
        ("Microsoft.KeyVault.SecretExpired", "ignored"),
        ("Contoso.Items.Received", "ignored"),
        ("Microsoft.EventGrid.SubscriptionValidationEvent", "handshake"),
    ],
)
@pytest.mark.parametrize("envelope", [grid, cloud])
def test_an_event_is_what_its_type_says_in_either_schema(kind: str, expected: str, envelope: Any) -> None:
    """Types compare without case; unknown ones are understood and of no use."""
    assert one(envelope(kind, {}, subject=STORAGE)).kind == expected


def test_the_same_event_has_the_same_key_in_both_schemas_and_in_any_casing() -> None:
    """Two subscriptions, one fact."""
    kind = "Microsoft.MachineLearningServices.RunCompleted"
    keys = {one(grid(kind, {})).dedupe_key, one(cloud(kind.upper(), {}, source=HUB.lower())).dedupe_key}
    assert len(keys) == 1


def test_events_that_share_an_id_have_different_keys() -> None:
    """Ids are not unique over types."""
    kinds = [f"Microsoft.Resources.Resource{what}Success" for what in ("Write", "Delete", "Action")]
    assert len({one(grid(kind, {}, subject=STORAGE)).dedupe_key for kind in kinds}) == 3


def test_fired_and_resolved_of_one_alert_have_different_keys() -> None:
    """They are two facts."""
    assert one(metric("Sev1")).dedupe_key != one(metric("Sev1", "Resolved")).dedupe_key


def test_a_message_of_service_health_has_one_key_in_all_subscriptions() -> None:
    """Each subscription gets its own alert; an update is another message."""
    first, second = service_health(), service_health()
    second["data"]["essentials"]["alertId"] = "another"
    second["data"]["essentials"]["alertTargetIDs"] = ["/subscriptions/another"]
    update = service_health(communicationId="11000000000002")
    assert one(first).dedupe_key == one(second).dedupe_key != one(update).dedupe_key


@pytest.mark.parametrize("envelope", [grid, cloud])
def test_a_health_event_names_its_resource_in_its_properties_only(envelope: Any) -> None:
    """Not in the subject, which may name another machine."""
    parsed = one(envelope(f"{HEALTH}AvailabilityStatusChanged", health_event("Unavailable"), subject=VAULT))
    assert (parsed.target, parsed.observation, parsed.occurred_at) == (STORAGE.lower(), "bad", MOMENT)


@pytest.mark.parametrize(
    ("context", "category", "cause"),
    [
        ("Customer Initiated", "Not Applicable", "user"),
        ("VM Initiated", "Unplanned", "guest"),
        ("Platform Initiated", "Planned", "planned"),
        ("Platform Initiated", "Unplanned", "platform"),
        (None, None, "none"),
        ("Martian Initiated", "Odd", "none"),
    ],
)
def test_an_annotation_tells_the_cause_and_never_counts(context: str | None, category: str | None, cause: str) -> None:
    """It says why, not how the resource is."""
    data = health_event(None)
    data["resourceInfo"]["properties"] |= {"context": context, "category": category, "annotationName": "N"}
    parsed = one(cloud(f"{HEALTH}ResourceAnnotated", data))
    assert (parsed.cause, parsed.counts, parsed.observation) == (cause, False, "blind")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00.1234567+00:00", MOMENT),
        ("2026-03-01T14:00:00+02:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday at noon", None),
        (1772366400, None),
        (None, None),
    ],
)
def test_times_are_read_in_each_of_their_spellings(written: Any, read: datetime | None) -> None:
    """Seven digits, offsets, no zone; what is no time is none."""
    assert one(grid("A.B", {}, eventTime=written)).occurred_at == read


def test_data_keys_are_read_without_case_and_blanks() -> None:
    """The wire and the documentation spell them differently."""
    (fact,) = facts_from(
        grid("Microsoft.MachineLearningServices.RunStatusChanged", {"RunId ": "r-1", "RUNSTATUS": "Failed"})
    )
    assert (fact.details.run, fact.details.run_status) == ("r-1", "Failed")


def test_the_run_of_a_job_event_may_stand_in_its_subject_only() -> None:
    """``experiments/…/runs/…``."""
    (fact,) = facts_from(grid("Microsoft.MachineLearningServices.RunCompleted", {}, subject="experiments/e/runs/r-2"))
    assert (fact.details.run, fact.parsed.target) == ("r-2", HUB.lower())


def test_a_change_names_its_region_if_the_body_does() -> None:
    """A host name is no region, a location is."""
    data = {"resourceInfo": {"id": STORAGE, "location": "East US 2"}}
    body = cloud("Microsoft.ResourceNotifications.Resources.CreatedOrUpdated", data, subject=STORAGE)
    assert one(body).regions == ("eastus2",)


def test_a_handshake_carries_its_code() -> None:
    """What has to be sent back."""
    (fact,) = facts_from(grid("Microsoft.EventGrid.SubscriptionValidationEvent", {"validationCode": "c-1"}))
    assert fact.details.validation_code == "c-1"


@pytest.mark.parametrize(
    "element",
    [None, 3, "text", [], [[]], {}, {"data": {}}, {"alertContext": {}}, {"schemaId": 7}, {"validationResponse": "x"}],
)
def test_what_cannot_be_understood_is_invalid_and_stops_nothing(element: Any) -> None:
    """The good element behind it is read."""
    kinds = [parsed.kind for parsed in parse([element, metric()])]
    assert kinds == ["invalid", "signal"]


def test_an_empty_array_has_no_elements() -> None:
    """Nothing was delivered."""
    assert parse_text("[]") == []


@pytest.mark.parametrize("text", ["", "{", "{} {}", "[1,", "NaN", b"\xff\xfe", "[" * 100_000, b"\x00" * 10])
def test_what_is_no_json_is_one_invalid_element(text: str | bytes) -> None:
    """Also several values, endless nesting and broken bytes."""
    assert [parsed.kind for parsed in parse_text(text)] == ["invalid"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_body_is_read_in_any_encoding_of_json(encoding: str) -> None:
    """With and without a byte order mark."""
    assert parse_text(json.dumps(metric()).encode(encoding)) == parse(metric())


def test_half_a_character_does_not_break_the_output() -> None:
    """A lone surrogate is legal in JSON and cannot be printed."""
    (parsed,) = parse_text('{"eventType": "a\\ud800b", "id": "\\udfff"}')
    assert b"a?b" in msgspec.json.encode(parsed)


def test_half_a_character_in_a_decoded_body_does_not_break_the_output_either() -> None:
    """The Functions host hands over events that were decoded already."""
    (parsed,) = parse({"eventType": "a\ud800b", "id": "\udfff"})
    assert b"a?b" in msgspec.json.encode(parsed)


@pytest.mark.parametrize("good", ['{"a":[[1,[2]],{"b":{}}]}', "{}", "[[]]"])
@pytest.mark.parametrize("end", ["]", "}", "]]", "", "] 1", ",]"])
def test_brackets_in_a_row_are_counted_one_by_one(good: str, end: str) -> None:
    """Only an array that closes exactly at its end has elements; several brackets in a row close several things."""
    deep = '{"data":' + "[" * 100_000 + "]" * 100_000 + "}"
    found = parse_text(f"[{good},{deep},{good}{end}")
    assert len(found) == (3 if end == "]" else 1)
