"""What people changed: by whom, what, and whether the resource itself was changed or deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bodies import AT, GROUP, STORAGE, SUB, cloud, common, grid, legacy

from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.parse import facts_from

SCOPE = f"/subscriptions/{SUB}"
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"


def fact(body: Any) -> Fact:
    (found,) = facts_from(body)
    return found


def record(operation: str, target: str = STORAGE, **more: Any) -> dict[str, Any]:
    usual = {
        "authorization": {"action": operation, "scope": target},
        "caller": "kim@example.org",
        "eventSource": "Administrative",
        "eventTimestamp": AT,
        "eventDataId": "d-1",
        "operationName": operation,
        "status": "Succeeded",
    }
    return usual | more


def deliveries(operation: str, target: str, verb: str) -> list[dict[str, Any]]:
    data = {"operationName": operation, "resourceUri": target, "claims": {UPN: "kim@example.org"}}
    kind = f"Microsoft.Resources.Resource{verb}Success"
    return [
        grid(kind, data, subject=target, topic=SCOPE),
        cloud(kind, json.dumps(data), subject=target, source=SCOPE),
        common("Activity Log - Administrative", record(operation, target), alertTargetIDs=[target]),
        common("Activity Log - Administrative", record(operation, target), alertTargetIDs=[SCOPE]),
        legacy(**record(operation, target), resourceId=target),
    ]


@pytest.mark.parametrize(
    ("operation", "target"),
    [
        ("Microsoft.Resources/subscriptions/resourceGroups/delete", GROUP),
        ("Microsoft.Resources/subscriptions/resourcegroups/delete", GROUP.lower()),
        ("Microsoft.Resources/subscriptions/delete", SCOPE),
        ("Microsoft.Storage/storageAccounts/delete", STORAGE),
    ],
)
def test_a_deletion_names_what_was_deleted(operation: str, target: str) -> None:
    """Also a resource group and a subscription."""
    for body in deliveries(operation, target, "Delete"):
        found = fact(body)
        assert (found.parsed.kind, found.parsed.target) == ("change", target.lower())
        assert (found.details.is_deletion, found.details.targets) == (True, (target.lower(),))
        assert f"kim@example.org did {operation}" in found.parsed.why


def test_a_cancelled_subscription_is_deleted() -> None:
    for body in deliveries("Microsoft.Subscription/cancel/action", SCOPE, "Action"):
        assert fact(body).details.is_deletion


@pytest.mark.parametrize("status", ["Started", "Accepted", "Failed", None, 3])
def test_a_deletion_that_has_not_succeeded_is_none(status: Any) -> None:
    said = record("Microsoft.Resources/subscriptions/resourceGroups/delete", GROUP, status=status)
    assert not fact(common("Administrative", said, alertTargetIDs=[GROUP])).details.is_deletion


def test_the_deletion_of_a_part_is_not_that_of_the_whole() -> None:
    said = record("Microsoft.Storage/storageAccounts/delete", GROUP)
    assert not fact(common("Administrative", said, alertTargetIDs=[GROUP])).details.is_deletion


@pytest.mark.parametrize(
    ("word", "is_action"),
    [
        ("regenerateKey", True),
        ("failover", True),
        ("rotateKey", True),
        ("listKeys", False),
        ("ListAccountSas", False),
        ("checkNameAvailability", False),
        ("validate", False),
        ("read", False),
        ("getAccessToken", False),
        ("queryMetrics", False),
    ],
)
def test_an_action_counts_unless_it_only_reads(word: str, is_action: bool) -> None:
    for body in deliveries(f"Microsoft.Storage/storageAccounts/{word}/action", STORAGE, "Action"):
        found = fact(body)
        assert (found.details.is_action, found.details.is_write, found.details.is_deletion) == (is_action, False, False)


def test_an_action_that_failed_is_none() -> None:
    operation = "Microsoft.Storage/storageAccounts/regenerateKey/action"
    said = record(operation, status="Failed")
    found = fact(common("Administrative", said))
    assert not found.details.is_action
    assert f"kim@example.org tried {operation}" in found.parsed.why
    assert not fact(grid("Microsoft.Resources.ResourceActionFailure", {}, subject=STORAGE)).details.is_action


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ({"caller": " kim@example.org "}, "kim@example.org"),
        ({"caller": None, "claims": {UPN: "kim@example.org", "appid": "a-1"}}, "kim@example.org"),
        ({"caller": None, "claims": json.dumps({"appid": "a-1"})}, "a-1"),
        ({"caller": 3, "claims": "no claims"}, "somebody"),
        ({"caller": {}, "claims": [1]}, "somebody"),
        ({"caller": "k" * 5000}, "kkkk"),
    ],
)
def test_the_reason_names_who_did_it(said: dict[str, Any], who: str) -> None:
    why = fact(common("Administrative", record("Microsoft.Storage/storageAccounts/write", **said))).parsed.why
    assert why.startswith(who)
    assert len(why) < 400
    assert fact(grid("Microsoft.Resources.ResourceWriteSuccess", said, subject=STORAGE)).parsed.why.startswith(who)
