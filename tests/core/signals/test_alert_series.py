"""Whom an alert is about, which series it belongs to, and the shapes from before the common schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bodies import AT, GROUP, HUB, STORAGE, SUB, VAULT, metric, resource_health

from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.parse import facts_from

SCOPE = f"/subscriptions/{SUB}"


def fact(body: Any) -> Fact:
    (found,) = facts_from(body)
    return found


def old_metric(status: str = "Activated", **context: Any) -> dict[str, Any]:
    """A metric alert while the common schema is off."""
    usual = {
        "timestamp": AT,
        "id": f"{GROUP}/providers/microsoft.insights/metricAlerts/down",
        "name": "down",
        "conditionType": "MultipleResourceMultipleMetricCriteria",
        "severity": "1",
        "condition": {"allOf": [{"metricName": "Availability", "dimensions": [{"name": "Api", "value": "Get"}]}]},
        "resourceId": STORAGE,
    }
    data = {"version": "2.0", "status": status, "context": usual | context}
    return {"schemaId": "AzureMonitorMetricAlert", "data": data}


def old_log(**data: Any) -> dict[str, Any]:
    """A log alert of the first generation."""
    usual = {
        "AlertRuleName": "errors",
        "Severity": "0",
        "SearchIntervalStartTimeUtc": "2026-03-01T11:55:00Z",
        "SearchIntervalEndtimeUtc": AT,
        "SearchResult": {"dataSources": [{"resourceId": VAULT, "region": "westeurope"}]},
    }
    return {"schemaId": "Microsoft.Insights/LogAlert", "data": usual | data}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("scopes", [[SCOPE], [GROUP], [SCOPE, GROUP, None, 3, "x"]])
def test_the_target_is_never_a_scope_beside_a_resource(scopes: list[Any], order: int) -> None:
    for body in (resource_health("Unavailable", "PlatformInitiated"), metric()):
        body["data"]["essentials"]["alertTargetIDs"] = [*scopes, STORAGE][::order]
        found = fact(body)
        assert (found.parsed.target, found.details.targets) == (STORAGE.lower(), (STORAGE.lower(),))


def test_the_deepest_of_several_resources_is_the_target() -> None:
    child = f"{STORAGE}/blobServices/default"
    found = fact(metric(alertTargetIDs=[STORAGE, child]))
    assert found.details.targets == (child.lower(), STORAGE.lower())


def test_an_alert_on_a_scope_is_about_the_resource_that_its_context_names() -> None:
    body = resource_health("Unavailable", "PlatformInitiated", alertTargetIDs=[SCOPE])
    body["data"]["alertContext"]["resourceId"] = STORAGE
    assert fact(body).parsed.target == STORAGE.lower()
    assert fact(resource_health("Unavailable", "PlatformInitiated", alertTargetIDs=[SCOPE])).parsed.target == SCOPE


def test_an_old_metric_alert_is_read_like_the_common_one() -> None:
    found = fact(old_metric())
    assert found.parsed.target == STORAGE.lower()
    assert (found.parsed.evidence_class, found.parsed.observation, found.parsed.counts) == ("metrics", "bad", True)
    assert found.parsed.occurred_at is not None
    over = fact(old_metric("Deactivated"))
    assert (over.parsed.observation, over.parsed.counts) == ("ok", False)
    assert over.details.series == found.details.series
    assert over.parsed.dedupe_key != found.parsed.dedupe_key


@pytest.mark.parametrize(("severity", "counts"), [("0", True), (1, True), ("2", False), (None, False), ([], False)])
def test_an_old_metric_alert_counts_by_its_severity(severity: Any, counts: bool) -> None:
    assert fact(old_metric(severity=severity)).parsed.counts is counts


def test_an_old_metric_alert_says_its_resource_in_parts_or_as_a_dimension() -> None:
    parts = {
        "resourceId": None,
        "subscriptionId": SUB,
        "resourceGroupName": "rg-Alpha",
        "resourceType": "Microsoft.Storage/storageAccounts",
        "resourceName": "stAlpha",
    }
    assert fact(old_metric(**parts)).parsed.target == STORAGE.lower()
    split = {"allOf": [{"dimensions": [{"name": "microsoft.resourceId", "value": STORAGE}]}]}
    assert fact(old_metric(resourceId=SCOPE, condition=split)).parsed.target == STORAGE.lower()


def test_an_old_metric_alert_that_says_nothing_more_is_no_reason_to_stop() -> None:
    for data in (None, [], "x", {}, {"context": None}, {"context": {"condition": [], "name": 3}}):
        assert not fact({"schemaId": "AzureMonitorMetricAlert", "data": data}).parsed.counts
        assert not fact({"schemaId": "Microsoft.Insights/LogAlert", "data": data}).parsed.counts


def test_an_old_alert_may_be_json_in_a_text() -> None:
    body = old_metric()
    assert fact(body | {"data": json.dumps(body["data"])}) == fact(body)


def test_an_old_log_alert_is_read_like_the_common_one() -> None:
    found = fact(old_log())
    assert found.parsed.target == VAULT.lower()
    assert (found.parsed.evidence_class, found.parsed.observation, found.parsed.counts) == ("metrics", "bad", True)
    assert fact(old_log(AffectedConfigurationItems=[HUB])).parsed.target == HUB.lower()
    assert not fact(old_log(Severity="Informational")).parsed.counts


def test_the_series_is_the_origin_or_the_alert_or_rule_and_dimensions() -> None:
    assert fact(metric(originAlertId="SUB_Rule_-1")).details.series == "sub_rule_-1"
    assert fact(metric(originAlertId=None, alertId="/Subscriptions/A")).details.series == "/subscriptions/a"
    unnamed = metric(originAlertId=None, alertId=None)
    dimensions = [{"name": "Api", "value": "Get"}]
    unnamed["data"]["alertContext"]["condition"]["allOf"] = [{"dimensions": dimensions}]
    other = json.loads(json.dumps(unnamed).replace("Get", "Put"))
    assert fact(unnamed).details.series == "rule-1|api=get"
    assert fact(unnamed).details.series != fact(other).details.series
    assert fact(unnamed).parsed.dedupe_key != fact(other).parsed.dedupe_key


def test_alerts_without_id_and_time_are_told_apart_by_what_they_say() -> None:
    first, second = (
        old_log(SearchIntervalEndtimeUtc=None, SearchIntervalStartTimeUtc=None, ResultCount=n) for n in (1, 2)
    )
    assert fact(first).parsed.dedupe_key != fact(second).parsed.dedupe_key


def test_a_key_tells_series_states_and_resources_apart_but_no_casing() -> None:
    fired = fact(metric(originAlertId="o-1")).parsed.dedupe_key
    shouted = metric(originAlertId="O-1", alertTargetIDs=[STORAGE.upper().replace("/SUBSCRIPTIONS", "/Subscriptions")])
    assert fact(shouted).parsed.dedupe_key == fired
    others = (
        metric(originAlertId="o-2"),
        metric(originAlertId="o-1", alertTargetIDs=[VAULT]),
        metric(condition="Resolved", originAlertId="o-1"),
        metric(condition="Resolved", originAlertId="o-1", resolvedDateTime="2026-03-01T12:03:00Z"),
    )
    assert fired not in [fact(other).parsed.dedupe_key for other in others]
