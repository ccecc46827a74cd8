"""Objects that arrive as JSON in a text, or as base64 of it, and services that are not known."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from bodies import STORAGE, cloud, common, grid, health_event, metric, resource_health, service_health

from orchestrator.core.base.codec import encode
from orchestrator.core.signals.json_access import LONGEST_EMBEDDED, open_object, open_text
from orchestrator.core.signals.parse import facts_from, parse, parse_text


def as_json(value: Any) -> str:
    return json.dumps(value)


def as_base64(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def as_json_twice(value: Any) -> str:
    return json.dumps(json.dumps(value))


ENCODINGS = [as_json, as_base64, as_json_twice]


def facts_of(body: Any) -> list[bytes]:
    return [encode(fact.parsed) + encode(fact.details) for fact in facts_from(body)]


@pytest.mark.parametrize("encode_once", ENCODINGS)
def test_an_object_is_opened_however_it_is_encoded(encode_once: Any) -> None:
    assert open_object(encode_once({"a": [1, "\u00e9"]})) == {"a": [1, "\u00e9"]}
    assert open_text(encode_once([{"b": None}])) == [{"b": None}]


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        True,
        "",
        " ",
        "text",
        "3",
        "{",
        "e30=x",
        "ey",
        '"',
        "[" * 9000,
        "{" + " " * LONGEST_EMBEDDED + "}",
        b"{}",
    ],
)
def test_what_holds_no_object_is_empty(value: Any) -> None:
    assert open_object(value) == {}


def test_half_a_surrogate_pair_in_a_text_is_no_reason_to_refuse_it() -> None:
    assert open_object('{"a": "\\ud800"}') == {"a": "?"}


@pytest.mark.parametrize("encode_once", ENCODINGS)
@pytest.mark.parametrize("event", [grid, cloud])
def test_data_may_be_encoded(event: Any, encode_once: Any) -> None:
    kinds = {
        "Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged": health_event("Unavailable"),
        "Microsoft.MachineLearningServices.RunStatusChanged": {"runId": "r", "runStatus": "Failed"},
        "Microsoft.EventGrid.SubscriptionValidationEvent": {"validationCode": "c-1"},
        "Microsoft.Resources.ResourceDeleteSuccess": {"resourceUri": STORAGE},
    }
    for kind, data in kinds.items():
        assert facts_of(event(kind, encode_once(data))) == facts_of(event(kind, data))


def test_data_base64_is_data() -> None:
    data = {"validationCode": "c-1"}
    event = cloud("Microsoft.EventGrid.SubscriptionValidationEvent", None, data_base64=as_base64(data))
    (fact,) = facts_from(event)
    assert fact.details.validation_code == "c-1"


def rebuild(alert: dict[str, Any], context: Any) -> dict[str, Any]:
    return alert | {"data": alert["data"] | {"alertContext": context}}


@pytest.mark.parametrize("encode_once", ENCODINGS)
def test_each_object_of_an_alert_may_be_encoded(encode_once: Any) -> None:
    impacted = [{"ServiceName": "Storage", "ImpactedRegions": [{"RegionName": "West Europe"}]}]
    for plain in (resource_health("Unavailable", "PlatformInitiated"), service_health(impactedServices=impacted)):
        data = plain["data"]
        context = data["alertContext"]
        inner = context | {"properties": encode_once(context["properties"])}
        if "impactedServices" in context["properties"]:
            properties = context["properties"] | {"impactedServices": encode_once(impacted)}
            assert facts_of(
                plain | {"data": data | {"alertContext": context | {"properties": properties}}}
            ) == facts_of(plain)
        for encoded in (
            encode_once(data),
            data | {"alertContext": encode_once(context)},
            data | {"alertContext": inner},
        ):
            assert facts_of(plain | {"data": encoded}) == facts_of(plain)


@pytest.mark.parametrize(
    "service", ["Azure Backup", "azure backup", "Azure Site Recovery", "Nagios", "SCOM", "X", 7, {}]
)
@pytest.mark.parametrize("signal", ["Log", "Metric", "Unknown"])
@pytest.mark.parametrize("severity", ["Sev0", "Sev1"])
def test_an_alert_of_a_service_that_is_not_known_counts_for_nothing(service: Any, signal: str, severity: str) -> None:
    (fact,) = facts_from(common(service, {}, severity=severity, signalType=signal))
    assert (fact.parsed.counts, fact.parsed.kind, fact.details.is_severe) == (False, "ignored", False)


@pytest.mark.parametrize("service", ["Platform", "platform", "Log Alerts V2", "Log Analytics", "Application Insights"])
def test_a_service_that_measures_the_platform_counts(service: str) -> None:
    (parsed,) = parse(metric(monitoringService=service))
    assert (parsed.kind, parsed.counts) == ("signal", True)


@pytest.mark.parametrize("service", [None, "", "  "])
def test_a_service_that_is_not_named_leaves_it_to_the_kind_of_signal(service: Any) -> None:
    (parsed,) = parse(metric(monitoringService=service))
    assert (parsed.kind, parsed.counts) == ("signal", True)


def test_an_array_of_too_many_elements_is_one_invalid_line() -> None:
    assert len(parse_text(b"[" + b",".join([b"{}"] * 5000) + b"]")) == 5000
    for found in (parse_text(b"[" + b",".join([b"{}"] * 5001) + b"]"), parse([{}] * 5001)):
        assert [parsed.kind for parsed in found] == ["invalid"]
        assert "5001" in found[0].why


@pytest.mark.parametrize("rule", ["rule", "half \ud800 a pair", 'marks ]}{[,\\"'])
@pytest.mark.parametrize("depth", [1100, 8000, 100_000])
def test_an_element_that_is_nested_too_deeply_costs_no_other(depth: int, rule: str) -> None:
    good = json.dumps(metric(alertRule=rule)).encode()
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    found = parse_text(b"[" + good + b"," + deep + b"," + good + b"]")
    assert [parsed.kind for parsed in found] == ["signal", "invalid", "signal"]


@pytest.mark.parametrize("body", [b"", b"{", b"{} {}", b"[]x", b"[1,2", b"[1,,2]", b"[{bad}, 2]", b"[" * 9000])
def test_what_is_not_one_json_value_is_one_invalid_line(body: bytes) -> None:
    assert [parsed.kind for parsed in parse_text(body)] == ["invalid"]


def test_an_empty_array_gives_no_line() -> None:
    assert parse_text(b"[]") == []
