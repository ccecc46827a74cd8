"""What was deleted: which call brings it back until when, in which order, and what cannot be had back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Hub, LedgerAccount, Plan, Pointer
from orchestrator.core.standby.recovery import (
    TABLE,
    KeptByAzure,
    Missing,
    RecoveredBy,
    RecoveryProposal,
    propose,
    read_soft_deleted,
    resources_to_look_for,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SUB = "0b0e4c0e-1111-4222-8333-444455556666"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg-a"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-a"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/sta"
LOGS = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log-a"
MODELS = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/ai-a"
STORE = f"{GROUP}/providers/Microsoft.AppConfiguration/configurationStores/appcs-a"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/cra"
INSIGHTS = f"{GROUP}/providers/Microsoft.Insights/components/appi-a"
HUB = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/hub-a"
PROJECT = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/proj-a"
YESTERDAY = "2026-05-03T12:00:00.1234567Z"


def hub(letter: str, **changes: Any) -> Hub:
    usual = {"region": "westus", "subscription": SUB, "resource_group": f"rg-{letter}"}
    return Hub(**{**usual, "hub": f"hub-{letter}", "project": f"proj-{letter}", **changes})


PLAN = Plan(
    schema=1,
    pair="p",
    primary=hub("a"),
    secondary=hub("b", region="eastus"),
    pointer=Pointer(endpoint="https://p.azconfig.io"),
    ledger=LedgerAccount(account="https://p.blob.core.windows.net"),
)

LISTS: dict[str, Any] = {
    "vaults": [
        {
            "id": f"/subscriptions/{SUB}/providers/Microsoft.KeyVault/locations/westus/deletedVaults/kv-a",
            "name": "kv-a",
            "properties": {
                "vaultId": VAULT,
                "location": "westus",
                "deletionDate": YESTERDAY,
                "scheduledPurgeDate": "2026-06-01T00:00:00Z",
            },
        }
    ],
    "storageAccounts": [
        {
            "id": f"/subscriptions/{SUB}/providers/Microsoft.Storage/locations/westus/deletedAccounts/sta",
            "properties": {
                "storageAccountResourceId": ACCOUNT,
                "location": "westus",
                "creationTime": "2025-01-01T00:00:00.7654321Z",
                "deletionTime": YESTERDAY,
            },
        }
    ],
    "cognitiveAccounts": [
        {
            "id": f"/subscriptions/{SUB}/providers/Microsoft.CognitiveServices/locations/westus/resourceGroups/rg-a"
            "/deletedAccounts/ai-a",
            "location": "westus",
            "properties": {"deletionDate": YESTERDAY},
        }
    ],
    "configurationStores": [
        {
            "id": "x",
            "properties": {
                "configurationStoreId": STORE,
                "location": "westus",
                "scheduledPurgeDate": "2026-05-10T00:00:00Z",
            },
        }
    ],
    "logWorkspaces": [{"id": LOGS, "location": "westus", "properties": {}}],
}
KEPT = read_soft_deleted(LISTS)
TENANTS = {SUB: "a-tenant"}


def proposal(*missing: Missing, plan: Plan = PLAN, now: datetime = NOW, **changes: Any) -> RecoveryProposal:
    known = KeptByAzure(changes.get("kept", KEPT), changes.get("tenants", TENANTS), changes.get("unlisted", {}))
    return propose(plan, Role.PRIMARY, missing, known, now)


def gone(resource: str, **changes: Any) -> Missing:
    return Missing(**{"role": Role.PRIMARY, "resource": resource.lower(), **changes})


@pytest.mark.parametrize(
    ("resource", "body", "deadline"),
    [
        (
            VAULT,
            {
                "location": "westus",
                "properties": {
                    "tenantId": "a-tenant",
                    "sku": {"family": "A", "name": "standard"},
                    "createMode": "recover",
                },
            },
            datetime(2026, 6, 1, tzinfo=UTC),
        ),
        (
            ACCOUNT,
            {"location": "westus", "properties": {"deletedAccountCreationTime": "2025-01-01T00:00:00.7654321Z"}},
            datetime(2026, 5, 17, 12, 0, 0, 123456, tzinfo=UTC),
        ),
        (LOGS, {"location": "westus", "properties": {}}, None),
        (
            MODELS,
            {"location": "westus", "properties": {"restore": True}},
            datetime(2026, 5, 5, 12, 0, 0, 123456, tzinfo=UTC),
        ),
        (
            STORE,
            {"location": "westus", "sku": {"name": "standard"}, "properties": {"createMode": "Recover"}},
            datetime(2026, 5, 10, tzinfo=UTC),
        ),
    ],
)
def test_what_azure_keeps_is_recovered_by_one_call_until_its_deadline(
    resource: str, body: dict[str, Any], deadline: datetime | None
) -> None:
    """The exact call, with the id as Azure spells it, and the permission that it needs."""
    found = proposal(gone(resource))
    (item,) = found.items
    assert (item.how, item.method, item.resource, item.body) == (RecoveredBy.CALL, "PUT", resource, body)
    assert item.deadline == deadline
    assert item.needs.endswith("/write")
    assert item.api_version
    assert found.calls == found.items
    assert found.failover == ""
    assert "can be recovered" in found.why


def test_only_what_no_reference_shows_is_a_guess() -> None:
    """The recovery of a storage account is documented for the portal alone."""
    assert {row.called for row in TABLE if row.is_guess and row.how is RecoveredBy.CALL} == {"storage account"}
    assert all(row.source for row in TABLE)


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        (HUB, "hub or project"),
        (PROJECT, "hub or project"),
        (REGISTRY, "container registry"),
        (INSIGHTS, "Application Insights"),
        (f"{PROJECT}/computes/cpu", "compute"),
        (f"{PROJECT}/onlineEndpoints/score", "endpoint"),
    ],
)
def test_what_cannot_be_recovered_is_said_to_be_so_and_the_failover_is_offered(resource: str, kind: str) -> None:
    """No call, no deadline, and the command that leaves the side."""
    found = proposal(gone(resource))
    (item,) = found.items
    assert (item.how, item.kind, item.method, item.deadline) == (RecoveredBy.NEVER, kind, "", None)
    assert found.calls == ()
    assert "hubswitch failover p --force" in found.failover
    assert "cannot be recovered" in found.why


def test_in_the_standby_no_failover_is_offered() -> None:
    """Work runs elsewhere."""
    assert proposal(gone(HUB.replace("-a", "-b"), role=Role.SECONDARY)).failover == ""


def test_a_failover_to_a_broken_standby_is_offered_with_what_it_lacks() -> None:
    """Whoever forces it should know."""
    broken = Missing(role=Role.SECONDARY, resource=REGISTRY.lower().replace("rg-a", "rg-b"))
    assert "the secondary lacks cra itself" in proposal(gone(HUB), broken).failover


def test_a_workspace_of_its_own_is_recovered_by_a_person_for_two_weeks() -> None:
    """It has no hub above it: the plan names one workspace as both."""
    plan = msgspec.structs.replace(PLAN, primary=hub("a", project="hub-a"))
    (item,) = proposal(gone(HUB, deleted_at=NOW - timedelta(days=1)), plan=plan).items
    assert (item.how, item.deadline) == (RecoveredBy.PERSON, NOW + timedelta(days=13))
    (late,) = proposal(gone(HUB, deleted_at=NOW - timedelta(days=14)), plan=plan).items
    assert late.how is RecoveredBy.NEVER


def test_vault_and_storage_come_before_the_workspace_and_keys_before_what_they_encrypt() -> None:
    """Whatever the order in which things are found missing."""
    everything = [PROJECT, HUB, INSIGHTS, REGISTRY, STORE, MODELS, LOGS, ACCOUNT, VAULT]
    found = [item.resource.casefold() for item in proposal(*map(gone, everything)).items]
    assert found == [
        each.casefold() for each in (VAULT, ACCOUNT, LOGS, MODELS, STORE, REGISTRY, INSIGHTS, HUB, PROJECT)
    ]


@pytest.mark.parametrize("resource", [VAULT, ACCOUNT, MODELS, STORE])
def test_after_its_deadline_nothing_is_tried(resource: str) -> None:
    """With the time until which it could be."""
    (item,) = proposal(gone(resource), now=datetime(2027, 1, 1, tzinfo=UTC)).items
    assert (item.how, item.method, "too late" in item.why) == (RecoveredBy.NEVER, "", True)


@pytest.mark.parametrize("resource", [VAULT, ACCOUNT, LOGS, MODELS, STORE])
def test_what_azure_does_not_keep_cannot_be_recovered(resource: str) -> None:
    """A call would make an empty one under its name."""
    (item,) = proposal(gone(resource), kept={}).items
    assert (item.how, item.method, item.body) == (RecoveredBy.NEVER, "", None)
    assert "purged" in item.why


def test_what_is_not_known_to_be_kept_is_not_said_to_be_lost() -> None:
    """The list could not be read: a person has to look."""
    unlisted = {(SUB, "vaults"): "403"}
    (item,) = proposal(gone(VAULT), kept={}, unlisted=unlisted).items
    assert (item.how, "403" in item.why) == (RecoveredBy.PERSON, True)
    (other,) = proposal(gone(ACCOUNT), kept={}, unlisted=unlisted).items
    assert other.how is RecoveredBy.NEVER


def test_what_lay_in_a_deleted_group_waits_for_the_group() -> None:
    """A group is not recovered, and the call needs one."""
    (item,) = proposal(gone(VAULT, group_is_gone=True)).items
    assert (item.how, "rg-a" in item.why, item.method) == (RecoveredBy.PERSON, True, "")


def test_a_vault_whose_tenant_is_not_known_needs_a_person() -> None:
    """The call names it; nothing is made up."""
    (item,) = proposal(gone(VAULT), tenants={}).items
    assert item.how is RecoveredBy.PERSON


def test_a_kind_that_nobody_looked_up_is_a_persons_business() -> None:
    """And says that it is a guess."""
    (item,) = proposal(gone(f"{GROUP}/providers/Microsoft.Search/searchServices/s")).items
    assert (item.how, item.is_guess) == (RecoveredBy.PERSON, True)


def test_a_proposal_is_the_same_for_the_same_deletions_and_another_for_others() -> None:
    """Time alone does not make a new one: what a person has looked at is what is done."""
    first = proposal(gone(VAULT))
    assert first.id == proposal(gone(VAULT), now=NOW + timedelta(hours=1)).id
    assert first.id != proposal(gone(VAULT), gone(ACCOUNT)).id
    again = read_soft_deleted(LISTS | {"vaults": [_deleted_at("2026-05-04T00:00:00Z")]})
    assert first.id != proposal(gone(VAULT), kept=again).id
    nothing = proposal()
    assert (nothing.id, nothing.items, nothing.failover) == ("", (), "")


def _deleted_at(when: str) -> dict[str, Any]:
    entry = LISTS["vaults"][0]
    return entry | {"properties": entry["properties"] | {"deletionDate": when}}


@pytest.mark.parametrize(
    "entry",
    [None, [], "x", {}, {"id": 7}, {"id": "a", "properties": []}, {"properties": {"vaultId": VAULT}}, {"id": LOGS}],
)
def test_an_entry_of_another_shape_is_left_out(entry: Any) -> None:
    """Whatever Azure answers, nothing is raised."""
    assert read_soft_deleted({"vaults": [entry], "others": entry}) == {}


def test_dates_of_another_shape_are_not_known() -> None:
    """The entry itself counts all the same."""
    (kept,) = read_soft_deleted({"v": [_deleted_at("soon")]}).values()
    assert (kept.deleted_at, kept.resource) == (None, VAULT)


def test_what_the_hub_names_is_looked_for_besides_what_the_plan_names() -> None:
    """Account, vault, registry and Application Insights of the hub, the workspace of its logs, and models' accounts."""
    known = {
        "hub": {"properties": {"storageAccount": ACCOUNT, "keyVault": VAULT, "applicationInsights": INSIGHTS}},
        "app_insights": {"properties": {"WorkspaceResourceId": LOGS}},
        "connections": [{"properties": {"metadata": {"ResourceId": MODELS}}}, {"properties": None}, 7],
    }
    found = resources_to_look_for(PLAN, Role.PRIMARY, known)
    assert set(found) == {each.casefold() for each in (HUB, PROJECT, ACCOUNT, VAULT, INSIGHTS, LOGS, MODELS)}
    assert set(resources_to_look_for(PLAN, Role.PRIMARY, {})) == {HUB.casefold(), PROJECT.casefold()}
